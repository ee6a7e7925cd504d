"""Raw bytes to a server: what hostile clients of every kind are made of."""
import contextlib
import json
import os
import re
import resource
import select
import socket
import struct
import time

LAMBDA = "/2015-03-31/functions"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

# Ends of a head (with a body) that two servers could read differently. `POST /first` with a Host goes before, another request
# behind.
AMBIGUOUS = {
    "length and chunked": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths that differ": "Content-Length: 0\r\nContent-Length: 45\r\n\r\n",
    "two lengths that agree": "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "a list of lengths": "Content-Length: 0, 0\r\n\r\n",
    "a signed length": "Content-Length: +0\r\n\r\n",
    "a negative length": "Content-Length: -1\r\n\r\n",
    "a hexadecimal length": "Content-Length: 0x0\r\n\r\n",
    "an empty length": "Content-Length: \r\n\r\n",
    "a length beyond 64 bits": "Content-Length: 18446744073709551616\r\n\r\n",
    "a length with a blank": "Content-Length: 1 0\r\n\r\n",
    "a blank before the colon": "Content-Length : 0\r\n\r\n",
    "a tab before the colon": "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": "X: a\r\n b\r\n\r\n",
    "a folded coding": "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a line that ends in LF": "X: a\nContent-Length: 0\r\n\r\n",
    "a line that ends in CR": "X: a\rContent-Length: 0\r\n\r\n",
    "an end of two LF": "Content-Length: 0\n\n",
    "a NUL in a value": "X: a\0b\r\n\r\n",
    "a NUL in a name": "X\0: a\r\n\r\n",
    "no name": ": a\r\n\r\n",
    "no colon": "Nothing\r\n\r\n",
    "two codings": "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two lines": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked with a parameter": "Transfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n",
    "identity": "Transfer-Encoding: identity\r\n\r\n",
    "xchunked": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked in quotes": "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    "chunked after a vertical tab": "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "two hosts": "Host: other\r\n\r\n",
    "a chunk size with a sign": "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "a chunk size with a prefix": "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "a chunk size beyond 64 bits": "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
    "a chunk size line that ends in LF": "Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
    "an empty chunk size": "Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
    "a chunk longer than it says": "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "a chunk extension with LF": "Transfer-Encoding: chunked\r\n\r\n0;a=\"\n\"\r\n\r\n",
    "a chunk extension without a name": "Transfer-Encoding: chunked\r\n\r\n0;=a\r\n\r\n",
    "an endless chunk extension": "Transfer-Encoding: chunked\r\n\r\n0;" + "a" * 200_000,
    "an endless trailer": "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + "a" * 200_000,
    "a folded trailer": "Transfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n",
}


def signed_headers(service, port, length=None, target=None, content_type="application/x-amz-json-1.1"):
    """Headers of a request in open mode, where no signature is verified."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    lines = [f"Host: 127.0.0.1:{port}", f"X-Amz-Date: {stamp}",
             f"Authorization: AWS4-HMAC-SHA256 Credential=test/{stamp[:8]}/us-east-1/{service}/aws4_request, "
             f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"]
    if target:
        lines.append(f"X-Amz-Target: {target}")
    if length is not None:
        lines += [f"Content-Type: {content_type}", f"Content-Length: {length}"]
    return lines


def api(port, method, path, body=b"", service="lambda", **options):
    """One whole API request."""
    lines = [f"{method} {path} HTTP/1.1", *signed_headers(service, port, len(body), **options)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def connect(port, timeout=10):
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def readable(connection, timeout):
    """Whether something arrives within `timeout`. Descriptors may be beyond what select() takes."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(timeout * 1000))


def read_all(connection, timeout=10):
    """What comes until the server closes, and whether it did within `timeout`."""
    data, end = b"", time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        if left <= 0 or not readable(connection, left):
            return data, False
        try:
            more = connection.recv(1 << 16)
        except ConnectionError:
            return data, True
        if not more:
            return data, True
        data += more


def split(data):
    """The HTTP answers in `data`: (status, headers, body)."""
    answers = []
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator or not head.startswith(b"HTTP/1."):
            raise AssertionError(f"not an HTTP answer: {data[:200]!r}")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        if len(rest) < size:
            raise AssertionError(f"an answer of {size} bytes ended after {len(rest)}: {head!r}")
        answers.append((status, headers, rest[:size]))
        data = rest[size:]
    return answers


def read_answer(connection, timeout=10):
    """One answer from a connection that may stay open."""
    data, end = b"", time.monotonic() + timeout
    while True:
        head, separator, rest = data.partition(b"\r\n\r\n")
        if separator:
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if len(rest) >= (int(found[1]) if found else 0):
                return split(data)[0]
        left = end - time.monotonic()
        if left <= 0 or not readable(connection, left):
            raise AssertionError(f"no answer within {timeout} s, only {data[:200]!r}")
        more = connection.recv(1 << 16)
        if not more:
            raise AssertionError(f"closed after {data[:200]!r}")
        data += more


def talk(port, data, timeout=10, half_close=True):
    """Sends `data` on a connection of its own; the answers, and whether the server closed it."""
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        received, closed = read_all(connection, timeout)
        return split(received), closed


def server_pid(server):
    """The process that serves. The supervisor holds the listening sockets as well, for a server that has to be started again."""
    found = []
    pending = [server.process.pid]
    while pending:
        pid = pending.pop()
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                pending += [int(child) for child in children.read().split()]
            with open(f"/proc/{pid}/net/tcp", encoding="ascii"):
                found.append(pid)
    for pid in found[1:] + found[:1]:
        for link in descriptors(pid):
            if link.startswith("socket:") and listens(pid, link, server.port):
                return pid
    raise AssertionError("no process of the server listens on its port")


def descriptors(pid):
    links = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                links.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return links


def listens(pid, link, port):
    inode = link[len("socket:["):-1]
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            if fields[9] == inode and fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                return True
    return False


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


@contextlib.contextmanager
def many_descriptors(wanted):
    """This process may have `wanted` descriptors open, if the machine allows it at all; yields how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted, hard))
    try:
        yield resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def quick(server, limit_s=5.0):
    """An honest client is answered, and soon. Returns the seconds it took."""
    begin = time.monotonic()
    status, _, _ = server.get("/_hearth/health")
    taken = time.monotonic() - begin
    if status != 200 or taken > limit_s:
        raise AssertionError(f"an honest client was answered {status} after {taken:.2f} s")
    return taken


def reset_on_close(connection):
    """Closing sends RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def listed(server):
    return json.loads(server.get("/_hearth/health")[2])
