"""Hostile clients at the public door: slow, half-closed, ambiguous, oversized, many. Each is refused or waited out, and an
honest client beside them is answered."""
import contextlib
import os
import re
import resource
import socket
import subprocess
import threading
import time
import unittest

from hearth import BINARY, Server, wait_until
from hostile import (AMBIGUOUS, LAMBDA, SMUGGLED, api, connect, descriptors, many_descriptors, quick, read_all, read_answer, reset_on_close,
                     resident_kib, server_pid, signed_headers, split, talk)

SLOW = ("--http-header-timeout-s", "1", "--http-body-timeout-s", "2", "--http-idle-timeout-s", "30")
HEALTH = b"GET /_hearth/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class OneServer(unittest.TestCase):
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.OPTIONS).__enter__()
        cls.port = cls.server.port
        cls.pid = server_pid(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def tearDown(self):
        quick(self.server)
        self.assertIsNone(self.server.process.poll(), "the server went down")


class Slow(OneServer):
    OPTIONS = SLOW

    def drip(self, connections, data, pause_s, until_s):
        """Sends `data` a byte at a time on all connections; an honest client's worst time meanwhile."""
        worst, end = 0.0, time.monotonic() + until_s
        for byte in data:
            if time.monotonic() > end:
                break
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.send(bytes([byte]))
            worst = max(worst, quick(self.server))
            time.sleep(pause_s)
        return worst

    def test_heads_that_never_end_are_cut_off_and_hold_up_nobody(self):
        connections = [connect(self.port) for _ in range(300)]
        begin = time.monotonic()
        worst = self.drip(connections, HEALTH[:-2] + b"X-A: " + b"a" * 100, 0.05, 2.5)
        self.assertLess(worst, 0.5)
        for connection in connections:
            data, closed = read_all(connection, 5)
            connection.close()
            self.assertTrue(closed)
            self.assertEqual([408], [status for status, _, _ in split(data)])
        self.assertLess(time.monotonic() - begin, 8)

    def test_bodies_that_never_end_are_cut_off(self):
        head = api(self.port, "POST", LAMBDA, b"").replace(b"Content-Length: 0", b"Content-Length: 1000000")
        chunked = api(self.port, "POST", LAMBDA, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        connections = [connect(self.port) for _ in range(20)]
        for i, connection in enumerate(connections):
            connection.sendall(head if i % 2 else chunked)
        self.drip(connections, b"1\r\n \r\n" * 20, 0.05, 3)
        for connection in connections:
            data, closed = read_all(connection, 40)
            connection.close()
            self.assertIn([status for status, _, _ in split(data)], ([408], [400]))

    def test_a_client_that_reads_nothing_is_dropped_and_holds_little(self):
        # Pipelined requests whose answers nobody takes: the server stops reading, and in the end closes.
        before = resident_kib(self.pid)
        connections = []
        sent = 0
        for _ in range(20):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", self.port))
            connection.setblocking(False)
            connections.append(connection)
        sent_at = time.monotonic()
        while time.monotonic() - sent_at < 1:  # until every connection has been stuck for a second
            for connection in connections:
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    sent += connection.send(HEALTH * 200)
                    sent_at = time.monotonic()
            time.sleep(0.01)
            self.assertLess(sent, 200 << 20, "the server takes requests without end though nobody reads its answers")
        self.assertGreater(sent, 1 << 20)
        self.assertLess(resident_kib(self.pid) - before, 20 * 1024)

        def all_gone():
            gone = 0
            for connection in connections:
                try:
                    connection.send(b"x")
                except BlockingIOError:
                    continue
                except ConnectionError:
                    gone += 1
            return gone == len(connections)
        wait_until(all_gone, 10, "the server to drop clients who read nothing")
        for connection in connections:
            connection.close()

    def test_a_slow_reader_gets_its_answer_whole(self):
        with connect(self.port) as connection:
            connection.sendall(HEALTH)
            data = b""
            for _ in range(20):
                data += connection.recv(7)
                time.sleep(0.02)
            data += connection.recv(1 << 16)
            self.assertEqual(200, split(data)[0][0])


class Closing(OneServer):
    OPTIONS = SLOW

    def test_a_half_closed_client_gets_its_answers(self):
        answers, closed = talk(self.port, HEALTH * 5)
        self.assertEqual([200] * 5, [status for status, _, _ in answers])
        self.assertTrue(closed)

    def test_a_request_cut_in_two_by_the_end_is_none(self):
        whole = api(self.port, "DELETE", LAMBDA + "/none")
        for cut in (1, 10, len(whole) - 1):
            answers, closed = talk(self.port, whole[:cut])
            self.assertTrue(closed)
            self.assertTrue(all(400 <= status < 500 for status, _, _ in answers), answers)
        body = api(self.port, "POST", LAMBDA, b"{}" * 50)
        answers, closed = talk(self.port, body[:-10])
        self.assertTrue(closed)
        self.assertTrue(all(status == 400 for status, _, _ in answers), answers)

    def test_resets_at_every_moment_leave_no_descriptor(self):
        before = len(descriptors(self.pid))
        whole = api(self.port, "POST", LAMBDA, b'{"FunctionName": "x"}')
        for cut in list(range(0, len(whole), 7)) + [len(whole)]:
            connection = connect(self.port)
            connection.sendall(whole[:cut])
            reset_on_close(connection)
            connection.close()
        wait_until(lambda: len(descriptors(self.pid)) <= before, 10, "descriptors of reset connections to go")


class Pipelining(OneServer):
    def test_answers_come_in_the_order_of_the_requests(self):
        names = [f"pipelined-{i}" for i in range(300)]
        data = b"".join(api(self.port, "GET", f"{LAMBDA}/{name}") for name in names)
        answers, _ = talk(self.port, data)
        self.assertEqual(names, [re.search(rb"function:(pipelined-\d+)", body)[1].decode() for _, _, body in answers])

    def test_a_refused_request_is_the_last_of_its_connection(self):
        answers, closed = talk(self.port, HEALTH + b"BROKEN\r\n\r\n" + HEALTH, half_close=False)
        self.assertEqual([200, 400], [status for status, _, _ in answers])
        self.assertTrue(closed)

    def test_a_connection_that_asks_without_end_does_not_starve_others(self):
        connection = connect(self.port)
        stop = threading.Event()

        def ask():
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    connection.sendall(HEALTH * 50)

        def listen():
            with contextlib.suppress(OSError):
                while not stop.is_set() and connection.recv(1 << 20):
                    pass
        threads = [threading.Thread(target=target) for target in (ask, listen)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(0.2)
            worst = max(quick(self.server) for _ in range(20))
        finally:
            stop.set()
            connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(10)
            connection.close()
        self.assertLess(worst, 1.5)


class Smuggling(OneServer):
    """What two servers could read differently is refused with 400, and nothing behind it is taken for a request."""
    def test_ambiguous_framing_is_refused_and_nothing_behind_it_answered(self):
        for name, rest in AMBIGUOUS.items():
            with self.subTest(name):
                data = "POST /first HTTP/1.1\r\nHost: localhost\r\n" + rest + SMUGGLED
                answers, closed = talk(self.port, data.encode("latin-1"), half_close=False)
                self.assertTrue(closed, "the connection stayed open")
                self.assertEqual(1, len(answers), answers)
                self.assertIn(answers[0][0], (400, 413, 501))

    def test_lines_that_begin_a_request_strangely_are_refused(self):
        for line in ("GET  / HTTP/1.1", "GET /\tHTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET /a b HTTP/1.1", "GET / http/1.1",
                     "GET / HTTP/1.10", "GET /", "GET", "GE(T / HTTP/1.1", "GET \x7f HTTP/1.1", "GET /\x00 HTTP/1.1",
                     "GET * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "GET a HTTP/1.1", "GET /\x80 HTTP/1.1", "GET /#a HTTP/1.1"):
            with self.subTest(line):
                data = (line + "\r\nHost: localhost\r\n\r\n" + SMUGGLED).encode("latin-1")
                answers, closed = talk(self.port, data, half_close=False)
                self.assertTrue(closed)
                self.assertEqual(1, len(answers), answers)
                self.assertIn(answers[0][0], (400, 505))

    def test_what_is_allowed_is_read_to_its_end_and_no_further(self):
        for framing in ("Transfer-Encoding: chunked\r\n\r\n2;a=b;c=\"d\\\"\"\r\n{}\r\n0;x\r\nTrailer: x\r\n\r\n",
                        "Transfer-Encoding: CHUNKED\r\n\r\n0002\r\n{}\r\n000\r\n\r\n", "Content-Length: 2\r\n\r\n{}",
                        "Content-Length: \t2 \r\n\r\n{}"):
            with self.subTest(framing):
                data = "POST /first HTTP/1.1\r\nHost: localhost\r\n" + framing + SMUGGLED
                answers, _ = talk(self.port, data.encode())
                self.assertEqual(2, len(answers), answers)
                self.assertIn(b"/first", answers[0][2])
                self.assertIn(b"/smuggled", answers[1][2])


class Oversized(OneServer):
    OPTIONS = ("--limits-upload-mib", "8")

    def refusal(self, data, *expected):
        begin = time.monotonic()
        answers, closed = talk(self.port, data, half_close=False, timeout=20)
        self.assertTrue(closed)
        self.assertEqual(1, len(answers), answers)
        self.assertIn(answers[0][0], expected)
        self.assertLess(len(answers[0][2]), 1 << 21)
        self.assertLess(time.monotonic() - begin, 5)
        return answers[0]

    def test_request_lines_headers_and_their_number(self):
        for path in ("/" + "a" * 70_000, "/?" + "a=b&" * 20_000):
            self.refusal(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 431)
        self.refusal(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431)
        self.refusal(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 300 + b"\r\n", 431)
        self.refusal(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X" * 70_000 + b": a\r\n\r\n", 431)
        self.refusal(b"A" * 100_000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 431)

    def test_bodies(self):
        head = api(self.port, "POST", LAMBDA, b"")
        for size in (9 << 20, 1 << 40, (1 << 64) - 1):
            self.refusal(head.replace(b"Content-Length: 0", b"Content-Length: %d" % size), 413)
        chunked = head.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        self.refusal(chunked + (b"100000\r\n" + b"a" * (1 << 20) + b"\r\n") * 10, 413)
        self.refusal(chunked + b"ffffffffffffffff\r\n", 400, 413)
        # What would be refused anyway is refused before its body has come.
        for page, status in (("/_hearth/reset", 413), ("/nothing", 404)):
            self.refusal(f"POST {page} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n".encode(), status)

    def test_json_of_every_excess_is_refused_at_once(self):
        before = resident_kib(self.pid)
        name = b'{"FunctionName": '
        bodies = {
            "depth of lists": b"[" * 100_000,
            "depth of objects": b'{"a":' * 100_000,
            "depth inside a member": name + b"[" * 50_000 + b"]" * 50_000 + b"}",
            "a number of many digits": name + b"1" * 1_000_000 + b"}",
            "a fraction of many digits": name + b"0." + b"1" * 1_000_000 + b"}",
            "a huge exponent": b'{"Timeout": 1e999999999}',
            "an exponent of many digits": b'{"Timeout": 1e' + b"9" * 100_000 + b"}",
            "a key of a megabyte": b'{"' + b"k" * (1 << 20) + b'": 1}',
            "a value of a megabyte": name + b'"' + b"n" * (1 << 20) + b'"}',
            "very many keys": b"{" + b",".join(b'"k%d":1' % i for i in range(200_000)) + b"}",
            "one key very often": b"{" + b",".join([b'"FunctionName":"x"'] * 100_000) + b"}",
            "very many list items": b'{"Layers": [' + b",".join([b'"x"'] * 200_000) + b"]}",
            "very many escapes": name + b'"' + b"\\u0000" * 100_000 + b'"}',
            "half a surrogate": name + b'"\\ud800"}',
            "bytes that are not UTF-8": name + b'"\xff\xfe"}',
            "text after the value": b"{}" * 1000,
            "base64 of a megabyte that is none": b'{"Code": {"ZipFile": "' + b"!" * (1 << 20) + b'"}}',
        }
        for what, body in bodies.items():
            with self.subTest(what):
                begin = time.monotonic()
                answers, _ = talk(self.port, api(self.port, "POST", LAMBDA, body), timeout=20)
                self.assertEqual(1, len(answers), answers)
                self.assertEqual(400, answers[0][0], answers[0][2][:300])
                self.assertLess(len(answers[0][2]), (1 << 21) + 4096, "an answer grew with its question")
                self.assertLess(time.monotonic() - begin, 2)
        for service, target in (("logs", "Logs_20140328.PutLogEvents"),):
            for what, body in bodies.items():
                with self.subTest(what, service=service):
                    data = api(self.port, "POST", "/", body, service=service, target=target)
                    answers, _ = talk(self.port, data, timeout=20)
                    self.assertEqual([400], [status for status, _, _ in answers])
        self.assertLess(resident_kib(self.pid) - before, 120 * 1024)

    def test_forms_of_every_excess_are_refused_at_once(self):
        bodies = {
            "many parameters": b"Action=CreateRole&" + b"&".join(b"P%d=x" % i for i in range(100_000)),
            "deep names": b"Action=CreateRole&" + b".".join([b"A"] * 100_000) + b"=x",
            "a list with a distant item": b"Action=CreateRole&Tags.member.999999999.Key=x",
            "many items": b"Action=CreateRole&" + b"&".join(b"Tags.member.%d.Key=x" % i for i in range(1, 50_000)),
            "two meanings of a name": b"Action=CreateRole&Tags=x&Tags.member.1.Key=y",
            "a value of a megabyte": b"Action=CreateRole&RoleName=" + b"a" * (1 << 20),
            "a policy of a megabyte": b"Action=CreateRole&RoleName=a&AssumeRolePolicyDocument=" + b"%5B" * 300_000,
            "broken escapes": b"Action=CreateRole&RoleName=%zz",
        }
        for what, body in bodies.items():
            with self.subTest(what):
                begin = time.monotonic()
                data = api(self.port, "POST", "/", body, service="iam", content_type="application/x-www-form-urlencoded")
                answers, _ = talk(self.port, data, timeout=20)
                self.assertEqual(1, len(answers), answers)
                self.assertIn(answers[0][0], (400, 413), answers[0][2][:300])
                self.assertLess(time.monotonic() - begin, 2)

    def test_signatures_of_every_excess_are_refused(self):
        for header in ("AWS4-HMAC-SHA256 " + "Credential=a/b/c/d/e, " * 2_000, "AWS4-HMAC-SHA256 SignedHeaders=" + "a;" * 20_000,
                       "AWS4-HMAC-SHA256 Credential=" + "/" * 50_000, "AWS4-HMAC-SHA256", "Basic " + "a" * 10_000):
            data = f"GET {LAMBDA} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {header}\r\n\r\n".encode()
            answers, _ = talk(self.port, data)
            self.assertEqual(1, len(answers))
            self.assertTrue(400 <= answers[0][0] < 500, answers)


class Continue(OneServer):
    def test_it_is_said_once_before_the_body_and_only_where_it_is_waited_for(self):
        body = b'{"FunctionName": "x"}'
        whole = api(self.port, "POST", LAMBDA, body)
        head, _, _ = whole.partition(b"\r\n\r\n")
        with connect(self.port) as connection:
            connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", connection.recv(1000))
            connection.sendall(body)
            self.assertEqual(400, read_answer(connection)[0])
            # A client that sends its body at once is not told to.
            connection.sendall(head + b"\r\nExpect: 100-Continue\r\n\r\n" + body)
            self.assertEqual(400, read_answer(connection)[0])

    def test_a_body_that_will_be_refused_is_not_asked_for(self):
        head = api(self.port, "POST", LAMBDA, b"").replace(b"Content-Length: 0", b"Content-Length: 99999999999")
        with connect(self.port) as connection:
            connection.sendall(head[:-2] + b"Expect: 100-continue\r\n\r\n")
            self.assertEqual(413, read_answer(connection)[0])

    def test_another_expectation_fails(self):
        answers, closed = talk(self.port, HEALTH[:-2] + b"Expect: 200-ok\r\n\r\n", half_close=False)
        self.assertEqual([417], [status for status, _, _ in answers])
        self.assertTrue(closed)

    def test_an_old_client_is_not_told_to_continue(self):
        answers, _ = talk(self.port, b"POST /x HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}")
        self.assertEqual([404], [status for status, _, _ in answers])


class OtherVersions(OneServer):
    OPTIONS = SLOW

    def test_http_1_0_closes_unless_asked_to_stay(self):
        old = HEALTH.replace(b"HTTP/1.1", b"HTTP/1.0")
        answers, closed = talk(self.port, old + old, half_close=False)
        self.assertEqual([200], [status for status, _, _ in answers])
        self.assertTrue(closed)
        stays = old[:-2] + b"Connection: keep-alive\r\n\r\n"
        answers, closed = talk(self.port, stays + stays + old, half_close=False)
        self.assertEqual([200, 200, 200], [status for status, _, _ in answers])
        self.assertEqual(["keep-alive", "keep-alive", "close"], [headers.get("connection", "").lower() for _, headers, _ in answers])
        self.assertTrue(closed)
        answers, _ = talk(self.port, b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        self.assertEqual([400], [status for status, _, _ in answers])

    def test_other_protocols_are_told_so_and_closed(self):
        http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
        for data in (http2, b"GET / HTTP/0.9\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(200), b"SSH-2.0-OpenSSH_9.2\r\n",
                     b"\x00" * 1000, b"\r\n" * 5000 + b"\x01\r\n", os.urandom(5000)):
            answers, closed = talk(self.port, data, half_close=False)
            self.assertTrue(closed, data[:20])
            self.assertTrue(all(status in (400, 408, 431, 505) for status, _, _ in answers), answers)
            self.assertLessEqual(len(answers), 1)

    def test_an_offer_to_upgrade_is_ignored(self):
        data = HEALTH[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        answers, _ = talk(self.port, data)
        self.assertEqual([200], [status for status, _, _ in answers])


class Crowds(unittest.TestCase):
    """Very many connections. Idle ones are cheap; beyond what the server has room for, those idle for longest make way."""

    def open_many(self, port, count):
        connections = []
        for _ in range(count):
            connection = socket.socket()
            connection.settimeout(10)
            connection.connect(("127.0.0.1", port))
            connections.append(connection)
        return connections

    def test_ten_thousand_idle_connections_cost_little_and_stay(self):
        with many_descriptors(12_000) as allowed, Server("--http-idle-timeout-s", "120") as server:
            count = min(10_000, allowed - 500)
            pid = server_pid(server)
            quick(server)
            before = resident_kib(pid)
            connections = self.open_many(server.port, count)
            for connection in connections:  # each has been served once, so each has had its buffers
                connection.sendall(HEALTH)
            for connection in connections:
                self.assertTrue(connection.recv(1 << 16).startswith(b"HTTP/1.1 200"))
            worst = max(quick(server) for _ in range(20))
            held = len(descriptors(pid))
            self.assertGreaterEqual(held, count)
            time.sleep(6)  # net/http_core.h: buffers of idle connections go after five seconds
            worst = max(worst, max(quick(server) for _ in range(5)))
            each = (resident_kib(pid) - before) * 1024 / count
            print(f"{count} idle connections: {each:.0f} bytes each, worst answer beside them {worst * 1000:.1f} ms")
            self.assertLess(each, 6 * 1024)
            self.assertLess(worst, 0.5)
            connections[0].sendall(HEALTH)
            self.assertTrue(connections[0].recv(1 << 16).startswith(b"HTTP/1.1 200"))
            for connection in connections:
                connection.close()
            wait_until(lambda: len(descriptors(pid)) < 200, 20, "closed connections to be given up")
            quick(server)
            left = resident_kib(pid) - before
            print(f"{left} KiB stay after they have gone")
            self.assertLess(left, 48 * 1024)  # for the next crowd; it does not grow with crowds

    def test_more_than_are_allowed_push_out_the_idle_and_then_are_refused(self):
        with Server("--limits-connections", "100", "--http-header-timeout-s", "30") as server:
            idle = self.open_many(server.port, 250)
            wait_until(lambda: not self.is_refused(server.port), 10, "idle connections to make way")
            quick(server)
            self.assertGreaterEqual(sum(1 for connection in idle if self.is_over(connection)), 150)
            for connection in idle:
                connection.close()
            # All of them in the midst of a request: for a second none makes way and newcomers are told to come again ...
            busy = self.open_many(server.port, 100)
            for connection in busy:
                connection.sendall(b"GET /")
            wait_until(lambda: self.is_refused(server.port), 5, "a newcomer to be refused")
            # ... then those who are slowest do, long before their time is up.
            begin = time.monotonic()
            wait_until(lambda: not self.is_refused(server.port), 10, "room for newcomers")
            quick(server)
            self.assertLess(time.monotonic() - begin, 5)
            for connection in busy:
                connection.close()

    def is_over(self, connection):
        """Whether it was closed, or was told that there are too many."""
        connection.setblocking(False)
        try:
            return connection.recv(100).startswith((b"", b"HTTP/1.1 503"))
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def is_refused(self, port):
        try:
            with connect(port) as connection:
                connection.sendall(HEALTH)
                return read_answer(connection, 5)[0] != 200
        except (OSError, AssertionError):
            return True

    def test_without_descriptors_left_newcomers_are_still_served(self):
        with LimitedServer(1024) as server:
            pid = server_pid(server)
            for _ in range(3):
                crowd = self.open_many(server.port, 1500)
                # Connections just made are left alone for a second, then the idle ones make way for newcomers.
                begin = time.monotonic()
                wait_until(lambda: not self.is_refused(server.port), 10, "idle connections to make way")
                for _ in range(10):
                    quick(server)
                print(f"11 newcomers were served among 1500 idle ones, with 1024 descriptors, within {time.monotonic() - begin:.2f} s")
                self.assertLessEqual(len(descriptors(pid)), 1024)
                for connection in crowd:
                    connection.close()
            wait_until(lambda: len(descriptors(pid)) < 200, 10, "descriptors to be given back")
            # What needs descriptors of its own works again, and did not break meanwhile.
            server.deploy("after", {"app.py": "def handler(event, context):\n    return 1\n"})
            self.assertEqual(1, server.invoke("after")[0])

    def test_functions_run_while_a_crowd_holds_every_connection(self):
        with LimitedServer(1024) as server:
            server.deploy("before", {"app.py": "def handler(event, context):\n    return 1\n"})
            crowd = self.open_many(server.port, 1500)
            wait_until(lambda: not self.is_refused(server.port), 10, "idle connections to make way")
            self.assertEqual(1, server.invoke("before")[0])
            server.deploy("during", {"app.py": "def handler(event, context):\n    return 2\n"})
            self.assertEqual(2, server.invoke("during")[0])
            for connection in crowd:
                connection.close()


class LimitedServer(Server):
    """A server that may have few descriptors open."""

    def __init__(self, descriptors_allowed, *options):
        super().__init__(*options)
        self.allowed = descriptors_allowed

    def start(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        popen = subprocess.Popen

        def limited(*arguments, preexec_fn=None, **options):
            def prepare():
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.allowed, self.allowed))
                if preexec_fn:
                    preexec_fn()
            return popen(*arguments, preexec_fn=prepare, **options)
        subprocess.Popen = limited
        try:
            return super().start()
        finally:
            subprocess.Popen = popen
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


if __name__ == "__main__":
    unittest.main()
