"""Versions and aliases: what they run, how traffic is split, and what happens when clients publish at the same time."""
import base64
import hashlib
import json
import threading
import time
import unittest
import urllib.error
import urllib.request
import uuid

from botocore.exceptions import ClientError
from hearth import ROLE, Server, wait_until, zip_of

CODE = """
import os
MADE = os.urandom(8).hex()
def handler(event, context):
    return {{"code": "{mark}", "version": context.function_version, "arn": context.invoked_function_arn,
            "variable": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "made": MADE}}
"""


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def package(mark):
    return zip_of({"app.py": CODE.format(mark=mark)})


class Versions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.api = cls.server.client("lambda")

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def two_versions(self):
        """A function with version 1 of code "one" and version 2 of code "two"."""
        name = unique("v")
        self.server.deploy(name, {"app.py": CODE.format(mark="one")})
        self.assertEqual("1", self.api.publish_version(FunctionName=name)["Version"])
        self.api.update_function_code(FunctionName=name, ZipFile=package("two"))
        self.api.get_waiter("function_updated_v2").wait(FunctionName=name)
        self.assertEqual("2", self.api.publish_version(FunctionName=name)["Version"])
        return name

    def invoke(self, name, qualifier=None):
        reply = self.api.invoke(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
        return json.loads(reply["Payload"].read()), reply

    def test_each_version_runs_its_own_code_and_says_so(self):
        name = self.two_versions()
        arn = self.api.get_function_configuration(FunctionName=name)["FunctionArn"]
        for qualifier, code, version in ((None, "two", "$LATEST"), ("$LATEST", "two", "$LATEST"), ("1", "one", "1"), ("2", "two", "2")):
            answer, reply = self.invoke(name, qualifier)
            self.assertEqual((code, version, version), (answer["code"], answer["version"], answer["variable"]))
            self.assertEqual(version, reply["ExecutedVersion"])
            self.assertEqual(f"{arn}:{qualifier}" if qualifier else arn, answer["arn"])

    def test_environments_of_a_version_outlive_changes_of_latest(self):
        name = self.two_versions()
        before, _ = self.invoke(name, "1")
        self.api.update_function_configuration(FunctionName=name, MemorySize=256)
        self.api.get_waiter("function_updated_v2").wait(FunctionName=name)
        after, _ = self.invoke(name, "1")
        self.assertEqual(before["made"], after["made"])

    def test_an_alias_runs_what_it_points_to_and_follows_a_change(self):
        name = self.two_versions()
        alias = self.api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        answer, reply = self.invoke(name, "live")
        self.assertEqual(("one", "1", alias["AliasArn"]), (answer["code"], reply["ExecutedVersion"], answer["arn"]))
        self.api.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
        self.assertEqual("two", self.invoke(f"{name}:live")[0]["code"])
        self.assertEqual("two", self.invoke(alias["AliasArn"])[0]["code"])
        self.api.delete_alias(FunctionName=name, Name="live")
        with self.assertRaises(self.api.exceptions.ResourceNotFoundException):
            self.invoke(name, "live")

    def test_a_weighted_alias_splits_traffic(self):
        name = self.two_versions()
        self.api.create_alias(FunctionName=name, Name="live", FunctionVersion="1",
                              RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
        calls = 600
        ran = [self.api.invoke(FunctionName=name, Qualifier="live")["ExecutedVersion"] for _ in range(calls)]
        # 0.3 of 600 is 180 with a standard deviation of 11.2; five of them fail once in two million runs.
        self.assertAlmostEqual(calls * 0.3, ran.count("2"), delta=56)
        self.assertEqual(calls, ran.count("1") + ran.count("2"))

    def test_events_sent_to_an_alias_run_its_version(self):
        name = unique("v")
        self.server.deploy(name, {"app.py": "def handler(event, context):\n    print('ran', context.function_version, event)\n"})
        self.api.publish_version(FunctionName=name)
        self.api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        self.assertEqual(202, self.api.invoke(FunctionName=name, Qualifier="live", InvocationType="Event", Payload=b'"m"')["StatusCode"])
        wait_until(lambda: any("ran 1 m" in message for message in self.server.log_messages(name)), 30,
                   "the event to run as version 1")

    def test_the_code_of_a_version_stays_downloadable(self):
        name = self.two_versions()
        got = self.api.get_function(FunctionName=name, Qualifier="1")
        with urllib.request.urlopen(got["Code"]["Location"], timeout=30) as reply:
            digest = base64.b64encode(hashlib.sha256(reply.read()).digest()).decode()
        self.assertEqual(got["Configuration"]["CodeSha256"], digest)

    def test_create_with_publish_and_the_waiters_for_versions(self):
        name = unique("v")
        made = self.api.create_function(FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                        Code={"ZipFile": package("one")}, Publish=True)
        self.assertEqual("1", made["Version"])
        self.api.get_waiter("published_version_active").wait(FunctionName=name, Qualifier="1")
        self.assertEqual("one", self.invoke(name, "1")[0]["code"])

    def test_versions_and_aliases_are_there_after_kill_9(self):
        with Server() as server:
            api = server.client("lambda")
            name = unique("v")
            server.deploy(name, {"app.py": CODE.format(mark="one")})
            api.publish_version(FunctionName=name)
            alias = api.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="d")
            server.kill()
            server.start()
            api = server.client("lambda")
            again = api.get_alias(FunctionName=name, Name="live")
            self.assertEqual(alias["RevisionId"], again["RevisionId"])
            reply = api.invoke(FunctionName=name, Qualifier="live")
            self.assertEqual("1", reply["ExecutedVersion"])


class ManyClients(unittest.TestCase):
    SECONDS = 10

    def test_no_half_state_is_ever_seen(self):
        """20 clients create, update, publish and delete the same functions: every answer is a success or a client error, version
        numbers have no gaps, and every package is the one its CodeSha256 names."""
        names = [unique("m") for _ in range(4)]
        failures, counts = [], {}
        with Server() as server:
            apis = [server.client("lambda") for _ in range(20)]  # slow to make, so before the clock starts
            until = time.monotonic() + self.SECONDS

            def client(number):
                api = apis[number]
                actions = (
                    lambda n: api.create_function(FunctionName=n, Runtime="python3.11", Handler="app.handler", Role=ROLE,
                                                  Code={"ZipFile": package(f"{number}")}),
                    lambda n: api.update_function_code(FunctionName=n, ZipFile=package(f"{number}-{time.monotonic_ns()}")),
                    lambda n: api.update_function_configuration(FunctionName=n, MemorySize=128 + number),
                    lambda n: api.publish_version(FunctionName=n),
                    lambda n: self.check_versions(api, n, failures),
                    lambda n: self.check_package(api, n, failures),
                    lambda n: api.delete_function(FunctionName=n) if time.monotonic_ns() % 7 == 0 else None)
                turn = number
                while time.monotonic() < until:
                    turn += 1
                    try:
                        actions[turn % len(actions)](names[(turn // len(actions)) % len(names)])
                        outcome = "ok"
                    except ClientError as error:
                        outcome = error.response["Error"]["Code"]
                        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                            failures.append(str(error))
                    except Exception as error:
                        failures.append(repr(error))
                        raise
                    counts[outcome] = counts.get(outcome, 0) + 1

            threads = [threading.Thread(target=client, args=(number,)) for number in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual([], failures)
        self.assertLessEqual(set(counts), {"ok", "ResourceConflictException", "ResourceNotFoundException"})
        self.assertGreater(counts.get("ok", 0), 100, counts)

    def check_versions(self, api, name, failures):
        listed = [v["Version"] for page in api.get_paginator("list_versions_by_function").paginate(
            FunctionName=name, PaginationConfig={"PageSize": 50}) for v in page["Versions"]]
        numbers = [int(v) for v in listed if v != "$LATEST"]
        if numbers != sorted(numbers) or (numbers and listed[0] != "$LATEST"):
            failures.append(f"versions of {name} are {listed}")

    def check_package(self, api, name, failures):
        got = api.get_function(FunctionName=name)
        try:
            with urllib.request.urlopen(got["Code"]["Location"], timeout=30) as reply:
                digest = base64.b64encode(hashlib.sha256(reply.read()).digest()).decode()
        except urllib.error.HTTPError as error:
            if error.code not in (403, 404, 503):  # deleted meanwhile, or too many downloads at once
                failures.append(f"package of {name}: {error}")
            return
        if digest != got["Configuration"]["CodeSha256"]:
            failures.append(f"package of {name} is not the one of its CodeSha256")


if __name__ == "__main__":
    unittest.main()
