"""run.py SUITE OUTPUT: boots Debian's cloud kernel in a virtual machine, runs tests/vm/guest there, appends its results.

Environment: HEARTH_VM_SECONDS, how long the machine may take (default 1500); HEARTH_VM_GROUPS, which groups of
guest/main.py to run (default: all); HEARTH_VM_BUILD, the build folder with the tests (default: build/guest);
HEARTH_BINARY, the server (default: build/release/hearth).
"""
import glob
import json
import os
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))

import debian  # noqa: E402
import disks  # noqa: E402
import kernel  # noqa: E402
from virtual_machine import VirtualMachine  # noqa: E402


def programs(build, server):
    """What the machine runs of what was built here: the server, the tests, what they start, and the native example."""
    found = [server, os.path.join(os.path.dirname(server), "hearth-launcher"), os.path.join(build, "tests/crash/storage_crash")]
    for name in ("hearth-launcher*", "tests/security/hearth-launcher*", "tests/security/*_test", "tests/security/inside/*"):
        found += [path for path in glob.glob(os.path.join(build, name)) if os.path.isfile(path)]
    example = os.path.join(ROOT, "examples/provided-cpp")
    debian.command([os.path.join(example, "build.sh")], timeout=120)
    found.append(os.path.join(example, "bootstrap"))
    return sorted({os.path.relpath(path, ROOT) for path in found})


class Results:
    def __init__(self, suite, path):
        self.suite, self.path = suite, path
        self.failed = 0

    def add(self, test, outcome, reason="", seconds=0.0):
        self.failed += outcome == "failed"
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"suite": self.suite, "test": test, "outcome": outcome, "reason": reason, "seconds": seconds}) + "\n")
        debian.say(f"{outcome} {test} ({seconds:.1f} s)")


def run(results, work):
    linux = kernel.fetch()
    system = disks.system_disk(linux)
    build = os.path.join(ROOT, os.environ.get("HEARTH_VM_BUILD", "build/guest"))
    import hearth
    runtimes = hearth.added_runtimes()
    project = os.path.join(work, "project.ext4")
    settings = {"build": os.path.relpath(build, ROOT), "server": os.path.relpath(hearth.BINARY, ROOT), "release": linux.release,
                "groups": os.environ.get("HEARTH_VM_GROUPS", "").split()}
    disks.project_disk(project, programs(build, hearth.BINARY), runtimes, settings)
    deadline_s = float(os.environ.get("HEARTH_VM_SECONDS", "1500"))
    debian.say(f"booting {linux.release}")
    started = time.monotonic()
    finished = False
    with VirtualMachine(linux, system, project, work, deadline_s) as machine:
        for message in machine.messages():
            if "say" in message:
                debian.say(f"[{time.monotonic() - started:4.0f} s] {message['say']}")
            elif "test" in message:
                results.add(**message)
            finished = finished or bool(message.get("finished"))
        if not finished:
            how = f"not done after {deadline_s:.0f} s" if machine.is_too_late() else "the machine ended before its tests did"
            results.add("the virtual machine", "failed", f"{how}; its last words:\n{machine.trouble()}", time.monotonic() - started)
    debian.say(f"the machine ran for {time.monotonic() - started:.0f} s")


def main(suite, path):
    results = Results(suite, path)
    os.makedirs(kernel.CACHE, exist_ok=True)
    work = tempfile.mkdtemp(prefix="run-", dir=kernel.CACHE)
    guardian = debian.Guardian(work)
    try:
        run(results, work)
    except Exception:  # noqa: BLE001 - a machine that cannot be made is a failed test
        results.add("the virtual machine", "failed", traceback.format_exc())
    finally:
        guardian.close()
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
