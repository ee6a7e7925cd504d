"""The two disks of the virtual machine: Debian with what functions need, and this project as built.

The machine sees both through a layer that is thrown away (-snapshot), so the first is made once per list of packages.
"""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import tempfile

import debian
import kernel

GUEST = os.path.join(debian.ROOT, "tests/vm/guest")
INIT = os.path.join(GUEST, "init")


def make_ext4(tree, path, size_mib):
    """A file system of `tree`, written to `path` at once or not at all."""
    fresh = path + ".new"
    with open(fresh, "wb") as image:
        image.truncate(size_mib << 20)
    debian.command(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "lazy_itable_init=1", "-d", tree, fresh], timeout=300)
    os.rename(fresh, path)


def system_disk(linux):
    """The path of a disk with Debian, the packages of run-packages.txt and guest-packages.txt, and the kernel's modules."""
    digest = hashlib.sha256(linux.release.encode())
    lists = [os.path.join(debian.ROOT, "packaging", f"{name}-packages.txt") for name in ("run", "guest")]
    for path in (*lists, INIT, __file__):
        with open(path, "rb") as stream:
            digest.update(stream.read())
    path = os.path.join(kernel.CACHE, f"system-{digest.hexdigest()[:16]}.ext4")
    with debian.locked(os.path.join(kernel.CACHE, "system.lock")):
        if os.path.exists(path):
            return path
        for old in glob.glob(os.path.join(kernel.CACHE, "system-*.ext4*")):
            os.unlink(old)
        debian.say("making the machine's disk")
        with debian.Machine(os.path.join(kernel.CACHE, f"tree-{os.getpid()}")) as machine:
            for name in ("packaging", "tools"):
                shutil.copytree(os.path.join(debian.ROOT, name), os.path.join(machine.folder, "project", name))
            machine.run(["/project/tools/install_packages", "run", "guest"], timeout=900)
            shutil.copytree(os.path.join(linux.tree, "lib/modules"), os.path.join(machine.folder, "usr/lib/modules"), dirs_exist_ok=True)
            machine.run(["depmod", linux.release], timeout=300)
            machine.run(["useradd", "--create-home", "--shell", "/bin/bash", "somebody"], timeout=60)
            machine.run(["sh", "-c", "apt-get clean; rm -rf /project /var/lib/apt/lists/* /usr/share/doc /usr/share/man"], timeout=60)
            machine.write("etc/resolv.conf", "")
            machine.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 debian\n")
            shutil.copy(INIT, os.path.join(machine.folder, "init"))
            os.chmod(os.path.join(machine.folder, "init"), 0o755)
            make_ext4(machine.folder, path, 3072)
    return path


def project_disk(path, programs, runtimes, settings):
    """Writes a disk with the project's files, programs built here, the added runtimes, and what guest/main.py is told. It is
    mounted at the project's own path: tests hold absolute paths."""
    tree = tempfile.mkdtemp(prefix="project-", dir=os.path.dirname(path))
    try:
        os.chmod(tree, 0o755)
        listed = subprocess.run(["git", "-C", debian.ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=True,
                                stdout=subprocess.PIPE, text=True)
        files = [f for f in listed.stdout.split("\0") if f and os.path.isfile(os.path.join(debian.ROOT, f))]
        for name in [*files, *programs]:
            target = os.path.join(tree, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(os.path.join(debian.ROOT, name), target)
        shutil.copytree(runtimes, os.path.join(tree, "build/added-runtimes"), symlinks=True)
        with open(os.path.join(tree, "build/guest.json"), "w", encoding="utf-8") as stream:
            json.dump(settings, stream)
        make_ext4(tree, path, 1536)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
