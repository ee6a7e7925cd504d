"""Runtime clients that do not play by the rules: refused by state, and nobody else notices."""
import json
import time
import unittest
import uuid

from hearth import Server

# Speaks to the Runtime API in raw bytes; each event says what to do besides answering it. `seen` is what came back.
BOOTSTRAP = r'''#!/usr/bin/python3 -I
import json, os, socket, sys, time

def connect():
    s = socket.create_connection(("127.0.0.1", 9001))
    return s, s.makefile("rb")

def read(f):
    status = int(f.readline().split()[1])
    headers = {}
    while (line := f.readline().strip()):
        k, v = line.decode().split(":", 1)
        headers[k.lower()] = v.strip()
    return status, headers, f.read(int(headers.get("content-length", 0)))

API = "/2018-06-01/runtime/"
def call(c, method, path, body=b""):
    c[0].sendall(f"{method} {API}{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return read(c[1])

main = connect()
if os.environ.get("DO") == "never_read":
    main[0].sendall(f"GET {API}invocation/next HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(3600)

seen = []
previous = None
runs = 0
while True:
    _, headers, event = call(main, "GET", "invocation/next")
    event = json.loads(event)
    me = headers["lambda-runtime-aws-request-id"]
    runs += 1
    def note(reply):
        body = reply[2].decode(errors="replace")
        seen.append([reply[0], json.loads(body).get("errorType") if body.startswith("{") else body])
    def answer(value):
        return call(main, "POST", f"invocation/{me}/response", json.dumps(value).encode())
    do = event.get("do")
    if do == "twice":
        answer("first")
        note(answer("second"))
        note(call(main, "POST", f"invocation/{me}/error", b"{}"))
    elif do == "other":
        note(call(main, "POST", "invocation/00000000-0000-0000-0000-000000000000/response", b"1"))
        note(call(main, "POST", "invocation/x/error", b"1"))
        answer("mine")
    elif do == "late":
        note(call(main, "POST", f"invocation/{previous}/response", b'"stale"'))
        answer("mine")
    elif do == "next_while_busy":
        second = connect()
        note(call(second, "GET", "invocation/next"))
        answer("mine")
    elif do == "init_error_while_busy":
        note(call(main, "POST", "init/error", b"{}"))
        answer("mine")
    elif do == "garbage":
        for sent in (b"\x16\x03\x01garbage\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
            s, f = connect()
            s.sendall(sent)
            note((int(f.readline().split()[1]), {}, b""))
            s.close()
        answer("mine")
    elif do == "crowd":
        crowd = []
        for i in range(200):
            s = socket.create_connection(("127.0.0.1", 9001))
            s.sendall(b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Le")
            crowd.append(s)
        answer(len(crowd))
    elif do == "huge":
        s, f = connect()
        try:
            s.sendall(f"POST {API}invocation/{me}/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            for _ in range(64):
                s.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        except OSError:
            pass
    elif do == "half_answer":
        s, f = connect()
        s.sendall(f"POST {API}invocation/{me}/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf".encode())
        s.close()
        answer("whole")
    elif do == "seen":
        answer([runs, seen])
    else:
        answer(runs)
    previous = me
'''


class HostileRuntimes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.server.deploy("bystander", {"app.py": "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n"})
        cls.bystander_runs = 0

    @classmethod
    def tearDownClass(cls):
        server, cls.server = cls.server, None
        server.__exit__()

    def setUp(self):
        self.name = f"f-{uuid.uuid4().hex[:8]}"

    def tearDown(self):
        # The same environment as ever answers: nothing that happened beside it made a difference.
        type(self).bystander_runs += 1
        self.assertEqual(self.bystander_runs, self.server.invoke("bystander")[0])

    def deploy(self, **options):
        self.server.deploy(self.name, {"bootstrap": BOOTSTRAP}, runtime="provided.al2023", handler="x", MemorySize=512,
                           **{"Timeout": 10, **options})

    def invoke(self, do=None, **options):
        return self.server.invoke(self.name, {"do": do}, **options)

    def refusals(self, do, answer="mine"):
        """What the runtime got back when it did `do`, in an environment that goes on working."""
        self.deploy()
        self.assertEqual(1, self.invoke()[0])
        self.assertEqual(answer, self.invoke(do)[0])
        runs, seen = self.invoke("seen")[0]
        self.assertEqual(3, runs, "the environment should have been kept")
        return seen

    def test_the_second_answer_is_refused_and_the_first_one_counts(self):
        self.assertEqual([[403, "InvalidStateTransition"]] * 2, self.refusals("twice", "first"))

    def test_an_answer_for_another_request_is_refused(self):
        self.assertEqual([[400, "InvalidRequestID"]] * 2, self.refusals("other"))

    def test_an_answer_that_comes_too_late_is_refused(self):
        self.assertEqual([[400, "InvalidRequestID"]], self.refusals("late"))

    def test_asking_for_work_while_busy_is_refused(self):
        self.assertEqual([[403, "InvalidStateTransition"]], self.refusals("next_while_busy"))

    def test_an_init_error_after_init_is_refused(self):
        self.assertEqual([[403, "InvalidStateTransition"]], self.refusals("init_error_while_busy"))

    def test_garbage_is_refused(self):
        statuses = [status for status, _ in self.refusals("garbage")]
        self.assertEqual([400, 505, 400], statuses)

    def test_half_an_answer_is_none(self):
        self.assertEqual([], self.refusals("half_answer", "whole"))

    def test_a_crowd_of_connections_harms_at_most_itself(self):
        self.deploy()
        self.assertEqual(1, self.invoke()[0])
        payload, _ = self.invoke("crowd")  # connections beyond the few that are served are closed
        self.assertTrue(payload == 200 or payload["errorType"] == "Runtime.ExitError", payload)
        self.assertIn(self.invoke()[0], (1, 3))

    def test_an_endless_answer_is_cut_off_and_the_environment_replaced(self):
        self.deploy()
        self.assertEqual(1, self.invoke()[0])
        payload, reply = self.invoke("huge")
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertEqual("Function.ResponseSizeTooLarge", payload["errorType"])
        self.assertEqual(1, self.invoke()[0], "a new environment counts from one")

    def test_one_that_never_reads_times_out(self):
        self.deploy(Timeout=1, Environment={"Variables": {"DO": "never_read"}})
        for _ in range(2):
            began = time.monotonic()
            payload, _ = self.server.invoke(self.name, Payload=json.dumps("x" * 5_000_000).encode())
            self.assertEqual("Sandbox.Timedout", payload["errorType"])
            self.assertLess(time.monotonic() - began, 5)

    def test_one_that_ends_without_a_word_fails_its_init(self):
        self.server.deploy(self.name, {"bootstrap": "#!/bin/sh\nexit 0\n"}, runtime="provided.al2023", handler="x")
        payload, _ = self.server.invoke(self.name)
        self.assertEqual("Runtime.ExitError", payload["errorType"])
        self.assertIn("Runtime exited without providing a reason", payload["errorMessage"])

    def test_one_that_never_asks_for_work_times_out(self):
        self.server.deploy(self.name, {"bootstrap": "#!/bin/sh\nexec sleep 600\n"}, runtime="provided.al2023",
                           handler="x", Timeout=1)
        began = time.monotonic()
        payload, _ = self.server.invoke(self.name)
        self.assertEqual("Sandbox.Timedout", payload["errorType"])
        self.assertLess(time.monotonic() - began, 16)


if __name__ == "__main__":
    unittest.main()
