"""Raw bytes from inside a function, to the doors that its sandbox has: the Runtime API and the AWS endpoint, plain and TLS.
They are refused as at the public door, the invocation they come from still ends with its own answer, and the next runs."""
import base64
import os
import unittest

from hearth import Server
from hostile import AMBIGUOUS, split

# Speaks to a port in raw bytes: sends each piece, then tells what came back until the other side closed or all was quiet.
APP = r'''
import base64, http.client, socket

def talk(port, pieces, half_close, quiet_s):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        data, closed = b"", False
        try:
            for piece in pieces:
                s.sendall(piece)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            s.settimeout(quiet_s)
            while True:
                more = s.recv(65536)
                if not more:
                    closed = True
                    break
                data += more
        except TimeoutError:
            pass
        except ConnectionError:
            closed = True
        return data, closed

def handler(event, context):
    if event.get("do") == "tls":
        connection = http.client.HTTPSConnection("sts.amazonaws.com", timeout=5)
        connection.request("GET", "/")
        return connection.getresponse().status
    if event.get("do") == "crowd":
        held = []
        for _ in range(event["count"]):
            s = socket.socket()
            s.settimeout(2)
            try:
                s.connect(("127.0.0.1", event["port"]))
                s.sendall(event["send"].encode())
            except OSError:
                s.close()
                continue
            held.append(s)
        return len(held)
    me = context.aws_request_id.encode()
    answers = []
    for case in event["cases"]:
        raw = base64.b64decode(case).replace(b"@ID@", me)
        data, closed = talk(event["port"], [raw], event.get("half_close", False), event.get("quiet_s", 3))
        answers.append([base64.b64encode(data).decode(), closed])
    return {"own": "answer", "answers": answers}
'''
RUNTIME = "/2018-06-01/runtime/invocation/"


class Insiders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()
        cls.server.deploy("inside", {"app.py": APP}, Timeout=60, MemorySize=512)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def ask(self, port, cases, **options):
        """What each of `cases`, sent to `port` inside, was answered: (answers, closed)."""
        event = {"port": port, "cases": [base64.b64encode(case).decode() for case in cases], **options}
        result, reply = self.server.invoke("inside", event)
        self.assertNotIn("FunctionError", reply, result)
        self.assertEqual("answer", result["own"], "bytes from inside changed the answer of their own invocation")
        return [(split(base64.b64decode(data)), closed) for data, closed in result["answers"]]

    def test_nothing_is_smuggled_past_either_door(self):
        smuggled = f"POST {RUNTIME}@ID@/response HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n\"smuggled\""
        for port in (9001, 80):
            cases = [("POST /first HTTP/1.1\r\nHost: localhost\r\n" + rest + smuggled).encode("latin-1")
                     for rest in AMBIGUOUS.values()]
            for name, (answers, closed) in zip(AMBIGUOUS, self.ask(port, cases)):
                with self.subTest(name, port=port):
                    self.assertTrue(closed)
                    self.assertEqual(1, len(answers), answers)
                    self.assertIn(answers[0][0], (400, 404, 413, 501))

    def test_oversized_and_foreign_bytes_are_refused(self):
        cases = [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 300 + b"\r\n",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(300) + b"\n", b"\x00" * 500,
                 b"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n"]
        for port in (9001, 80):
            for answers, closed in self.ask(port, cases):
                self.assertTrue(closed)
                self.assertEqual(1, len(answers))
                self.assertIn(answers[0][0], (400, 417, 431, 505))

    def test_half_a_request_is_none(self):
        cases = [f"POST {RUNTIME}@ID@/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n\"half\"".encode(),
                 f"POST {RUNTIME}@ID@/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n\"half\"\r\n".encode()]
        for answers, closed in self.ask(9001, cases, half_close=True):
            self.assertTrue(closed)
            self.assertEqual([], answers)

    def test_plain_bytes_at_the_tls_port_end_in_a_closed_connection(self):
        cases = [b"GET / HTTP/1.1\r\nHost: sts.amazonaws.com\r\n\r\n", os.urandom(500), b"\x16\x03\x01\xff\xff" + b"\x01" * 1000,
                 b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", b"\x80\x2e\x01\x00\x02" + b"a" * 50]
        event = {"port": 443, "cases": [base64.b64encode(case).decode() for case in cases], "half_close": True}
        result, _ = self.server.invoke("inside", event)
        for data, closed in result["answers"]:
            self.assertTrue(closed)
            data = base64.b64decode(data)
            self.assertTrue(data == b"" or data[0] == 0x15, f"neither nothing nor a TLS alert: {data[:50]!r}")
        self.assertEqual(302, self.server.invoke("inside", {"do": "tls"})[0])

    def test_a_crowd_from_inside_stays_inside(self):
        for port, send in ((9001, "GET /"), (80, "GET /"), (443, "\x16\x03\x01")):
            with self.subTest(port):
                self.server.invoke("inside", {"do": "crowd", "port": port, "count": 500, "send": send})
                self.server.health()
                self.assertEqual("answer", self.server.invoke("inside", {"port": 80, "cases": []})[0]["own"])


if __name__ == "__main__":
    unittest.main()
