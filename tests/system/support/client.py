# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 client over plain sockets.

It keeps connections alive, never retries by itself (whether a request may be repeated is what the
tests are about) and hides nothing: headers, status and body bytes are given as they came.

Threads: a Connection belongs to one thread; a Client gives each thread its own connection.
"""
import json
import socket
import threading

READ_BYTES = 65536


class Disconnected(Exception):
    """The connection ended before the whole answer was there. The outcome is unknown."""


class Answer:
    """One HTTP answer: status, headers (names in lower case), body bytes."""

    __slots__ = ("status", "headers", "body")

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:600].decode('utf-8', 'replace')}>"


def format_request(method, target, host, body=b"", headers=None):
    """The bytes of a request. Headers given override those made here; None leaves one out."""
    lines = {"Host": host}
    if body or method in ("POST", "PATCH", "PUT"):
        lines["Content-Type"] = "application/json"
        lines["Content-Length"] = str(len(body))
    lines.update(headers or {})
    head = [f"{method} {target} HTTP/1.1"]
    head += [f"{name}: {value}" for name, value in lines.items() if value is not None]
    return ("\r\n".join(head) + "\r\n\r\n").encode("utf-8") + body


def encode_body(body):
    """Bytes and text go out as they are, anything else as JSON."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8")
    return json.dumps(body, separators=(",", ":")).encode("utf-8")


class Parser:
    """Takes bytes as they arrive and hands out whole answers."""

    def __init__(self):
        self._buffer = bytearray()
        self._expects_body = []  # one entry per request sent and not answered yet

    def expect(self, method):
        self._expects_body.append(method != "HEAD")

    def feed(self, data):
        self._buffer += data

    def next(self):
        """The next whole answer, or None. Interim answers (1xx) are passed over."""
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            status, headers = parse_head(bytes(self._buffer[:end]))
            if 100 <= status < 200:
                del self._buffer[: end + 4]
                continue
            return self._whole(status, headers, end + 4)

    def _whole(self, status, headers, start):
        with_body = self._expects_body[0] if self._expects_body else True
        if not with_body or status in (204, 304):
            body, used = b"", start
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body, used = parse_chunks(self._buffer, start)
        elif "content-length" in headers:
            used = start + int(headers["content-length"])
            body = bytes(self._buffer[start:used]) if len(self._buffer) >= used else None
        else:
            body, used = None, 0  # ends with the connection: see at_end()
        if body is None:
            return None
        del self._buffer[:used]
        if self._expects_body:
            self._expects_body.pop(0)
        return Answer(status, headers, body)

    def at_end(self):
        """The answer whose body ended with the connection, or None."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        status, headers = parse_head(bytes(self._buffer[:end]))
        if "content-length" in headers or "transfer-encoding" in headers:
            return None
        return Answer(status, headers, bytes(self._buffer[end + 4 :]))


def parse_head(head):
    lines = head.split(b"\r\n")
    status = int(lines[0].split(b" ", 2)[1])
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return status, headers


def parse_chunks(buffer, at):
    """(body, end) of a chunked body that starts at AT, or (None, 0) when it is not all there."""
    parts = []
    while True:
        line_end = buffer.find(b"\r\n", at)
        if line_end < 0:
            return None, 0
        size = int(bytes(buffer[at:line_end]).split(b";")[0], 16)
        at = line_end + 2
        if size == 0:
            end = buffer.find(b"\r\n", at)
            return (None, 0) if end < 0 else (b"".join(parts), end + 2)
        if len(buffer) < at + size + 2:
            return None, 0
        parts.append(bytes(buffer[at : at + size]))
        at += size + 2


class Connection:
    """One keep-alive connection. Connects when it is first used, or used again after an end."""

    def __init__(self, host, port, timeout_s=30.0):
        self.host = host
        self.port = port
        self._timeout_s = timeout_s
        self._socket = None
        self._parser = None

    def request(self, method, target, body=None, headers=None):
        raw = format_request(method, target, f"{self.host}:{self.port}", encode_body(body), headers)
        return self.exchange(raw, method)

    def exchange(self, raw, method="GET"):
        """Sends raw bytes and reads one answer. Raises Disconnected when there is none."""
        try:
            try:
                self.send(raw, method)
            except (BrokenPipeError, ConnectionResetError):
                if self._socket is None:
                    raise
                # A server that refuses a body does not read it: its answer may be there all the same.
            return self.receive()
        except OSError as error:
            self.close()
            raise Disconnected(f"{self.host}:{self.port}: {error}") from error

    def send(self, raw, method="GET"):
        if self._socket is None:
            self._socket = socket.create_connection((self.host, self.port), self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._parser = Parser()
        self._parser.expect(method)
        self._socket.sendall(raw)

    def receive(self):
        while True:
            answer = self._parser.next()
            if answer is not None:
                if answer.headers.get("connection", "").lower() == "close":
                    self.close()
                return answer
            data = self._socket.recv(READ_BYTES)
            if not data:
                answer = self._parser.at_end()
                self.close()
                if answer is None:
                    raise Disconnected(f"{self.host}:{self.port}: closed without a whole answer")
                return answer
            self._parser.feed(data)

    def is_open(self):
        return self._socket is not None

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Client:
    """Requests to one address from any thread, each thread over a connection of its own."""

    def __init__(self, url, timeout_s=30.0):
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        self.host = host
        self.port = int(port)
        self.url = f"http://{host}:{port}"
        self._timeout_s = timeout_s
        self._local = threading.local()

    def request(self, method, target, body=None, headers=None):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = Connection(self.host, self.port, self._timeout_s)
            self._local.connection = connection
        return connection.request(method, target, body, headers)

    def get(self, target, **headers):
        return self.request("GET", target, None, spell(headers))

    def head(self, target, **headers):
        return self.request("HEAD", target, None, spell(headers))

    def post(self, target, body=None, **headers):
        return self.request("POST", target, {} if body is None else body, spell(headers))

    def patch(self, target, body, **headers):
        return self.request("PATCH", target, body, spell(headers))

    def delete(self, target, **headers):
        return self.request("DELETE", target, None, spell(headers))

    def close(self):
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()


def spell(headers):
    """Keyword names to header names: if_match -> If-Match."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
