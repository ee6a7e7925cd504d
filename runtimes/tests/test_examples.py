"""The example functions, each with its runtime client, its event, and the result it promises."""

import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fake_api import RUNTIMES, Runtime  # noqa: E402

EXAMPLES = RUNTIMES.parent / "examples"


def matches(expected, actual):
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(matches(expected[k], actual[k]) for k in expected)
    if isinstance(expected, str) and expected.startswith("~"):
        return isinstance(actual, str) and re.fullmatch(expected[1:], actual) is not None
    return expected == actual


class Examples(unittest.TestCase):
    def run_example(self, name, command):
        description = json.loads((EXAMPLES / name / "function.json").read_text())
        self.assertEqual(name, description["name"])
        if "build" in description:
            subprocess.run(description["build"], cwd=EXAMPLES / name, check=True, timeout=120)
        runtime = Runtime(
            command,
            {f: (EXAMPLES / name / f).read_text() for f in description["files"] if f != "bootstrap"},
            description["handler"],
            env={
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_EXECUTION_ENV": "AWS_Lambda_" + description["runtime"],
            },
        )
        self.addCleanup(runtime.__exit__)
        for _ in range(2):
            posted = runtime.invoke(description["event"])
            self.assertEqual("response", posted.kind, posted.body)
            self.assertTrue(matches(description["expected"], posted.json), posted.json)

    def test_hello_python(self):
        self.run_example("hello-python", ["/usr/bin/python3", "-I", "-S", str(RUNTIMES / "python/bootstrap.py")])

    def test_hello_nodejs(self):
        for name in ("hello-nodejs", "hello-nodejs-esm"):
            self.run_example(name, ["/usr/bin/node", str(RUNTIMES / "nodejs/bootstrap.cjs")])

    def test_provided_cpp(self):
        self.run_example("provided-cpp", [str(EXAMPLES / "provided-cpp/bootstrap")])

    def test_provided_shell(self):
        self.run_example("provided-shell", [str(EXAMPLES / "provided-shell/bootstrap")])


if __name__ == "__main__":
    unittest.main()
