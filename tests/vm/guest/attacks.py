"""The attacks of tests/security and the launcher's own tests, as far as the tier they run in."""
import os
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

from accounts import USER, allow_user_namespaces, delegated_cgroup

DEADLINE_S = 900
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
               "HEARTH_TIMEOUT_FACTOR": "10",
               "HEARTH_MACHINE_IS_MINE": "1"}  # core_pattern may be set: it is the whole machine's
# Mutants (LeavingOut) are killed where they are made: on the machine that runs `./test`.
PROMISES = ("promises_test", ["--gtest_filter=-*LeavingOut*"])
PROGRAMS = {"namespace": [PROMISES, ("attacks_test", []), ("neighbours_test", []), ("launcher_e2e_test", [])],
            "user": [PROMISES, ("neighbours_test", [])]}


def in_user_tier():
    allow_user_namespaces()
    return delegated_cgroup()


# How each tier's programs are started. The landlock tier is refused on this kernel: see without_root.py.
TIERS = {"namespace": lambda: [], "user": in_user_tier}


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


def run(world):
    for tier, enter in TIERS.items():
        if not world.is_promised(tier):
            continue
        started = time.monotonic()
        prefix = enter()
        env = {**ENVIRONMENT, "HEARTH_TIER": tier, "HOME": f"/home/{USER}" if prefix else "/root"}
        for program, options in PROGRAMS[tier]:
            run_gtest(world, tier, program, [*prefix, os.path.join(world.build, "tests/security", program), *options], env)
        world.say(f"{tier} tier: {time.monotonic() - started:.0f} s")
