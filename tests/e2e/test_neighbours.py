"""What one function does to the server does not slow down another: a neighbour's latency alone and under attack, measured
in one run. The bounds hold on a machine of two cores that the attacker may load with one."""
import http.client
import threading
import time
import unittest

from hearth import Server, wait_until

NEIGHBOUR = "def handler(event, context):\n    return event\n"

# Ten connections to the function's own AWS endpoint, each with a hundred requests under way.
PIPELINER = """
import os, socket, threading, time
from urllib.parse import urlsplit
def handler(event, context):
    where = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    request = (b"GET /2015-03-31/functions/?MaxItems=50 HTTP/1.1\\r\\nHost: lambda.us-east-1.amazonaws.com\\r\\n\\r\\n")
    until = time.monotonic() + event["seconds"]
    answers = [0] * 10
    def hammer(i):
        s = socket.create_connection((where.hostname, where.port or 80))
        s.setblocking(True)
        s.sendall(request * 100)
        while time.monotonic() < until:
            count = s.recv(1 << 20).count(b"HTTP/1.1 200")
            answers[i] += count
            s.sendall(request * count)
    threads = [threading.Thread(target=hammer, args=(i,)) for i in range(10)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return sum(answers)
"""

# Lines of nothing, as fast as the pipe takes them.
FLOODER = """
import os, time
def handler(event, context):
    until = time.monotonic() + event["seconds"]
    written = 0
    while time.monotonic() < until:
        written += os.write(1, b"\\n" * 65536)
    return written
"""


class Probe:
    """Invokes a function over one connection, one call after the other."""

    def __init__(self, server, name):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.path = f"/2015-03-31/functions/{name}/invocations"

    def call(self):
        began = time.perf_counter()
        self.connection.request("POST", self.path, b"{}")
        reply = self.connection.getresponse()
        body = reply.read()
        took = time.perf_counter() - began
        assert reply.status == 200, (reply.status, body)
        return took

    def times(self, seconds):
        """Sorted latencies of calls, with pauses as between a user's requests, for a while."""
        taken, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            taken.append(self.call())
            time.sleep(0.004)
        return sorted(taken)


def at(taken, share):
    return taken[min(int(len(taken) * share), len(taken) - 1)]


# On a machine with nothing else to do it is below 3. Without turns for each function it is 100.
BOUND = 10


class Neighbours(unittest.TestCase):
    SECONDS = 4

    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.__exit__)
        self.server.deploy("neighbour", {"app.py": NEIGHBOUR}, MemorySize=1769)
        self.probe = Probe(self.server, "neighbour")
        self.probe.times(0.5)

    def under_attack(self, attacker):
        """(sorted latencies alone, the same under attack, what the attacker returned)."""
        self.server.deploy("attacker", {"app.py": attacker}, MemorySize=1769, Timeout=60)
        self.server.invoke("attacker", {"seconds": 0})  # started; nothing was done yet
        alone = self.probe.times(self.SECONDS)
        done = []
        attack = threading.Thread(target=lambda: done.append(self.server.invoke("attacker", {"seconds": self.SECONDS + 1})[0]))
        attack.start()
        time.sleep(0.5)
        attacked = self.probe.times(self.SECONDS)
        attack.join()
        return alone, attacked, done[0]

    def check(self, attacker, least):
        """Neighbours within the bound in one of three rounds: what else the machine does is not the attacker's doing."""
        rounds = []
        for _ in range(3):
            alone, attacked, done = self.under_attack(attacker)
            said = ", ".join(f"{name} {at(alone, share) * 1000:.1f} -> {at(attacked, share) * 1000:.1f} ms"
                             for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)))
            print(f"{self.id()}: {said}; the attacker did {done}")
            self.assertGreater(done, least, "the attack was none")
            if at(attacked, 0.5) <= BOUND * at(alone, 0.5) + 0.01 and at(attacked, 0.99) <= BOUND * at(alone, 0.99) + 0.01:
                return
            rounds.append(said)
            self.server.client("lambda").delete_function(FunctionName="attacker")
        self.fail(f"the neighbour waited too long in every round: {rounds}")

    def test_pipelined_calls_of_one_function_leave_the_others_their_turn(self):
        self.check(PIPELINER, 1000)

    def test_a_flood_of_empty_lines_of_one_function_leaves_the_others_their_turn(self):
        self.check(FLOODER, 1 << 15)

    def test_every_line_of_a_flood_is_stored(self):
        self.server.deploy("chatty", {"app.py": "def handler(event, context):\n    for i in range(20000): print('line', i)\n"},
                           MemorySize=1769, Timeout=60)
        self.server.invoke("chatty")
        logs = self.server.client("logs")

        def lines():
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/chatty", filterPattern="line")
            return [event["message"].strip() for page in pages for event in page["events"]]
        wait_until(lambda: len(lines()) >= 20000, 60, "all lines")
        self.assertEqual([f"line {i}" for i in range(20000)], lines())


if __name__ == "__main__":
    unittest.main()
