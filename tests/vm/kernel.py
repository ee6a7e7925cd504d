"""Debian's cloud kernel: the package that apt would install today, downloaded and unpacked, not installed."""
import glob
import os
import shutil
import tempfile

import debian

META_PACKAGE = "linux-image-cloud-amd64"
CACHE = os.path.join(debian.ROOT, "build", "vm")


class Kernel:
    """`release` as uname -r says it, `image` to boot, `tree` with boot/ and lib/modules/."""

    def __init__(self, tree):
        self.tree = tree
        self.image = glob.glob(os.path.join(tree, "boot", "vmlinuz-*"))[0]
        self.release = os.path.basename(self.image).removeprefix("vmlinuz-")


def package_name():
    """What the meta package stands for today, such as linux-image-6.1.0-56-cloud-amd64."""
    for _ in range(2):
        listed = debian.command(["apt-cache", "depends", META_PACKAGE], timeout=60)
        names = [line.split()[1] for line in listed.splitlines() if line.strip().startswith("Depends: linux-image-")]
        if names:
            return names[0]
        debian.command(["apt-get", "update"], timeout=300)
    raise debian.Failure(f"apt knows no package {META_PACKAGE}; is this Debian 12?")


def fetch():
    """The kernel, downloaded the first time."""
    name = package_name()
    tree = os.path.join(CACHE, name)
    with debian.locked(os.path.join(CACHE, "kernel.lock")):
        if not os.path.isdir(tree):
            debian.say(f"downloading {name}")
            work = tempfile.mkdtemp(prefix="kernel-", dir=CACHE)
            try:
                debian.command(["apt-get", "download", name], timeout=600, cwd=work)
                debian.command(["dpkg-deb", "-x", glob.glob(os.path.join(work, "*.deb"))[0], os.path.join(work, "tree")], timeout=120)
                os.chmod(os.path.join(work, "tree"), 0o755)
                os.rename(os.path.join(work, "tree"), tree)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return Kernel(tree)
