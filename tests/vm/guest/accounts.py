"""Somebody who is not root, and what he may do."""
import os
import shutil

USER = "somebody"
CGROUPS = "/sys/fs/cgroup"


def write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def allow_user_namespaces():
    write("/proc/sys/kernel/unprivileged_userns_clone", "1")


def forbid_user_namespaces():
    write("/proc/sys/kernel/unprivileged_userns_clone", "0")


def as_user():
    """How a program is started as USER: what comes before its own words."""
    return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups"]


def delegated_cgroup():
    """As as_user(), in a cgroup of USER's own, as a systemd with Delegate=yes gives it."""
    delegated = os.path.join(CGROUPS, "delegated")
    os.makedirs(delegated + "/session", exist_ok=True)
    write(os.path.join(CGROUPS, "cgroup.subtree_control"), "+memory +cpu +pids")
    for folder in (delegated, delegated + "/session"):
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
            shutil.chown(folder + name, USER, USER)
    return ["sh", "-c", f'echo $$ > {delegated}/session/cgroup.procs && exec "$0" "$@"', *as_user()]
