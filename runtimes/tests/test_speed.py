"""How much the runtime clients cost over the bare interpreter: start to the first request, and one warm invocation.

The numbers are ratios between medians of alternating runs in the same minute, printed; the limits are generous because
machines are noisy, and there to catch an import that crept in.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from fake_api import DEADLINE, REQUEST_ID, RUNTIMES  # noqa: E402

STARTS = 15
INVOCATIONS = 2000
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"

# The least that can be done: the client's imports, then the request.
BARE_PYTHON = (
    "import json,socket,os\n"
    "h,p=os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\n"
    "s=socket.create_connection((h,int(p)))\n"
    "s.sendall(%r)\ns.recv(1)\n" % NEXT
)
BARE_NODE = (
    "const [h,p]=process.env.AWS_LAMBDA_RUNTIME_API.split(':');"
    "const s=require('net').connect(p,h);s.write(%s);s.on('data',()=>{})" % ("'" + NEXT.decode().replace("\r\n", "\\r\\n") + "'")
)
# The least that answers invocations in the same language.
FLOOR_PYTHON = """
import json, os, socket
h, p = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
s = socket.create_connection((h, int(p)))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
def reply():
    d = s.recv(65536); e = d.find(b'\\r\\n\\r\\n')
    i = d.find(b'Content-Length: '); n = int(d[i + 16:d.find(b'\\r', i)])
    while len(d) < e + 4 + n: d += s.recv(65536)
    return d, e
while True:
    s.sendall(b'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    d, e = reply(); i = d.find(b'Request-Id: '); rid = d[i + 12:i + 48]
    out = json.dumps({'statusCode': 200, 'body': json.dumps(json.loads(d[e + 4:]))}).encode()
    s.sendall(b'POST /2018-06-01/runtime/invocation/' + rid + b'/response HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(out) + out)
    reply()
"""
FLOOR_NODE = """
const http = require('http'); const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
const ask = (method, path, body) => new Promise((ok, bad) => { const r = http.request({ host, port, method, path, agent,
  headers: body ? { 'Content-Length': Buffer.byteLength(body) } : {} }, (x) => { const b = []; x.on('data', (d) => b.push(d));
  x.on('end', () => ok([x.headers, Buffer.concat(b)])); }); r.on('error', bad); r.end(body); });
(async () => { for (;;) { const [h, b] = await ask('GET', '/2018-06-01/runtime/invocation/next');
  const out = JSON.stringify({ statusCode: 200, body: JSON.stringify(JSON.parse(b)) });
  await ask('POST', `/2018-06-01/runtime/invocation/${h['lambda-runtime-aws-request-id']}/response`, out); } })();
"""
PYTHON_CODE = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"
NODE_CODE = "exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });"


class Bench:
    def __init__(self, files):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(DEADLINE)
        self.folder = tempfile.TemporaryDirectory(prefix="hearth-speed-")
        for name, text in files.items():
            with open(os.path.join(self.folder.name, name), "w") as out:
                out.write(text)
        self.env = {
            "PATH": "/usr/bin:/bin",
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self.listener.getsockname()[1],
            "_HANDLER": "app.handler",
            "LAMBDA_TASK_ROOT": self.folder.name,
        }

    def close(self):
        self.listener.close()
        self.folder.cleanup()

    @contextlib.contextmanager
    def connected(self, command):
        process = subprocess.Popen(command, env=self.env, cwd=self.folder.name, stdout=subprocess.DEVNULL)
        connection = None
        try:
            connection, _ = self.listener.accept()
            connection.settimeout(DEADLINE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield connection
        finally:
            process.kill()
            process.wait(DEADLINE)
            if connection is not None:
                connection.close()

    def start_ms(self, command):
        begin = time.perf_counter()
        with self.connected(command) as connection:
            connection.recv(4096)
            return (time.perf_counter() - begin) * 1000

    def starts(self, *commands):
        times = [[] for _ in commands]
        for _ in range(STARTS):
            for list_, command in zip(times, commands):
                list_.append(self.start_ms(command))
        return [statistics.median(list_) for list_ in times]

    def warm_us(self, command):
        """The median from sending an invocation to having read its answer."""
        event = b'{"key1":"value1","key2":"value2"}'
        invocation = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: %s\r\n"
            "Lambda-Runtime-Deadline-Ms: 4000000000000\r\nLambda-Runtime-Invoked-Function-Arn: arn\r\n"
            "Content-Length: %d\r\n\r\n" % (REQUEST_ID, len(event))
        ).encode() + event
        accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        times = []
        with self.connected(command) as connection:
            for _ in range(INVOCATIONS):
                read_request(connection)
                begin = time.perf_counter()
                connection.sendall(invocation)
                read_request(connection)
                times.append((time.perf_counter() - begin) * 1e6)
                connection.sendall(accepted)
        return statistics.median(times[INVOCATIONS // 4 :])


def read_request(connection):
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(65536)
    lengths = [line for line in data[:end].lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(data) < end + 4 + size:
        data += connection.recv(65536)


def report(what, client, floor, unit):
    print("%-38s client %8.1f %s   floor %8.1f %s   ratio %.2f" % (what, client, unit, floor, unit, client / floor))


class Speed(unittest.TestCase):
    def compare(self, language, files, client, bare, floor, start_limit, warm_limit):
        bench = Bench(files)
        self.addCleanup(bench.close)
        bench.start_ms(client)  # compiles what is compiled once
        started, bare_started = bench.starts(client, bare)
        report(language + ": start to first request", started, bare_started, "ms")
        warm, warm_floor = bench.warm_us(client), bench.warm_us(floor)
        report(language + ": warm invocation", warm, warm_floor, "us")
        self.assertLess(started / bare_started, start_limit)
        self.assertLess(warm / warm_floor, warm_limit)

    def test_python(self):
        base = ["/usr/bin/python3", "-I", "-S"]
        client = [*base, "-X", "utf8", str(RUNTIMES / "python/bootstrap.py")]
        files = {"app.py": PYTHON_CODE, "floor.py": FLOOR_PYTHON}
        self.compare("Python", files, client, [*base, "-c", BARE_PYTHON], [*base, "floor.py"], 2.0, 4.0)

    def test_nodejs(self):
        client = ["/usr/bin/node", "--use-openssl-ca", str(RUNTIMES / "nodejs/bootstrap.cjs")]
        files = {"app.js": NODE_CODE, "floor.js": FLOOR_NODE}
        bare = ["/usr/bin/node", "-e", BARE_NODE]
        self.compare("Node.js", files, client, bare, ["/usr/bin/node", "floor.js"], 2.0, 3.0)


if __name__ == "__main__":
    unittest.main()
