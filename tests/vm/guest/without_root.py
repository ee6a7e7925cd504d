"""The server of somebody who is not root: with namespaces and a cgroup of his own, and without either."""
import json
import os
import shutil
import tempfile

from accounts import USER, allow_user_namespaces, as_user, delegated_cgroup, forbid_user_namespaces

PATIENCE_S = 30  # times HEARTH_TIMEOUT_FACTOR
LOOK_AROUND = """
import os
def handler(event, context):
    found = {}
    for path in event['paths']:
        try:
            with open(path) as stream:
                found[path] = 'read ' + str(len(stream.read(100)))
        except OSError as error:
            found[path] = error.strerror
    temporary = os.environ.get('TMPDIR', '/tmp')  # which the landlock tier cannot put at /tmp
    try:
        open(os.path.join(temporary, 'mine'), 'w').close()
        found['temporary'] = 'writable'
    except OSError as error:
        found['temporary'] = error.strerror
    return found
"""


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class UserServer:
    """A server run by USER, with a data folder of his; `prefix` starts a command as him."""

    def __init__(self, world, hearth, prefix, *options):
        self.world, self.hearth = world, hearth
        self.parent = tempfile.mkdtemp(prefix="hearth-user-")
        os.chmod(self.parent, 0o755)
        shutil.chown(self.parent, USER, USER)
        wrapper = os.path.join(self.parent, "hearth")
        with open(wrapper, "w", encoding="utf-8") as script:
            quoted = " ".join(f"'{word}'" for word in [*prefix, world.server])
            script.write(f'#!/bin/sh\nexport HOME=/home/{USER}\nexec {quoted} "$@"\n')
        os.chmod(wrapper, 0o755)
        self.secret = os.path.join(self.parent, "secret")
        with open(self.secret, "w", encoding="utf-8") as stream:
            stream.write("of the server's user, no function's business\n")
        shutil.chown(self.secret, USER, USER)
        hearth.BINARY = wrapper
        self.server = hearth.Server(*options, data=os.path.join(self.parent, "data"), ready_s=PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.hearth.BINARY = self.world.server
        shutil.rmtree(self.parent, ignore_errors=True)

    def refusal(self):
        """What it says when it does not start."""
        try:
            self.server.start()
        except self.hearth.StartFailed as failed:
            return str(failed)
        raise AssertionError(f"it started: {json.dumps(self.server.health().get('isolation'))}")

    def serves(self, tier):
        """It starts in `tier`, and a function there works and reads nothing of the server's user. What it says of itself."""
        self.server.start()
        health = self.server.health()
        isolation = health["isolation"]
        self.world.say(f"isolation: {json.dumps(isolation)}")
        expect(isolation["tier"] == tier, isolation)
        self.server.deploy("look", {"app.py": LOOK_AROUND}, Timeout=60)
        found, _ = self.server.invoke("look", {"paths": [self.secret, "/root/.bashrc", "/proc/1/environ"]})
        expect(found.pop("temporary") == "writable", found)
        expect(not any(answer.startswith("read") for answer in found.values()), found)
        status = self.server.stop(PATIENCE_S)
        expect(status == 0, f"it ended with {status}")
        return health


def with_namespaces(world, hearth):
    allow_user_namespaces()
    with UserServer(world, hearth, delegated_cgroup()) as it:
        isolation = it.serves("user")["isolation"]
    limits = [mechanism for mechanism in isolation["mechanisms"] if mechanism.startswith("memory limit (cgroup v2")]
    expect(limits, isolation)


def refused(world, hearth):
    forbid_user_namespaces()
    with UserServer(world, hearth, as_user()) as it:
        said = it.refusal()
    world.say(said.strip().splitlines()[-1][:300])
    for words in ("--unsafe-single-tenant", "Landlock (ABI 2", "functions cannot be kept apart"):
        expect(words in said, said)


def single_tenant(world, hearth):
    forbid_user_namespaces()
    with UserServer(world, hearth, as_user(), "--unsafe-single-tenant") as it:
        warnings = it.serves("landlock")["warnings"]
    for words in ("cannot keep functions from signalling each other", "lets functions connect to any TCP port"):
        expect(any(w.startswith("--unsafe-single-tenant: ") and words in w for w in warnings), warnings)


def run(world):
    if not world.is_promised("user"):
        world.say("nothing is promised without root")
        return
    os.environ.update(HEARTH_BINARY=world.server)
    import hearth
    world.check("without root: namespaces and a delegated cgroup give the user tier", lambda: with_namespaces(world, hearth))
    world.check("without root: Landlock of ABI 2 alone is refused", lambda: refused(world, hearth))
    world.check("without root: Landlock of ABI 2 serves a single tenant who asks for it", lambda: single_tenant(world, hearth))
