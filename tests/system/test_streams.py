#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generic streams: append, read both ways, HEAD, several streams at once, and the log itself."""
import json
import socket
import threading
import time
import uuid

from support.case import SystemTest, event, main, unique
from support.client import format_request


class Appending(SystemTest):
    def test_append_answers_versions_and_position(self):
        """an append answers 201 with first_version, version, position and the stream's ETag"""
        stream = unique("note-")
        head = self.cluster.position()
        body = self.accepted(self.append(stream, event(), event(), event()))
        self.assertEqual(body["stream"], stream)
        self.assertEqual((body["first_version"], body["version"]), (1, 3))
        self.assertEqual(body["position"], head + 3)
        body = self.accepted(self.append(stream, event()))
        self.assertEqual(
            (body["first_version"], body["version"], body["position"]), (4, 4, head + 4)
        )

    def test_thousand_events_are_the_most(self):
        """1,000 events in one append are taken, 1,001 and none are refused"""
        stream = unique("note-")
        body = self.accepted(self.append(stream, *[event(data={"n": n}) for n in range(1000)]))
        self.assertEqual(body["version"], 1000)
        with self.unchanged():
            self.invalid(self.append(stream, *[event() for _ in range(1001)]), "/events")
            self.invalid(self.append(stream), "/events")

    def test_data_comes_back_byte_for_byte(self):
        """data and metadata come back byte for byte: spaces, order, escapes and number forms"""
        stream = unique("note-")
        data = '{ "z" : 1.50e+1,\n\t"a":"\\u00e9\\/\\ud83d\\ude00 \u00e9",  "n":-0.0, "big":12345678901234567 }'
        metadata = '[1,  {"k" :null}, "\\u0041"]'
        raw = '{"events":[{"type":"Odd","data":%s,"metadata":%s}]}' % (data, metadata)
        self.accepted(self.api.post(f"/v1/streams/{stream}/events", raw))
        row = self.cluster.database.rows(
            "SELECT e.data, e.metadata FROM events e JOIN streams s ON s.id = e.stream_id "
            f"WHERE s.name = '{stream}'"
        )
        self.assertEqual(row, [(data.encode(), metadata.encode())])
        for target in (f"/v1/streams/{stream}/events", f"/v1/streams/{stream}/events/1"):
            body = self.expect(self.api.get(target), 200).body
            self.assertIn(data.encode(), body)
            self.assertIn(metadata.encode(), body)

    def test_client_chosen_ids_make_an_append_repeatable(self):
        """an append whose ids are all there already is answered as then; only some are a conflict"""
        stream = unique("note-")
        ids = [str(uuid.uuid4()) for _ in range(3)]
        first = self.accepted(
            self.append(stream, *[event(id=i) for i in ids[:2]], if_none_match="*")
        )
        self.accepted(self.append(stream, event()))
        with self.unchanged():
            again = self.append(stream, *[event(id=i) for i in ids[:2]], if_none_match="*")
            self.expect(again, 201)
            self.assertEqual(again.json(), first)
            self.refused(
                self.append(stream, event(id=ids[1]), event(id=ids[2])), 409, "condition-failed"
            )
            self.refused(
                self.append(stream, event(id=ids[1]), event(id=ids[0])), 409, "condition-failed"
            )

    def test_one_append_may_not_name_an_id_twice(self):
        """the same event id twice in one append is refused"""
        twice = str(uuid.uuid4())
        with self.unchanged():
            answer = self.append(unique("note-"), event(id=twice), event(id=twice))
            self.assertIn(answer.status, (409, 422), answer)

    def test_names_are_checked(self):
        """stream names and event types outside design 3.15 are refused, nothing is written"""
        bad_streams = [
            "Note-1",
            "note",
            "note-",
            "-1",
            "1note-1",
            "a" * 33 + "-1",
            "note-" + "x" * 129,
            "note-a%20b",
            "note-%C3%A9",
            "note-a+b",
        ]
        with self.unchanged():
            for stream in bad_streams:
                answer = self.append(stream, event())
                self.assertIn(answer.status, (400, 404, 422), (stream, answer))
            for kind in ("", "1x", "a b", "é", "x" * 129):
                self.invalid(self.append(unique("note-"), event(kind)), "/events/0/type")

    def test_domain_categories_are_reserved(self):
        """raw appends to order and stock are 403 reserved-category; an override on loopback works"""
        with self.unchanged():
            for stream in (unique("order-"), unique("stock-")):
                self.refused(self.append(stream, event()), 403, "reserved-category")
            several = {"appends": [{"stream": unique("stock-"), "events": [event()]}]}
            self.refused(self.api.post("/v1/append", several), 403, "reserved-category")
            answer = self.append(unique("dlq-"), event())
            self.assertIn(answer.status, (403, 422), answer)

    def test_one_event_is_at_most_512_kib(self):
        """an event above 512 KiB is refused, one of 200 KB is stored"""
        stream = unique("note-")
        text = "x" * 60000
        self.accepted(self.append(stream, event(data=[text] * 3)))
        with self.unchanged():
            answer = self.append(stream, event(data=[text] * 10))
            self.assertIn(answer.status, (413, 422), answer)


class Reading(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stream = unique("note-")
        events = [event("Even" if n % 2 == 0 else "Odd", {"n": n}) for n in range(1, 26)]
        answer = cls.api.post(f"/v1/streams/{cls.stream}/events", {"events": events})
        assert answer.status == 201, answer
        cls.last_position = answer.json()["position"]

    def read(self, query=""):
        return self.expect(self.api.get(f"/v1/streams/{self.stream}/events{query}"), 200).json()

    def test_forward(self):
        """forward: from is inclusive, limit cuts, next_from goes on, the end has none"""
        page = self.read("?from=3&limit=10")
        self.assertEqual([item["version"] for item in page["items"]], list(range(3, 13)))
        self.assertEqual(
            (page["stream"], page["version"], page["next_from"]), (self.stream, 25, 13)
        )
        page = self.read("?from=21&limit=10")
        self.assertEqual([item["version"] for item in page["items"]], list(range(21, 26)))
        self.assertIsNone(page["next_from"])
        self.assertEqual(self.read("?from=26")["items"], [])

    def test_backward(self):
        """backward: newest first, next_from goes down to nothing"""
        page = self.read("?direction=backward&limit=10")
        self.assertEqual([item["version"] for item in page["items"]], list(range(25, 15, -1)))
        self.assertEqual(page["next_from"], 15)
        page = self.read("?direction=backward&from=5&limit=10")
        self.assertEqual([item["version"] for item in page["items"]], [5, 4, 3, 2, 1])
        self.assertIsNone(page["next_from"])

    def test_type_filter(self):
        """type keeps only that type, and paging goes on behind what it skipped"""
        page = self.read("?type=Odd&limit=5")
        self.assertEqual([item["version"] for item in page["items"]], [1, 3, 5, 7, 9])
        page = self.read(f"?type=Odd&limit=50&from={page['next_from']}")
        self.assertEqual([item["version"] for item in page["items"]], list(range(11, 26, 2)))

    def test_items_carry_all_facts(self):
        """an item has id, type, stream, version, position, data, metadata and both times"""
        item = self.read("?from=7&limit=1")["items"][0]
        self.assertEqual((item["type"], item["stream"], item["version"]), ("Odd", self.stream, 7))
        self.assertEqual(item["position"], self.last_position - 18)
        self.assertEqual(item["data"], {"n": 7})
        for name in ("occurred_at", "recorded_at"):
            self.assertRegex(item[name], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual(uuid.UUID(item["id"]).version, 7)
        self.assertIn("metadata", item)

    def test_one_event_is_immutable(self):
        """one event by version: equal to its item, immutable in Cache-Control; a missing one is 404"""
        answer = self.expect(self.api.get(f"/v1/streams/{self.stream}/events/7"), 200)
        self.assertEqual(answer.json(), self.read("?from=7&limit=1")["items"][0])
        self.assertIn("immutable", answer.headers["cache-control"])
        self.refused(self.api.get(f"/v1/streams/{self.stream}/events/26"), 404, "not-found")
        self.refused(self.api.get(f"/v1/streams/{unique('note-')}/events"), 404, "not-found")

    def test_head(self):
        """HEAD says the version in ETag and nothing else; a missing stream is 404"""
        answer = self.expect(self.api.head(f"/v1/streams/{self.stream}"), 200)
        self.assertEqual((answer.headers["etag"], answer.body), ('"25"', b""))
        self.expect(self.api.head(f"/v1/streams/{unique('note-')}"), 404)

    def test_bad_queries(self):
        """unknown parameters and numbers out of range are 422"""
        for query in (
            "?from=0",
            "?from=-1",
            "?from=x",
            "?limit=0",
            "?limit=5001",
            "?direction=up",
            "?nonsense=1",
            "?from=9223372036854775808",
        ):
            answer = self.api.get(f"/v1/streams/{self.stream}/events{query}")
            self.refused(answer, 422, "validation-failed")


class SeveralStreams(SystemTest):
    def test_all_or_none(self):
        """/v1/append writes several streams in one transaction, positions without a gap"""
        a, b = unique("note-"), unique("memo-")
        head = self.cluster.position()
        body = {
            "appends": [
                {"stream": a, "expected": "none", "events": [event(), event()]},
                {"stream": b, "events": [event()]},
            ]
        }
        answer = self.expect(self.api.post("/v1/append", body), 201).json()
        self.assertEqual(answer["position"], head + 3)
        self.assertEqual(
            [(s["stream"], s["first_version"], s["version"]) for s in answer["streams"]],
            [(a, 1, 2), (b, 1, 1)],
        )

    def test_every_failed_condition_is_listed(self):
        """a refusal is 409 condition-failed, lists every failed condition and writes nothing"""
        a, b, c, d = (unique("note-") for _ in range(4))
        self.accepted(self.append(a, event(), event()))
        self.accepted(self.append(c, event()))
        self.accepted(self.append(d, event()))
        body = {
            "appends": [
                {"stream": a, "expected": 1, "events": [event()]},
                {"stream": b, "expected": "exists", "events": [event()]},
                {"stream": c, "expected": 1, "events": [event()]},
            ],
            "checks": [
                {"stream": d, "expected": "none"},
                {"stream": unique("note-"), "expected": "none"},
            ],
        }
        with self.unchanged():
            problem = self.refused(self.api.post("/v1/append", body), 409, "condition-failed")
        failed = {f["stream"]: (f["expected"], f["actual_version"]) for f in problem["failed"]}
        self.assertEqual(failed, {a: (1, 2), b: ("exists", 0), d: ("none", 1)})

    def test_check_only_streams_are_not_written(self):
        """a stream that is only checked gets no event and holds the rest to it"""
        a, b = unique("note-"), unique("note-")
        self.accepted(self.append(b, event()))
        body = {
            "appends": [{"stream": a, "events": [event()]}],
            "checks": [{"stream": b, "expected": 1}],
        }
        self.expect(self.api.post("/v1/append", body), 201)
        self.assertEqual(self.api.head(f"/v1/streams/{b}").headers["etag"], '"1"')
        self.accepted(self.append(b, event()))
        with self.unchanged():
            self.refused(self.api.post("/v1/append", body), 409, "condition-failed")

    def test_faults_against_the_schema(self):
        """bad expectations, no appends and unknown fields are 422 with their pointers"""
        good = {"stream": "note-1", "events": [event()]}
        with self.unchanged():
            for expected in (-1, 1.0, "1", "never", None, True, 2**63):
                body = {"appends": [{**good, "expected": expected}]}
                answer = self.api.post("/v1/append", body)
                if expected == 2**63:
                    self.assertEqual(answer.status, 422, answer)
                else:
                    self.invalid(answer, "/appends/0/expected")
            self.invalid(self.api.post("/v1/append", {"appends": []}), "/appends")
            self.invalid(self.api.post("/v1/append", {"appends": [good], "extra": 1}), "/extra")
            self.invalid(
                self.api.post("/v1/append", {"appends": [{**good, "position": 7}]}),
                "/appends/0/position",
            )


class WholeLog(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.cluster.position() + 1
        for n in range(30):
            category = ("note", "memo", "diary")[n % 3]
            kind = "Kept" if n % 2 else "Dropped"
            cls.api.post(f"/v1/streams/{category}-{n}/events", {"events": [event(kind, {"n": n})]})

    def events(self, query, **headers):
        return self.expect(self.api.get("/v1/events" + query, **headers), 200)

    def test_pages(self):
        """pages: after is exclusive, next_after walks to the head with nothing lost or doubled"""
        seen, after = [], self.first - 1
        while after is not None:
            page = self.events(f"?after={after}&limit=7").json()
            seen += [item["position"] for item in page["items"]]
            after = page["next_after"] if page["items"] else None
            if page["items"] and page["items"][-1]["position"] == page["head"]:
                break
        self.assertEqual(seen, list(range(self.first, self.cluster.position() + 1)))

    def test_filters(self):
        """category, type and correlation_id keep only theirs"""
        page = self.events("?category=memo&limit=100").json()
        self.assertEqual([item["data"]["n"] for item in page["items"]], list(range(1, 30, 3)))
        page = self.events("?category=memo&type=Kept&limit=100").json()
        self.assertEqual([item["data"]["n"] for item in page["items"]], list(range(1, 30, 6)))
        correlation = unique("corr-")
        self.accepted(self.append("note-0", event(), event(), x_correlation_id=correlation))
        page = self.events(f"?correlation_id={correlation}").json()
        self.assertEqual([item["version"] for item in page["items"]], [2, 3])

    def test_ndjson(self):
        """NDJSON streams the log to its head, a line an event, each as in the pages"""
        answer = self.events("?after=0", accept="application/x-ndjson")
        self.assertTrue(
            answer.headers["content-type"].startswith("application/x-ndjson"), answer.headers
        )
        self.assertTrue(answer.body.endswith(b"\n"))
        items = [json.loads(line) for line in answer.body.splitlines()]
        self.assertEqual(
            [item["position"] for item in items], list(range(1, self.cluster.position() + 1))
        )
        self.assertEqual(self.events(f"?after=0&limit={len(items)}").json()["items"], items)

    def test_since_and_until(self):
        """since and until bound the time of recording"""
        items = self.events("?limit=5000").json()["items"]
        middle = items[len(items) // 2]["recorded_at"]
        since = self.events(f"?since={middle}&limit=5000").json()["items"]
        until = self.events(f"?until={middle}&limit=5000").json()["items"]
        self.assertEqual(
            [i["position"] for i in since],
            [i["position"] for i in items if i["recorded_at"] >= middle],
        )
        self.assertEqual(
            [i["position"] for i in until],
            [i["position"] for i in items if i["recorded_at"] < middle],
        )
        lines = self.events(f"?until={middle}", accept="application/x-ndjson").body.splitlines()
        self.assertEqual([json.loads(line) for line in lines], until)
        self.assertEqual(self.events("?until=1970-01-01T00:00:00Z").json()["items"], [])
        self.assertEqual(self.events("?since=1970-01-01T00:00:00Z").json()["items"], items[:50])

    def test_bad_queries(self):
        """bad numbers, unknown parameters and media types are refused"""
        for query in (
            "?after=-1",
            "?after=x",
            "?limit=0",
            "?limit=5001",
            "?x=1",
            "?since=yesterday",
        ):
            self.refused(self.api.get("/v1/events" + query), 422, "validation-failed")
        self.refused(self.api.get("/v1/events", accept="image/png"), 406, "not-acceptable")


class LargeEvents(SystemTest):
    def test_large_events_make_short_pages(self):
        """events that compress well are read page by page too, however large they become"""
        stream = unique("note-")
        begin = self.cluster.position()
        data = ["x" * 60000] * 8
        for _ in range(15):
            self.accepted(self.append(stream, *[event(data=data) for _ in range(4)]))
        seen, after, pages = [], begin, 0
        while after < begin + 60:
            page = self.expect(self.api.get(f"/v1/events?after={after}&limit=5000"), 200).json()
            seen += [item["position"] for item in page["items"]]
            after, pages = page["next_after"], pages + 1
        self.assertEqual(seen, list(range(begin + 1, begin + 61)))
        self.assertEqual(pages, 2)


class SlowReaders(SystemTest):
    SETTINGS = {"http__header_timeout": "2s"}

    def test_they_do_not_hold_exports_up(self):
        """exports whose clients do not read are cut soon, and the next one has its turn"""
        stream = unique("note-")
        for _ in range(10):  # twice what the kernels buffer
            self.accepted(self.append(stream, *[event(data=["x" * 60000] * 8) for _ in range(4)]))
        request = format_request(
            "GET", "/v1/events", "localhost", headers={"Accept": "application/x-ndjson"}
        )
        for _ in range(8):
            reader = socket.create_connection(("127.0.0.1", self.all.port))
            self.addCleanup(reader.close)
            reader.sendall(request)
        self.assertIn(b"200", reader.recv(100))  # those before it were cut
        answer = self.api.get("/v1/events?limit=1", accept="application/x-ndjson")
        self.assertEqual(self.expect(answer, 200).json()["position"], 1)


class Dripping(SystemTest):
    SETTINGS = {"http__header_timeout": "5m", "http__idle_timeout": "5m"}

    def open_export(self):
        """An export whose client takes 20 kB a second."""
        reader = socket.socket()
        self.addCleanup(reader.close)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", self.all.port))
        reader.sendall(
            format_request(
                "GET", "/v1/events", "localhost", headers={"Accept": "application/x-ndjson"}
            )
        )
        self.assertIn(b"200", reader.recv(100))
        return reader

    def drip(self, readers, stop):
        while not stop.wait(0.1):
            for reader in readers:
                reader.recv(2048)

    def test_they_give_way_to_those_who_wait(self):
        """exports that are read slowly last while nobody waits, then another one has its turn"""
        stream = unique("note-")
        for _ in range(15):
            self.accepted(self.append(stream, *[event(data=["x" * 60000] * 8) for _ in range(4)]))
        readers = [self.open_export() for _ in range(4)]
        stop = threading.Event()
        thread = threading.Thread(target=self.drip, args=(readers, stop))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stop.set)
        answer = self.api.get("/v1/events?limit=1", accept="application/x-ndjson")
        self.assertEqual(self.expect(answer, 200).json()["position"], 1)


class Categories(SystemTest):
    SETTINGS = {"eventlog__categories_max": "4"}

    def test_their_number_is_limited(self):
        """beyond the configured number of categories an append is 422, known ones go on"""
        for n in range(4):
            self.accepted(self.append(f"kind{n}-1", event()))
        with self.unchanged():
            self.expect(self.append("onemore-1", event()), 422)
        self.accepted(self.append("kind0-1", event()))


if __name__ == "__main__":
    main()
