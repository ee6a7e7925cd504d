"""Somebody who is not root, and what he may do."""
import os

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
    """As as_user(), each command in a new cgroup of USER's own with the controllers, as systemd's Delegate=yes gives it."""
    write(os.path.join(CGROUPS, "cgroup.subtree_control"), "+memory +cpu +pids")
    enter = (f'mine=$(mktemp -d {CGROUPS}/delegated-XXXXXX) && '
             f'for f in "" /cgroup.procs /cgroup.subtree_control /cgroup.threads; do chown {USER}: "$mine$f"; done && '
             'echo $$ > "$mine/cgroup.procs" && exec "$0" "$@"')
    return ["sh", "-c", enter, *as_user()]
