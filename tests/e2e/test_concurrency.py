"""Reserved concurrency: a function's share holds whatever others do, and is all that it gets."""
import concurrent.futures
import json
import unittest
import uuid

from botocore.exceptions import ClientError
from hearth import Server, wait_until

WAITS = """
import time
def handler(event, context):
    time.sleep(event.get("s", 0))
    return "done"
"""
# Of the account. A hundred always stay shared, so that many processes are the least that reaches the limit.
LIMIT = 102


class Shares(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--limits-concurrency", str(LIMIT), "--limits-environments-memory-mib", "65536").start()
        cls.api = cls.server.client("lambda", max_pool_connections=200)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def function(self, reserved=None):
        name = f"c-{uuid.uuid4().hex[:8]}"
        self.server.deploy(name, {"app.py": WAITS}, Timeout=30)
        self.addCleanup(self.api.delete_function, FunctionName=name)
        if reserved is not None:
            self.api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        return name

    def call(self, name, seconds):
        """"done", or the Reason of the refusal."""
        try:
            reply = self.api.invoke(FunctionName=name, Payload=json.dumps({"s": seconds}).encode())
            return json.loads(reply["Payload"].read())
        except ClientError as error:
            self.assertEqual("TooManyRequestsException", error.response["Error"]["Code"])
            self.assertEqual(429, error.response["ResponseMetadata"]["HTTPStatusCode"])
            return error.response["Reason"]

    def test_no_more_run_at_once_than_are_reserved(self):
        name = self.function(reserved=2)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: self.call(name, 2), range(6)))
        self.assertEqual(2, answers.count("done"), answers)
        self.assertEqual(4, answers.count("ReservedFunctionConcurrentInvocationLimitExceeded"), answers)
        self.assertEqual("done", self.call(name, 0))
        self.api.delete_function_concurrency(FunctionName=name)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            self.assertEqual(["done"] * 3, list(pool.map(lambda _: self.call(name, 1), range(3))))

    def test_nothing_reserved_refuses_everything(self):
        name = self.function(reserved=0)
        self.assertEqual("ReservedFunctionConcurrentInvocationLimitExceeded", self.call(name, 0))
        self.assertEqual("ReservedFunctionConcurrentInvocationLimitExceeded", self.call(name, 0))

    def test_a_flood_of_others_leaves_the_share_alone(self):
        reserved, flooded = self.function(reserved=2), self.function()
        settings = self.api.get_account_settings()["AccountLimit"]
        self.assertEqual((LIMIT, LIMIT - 2), (settings["ConcurrentExecutions"], settings["UnreservedConcurrentExecutions"]))
        with concurrent.futures.ThreadPoolExecutor(LIMIT + 20) as pool:
            flood = [pool.submit(self.call, flooded, 4) for _ in range(LIMIT + 10)]
            # Whoever is refused is refused at once: the rest hold all that is shared.
            wait_until(lambda: sum(call.done() for call in flood) >= 12, 20, "twelve calls to be refused")
            self.assertEqual("ConcurrentInvocationLimitExceeded", self.call(flooded, 0))
            self.assertEqual("done", pool.submit(self.call, reserved, 0).result())
            answers = [call.result() for call in flood]
        self.assertEqual(LIMIT - 2, answers.count("done"))
        self.assertEqual(12, answers.count("ConcurrentInvocationLimitExceeded"))

    def test_asynchronous_events_wait_for_a_free_share(self):
        name = self.function(reserved=1)
        for _ in range(3):
            self.assertEqual(202, self.api.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"s": 0.2}')["StatusCode"])
        wait_until(lambda: sum(m.startswith("REPORT ") for m in self.server.log_messages(name)) == 3, 60,
                   "the three events to have run")


if __name__ == "__main__":
    unittest.main()
