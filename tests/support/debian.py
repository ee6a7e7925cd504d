"""A freshly installed Debian 12 in a folder, and commands inside it: for tests of machines other than this one.

    with debian.Machine(folder) as machine:       # unpacked from a cached archive, removed at the end
        machine.run(["apt-get", "update"], timeout=300)

A command runs in namespaces of its own (mount, pid, ipc, uts, cgroup) with the folder as its root, as in a container. The
network is this machine's, because packages come from there, or on request nothing but loopback. Whatever still runs
inside ends with the command, and with this process even when it is killed outright. Needs root and debootstrap.
"""
import contextlib
import fcntl
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CACHE = os.path.join(ROOT, "build", RELEASE)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Failure(Exception):
    """A command that did not end as it should; the message holds its last lines."""


def say(text):
    """Progress, shown by ./test --full as it happens."""
    print(text, flush=True)


# ---- where packages come from ------------------------------------------------------------------------------------


def sources():
    """Debian's own package sources of this machine as lines of sources.list, or the public ones where it has others."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
                          text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    suites = (RELEASE, f"{RELEASE}-updates", f"{RELEASE}-security")
    rows = [line.split() for line in done.stdout.splitlines()]
    found = sorted({f"deb {row[0]} {row[1]} main" for row in rows if len(row) == 3 and row[1] in suites and row[2] == "main"})
    if any(line.split()[2] == RELEASE for line in found):
        return found
    return [f"deb http://deb.debian.org/debian {RELEASE} main", f"deb http://deb.debian.org/debian {RELEASE}-updates main",
            f"deb http://deb.debian.org/debian-security {RELEASE}-security main"]


def mirror():
    return next(line.split()[1] for line in sources() if line.split()[2] == RELEASE)


def apt_network_settings():
    """How this machine's apt reaches its mirror (proxies, dates): the same lines for another machine's apt.conf."""
    done = subprocess.run(["apt-config", "dump"], text=True, check=True, stdout=subprocess.PIPE)
    wanted = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries")
    return "".join(line + "\n" for line in done.stdout.splitlines() if line.startswith(wanted) and not line.endswith('"";'))


# ---- the archive -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(path):
    """One process at a time."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base_archive():
    """The path of a tar with a minimal Debian, made by debootstrap the first time (about a minute)."""
    path = os.path.join(CACHE, "base.tar")
    with locked(path + ".lock"):
        if os.path.exists(path):
            return path
        say(f"installing a minimal Debian {RELEASE} from {mirror()} (kept in {os.path.relpath(path, ROOT)})")
        started = time.monotonic()
        tree = tempfile.mkdtemp(prefix="base-", dir=CACHE)
        try:
            os.chmod(tree, 0o755)
            command(["debootstrap", "--variant=minbase", RELEASE, tree, mirror()], timeout=900)
            command(["tar", "--numeric-owner", "--xattrs", "-C", tree, "-cf", path + ".new", "."], timeout=300)
        finally:
            shutil.rmtree(tree, ignore_errors=True)
        os.rename(path + ".new", path)
        say(f"done in {time.monotonic() - started:.0f} s")
    return path


def command(argv, timeout, env=None, cwd=None):
    """Runs a command of this machine, killed with all it started after `timeout` seconds; its output, or Failure."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True,
                                   env=env or {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root", **proxies()})
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        text = output.read()
    if status != 0:
        how = f"not done after {timeout} s" if status is None else f"exit status {status}"
        raise Failure(f"{' '.join(argv)}: {how}\n{text[-4000:]}")
    return text


def proxies():
    return {name: os.environ[name] for name in PROXIES if name in os.environ}


class Guardian:
    """Removes a folder, and the cgroups of a machine in it, after close() or when this process is gone, however it ended.
    Nobody waits for it: some disks take minutes to remove a machine."""

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def close(self):
        self.process.stdin.close()


# ---- a machine ---------------------------------------------------------------------------------------------------


class Machine:
    """A Debian in `folder`, which must not exist yet; `with` removes it at the end."""

    def __init__(self, folder):
        self.folder = folder
        self.cgroup_name = f"hearth-machine-{os.path.basename(folder)}"
        self.guardian = None

    def __enter__(self):
        archive = base_archive()
        os.makedirs(os.path.dirname(self.folder), exist_ok=True)
        self.guardian = Guardian(self.folder)
        os.mkdir(self.folder, mode=0o755)
        command(["tar", "--numeric-owner", "--xattrs", "-C", self.folder, "-xpf", archive], timeout=300)
        self.connect()
        return self

    def __exit__(self, *_):
        self.guardian.close()

    def connect(self):
        """Lets it reach what this machine reaches: names, package sources, and the certificates somebody added here."""
        self.write("etc/apt/sources.list", "".join(line + "\n" for line in sources()))
        self.write("etc/apt/apt.conf.d/90network", apt_network_settings())
        self.write("etc/hostname", "debian\n")
        for name in ("etc/resolv.conf", "etc/hosts"):
            with open(os.path.join("/", name), encoding="utf-8") as stream:
                self.write(name, stream.read())
        added = glob.glob("/usr/local/share/ca-certificates/**/*.crt", recursive=True)
        for certificate in added:
            target = os.path.join(self.folder, certificate.lstrip("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(certificate, target)
        # npm trusts a list of its own unless told otherwise.
        self.environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", **proxies()}
        if added:
            self.write("etc/npmrc", "cafile=/etc/ssl/certs/ca-certificates.crt\n")

    def write(self, path, text):
        path = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def run(self, argv, timeout, cwd="/", env=None, show=None, network="shared"):
        """Runs a command inside: its output, or Failure. Each line is given to `show` as it comes. With network="own" there
        is only loopback, and its ports are the command's alone."""
        enter = [sys.executable, "-B", os.path.join(ROOT, "tests/support/enter_debian.py"), self.folder, self.cgroup_name, cwd, *argv]
        namespaces = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--propagation", "private", "--fork", "--kill-child"]
        if network == "own":
            namespaces.append("--net")
            enter = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", *enter]
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *namespaces, *enter], env={**self.environment, **(env or {})},
                                   text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        lines = []

        def read():
            for line in process.stdout:
                lines.append(line)
                if show:
                    show(line.rstrip())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        status = None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()  # its child is the first process of the namespace, and goes with it
            process.wait()
            reader.join(10)
            remove_cgroups(self.cgroup_name)
        if status != 0:
            how = f"not done after {timeout} s" if status is None else f"exit status {status}"
            raise Failure(f"{' '.join(argv)}: {how}\n{''.join(lines)[-6000:]}")
        return "".join(lines)


def cgroup_mounts():
    """The mount points of this machine's cgroup hierarchies, with type and options."""
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        rows = [line.split(" - ") for line in stream]
    return [{"at": head.split()[4], "type": tail.split()[0], "options": tail.split()[2]} for head, tail in rows
            if tail.split()[0] in ("cgroup", "cgroup2") and head.split()[4].startswith("/sys/fs/cgroup")]


def remove_cgroups(name):
    """Removes the cgroups of a machine from every hierarchy, with whatever it made below."""
    end = time.monotonic() + 10
    for mount in cgroup_mounts():
        top = os.path.join(mount["at"], name)
        while os.path.isdir(top) and time.monotonic() < end:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            if os.path.isdir(top):
                time.sleep(0.05)  # a killed process may still be on its way out


def remove_machine(folder):
    """Removes it, waiting a little for processes that are on their way out."""
    remove_cgroups(f"hearth-machine-{os.path.basename(folder)}")
    end = time.monotonic() + 30
    while os.path.isdir(folder) and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    sys.stdin.read()  # ends with the owner
    remove_machine(sys.argv[1])
