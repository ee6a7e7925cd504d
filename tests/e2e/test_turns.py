"""No turn of the server's loop takes long, whatever it is sent: the watchdog (docs/testing.md) fails the test in which one
does. Each test here sends what once took long, or might, while the watch is on."""
import concurrent.futures
import http.client
import json
import os
import random
import string
import time
import unittest
import urllib.parse
import uuid

from hearth import ROLE, Server, wait_until, zip_of

ECHO = "def handler(event, context):\n    return event\n"


def metrics(server):
    """{name with labels: value} of GET /_hearth/metrics."""
    status, headers, body = server.get("/_hearth/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain"), (status, headers)
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))}


class TheWatch(unittest.TestCase):
    def test_a_slow_turn_is_found_and_named(self):
        # Every turn with work in it is slow when 20 microseconds are allowed.
        server = Server(environment={"HEARTH_TURN_WATCH": "20"}).start()
        try:
            server.client("sts").get_caller_identity()
            wait_until(lambda: server.slow_turns, 10, "word of a slow turn")
            with self.assertRaises(AssertionError) as told:
                server.stop()
            self.assertIn("a loop turn took", str(told.exception))
        finally:
            server.slow_turns = []
            server.__exit__()

    def test_metrics_count_turns_commits_and_invocations(self):
        with Server() as server:
            server.deploy("counted", {"app.py": ECHO})
            server.invoke("counted", 1)
            found = metrics(server)
            self.assertEqual(1, found["hearth_invocations_total"])
            self.assertEqual(0, found["hearth_invocation_throttles_total"])
            self.assertEqual(1, found["hearth_environments"])
            self.assertGreater(found["hearth_loop_turn_seconds_count"], 10)
            self.assertEqual(found["hearth_loop_turn_seconds_count"],
                             found['hearth_loop_turn_seconds_bucket{le="+Inf"}'])
            self.assertGreater(found["hearth_commit_seconds_count"], 0)
            self.assertGreater(found["hearth_syncs_total"], 0)
            self.assertGreater(found["hearth_loop_longest_turn_seconds"], 0)


class LongRequests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def post(self, path, body, headers=None):
        """(status, body) of one raw request; for bodies that no SDK would send."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request("POST", path, body, headers or {})
        reply = connection.getresponse()
        answer = reply.status, reply.read()
        connection.close()
        return answer

    def test_a_package_of_40_megabytes(self):
        name = f"large-{uuid.uuid4().hex[:8]}"
        noise = random.Random(1).randbytes(40 << 20)
        self.server.deploy(name, {"app.py": ECHO, "noise.bin": noise})
        self.assertEqual(5, self.server.invoke(name, 5)[0])
        location = self.server.client("lambda").get_function(FunctionName=name)["Code"]["Location"]
        path = urllib.parse.urlsplit(location)
        self.assertEqual(200, self.server.get(path.path + "?" + path.query)[0])
        self.server.client("lambda").delete_function(FunctionName=name)

    def test_a_package_of_many_files(self):
        name = f"many-{uuid.uuid4().hex[:8]}"
        self.server.deploy(name, {"app.py": ECHO, **{f"d{i % 50}/f{i}.py": f"x = {i}\n" for i in range(5000)}})
        self.assertEqual(5, self.server.invoke(name, 5)[0])
        self.server.client("lambda").delete_function(FunctionName=name)

    def test_payloads_of_six_megabytes(self):
        name = f"echo-{uuid.uuid4().hex[:8]}"
        self.server.deploy(name, {"app.py": ECHO}, MemorySize=1769, Timeout=30)
        numbers = json.dumps([1] * 1_400_000, separators=(",", ":")).encode()
        for payload in (b'"' + b"x" * 5_900_000 + b'"', numbers):
            _, reply = self.server.invoke(name, Payload=payload)
            self.assertNotIn("FunctionError", reply)
        status, _ = self.post(f"/2015-03-31/functions/{name}/invocations", b"[" * 6_000_000)
        self.assertEqual(400, status)

    def test_a_body_of_deep_or_many_members(self):
        for body in (b'{"FunctionName":"x","Tags":{' + b",".join(b'"k%d":"v"' % i for i in range(17_000)) + b"}}",
                     b'{"a":' * 40_000, b"[" * 250_000, b'{"FunctionName":"' + b"\\u00e9" * 40_000 + b'"}'):
            status, _ = self.post("/2015-03-31/functions", body, {"Content-Type": "application/json"})
            self.assertEqual(400, status)

    def test_a_form_of_many_parameters(self):
        body = "Action=GetRole&Version=2010-05-08&" + "&".join(f"a{i}=1" for i in range(90_000))
        claim = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"
        status, _ = self.post("/", body, {"Content-Type": "application/x-www-form-urlencoded", "Authorization": claim,
                                          "X-Amz-Date": "20260101T000000Z"})
        self.assertEqual(400, status)

    def test_a_policy_at_its_limit(self):
        iam = self.server.client("iam")
        statements = [{"Effect": "Allow", "Action": f"s{i}:*", "Resource": "*"} for i in range(95)]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
        self.assertLess(len(document), 6144)
        iam.create_policy(PolicyName=f"p-{uuid.uuid4().hex[:8]}", PolicyDocument=document)
        for broken in ("[" * 6000, '{"a":' * 1000, document[:-1]):
            with self.assertRaises(iam.exceptions.MalformedPolicyDocumentException):
                iam.create_policy(PolicyName="broken", PolicyDocument=broken)

    def test_pages_of_many_roles(self):
        iam = self.server.client("iam")
        trust = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}] * 8})
        for i in range(300):
            iam.create_role(RoleName=f"role-{i}", AssumeRolePolicyDocument=trust)
        pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 1000})
        self.assertEqual(300, len([role for page in pages for role in page["Roles"]]))

    def test_pages_of_many_functions(self):
        client = self.server.client("lambda")
        package = zip_of({"app.py": ECHO})
        environment = {"Variables": {f"V{i}": "x" * 180 for i in range(20)}}
        for i in range(120):
            client.create_function(FunctionName=f"page-{i}", Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                   Code={"ZipFile": package}, Environment=environment)
        names = [f["FunctionName"] for page in client.get_paginator("list_functions").paginate() for f in page["Functions"]]
        self.assertGreaterEqual(len(names), 120)

    def test_many_events_at_once(self):
        name = f"events-{uuid.uuid4().hex[:8]}"
        self.server.deploy(name, {"app.py": ECHO})
        before = metrics(self.server)["hearth_invocations_total"]

        def send(_):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            for _ in range(100):
                connection.request("POST", f"/2015-03-31/functions/{name}/invocations", b'"%s"' % (b"x" * 10_000),
                                   {"X-Amz-Invocation-Type": "Event"})
                reply = connection.getresponse()
                reply.read()
                self.assertEqual(202, reply.status)
            connection.close()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(4)))
        wait_until(lambda: metrics(self.server)["hearth_invocations_total"] >= before + 400, 120, "400 events to run")

    def test_signatures_over_large_bodies_and_many_headers(self):
        # Unknown keys are not checked in open mode, so keys that the server made are used.
        iam = self.server.client("iam")
        iam.create_user(UserName="signer")
        key = iam.create_access_key(UserName="signer")["AccessKey"]
        name = f"signed-{uuid.uuid4().hex[:8]}"
        self.server.deploy(name, {"app.py": "def handler(event, context):\n    return len(event)\n"})
        client = self.server.client("lambda", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

        def add_headers(request, **_):
            for i in range(60):
                request.headers[f"x-amz-meta-{i}"] = "v" * 800
        client.meta.events.register("before-sign.lambda.Invoke", add_headers)
        reply = client.invoke(FunctionName=name, Payload=b'"' + b"x" * 5_000_000 + b'"')
        self.assertEqual(b"5000000", reply["Payload"].read())


class LongLogs(unittest.TestCase):
    EVENTS = 30_000

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.logs = cls.server.client("logs")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def fill(self, group, stream, events):
        self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        for first in range(0, events, 10_000):
            batch = [{"timestamp": now, "message": f"event {i}"} for i in range(first, min(first + 10_000, events))]
            self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)

    def test_a_long_group_is_searched_read_and_deleted(self):
        self.logs.create_log_group(logGroupName="long")
        self.fill("long", "one", self.EVENTS)
        found, token, pages = [], {}, 0
        while True:
            page = self.logs.filter_log_events(logGroupName="long", filterPattern=f"\"event {self.EVENTS - 1}\"", **token)
            found += page["events"]
            pages += 1
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        self.assertEqual([f"event {self.EVENTS - 1}"], [event["message"] for event in found])
        page = self.logs.get_log_events(logGroupName="long", logStreamName="one", startFromHead=True, limit=10_000)
        self.assertEqual(10_000, len(page["events"]))
        self.logs.delete_log_group(logGroupName="long")
        self.logs.create_log_group(logGroupName="long")
        self.assertEqual([], self.logs.describe_log_streams(logGroupName="long")["logStreams"])

    def test_a_group_of_many_streams(self):
        self.logs.create_log_group(logGroupName="wide")
        for i in range(400):
            self.logs.create_log_stream(logGroupName="wide", logStreamName=f"s{i}")
        self.logs.put_log_events(logGroupName="wide", logStreamName="s7",
                                 logEvents=[{"timestamp": int(time.time() * 1000), "message": "here"}])
        newest = self.logs.describe_log_streams(logGroupName="wide", orderBy="LastEventTime", descending=True)["logStreams"]
        self.assertEqual("s7", newest[0]["logStreamName"])
        self.assertEqual(1, len(self.logs.filter_log_events(logGroupName="wide")["events"]))
        self.logs.delete_log_group(logGroupName="wide")

    def test_a_reset_of_much(self):
        self.logs.create_log_group(logGroupName="gone")
        self.fill("gone", "one", 20_000)
        status, _, body = self.server.get("/_hearth/reset", {"X-Hearth-Reset": "yes"}, "POST")
        self.assertEqual(200, status, body)
        self.assertEqual([], self.logs.describe_log_groups()["logGroups"])


if __name__ == "__main__":
    unittest.main()
