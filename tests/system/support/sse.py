# SPDX-License-Identifier: Apache-2.0
"""Server-sent events, read as the WHATWG standard says, from one connection or from hundreds.

Threads: a Subscription and a Swarm belong to one thread.
"""
import json
import selectors
import socket
import time

from .client import format_request, parse_head

READ_BYTES = 1 << 16


class Message:
    """One dispatched event: its type, data, and the last event id as of then."""

    __slots__ = ("event", "data", "id")

    def __init__(self, event, data, last_id):
        self.event = event
        self.data = data
        self.id = last_id

    def json(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"<{self.event} {self.id} {self.data[:200]}>"


class Parser:
    """Bytes of a text/event-stream to messages."""

    def __init__(self):
        self.last_id = None
        self.retry_ms = None
        self.comments = 0
        self._rest = b""
        self._id = None
        self._event = ""
        self._data = []

    def feed(self, data):
        messages = []
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            message = self._line(line.decode("utf-8"))
            if message is not None:
                messages.append(message)
        return messages

    def _line(self, line):
        if line == "":
            return self._dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self._id = int(value)
        elif name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "retry":
            self.retry_ms = int(value)
        return None

    def _dispatch(self):
        event, data = self._event or "message", "\n".join(self._data)
        has_data = bool(self._data)
        self.last_id = self._id
        self._event, self._data = "", []
        return Message(event, data, self.last_id) if has_data else None


class Chunks:
    """Undoes Transfer-Encoding: chunked, piece by piece."""

    def __init__(self):
        self._rest = b""
        self._left = 0  # of the chunk that is being read, with its line end
        self.ended = False

    def feed(self, data):
        out = []
        data = self._rest + data
        self._rest = b""
        while data and not self.ended:
            if self._left > 2:
                piece = data[: self._left - 2]
                out.append(piece)
                self._left -= len(piece)
                data = data[len(piece) :]
            elif self._left > 0:
                used = min(self._left, len(data))
                self._left -= used
                data = data[used:]
            else:
                line, found, data = data.partition(b"\r\n")
                if not found:
                    self._rest = line
                    break
                size = int(line.split(b";")[0], 16)
                self.ended = size == 0
                self._left = size + 2
        return b"".join(out)


class Subscription:
    """One live reader. `messages` has all that came; `ended` how it ended: "whole", "cut" or None."""

    def __init__(self, api, target, receive_bytes=None, version="1.1", **headers):
        self.target = target
        self.status = None
        self.headers = None
        self.messages = []
        self.parser = Parser()
        self.ended = None
        self._head = b""
        self._body = None
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(30.0)
        self.socket.connect((api.host, api.port))
        named = {name.replace("_", "-").title(): str(value) for name, value in headers.items()}
        named["Accept"] = "text/event-stream"
        raw = format_request("GET", target, f"{api.host}:{api.port}", b"", named)
        self.socket.sendall(raw.replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1))

    def fileno(self):
        return self.socket.fileno()

    def read(self):
        """Takes what is there (waits for something); the new messages."""
        try:
            data = self.socket.recv(READ_BYTES)
        except ConnectionResetError:
            data = b""
        return self.take(data)

    def take(self, data):
        if not data:
            whole = self._body is None or self._body.ended
            self.ended = self.ended or ("whole" if whole else "cut")
            return []
        if self.status is None:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return []
            self.status, self.headers = parse_head(head)
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                self._body = Chunks()
        messages = self.parser.feed(self._body.feed(data) if self._body else data)
        if self._body is not None and self._body.ended:
            self.ended = "whole"
        self.messages += messages
        return messages

    def read_until(self, condition, what, deadline_s=30.0):
        """Reads until condition(self) is true or the stream has ended."""
        ends = time.monotonic() + deadline_s
        while not condition(self):
            left = ends - time.monotonic()
            if self.ended is not None:
                raise AssertionError(f"ended ({self.ended}) before: {what}; {self.messages[-3:]}")
            if left <= 0:
                raise AssertionError(f"not within {deadline_s} s: {what}; {self.messages[-3:]}")
            self.socket.settimeout(left)
            try:
                self.read()
            except TimeoutError:
                pass
        return self

    def read_to_end(self, deadline_s=30.0):
        ends = time.monotonic() + deadline_s
        while self.ended is None:
            self.socket.settimeout(max(0.01, ends - time.monotonic()))
            self.read()
        return self

    def events(self):
        """The messages that are events of the log."""
        return [m for m in self.messages if m.event not in ("caught-up", "lagging", "closing")]

    def count(self, event):
        return sum(m.event == event for m in self.messages)

    def close(self):
        self.socket.close()


class Swarm:
    """Many subscriptions, read by one thread."""

    def __init__(self, subscriptions):
        self.subscriptions = subscriptions
        self._selector = selectors.DefaultSelector()
        for subscription in subscriptions:
            subscription.socket.settimeout(30.0)
            self._selector.register(subscription, selectors.EVENT_READ)

    def read_until(self, condition, what, deadline_s=60.0):
        """Reads until condition(subscription) is true for each."""
        ends = time.monotonic() + deadline_s
        left = [s for s in self.subscriptions if not condition(s)]
        while left:
            if time.monotonic() > ends:
                raise AssertionError(f"{len(left)} not within {deadline_s} s: {what}")
            for key, _ in self._selector.select(1.0):
                key.fileobj.read()
                if key.fileobj.ended is not None:
                    self._selector.unregister(key.fileobj)
            left = [s for s in left if not condition(s) and s.ended is None]
        assert all(condition(s) for s in self.subscriptions), f"some ended before: {what}"

    def close(self):
        self._selector.close()
        for subscription in self.subscriptions:
            subscription.close()
