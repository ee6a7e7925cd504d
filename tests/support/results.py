"""Test results as one JSON line each, and how unittest suites produce them.

A line: {"suite": "e2e", "test": "test_invoke.Echo.test_returns_its_event", "outcome": "passed|failed|skipped",
"reason": "...", "seconds": 0.1}. Every runner of `./test` writes such lines; run_all.py counts them. With HEARTH_PROGRESS
in the environment each result is also printed.
"""
import json
import os
import sys
import time
import traceback
import unittest


class Recorder(unittest.TestResult):
    """Writes one line per test to `stream` as soon as the test has ended."""

    def __init__(self, suite, stream):
        super().__init__()
        self.suite, self.stream = suite, stream
        self.started = 0.0
        self.ended = set()

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def _record(self, test, outcome, reason=""):
        if outcome == "passed" and test.id() in self.ended:
            return
        self.ended.add(test.id())
        line = {"suite": self.suite, "test": test.id(), "outcome": outcome, "reason": reason,
                "seconds": round(time.monotonic() - self.started, 3) if self.started else 0.0}
        self.stream.write(json.dumps(line) + "\n")
        self.stream.flush()
        if os.environ.get("HEARTH_PROGRESS"):
            print(f"{outcome} {test.id()} ({line['seconds']:.1f} s)", flush=True)

    @staticmethod
    def _text(err):
        return "".join(traceback.format_exception(*err))

    def addSuccess(self, test):
        slow = sys.modules["hearth"].take_slow_turns() if "hearth" in sys.modules else ""
        if slow:
            error = AssertionError("turns of the server's loop cost too much:\n" + slow)
            self.addFailure(test, (AssertionError, error, None))
            return
        super().addSuccess(test)
        self._record(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._record(test, "failed", self._text(err))

    def addError(self, test, err):
        super().addError(test, err)
        self._record(test, "failed", self._text(err))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._record(subtest, "failed", self._text(err))
            self.ended.add(test.id())

    def addExpectedFailure(self, test, err):
        self._record(test, "failed", "expected failures are not used here")

    def addUnexpectedSuccess(self, test):
        self._record(test, "failed", "unexpected success")


def main(argv):
    """results.py SUITE OUTPUT FILE [NAME...]: runs the tests of FILE (all, or those named Class or Class.method)."""
    suite, output, path, names = argv[1], argv[2], argv[3], argv[4:]
    import importlib.util
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    module_name = os.path.splitext(os.path.basename(path))[0]
    with open(output, "a", encoding="utf-8") as stream:
        recorder = Recorder(suite, stream)
        try:
            spec = importlib.util.spec_from_file_location(module_name, path)
            module = importlib.util.module_from_spec(spec)
            sys.modules[module_name] = module
            spec.loader.exec_module(module)
            loader = unittest.defaultTestLoader
            tests = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
        except Exception:  # noqa: BLE001 - a module that cannot be loaded is a failed test
            stream.write(json.dumps({"suite": suite, "test": module_name, "outcome": "failed",
                                     "reason": traceback.format_exc(), "seconds": 0.0}) + "\n")
            return 1
        tests.run(recorder)
        return 0 if recorder.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
