"""enter_debian.py FOLDER CGROUP FOLDER_INSIDE COMMAND...: the first process of a machine made by debian.py.

Started as root in new mount, pid, ipc and uts namespaces. Gives the machine /proc, /sys, /dev and cgroups of its own, makes
FOLDER the root, runs COMMAND there, collects what is orphaned, and ends with COMMAND's status; the rest ends with it.
"""
import ctypes
import os
import socket
import stat
import subprocess
import sys

CLONE_NEWCGROUP = 0x02000000
MNT_DETACH = 2
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(kind, at, *options):
    os.makedirs(at, exist_ok=True)
    subprocess.run(["mount", "-t", kind, *(["-o", ",".join(options)] if options else []), kind, at], check=True)


def own_cgroup(mounts, name):
    """Moves this process into a new cgroup of every hierarchy, which then is the root it sees."""
    entered = []
    for hierarchy in mounts:
        mine = os.path.join(hierarchy["at"], name)
        try:
            os.makedirs(mine, exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):  # a v1 cpuset is empty, and takes nobody in, until it has both
                path = os.path.join(mine, setting)
                if hierarchy["type"] == "cgroup" and os.path.exists(path):
                    with open(os.path.join(hierarchy["at"], setting), encoding="utf-8") as stream:
                        inherited = stream.read()
                    with open(path, "w", encoding="utf-8") as stream:
                        stream.write(inherited)
            with open(os.path.join(mine, "cgroup.procs"), "w", encoding="utf-8") as stream:
                stream.write("0")
        except OSError as error:
            print(f"this machine's {hierarchy['at']} cannot be passed on: {error}", file=sys.stderr)
            continue
        entered.append(hierarchy)
    check(libc.unshare(CLONE_NEWCGROUP), "unshare")
    return entered


def build_root(folder, hierarchies):
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    mount("proc", f"{folder}/proc", "nosuid", "nodev", "noexec")
    mount("sysfs", f"{folder}/sys", "nosuid", "nodev", "noexec")
    mount("tmpfs", f"{folder}/dev", "mode=755", "nosuid")
    for name, (major, minor) in DEVICES.items():
        os.mknod(f"{folder}/dev/{name}", stat.S_IFCHR | 0o666, os.makedev(major, minor))
        os.chmod(f"{folder}/dev/{name}", 0o666)
    mount("devpts", f"{folder}/dev/pts", "newinstance", "ptmxmode=0666", "mode=620", "gid=5")
    os.symlink("pts/ptmx", f"{folder}/dev/ptmx")
    mount("tmpfs", f"{folder}/dev/shm", "mode=1777", "nosuid", "nodev")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{folder}/dev/{name}")
    if [h["at"] for h in hierarchies] != ["/sys/fs/cgroup"]:
        mount("tmpfs", f"{folder}/sys/fs/cgroup", "mode=755")
    for hierarchy in hierarchies:
        mount(hierarchy["type"], folder + hierarchy["at"], *hierarchy["options"].split(","))


def enter(folder):
    os.chdir(folder)
    os.makedirs("mnt/old", exist_ok=True)
    check(libc.syscall(155, b".", b"mnt/old"), "pivot_root")  # __NR_pivot_root on x86_64
    os.chroot(".")
    os.chdir("/")
    check(libc.umount2(b"/mnt/old", MNT_DETACH), "umount2")
    os.rmdir("/mnt/old")


def main(folder, cgroup, inside, *argv):
    import debian
    socket.sethostname("debian")
    hierarchies = own_cgroup(debian.cgroup_mounts(), cgroup)
    build_root(folder, hierarchies)
    enter(folder)
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.chdir(inside)
            os.execvp(argv[0], argv)
        except OSError as error:
            print(f"{argv[0]}: {error}", file=sys.stderr, flush=True)
        os._exit(127)
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) & 0xff


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
