"""A function that floods what the server reads from it: it waits in its own pipe, and nobody else for it."""
import os
import time
import unittest

from hearth import Server

FLOOD = """
import os, time
def handler(event, context):
    line = b"x" * 1000 + b"\\n"
    block = line * 60
    end, written = time.time() + event["seconds"], 0
    while time.time() < end:
        for fd in (1, 2):
            written += os.write(fd, block)
    return written
"""
QUIET = "def handler(event, context):\n    return 1\n"


def resident_mib(supervisor):
    """Of the supervisor and the processes it started: the server is one of them."""
    with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="utf-8") as children:
        pids = [supervisor, *map(int, children.read().split())]
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            total += next((int(line.split()[1]) for line in status if line.startswith("VmRSS:")), 0)
    return total / 1024


class Floods(unittest.TestCase):
    def test_a_log_flood_delays_no_neighbour_and_fills_no_memory(self):
        with Server() as server:
            server.deploy("flood", {"app.py": FLOOD}, Timeout=30, MemorySize=256)
            server.deploy("quiet", {"app.py": QUIET}, Timeout=10)
            self.assertEqual(1, server.invoke("quiet")[0])
            server.invoke("flood", {"seconds": 0})
            before = resident_mib(server.process.pid)
            began = time.monotonic()
            server.client("lambda").invoke(FunctionName="flood", InvocationType="Event", Payload=b'{"seconds": 4}')
            latencies, peak = [], before
            while time.monotonic() - began < 5:
                start = time.monotonic()
                self.assertEqual(1, server.invoke("quiet")[0])
                latencies.append(time.monotonic() - start)
                peak = max(peak, resident_mib(server.process.pid))
                time.sleep(0.02)
            latencies.sort()
            print(f"\n{len(latencies)} neighbour's invocations, p50 {latencies[len(latencies) // 2] * 1000:.0f} ms, "
                  f"worst {latencies[-1] * 1000:.0f} ms; server's memory {before:.0f} -> {peak:.0f} MiB")
            self.assertLess(latencies[len(latencies) * 99 // 100], 2.0)
            self.assertLess(peak - before, 200)


if __name__ == "__main__":
    unittest.main()
