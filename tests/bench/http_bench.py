"""Small HTTP requests per second, beside a bare epoll server in the same run.

  tests/bench/http_bench.py [--seconds S] [--rounds N] [--idle N] [--build DIR]

Builds http_bench and the floor programs into build/release if needed, loads them in turn with the same client, and
prints the ratios of the best rounds, then what idle connections cost.
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REQUEST = (b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nAccept-Encoding: identity\r\nUser-Agent: Boto3/1.26\r\n"
           b"X-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/"
           b"us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64 + b"\r\n\r\n")
COOLS_AFTER_S = 5  # kCoolsAfter in src/net/http_core.h


class Server:
    """One of the two servers, from start to stop."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if line[:1] != ["listening"]:
            raise RuntimeError(f"{argv[0]} did not start: {line}")
        self.port = line[1]

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.communicate(timeout=10)


def build(folder):
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", "http_bench", "hearth_floors"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)


def load(program, server, connections, seconds, request_file):
    before = server.cpu_seconds()
    done = subprocess.run([program, server.port, str(connections), str(seconds), request_file, '{"ok": true}'],
                          stdout=subprocess.PIPE, text=True, check=True, timeout=60 + seconds)
    result = json.loads(done.stdout)
    result["cpu_us"] = (server.cpu_seconds() - before) / (result["per_second"] * (seconds + 0.3)) * 1e6
    return result


def measure(folder, seconds, rounds):
    """A row per number of connections: the best round of the floor and of ours."""
    programs = os.path.join(folder, "tests/bench")
    floors = os.path.join(programs, "floors")
    bare = Server(os.path.join(floors, "floor_front"), "1", "host", os.path.join(floors, "floor_runtime"))
    ours = Server(os.path.join(programs, "http_bench"))
    rows = []
    with tempfile.NamedTemporaryFile() as request_file:
        request_file.write(REQUEST)
        request_file.flush()
        for connections in (1, 8, 64):
            results = {"bare": [], "hearth": []}
            for _ in range(rounds):
                for name, server in (("bare", bare), ("hearth", ours)):
                    results[name].append(load(os.path.join(floors, "floor_load"), server, connections, seconds,
                                              request_file.name))
            best = {name: max(found, key=lambda result: result["per_second"]) for name, found in results.items()}
            rows.append({"connections": connections, **best})
    bare.stop()
    ours.stop()
    return rows


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])


def measure_idle(folder, count):
    """KiB per connection that asked once and then stays idle: at once, and after the server let its buffers go."""
    server = Server(os.path.join(folder, "tests/bench/http_bench"))
    before = resident_kib(server.process.pid)
    connections = []
    for _ in range(count):
        connections.append(socket.create_connection(("127.0.0.1", int(server.port))))
        connections[-1].sendall(REQUEST)
        connections[-1].recv(4096)
    busy = resident_kib(server.process.pid)
    time.sleep(COOLS_AFTER_S + 2)
    idle = resident_kib(server.process.pid)
    for connection in connections:
        connection.close()
    server.stop()
    return (busy - before) / count, (idle - before) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"))
    options = parser.parse_args()
    build(options.build)
    print(f"{'connections':>11} {'bare /s':>9} {'p50 us':>7} {'CPU us':>7} {'hearth /s':>10} {'p50 us':>7} {'p99 us':>7} "
          f"{'CPU us':>7} {'rate':>6} {'p50':>6}")
    for row in measure(options.build, options.seconds, options.rounds):
        bare, ours = row["bare"], row["hearth"]
        print(f"{row['connections']:>11} {bare['per_second']:>9.0f} {bare['p50_us']:>7.1f} {bare['cpu_us']:>7.1f} "
              f"{ours['per_second']:>10.0f} {ours['p50_us']:>7.1f} {ours['p99_us']:>7.1f} {ours['cpu_us']:>7.1f} "
              f"{ours['per_second'] / bare['per_second']:>6.2f} {ours['p50_us'] / bare['p50_us']:>6.2f}")
    busy, idle = measure_idle(options.build, options.idle)
    print(f"{options.idle} idle connections: {busy:.1f} KiB each at once, {idle:.1f} KiB each after {COOLS_AFTER_S} s")


if __name__ == "__main__":
    sys.exit(main())
