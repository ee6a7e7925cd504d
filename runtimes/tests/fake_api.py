"""A Runtime API that does what a test says, and a runtime client started against it as in a sandbox."""

import contextlib
import json
import os
import pathlib
import queue
import shutil
import socketserver
import struct
import subprocess
import tempfile
import threading
import time

DEADLINE = 30  # seconds for anything that a test waits for
RUNTIMES = pathlib.Path(__file__).resolve().parent.parent
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
ARN = "arn:aws:lambda:eu-west-1:000000000000:function:tested"


class Posted:
    """What a client sent to the Runtime API."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body

    @property
    def kind(self):
        return self.path.rpartition("/")[2] if "/init/" not in self.path else "init error"

    @property
    def json(self):
        return json.loads(self.body)


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        # A client that is killed resets its connection.
        with contextlib.suppress(ConnectionResetError):
            self.serve()

    def serve(self):
        while True:
            line = self.rfile.readline()
            if not line:
                return
            method, path, _ = line.decode().split(" ", 2)
            headers = {}
            while (line := self.rfile.readline().strip()) != b"":
                name, _, value = line.decode("utf-8").partition(":")
                headers[name.lower()] = value.strip()
            api = self.server.api
            size = int(headers.get("content-length", 0))
            if size > api.largest_body:
                # As a server does that looks at the length alone: what comes is not read, and closing resets.
                self.reply(413, {"Connection": "close"}, b"too large")
                api.posted.put(Posted(path, headers, b""))
                return
            body = self.rfile.read(size)
            if method == "GET":
                api.asked.put(time.perf_counter())
                invocation = api.invocations.get()
                if invocation is None:
                    return
                self.reply(200, *invocation)
            else:
                api.posted.put(Posted(path, headers, body))
                self.reply(*api.answer)
            if api.close_after_reply:
                return

    def reply(self, status, headers, body):
        head = "HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (status, len(body))
        head += "".join("%s: %s\r\n" % item for item in headers.items())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(head.encode("utf-8") + b"\r\n" + body)


class FakeApi:
    def __init__(self):
        self.asked = queue.Queue()
        self.invocations = queue.Queue()
        self.posted = queue.Queue()
        self.answer = (202, {"Content-Type": "application/json"}, b'{"status":"OK"}')
        self.close_after_reply = False
        self.largest_body = 1 << 30
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Handler, bind_and_activate=True)
        self._server.daemon_threads = True
        self._server.api = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.address = "127.0.0.1:%d" % self._server.server_address[1]

    def close(self):
        for _ in range(4):
            self.invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


class Runtime:
    """A runtime client in a process of its own, with the given files as the function's package."""

    def __init__(self, command, files, handler, env=None, framed_logs=True):
        self.api = FakeApi()
        self.task = tempfile.mkdtemp(prefix="hearth-task-")
        for name, content in files.items():
            path = pathlib.Path(self.task, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        read_end, write_end = os.pipe()
        self._frames = b""
        self._frames_end = threading.Thread(target=self._collect, args=(read_end,), daemon=True)
        self._frames_end.start()
        variables = {
            "PATH": "/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "LAMBDA_TASK_ROOT": self.task,
            "_HANDLER": handler,
            "AWS_LAMBDA_FUNCTION_NAME": "tested",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/tested",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]x",
            **({"_LAMBDA_TELEMETRY_LOG_FD": str(write_end)} if framed_logs else {}),
            **(env or {}),
        }
        self.process = subprocess.Popen(
            command,
            env=variables,
            cwd=self.task,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(write_end,),
        )
        os.close(write_end)
        self._output = {"stdout": b"", "stderr": b""}
        self._readers = []
        for name in self._output:
            reader = threading.Thread(target=self._read, args=(name,), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _collect(self, fd):
        with os.fdopen(fd, "rb", 0) as pipe:
            while chunk := pipe.read(65536):
                self._frames += chunk

    def _read(self, name):
        pipe = getattr(self.process, name)
        while chunk := pipe.read1(65536):
            self._output[name] += chunk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.task, ignore_errors=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self._join()
        self.api.close()
        self.process.stdout.close()
        self.process.stderr.close()

    def _join(self):
        for reader in (*self._readers, self._frames_end):
            reader.join(DEADLINE)

    def send(self, event, request_id=REQUEST_ID, **headers):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        self.api.invocations.put(
            (
                {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": int(time.time() * 1000) + 3000,
                    "Lambda-Runtime-Invoked-Function-Arn": ARN,
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
                body,
            )
        )

    def posted(self):
        try:
            return self.api.posted.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError("the client posted nothing; stderr: %s" % self._output["stderr"].decode()) from None

    def invoke(self, event=None, **headers):
        self.send(event, **headers)
        return self.posted()

    def wait(self):
        """The exit status, once the process has ended and all its output is here."""
        status = self.process.wait(DEADLINE)
        self._join()
        return status

    def output(self):
        """Everything written so far; ends the process, so that nothing is missing."""
        if self.process.poll() is None:
            self.api.asked.get(timeout=DEADLINE)
            self.process.kill()
        self.wait()
        return self._output["stdout"].decode("utf-8", "replace"), self._output["stderr"].decode("utf-8", "replace")

    def frames(self):
        """(type, text) of every framed message. Ends the process as output() does."""
        self.output()
        data, result = self._frames, []
        while data:
            kind, size, stamp = struct.unpack(">IIQ", data[:16])
            assert abs(stamp / 1e6 - time.time()) < 600, stamp
            result.append((kind, data[16 : 16 + size].decode("utf-8")))
            assert len(data) >= 16 + size, "half a frame"
            data = data[16 + size :]
        return result
