"""A server with several event loops serves as one with a single loop does. The `loops` stage of `./test --full` runs
this with the thread sanitizer too."""
import concurrent.futures
import contextlib
import json
import os
import signal
import threading
import time
import unittest
import uuid

from hearth import Server, wait_until, zip_of
from test_processes import command_of, descendants

ECHO = "def handler(event, context):\n    return {'me': context.function_name, 'event': event}\n"
# Calls the function named first in the event with the rest, through the endpoint inside its sandbox.
CHAIN = """
import json, os, urllib.request
def handler(event, context):
    if not event["through"]:
        return [context.function_name]
    url = f"{os.environ['AWS_ENDPOINT_URL']}/2015-03-31/functions/{event['through'][0]}/invocations"
    body = json.dumps({"through": event["through"][1:]}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=20) as reply:
        return [context.function_name] + json.load(reply)
"""


class Loops(unittest.TestCase):
    FUNCTIONS = 6  # of which the hash gives some to each loop, whatever their names: with 6, all but once in 32 times

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--data-plane-loops", "2").start()
        cls.client = cls.server.client("lambda", max_pool_connections=16)

    @classmethod
    def tearDownClass(cls):
        server, cls.server = cls.server, None
        server.__exit__()

    def call(self, name, event):
        """Invokes with the one client of this class: making one costs more than a hundred invocations."""
        return json.load(self.client.invoke(FunctionName=name, Payload=json.dumps(event).encode())["Payload"])

    def functions(self, code, **options):
        names = [f"f{i}-{uuid.uuid4().hex[:8]}" for i in range(self.FUNCTIONS)]
        for name in names:
            self.server.deploy(name, {"app.py": code}, **options)
        return names

    def test_the_server_has_the_loops_it_was_told_to_have(self):
        def threads(server):
            counts = []
            for pid in descendants(server.process.pid):
                with contextlib.suppress(FileNotFoundError):  # one that has ended since
                    counts.append(len(os.listdir(f"/proc/{pid}/task")))
            return max(counts)

        with Server("--data-plane-loops", "1") as alone, Server("--data-plane-loops", "3") as three:
            self.assertEqual(threads(alone) + 2, threads(three))

    def test_many_functions_at_once_each_give_their_own_answers(self):
        names = self.functions(ECHO)

        def call(i):
            name = names[i % len(names)]
            return self.call(name, {"i": i}) == {"me": name, "event": {"i": i}}

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual([True] * 120, list(pool.map(call, range(120))))

    def reports(self, name):
        return sum(message.startswith("REPORT ") for message in self.server.log_messages(name))

    def test_functions_of_different_loops_call_each_other(self):
        names = self.functions(CHAIN, Timeout=60)
        for start in range(2):
            path = names[start:] + names[:start]
            payload, reply = self.server.invoke(path[0], {"through": path[1:]})
            self.assertNotIn("FunctionError", reply, payload)
            self.assertEqual(path, payload)

    def test_changes_reach_the_next_invocation_of_every_function(self):
        names = self.functions("def handler(event, context):\n    return 0\n")
        client = self.client

        def change(name):
            seen = []
            for version in range(1, 4):
                code = f"def handler(event, context):\n    return {version}\n"
                client.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": code}))
                wait_until(lambda: client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] == "Successful",
                           30, f"the update of {name}")
                seen.append(self.call(name, {}))
            return seen

        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            self.assertEqual([[1, 2, 3]] * len(names), list(pool.map(change, names)))

    def test_those_that_die_and_those_that_hang_are_answered_for(self):
        names = self.functions("""
import os, time
def handler(event, context):
    print("before the end")
    if event == "die":
        os._exit(3)
    if event == "hang":
        time.sleep(60)
    return event
""", Timeout=1)

        def torment(name):
            answers = [self.call(name, event) for event in ("live", "die", "hang", "live")]
            return [a if isinstance(a, str) else a["errorMessage"].split(" ", 2)[2] for a in answers]

        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            expected = ["live", "Error: Runtime exited with error: exit status 3",
                        "Error: Task timed out after 1.00 seconds", "live"]
            for name, answers in zip(names, pool.map(torment, names)):
                self.assertEqual(expected, answers, name)
        for name in names:
            wait_until(lambda name=name: self.reports(name) == 4, 10, f"four reports in the log of {name}")

    def test_events_that_nobody_waits_for_run_on_every_loop(self):
        names = self.functions(ECHO)
        for name in names:
            for i in range(5):
                self.client.invoke(FunctionName=name, Payload=json.dumps({"i": i}).encode(), InvocationType="Event")
        for name in names:
            wait_until(lambda name=name: self.reports(name) == 5, 30, f"five runs of {name}")


class Ends(unittest.TestCase):
    def test_a_stop_answers_what_runs_and_leaves_nothing(self):
        with Server("--data-plane-loops", "2") as server:
            names = [f"f{i}" for i in range(6)]
            for name in names:
                server.deploy(name, {"app.py": "import time\ndef handler(event, context):\n    time.sleep(50)\n"}, Timeout=60)
            answered = []

            def call(name):
                try:
                    server.invoke(name)
                    answered.append("an answer")
                except Exception as error:  # noqa: BLE001 - of whatever kind: it has ended
                    answered.append(str(error))

            callers = [threading.Thread(target=call, args=(name,)) for name in names]
            for caller in callers:
                caller.start()
            wait_until(lambda: server.health()["environments"] == 6, 30, "six environments")
            began = time.monotonic()
            self.assertEqual(0, server.stop(), server.log())
            self.assertLess(time.monotonic() - began, 28)
            for caller in callers:
                caller.join(10)
            self.assertEqual(6, len(answered), answered)

    def test_a_reset_ends_the_environments_of_every_loop(self):
        with Server("--data-plane-loops", "2") as server:
            for i in range(6):
                server.deploy(f"f{i}", {"app.py": ECHO})
                server.invoke(f"f{i}")
            self.assertEqual(6, server.health()["environments"])
            status, _, _ = server.get("/_hearth/reset", headers={"X-Hearth-Reset": "yes"}, method="POST", data=b"")
            self.assertEqual(200, status)
            self.assertEqual(0, server.health()["environments"])
            server.deploy("f0", {"app.py": ECHO})
            self.assertEqual({"me": "f0", "event": {}}, server.invoke("f0")[0])

    def test_a_dead_launcher_is_replaced_for_every_loop(self):
        with Server("--data-plane-loops", "2") as server:
            names = [f"f{i}" for i in range(6)]
            for name in names:
                server.deploy(name, {"app.py": ECHO})
                server.invoke(name)
            launcher = next(p for p in descendants(server.process.pid) if "launcher" in command_of(p))
            os.kill(launcher, signal.SIGKILL)

            def works(name):
                try:
                    return server.invoke(name)[0] == {"me": name, "event": {}}
                except Exception:  # noqa: BLE001 - while the launcher is being replaced
                    return False

            for name in names:
                wait_until(lambda n=name: works(n), 30, f"{name} to run again")
