"""The Node.js runtime client, under every Node.js found (HEARTH_TEST_NODES adds some, separated by colons)."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fake_api import ARN, REQUEST_ID, RUNTIMES, Runtime  # noqa: E402

BOOTSTRAP = str(RUNTIMES / "nodejs" / "bootstrap.cjs")
FLAGS = ["--max-http-header-size=81920", "--use-openssl-ca", "--max-semi-space-size=6", "--max-old-space-size=116"]
NEVER_SETTLED = (
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that "
    "was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"
)


def major_of(node):
    answer = subprocess.run([node, "--version"], env={}, capture_output=True, check=True)
    return int(answer.stdout[1:].split(b".")[0])


def nodes():
    found = {}
    named = [p for p in os.environ.get("HEARTH_TEST_NODES", "").split(":") if p]
    for path in ["/usr/bin/node", "/usr/local/bin/node", *named]:
        if os.access(path, os.X_OK):
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


class Base:
    node = "/usr/bin/node"
    declared = 22  # the runtime that the function asked for

    def start(self, code, handler="app.handler", files=None, name="app.js", env=None, **options):
        env = {"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs%d.x" % self.declared, **(env or {})}
        runtime = Runtime([self.node, *FLAGS, BOOTSTRAP], {name: code, **(files or {})}, handler, env=env, **options)
        self.addCleanup(runtime.__exit__)
        return runtime

    def init_error(self, code, handler="app.handler", **options):
        runtime = self.start(code, handler, **options)
        posted = runtime.posted()
        self.assertEqual("init error", posted.kind)
        self.assertEqual(129, runtime.wait())
        self.assertEqual(posted.json["errorType"], posted.headers["lambda-runtime-function-error-type"])
        self.assertEqual(["errorType", "errorMessage", "trace"], list(posted.json))
        return posted.json, runtime


class EveryVersion(Base):
    """What holds for all runtimes."""

    def test_an_async_handler_answers(self):
        runtime = self.start("exports.handler = async (event, context) => ({ event, id: context.awsRequestId });")
        posted = runtime.invoke({"x": "ü"})
        self.assertEqual("response", posted.kind)
        self.assertIn("/" + REQUEST_ID + "/", posted.path)
        self.assertEqual('{"event":{"x":"ü"},"id":"%s"}' % REQUEST_ID, posted.body.decode())

    def test_undefined_is_null(self):
        self.assertEqual(b"null", self.start("exports.handler = async () => {};").invoke().body)

    def test_a_promise_of_a_plain_function_counts(self):
        runtime = self.start("exports.handler = (event) => new Promise((r) => setTimeout(r, 5, event + 1));")
        self.assertEqual([2, 3], [runtime.invoke(n).json for n in (1, 2)])

    def test_large_events_and_results(self):
        runtime = self.start("exports.handler = async (event) => event;")
        event = "x" * 6_000_000
        self.assertEqual(event, runtime.invoke(event).json)
        self.assertEqual("small", runtime.invoke("small").json)

    def test_a_server_that_closes_each_connection_is_no_problem(self):
        runtime = self.start("exports.handler = async (event) => event;")
        runtime.api.close_after_reply = True
        self.assertEqual([1, 2, 3], [runtime.invoke(n).json for n in (1, 2, 3)])

    def test_a_refused_answer_is_said_and_the_next_invocation_served(self):
        runtime = self.start("exports.handler = async (event) => event;")
        runtime.api.answer = (413, {}, b"too large")
        runtime.invoke("big")
        runtime.api.answer = (202, {}, b"")
        self.assertEqual("fine", runtime.invoke("fine").json)
        self.assertRegex(
            runtime.output()[1],
            r"\[ERROR\] \[\d+\] LAMBDA_RUNTIME Failed to post handler success response\. Http response code: 413\.",
        )

    def test_a_result_refused_before_it_was_read_is_no_end(self):
        runtime = self.start("exports.handler = async (event) => event;")
        runtime.api.largest_body = 1000
        runtime.invoke("x" * 8_000_000)
        self.assertEqual("fine", runtime.invoke("fine").json)
        self.assertRegex(runtime.output()[1], r"LAMBDA_RUNTIME Failed to post handler success response\.")

    # ---- modules

    def test_es_modules_by_extension_and_by_package_json(self):
        code = "const base = await Promise.resolve(40);\nexport const handler = async (event) => base + event;\n"
        self.assertEqual(42, self.start(code, name="app.mjs").invoke(2).json)
        runtime = self.start(code, files={"package.json": '{"type": "module"}'})
        self.assertEqual(42, runtime.invoke(2).json)

    def test_cjs_extension_in_a_module_package(self):
        runtime = self.start(
            "exports.handler = async () => 7;", name="app.cjs", files={"package.json": '{"type": "module"}'}
        )
        self.assertEqual(7, runtime.invoke().json)

    def test_folders_and_nested_exports(self):
        files = {"src/deep/mod.js": "exports.api = { v1: { run: async () => 9 } };"}
        self.assertEqual(9, self.start("", "src/deep/mod.api.v1.run", files=files).invoke().json)

    def test_a_folder_beside_the_file_does_not_hide_it(self):
        runtime = self.start("exports.handler = async () => require('./app/x').x;", files={"app/x.js": "exports.x = 3;"})
        self.assertEqual(3, runtime.invoke().json)

    def test_node_path_is_searched_after_the_package(self):
        runtime = self.start(
            "exports.handler = async () => [require('both'), require('layered')];",
            files={
                "node_modules/both/index.js": "module.exports = 'package';",
                "layer/both/index.js": "module.exports = 'layer';",
                "layer/layered/index.js": "module.exports = 'layer';",
            },
            env={"NODE_PATH": "layer"},
        )
        self.assertEqual(["package", "layer"], runtime.invoke().json)

    def test_a_missing_module(self):
        error, runtime = self.init_error("", handler="nope.handler")
        self.assertEqual("Runtime.ImportModuleError", error["errorType"])
        self.assertEqual(
            "Error: Cannot find module 'nope'\nRequire stack:\n- /var/runtime/index.mjs", error["errorMessage"]
        )
        self.assertEqual("Runtime.ImportModuleError: Error: Cannot find module 'nope'", error["trace"][0])
        (kind, text), = runtime.frames()
        self.assertEqual(0xA55A0017, kind)
        head, record = text.rstrip("\n").split("\tUncaught Exception \t")
        self.assertRegex(head, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tundefined\tERROR$")
        self.assertEqual(["errorType", "errorMessage", "stack"], list(json.loads(record)))

    def test_a_missing_dependency(self):
        error, runtime = self.init_error("require('left-nope');")
        self.assertEqual(
            "Error: Cannot find module 'left-nope'\nRequire stack:\n- %s/app.js\n- /var/runtime/index.mjs" % runtime.task,
            error["errorMessage"],
        )

    def test_a_missing_export_and_one_that_is_no_function(self):
        error, _ = self.init_error("exports.other = 1;")
        self.assertEqual("Runtime.HandlerNotFound", error["errorType"])
        self.assertEqual("app.handler is undefined or not exported", error["errorMessage"])
        error, _ = self.init_error("exports.handler = 1;")
        self.assertEqual("app.handler is not a function", error["errorMessage"])

    def test_handler_names_that_cannot_be(self):
        error, _ = self.init_error("", handler="app")
        self.assertEqual(("Runtime.MalformedHandlerName", "Bad handler"), (error["errorType"], error["errorMessage"]))
        error, _ = self.init_error("", handler="../app.handler")
        self.assertEqual(
            "'../app.handler' is not a valid handler name. Use absolute paths when specifying root directories in "
            "handler names.",
            error["errorMessage"],
        )

    def test_a_syntax_error(self):
        error, _ = self.init_error("exports.handler = async ( => 1;")
        self.assertEqual("Runtime.UserCodeSyntaxError", error["errorType"])
        self.assertTrue(error["errorMessage"].startswith("SyntaxError: "), error)

    def test_an_error_while_loading(self):
        error, _ = self.init_error("undefinedThing.call();")
        self.assertEqual("ReferenceError", error["errorType"])
        self.assertEqual("undefinedThing is not defined", error["errorMessage"])

    def test_exit_while_loading_ends_the_process(self):
        runtime = self.start("process.exit(5);")
        self.assertEqual(5, runtime.wait())
        self.assertTrue(runtime.api.posted.empty())

    # ---- failures of handlers

    def test_a_thrown_error(self):
        runtime = self.start("class Mine extends Error { constructor(m) { super(m); this.name = 'Mine'; } }\n"
                             "exports.handler = async () => { throw new Mine('no good'); };")
        posted = runtime.invoke()
        self.assertEqual("error", posted.kind)
        self.assertEqual("Mine", posted.headers["lambda-runtime-function-error-type"])
        error = posted.json
        self.assertEqual(["errorType", "errorMessage", "trace"], list(error))
        self.assertEqual(("Mine", "no good"), (error["errorType"], error["errorMessage"]))
        self.assertIn("%s/app.js:2:" % runtime.task, error["trace"][1])
        (kind, text), = runtime.frames()
        self.assertEqual(0xA55A0017, kind)
        self.assertIn("\t%s\tERROR\tInvoke Error \t{" % REQUEST_ID, text)
        record = json.loads(text.split("Invoke Error \t")[1])
        self.assertEqual(("Mine", "no good"), (record["errorType"], record["errorMessage"]))
        self.assertEqual(error["trace"], record["stack"])

    def test_things_that_are_not_errors(self):
        runtime = self.start("exports.handler = async (event) => { throw event; };")
        self.assertEqual({"errorType": "string", "errorMessage": "text", "trace": []}, runtime.invoke("text").json)
        self.assertEqual({"errorType": "number", "errorMessage": "5", "trace": []}, runtime.invoke(5).json)

    def test_results_that_are_not_json(self):
        runtime = self.start("exports.handler = async () => { const a = {}; a.a = a; return a; };")
        error = runtime.invoke().json
        self.assertEqual("Unable to stringify response body", error["errorMessage"])
        self.assertEqual("Runtime.JSONStringifyError" if self.declared >= 24 else "Error", error["errorType"])

    def test_events_that_are_not_json(self):
        self.assertEqual("SyntaxError", self.start("exports.handler = async () => 1;").invoke(b"{").json["errorType"])

    def test_an_unhandled_rejection(self):
        runtime = self.start(
            "exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 5000)); };"
        )
        error = runtime.invoke().json
        self.assertEqual("Runtime.UnhandledPromiseRejection", error["errorType"])
        self.assertEqual("Error: lost", error["errorMessage"])
        self.assertEqual(128, runtime.wait())
        self.assertIn("\tERROR\tUnhandled Promise Rejection \t{", runtime.frames()[0][1])

    def test_an_uncaught_exception(self):
        runtime = self.start(
            "exports.handler = async () => { setTimeout(() => { throw new TypeError('late'); }, 1);"
            " await new Promise((r) => setTimeout(r, 5000)); };"
        )
        error = runtime.invoke().json
        self.assertEqual(("TypeError", "late"), (error["errorType"], error["errorMessage"]))
        self.assertEqual(129, runtime.wait())

    def test_an_exception_between_invocations_ends_the_process(self):
        runtime = self.start(
            "exports.handler = async () => { setTimeout(() => { throw new TypeError('late'); }, 50); return 1; };"
        )
        self.assertEqual(1, runtime.invoke().json)
        self.assertEqual("late", runtime.posted().json["errorMessage"])
        self.assertEqual(129, runtime.wait())

    def test_exit_ends_the_process_with_its_status(self):
        runtime = self.start("exports.handler = async () => process.exit(6);")
        runtime.send(None)
        self.assertEqual(6, runtime.wait())
        self.assertTrue(runtime.api.posted.empty())

    # ---- surroundings

    def test_the_context_has_every_member(self):
        runtime = self.start(
            "exports.handler = async (event, c) => ({ ...c, left: c.getRemainingTimeInMillis() > 0"
            " && c.getRemainingTimeInMillis() <= 3000 });"
        )
        answer = runtime.invoke(
            Lambda_Runtime_Client_Context='{"custom":{"k":"ü"}}',
            Lambda_Runtime_Cognito_Identity='{"cognitoIdentityId":"i"}',
            Lambda_Runtime_Aws_Tenant_Id="blue",
        ).json
        expected = {
            "functionVersion": "$LATEST",
            "functionName": "tested",
            "memoryLimitInMB": "128",
            "logGroupName": "/aws/lambda/tested",
            "logStreamName": "2026/01/01/[$LATEST]x",
            "clientContext": {"custom": {"k": "ü"}},
            "identity": {"cognitoIdentityId": "i"},
            "invokedFunctionArn": ARN,
            "awsRequestId": REQUEST_ID,
            "tenantId": "blue",
            "left": True,
        }
        if self.declared < 24:
            expected["callbackWaitsForEmptyEventLoop"] = True
        self.assertEqual(expected, answer)

    def test_the_trace_id_is_that_of_the_invocation(self):
        runtime = self.start("exports.handler = async () => process.env._X_AMZN_TRACE_ID;")
        self.assertEqual("Root=1", runtime.invoke(Lambda_Runtime_Trace_Id="Root=1").json)
        self.assertEqual(None, runtime.invoke().json)

    def test_gc_is_exposed_and_the_log_descriptor_hidden(self):
        runtime = self.start(
            "exports.handler = async () => { gc(); global.gc(); return [typeof gc, Object.keys(globalThis).includes('gc'),"
            " '_LAMBDA_TELEMETRY_LOG_FD' in process.env]; };"
        )
        self.assertEqual(["function", False, False], runtime.invoke().json)

    def test_sigterm_ends_it(self):
        runtime = self.start("exports.handler = async () => 1;")
        runtime.invoke()
        runtime.api.asked.get(timeout=30)
        runtime.process.terminate()
        self.assertEqual(-15, runtime.wait())

    # ---- logs

    def test_console_has_awss_form(self):
        runtime = self.start(
            "console.log('early');\n"
            "exports.handler = async () => { console.log('a\\nb %s', 'c', { d: 1 }); console.warn(new Error('w').message);"
            " console.debug('d'); console.trace('t'); process.stdout.write('plain\\n'); };"
        )
        runtime.invoke()
        frames = runtime.frames()
        self.assertEqual([0xA55A000F, 0xA55A000F, 0xA55A0013, 0xA55A000B, 0xA55A0007], [kind for kind, _ in frames])
        self.assertRegex(frames[0][1], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tundefined\tINFO\tearly\n$")
        self.assertRegex(frames[1][1], r"Z\t%s\tINFO\ta\nb c { d: 1 }\n$" % REQUEST_ID)
        self.assertRegex(frames[2][1], r"\tWARN\tw\n$")
        self.assertEqual("plain\n", runtime.output()[0])

    def test_without_a_frame_descriptor_messages_are_lines(self):
        runtime = self.start("exports.handler = async () => { console.log('a\\nb'); };", framed_logs=False)
        runtime.invoke()
        self.assertRegex(runtime.output()[0], r"Z\t%s\tINFO\ta\rb\n$" % REQUEST_ID)

    def test_a_log_level_of_the_function_applies(self):
        runtime = self.start(
            "exports.handler = async () => { console.info('no'); console.warn('yes'); };",
            env={"AWS_LAMBDA_LOG_LEVEL": "WARN"},
        )
        runtime.invoke()
        self.assertEqual(["WARN\tyes\n"], [text.split("\t", 2)[2] for _, text in runtime.frames()])

    def test_json_logs(self):
        runtime = self.start(
            "exports.handler = async () => { console.info({ order: 17 }); console.error('bad %d', 1, new RangeError('r')); };",
            env={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        )
        runtime.invoke()
        (first_kind, first), (second_kind, second) = runtime.frames()
        first, second = json.loads(first), json.loads(second)
        self.assertEqual((0xA55A000E, 0xA55A0016), (first_kind, second_kind))
        self.assertEqual(["timestamp", "level", "requestId", "message"], list(first))
        self.assertEqual(("INFO", REQUEST_ID, {"order": 17}), (first["level"], first["requestId"], first["message"]))
        self.assertEqual(("RangeError", "r"), (second["errorType"], second["errorMessage"]))
        self.assertIn("RangeError: r", second["stackTrace"][0])

    def test_many_large_messages_arrive_whole(self):
        runtime = self.start("exports.handler = async () => { for (let i = 0; i < 50; i++) console.log('x'.repeat(100000)); };")
        runtime.invoke()
        self.assertEqual([100000] * 50, [len(text.rsplit("\t", 1)[1]) - 1 for _, text in runtime.frames()])

    # ---- streaming

    def test_a_streaming_handler_is_answered_at_its_end(self):
        runtime = self.start(
            "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {\n"
            "  const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });\n"
            "  http.write('one '); http.write('two'); http.end(); });"
        )
        posted = runtime.invoke()
        self.assertEqual("application/vnd.awslambda.http-integration-response", posted.headers["content-type"])
        self.assertEqual(b'{"statusCode":201}' + bytes(8) + b"one two", posted.body)

    def test_a_stream_that_is_not_ended_is_an_error(self):
        runtime = self.start("exports.handler = awslambda.streamifyResponse(async (event, stream) => { stream.write('x'); });")
        self.assertEqual("Response stream is not finished.", runtime.invoke().json["errorMessage"])


class Callbacks(Base):
    """Up to nodejs22.x."""

    def test_a_callback_answers(self):
        runtime = self.start("exports.handler = (event, context, callback) => callback(null, event + 1);")
        self.assertEqual([2, 3], [runtime.invoke(n).json for n in (1, 2)])

    def test_a_callback_waits_for_an_empty_event_loop(self):
        runtime = self.start(
            "exports.handler = (event, context, callback) => { callback(null, 'called');"
            " setTimeout(() => console.log('afterwards'), 60); };"
        )
        self.assertEqual("called", runtime.invoke().json)
        self.assertIn("afterwards", runtime.frames()[0][1])

    def test_unless_it_is_told_not_to_wait(self):
        runtime = self.start(
            "exports.handler = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false;"
            " setInterval(() => {}, 1000); callback(null, 'at once'); };"
        )
        self.assertEqual(["at once"] * 2, [runtime.invoke().json for _ in range(2)])

    def test_context_succeed_fail_and_done(self):
        runtime = self.start(
            "exports.handler = (event, context) => { if (event === 1) context.succeed('s');"
            " else if (event === 2) context.fail(new Error('f')); else context.done(null, 'd'); };"
        )
        self.assertEqual("s", runtime.invoke(1).json)
        self.assertEqual("f", runtime.invoke(2).json["errorMessage"])
        self.assertEqual("d", runtime.invoke(3).json)

    def test_only_the_first_answer_counts(self):
        runtime = self.start(
            "exports.handler = (event, context, callback) => { callback(null, 1); callback(null, 2); context.done(null, 3); };"
        )
        self.assertEqual([1, 1], [runtime.invoke().json for _ in range(2)])
        self.assertTrue(runtime.api.posted.empty())

    def test_an_error_given_to_the_callback(self):
        runtime = self.start("exports.handler = (event, context, callback) => callback(event ? new Error('e') : 'text');")
        self.assertEqual(("Error", "e"), tuple(runtime.invoke(1).json[k] for k in ("errorType", "errorMessage")))
        self.assertEqual({"errorType": "string", "errorMessage": "text", "trace": []}, runtime.invoke(0).json)

    def test_an_exception_thrown_by_a_plain_function(self):
        runtime = self.start("exports.handler = (event, context, callback) => { throw new RangeError('sync'); };")
        self.assertEqual("RangeError", runtime.invoke().json["errorType"])

    def test_a_plain_function_that_answers_nothing_is_null(self):
        runtime = self.start("exports.handler = () => 5;")
        self.assertEqual([None, None], [runtime.invoke().json for _ in range(2)])

    def test_an_async_handler_that_never_settles(self):
        runtime = self.start("exports.handler = async () => new Promise(() => {});")
        for _ in range(2):
            error = runtime.invoke().json
            self.assertEqual(("Runtime.NodeJsExit", NEVER_SETTLED), (error["errorType"], error["errorMessage"]))


class PromisesOnly(Base):
    """From nodejs24.x on."""

    declared = 24

    def test_a_handler_with_a_callback_is_refused(self):
        error, _ = self.init_error("exports.handler = (event, context, callback) => callback(null, 1);")
        self.assertEqual("Runtime.CallbackHandlerDeprecated", error["errorType"])
        self.assertEqual(
            "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You "
            "need to modify this function to use a supported handler signature to use Node.js 24 or later. For more "
            "information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.",
            error["errorMessage"],
        )

    def test_a_plain_value_answers(self):
        self.assertEqual(5, self.start("exports.handler = () => 5;").invoke().json)

    def test_an_exception_thrown_by_a_plain_function(self):
        runtime = self.start("exports.handler = (event) => { throw new RangeError('sync'); };")
        self.assertEqual("RangeError", runtime.invoke().json["errorType"])

    def test_a_promise_that_never_settles_ends_the_process(self):
        runtime = self.start("exports.handler = () => new Promise(() => {});")
        runtime.send(None)
        runtime.wait()
        self.assertTrue(runtime.api.posted.empty())


def load_tests(loader, standard, _pattern):
    suite = unittest.TestSuite()
    for node in nodes():
        major = major_of(node)
        declared = 24 if major >= 24 else min(major, 22)
        for base in (EveryVersion, PromisesOnly if major >= 24 else Callbacks):
            name = "Node%d_%s" % (major, base.__name__)
            case = type(name, (base, unittest.TestCase), {"node": node, "declared": declared})
            suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    unittest.main()
