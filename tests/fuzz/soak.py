#!/usr/bin/python3
"""Fuzzes each decoder for minutes of processor time, a few side by side, and prints what was run and found.

  tests/fuzz/soak.py [--seconds 600] [--jobs 2] [--build build/asan] [--most SECONDS] [--again] [--markdown FILE]
                     [NAME...]

Needs the targets (`cmake --preset asan && cmake --build --preset asan --target hearth_fuzzers`). At the lowest
priority: `nice -n 19 chrt -i 0 tests/fuzz/soak.py`. A target is done when it has had --seconds of processor time, so
that a busy machine makes it take longer and not do less. What is done stands in BUILD/soak/NAME.json and is not done
again: after an interruption, or --most seconds, the same command goes on (--again begins anew). What is learnt stays
in BUILD/corpus/NAME; an input that breaks a property is kept in BUILD/findings/NAME as crash-*, slow or hanging ones
as slow-unit-* and timeout-*. Ends with 1 if there is any, or if not all are done.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEEDS = os.path.join(ROOT, "tests/fuzz/corpus")
LARGEST_INPUT = 65_536
SLOW = 2.0  # seconds of processor time for one input
TIMED_OUT = 70  # how libFuzzer ends after a timeout-*
TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    """What a process has used, or None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / TICKS


def is_slow(argv):
    """Whether one input takes long by itself, and not because others had the processor."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime > SLOW


def fuzz(argv, log, processor, wall):
    """Runs until it ends or has had `processor` seconds, or `wall` have passed: (exit status, processor seconds)."""
    ends = time.monotonic() + wall
    used = 0.0
    asked = None
    with open(log, "w", encoding="utf-8") as out, subprocess.Popen(
            argv, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1"}) as process:
        while process.poll() is None:
            used = processor_seconds(process.pid) or used
            if asked is None and (used >= processor or time.monotonic() > ends):
                process.send_signal(signal.SIGUSR1)  # ends with its figures, after the input under way
                asked = time.monotonic()
            if asked is not None and time.monotonic() > asked + 600:
                process.kill()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                pass
        return process.returncode, used


def run(build, name, seconds, ends):
    """One target until it has had `seconds` of processor time in all: a row of figures."""
    learnt, findings, totals = (os.path.join(build, folder, name) for folder in ("corpus", "findings", "soak"))
    for folder in (learnt, findings, os.path.dirname(totals)):
        os.makedirs(folder, exist_ok=True)
    row = {"name": name, "processor": 0.0, "seconds": 0, "executions": 0, "edges": 0, "features": 0, "corpus": 0,
           "peak_mib": 0}
    if os.path.exists(totals + ".json"):
        with open(totals + ".json", encoding="utf-8") as kept:
            row.update(json.load(kept))
    seeds = os.path.join(SEEDS, name)
    target = os.path.join(build, "tests/fuzz", name + "_fuzz")
    argv = [target, learnt, *([seeds] if os.path.isdir(seeds) else []), "-timeout=120", "-report_slow_units=60",
            "-rss_limit_mb=2048", f"-max_len={LARGEST_INPUT}", "-print_final_stats=1", f"-artifact_prefix={findings}/"]
    status = 0
    begin = time.monotonic()
    if row["processor"] < seconds and begin < ends:
        status, used = fuzz(argv, totals + ".log", seconds - row["processor"], ends - begin)
        with open(totals + ".log", encoding="utf-8", errors="replace") as out:
            text = out.read()

        def last(pattern):
            found = re.findall(pattern, text)
            return int(found[-1]) if found else 0
        row["processor"] = round(row["processor"] + used, 1)
        row["seconds"] += round(time.monotonic() - begin)
        row["executions"] += last(r"number_of_executed_units:\s+(\d+)") or last(r"#(\d+)\t")
        for key, pattern in (("edges", r" cov: (\d+)"), ("features", r" ft: (\d+)"), ("corpus", r" corp: (\d+)/"),
                             ("peak_mib", r"peak_rss_mb:\s+(\d+)")):
            row[key] = last(pattern) or row[key]
        with open(totals + ".json", "w", encoding="utf-8") as kept:
            json.dump(row, kept)
        for path in glob.glob(findings + "/slow-unit-*") + glob.glob(findings + "/timeout-*"):
            if not is_slow([target, path]):
                os.remove(path)
        if status not in (0, TIMED_OUT):
            print(f"---- {name}\n{text[-6000:]}", flush=True)
    row["findings"] = sorted(os.path.basename(f) for f in glob.glob(findings + "/*"))
    if status not in (0, TIMED_OUT):
        row["findings"] = row["findings"] or [f"exit status {status}"]
    row["is_done"] = row["processor"] >= seconds
    found = " ".join(row["findings"]) or ("nothing found" if row["is_done"] else "nothing found yet")
    print("{name:18s} {processor:6.0f} s in {seconds:6d} s {executions:12,d} executions {edges:6d} edges "
          "{features:6d} features {corpus:6d} inputs {peak_mib:5d} MiB  {found}".format(found=found, **row), flush=True)
    return row


def markdown(rows):
    lines = ["| target | processor seconds | executions | edges | features | inputs kept | found |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    lines += [f"| {r['name']} | {r['processor']:.0f} | {r['executions']:,} | {r['edges']} | {r['features']} | "
              f"{r['corpus']} | {len(r['findings'])} |" for r in rows]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/asan"))
    parser.add_argument("--most", type=int, default=10**9, metavar="SECONDS")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--markdown", metavar="FILE")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    there = sorted(os.path.basename(p).removesuffix("_fuzz")
                   for p in glob.glob(os.path.join(arguments.build, "tests/fuzz/*_fuzz")))
    unknown = [name for name in arguments.names if name not in there]
    if unknown or not there:
        parser.error(f"no target {', '.join(unknown)}; built are: {', '.join(there) or 'none'}")
    names = arguments.names or there
    for name in names if arguments.again else []:
        if os.path.exists(path := os.path.join(arguments.build, "soak", name + ".json")):
            os.remove(path)
    ends = time.monotonic() + arguments.most
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(lambda name: run(arguments.build, name, arguments.seconds, ends), names))
    print(f"{sum(r['executions'] for r in rows):,} executions of {len(rows)} targets in "
          f"{sum(r['processor'] for r in rows) / 3600:.2f} hours of processor time")
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as out:
            out.write(markdown(rows))
    return 1 if any(r["findings"] or not r["is_done"] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
