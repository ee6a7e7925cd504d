"""The attacks of tests/security and the launcher's own tests, as far as the tier they run in."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

DEADLINE_S = 900
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
# Mutants (LeavingOut) are killed where they are made: on the machine that runs `./test`.
PROMISES = ("promises_test", ["--gtest_filter=-*LeavingOut*"])
PROGRAMS = {"namespace": [PROMISES, ("attacks_test", []), ("neighbours_test", []), ("launcher_e2e_test", [])],
            "user": [PROMISES], "landlock": [PROMISES]}
USER = "somebody"


def write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def as_root():
    """What the namespace tier needs: (how a program is started, what it finds in its environment)."""
    return [], {"HOME": "/root"}


def as_user_with_cgroups():
    """Somebody who may make user namespaces and has a cgroup of his own, as a systemd with Delegate=yes gives it."""
    write("/proc/sys/kernel/unprivileged_userns_clone", "1")
    delegated = "/sys/fs/cgroup/delegated"
    os.makedirs(delegated + "/session", exist_ok=True)
    write("/sys/fs/cgroup/cgroup.subtree_control", "+memory +cpu +pids")
    for folder in (delegated, delegated + "/session"):
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
            shutil.chown(folder + name, USER, USER)
    enter = f"echo $$ > {delegated}/session/cgroup.procs && exec setpriv --reuid {USER} --regid {USER} --init-groups \"$@\""
    return ["sh", "-c", enter, "sh"], {"HOME": f"/home/{USER}"}


def as_user_without_namespaces():
    """Somebody who may make no namespace."""
    write("/proc/sys/kernel/unprivileged_userns_clone", "0")
    return ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups"], {"HOME": f"/home/{USER}"}


TIERS = {"namespace": as_root, "user": as_user_with_cgroups, "landlock": as_user_without_namespaces}


def run_gtest(world, tier, program, argv, env):
    """Runs one GoogleTest program and reports each of its tests."""
    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o777)
        report = os.path.join(work, "report.xml")
        with open(os.path.join(work, "output"), "w+", encoding="utf-8", errors="replace") as output:
            try:
                status = subprocess.run([*argv, f"--gtest_output=xml:{report}"], env=env, stdin=subprocess.DEVNULL, stdout=output,
                                        stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False).returncode
            except subprocess.TimeoutExpired:
                status = None
            output.seek(0)
            said = output.read()
        if status is None or not os.path.exists(report):
            how = f"not done after {DEADLINE_S} s" if status is None else f"ended with status {status} and no report"
            world.result(f"{tier}: {program}", "failed", f"{how}\n{said[-6000:]}")
            return
        for case in ET.parse(report).getroot().iter("testcase"):
            name = f"{tier}: {case.get('classname')}.{case.get('name')}"
            failures = [f.get("message") or "" for f in case.findall("failure")]
            skipped = case.find("skipped")
            seconds = float(case.get("time") or 0)
            if failures:
                world.result(name, "failed", "\n".join(failures) + "\n" + said[-3000:], seconds)
            elif skipped is not None:
                world.result(name, "skipped", skipped.get("message") or "no reason given", seconds)
            elif case.get("status") == "run":
                world.result(name, "passed", seconds=seconds)


def tiers(world):
    """The tiers that tests/security/promises.json promises something for."""
    with open(os.path.join(world.root, "tests/security/promises.json"), encoding="utf-8") as stream:
        table = json.load(stream)
    return [tier for tier in table["tiers"] if any(promise[tier] for promise in table["promises"])]


def run(world):
    for tier in tiers(world):
        started = time.monotonic()
        as_user, env = TIERS[tier]()
        for program, options in PROGRAMS[tier]:
            path = os.path.join(world.build, "tests/security", program)
            run_gtest(world, tier, program, [*as_user, path, *options], {**ENVIRONMENT, **env, "HEARTH_TIER": tier})
        world.say(f"{tier} tier: {time.monotonic() - started:.0f} s")
