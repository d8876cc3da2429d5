# SPDX-License-Identifier: Apache-2.0
"""Many HTTP clients in one thread.

Each client is a generator: it yields a Request and is resumed with the Answer, or has Disconnected
raised in it. All clients share one thread and one monotonic clock, so that what was sent before
what was answered is known exactly, and the number of requests in flight is a plain count.

Threads: the caller's only.
"""
import collections
import heapq
import itertools
import selectors
import socket
import time

from .client import READ_BYTES, Disconnected, Parser, encode_body, format_request

DEADLINE_S = 300.0
REFUSED_PAUSE_S = 0.02


class Request:
    """One request to one address; sent_at and answered_at are filled in on the way."""

    __slots__ = ("address", "method", "target", "body", "headers", "sent_at", "answered_at")

    def __init__(self, address, method, target, body=None, headers=None):
        self.address = address
        self.method = method
        self.target = target
        self.body = body
        self.headers = headers
        self.sent_at = 0.0
        self.answered_at = 0.0

    def raw(self):
        host, port = self.address
        return format_request(
            self.method, self.target, f"{host}:{port}", encode_body(self.body), self.headers
        )


class Pause:
    """Yielded instead of a request: the client backs off, as a real one would."""

    __slots__ = ("seconds",)

    def __init__(self, seconds):
        self.seconds = seconds


class _Client:
    """A generator, the connections it has opened, and the request it waits for."""

    def __init__(self, script):
        self.script = script
        self.request = None
        self.sockets = {}
        self.parser = None
        self.unsent = b""


class Swarm:
    def __init__(self):
        self.in_flight_at = collections.Counter()  # by address
        self.answers = 0
        self.disconnects = 0
        self._selector = selectors.DefaultSelector()
        self._timers = []  # (when, number, client, outcome)
        self._numbers = itertools.count()
        self._running = 0

    @property
    def in_flight(self):
        """Requests sent and not answered yet."""
        return self.in_flight_at.total()

    def run(self, scripts, each_turn=None, deadline_s=DEADLINE_S):
        """Runs the generators to their ends. EACH_TURN is called between two looks at sockets."""
        clients = [_Client(script) for script in scripts]
        self._running = len(clients)
        for client in clients:
            self._resume(client, None)
        ends = time.monotonic() + deadline_s
        while self._running > 0:
            for key, mask in self._selector.select(self._next_look()):
                self._serve(key.data, mask)
            self._wake()
            if each_turn is not None:
                each_turn()
            if time.monotonic() > ends:
                raise TimeoutError(f"{self._running} clients not done after {deadline_s:g} s")
        self._selector.close()

    def _next_look(self):
        if not self._timers:
            return 0.05
        return min(0.05, max(0.0, self._timers[0][0] - time.monotonic()))

    def _wake(self):
        """Resumes the clients whose pause is over."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, _, client, outcome = heapq.heappop(self._timers)
            self._resume(client, outcome)

    def _later(self, client, seconds, outcome):
        when = time.monotonic() + seconds
        heapq.heappush(self._timers, (when, next(self._numbers), client, outcome))

    def _serve(self, client, mask):
        sock = client.sockets[client.request.address]
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(client, sock)
            if mask & selectors.EVENT_READ:
                self._read(client, sock)
        except OSError as error:
            self._lost(client, sock, str(error))

    def _read(self, client, sock):
        try:
            data = sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._lost(client, sock, "closed without a whole answer")
            return
        client.parser.feed(data)
        answer = client.parser.next()
        if answer is None:
            return
        client.request.answered_at = time.monotonic()
        self._no_longer_in_flight(client, sock)
        self.answers += 1
        if answer.headers.get("connection", "").lower() == "close":
            self._forget(client, client.request.address)
        self._resume(client, answer)

    def _lost(self, client, sock, why):
        self._no_longer_in_flight(client, sock)
        self.disconnects += 1
        self._forget(client, client.request.address)
        self._resume(client, Disconnected(why))

    def _no_longer_in_flight(self, client, sock):
        self._selector.unregister(sock)
        self.in_flight_at[client.request.address] -= 1

    def _forget(self, client, address):
        sock = client.sockets.pop(address, None)
        if sock is not None:
            sock.close()

    def _resume(self, client, outcome):
        """Steps the script until it waits for an answer, pauses, or is over."""
        try:
            if isinstance(outcome, Exception):
                wanted = client.script.throw(outcome)
            else:
                wanted = client.script.send(outcome)
        except StopIteration:
            for address in list(client.sockets):
                self._forget(client, address)
            self._running -= 1
            return
        if isinstance(wanted, Pause):
            self._later(client, wanted.seconds, None)
            return
        client.request = wanted
        try:
            self._send(client)
        except OSError as error:
            self._forget(client, wanted.address)
            self.disconnects += 1
            self._later(client, REFUSED_PAUSE_S, Disconnected(str(error)))

    def _send(self, client):
        request = client.request
        sock = client.sockets.get(request.address)
        if sock is None:
            sock = socket.create_connection(request.address, 10.0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            client.sockets[request.address] = sock
        client.parser = Parser()
        client.parser.expect(request.method)
        raw = request.raw()
        request.sent_at = time.monotonic()
        try:
            sent = sock.send(raw)
        except BlockingIOError:
            sent = 0
        client.unsent = raw[sent:]
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.register(sock, mask, client)
        self.in_flight_at[request.address] += 1

    def _flush(self, client, sock):
        client.unsent = client.unsent[sock.send(client.unsent) :]
        if not client.unsent:
            self._selector.modify(sock, selectors.EVENT_READ, client)
