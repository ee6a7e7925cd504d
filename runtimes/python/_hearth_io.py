"""What the runtime client reads and writes: the Runtime API over a bare socket, and frames of log messages."""

import os
import sys
import time

import _socket
import _thread

TEXT_FRAME = 0xA55A0003
JSON_FRAME = 0xA55A0002


# ---- log sinks -------------------------------------------------------------------------------------------------


class FramedSink:
    """Writes messages as frames, so that one message of many lines stays one log event.

    Frame, big-endian: type (4 bytes), length (4), microseconds since 1970 (8), message. Type is 0xa55a0003 for text
    and 0xa55a0002 for JSON; bits 2 to 4 hold the level (1 trace .. 6 fatal, 0 unknown).
    """

    def __init__(self, fd):
        self._fd = fd
        self._lock = _thread.allocate_lock()
        os.set_inheritable(fd, False)

    def log(self, msg, frame_type=None):
        body = msg.encode("utf-8", "replace")
        frame = (
            (frame_type or TEXT_FRAME).to_bytes(4, "big")
            + len(body).to_bytes(4, "big")
            + (time.time_ns() // 1000).to_bytes(8, "big")
            + body
        )
        with self._lock:
            written = os.write(self._fd, frame)
            while written < len(frame):
                written += os.write(self._fd, frame[written:])

    def log_error(self, lines, frame_type):
        self.log("\n".join(lines), frame_type)


class StandardSink:
    """Where there is no frame descriptor: lines of one message are joined by carriage returns."""

    def log(self, msg, frame_type=None):
        sys.stdout.write(msg)

    def log_error(self, lines, frame_type):
        sys.stdout.write("\r".join(lines) + "\n")


def open_sink():
    fd = os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", None)
    if fd is None:
        return StandardSink()
    try:
        return FramedSink(int(fd))
    except (ValueError, OSError) as e:
        sys.stderr.write("hearth: log descriptor %r is not usable (%s), logging to standard output\n" % (fd, e))
        return StandardSink()


# ---- Runtime API -----------------------------------------------------------------------------------------------


# From this size on a body is sent apart from its head, and may be refused before it was read to the end.
LARGE_BODY = 65536


class RuntimeApiError(Exception):
    pass


class RuntimeApi:
    """One kept-alive connection to AWS_LAMBDA_RUNTIME_API."""

    _PREFIX = "/2018-06-01/runtime/"

    def __init__(self, address):
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._connection = None
        self._host_header = " HTTP/1.1\r\nHost: " + address + "\r\n"
        self._next = ("GET " + self._PREFIX + "invocation/next" + self._host_header + "\r\n").encode("ascii")

    def _connect(self):
        connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        connection.connect((self._host, self._port))
        connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self._connection = connection

    def _close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, head, body=b""):
        """Sends a request and returns (status, headers, body). Repeats it once if a kept connection had died."""
        reused = self._connection is not None
        if not reused:
            self._connect()
        try:
            return self._exchange_once(head, body)
        except OSError:
            self._close()
            if not reused:
                raise
        self._connect()
        return self._exchange_once(head, body)

    def _exchange_once(self, head, body):
        connection = self._connection
        try:
            if len(body) < LARGE_BODY:
                connection.sendall(head + body)
            else:
                connection.sendall(head)
                connection.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            if len(body) < LARGE_BODY:
                raise
            return self._early_refusal()
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            if len(body) < LARGE_BODY:
                raise
            return self._early_refusal()
        end = data.find(b"\r\n\r\n")
        while end < 0:
            more = connection.recv(65536)
            if not more:
                raise ConnectionResetError("the Runtime API closed the connection")
            data += more
            end = data.find(b"\r\n\r\n")
            if len(data) > 1 << 20 and end < 0:
                raise RuntimeApiError("the Runtime API sent an endless reply head")
        lines = data[:end].decode("utf-8", "replace").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        status = int(lines[0][9:12])
        if "transfer-encoding" in headers:
            raise RuntimeApiError("the Runtime API sent a reply without Content-Length")
        size = int(headers.get("content-length") or 0)
        start = end + 4
        if len(data) - start >= size:
            payload = data[start : start + size]
        else:
            payload = bytearray(size)
            filled = len(data) - start
            payload[:filled] = data[start:]
            view = memoryview(payload)
            while filled < size:
                count = connection.recv_into(view[filled:])
                if not count:
                    raise ConnectionResetError("the Runtime API closed the connection")
                filled += count
        if headers.get("connection", "").lower() == "close":
            self._close()
        return status, headers, payload

    def _early_refusal(self):
        """The reply to a body that the other side did not want to read, if it is still to be had."""
        try:
            data = self._connection.recv(65536)
        except OSError:
            data = b""
        self._close()
        head, _, payload = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 "):
            return 0, {}, b"The Runtime API closed the connection."
        return int(head[9:12]), {}, payload

    def next(self):
        status, headers, body = self._exchange(self._next)
        if status != 200:
            raise RuntimeApiError(
                "the Runtime API refused the next invocation: %d %s" % (status, bytes(body).decode("utf-8", "replace"))
            )
        return headers, body

    def _post(self, path, body, content_type, error_type=None):
        head = "POST %s%s%sContent-Type: %s\r\nContent-Length: %d\r\n" % (
            self._PREFIX,
            path,
            self._host_header,
            content_type,
            len(body),
        )
        if error_type is not None:
            head += "Lambda-Runtime-Function-Error-Type: " + header_value(error_type) + "\r\n"
        status, _, reply = self._exchange((head + "\r\n").encode("latin-1"), body)
        return status, reply

    def post_response(self, request_id, body, content_type):
        status, reply = self._post("invocation/" + request_id + "/response", body, content_type)
        if status != 202:
            self._complain("handler success response", status, reply)

    def post_error(self, request_id, body, error_type):
        path = "invocation/" + request_id + "/error"
        status, reply = self._post(path, body, "application/vnd.aws.lambda.error+json", error_type)
        if status != 202:
            self._complain("handler error response", status, reply)

    def post_init_error(self, body, error_type):
        status, reply = self._post("init/error", body, "application/vnd.aws.lambda.error+json", error_type)
        if status != 202:
            self._complain("initialization error", status, reply)

    @staticmethod
    def _complain(what, status, reply):
        sys.stderr.write(
            "[ERROR] [%d] LAMBDA_RUNTIME Failed to post %s. Http response code: %d. %s\n"
            % (time.time() * 1000, what, status, bytes(reply).decode("utf-8", "replace"))
        )


def header_value(text):
    """What may stand in a header: an exception class can have any name."""
    return "".join(c if " " < c < "\x7f" else "?" for c in text)
