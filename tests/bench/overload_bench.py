"""What ten times too much does: the most the server gets done, and what it still gets done when ten times that is asked.

  tests/bench/overload_bench.py [--seconds S] [--build DIR]

Needs root, and a release build of hearth; builds the load program if needed. Each case finds the maximum with clients
who wait for each answer (a closed loop; the best of several numbers of clients), then offers ten times that rate from a
thousand clients who do not wait for each other (an open loop) and give up after a second. A client whose connection
still waits for an answer cannot ask on it: what falls due meanwhile is counted as "not sent". "good" is answered with
success within that second. What else the machine does is not the server's doing: overload is measured between two
measurements of the maximum, and the median of the rounds counts.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/support"), os.path.join(ROOT, "tests/security"), os.path.join(ROOT, "tests/bench")]
import hearth  # noqa: E402
from hostile import LAMBDA, api, resident_kib, server_pid  # noqa: E402

PATIENCE_MS = 1_000
SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(0.02)\n    return event\n"


class OpenLoad:
    def __init__(self, build):
        subprocess.run(["cmake", "--build", build, "--target", "open_load", "floor_runtime"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
        self.floors = os.path.join(build, "tests/bench/floors")

    def run(self, port, request, connections, seconds, rate):
        with tempfile.NamedTemporaryFile() as file:
            file.write(request)
            file.flush()
            done = subprocess.run([os.path.join(self.floors, "open_load"), str(port), str(connections), str(seconds),
                                   f"{rate:.0f}", str(PATIENCE_MS), file.name], check=False, text=True, timeout=seconds + 60,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise RuntimeError(f"open_load ended with {done.returncode}: {done.stderr}")
        return {**json.loads(done.stdout), "stderr": done.stderr}


def cases(load, port):
    """name -> (request, how many clients find the maximum: the best of these)."""
    tags = json.dumps({"Tags": {"a": "b"}}).encode()
    arn = "arn:aws:lambda:us-east-1:000000000000:function:tagged"
    return {
        "read (GetFunctionConfiguration)": (api(port, "GET", f"{LAMBDA}/tagged/configuration"), (16, 256)),
        "durable write (TagResource)": (api(port, "POST", f"/2017-03-31/tags/{arn.replace(':', '%3A')}", tags), (64, 512)),
        "invoke that waits (20 ms, 10 at once)": (api(port, "POST", f"{LAMBDA}/waits/invocations", b"{}"), (10,)),
        "invoke that computes (native, 10 at once)": (api(port, "POST", f"{LAMBDA}/native/invocations", b"{}"), (10,)),
    }


def measure(build, seconds, rounds=3, say=print):
    """A row of figures per case, the one of the round that kept the median, and the server's memory before and after in KiB."""
    load = OpenLoad(build)
    rows = []
    with hearth.Server("--limits-concurrency", "10") as server:
        server.deploy("tagged", {"app.py": SLEEPER})
        server.deploy("waits", {"app.py": SLEEPER})
        with open(os.path.join(load.floors, "floor_runtime"), "rb") as program:
            server.deploy("native", {"bootstrap": program.read()}, runtime="provided.al2023", handler="none", MemorySize=1769)
        pid = server_pid(server)
        for request, numbers in cases(load, server.port).values():  # warm: environments, caches, buffers
            load.run(server.port, request, numbers[0], 0.5, 0)
        before = resident_kib(pid)
        for name, (request, numbers) in cases(load, server.port).items():
            def closed(clients, request=request):
                return load.run(server.port, request, clients, seconds, 0)
            clients = max(numbers, key=lambda number: closed(number)["good_per_second"]) if len(numbers) > 1 else numbers[0]
            measured, most = [], closed(clients)
            for _ in range(rounds):
                over = load.run(server.port, request, 1000, seconds, 10 * most["good_per_second"])
                again = closed(clients)
                paired = (most["good_per_second"] + again["good_per_second"]) / 2
                measured.append({"name": name, "most": most, "over": over, "again": again,
                                 "kept": over["good_per_second"] / max(1, paired)})
                say_row(measured[-1], say)
                most = again
            rows.append(sorted(measured, key=lambda row: row["kept"])[len(measured) // 2])
        time.sleep(6)  # idle buffers are given back after five seconds
        with contextlib.suppress(OSError):
            server.health()
        after = resident_kib(pid)
        say(f"resident {before} KiB before, {after} KiB after")
    return rows, before, after


def say_row(row, say):
    most, over, again = row["most"], row["over"], row["again"]
    say(f"{row['name']}: at most {most['good_per_second']:.0f}/s before, {again['good_per_second']:.0f}/s after; ten times that "
        f"offered: {over['good_per_second']:.0f}/s ({row['kept']:.2f}), 429 {over['throttled']}, 503 {over['unavailable']}, "
        f"late {over['late']}, other {over['other']}, closed {over['closed']}, not sent {over['no_connection']}, "
        f"p99 {over.get('p99_us', 0) / 1000:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"))
    arguments = parser.parse_args()
    measure(arguments.build, arguments.seconds)


if __name__ == "__main__":
    main()
