"""Invocation as AWS does it: environment, context, log lines, errors, limits, and what is left behind."""
import base64
import json
import os
import re
import time
import unittest
import uuid

from hearth import Server, lacks_node, wait_until

MAX_PAYLOAD = 6_291_556  # 6 MiB and 100 bytes, as AWS


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Shared(unittest.TestCase):
    """One server for all tests of a class."""

    options = ()
    needs_node = False

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options, runtimes=cls.needs_node and lacks_node()).start()

    @classmethod
    def tearDownClass(cls):
        server, cls.server = cls.server, None
        server.__exit__()

    def function(self, code, runtime="python3.11", path="app.py", **options):
        name = unique("f")
        self.server.deploy(name, {path: code}, runtime=runtime, **options)
        return name

    def tail(self, reply):
        return base64.b64decode(reply["ResponseMetadata"]["HTTPHeaders"]["x-amz-log-result"]).decode()

    def log_text(self, name, needle, timeout_s=10):
        """All log lines of a function once one of them contains `needle`."""
        def read():
            text = "\n".join(message.rstrip("\n") for message in self.server.log_messages(name))
            return text if needle in text else None

        return wait_until(read, timeout_s, f"{needle!r} in the log of {name}")


class Answers(Shared):
    def test_an_event_goes_in_and_the_answer_comes_out(self):
        name = self.function("def handler(event, context):\n    return {'got': event}\n")
        payload, reply = self.server.invoke(name, {"a": [1, "ü", None]})
        self.assertEqual({"got": {"a": [1, "ü", None]}}, payload)
        self.assertEqual(200, reply["StatusCode"])
        self.assertEqual("$LATEST", reply["ExecutedVersion"])
        self.assertNotIn("FunctionError", reply)

    def test_an_empty_payload_is_an_empty_event(self):
        name = self.function("def handler(event, context):\n    return event\n")
        payload, _ = self.server.invoke(name, Payload=b"")
        self.assertEqual({}, payload)

    def test_dry_run_checks_and_does_not_run(self):
        name = self.function("def handler(event, context):\n    raise SystemExit(3)\n")
        _, reply = self.server.invoke(name, InvocationType="DryRun")
        self.assertEqual(204, reply["StatusCode"])

    def test_name_partial_and_full_arn_all_lead_to_the_function(self):
        name = self.function("def handler(event, context):\n    return context.invoked_function_arn\n")
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        for form in (name, f"000000000000:function:{name}", f"function:{name}", arn, arn + ":$LATEST"):
            with self.subTest(form=form):
                payload, _ = self.server.invoke(form)
                self.assertTrue(payload.startswith(arn), payload)

    def test_unknown_functions_and_qualifiers_are_named_in_the_error(self):
        client = self.server.client("lambda")
        with self.assertRaises(client.exceptions.ResourceNotFoundException) as caught:
            client.invoke(FunctionName="no-such-function")
        self.assertIn("Function not found: arn:aws:lambda:us-east-1:000000000000:function:no-such-function", str(caught.exception))

    def test_the_context_has_everything_aws_gives(self):
        name = self.function("""
def handler(event, context):
    return {
        "function_name": context.function_name, "function_version": context.function_version,
        "invoked_function_arn": context.invoked_function_arn, "memory_limit_in_mb": context.memory_limit_in_mb,
        "aws_request_id": context.aws_request_id, "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name, "remaining": context.get_remaining_time_in_millis(),
        "client": context.client_context.client.app_title if context.client_context else None,
        "custom": context.client_context.custom if context.client_context else None,
    }
""", Timeout=9, MemorySize=192)
        client_context = base64.b64encode(json.dumps({"client": {"app_title": "t"}, "custom": {"k": "v"}}).encode()).decode()
        payload, reply = self.server.invoke(name, ClientContext=client_context)
        self.assertEqual(name, payload["function_name"])
        self.assertEqual("$LATEST", payload["function_version"])
        self.assertEqual("192", str(payload["memory_limit_in_mb"]))
        self.assertEqual(reply["ResponseMetadata"]["RequestId"], payload["aws_request_id"])
        self.assertEqual(f"/aws/lambda/{name}", payload["log_group_name"])
        self.assertRegex(payload["log_stream_name"], r"^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$")
        self.assertTrue(8000 < payload["remaining"] <= 9000, payload["remaining"])
        self.assertEqual("t", payload["client"])
        self.assertEqual({"k": "v"}, payload["custom"])

    def test_the_environment_is_what_aws_sets(self):
        name = self.function("""
import os
def handler(event, context):
    return {"env": dict(os.environ), "cwd": os.getcwd(), "uid": os.getuid()}
""", Environment={"Variables": {"MINE": "x=y z", "EMPTY": ""}})
        payload, _ = self.server.invoke(name)
        env = payload["env"]
        self.assertEqual("/var/task", payload["cwd"])
        self.assertNotEqual(0, payload["uid"])
        expected = {"MINE": "x=y z", "EMPTY": "", "_HANDLER": "app.handler", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                    "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}", "LAMBDA_TASK_ROOT": "/var/task",
                    "LAMBDA_RUNTIME_DIR": "/var/runtime", "TZ": ":UTC"}
        for key, value in expected.items():
            self.assertEqual(value, env.get(key), key)
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
                    "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_EXECUTION_ENV", "PATH", "LD_LIBRARY_PATH", "AWS_ENDPOINT_URL"):
            self.assertTrue(env.get(key), key)
        self.assertIn("/opt/lib", env["LD_LIBRARY_PATH"].split(":"))

    def test_globals_and_tmp_survive_in_a_warm_environment(self):
        name = self.function("""
import os
count = 0
def handler(event, context):
    global count
    count += 1
    open("/tmp/calls", "a").write("x")
    return [count, os.path.getsize("/tmp/calls")]
""")
        self.assertEqual([[1, 1], [2, 2], [3, 3]], [self.server.invoke(name)[0] for _ in range(3)])

    def test_one_environment_serves_one_request_at_a_time(self):
        import concurrent.futures
        name = self.function("""
import os, time, uuid
ME = str(uuid.uuid4())
def handler(event, context):
    time.sleep(0.7)
    return ME
""", Timeout=30)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: self.server.invoke(name)[0], range(4)))
        self.assertEqual(4, len(set(answers)))

    def test_code_and_configuration_changes_reach_the_next_invocation(self):
        name = self.function("def handler(event, context):\n    return 1\n")
        self.assertEqual(1, self.server.invoke(name)[0])
        client = self.server.client("lambda")
        from hearth import zip_of
        client.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": "import os\ndef handler(e, c):\n    return os.environ.get('VAR', 2)\n"}))
        settled = lambda: client.get_function_configuration(FunctionName=name)["LastUpdateStatus"] == "Successful"
        wait_until(settled, 10, "the update to settle")
        self.assertEqual(2, self.server.invoke(name)[0])
        client.update_function_configuration(FunctionName=name, Environment={"Variables": {"VAR": "three"}})
        wait_until(settled, 10, "the update to settle")
        self.assertEqual("three", self.server.invoke(name)[0])


class Logs(Shared):
    def test_start_end_and_report_lines_frame_the_output(self):
        name = self.function("import sys\nprint('loading')\ndef handler(event, context):\n    print('one')\n    print('two', file=sys.stderr)\n")
        _, reply = self.server.invoke(name, LogType="Tail")
        rid = reply["ResponseMetadata"]["RequestId"]
        text = self.log_text(name, "REPORT")
        self.assertIn("loading", text)
        order = [text.index(part) for part in (f"START RequestId: {rid} Version: $LATEST", "one", f"END RequestId: {rid}", f"REPORT RequestId: {rid}")]
        self.assertEqual(sorted(order), order)
        self.assertIn("two", text[order[0]:order[2]])
        report = re.search(r"REPORT RequestId: (\S+)\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\tMemory Size: 128 MB\tMax Memory Used: (\d+) MB\tInit Duration: ([\d.]+) ms", text)
        self.assertTrue(report, text)
        duration, billed, used, init = float(report[2]), int(report[3]), int(report[4]), float(report[5])
        self.assertTrue(duration + init - 0.02 <= billed <= duration + init + 2, text)  # both are rounded
        self.assertTrue(2 <= used <= 128, used)
        tail = self.tail(reply)
        self.assertIn(f"START RequestId: {rid}", tail)
        self.assertIn("one", tail)
        self.assertIn("REPORT RequestId", tail)

    def test_a_warm_invocation_reports_no_init(self):
        name = self.function("def handler(event, context):\n    return 1\n")
        self.server.invoke(name)
        _, reply = self.server.invoke(name, LogType="Tail")
        self.assertNotIn("Init Duration", self.tail(reply))

    def test_one_stream_per_environment(self):
        name = self.function("def handler(event, context):\n    return context.log_stream_name\n")
        stream = self.server.invoke(name)[0]
        self.log_text(name, "REPORT")
        streams = self.server.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
        self.assertEqual([stream], [s["logStreamName"] for s in streams])

    def test_output_without_newline_and_very_long_lines_arrive(self):
        name = self.function("""
import sys
def handler(event, context):
    sys.stdout.write("L" * 1_000_000 + "\\n")
    sys.stdout.write("no newline at the end")
    sys.stdout.flush()
    return "done"
""", Timeout=20)
        self.assertEqual("done", self.server.invoke(name)[0])
        text = self.log_text(name, "no newline at the end")
        self.assertEqual(1_000_000, text.count("L") - text.count("$LATEST") - text.count("[$LATEST]") * 0)

    def test_binary_output_does_no_harm(self):
        name = self.function("""
import os, sys
def handler(event, context):
    os.write(1, bytes(range(256)) * 20 + b"\\n")
    print("after")
    return "fine"
""")
        self.assertEqual("fine", self.server.invoke(name)[0])
        self.log_text(name, "after")

    def test_a_traceback_is_one_event(self):
        name = self.function("""
import logging
def handler(event, context):
    logging.getLogger().error("first\\nsecond\\nthird")
""")
        self.server.invoke(name)
        self.log_text(name, "third")
        messages = self.server.log_messages(name)
        self.assertTrue(any("first\nsecond\nthird" in message for message in messages), messages)


class Failures(Shared):
    def test_a_python_exception_is_aws_s_error_json(self):
        name = self.function("def handler(event, context):\n    raise ValueError('no good')\n")
        payload, reply = self.server.invoke(name)
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertEqual(200, reply["StatusCode"])
        self.assertEqual({"errorMessage", "errorType", "requestId", "stackTrace"}, set(payload))
        self.assertEqual(("no good", "ValueError"), (payload["errorMessage"], payload["errorType"]))
        self.assertIn('File "/var/task/app.py", line 2, in handler', payload["stackTrace"][0])

    def test_a_timeout_ends_the_invocation_and_replaces_the_environment(self):
        name = self.function("""
import time
count = 0
def handler(event, context):
    global count
    count += 1
    time.sleep(event.get("sleep", 0))
    return count
""", Timeout=1)
        self.assertEqual(1, self.server.invoke(name)[0])
        began = time.monotonic()
        payload, reply = self.server.invoke(name, {"sleep": 30}, LogType="Tail")
        self.assertTrue(0.9 < time.monotonic() - began < 5)
        self.assertEqual("Unhandled", reply["FunctionError"])
        rid = reply["ResponseMetadata"]["RequestId"]
        self.assertEqual("Sandbox.Timedout", payload["errorType"])
        self.assertEqual(f"RequestId: {rid} Error: Task timed out after 1.00 seconds", payload["errorMessage"])
        self.assertIn("Task timed out after 1.00 seconds", self.tail(reply))
        self.assertIn("Status: timeout", self.tail(reply))
        self.assertEqual(1, self.server.invoke(name)[0])

    def test_out_of_memory_kills_only_that_environment(self):
        bystander = self.function("count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n")
        self.assertEqual(1, self.server.invoke(bystander)[0])
        name = self.function("""
def handler(event, context):
    if event.get("eat"):
        data = []
        while True:
            data.append(bytearray(8 << 20))
            for i in range(0, len(data[-1]), 4096):
                data[-1][i] = 1
    return "fed"
""", Timeout=30)
        payload, reply = self.server.invoke(name, {"eat": 1})
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertIn(payload["errorType"], ("Runtime.OutOfMemory", "Runtime.ExitError"))
        self.assertIn("signal: killed", payload["errorMessage"])
        self.assertEqual("fed", self.server.invoke(name)[0])
        self.assertEqual(2, self.server.invoke(bystander)[0])

    def test_process_exit_is_an_exit_error(self):
        name = self.function("import os\ndef handler(event, context):\n    if event.get('code') is not None:\n        os._exit(event['code'])\n    return 'ok'\n")
        payload, reply = self.server.invoke(name, {"code": 7})
        rid = reply["ResponseMetadata"]["RequestId"]
        self.assertEqual({"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {rid} Error: Runtime exited with error: exit status 7"}, payload)
        payload, reply = self.server.invoke(name, {"code": 0})
        self.assertEqual("Runtime.ExitError", payload["errorType"])
        self.assertIn("Runtime exited without providing a reason", payload["errorMessage"])
        self.assertEqual("ok", self.server.invoke(name)[0])

    def test_a_failing_init_is_reported_and_run_again(self):
        name = self.function("import missing_module\ndef handler(event, context):\n    pass\n")
        for _ in range(2):
            payload, reply = self.server.invoke(name)
            self.assertEqual("Unhandled", reply["FunctionError"])
            self.assertEqual("Runtime.ImportModuleError", payload["errorType"])
            self.assertEqual("Unable to import module 'app': No module named 'missing_module'", payload["errorMessage"])

    def test_init_that_failed_once_succeeds_when_run_again(self):
        # The second init runs in a fresh process of the same environment, as on AWS: /tmp is kept there.
        name = self.function("""
import os
if not os.path.exists("/tmp/second"):
    open("/tmp/second", "w").close()
    raise RuntimeError("only the first time")
def handler(event, context):
    return "up"
""")
        results = [self.server.invoke(name)[0] for _ in range(2)]
        self.assertIn(results[0] if results[0] == "up" else results[0].get("errorType"), ("up", "RuntimeError"))
        self.assertIn("INIT_REPORT", self.log_text(name, "INIT_REPORT"))

    def test_a_missing_handler_is_named(self):
        name = self.function("x = 1\n")
        payload, _ = self.server.invoke(name)
        self.assertEqual("Runtime.HandlerNotFound", payload["errorType"])
        self.assertEqual("Handler 'handler' missing on module 'app'", payload["errorMessage"])

    def test_an_answer_that_is_no_json_is_a_marshal_error(self):
        name = self.function("def handler(event, context):\n    return {1, 2}\n")
        payload, _ = self.server.invoke(name)
        self.assertEqual("Runtime.MarshalError", payload["errorType"])
        self.assertIn("Unable to marshal response", payload["errorMessage"])


class Limits(Shared):
    def payload_of(self, size):
        return b'"' + b"p" * (size - 2) + b'"'

    def test_the_largest_payload_goes_both_ways(self):
        name = self.function("def handler(event, context):\n    return event\n", MemorySize=512, Timeout=30)
        body = self.payload_of(MAX_PAYLOAD)
        reply = self.server.client("lambda").invoke(FunctionName=name, Payload=body)
        self.assertNotIn("FunctionError", reply)
        self.assertEqual(body, reply["Payload"].read())

    def test_one_byte_more_is_refused_on_the_way_in(self):
        name = self.function("def handler(event, context):\n    return 1\n")
        client = self.server.client("lambda")
        with self.assertRaises(Exception) as caught:
            client.invoke(FunctionName=name, Payload=self.payload_of(MAX_PAYLOAD + 1))
        self.assertEqual("RequestEntityTooLargeException", caught.exception.response["Error"]["Code"])
        self.assertEqual(413, caught.exception.response["ResponseMetadata"]["HTTPStatusCode"])

    def test_one_byte_more_is_an_error_on_the_way_out(self):
        name = self.function("def handler(event, context):\n    return 'p' * (event['size'] - 2)\n", MemorySize=512, Timeout=30)
        payload, reply = self.server.invoke(name, {"size": MAX_PAYLOAD})
        self.assertEqual(MAX_PAYLOAD - 2, len(payload))
        payload, reply = self.server.invoke(name, {"size": MAX_PAYLOAD + 1})
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertEqual("Function.ResponseSizeTooLarge", payload["errorType"])
        self.assertIn(f"exceeded maximum allowed payload size ({MAX_PAYLOAD} bytes)", payload["errorMessage"])
        self.assertEqual(3, len(self.server.invoke(name, {"size": 5})[0]))

    def test_tmp_is_limited_in_bytes_and_kept_from_the_host(self):
        name = self.function("""
import os
def handler(event, context):
    try:
        with open("/tmp/big", "wb") as f:
            for _ in range(600):
                f.write(b"x" * (1 << 20))
        return "wrote"
    except OSError as e:
        size = os.path.getsize("/tmp/big")
        os.unlink("/tmp/big")
        return [e.errno, size >> 20]
""", Timeout=60, MemorySize=1769)
        answer = self.server.invoke(name)[0]
        self.assertIsInstance(answer, list, answer)
        errno, mib = answer
        self.assertEqual(28, errno)
        self.assertTrue(500 <= mib <= 512, mib)

    def test_work_left_after_the_answer_is_frozen_until_the_next_invocation(self):
        name = self.function("""
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.01)
        ticks += 1
started = False
def handler(event, context):
    global started
    if not started:
        started = True
        threading.Thread(target=tick, daemon=True).start()
    return ticks
""")
        self.server.invoke(name)
        time.sleep(1.5)  # the time that must not pass inside
        first = self.server.invoke(name)[0]
        self.assertLess(first, 60, "the environment ran on while nobody invoked it")
        time.sleep(0.05)
        self.assertGreater(self.server.invoke(name)[0], 0)


class OtherRuntimes(Shared):
    needs_node = True

    def test_node_common_js_and_es_modules_and_callbacks(self):
        sources = {
            "index.js": "exports.handler = async (event, context) => ({got: event, id: context.awsRequestId});",
            "index.mjs": "export const handler = async (event, context) => ({got: event, id: context.awsRequestId});",
        }
        for path, source in sources.items():
            with self.subTest(path=path):
                name = self.function(source, runtime="nodejs20.x", path=path, handler="index.handler")
                payload, reply = self.server.invoke(name, {"a": 1})
                self.assertEqual({"got": {"a": 1}, "id": reply["ResponseMetadata"]["RequestId"]}, payload)
        name = self.function("exports.handler = (event, context, callback) => setTimeout(() => callback(null, event.x + 1), 20);",
                             runtime="nodejs20.x", path="index.js", handler="index.handler")
        self.assertEqual(42, self.server.invoke(name, {"x": 41})[0])

    def test_a_node_error_is_aws_s_error_json(self):
        name = self.function("exports.handler = async () => { throw new TypeError('bad'); };", runtime="nodejs20.x",
                             path="index.js", handler="index.handler")
        payload, reply = self.server.invoke(name)
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertEqual({"errorType", "errorMessage", "trace"}, set(payload))
        self.assertEqual(("TypeError", "bad"), (payload["errorType"], payload["errorMessage"]))
        self.assertEqual("TypeError: bad", payload["trace"][0])

    def test_a_shell_bootstrap_runs(self):
        bootstrap = """#!/bin/bash
set -u
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "$api/invocation/next")
  id=$(tr -d '\\r' <"$headers" | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  curl -sS -o /dev/null -d "{\\"echo\\": $event}" "$api/invocation/$id/response"
done
"""
        name = self.function(bootstrap, runtime="provided.al2023", path="bootstrap", handler="any")
        self.assertEqual({"echo": {"k": 1}}, self.server.invoke(name, {"k": 1})[0])
        self.assertEqual({"echo": {"k": 2}}, self.server.invoke(name, {"k": 2})[0])

    def test_a_missing_bootstrap_is_an_entry_point_error(self):
        name = self.function("x", runtime="provided.al2023", path="other", handler="any")
        payload, reply = self.server.invoke(name)
        self.assertEqual("Unhandled", reply["FunctionError"])
        self.assertEqual("Runtime.InvalidEntrypoint", payload["errorType"])


if __name__ == "__main__":
    unittest.main()
