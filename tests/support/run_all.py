"""Runs every test of the project, or some of them, and counts.

  ./test                     everything but the stages that take long (what CI runs)
  ./test --full              those too, and the others for longer (docs/testing.md)
  ./test --only e2e          one stage; may be given several times; --list names them
  ./test --file tests/e2e/test_invoke.py [--name Class.method]   one file of Python tests, with the release build

Ends with "N passed, N failed, N skipped". Under CI (variable CI set, or --strict) a skipped test counts as failed
unless tests/allowed_skips names it with a reason.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = "/usr/bin/python3"


def clean_environment():
    """What tests run with: nothing of the caller's AWS, TLS or interpreter settings."""
    keep = ("PATH", "HOME", "TERM", "LANG", "CI", "TMPDIR", "CCACHE_DIR", "ASAN_OPTIONS", "TSAN_OPTIONS")
    env = {k: v for k, v in os.environ.items() if k in keep or k.startswith("HEARTH_")}
    env.setdefault("LANG", "C.UTF-8")
    env["AWS_EC2_METADATA_DISABLED"] = "true"
    return env


def full_only(stage):
    """Marks a stage that `./test` leaves out: `--full` runs it, and `--only` by its name."""
    stage.full_only = True
    return stage


class Run:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lines = tempfile.NamedTemporaryFile("w+", suffix=".jsonl", delete=False).name
        self.env = clean_environment()
        self.env["HEARTH_SEEN"] = self.seen = os.path.join(ROOT, "build", "requests_seen.jsonl")
        self.is_full = bool(self.env.get("HEARTH_FULL"))  # tests read the variable, stages this
        self.shows_output = False

    def record(self, suite, test, outcome, reason="", seconds=0.0):
        with open(self.lines, "a", encoding="utf-8") as out:
            out.write(json.dumps({"suite": suite, "test": test, "outcome": outcome, "reason": reason,
                                  "seconds": round(seconds, 3)}) + "\n")

    def command(self, suite, test, argv, **kwargs):
        """One command that passes when it ends with 0."""
        started = time.monotonic()
        status, output = self.process(argv, **kwargs)
        self.record(suite, test, "passed" if status == 0 else "failed",
                    "" if status == 0 else f"exit status {status}\n{output[-6000:]}", time.monotonic() - started)
        return status == 0

    def process(self, argv, extra_env=None, timeout=None):
        """Runs a command in a process group of its own: (exit status, output). What it prints is shown at once where
        the stage is a long one. After `timeout` seconds the group is killed and the status is None."""
        process = subprocess.Popen(argv, cwd=ROOT, env={**self.env, **(extra_env or {})}, text=True, errors="replace",
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        lines = []

        def read():
            for line in process.stdout:
                lines.append(line)
                if self.shows_output:
                    print(f"   | {line.rstrip()}", flush=True)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        status = None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if status is None:  # too late, or Ctrl-C: it may clean up before it is killed
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    pass
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        reader.join(10)  # longer only when something that left the group still holds the pipe
        return status, "".join(lines)

    def build(self, preset, targets=()):
        configure = ["cmake", "--preset", preset]
        build = ["cmake", "--build", "--preset", preset, "--", "-k", "0", *targets]
        return (self.command("build", f"configure {preset}", configure)
                and self.command("build", f"build {preset}", build))

    def ctest(self, suite, preset, label=None, regex=None, extra_env=None):
        report = tempfile.NamedTemporaryFile(suffix=".xml", delete=False).name
        argv = ["ctest", "--test-dir", f"build/{preset}", "--output-junit", report, "--timeout", "300", "-j", "2"]
        argv += ["-L", label] if label else []
        argv += ["-R", regex] if regex else []
        done = subprocess.run(argv, cwd=ROOT, env={**self.env, **(extra_env or {})}, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        cases = ET.parse(report).getroot().findall(".//testcase") if os.path.getsize(report) else []
        os.unlink(report)
        if not cases:
            self.record(suite, f"ctest {preset}", "failed", f"no tests were found\n{done.stdout[-3000:]}")
        for case in cases:
            output = (case.findtext("system-out") or "")
            status = case.get("status")
            if status == "run" and case.find("failure") is None:
                outcome, reason = "passed", ""
            elif case.find("skipped") is not None or status in ("notrun", "disabled"):
                outcome, reason = "skipped", skip_reason(output)
            else:
                outcome, reason = "failed", output[-6000:]
            self.record(suite, f"{preset}: {case.get('name')}", outcome, reason, float(case.get("time") or 0))

    def python_file(self, suite, path, names=(), extra_env=None, timeout=900):
        before = os.path.getsize(self.lines)
        started = time.monotonic()
        argv = [PYTHON, "-B", os.path.join(ROOT, "tests/support/results.py"), suite, self.lines, path, *names]
        progress = {"HEARTH_PROGRESS": "1"} if self.shows_output else {}
        status, output = self.process(argv, {**progress, **(extra_env or {})}, timeout)
        if status is None:
            self.record(suite, os.path.relpath(path, ROOT), "failed", f"not done after {timeout} s\n{output[-6000:]}",
                        time.monotonic() - started)
            return
        if status not in (0, 1) or os.path.getsize(self.lines) == before:
            self.record(suite, os.path.relpath(path, ROOT), "failed",
                        f"ended with status {status} and no result\n{output[-6000:]}")

    # ---- stages, in order -------------------------------------------------------------------------------------

    def stage_style(self):
        """file length, include arrows, service shape, formatting, naming"""
        for path in sorted(glob.glob(os.path.join(ROOT, "tests/style/test_*.py"))):
            self.python_file("style", path)

    def stage_release(self):
        """the release build"""
        self.build("release")

    def stage_naming(self):
        """clang-tidy: the naming rules and a few of its checks, on every header"""
        headers = sorted(glob.glob(os.path.join(ROOT, "src/**/*.h"), recursive=True))
        jobs = []
        for folder in sorted({os.path.relpath(h, os.path.join(ROOT, "src")).split(os.sep)[0] for h in headers}):
            mine = [h for h in headers if os.path.relpath(h, os.path.join(ROOT, "src")).startswith(folder + os.sep)]
            jobs.append((folder, mine))
        with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda job: self.tidy(work, *job), jobs))

    def tidy(self, work, folder, headers):
        """One translation unit that includes every header of a folder: their contents are what is checked."""
        unit = os.path.join(work, f"{folder}.cc")
        with open(unit, "w", encoding="utf-8") as out:
            out.writelines(f'#include "{h}"\n' for h in headers if not h.endswith(("_fixture.h", "test_support.h", "fake_world.h")))
        flags = ["-std=c++23", f"-I{ROOT}/src", f"-I{ROOT}/build/release/generated", "-DFMT_HEADER_ONLY", "-DBOOST_ASIO_NO_DEPRECATED",
                 "-DBOOST_ASIO_SEPARATE_COMPILATION"]
        self.command("naming", f"src/{folder}", ["clang-tidy-19", "--quiet", f"--config-file={ROOT}/.clang-tidy",
                                                 f"--header-filter={ROOT}/src/.*", unit, "--", *flags])

    def stage_unit(self):
        """unit tests, address and undefined-behaviour sanitizers"""
        if self.build("asan"):
            self.ctest("unit", "asan", extra_env={"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1"})

    def stage_simulation(self):
        """the server's core on simulated machines: misfortunes from hundreds of seeds, planted bugs, replays"""
        if not self.build("asan", ("hearth_simulation", "simulation_test")):
            return
        last = 3000 if self.is_full else 150
        simulation = os.path.join(ROOT, "build/asan/tests/simulation/hearth_simulation")
        self.command("simulation", f"seeds 1..{last}", [simulation, "--seeds", f"1..{last}", "--jobs", "2"])

    def stage_threads(self):
        """unit tests of what crosses threads, thread sanitizer; the data plane with one, two and three loops"""
        libraries = ("net", "storage", "sandbox", "environment", "invocation")
        if self.build("tsan", [f"{name}_test" for name in libraries]):
            self.ctest("threads", "tsan", regex=rf"^({'|'.join(libraries)})\.",
                       extra_env={"TSAN_OPTIONS": f"{self.known_races()}:halt_on_error=1"})

    @staticmethod
    def known_races():
        return "suppressions=" + os.path.join(ROOT, "tests/support/tsan.supp")

    def no_reports(self, name, folder):
        """Passes unless a sanitizer wrote into `folder`."""
        found = ""
        for path in sorted(glob.glob(os.path.join(folder, "*"))):
            with open(path, encoding="utf-8", errors="replace") as report:
                found += report.read()
        self.record("loops", f"{name}: no data race", "failed" if found else "passed", found[:12_000])

    def stage_fuzz(self):
        """each decoder, some seconds of coverage-guided fuzzing under sanitizers"""
        if not self.build("asan"):
            return
        seconds = self.env.get("HEARTH_FUZZ_SECONDS", "60" if self.is_full else "5")
        targets = sorted(glob.glob(os.path.join(ROOT, "build/asan/tests/fuzz/*_fuzz")))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda target: self.fuzz(target, seconds), targets))

    def fuzz(self, target, seconds):
        """The corpus of one target, which must pass, then new inputs. One that breaks a property is shown in base64."""
        name = os.path.basename(target)
        seeds = os.path.join(ROOT, "tests/fuzz/corpus", name.removesuffix("_fuzz"))
        if not os.path.isdir(seeds):
            self.record("fuzz", name, "failed", f"it has no seeds: {seeds}")
            return
        with tempfile.TemporaryDirectory() as work:
            self.command("fuzz", name, [target, work, seeds, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                                        f"-artifact_prefix={work}/"])

    def stage_runtimes(self):
        """the runtime clients against a scripted Runtime API"""
        for path in sorted(glob.glob(os.path.join(ROOT, "runtimes/tests/test_*.py"))):
            self.python_file("runtimes", path)

    def stage_e2e(self):
        """the release server, driven from outside"""
        self.python_folder("e2e")

    def stage_sanitized(self):
        """the sanitized server, driven from outside: part of e2e"""
        if not os.path.exists(os.path.join(ROOT, "build/asan/hearth")) and not self.build("asan"):
            return
        env = {"HEARTH_BINARY": os.path.join(ROOT, "build/asan/hearth"), "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1"}
        for name in ("test_functions", "test_doors"):
            self.python_file("sanitized", os.path.join(ROOT, f"tests/e2e/{name}.py"), extra_env=env)

    @full_only
    def stage_loops(self):
        """a server with two loops, and with one, thread sanitizer, driven from outside"""
        if not self.build("tsan", ("hearth", "hearth-launcher")):
            return
        part = ("Answers", "Logs", "Failures")
        for name, tests, loops in (("test_loops", (), 2), ("test_invoke", part, 2), ("test_call_home", (), 2), ("test_invoke", part, 1)):
            with tempfile.TemporaryDirectory() as reports:
                os.chmod(reports, 0o777)  # servers give up their privileges
                self.python_file("loops", os.path.join(ROOT, f"tests/e2e/{name}.py"), tests,
                                 extra_env={"HEARTH_BINARY": os.path.join(ROOT, "build/tsan/hearth"),
                                            "TSAN_OPTIONS": f"{self.known_races()}:log_path={reports}/report",
                                            "HEARTH_DATA_PLANE_LOOPS": str(loops)})
                self.no_reports(f"{name} on {loops}", reports)

    def stage_compat(self):
        """the vendors' own clients and tools against the release server"""
        self.python_folder("compat")

    def stage_security(self):
        """attacks from inside functions and from the network"""
        self.python_folder("security")

    def stage_crash(self):
        """kill -9 and faults"""
        self.python_folder("crash")

    def stage_bench(self):
        """the floor programs and the ratios to them, printed, a short run"""
        self.python_folder("bench")

    @full_only
    def stage_vm(self):
        """the security suite and a smoke of the rest on Debian's own kernel, in a virtual machine"""
        if self.full_packages("vm") and self.release_is_there() and self.build("guest", ("guest_tests",)):
            self.runner("vm", "tests/vm/run.py", timeout=3600)

    @full_only
    def stage_clean(self):
        """the README's commands in a freshly installed Debian, from a clean clone"""
        if self.full_packages("clean"):
            self.python_folder("clean", timeout=5400)

    def full_packages(self, suite):
        return self.command(suite, "the packages of --full", ["tools/install_packages", "full"])

    def runner(self, suite, program, timeout):
        """A program that writes result lines of its own: PROGRAM SUITE LINES."""
        before = os.path.getsize(self.lines)
        status, output = self.process([PYTHON, "-B", program, suite, self.lines], timeout=timeout)
        if status not in (0, 1) or os.path.getsize(self.lines) == before:
            self.record(suite, program, "failed", f"{'too late' if status is None else f'exit status {status}'}\n{output[-6000:]}")

    def release_is_there(self):
        return os.path.exists(os.path.join(ROOT, "build/release/hearth")) or self.build("release")

    def python_folder(self, name, timeout=900):
        if not self.release_is_there():
            return
        for path in sorted(glob.glob(os.path.join(ROOT, f"tests/{name}/test_*.py"))):
            self.python_file(name, path, timeout=timeout)

    @classmethod
    def stages(cls):
        return {n[len("stage_"):]: f for n, f in cls.__dict__.items() if n.startswith("stage_")}

    def run_stage(self, name, function):
        begun = time.monotonic()
        print(f"== {name}: {function.__doc__}", flush=True)
        self.shows_output = is_full_only(function)
        function(self)
        print(f"   {time.monotonic() - begun:.0f} s", flush=True)


def is_full_only(stage):
    return getattr(stage, "full_only", False)


def skip_reason(output):
    """The sentence a skipped GoogleTest printed."""
    lines = [line.strip() for line in output.splitlines()]
    for i, line in enumerate(lines):
        if line.endswith("Skipped") and i + 1 < len(lines) and lines[i + 1]:
            return lines[i + 1]
    return next((line for line in lines if "skip" in line.lower()), "no reason given")


def allowed_skips():
    """tests/allowed_skips: a test name (or its beginning, ending in *), then the reason why CI may skip it."""
    path = os.path.join(ROOT, "tests/allowed_skips")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as lines:
        rows = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    return [row[0] for row in rows if len(row) == 2]


def is_allowed(test, allowed):
    return any(test == a or (a.endswith("*") and test.startswith(a[:-1])) for a in allowed)


def summarize(lines, strict, seconds):
    with open(lines, encoding="utf-8") as stream:
        results = [json.loads(line) for line in stream]
    allowed = allowed_skips()
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    by_suite = {}
    for result in results:
        outcome = result["outcome"]
        if outcome == "skipped" and strict and not is_allowed(result["test"], allowed):
            outcome = "failed"
            result["reason"] = f"skipped under CI without an entry in tests/allowed_skips: {result['reason']}"
        result["counted"] = outcome
        counts[outcome] += 1
        row = by_suite.setdefault(result["suite"], {"passed": 0, "failed": 0, "skipped": 0, "seconds": 0.0})
        row[outcome] += 1
        row["seconds"] += result["seconds"]
    print()
    for result in results:
        if result["counted"] == "skipped":
            print(f"SKIPPED {result['suite']}: {result['test']}: {result['reason'].strip()}")
    for result in results:
        if result["counted"] == "failed":
            print(f"\nFAILED {result['suite']}: {result['test']}\n{result['reason'].rstrip()}")
    print()
    for suite, row in by_suite.items():
        print(f"{suite:10s} {row['passed']:5d} passed {row['failed']:4d} failed {row['skipped']:4d} skipped "
              f"{row['seconds']:8.1f} s")
    print(f"{len(results)} results in {seconds:.0f} s")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts


def main():
    parser = argparse.ArgumentParser(prog="./test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="run the long stages too, and the others for longer")
    parser.add_argument("--only", action="append", metavar="STAGE", help="run this stage alone (repeatable)")
    parser.add_argument("--file", help="run one file of Python tests")
    parser.add_argument("--name", action="append", default=[], help="with --file: Class or Class.method")
    parser.add_argument("--list", action="store_true", help="list the stages")
    parser.add_argument("--strict", action="store_true", help="count unlisted skips as failures, as CI does")
    parser.add_argument("--keep", metavar="FILE", help="keep the result lines in FILE")
    arguments = parser.parse_args()
    stages = Run.stages()
    if arguments.list:
        for name, function in stages.items():
            print(f"{name:10s} {'(--full) ' if is_full_only(function) else ''}{function.__doc__}")
        return 0
    unknown = [s for s in arguments.only or [] if s not in stages]
    if unknown:
        parser.error(f"no stage {', '.join(unknown)}; there are {', '.join(stages)}")
    if arguments.full:
        os.environ["HEARTH_FULL"] = "1"
    run = Run(arguments)
    started = time.monotonic()
    if arguments.file:
        run.shows_output = True
        suite = os.path.basename(os.path.dirname(os.path.abspath(arguments.file)))
        run.python_file(suite, os.path.abspath(arguments.file), arguments.name, timeout=4 * 3600)
    else:
        os.makedirs(os.path.dirname(run.seen), exist_ok=True)
        open(run.seen, "w", encoding="utf-8").close()
        for name, function in stages.items():
            if name in arguments.only if arguments.only else arguments.full or not is_full_only(function):
                run.run_stage(name, function)
    counts = summarize(run.lines, arguments.strict or bool(os.environ.get("CI")), time.monotonic() - started)
    if arguments.keep:
        shutil.move(run.lines, arguments.keep)
    else:
        os.unlink(run.lines)
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
