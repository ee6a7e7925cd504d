"""kill -9 of every process of the server, in every combination, under load: what was accepted happens, nothing stays."""
import glob
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

from hearth import Server, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from test_processes import alive, children, command_of, descendants  # noqa: E402

# Tells that it ran by making a log group, which the server acknowledges only when it is on disk.
MARKER = """
import json, os, time, urllib.error, urllib.request

def handler(event, context):
    if event.get("sleep"):
        time.sleep(event["sleep"])
    if "mark" in event:
        mark(event["mark"])
    return event

def mark(name):
    body = json.dumps({"logGroupName": name}).encode()
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], data=body, method="POST", headers={
        "X-Amz-Target": "Logs_20140328.CreateLogGroup", "Content-Type": "application/x-amz-json-1.1"})
    for _ in range(50):
        try:
            urllib.request.urlopen(request, timeout=5).read()
            return
        except urllib.error.HTTPError as error:
            if b"ResourceAlreadyExists" in error.read():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("cannot mark")
"""


class Family:
    """The processes of one server, by what they are."""

    def __init__(self, server):
        self.supervisor = server.process.pid
        kids = children(self.supervisor)
        self.launchers = [p for p in kids if "launcher" in command_of(p)]
        self.servers = [p for p in kids if "launcher" not in command_of(p)]
        self.functions = [p for p in descendants(self.supervisor)
                          if p not in kids and "bootstrap" in command_of(p)]

    def of(self, what):
        return {"supervisor": [self.supervisor], "server": self.servers, "launcher": self.launchers,
                "function": self.functions}[what]


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def prefix_of(data):
    return hashlib.sha256(os.path.realpath(data).encode()).hexdigest()[:8]


def cgroups_of(data):
    """Folders of this server's sandboxes in any hierarchy."""
    return [p for p in glob.glob(f"/sys/fs/cgroup/**/*{prefix_of(data)}*", recursive=True) if os.path.isdir(p)]


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        return sorted(line.split(" ", 5)[4] for line in stream)


def network_namespaces(pids):
    found = set()
    for pid in pids:
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            continue
    return found


def all_processes():
    return [int(p.split("/")[2]) for p in glob.glob("/proc/[0-9]*")]


def left_over(data):
    """Files that only a process in the middle of something has."""
    found = []
    for folder, folders, files in os.walk(data):
        for name in folders + files:
            if ".new-" in name or name.startswith((".tmp-", ".adding-")) or name.endswith(".new"):
                found.append(os.path.join(folder, name))
        if folder.endswith("blobs/tmp"):
            found += files
    return found


class Load:
    """Clients that invoke until told to stop: what was accepted, and what failed."""

    def __init__(self, server):
        self.server, self.stopping = server, threading.Event()
        self.accepted, self.answered, self.failed = [], 0, 0
        self.numbers = itertools.count()
        self.threads = [threading.Thread(target=t) for t in (self.invoke_async, self.invoke_sync, self.invoke_sync)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"

    def invoke_async(self):
        while not self.stopping.is_set():
            name = f"mark-{id(self)}-{next(self.numbers)}"
            try:
                client = self.server.client("lambda", read_timeout=20)
                status = client.invoke(FunctionName="f", InvocationType="Event",
                                       Payload=json.dumps({"mark": name}))["StatusCode"]
                if status == 202:
                    self.accepted.append(name)
            except Exception:  # noqa: BLE001 - any way in which a dying server does not answer
                self.failed += 1
            time.sleep(0.1)

    def invoke_sync(self):
        while not self.stopping.is_set():
            try:
                payload, _ = self.server.invoke("f", {"sleep": 0.05, "n": next(self.numbers)})
                self.answered += 1 if payload and payload.get("sleep") else 0
            except Exception:  # noqa: BLE001
                self.failed += 1
                time.sleep(0.05)


class Kills(unittest.TestCase):
    def setUp(self):
        self.parent = tempfile.mkdtemp(prefix="hearth-kills-")
        os.chmod(self.parent, 0o755)
        self.addCleanup(shutil.rmtree, self.parent, ignore_errors=True)
        self.server = Server(data=os.path.join(self.parent, "data"))
        self.seen = set()

    def tearDown(self):
        self.server.kill()

    def note_processes(self):
        self.seen.update(descendants(self.server.process.pid))

    def works(self):
        def invoke():
            try:
                return self.server.invoke("f", {"a": 1})[0] == {"a": 1}
            except Exception:  # noqa: BLE001
                return False
        wait_until(invoke, 30, f"invocations to work again\n{self.server.log()[-3000:]}")

    def groups(self):
        found = set()
        for page in self.server.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix="mark-"):
            found.update(g["logGroupName"] for g in page["logGroups"])
        return found

    def check_nothing_is_left(self):
        wait_until(lambda: not any(alive(p) for p in self.seen), 20, "all processes to end")
        wait_until(lambda: not cgroups_of(self.server.data), 10, f"cgroups to go: {cgroups_of(self.server.data)}")
        self.assertEqual([], [m for m in mounts() if self.server.data in m])
        self.assertEqual([], left_over(self.server.data))

    def test_in_every_combination_under_load_what_was_accepted_happens_and_nothing_stays(self):
        what = ("server", "launcher", "function", "supervisor")
        combinations = [c for n in range(1, 5) for c in itertools.combinations(what, n)]
        # A supervisor gives up on a server that dies five times a minute; those that kill it come in between.
        random.shuffle(combinations)
        if not os.environ.get("HEARTH_FULL"):
            combinations = [("server",), ("launcher",), ("server", "launcher"), *random.sample(combinations, 1)]
        accepted, answered = [], 0
        self.server.start()
        self.server.deploy("f", {"app.py": MARKER}, Timeout=30)
        for combination in combinations:
            with self.subTest(kill=combination):
                self.works()
                with Load(self.server) as load:
                    time.sleep(random.uniform(0.2, 0.8))
                    self.note_processes()
                    family = Family(self.server)
                    order = random.sample(combination, len(combination))
                    kill([pid for name in order for pid in family.of(name)])
                    if "supervisor" in combination:
                        self.server.process.wait(30)
                        wait_until(lambda: not any(alive(p) for p in self.seen), 20, "all processes to end")
                        self.server.kill()
                        self.server.start()
                    self.works()
                    self.note_processes()
                accepted += load.accepted
                answered += load.answered
                if "supervisor" not in combination:
                    self.assertIsNone(self.server.process.poll(), self.server.log())
        self.assertGreater(len(accepted), 2 * len(combinations), "hardly anything was accepted")
        self.assertGreater(answered, 2 * len(combinations), "hardly anything was answered")
        wait_until(lambda: set(accepted) <= self.groups(), 90,
                   f"accepted events to have run; missing: {sorted(set(accepted) - self.groups())[:5]}")
        self.note_processes()
        self.assertEqual(0, self.server.stop())
        self.check_nothing_is_left()

    def test_a_dead_server_is_replaced_and_clients_wait_instead_of_being_refused(self):
        self.server.start()
        self.server.deploy("f", {"app.py": MARKER}, Timeout=30)
        self.works()
        before, port = Family(self.server), self.server.port
        accepted = f"mark-{os.getpid()}-kept"
        self.server.client("lambda").invoke(FunctionName="f", InvocationType="Event",
                                            Payload=json.dumps({"sleep": 1, "mark": accepted}))
        self.note_processes()
        kill(before.servers)
        began = time.monotonic()
        self.assertEqual({"n": 1}, self.server.invoke("f", {"n": 1})[0], "waits in the kept socket's queue")
        self.assertLess(time.monotonic() - began, 20)
        self.assertEqual(port, self.server.port)
        wait_until(lambda: accepted in self.groups(), 60, "the accepted event to have run")
        self.assertRegex(self.server.log(), r"the server was ended by signal 9 .*; starting another .*restart 1 of at most 5")
        after = Family(self.server)
        self.assertNotEqual(before.servers, after.servers)
        wait_until(lambda: not any(alive(p) for p in before.servers + before.launchers + before.functions), 10,
                   "the old processes to end")
        self.note_processes()
        self.assertEqual(0, self.server.stop())
        self.check_nothing_is_left()

    def test_a_server_that_keeps_dying_is_given_up(self):
        self.server.start()
        deadline = time.monotonic() + 60
        while self.server.process.poll() is None and time.monotonic() < deadline:
            self.note_processes()
            kill(Family(self.server).servers)
            time.sleep(0.05)
        self.assertEqual(128 + signal.SIGKILL, self.server.process.wait(30))
        wait_until(lambda: "giving up" in self.server.log(), 5, "the log to say so")
        self.check_nothing_is_left()

    def test_an_invocation_whose_launcher_dies_is_answered_as_a_fault_of_the_service(self):
        self.server.start()
        self.server.deploy("f", {"app.py": MARKER}, Timeout=60)
        self.works()
        outcome = {}

        def invoke():
            try:
                self.server.invoke("f", {"sleep": 50})
            except Exception as error:  # noqa: BLE001
                outcome["error"] = error

        caller = threading.Thread(target=invoke)
        caller.start()
        time.sleep(1)
        began = time.monotonic()
        kill(Family(self.server).launchers)
        caller.join(20)
        self.assertFalse(caller.is_alive(), "the invocation hangs")
        self.assertLess(time.monotonic() - began, 10)
        response = outcome["error"].response
        self.assertEqual(("ServiceException", 500), (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]))
        self.assertEqual({"n": 2}, self.server.invoke("f", {"n": 2})[0], "the next waits for the new launcher")

    def test_kill_9_of_the_supervisor_leaves_no_cgroup(self):
        self.server.start()
        self.server.deploy("f", {"app.py": MARKER})
        self.works()
        self.note_processes()
        spaces = network_namespaces(self.seen) - network_namespaces([os.getpid()])
        self.assertTrue(spaces, "the sandbox has a network namespace of its own")
        self.server.kill()
        self.check_nothing_is_left()
        self.assertFalse(spaces & network_namespaces(all_processes()), "no namespace is held by anybody")


if __name__ == "__main__":
    unittest.main()
