"""A real server for tests: started on a free port in a temporary data folder, and stopped again."""
import atexit
import functools
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import weakref
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("HEARTH_BINARY", os.path.join(ROOT, "build/release/hearth"))
ROLE = "arn:aws:iam::000000000000:role/test"
# Slow machines (an emulated processor) take this many times longer than deadlines in tests were thought for.
TIMEOUT_FACTOR = float(os.environ.get("HEARTH_TIMEOUT_FACTOR", "1"))
# A turn may compute this many times its limit before it fails a test, for processors that are shared cost unevenly; and
# sleep a second, for a machine short of memory or with a busy disk makes whoever meets it sleep.
TURN_TOLERANCE = float(os.environ.get("HEARTH_TURN_TOLERANCE", "5"))
LONGEST_SLEEP_MS = 1000 * TIMEOUT_FACTOR
# What a server of a test takes over from whoever runs the test.
INHERITED = ("ASAN_OPTIONS", "TSAN_OPTIONS", "HEARTH_DATA_PLANE_LOOPS")


@functools.lru_cache(None)
def added_runtimes():
    """A DATA/runtimes folder with Node.js 22 and the JavaScript SDK, fetched once per test run (HEARTH_TEST_RUNTIMES)."""
    given = os.environ.get("HEARTH_TEST_RUNTIMES")
    if given:
        return given
    folder = tempfile.mkdtemp(prefix="hearth-runtimes-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    data = os.path.join(folder, "data")
    done = subprocess.run([BINARY, "runtime", "add", "nodejs22.x", "nodejs-sdk", "--data", data], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError(f"hearth runtime add failed:\n{done.stdout}")
    return os.path.join(data, "runtimes")


@functools.lru_cache(None)
def lacks_node():
    """Whether this machine has no Node.js that functions can run with; Debian 12 has 18, if any."""
    try:
        version = subprocess.run(["/usr/bin/node", "--version"], text=True, check=True, stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.CalledProcessError):
        return True
    return int(version.lstrip("v").split(".")[0]) < 20


def reachable_binary(folder, user):
    """The program where `user` can run it: as it is, or as a copy in `folder` with the launcher beside it."""
    path = os.path.dirname(BINARY)
    parents = [path]
    while parents[-1] != "/":
        parents.append(os.path.dirname(parents[-1]))
    if all(os.stat(parent).st_mode & 0o005 == 0o005 for parent in parents):
        return BINARY
    for name in ("hearth", "hearth-launcher"):
        shutil.copy(os.path.join(path, name), folder)
        os.chown(os.path.join(folder, name), user, user)
    return os.path.join(folder, "hearth")


_started = weakref.WeakSet()


def take_slow_turns():
    """What running servers said of slow turns since the last look, as text; for whoever runs the tests."""
    seen = []
    for server in list(_started):
        slow, server.slow_turns = server.slow_turns, []
        seen += slow
    return "\n".join(with_names(line.rstrip()) for line in seen[:5])


class StartFailed(Exception):
    """The server ended before it was ready; the message holds what it printed."""


class Server:
    """`with Server() as server:`; server.url is its endpoint. Options are passed to `hearth serve`; with `runtimes` the
    data folder has Node.js 22 and the JavaScript SDK; `user` (a number) is who it runs as; `before` is called in the new
    process before the program starts and before it becomes that user. A turn of its loop that cost too much
    (docs/testing.md) fails the test that stops it, unless `watched` is False."""

    def __init__(self, *options, data=None, environment=None, ready_s=30, runtimes=False, user=None, before=None,
                 watched=True):
        self.user, self.before = user, before
        self.binary = BINARY
        self.options, self.environment, self.ready_s = options, environment or {}, ready_s
        self.owns_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="hearth-test-")
        if self.owns_data:
            os.chmod(self.data, 0o755)
            if user is not None:
                os.chown(self.data, user, user)
                self.binary = reachable_binary(self.data, user)
            self.data = os.path.join(self.data, "data")
        if runtimes:
            self.command("runtime", "list")  # makes the data folder
            # An owner is of a file, not of a link to it.
            links = [] if user else ["--link"]
            subprocess.run(["cp", "-a", *links, added_runtimes() + "/.", os.path.join(self.data, "runtimes")], check=True)
            if user:
                subprocess.run(["chown", "-R", f"{user}:{user}", self.data], check=True)
        self.process = None
        self.output = []
        self.slow_turns = []
        self.watched = watched
        _started.add(self)
        self.url = None

    def command(self, *arguments):
        """Runs `hearth ARGUMENTS --data ...` to its end; returns its output."""
        done = subprocess.run([BINARY, *arguments, "--data", self.data], text=True, check=False, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise AssertionError(f"hearth {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}")
        return done.stdout

    def make_root_key(self):
        """Makes a root key as an operator does, before the server starts: what client() takes as `key` and `secret`."""
        self.command("init")
        with open(os.path.join(self.data, "root-key"), encoding="utf-8") as stream:
            words = dict(line.strip().split(" = ") for line in stream if " = " in line)
        return {"key": words["aws_access_key_id"], "secret": words["aws_secret_access_key"]}

    def __enter__(self):
        try:
            self.start()
        except StartFailed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        if self.owns_data:
            shutil.rmtree(os.path.dirname(self.data), ignore_errors=True)

    def start(self):
        seen = {"HEARTH_LOG_LEVEL": "debug"} if os.environ.get("HEARTH_SEEN") else {}
        env = {**seen, "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
               **({"HEARTH_TURN_WATCH": "1"} if self.watched else {}),
               **{k: v for k, v in os.environ.items() if k in INHERITED}, **self.environment}
        listen = [] if "--listen" in self.options else ["--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen([self.binary, "serve", *listen, "--data", self.data, *self.options], env=env,
                                        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                                        start_new_session=True, preexec_fn=self.become, cwd="/")
        ready = threading.Event()
        self.output, self.url = [], None

        def read():
            for line in self.process.stdout:
                if note_request(line):
                    continue
                self.output.append(line)
                turn = re.search(r"a loop turn took .* of ([\d.]+) allowed: computed ([\d.]+), slept ([\d.]+)", line)
                if turn and (float(turn[2]) > TURN_TOLERANCE * float(turn[1]) or float(turn[3]) > LONGEST_SLEEP_MS):
                    self.slow_turns.append(line)
                match = re.search(r"ready on (http://\S+)", line)
                if match and not ready.is_set():
                    self.url = match.group(1).rstrip(",")
                    ready.set()
            ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not ready.wait(self.ready_s * TIMEOUT_FACTOR) or self.url is None:
            self.kill()
            raise StartFailed("".join(self.output))
        return self

    def become(self):
        """In the new process: what `before` and `user` ask for."""
        if self.before is not None:
            self.before()
        if self.user is not None:
            os.setgroups([])
            os.setresgid(self.user, self.user, self.user)
            os.setresuid(self.user, self.user, self.user)

    def stop(self, timeout_s=30):
        """Asks the server to stop and returns its exit status. Fails if a turn of its loop cost too much."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout_s * TIMEOUT_FACTOR)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the server did not stop:\n" + "".join(self.output[-50:])) from None
        status = self.process.returncode
        self.process.stdout.close() if not self.reader.is_alive() else self.reader.join(5)
        self.process = None
        self.check_turns()
        return status

    def check_turns(self):
        """Fails, naming them, if turns of the loop cost too much; each is told once."""
        slow, self.slow_turns = self.slow_turns, []
        if slow:
            raise AssertionError(f"{len(slow)} turns of the server's loop cost too much, the first of them:\n"
                                 + "\n".join(with_names(line.rstrip()) for line in slow[:5]))

    def kill(self):
        """kill -9 to the supervisor; the kernel takes the rest down with it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait(30)
            self.process = None
            self.check_turns()

    def log(self):
        return "".join(self.output)

    @property
    def port(self):
        return int(self.url.rsplit(":", 1)[1])

    def get(self, path, headers=None, method="GET", data=None):
        """One plain HTTP request: (status, headers, body)."""
        request = urllib.request.Request(self.url + path, headers=headers or {}, method=method, data=data)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def health(self):
        return json.loads(self.get("/_hearth/health")[2])

    def client(self, service, region="us-east-1", key="test", secret="test", token=None, **config):
        import boto3
        from botocore.config import Config
        options = dict(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=120, parameter_validation=False)
        options.update(config)
        session = boto3.session.Session(aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
                                        region_name=region)
        return session.client(service, endpoint_url=self.url, config=Config(**options))

    def deploy(self, name, files, runtime="python3.11", handler="app.handler", **options):
        """Creates a function of {path: text or bytes} and waits until it is Active. Returns its configuration."""
        client = self.client("lambda")
        created = client.create_function(FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE,
                                         Code={"ZipFile": zip_of(files)}, **options)
        wait_until(lambda: client.get_function_configuration(FunctionName=name)["State"] != "Pending", 30,
                   f"function {name} to leave Pending")
        return created

    def invoke(self, name, event=None, **options):
        """Invokes and returns (payload parsed as JSON, the reply)."""
        payload = options.pop("Payload", json.dumps({} if event is None else event).encode())
        reply = self.client("lambda").invoke(FunctionName=name, Payload=payload, **options)
        body = reply["Payload"].read()
        return (json.loads(body) if body else None), reply

    def log_messages(self, name):
        """What stands in a function's log group, oldest first; nothing while the group is not there yet: lines are
        stored after the invocation's answer."""
        logs = self.client("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
            return [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []


def with_names(line):
    """A line about a slow turn with its stack as functions and source lines, where a symbolizer is installed."""
    symbolizer = shutil.which("llvm-symbolizer-19") or shutil.which("llvm-symbolizer")
    head, separator, stack = line.partition("; stack: ")
    if not symbolizer or not separator:
        return line
    frames = [frame.rsplit("+", 1) for frame in stack.split()]
    asked = "".join(f'"{path}" {offset}\n' for path, offset in frames)
    done = subprocess.run([symbolizer, "--demangle", "--output-style=GNU", "--no-inlines"], input=asked, text=True,
                          stdout=subprocess.PIPE, check=False, timeout=120)
    lines = done.stdout.splitlines()
    named = [(name, place) for name, place in zip(lines[0::2], lines[1::2]) if "/hearth" in place or "hearth::" in name]
    return head + "".join(f"\n    {name[:160]} at {place}" for name, place in named)


def note_request(line):
    """Keeps what a server at debug level says of one API request, in the file HEARTH_SEEN, for docs/compatibility.md."""
    seen = os.environ.get("HEARTH_SEEN")
    if not seen or " debug request " not in line:
        return False
    fields = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))
    record = {name: fields.get(name, "").strip('"') for name in ("service", "operation", "status", "agent")}
    with open(seen, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")
    return True


def zip_of(files, modes=None):
    """A zip of {path: text or bytes}; `modes`: {path: unix mode}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0))
            info.external_attr = (modes or {}).get(path, 0o755) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def wait_until(condition, timeout_s, what):
    """Polls `condition` until it is true; fails naming `what` after `timeout_s` seconds (of a fast machine)."""
    timeout_s *= TIMEOUT_FACTOR
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout_s} s in vain for {what}")
