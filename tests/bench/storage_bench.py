"""Durable commits per second, beside the disk's floor in the same run.

  tests/bench/storage_bench.py [--seconds S] [--rounds N] [--folder DIR]

Builds build/release/tests/bench/storage_bench if needed, runs it, and prints the ratios to the two floor programs: one
thread that does nothing but append and fdatasync, and a thread per client with one committer (group commit).
"""
import argparse
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build/release")
PROGRAM = os.path.join(BUILD, "tests/bench/storage_bench")


class BenchFailed(Exception):
    """The program could not be built or run; the message holds what was printed."""


def run(argv, timeout):
    done = subprocess.run(argv, cwd=ROOT, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout)
    if done.returncode != 0:
        raise BenchFailed(f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def build():
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        run(["cmake", "--preset", "release"], 300)
    run(["cmake", "--build", BUILD, "--target", "storage_bench"], 1200)


def measure(seconds, rounds, folder):
    """The footprint, and a row per number of clients."""
    lines = run([PROGRAM, "--json", "--seconds", str(seconds), "--rounds", str(rounds), "--folder", folder],
                120 + 60 * seconds * rounds).splitlines()
    footprint, *rows = [json.loads(line) for line in lines]
    for row in rows:
        for floor in ("bare", "threads"):
            row[f"to_{floor}"] = row["hearth"]["per_second"] / row[floor]["per_second"]
    return footprint, rows


def show(footprint, rows, out=sys.stdout):
    print(f"opening an empty store: {footprint['open_ms']:.1f} ms; resident afterwards: "
          f"{footprint['rss_kib'] / 1024:.1f} MiB", file=out)
    print(f"{'clients':>7} {'bare /s':>10} {'threads /s':>10} {'hearth /s':>10} {'p50 us':>8} {'p99 us':>8} "
          f"{'per sync':>8} {'/bare':>6} {'/threads':>8}", file=out)
    for row in rows:
        ours = row["hearth"]
        print(f"{row['clients']:>7} {row['bare']['per_second']:>10.0f} {row['threads']['per_second']:>10.0f} "
              f"{ours['per_second']:>10.0f} {ours['p50_us']:>8.0f} {ours['p99_us']:>8.0f} {ours['per_sync']:>8.1f} "
              f"{row['to_bare']:>6.2f} {row['to_threads']:>8.2f}", file=out, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.5, help="per cell")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=os.path.join(ROOT, "build"), help="on the disk to measure")
    arguments = parser.parse_args()
    build()
    show(*measure(arguments.seconds, arguments.rounds, arguments.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
