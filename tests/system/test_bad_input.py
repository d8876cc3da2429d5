#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile input: framing by raw sockets, JSON, media types, sizes, and texts that software spoils."""
import json
import socket

from support import naughty
from support.case import SystemTest, event, main, order_of, unique
from support.client import Connection, Disconnected, Parser
from support.swarm import Request, Swarm

ORDER = json.dumps(order_of("sku-framing")).encode()


def post(
    body=b"{}",
    lines=(),
    version=b"HTTP/1.1",
    target=b"/v1/orders",
    method=b"POST",
    host=b"Host: localhost",
):
    """A raw POST; LINES are header lines besides Host and Content-Type."""
    head = [method + b" " + target + b" " + version]
    head += [host] if host else []
    return b"\r\n".join([*head, b"Content-Type: application/json", *lines, b"", body])


def sized(body=b"{}", lines=(), **kind):
    return post(body, [b"Content-Length: %d" % len(body), *lines], **kind)


def chunked(chunks, lines=()):
    return post(chunks, [b"Transfer-Encoding: chunked", *lines])


# Each must be answered with an error or closed, and nothing may be written.
REFUSED_FRAMING = {
    "CL and TE both": sized(b"2\r\n{}\r\n0\r\n\r\n", [b"Transfer-Encoding: chunked"]),
    "two differing CL": post(b"{}x", [b"Content-Length: 2", b"Content-Length: 3"]),
    "two equal CL": post(b"{}", [b"Content-Length: 2", b"Content-Length: 2"]),
    "CL list": post(b"{}", [b"Content-Length: 2, 2"]),
    "CL +2": post(b"{}", [b"Content-Length: +2"]),
    "CL -1": post(b"{}", [b"Content-Length: -1"]),
    "CL 0x2": post(b"{}", [b"Content-Length: 0x2"]),
    "CL with a space inside": post(b"{}", [b"Content-Length: 2 2"]),
    "CL beyond 2^63": post(b"{}", [b"Content-Length: 99999999999999999999"]),
    "TE identity": post(b"{}", [b"Transfer-Encoding: identity"]),
    "TE gzip": post(b"{}", [b"Transfer-Encoding: gzip"]),
    "TE doubled": chunked(b"2\r\n{}\r\n0\r\n\r\n", [b"Transfer-Encoding: chunked"]),
    "TE on HTTP/1.0": post(
        b"2\r\n{}\r\n0\r\n\r\n", [b"Transfer-Encoding: chunked"], version=b"HTTP/1.0"
    ),
    "chunk size signed": chunked(b"+2\r\n{}\r\n0\r\n\r\n"),
    "chunk size negative": chunked(b"-2\r\n{}\r\n0\r\n\r\n"),
    "chunk size 0x": chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "chunk size not hex": chunked(b"zz\r\n{}\r\n0\r\n\r\n"),
    "chunk without CRLF": chunked(b"2\r\n{}XX0\r\n\r\n"),
    "chunk size overflow": chunked(b"ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "no Host": sized(host=b""),
    "two Hosts": sized(lines=[b"Host: localhost"]),
    "Host with a path": sized(host=b"Host: localhost/x"),
    "Host with userinfo": sized(host=b"Host: user@localhost"),
    "header without a name": sized(lines=[b": x"]),
    "header without a colon": sized(lines=[b"nocolon"]),
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": sized(version=b"HTTP/9.9"),
    "HTTP/1.2": sized(version=b"HTTP/1.2"),
    "lower-case http": sized(version=b"http/1.1"),
    "HTTP/0.9": b"GET /v1/events\r\n\r\n",
    "garbage": b"\x00\x01\x02\x03garbage\r\n\r\n",
    "TLS hello": bytes.fromhex("16030100050100000100") + b"\r\n\r\n",
    "target beyond 8 KiB": sized(target=b"/v1/orders?x=" + b"a" * 9000),
    "header block beyond 32 KiB": sized(lines=[b"X-Long: " + b"a" * 33000]),
    "over 100 header lines": sized(lines=[b"X-%d: y" % n for n in range(120)]),
    "TRACE": sized(b"", method=b"TRACE"),
    "CONNECT": sized(b"", method=b"CONNECT", target=b"localhost:80"),
    "unknown method": sized(b"", method=b"BREW"),
    "Expect of another kind": sized(lines=[b"Expect: 200-ok"]),
    "NUL in the path": sized(target=b"/v1/orders%00"),
    "bad escape in the path": sized(target=b"/v1/orders/%zz/pay"),
    "overlong UTF-8 in the path": sized(target=b"/v1/orders/%c0%ae/pay"),
    "dots in the path": sized(target=b"/v1/%2e%2e/v1/orders/x/pay"),
    "double slash": sized(target=b"//v1//orders/x/pay"),
    "backslash": sized(target=b"/v1\\orders"),
}

# The library hides these from us (docs/security.md): the order may be refused or taken, but the
# server must stay in step: one answer for one request.
HIDDEN_FRAMING = {
    "space before the colon": sized(lines=[b"X-Y : z"]),
    "folded line": sized(lines=[b"X-Y: a\r\n b"]),
    "bare LF": sized().replace(b"\r\n", b"\n"),
    "NUL in a value": sized(lines=[b"X-Y: a\x00b"]),
    "control in a value": sized(lines=[b"X-Y: a\x01b"]),
    "bare CR in a value": sized(lines=[b"X-Y: a\rb"]),
    "double space in the request line": sized().replace(b"POST /", b"POST  /"),
    "tab in the request line": sized().replace(b"POST /", b"POST\t/"),
    "chunk extension": chunked(b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    "trailer with CL": chunked(b"2\r\n{}\r\n0\r\nContent-Length: 7\r\n\r\n"),
}


class Framing(SystemTest):
    def answer_to(self, raw, timeout_s=20.0):
        """The status, or None when the connection was closed without an answer."""
        connection = Connection("127.0.0.1", self.all.port, timeout_s)
        try:
            return connection.exchange(raw).status
        except Disconnected as end:
            self.assertNotIn("timed out", str(end))
            return None
        finally:
            connection.close()

    def test_refused(self):
        """doubtful framing, foreign versions, bad targets: an error or a closed connection, nothing written"""
        with self.unchanged():
            for name, raw in REFUSED_FRAMING.items():
                with self.subTest(name):
                    status = self.answer_to(raw)
                    self.assertTrue(status is None or status >= 400, status)
        self.expect(self.api.get("/livez"), 200)

    def test_hidden(self):
        """what the library hides never yields two answers for one request, nor a crash"""
        for name, raw in HIDDEN_FRAMING.items():
            with self.subTest(name):
                status = self.answer_to(raw)
                self.assertTrue(status is None or status in (400, 422), status)
        self.expect(self.api.get("/livez"), 200)

    def test_statuses(self):
        """413 by Content-Length at once, 414, 431, 405 and 501 where the table says so"""
        huge = post(b"", [b"Content-Length: 300000"])
        self.assertIn(self.answer_to(huge), (413, None))
        bulk = post(b"", [b"Content-Length: 3000000"], target=b"/v1/streams/note-1/events")
        self.assertIn(self.answer_to(bulk), (413, None))
        self.assertIn(self.answer_to(REFUSED_FRAMING["target beyond 8 KiB"]), (414, 431, None))
        self.assertIn(
            self.answer_to(REFUSED_FRAMING["header block beyond 32 KiB"]), (431, 413, None)
        )
        self.assertIn(self.answer_to(REFUSED_FRAMING["TRACE"]), (405, 501))
        self.assertIn(self.answer_to(REFUSED_FRAMING["unknown method"]), (405, 501))

    def test_too_large_by_chunks(self):
        """a chunked body over the limit is 413 or closed, never stored"""
        body = b"10000\r\n" + b" " * 65536 + b"\r\n"
        with self.unchanged():
            self.assertIn(self.answer_to(chunked(body * 6 + b"0\r\n\r\n")), (413, None))
            self.assertIn(self.answer_to(chunked(body * 40 + b"0\r\n\r\n")), (413, None))

    def test_chunked_and_continue(self):
        """chunked bodies and Expect: 100-continue work as they should"""
        self.receive("sku-framing", 10)
        half = len(ORDER) // 2
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (ORDER[:half], ORDER[half:]))
        self.assertEqual(self.answer_to(chunked(chunks + b"0\r\n\r\n")), 201)
        self.assertEqual(self.answer_to(sized(ORDER, [b"Expect: 100-continue"])), 201)

    def test_pipelined_and_fragmented(self):
        """pipelined requests are answered in order; a request byte by byte is one request"""
        self.receive("sku-framing", 10)
        with socket.create_connection(("127.0.0.1", self.all.port), 10) as sock:
            parser = Parser()
            raw = b"\r\n" + b"".join(
                b"GET /v1/streams/note-%d/events HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: n%d\r\n\r\n"
                % (n, n)
                for n in range(20)
            )
            sock.sendall(raw)
            seen = []
            while len(seen) < 20:
                parser.feed(sock.recv(65536))
                while (answer := parser.next()) is not None:
                    seen.append(answer.headers["x-request-id"])
            self.assertEqual(seen, [f"n{n}" for n in range(20)])
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in sized(ORDER):
                sock.sendall(bytes([byte]))
            while (answer := parser.next()) is None:
                parser.feed(sock.recv(65536))
            self.assertEqual(answer.status, 201)

    def test_undersent_body(self):
        """a client that leaves in the middle of a body writes nothing"""
        with self.unchanged():
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", self.all.port), 10) as sock:
                    sock.sendall(sized(ORDER)[:-5])
        self.expect(self.api.get("/livez"), 200)


class Slowness(SystemTest):
    SETTINGS = {
        "http__header_timeout": "1s",
        "http__idle_timeout": "2s",
        "http__connections_per_address_max": "16",
    }

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.all.port), 10)
        self.addCleanup(sock.close)
        return sock

    def test_slow_header_slow_body_and_idleness(self):
        """a dripped header, a crawling body and an idle connection are closed without an answer"""
        slow_header, slow_body, idle = self.connect(), self.connect(), self.connect()
        slow_header.sendall(b"GET /livez HTTP/1.1\r\nHost: local")
        slow_body.sendall(sized(ORDER)[:-20])
        with self.unchanged():
            for sock in (slow_header, slow_body, idle):
                self.assertTrue(self.is_closed(sock, 10.0))
        self.expect(self.api.get("/livez"), 200)

    def is_closed(self, sock, deadline_s):
        """Drips a byte from time to time, as an attacker would, until the server ends it."""
        sock.settimeout(0.2)

        def ended():
            try:
                return sock.recv(65536) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        return self.eventually(ended, "the server closes a slow connection", deadline_s)

    def test_connections_of_one_address(self):
        """beyond the limit of one address connections are closed, those before go on"""
        held = [self.connect() for _ in range(40)]
        answered = 0
        for sock in held:
            try:
                sock.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answered += sock.recv(65536).startswith(b"HTTP/1.1 200")
            except OSError:
                pass
        self.assertTrue(1 <= answered <= 16, answered)
        for sock in held:
            sock.close()
        self.eventually(lambda: self.all.status_of("/livez") == 200, "connections are free again")


# bytes of the body -> the slug of its 400 or 422
JSON_TABLE = {
    "empty body": (b"", 400, "malformed-json"),
    "not JSON": (b"hello", 400, "malformed-json"),
    "truncated": (b'{"customer_id": "c"', 400, "malformed-json"),
    "trailing bytes": (ORDER + b"x", 400, "malformed-json"),
    "two values": (ORDER + ORDER, 400, "malformed-json"),
    "BOM": (b"\xef\xbb\xbf" + ORDER, 400, "malformed-json"),
    "UTF-16": (ORDER.decode().encode("utf-16"), 400, "malformed-json"),
    "bad UTF-8": (b'{"customer_id": "\xff"}', 400, "malformed-json"),
    "overlong UTF-8": (b'{"customer_id": "\xc0\xaf"}', 400, "malformed-json"),
    "surrogate in UTF-8": (b'{"customer_id": "\xed\xa0\x80"}', 400, "malformed-json"),
    "lone surrogate": (b'{"customer_id": "\\ud800"}', 400, "malformed-json"),
    "NaN": (b'{"customer_id": NaN}', 400, "malformed-json"),
    "comment": (b'{/* x */"customer_id": "c"}', 400, "malformed-json"),
    "single quotes": (b"{'customer_id': 'c'}", 400, "malformed-json"),
    "trailing comma": (b'{"customer_id": "c",}', 400, "malformed-json"),
    "leading zero": (b'{"customer_id": 01}', 400, "malformed-json"),
    "control in a string": (b'{"customer_id": "a\nb"}', 400, "malformed-json"),
    "NUL byte": (b'{"customer_id": "a\x00b"}', 400, "malformed-json"),
    "depth 33": (b"[" * 33 + b"]" * 33, 422, "json-limits"),
    "depth 100,000": (b"[" * 100000 + b"]" * 100000, 422, "json-limits"),
    "too many values": (b'{"items": [' + b"{}," * 10001 + b"{}]}", 422, "json-limits"),
    "string above 64 KiB": (b'{"customer_id": "' + b"a" * 65537 + b'"}', 422, "json-limits"),
    "key above 64 KiB": (b'{"' + b"a" * 70000 + b'": 1}', 422, "json-limits"),
    "integer 2^63": (b'{"customer_id": 9223372036854775808}', 422, "json-limits"),
    "1e400": (b'{"customer_id": 1e400}', 422, "json-limits"),
    "1e-400": (b'{"customer_id": 1e-400}', 422, "json-limits"),
    "duplicate key": (b'{"customer_id": "c", "customer_id": "d"}', 422, "not-storable"),
    "duplicate key by escape": (
        b'{"customer_id": "c", "customer\\u005fid": "d"}',
        422,
        "not-storable",
    ),
    "escaped NUL": (b'{"customer_id": "a\\u0000b"}', 422, "not-storable"),
}


class Bodies(SystemTest):
    def test_json_table(self):
        """what is no JSON, beyond the limits or not storable has its own slug; nothing is written"""
        with self.unchanged():
            for name, (body, status, slug) in JSON_TABLE.items():
                with self.subTest(name):
                    problem = self.refused(self.api.post("/v1/orders", body), status, slug)
                    if slug == "malformed-json":
                        self.assertRegex(
                            problem["detail"], r"\d", "its detail names the byte offset"
                        )

    def test_event_data_is_held_to_the_same(self):
        """raw event data is refused for the same reasons"""
        bad = {
            b'{"a": 1, "a": 2}': "not-storable",
            b'"\\u0000"': "not-storable",
            b"[" * 40 + b"]" * 40: "json-limits",
            b'"' + b"a" * 65537 + b'"': "json-limits",
            b"1e999": "json-limits",
        }
        with self.unchanged():
            for data, slug in bad.items():
                body = b'{"events":[{"type":"T","data":%s}]}' % data
                self.refused(self.api.post("/v1/streams/note-bad/events", body), 422, slug)

    def test_media_types(self):
        """another Content-Type, charset or encoding is 415 and told what to send; Accept else 406"""
        with self.unchanged():
            for kind in (
                "text/plain",
                "application/xml",
                "application/json; charset=utf-16",
                "json",
                None,
            ):
                answer = self.api.request("POST", "/v1/orders", ORDER, {"Content-Type": kind})
                problem = self.refused(answer, 415, "unsupported-media-type")
                self.assertIn("application/json", problem["detail"])
            answer = self.api.post("/v1/orders", ORDER, content_encoding="gzip")
            self.refused(answer, 415, "unsupported-media-type")
            for accept in ("text/html", "image/*"):
                answer = self.api.post("/v1/orders", ORDER, accept=accept)
                self.refused(answer, 406, "not-acceptable")
        self.receive("sku-framing", 10)
        for kind in (
            "application/json",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
        ):
            self.expect(self.api.request("POST", "/v1/orders", ORDER, {"Content-Type": kind}), 201)
        for accept in ("*/*", "application/*", "text/html, application/json;q=0.5"):
            self.expect(self.api.post("/v1/orders", ORDER, accept=accept), 201)

    def test_body_sizes(self):
        """256 KiB for a command, 2 MiB for many events; beyond is 413 payload-too-large"""
        padding = b" " * (256 * 1024 - len(ORDER))
        self.receive("sku-framing", 10)
        self.expect(self.api.post("/v1/orders", ORDER + padding), 201)
        with self.unchanged():
            answer = self.api.post("/v1/orders", ORDER + padding + b" ")
            self.refused(answer, 413, "payload-too-large")
        text = "x" * 1500
        stream = unique("note-")
        self.expect(self.append(stream, *[event(data=text) for _ in range(1000)]), 201)
        with self.unchanged():
            body = {"events": [event(data="x" * 2500) for _ in range(1000)]}
            self.refused(
                self.api.post(f"/v1/streams/{stream}/events", body), 413, "payload-too-large"
            )


class Texts(SystemTest):
    def test_event_data(self):
        """some 600 naughty strings in event data, keys and metadata come back byte-equal"""
        texts = naughty.strings()
        for at in range(0, len(texts), 200):
            stream = unique("note-")
            events = [
                event(data={"text": t, t: 1}, metadata={"m": t}) for t in texts[at : at + 200]
            ]
            self.expect(self.append(stream, *events), 201)
            items = self.api.get(f"/v1/streams/{stream}/events?limit=200").json()["items"]
            self.assertEqual(
                [(i["data"], i["metadata"]) for i in items],
                [(e["data"], e["metadata"]) for e in events],
            )
            rows = self.cluster.database.rows(
                "SELECT e.data FROM events e JOIN streams s ON s.id = e.stream_id "
                f"WHERE s.name = '{stream}' ORDER BY e.version"
            )
            sent = [json.dumps(e["data"], separators=(",", ":")).encode() for e in events]
            self.assertEqual([row[0] for row in rows], sent)

    def test_unescaped_utf8(self):
        """the same strings sent as plain UTF-8 instead of escapes"""
        texts = naughty.strings()
        stream = unique("note-")
        events = [event(data={"text": t}) for t in texts]
        body = json.dumps({"events": events}, ensure_ascii=False).encode()
        self.expect(self.api.post(f"/v1/streams/{stream}/events", body), 201)
        items = self.api.get(f"/v1/streams/{stream}/events?limit=1000").json()["items"]
        self.assertEqual([i["data"]["text"] for i in items], texts)

    def test_text_fields_of_commands(self):
        """reason, reference, carrier and tracking keep them too, and the daemon goes on"""
        sku = unique("sku")
        self.receive(sku, 100000)
        texts = [text for text in naughty.strings() if len(text) <= 64]
        stored = []

        def client(share):
            for text in share:
                body = {"delta": 1, "reason": text}
                answer = yield Request(
                    ("127.0.0.1", self.all.port), "POST", f"/v1/stock/{sku}/adjust", body
                )
                if answer.status == 422 and text.strip() == "":
                    continue  # a reason that says nothing may be refused
                self.assertIn(answer.status, (200, 201), (text, answer))
                stored.append(text)

        Swarm().run([client(texts[n::16]) for n in range(16)])
        self.assertGreater(len(stored), 500)
        items = self.api.get(f"/v1/streams/stock-{sku}/events?from=2&limit=1000").json()["items"]
        self.assertEqual(sorted(i["data"]["reason"] for i in items), sorted(stored))
        order_id = self.place(sku, 1, 0)["order_id"]
        odd = "\u202e';<b>\r\n\U0001f4a9"
        self.accepted(self.act(order_id, "pay", {"amount_minor": 0, "reference": odd}))
        self.accepted(self.act(order_id, "ship", {"carrier": odd, "tracking": odd}))
        items = self.api.get(f"/v1/streams/order-{order_id}/events").json()["items"]
        self.assertEqual(items[1]["data"]["reference"], odd)
        self.assertEqual((items[2]["data"]["carrier"], items[2]["data"]["tracking"]), (odd, odd))
        self.cluster.wait_caught_up(self.api)


if __name__ == "__main__":
    main()
