"""Cold starts and warm invocations through the signed API, beside the bare floor programs in the same run.

  tests/bench/invoke_bench.py [--seconds S] [--rounds N] [--cold N] [--build DIR] [--markdown FILE]

Needs root, and a release build of hearth; builds the floor programs if needed. The native function is floor_runtime
itself and the Python handler returns its event, so that what differs from the floor is the platform.
"""
import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/support"))
import hearth  # noqa: E402

EVENT = b'{"key1": "value1", "key2": "value2"}'
PYTHON = ["/usr/bin/python3", "-I", "-S"]
HANDLER = "def handler(event, context):\n    return event\n"


class Floors:
    """The floor programs of one build folder."""

    def __init__(self, build):
        self.folder = os.path.join(build, "tests/bench/floors")
        subprocess.run(["cmake", "--build", build, "--target", "hearth_floors"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
        self.runtimes = {"native": [self.path("floor_runtime")],
                         "python": PYTHON + [os.path.join(ROOT, "tests/bench/floors/floor_runtime.py")]}

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, name, *arguments, timeout=120):
        """The rows a floor program printed, by name."""
        done = subprocess.run([self.path(name), *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True,
                              timeout=timeout)
        return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}

    def load(self, port, connections, seconds, request):
        with tempfile.NamedTemporaryFile() as file:
            file.write(request)
            file.flush()
            return self.run("floor_load", port, connections, seconds, file.name, '"key1"')["load"]

    def front(self, runtime, count):
        return Front([self.path("floor_front"), str(count), "netns", *self.runtimes[runtime]])


class Front:
    """A bare front with its runtimes, from start to stop."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=10)


def signed_invoke(port, function):
    """The bytes of one Invoke request, signed; good for some minutes."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/{function}/invocations"
    request = AWSRequest("POST", url, data=EVENT, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials("test", "test"), "lambda", "us-east-1").add_auth(request)
    head = f"POST /2015-03-31/functions/{function}/invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items() if name.lower() != "content-length")
    return head.encode() + f"Content-Length: {len(EVENT)}\r\n\r\n".encode() + EVENT


def deploy(server, floors, runtime, name):
    if runtime == "native":
        with open(floors.path("floor_runtime"), "rb") as program:
            files = {"bootstrap": program.read()}
        server.deploy(name, files, runtime="provided.al2023", handler="none", MemorySize=1769)
    else:
        server.deploy(name, {"app.py": HANDLER}, handler="app.handler", MemorySize=1769)


def time_cold(server, floors, runtime, count):
    """Microseconds of each of `count` first invocations, of a function each."""
    names = [f"cold-{runtime}-{i}" for i in range(count)]
    for name in names:
        deploy(server, floors, runtime, name)
    taken = []
    for name in names:
        request = signed_invoke(server.port, name)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin = time.perf_counter_ns()
            connection.sendall(request)
            answer = connection.recv(65536)
            while not answer.endswith(b'"value2"}'):
                more = connection.recv(65536)
                if not more:
                    raise RuntimeError(f"not the answer expected: {answer[:1000]}")
                answer += more
            taken.append((time.perf_counter_ns() - begin) / 1000)
    return taken


def time_start(rounds):
    """Milliseconds from exec of the server to its first answered request, empty, and its resident memory in KiB."""
    taken, resident = [], 0
    for _ in range(rounds):
        begin = time.perf_counter_ns()
        with hearth.Server() as server:
            server.health()
            taken.append((time.perf_counter_ns() - begin) / 1e6)
            resident = tree_resident_kib(server.process.pid)
    return statistics.median(taken), resident


def tree_resident_kib(pid):
    """Proportional memory of a process and all it started, in KiB."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        total += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        for child in children.read().split():
            total += tree_resident_kib(int(child))
    return total


class Table:
    """The rows of one run, printed as they come."""

    def __init__(self):
        self.rows = []
        print(f"{'':<46} {'floor':>10} {'hearth':>10} {'':<5} {'ratio':>7}  goal")

    def add(self, what, floor, ours, unit, goal):
        self.rows.append({"what": what, "floor": floor, "hearth": ours, "unit": unit, "ratio": ours / floor, "goal": goal})
        print(f"{what:<46} {floor:>10.1f} {ours:>10.1f} {unit:<5} {ours / floor:>7.2f}  {goal}", flush=True)


def cold(table, server, floors, count):
    sandbox = floors.run("floor_sandbox", count, floors.path("floor_inside"))["full sandbox, to its first byte"]
    ours = time_cold(server, floors, "native", count)
    table.add("cold start, native / a full sandbox, median", sandbox["p50_us"], statistics.median(ours), "us", "<= 3")
    bare = floors.run("floor_spawn", count, *PYTHON, "-c", "import json, socket")["spawn"]
    ours = time_cold(server, floors, "python", count)
    table.add("cold start, Python / bare start, median", bare["p50_us"], statistics.median(ours), "us", "<= 1.3, pooled <= 0.2")


def warm(table, server, floors, seconds, rounds):
    for runtime in ("native", "python"):
        name = f"warm-{runtime}"
        deploy(server, floors, runtime, name)
        request = signed_invoke(server.port, name)
        for connections in (1, 8):
            bare, ours = [], []
            with floors.front(runtime, connections) as front:
                for _ in range(rounds):
                    bare.append(floors.load(front.port, connections, seconds, request))
                    ours.append(floors.load(server.port, connections, seconds, request))
            latency = [min(result["p50_us"] for result in results) for results in (bare, ours)]
            rate = [max(result["per_second"] for result in results) for results in (bare, ours)]
            if connections == 1:
                table.add(f"warm invoke, {runtime}, p50", *latency, "us", "<= 3")
            else:
                table.add(f"warm invokes, {runtime}, {connections} environments", *rate, "/s", ">= 0.5")


def measure(build, seconds, rounds, count):
    """(table, median milliseconds from exec to the first answer, KiB of the processes then)"""
    floors = Floors(build)
    table = Table()
    with hearth.Server() as server:
        cold(table, server, floors, count)
        warm(table, server, floors, seconds, rounds)
    return (table, *time_start(rounds))


def write_markdown(path, table, start_ms, resident_kib):
    lines = ["# Performance", "",
             "Generated by `tests/bench/invoke_bench.py --markdown`. Every figure stands beside a bare floor program that ran in the",
             "same minute on the same machine; only the ratios carry over to other machines. Requests are signed and verified, every",
             "environment is a full sandbox, and everything acknowledged is on disk. The goals are those the project works towards.", "",
             f"Machine: {os.cpu_count()} CPUs, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f} when it ended.", "",
             "| what | floor | Hearth | | ratio | goal |", "|---|---:|---:|---|---:|---|"]
    lines += [f"| {r['what']} | {r['floor']:.1f} | {r['hearth']:.1f} | {r['unit']} | {r['ratio']:.2f} | {r['goal']} |" for r in table.rows]
    lines += ["", f"`hearth serve` with an empty data folder, from exec to its first answer: {start_ms:.0f} ms; its processes then take "
                  f"{resident_kib / 1024:.1f} MiB (proportional).", ""]
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", type=int, default=20)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"))
    parser.add_argument("--markdown", metavar="FILE")
    options = parser.parse_args()
    table, start_ms, resident_kib = measure(options.build, options.seconds, options.rounds, options.cold)
    print(f"hearth serve to its first answer: {start_ms:.1f} ms (goal 25); its processes then: {resident_kib / 1024:.1f} MiB")
    if options.markdown:
        write_markdown(options.markdown, table, start_ms, resident_kib)


if __name__ == "__main__":
    sys.exit(main())
