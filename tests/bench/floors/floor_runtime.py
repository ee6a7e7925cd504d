"""The least a Python runtime does: one raw socket to the Runtime API, JSON in and out, the handler returns its event.

Started as `/usr/bin/python3 -I -S floor_runtime.py` with AWS_LAMBDA_RUNTIME_API=HOST:PORT.
"""
import json
import os
import socket

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def handler(event, context):
    return event


def receive(connection):
    received = connection.recv(65536)
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += connection.recv(65536)
    return fields, body


def main():
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        connection.sendall(NEXT)
        fields, body = receive(connection)
        answer = json.dumps(handler(json.loads(body), None)).encode()
        path = b"/2018-06-01/runtime/invocation/" + fields[b"lambda-runtime-aws-request-id"] + b"/response"
        connection.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
                           + str(len(answer)).encode() + b"\r\n\r\n" + answer)
        receive(connection)


main()
