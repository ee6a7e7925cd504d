"""Everything else, once: the server, every example by boto3, events that survive kill -9, the store."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

PATIENCE_S = 30  # times HEARTH_TIMEOUT_FACTOR
ASYNC = "import time\ndef handler(event, context):\n    print('worked on', event['number'])\n"


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Smoke:
    def __init__(self, world, hearth, demo):
        self.world, self.hearth, self.demo = world, hearth, demo
        self.parent = tempfile.mkdtemp(prefix="hearth-smoke-")
        os.chmod(self.parent, 0o755)
        self.data = os.path.join(self.parent, "data")
        self.server = hearth.Server(data=self.data, ready_s=PATIENCE_S, runtimes=True)

    def close(self):
        self.server.kill()
        shutil.rmtree(self.parent, ignore_errors=True)

    def start(self):
        self.server.start()
        expect(self.server.health()["status"] == "ok", self.server.health())
        self.world.say(f"isolation: {json.dumps(self.server.health().get('isolation'))}")

    def example(self, spec, folder):
        client = self.server.client("lambda")
        self.demo.deploy(client, folder, {**spec, "timeout_s": 60})
        _, cold, warm = self.demo.invoke(client, spec)
        self.world.say(f"{spec['name']}: cold {cold:.0f} ms, warm {warm:.0f} ms")

    def logged(self, name):
        logs = self.server.client("logs")
        try:
            return [e["message"].strip() for e in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def events_survive(self):
        self.server.deploy("asynchronous", {"app.py": ASYNC}, Timeout=60)
        for number in range(5):
            _, reply = self.server.invoke("asynchronous", {"number": number}, InvocationType="Event")
            expect(reply["StatusCode"] == 202, reply)
        self.server.kill()
        self.server.start()
        for number in range(5):
            self.hearth.wait_until(lambda: f"worked on {number}" in self.logged("asynchronous"), PATIENCE_S, f"event {number}")

    def still_there(self):
        answer, _ = self.server.invoke("hello-python", {"name": "again"})
        expect("again" in json.dumps(answer), answer)

    def nothing_is_left(self):
        expect(self.server.stop(PATIENCE_S) == 0, "the server did not end well")
        cgroups = glob.glob("/sys/fs/cgroup/**/hearth.*", recursive=True)
        expect(not cgroups, cgroups)
        with open("/proc/self/mountinfo", encoding="utf-8") as stream:
            mounts = [line for line in stream if self.parent in line]
        expect(not mounts, mounts)
        processes = subprocess.run(["pgrep", "-a", "hearth"], text=True, check=False, stdout=subprocess.PIPE).stdout
        expect(not processes, processes)


def storage(world):
    done = subprocess.run([os.path.join(world.build, "tests/crash/storage_crash"), "--seconds", "20"], cwd=tempfile.gettempdir(),
                          text=True, timeout=300, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    expect(done.returncode == 0, done.stdout[-3000:])


def python_file(world, name):
    """One file of the project's Python tests."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as lines:
        done = subprocess.run([sys.executable, "-B", os.path.join(world.root, "tests/support/results.py"), "vm", lines.name,
                               os.path.join(world.root, name)], env=dict(os.environ), text=True, timeout=900, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        results = [json.loads(line) for line in lines]
    for result in results:
        world.result(f"smoke: {result['test']}", result["outcome"], result["reason"], result["seconds"])
    expect(results and done.returncode in (0, 1), done.stdout[-3000:])


def run(world):
    # On the disk of the runtimes, which data folders take by hard links.
    tempfile.tempdir = os.path.join(world.root, "build/tmp")
    os.makedirs(tempfile.tempdir)
    os.environ.update(HEARTH_BINARY=world.server, HEARTH_TEST_RUNTIMES=os.path.join(world.root, "build/added-runtimes"),
                      TMPDIR=tempfile.tempdir)
    sys.path.insert(0, os.path.join(world.root, "examples"))
    import demo
    import hearth
    smoke = Smoke(world, hearth, demo)
    try:
        if not world.check("smoke: the server starts", smoke.start):
            return
        for path in sorted(glob.glob(os.path.join(world.root, "examples/*/function.json"))):
            with open(path, encoding="utf-8") as stream:
                spec = json.load(stream)
            spec.pop("build", None)  # done where there is a compiler
            world.check(f"smoke: {spec['name']} answers ({spec['runtime']})", lambda: smoke.example(spec, os.path.dirname(path)))
        world.check("smoke: accepted events survive kill -9", smoke.events_survive)
        world.check("smoke: functions survive kill -9", smoke.still_there)
        world.check("smoke: nothing is left when the server stops", smoke.nothing_is_left)
    finally:
        smoke.close()
    python_file(world, "tests/crash/test_server.py")
    world.check("smoke: killed writers lose nothing acknowledged", lambda: storage(world))
