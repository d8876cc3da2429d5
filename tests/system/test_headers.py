#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The headers of the contract: conditions, ETag, Idempotency-Key, ids of a request, read position."""
import re
import select
import socket
import uuid

from support.case import SystemTest, event, main, order_of, unique
from support.client import Connection, format_request
from support.swarm import Request, Swarm

TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Conditions(SystemTest):
    def test_if_match_on_streams(self):
        """If-Match: exact version, * for any that exists; else 412 with both versions and the events since"""
        stream = unique("note-")
        self.refused(self.append(stream, event(), if_match="*"), 412, "version-conflict")
        self.accepted(self.append(stream, *[event(data={"n": n}) for n in range(30)]))
        self.accepted(self.append(stream, event(), if_match='"30"'))
        self.accepted(self.append(stream, event(), if_match="*"))
        with self.unchanged():
            problem = self.refused(
                self.append(stream, event(), if_match='"30"'), 412, "version-conflict"
            )
            self.assertEqual((problem["expected_version"], problem["actual_version"]), (30, 32))
            self.assertEqual([e["version"] for e in problem["events"]], [31, 32])
            problem = self.refused(
                self.append(stream, event(), if_match='"2"'), 412, "version-conflict"
            )
            self.assertEqual([e["version"] for e in problem["events"]], list(range(3, 23)))
            problem = self.refused(
                self.append(stream, event(), if_match='"40"'), 412, "version-conflict"
            )
            self.assertEqual((problem["expected_version"], problem["actual_version"]), (40, 32))

    def test_a_conflict_is_told_when_reads_are_short(self):
        """a conflict is 412 without the events where the queue of reads is full, not 503"""
        stream = unique("note-")
        self.accepted(self.append(stream, event(), event()))
        one = self.cluster.serve(
            "one", "api", http__query_threads="1", http__query_queue_max="1"
        ).client()
        self.addCleanup(one.close)
        with self.cluster.database.locked("jobs"):
            self.fill_reads(one)
            problem = self.refused(
                one.post(f"/v1/streams/{stream}/events", {"events": [event()]}, if_match='"1"'),
                412,
                "version-conflict",
            )
        self.assertEqual((problem["expected_version"], problem["actual_version"]), (1, 2))
        self.assertNotIn("events", problem)

    def fill_reads(self, client):
        """One read hangs, one waits: the third is refused."""
        waiting = 0
        while waiting < 2:
            reader = socket.create_connection((client.host, client.port))
            self.addCleanup(reader.close)
            reader.sendall(format_request("GET", "/admin/v1/jobs", "localhost"))
            if not select.select([reader], [], [], 0.3)[0]:
                waiting += 1
        self.refused(client.get("/admin/v1/jobs"), 503, "overloaded")

    def test_if_none_match_creates(self):
        """If-None-Match: * writes only where nothing is"""
        stream = unique("note-")
        self.accepted(self.append(stream, event(), if_none_match="*"))
        with self.unchanged():
            problem = self.refused(
                self.append(stream, event(), if_none_match="*"), 412, "version-conflict"
            )
        self.assertEqual(problem["actual_version"], 1)

    def test_if_match_on_orders_and_stock(self):
        """If-Match holds commands of the domain to a version too"""
        sku = unique("sku")
        self.receive(sku, 10)
        order_id = self.place(sku)["order_id"]
        with self.unchanged():
            problem = self.refused(
                self.act(order_id, "pay", {"amount_minor": 100}, if_match='"2"'),
                412,
                "version-conflict",
            )
            self.assertEqual((problem["expected_version"], problem["actual_version"]), (2, 1))
            answer = self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 1}, if_match='"1"')
            self.refused(answer, 412, "version-conflict")
        self.accepted(self.act(order_id, "pay", {"amount_minor": 100}, if_match='"1"'))
        answer = self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 1}, if_match='"2"')
        self.accepted(answer)

    def test_malformed_conditions(self):
        """an If-Match that is no version is refused, weak ones never match"""
        stream = unique("note-")
        self.accepted(self.append(stream, event()))
        with self.unchanged():
            for value in ("1", '"x"', '"-1"', '"1', '"1.0"', '"9223372036854775808"', ""):
                answer = self.append(stream, event(), if_match=value)
                self.assertIn(answer.status, (400, 412, 422), (value, answer))
            answer = self.append(stream, event(), if_match='W/"1"')
            self.assertIn(answer.status, (400, 412), answer)
            answer = self.append(stream, event(), if_match='"1"', if_none_match="*")
            self.assertIn(answer.status, (400, 412), answer)

    def test_conditions_that_a_write_does_not_take(self):
        """no write passes over a condition in its headers: 400 tells where it belongs"""
        stream = unique("note-")
        append = {"appends": [{"stream": stream, "events": [event()]}]}
        commands = {"commands": [{"command": "stock.receive", "id": "s", "data": {"quantity": 1}}]}
        writes = (
            ("/v1/append", append, "'expected'"),
            ("/v1/append?dry_run=true", append, "'expected'"),
            ("/v1/commands", commands, "'if_match'"),
            ("/admin/v1/publisher/pause", None, "has no version"),
            ("/admin/v1/projections/orders/rebuild", {}, "has no version"),
            ("/admin/v1/dlq/redrive", {"filter": {}, "reason": "x"}, "has no version"),
            ("/admin/v1/jobs/1/cancel", None, "has no version"),
        )
        with self.unchanged():
            for target, body, instead in writes:
                for condition in ({"if_match": '"7"'}, {"if_none_match": "*"}):
                    answer = self.api.post(target, body, **condition)
                    problem = self.refused(answer, 400, "bad-request")
                    self.assertIn(instead, problem["detail"], target)
        self.expect(self.api.post("/v1/append", append), 201)

    def test_etag_and_not_modified(self):
        """reads of one aggregate carry a strong ETag; If-None-Match with it is 304 without a body"""
        sku = unique("sku")
        self.receive(sku, 10)
        order_id = self.place(sku)["order_id"]
        for target, version in ((f"/v1/orders/{order_id}", 1), (f"/v1/stock/{sku}", 2)):
            etag = self.expect(self.api.get(target), 200).headers["etag"]
            self.assertEqual(etag, f'"{version}"')
            answer = self.expect(self.api.get(target, if_none_match=etag), 304)
            self.assertEqual((answer.body, answer.headers["etag"]), (b"", etag))
            self.expect(self.api.get(target, if_none_match=f'"77", {etag}'), 304)
            self.expect(self.api.get(target, if_none_match='"77"'), 200)
            self.assertEqual(self.expect(self.api.head(target), 200).headers["etag"], etag)


class Idempotency(SystemTest):
    def place_with(self, key, order, **headers):
        return self.api.post("/v1/orders", order, idempotency_key=key, **headers)

    def test_replay(self):
        """the same key and request: the first answer again, byte for byte, with its headers, nothing written"""
        sku = unique("sku")
        self.receive(sku, 10)
        order = order_of(sku, 2)
        first = self.expect(self.place_with("key-1" + sku, order), 201)
        self.assertNotIn("idempotent-replayed", first.headers)
        with self.unchanged():
            for key in ("key-1" + sku, f'"key-1{sku}"'):  # bare and quoted are one key
                again = self.expect(self.place_with(key, order), 201)
                self.assertEqual(again.body, first.body)
                self.assertEqual(again.headers["idempotent-replayed"], "true")
                for name in ("location", "etag"):
                    self.assertEqual(again.headers[name], first.headers[name])
        self.assertEqual(self.stock(sku)["reserved"], 2)

    def test_reuse_is_refused(self):
        """the same key with another body, path, method or query: 422 idempotency-key-reused"""
        sku, key = unique("sku"), unique("key")
        self.receive(sku, 10)
        order_id = self.accepted(self.place_with(key, order_of(sku)))["order_id"]
        with self.unchanged():
            self.refused(self.place_with(key, order_of(sku, 2)), 422, "idempotency-key-reused")
            answer = self.act(order_id, "pay", {"amount_minor": 100}, idempotency_key=key)
            self.refused(answer, 422, "idempotency-key-reused")

    def test_only_success_is_stored(self):
        """a refusal is not stored: the same request succeeds once its reason is gone"""
        sku, key = unique("sku"), unique("key")
        self.refused(self.place_with(key, order_of(sku)), 409, "insufficient-stock")
        self.receive(sku, 1)
        answer = self.expect(self.place_with(key, order_of(sku)), 201)
        self.assertNotIn("idempotent-replayed", answer.headers)

    def test_every_command_takes_a_key(self):
        """receive, pay, generic appends and /v1/append replay as well"""
        sku, stream = unique("sku"), unique("note-")
        self.receive(sku, 5)
        order_id = self.place(sku)["order_id"]
        requests = [
            (f"/v1/stock/{sku}/receive", {"quantity": 7}),
            (f"/v1/orders/{order_id}/pay", {"amount_minor": 100}),
            (f"/v1/streams/{stream}/events", {"events": [event()]}),
            ("/v1/append", {"appends": [{"stream": stream, "events": [event()]}]}),
        ]
        for target, body in requests:
            key = unique("key")
            first = self.api.post(target, body, idempotency_key=key)
            self.assertIn(first.status, (200, 201), first)
            with self.unchanged():
                again = self.api.post(target, body, idempotency_key=key)
            self.assertEqual((again.status, again.body), (first.status, first.body))
            self.assertEqual(again.headers["idempotent-replayed"], "true")

    def test_key_length(self):
        """255 characters are a key; 256, none and an unclosed quote are refused"""
        sku = unique("sku")
        self.receive(sku, 10)
        key = unique("k").ljust(255, "k")
        self.expect(self.place_with(key, order_of(sku)), 201)
        self.assertIn("idempotent-replayed", self.place_with(key, order_of(sku)).headers)
        with self.unchanged():
            for bad in (key + "k", "", '"open', '""'):
                answer = self.place_with(bad, order_of(sku))
                self.assertIn(answer.status, (400, 422), (bad, answer))

    def test_same_key_at_once_writes_once(self):
        """64 clients with one key at once: one write; all others get its answer or 409 in-progress"""
        sku, key = unique("sku"), unique("key")
        self.receive(sku, 100)
        address = ("127.0.0.1", self.all.port)
        answers = []

        def client():
            headers = {"Idempotency-Key": key}
            answer = yield Request(address, "POST", "/v1/orders", order_of(sku), headers)
            answers.append(answer)

        Swarm().run([client() for _ in range(64)])
        for answer in answers:
            if answer.status == 409:
                self.refused(answer, 409, "idempotency-in-progress")
                self.assertIn("retry-after", answer.headers)
        written = {answer.body for answer in answers if answer.status == 201}
        self.assertEqual(len(written), 1)
        fresh = [a for a in answers if a.status == 201 and "idempotent-replayed" not in a.headers]
        self.assertEqual(len(fresh), 1)
        self.assertEqual(self.stock(sku)["reserved"], 1)


class RequestIds(SystemTest):
    def stored(self, stream):
        rows = self.cluster.database.rows(
            "SELECT e.correlation_id, e.causation_id, e.request_id, e.traceparent FROM events e "
            f"JOIN streams s ON s.id = e.stream_id WHERE s.name = '{stream}'"
        )
        return [tuple(value and value.decode() for value in row) for row in rows]

    def test_taken_returned_and_stored(self):
        """well-formed ids are taken, returned, and stored with the events"""
        stream, trace = unique("note-"), f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"
        answer = self.append(
            stream,
            event(),
            x_request_id="req-1",
            x_correlation_id="corr-1",
            x_causation_id="cause-1",
            traceparent=trace,
        )
        self.accepted(answer)
        self.assertEqual(answer.headers["x-request-id"], "req-1")
        self.assertEqual(answer.headers["x-correlation-id"], "corr-1")
        self.assertEqual(answer.headers["x-causation-id"], "cause-1")
        self.assertEqual(answer.headers["traceparent"][3:35], trace[3:35])
        correlation, causation, request, stored_trace = self.stored(stream)[0]
        self.assertEqual((correlation, causation, request), ("corr-1", "cause-1", "req-1"))
        self.assertEqual(stored_trace[3:35], trace[3:35])

    def test_made_when_absent_or_malformed(self):
        """absent or malformed ids are made, not refused, and differ from request to request"""
        seen = set()
        for bad in (None, "x" * 2000, "00-zz-00-01", "00-" + "0" * 32 + "-" + "0" * 16 + "-00"):
            stream = unique("note-")
            answer = self.append(
                stream, event(), x_request_id=bad and bad + " \x7f", traceparent=bad
            )
            if answer.status == 400:  # a control character in a header may be refused outright
                answer = self.append(stream, event(), traceparent=bad)
            self.accepted(answer)
            self.assertRegex(answer.headers["traceparent"], TRACEPARENT)
            self.assertNotIn("0" * 32, answer.headers["traceparent"])
            seen.add(answer.headers["x-request-id"])
            seen.add(answer.headers["traceparent"])
            self.assertIn(answer.headers["traceparent"][3:35], self.stored(stream)[0][3])
        self.assertEqual(len(seen), 8)

    def test_errors_carry_them_too(self):
        """refusals carry the request's id, so that a person can find the log line"""
        answer = self.api.get("/v1/orders/nobody", x_request_id="req-77")
        self.refused(answer, 404, "not-found")
        self.assertEqual(answer.headers["x-request-id"], "req-77")


class ReadPosition(SystemTest):
    def test_queries_say_how_far_they_are(self):
        """Daybook-Read-Position reaches the head, Daybook-Read-Lag-Ms is a number, on every list"""
        sku = unique("sku")
        self.receive(sku, 5)
        customer = unique("cust")
        self.place(sku, customer=customer)
        head = self.cluster.wait_caught_up(self.api)
        for target in (
            "/v1/orders",
            f"/v1/orders?customer_id={customer}",
            "/v1/stock?below=10",
            f"/v1/customers/{customer}/orders",
            f"/v1/customers/{customer}/summary",
        ):
            answer = self.expect(self.api.get(target), 200)
            self.assertGreaterEqual(int(answer.headers["daybook-read-position"]), head, target)
            self.assertGreaterEqual(float(answer.headers["daybook-read-lag-ms"]), 0, target)


class HostAndOrigin(SystemTest):
    def test_only_loopback_names(self):
        """without a token only Host names of loopback are served, and no foreign Origin"""
        connection = Connection("127.0.0.1", self.all.port)
        port = self.all.port
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost"):
            self.expect(connection.request("GET", "/v1/events?limit=1", None, {"Host": host}), 200)
        for host in (
            "evil.example",
            f"127.0.0.1.evil.example:{port}",
            "localhost.evil.example",
            "10.0.0.1",
        ):
            answer = connection.request("GET", "/v1/events?limit=1", None, {"Host": host})
            self.assertIn(answer.status, (400, 403, 421), (host, answer))
        with self.unchanged():
            for origin in ("http://evil.example", "null", f"http://127.0.0.1.evil.example:{port}"):
                answer = self.append(unique("note-"), event(), origin=origin)
                self.refused(answer, 403, "forbidden")
        self.accepted(self.append(unique("note-"), event(), origin=f"http://127.0.0.1:{port}"))


if __name__ == "__main__":
    main()
