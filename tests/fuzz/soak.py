#!/usr/bin/python3
"""Fuzzes each decoder for minutes, a few side by side, and prints what was run and found.

  tests/fuzz/soak.py [--seconds 600] [--jobs 2] [--build build/asan] [--markdown FILE] [NAME...]

Needs the targets (`cmake --preset asan && cmake --build --preset asan --target hearth_fuzzers`). What is learnt stays in
BUILD/corpus/NAME for the next time; an input that breaks a property is kept beside it as crash-*, slow or hanging ones
as slow-unit-* and timeout-*. Ends with 1 if there is any. At the lowest priority: `nice -n 19 chrt -i 0 tests/fuzz/soak.py`.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEEDS = os.path.join(ROOT, "tests/fuzz/corpus")
LARGEST_INPUT = 65_536


def run(build, name, seconds):
    """One target for `seconds`: a row of figures."""
    learnt = os.path.join(build, "corpus", name)
    findings = os.path.join(build, "findings", name)
    os.makedirs(learnt, exist_ok=True)
    os.makedirs(findings, exist_ok=True)
    seeds = os.path.join(SEEDS, name)
    argv = [os.path.join(build, "tests/fuzz", name + "_fuzz"), learnt, *([seeds] if os.path.isdir(seeds) else []),
            f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", f"-max_len={LARGEST_INPUT}",
            "-print_final_stats=1", f"-artifact_prefix={findings}/"]
    begin = time.monotonic()
    done = subprocess.run(argv, cwd=ROOT, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1"}, check=False)
    taken = time.monotonic() - begin

    def last(pattern, text=done.stdout):
        found = re.findall(pattern, text)
        return int(found[-1]) if found else 0
    row = {"name": name, "seconds": round(taken), "executions": last(r"number_of_executed_units:\s+(\d+)"),
           "edges": last(r" cov: (\d+)"), "features": last(r" ft: (\d+)"), "corpus": last(r" corp: (\d+)/"),
           "peak_mib": last(r"peak_rss_mb:\s+(\d+)"),
           "findings": sorted(os.path.basename(f) for f in glob.glob(findings + "/*"))}
    row["executions"] = row["executions"] or last(r"#(\d+)\t")
    if done.returncode != 0:
        row["findings"] = row["findings"] or [f"exit status {done.returncode}"]
        print(f"---- {name}\n{done.stdout[-6000:]}", flush=True)
    print("{name:18s} {seconds:5d} s {executions:12,d} executions {edges:6d} edges {features:6d} features {corpus:6d} inputs "
          "{peak_mib:5d} MiB  {found}".format(found=" ".join(row["findings"]) or "nothing found", **row), flush=True)
    return row


def markdown(rows):
    lines = ["| target | seconds | executions | edges | features | inputs kept | found |", "|---|---:|---:|---:|---:|---:|---:|"]
    lines += [f"| {r['name']} | {r['seconds']} | {r['executions']:,} | {r['edges']} | {r['features']} | {r['corpus']} | "
              f"{len(r['findings'])} |" for r in rows]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/asan"))
    parser.add_argument("--markdown", metavar="FILE")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    there = sorted(os.path.basename(p).removesuffix("_fuzz")
                   for p in glob.glob(os.path.join(arguments.build, "tests/fuzz/*_fuzz")))
    unknown = [name for name in arguments.names if name not in there]
    if unknown or not there:
        parser.error(f"no target {', '.join(unknown)}; built are: {', '.join(there) or 'none'}")
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(lambda name: run(arguments.build, name, arguments.seconds), arguments.names or there))
    print(f"{sum(r['executions'] for r in rows):,} executions of {len(rows)} targets in "
          f"{sum(r['seconds'] for r in rows) / 3600:.2f} hours")
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as out:
            out.write(markdown(rows))
    return 1 if any(r["findings"] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
