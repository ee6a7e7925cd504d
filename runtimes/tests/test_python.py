"""The Python runtime client, under every Python of this machine that tests may use (HEARTH_TEST_PYTHONS adds some)."""

import glob
import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fake_api import ARN, REQUEST_ID, RUNTIMES, Runtime  # noqa: E402

BOOTSTRAP = str(RUNTIMES / "python" / "bootstrap.py")
TEXT_ERROR, JSON_ERROR = 0xA55A0017, 0xA55A0016


def pythons():
    found = {}
    named = [p for p in os.environ.get("HEARTH_TEST_PYTHONS", "").split(":") if p]
    for path in sorted(glob.glob("/usr/bin/python3.[0-9]*") + glob.glob("/usr/local/bin/python3.[0-9]*")) + named:
        if re.search(r"python3\.\d+$", path) and os.access(path, os.X_OK):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


class PythonCase:
    """Cases for one interpreter; see the end of this file."""

    interpreter = "/usr/bin/python3"

    @property
    def command(self):
        return [self.interpreter, "-I", "-S", "-X", "utf8", BOOTSTRAP]

    def start(self, code, handler="app.handler", files=None, **options):
        runtime = Runtime(self.command, {"app.py": code, **(files or {})}, handler, **options)
        self.addCleanup(runtime.__exit__)
        return runtime

    def init_error(self, code, handler="app.handler", **options):
        runtime = self.start(code, handler, **options)
        posted = runtime.posted()
        self.assertEqual("init error", posted.kind)
        self.assertEqual(1, runtime.wait())
        self.assertEqual(posted.json["errorType"], posted.headers["lambda-runtime-function-error-type"])
        return posted.json, runtime

    # ---- answers

    def test_the_result_is_posted_as_aws_writes_json(self):
        runtime = self.start('def handler(event, context):\n    return {"a": [1, 2.5, None, True], "b": event}\n')
        posted = runtime.invoke({"x": "ü"})
        self.assertEqual("response", posted.kind)
        self.assertIn("/" + REQUEST_ID + "/", posted.path)
        self.assertEqual("application/json", posted.headers["content-type"])
        text = '{"a": [1, 2.5, null, true], "b": {"x": "%s"}}'
        expected = text % ("ü" if sys_minor(self.interpreter) >= 12 else "\\u00fc")
        self.assertEqual(expected, posted.body.decode())

    def test_the_declared_version_decides_about_non_ascii(self):
        for name, expected in (("python3.11", b'"\\u00fc"'), ("python3.12", '"ü"'.encode())):
            runtime = self.start(
                'def handler(event, context):\n    return "ü"\n', env={"AWS_EXECUTION_ENV": "AWS_Lambda_" + name}
            )
            self.assertEqual(expected, runtime.invoke().body)

    def test_decimals_are_numbers_digit_by_digit(self):
        runtime = self.start(
            "from decimal import Decimal\n"
            'def handler(event, context):\n    return {"a": Decimal("3.14159265358979323846"), "b": [Decimal("7")]}\n'
        )
        self.assertEqual(b'{"a": 3.14159265358979323846, "b": [7]}', runtime.invoke().body)

    def test_bytes_are_passed_on_as_they_are_and_text_inside_json(self):
        runtime = self.start('def handler(event, context):\n    return b"\\x00\\xff" if event else {"a": b"x"}\n')
        self.assertEqual(b'{"a": "x"}', runtime.invoke(0).body)
        posted = runtime.invoke(1)
        self.assertEqual(b"\x00\xff", posted.body)
        self.assertEqual("application/unknown", posted.headers["content-type"])

    def test_large_events_and_results(self):
        runtime = self.start('def handler(event, context):\n    return event\n')
        event = "x" * 6_000_000
        self.assertEqual(event, runtime.invoke(event).json)
        self.assertEqual("small", runtime.invoke("small").json)

    def test_state_stays_between_invocations(self):
        runtime = self.start("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n")
        self.assertEqual([1, 2, 3], [runtime.invoke().json for _ in range(3)])

    def test_a_server_that_closes_each_connection_is_no_problem(self):
        runtime = self.start("def handler(event, context):\n    return event\n")
        runtime.api.close_after_reply = True
        self.assertEqual([1, 2, 3], [runtime.invoke(n).json for n in (1, 2, 3)])

    def test_a_refused_answer_is_said_and_the_next_invocation_served(self):
        runtime = self.start("def handler(event, context):\n    return event\n")
        runtime.api.answer = (413, {}, b'{"errorType":"RequestEntityTooLarge"}')
        runtime.invoke("big")
        runtime.api.answer = (202, {}, b"")
        self.assertEqual("fine", runtime.invoke("fine").json)
        self.assertRegex(
            runtime.output()[1],
            r"\[ERROR\] \[\d+\] LAMBDA_RUNTIME Failed to post handler success response\. Http response code: 413\.",
        )

    def test_a_result_refused_before_it_was_read_is_no_end(self):
        runtime = self.start("def handler(event, context):\n    return event\n")
        runtime.api.largest_body = 1000
        runtime.invoke("x" * 8_000_000)
        self.assertEqual("fine", runtime.invoke("fine").json)
        self.assertRegex(runtime.output()[1], r"LAMBDA_RUNTIME Failed to post handler success response\.")

    # ---- failures of handlers

    def test_an_exception_is_reported_and_logged_as_on_aws(self):
        runtime = self.start('def handler(event, context):\n    raise ValueError("no good")\n')
        posted = runtime.invoke()
        self.assertEqual("error", posted.kind)
        self.assertEqual("ValueError", posted.headers["lambda-runtime-function-error-type"])
        trace = '  File "%s/app.py", line 2, in handler\n    raise ValueError("no good")\n' % runtime.task
        self.assertEqual(
            {"errorMessage": "no good", "errorType": "ValueError", "requestId": REQUEST_ID, "stackTrace": [trace]},
            posted.json,
        )
        self.assertEqual(["errorMessage", "errorType", "requestId", "stackTrace"], list(posted.json))
        self.assertEqual(
            [
                (
                    TEXT_ERROR,
                    "[ERROR] ValueError: no good\nTraceback (most recent call last):\n"
                    '\u00a0\u00a0File "%s/app.py", line 2, in handler\n'
                    '\u00a0\u00a0\u00a0\u00a0raise ValueError("no good")' % runtime.task,
                )
            ],
            runtime.frames(),
        )

    def test_without_a_frame_descriptor_an_error_is_one_line(self):
        runtime = self.start('def handler(event, context):\n    raise ValueError("x")\n', framed_logs=False)
        runtime.invoke()
        self.assertTrue(runtime.output()[0].startswith("[ERROR] ValueError: x\rTraceback (most recent call last):\r"))

    def test_results_that_are_not_json(self):
        runtime = self.start("def handler(event, context):\n    return {1, 2}\n")
        self.assertEqual(
            {
                "errorMessage": "Unable to marshal response: Object of type set is not JSON serializable",
                "errorType": "Runtime.MarshalError",
                "requestId": REQUEST_ID,
                "stackTrace": [],
            },
            runtime.invoke().json,
        )
        self.assertEqual(
            "[ERROR] Runtime.MarshalError: Unable to marshal response: Object of type set is not JSON serializable\n"
            "Traceback (most recent call last):",
            runtime.frames()[0][1],
        )

    def test_events_that_are_not_json(self):
        runtime = self.start("def handler(event, context):\n    return 1\n")
        error = runtime.invoke(b"{").json
        self.assertEqual("Runtime.UnmarshalError", error["errorType"])
        self.assertTrue(error["errorMessage"].startswith("Unable to unmarshal input: Expecting property name"))

    def test_processes_started_by_multiprocessing_are_not_runtimes(self):
        runtime = self.start(
            "import multiprocessing\nfrom app_work import double\n"
            "def handler(event, context):\n"
            "    results = multiprocessing.get_context('spawn').Queue()\n"
            "    child = multiprocessing.get_context('spawn').Process(target=double, args=(results, 21))\n"
            "    child.start()\n    answer = results.get(timeout=20)\n    child.join()\n"
            "    return [answer, child.exitcode]\n",
            files={"app_work.py": "def double(results, n):\n    results.put(2 * n)\n"},
        )
        self.assertEqual([42, 0], runtime.invoke().json)

    def test_exit_ends_the_process_with_its_status(self):
        runtime = self.start("import sys\ndef handler(event, context):\n    exit(7)\n")
        runtime.send(None)
        self.assertEqual(7, runtime.wait())
        self.assertTrue(runtime.api.posted.empty())

    def test_deep_recursion_is_an_ordinary_error(self):
        runtime = self.start("def handler(event, context):\n    return handler(event, context)\n")
        self.assertEqual("RecursionError", runtime.invoke().json["errorType"])
        self.assertEqual("RecursionError", runtime.invoke().json["errorType"])

    # ---- loading

    def test_a_missing_module(self):
        error, runtime = self.init_error("", handler="nope.handler")
        self.assertEqual(
            {
                "errorMessage": "Unable to import module 'nope': No module named 'nope'",
                "errorType": "Runtime.ImportModuleError",
                "requestId": "",
                "stackTrace": [],
            },
            error,
        )
        self.assertEqual(
            "[ERROR] Runtime.ImportModuleError: Unable to import module 'nope': No module named 'nope'\n"
            "Traceback (most recent call last):",
            runtime.frames()[0][1],
        )

    def test_a_missing_dependency(self):
        error, _ = self.init_error("import flask_nope\n")
        self.assertEqual("Unable to import module 'app': No module named 'flask_nope'", error["errorMessage"])

    def test_a_missing_function(self):
        error, _ = self.init_error("x = 1\n", handler="app.run")
        self.assertEqual("Runtime.HandlerNotFound", error["errorType"])
        self.assertEqual("Handler 'run' missing on module 'app'", error["errorMessage"])

    def test_a_handler_without_a_dot(self):
        error, _ = self.init_error("", handler="app")
        self.assertEqual("Runtime.MalformedHandlerName", error["errorType"])
        self.assertEqual("Bad handler 'app': not enough values to unpack (expected 2, got 1)", error["errorMessage"])

    def test_a_built_in_module_cannot_be_the_handler(self):
        error, _ = self.init_error("", handler="sys.exit")
        self.assertEqual("Runtime.BuiltInModuleConflict", error["errorType"])
        self.assertEqual("Cannot use built-in module sys as a handler module", error["errorMessage"])

    def test_a_syntax_error(self):
        error, runtime = self.init_error("def handler(event, context)\n    return 1\n")
        self.assertEqual("Runtime.UserCodeSyntaxError", error["errorType"])
        self.assertRegex(error["errorMessage"], r"^Syntax error in module 'app': .* \(app\.py, line 1\)$")
        self.assertEqual(
            ['  File "%s/app.py" Line 1\n    def handler(event, context)\n' % runtime.task], error["stackTrace"]
        )

    def test_an_exception_while_importing(self):
        error, runtime = self.init_error("raise KeyError('SETTING')\n")
        self.assertEqual(("KeyError", "'SETTING'"), (error["errorType"], error["errorMessage"]))
        self.assertEqual("", error["requestId"])
        self.assertIn("in import_module", error["stackTrace"][0])
        self.assertEqual(
            '  File "%s/app.py", line 1, in <module>\n    raise KeyError(\'SETTING\')\n' % runtime.task,
            error["stackTrace"][-1],
        )

    def test_exit_while_importing_ends_the_process(self):
        runtime = self.start("import sys\nsys.exit(3)\n")
        self.assertEqual(3, runtime.wait())
        self.assertTrue(runtime.api.posted.empty())

    def test_modules_in_packages_by_dot_and_by_slash(self):
        files = {"src/__init__.py": "", "src/deep/__init__.py": "", "src/deep/mod.py": "def run(e, c):\n    return 5\n"}
        for handler in ("src.deep.mod.run", "src/deep/mod.run", "src/deep.mod.run"):
            self.assertEqual(5, self.start("", handler, files=files).invoke().json, handler)

    # ---- surroundings

    def test_the_context_has_every_member(self):
        runtime = self.start(
            "def handler(event, context):\n"
            "    left = context.get_remaining_time_in_millis()\n"
            '    names = ("aws_request_id", "log_group_name", "log_stream_name", "function_name", "function_version",\n'
            '             "memory_limit_in_mb", "invoked_function_arn", "tenant_id", "client_context")\n'
            "    members = {name: getattr(context, name) for name in names}\n"
            '    return {**members, "left": isinstance(left, int) and 0 < left <= 3000,\n'
            '            "identity": context.identity.cognito_identity_id, "text": repr(context)}\n'
        )
        answer = runtime.invoke().json
        text = answer.pop("text")
        self.assertEqual(
            {
                "aws_request_id": REQUEST_ID,
                "log_group_name": "/aws/lambda/tested",
                "log_stream_name": "2026/01/01/[$LATEST]x",
                "function_name": "tested",
                "function_version": "$LATEST",
                "memory_limit_in_mb": "128",
                "invoked_function_arn": ARN,
                "tenant_id": None,
                "client_context": None,
                "left": True,
                "identity": None,
            },
            answer,
        )
        self.assertTrue(text.startswith("LambdaContext([aws_request_id=%s,log_group_name=" % REQUEST_ID), text)

    def test_client_context_identity_and_tenant(self):
        runtime = self.start(
            "def handler(event, context):\n"
            "    c = context.client_context\n"
            "    return [c.custom, c.env, c.client.app_title, c.client.installation_id,\n"
            "            context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id, context.tenant_id]\n"
        )
        answer = runtime.invoke(
            Lambda_Runtime_Client_Context=json.dumps(
                {"custom": {"k": "ü"}, "env": {"e": 1}, "client": {"app_title": "t"}}, ensure_ascii=False
            ),
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
            Lambda_Runtime_Aws_Tenant_Id="blue",
        ).json
        self.assertEqual([{"k": "ü"}, {"e": 1}, "t", None, "i", "p", "blue"], answer)

    def test_a_client_context_that_is_not_json(self):
        error = self.start("def handler(e, c):\n    return 1\n").invoke(Lambda_Runtime_Client_Context="{").json
        self.assertEqual("Runtime.LambdaContextUnmarshalError", error["errorType"])
        self.assertTrue(error["errorMessage"].startswith("Unable to parse Client Context JSON: Expecting"), error)

    def test_the_trace_id_is_that_of_the_invocation(self):
        runtime = self.start("import os\ndef handler(e, c):\n    return os.environ.get('_X_AMZN_TRACE_ID')\n")
        self.assertEqual("Root=1", runtime.invoke(Lambda_Runtime_Trace_Id="Root=1").json)
        self.assertEqual(None, runtime.invoke().json)

    def test_sys_path_is_in_awss_order(self):
        runtime = self.start(
            "import sys\ndef handler(e, c):\n    return sys.path\n",
            env={"AWS_EXECUTION_ENV": "AWS_Lambda_python3.7", "PYTHONPATH": "/opt/extra"},
        )
        path = runtime.invoke().json
        own = "/opt/python/lib/python3.%d/site-packages" % sys_minor(self.interpreter)
        self.assertEqual(
            [runtime.task, "/opt/python/lib/python3.7/site-packages", own, "/opt/python", str(RUNTIMES / "python"),
             "/opt/extra"],
            path[:6],
        )
        self.assertFalse([p for p in path if p.endswith("dist-packages")], path)
        self.assertFalse([p for p in path[6:] if p.endswith("site-packages")], path)

    def test_the_package_may_hold_modules_named_like_ours_and_its_own_sdk(self):
        runtime = self.start(
            "import boto3, bootstrap\ndef handler(e, c):\n    return [boto3.mine, bootstrap.mine]\n",
            files={"boto3.py": "mine = 1\n", "bootstrap.py": "mine = 2\n"},
        )
        self.assertEqual([1, 2], runtime.invoke().json)

    def test_snapshot_hooks_can_be_registered(self):
        runtime = self.start(
            "from snapshot_restore_py import register_after_restore, register_before_snapshot\n"
            "@register_before_snapshot\ndef before():\n    pass\n"
            "register_after_restore(before)\ndef handler(e, c):\n    return callable(before)\n"
        )
        self.assertEqual(True, runtime.invoke().json)

    def test_nothing_else_of_the_machines_packages_is_found(self):
        for name in ("requests", "apt_pkg", "pkg_resources"):
            error, _ = self.init_error("import %s\n" % name)
            self.assertEqual("Unable to import module 'app': No module named '%s'" % name, error["errorMessage"])

    def test_the_process_environment_is_clean(self):
        runtime = self.start("import os\ndef handler(e, c):\n    return sorted(os.environ)\n")
        self.assertNotIn("_LAMBDA_TELEMETRY_LOG_FD", runtime.invoke().json)

    # ---- logs

    def test_print_is_a_line_of_output_even_without_its_newline(self):
        runtime = self.start("def handler(e, c):\n    print('one')\n    print('two', end='')\n")
        runtime.invoke()
        self.assertEqual("one\ntwo", runtime.output()[0])
        self.assertEqual([], runtime.frames())

    def test_logging_has_awss_form(self):
        runtime = self.start(
            "import logging\nlogging.getLogger().setLevel('INFO')\n"
            "def handler(e, c):\n    logging.info('first\\nsecond %s', 3)\n    logging.debug('not shown')\n"
        )
        runtime.invoke()
        (kind, text), = runtime.frames()
        self.assertEqual(0xA55A0003, kind)
        self.assertRegex(text, r"^\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t%s\tfirst\nsecond 3\n$" % REQUEST_ID)

    def test_logging_while_importing_has_no_request_id(self):
        runtime = self.start("import logging\nlogging.warning('early')\ndef handler(e, c):\n    pass\n")
        runtime.invoke()
        self.assertRegex(runtime.frames()[0][1], r"^\[WARNING\]\t[^\t]+Z\t\tearly\n$")

    def test_a_log_level_of_the_function_applies(self):
        runtime = self.start(
            "import logging\ndef handler(e, c):\n    logging.info('yes')\n    logging.debug('no')\n",
            env={"AWS_LAMBDA_LOG_LEVEL": "INFO"},
        )
        runtime.invoke()
        (kind, text), = runtime.frames()
        self.assertEqual(0xA55A000F, kind)
        self.assertIn("\tyes\n", text)

    def test_json_logs(self):
        runtime = self.start(
            "import logging\n"
            "def handler(e, c):\n"
            "    logging.getLogger('mine').warning('hello %s', 'ü', extra={'order': 17})\n"
            "    try:\n        1 / 0\n    except ZeroDivisionError:\n        logging.exception('oops')\n",
            env={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"},
        )
        runtime.invoke()
        (first_kind, first), (second_kind, second) = runtime.frames()
        first, second = json.loads(first), json.loads(second)
        self.assertRegex(first.pop("timestamp"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(
            {"level": "WARNING", "message": "hello ü", "logger": "mine", "requestId": REQUEST_ID, "order": 17}, first
        )
        self.assertEqual((0xA55A0012, 0xA55A0016), (first_kind, second_kind))
        self.assertEqual(("ZeroDivisionError", "division by zero"), (second["errorType"], second["errorMessage"]))
        self.assertIn(":handler:", second["location"])
        self.assertIn("line 5, in handler", second["stackTrace"][0])

    def test_json_errors(self):
        runtime = self.start(
            "def handler(e, c):\n    raise ValueError('bad')\n", env={"AWS_LAMBDA_LOG_FORMAT": "JSON"}
        )
        runtime.invoke()
        (kind, text), = runtime.frames()
        record = json.loads(text)
        self.assertEqual(JSON_ERROR, kind)
        self.assertEqual(
            ["timestamp", "level", "errorMessage", "errorType", "requestId", "stackTrace"], list(record)
        )
        self.assertEqual(("ERROR", "bad", "ValueError"), (record["level"], record["errorMessage"], record["errorType"]))

    def test_context_log_writes_as_it_is(self):
        runtime = self.start("def handler(e, c):\n    c.log('a\\nb')\n")
        runtime.invoke()
        self.assertEqual([(0xA55A0003, "a\nb")], runtime.frames())

    def test_messages_of_many_threads_do_not_mix(self):
        runtime = self.start(
            "import logging, threading\n"
            "def handler(e, c):\n"
            "    work = lambda n: [logging.warning(str(n) * 20000) for _ in range(20)]\n"
            "    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]\n"
            "    [t.start() for t in threads]\n    [t.join() for t in threads]\n"
        )
        runtime.invoke()
        bodies = [text.rsplit("\t", 1)[1].strip() for _, text in runtime.frames()]
        self.assertEqual(160, len(bodies))
        self.assertTrue(all(len(body) == 20000 and len(set(body)) == 1 for body in bodies))

    def test_sigterm_ends_it_and_a_handler_of_the_function_is_honoured(self):
        runtime = self.start("def handler(e, c):\n    pass\n")
        runtime.invoke()
        runtime.api.asked.get(timeout=30)
        runtime.process.terminate()
        self.assertEqual(-15, runtime.wait())
        runtime = self.start(
            "import signal, sys\n"
            "def stop(*_):\n    print('bye')\n    sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, stop)\ndef handler(e, c):\n    pass\n"
        )
        runtime.invoke()
        for _ in range(2):
            runtime.api.asked.get(timeout=30)
        runtime.process.terminate()
        self.assertEqual(0, runtime.wait())
        self.assertEqual("bye\n", runtime.output()[0])


def sys_minor(interpreter):
    answer = subprocess.run(
        [interpreter, "-I", "-S", "-c", "import sys; print(sys.version_info[1])"], env={}, capture_output=True, check=True
    )
    return int(answer.stdout)


class MachinesSdk(unittest.TestCase):
    """boto3 of the Debian packages, in an empty package."""

    @unittest.skipUnless(os.path.isdir("/usr/lib/python3/dist-packages/boto3"), "python3-boto3 is not installed")
    def test_boto3_can_be_imported_and_used(self):
        code = (
            "import boto3\n"
            "def handler(e, c):\n"
            "    client = boto3.client('sts', region_name='eu-west-1', aws_access_key_id='a', aws_secret_access_key='b')\n"
            "    return [client.meta.endpoint_url, boto3.__file__]\n"
        )
        command = ["/usr/bin/python3", "-I", "-S", "-X", "utf8", BOOTSTRAP]
        with Runtime(command, {"app.py": code}, "app.handler") as runtime:
            posted = runtime.invoke()
            self.assertEqual("response", posted.kind, posted.body)
            self.assertEqual("/usr/lib/python3/dist-packages/boto3/__init__.py", posted.json[1])


def load_tests(loader, standard, _pattern):
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(MachinesSdk))
    for path in pythons():
        name = "Python3_%d" % sys_minor(path)
        case = type(name, (PythonCase, unittest.TestCase), {"interpreter": path})
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    unittest.main()
