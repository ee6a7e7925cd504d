"""Interpreters and SDKs that Debian does not have, for tests: fetched once into build/, linked into test servers."""
import os
import shutil
import subprocess
import tempfile
import unittest

from hearth import BINARY, ROOT

CACHE = os.path.join(ROOT, "build", "test-runtimes")


def fetched(name):
    """The folder of `hearth runtime add NAME`; skips the test where it cannot be had."""
    folder = os.path.join(CACHE, "runtimes", name)
    if shutil.which("npm") is None:
        if os.path.isdir(folder):
            return folder
        raise unittest.SkipTest(f"{name} needs npm, which is not installed")
    done = subprocess.run([BINARY, "runtime", "add", name, "--data", CACHE], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=1200)
    if done.returncode != 0:
        raise unittest.SkipTest(f"{name} cannot be fetched: {done.stdout[-500:]}")
    return folder


def provide(server, *names):
    """Puts what `names` say into the data folder of a server, which may be running; takes no space."""
    runtimes = os.path.join(server.data, "runtimes")
    for name in names:
        target = os.path.join(runtimes, name)
        if os.path.isdir(target):
            continue
        source = fetched(name)
        scratch = tempfile.mkdtemp(prefix=".adding-", dir=runtimes)
        copy = os.path.join(scratch, name)
        try:
            shutil.copytree(source, copy, symlinks=True, copy_function=os.link)
        except OSError:  # another file system
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy, symlinks=True)
        os.rename(copy, target)
        os.rmdir(scratch)
