"""What this kernel is and has: the other groups prove something only if it is so."""
import ctypes
import os

LANDLOCK_CREATE_RULESET = 444
LANDLOCK_CREATE_RULESET_VERSION = 1


def landlock_abi():
    return ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)


def expect(expected, actual):
    if expected != actual:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def cgroup_types():
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        types = [line.split(" - ")[1].split()[0] for line in stream]
    return [t for t in types if t.startswith("cgroup")]


def controllers():
    with open("/sys/fs/cgroup/cgroup.controllers", encoding="utf-8") as stream:
        return stream.read().split()


def run(world):
    world.check("facts: the kernel is Debian's cloud kernel", lambda: expect(world.release, os.uname().release))
    world.check("facts: Landlock's ABI is 2: no network rules, no scopes", lambda: expect(2, landlock_abi()))
    world.check("facts: cgroups are v2 alone", lambda: expect(["cgroup2"], cgroup_types()))
    world.check("facts: cgroups limit memory, processor and processes",
                lambda: expect(set(), {"memory", "cpu", "pids"} - set(controllers())))
