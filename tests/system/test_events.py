#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /v1/events/{id} and its trace: one event, and where it went."""
import json
import os
import subprocess

from support import services
from support.case import SystemTest, event, main, order_of, unique
from support.murmur2 import partition_of


class Events(SystemTest):
    def test_one_event(self):
        """an event is found by its id, as its stream has it, and says that it never changes"""
        sku = unique("sku")
        written = self.receive(sku, 3)["events"][0]
        answer = self.expect(self.api.get(f"/v1/events/{written['id']}"), 200)
        stored = self.api.get(f"/v1/streams/stock-{sku}/events/1").json()
        self.assertEqual(answer.json(), stored)
        self.assertIn("immutable", answer.headers["cache-control"])
        etag = answer.headers["etag"]
        self.assertEqual(etag, f'"{written["position"]}"')
        again = self.api.get(f"/v1/events/{written['id']}", if_none_match=etag)
        self.assertEqual((again.status, again.body), (304, b""))

    def test_an_id_in_several_streams(self):
        """an id that several streams have is 409 with their names; ?stream= picks one"""
        chosen = unique("id-")
        streams = sorted(unique("note-") for _ in range(3))
        for stream in streams:
            self.expect(self.append(stream, event(data={"of": stream}, id=chosen)), 201)
        for target in (f"/v1/events/{chosen}", f"/v1/events/{chosen}/trace"):
            problem = self.refused(self.api.get(target), 409, "ambiguous-id")
            self.assertEqual(sorted(problem["streams"]), streams)
            for stream in streams:
                found = self.expect(self.api.get(f"{target}?stream={stream}"), 200).json()
                self.assertEqual((found["id"], found["stream"]), (chosen, stream))
            self.refused(self.api.get(f"{target}?stream=note-none"), 404, "not-found")
        etags = {
            self.api.get(f"/v1/events/{chosen}?stream={stream}").headers["etag"]
            for stream in streams
        }
        self.assertEqual(len(etags), 3)

    def test_what_is_not_there(self):
        """unknown ids are 404, parameters that are none 422, other methods 405"""
        for target in ("/v1/events/nobody", "/v1/events/nobody/trace", "/v1/events/a%20b"):
            self.refused(self.api.get(target), 404, "not-found")
        for query, pointer in (("stream=none", "?stream"), ("stream=", "?stream"), ("x=1", "?x")):
            self.invalid(self.api.get(f"/v1/events/nobody?{query}"), pointer)
            self.invalid(self.api.get(f"/v1/events/nobody/trace?{query}"), pointer)
        self.refused(self.api.post("/v1/events/nobody"), 405, "method-not-allowed")
        answer = self.api.get("/v1/events/nobody", accept="text/html")
        self.refused(answer, 406, "not-acceptable")


class Traces(SystemTest):
    """The projectors run in a process of their own, so that a test can stop them."""

    @classmethod
    def start(cls):
        cls.all = cls.cluster.serve("api", "api,publish")
        cls.projector = cls.cluster.serve("projector", "project")
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    def trace(self, event_id):
        return self.expect(self.api.get(f"/v1/events/{event_id}/trace"), 200).json()

    def states(self, trace):
        return {p["name"]: p["state"] for p in trace["projections"]}

    def run_sql(self, sql):
        self.cluster.database.execute(sql)

    def placed(self):
        sku = unique("sku")
        self.receive(sku, 5)
        return self.place(sku, 1)

    def test_from_the_log_to_the_read_models(self):
        """pending, then published to its partition and applied by each model that reads its category"""
        order = self.placed()
        written = order["events"][0]
        self.cluster.wait_caught_up(self.api)
        trace = self.trace(written["id"])
        self.assertEqual(
            {k: trace[k] for k in ("id", "type", "stream", "version", "position")},
            {k: written[k] for k in ("id", "type", "stream", "version", "position")},
        )
        topic = trace["topic"]
        self.assertEqual(topic["name"], f"{self.cluster.prefix}.order")
        key = f"main/{order['stream']}"
        self.assertEqual(topic["partition"], partition_of(key.encode(), 6))
        self.assertEqual((topic["state"], topic["offset"]), ("published", None))
        self.assertGreaterEqual(topic["published_to"], written["position"])
        self.assertEqual(self.states(trace), {"orders": "applied", "customers": "applied"})
        self.assertEqual(trace["dead_letters"], [])
        stock = self.trace(order["events"][1]["id"])
        self.assertEqual(self.states(stock), {"stock": "applied"})

    def test_behind(self):
        """while the projector is away an event is published and pending; then it is applied"""
        self.placed()
        self.cluster.wait_caught_up(self.api)
        self.projector.kill()
        written = self.placed()["events"][0]
        self.eventually(
            lambda: self.trace(written["id"])["topic"]["state"] == "published", "it is published"
        )
        trace = self.trace(written["id"])
        self.assertEqual(self.states(trace), {"orders": "pending", "customers": "pending"})
        self.assertTrue(all(p["checkpoint"] < written["position"] for p in trace["projections"]))
        self.projector.start().wait_ready()
        self.eventually(
            lambda: set(self.states(self.trace(written["id"])).values()) == {"applied"},
            "it is applied",
        )

    def test_an_event_nobody_reads(self):
        """an event of one's own has a topic and no projections"""
        self.expect(self.append(unique("note-"), event(id=(chosen := unique("id-")))), 201)
        self.eventually(
            lambda: self.trace(chosen)["topic"]["state"] == "published", "it is published"
        )
        trace = self.trace(chosen)
        self.assertEqual(trace["topic"]["name"], f"{self.cluster.prefix}.note")
        self.assertEqual(trace["projections"], [])

    def test_parked(self):
        """a parked event says why, those behind it that they wait, a discarded one that it is"""
        order = self.placed()
        order_id = order["order_id"]
        for verb, body in (("pay", {"amount_minor": 100}), ("ship", {}), ("deliver", {})):
            self.accepted(self.act(order_id, verb, body))
        self.cluster.wait_caught_up(self.api)
        items = self.api.get(f"/v1/streams/{order['stream']}/events").json()["items"]
        partition = self.trace(items[0]["id"])["topic"]["partition"]
        topic = f"{self.cluster.prefix}.order"
        self.run_sql(
            "INSERT INTO dead_letters (projection, generation, topic, partition, kafka_offset,"
            " kind, tenant, stream, version, position, event_id, event_type, class, code,"
            f" message, attempts) VALUES ('orders', 1, '{topic}', {partition}, 41, 'event', 'main',"
            f" '{order['stream']}', 3, {items[2]['position']}, '{items[2]['id']}', 'OrderShipped',"
            " 'poison.fold', 'x', 'it does not fit', 3)"
        )
        self.run_sql(
            "INSERT INTO parked_keys (projection, generation, tenant, stream, topic, partition,"
            " state, version, last_version, position, kafka_offset, attempts, message, letter)"
            f" VALUES ('orders', 1, 'main', '{order['stream']}', '{topic}', {partition}, 'dead', 3,"
            f" 4, {items[2]['position']}, 41, 3, 'it does not fit',"
            " (SELECT max(id) FROM dead_letters))"
        )
        traces = [self.trace(item["id"]) for item in items]
        self.assertEqual(
            [self.states(trace)["orders"] for trace in traces],
            ["applied", "applied", "parked", "queued_behind"],
        )
        self.assertEqual({self.states(trace)["customers"] for trace in traces}, {"applied"})
        self.assertEqual([t["topic"]["offset"] for t in traces], [None, None, 41, None])
        parked = next(p for p in traces[2]["projections"] if p["name"] == "orders")
        self.assertEqual(
            (parked["parked_state"], parked["attempts"], parked["message"]),
            ("dead", 3, "it does not fit"),
        )
        self.assertEqual([len(trace["dead_letters"]) for trace in traces], [0, 0, 1, 0])
        letter = traces[2]["dead_letters"][0]
        self.assertEqual((letter["projection"], letter["state"]), ("orders", "open"))
        lines = self.daybook("event", "trace", items[2]["id"])
        self.assertEqual(
            [line.split("\t")[:3] for line in lines.splitlines()],
            [
                ["log", order["stream"], "written"],
                ["topic", topic, "published"],
                ["projection", "orders", "parked"],
                ["projection", "customers", "applied"],
                ["dead_letter", "orders", "open"],
            ],
        )
        self.run_sql(
            "INSERT INTO skipped_versions (projection, generation, tenant, stream, version,"
            f" position, skipped_by, reason) VALUES ('orders', 1, 'main', '{order['stream']}', 3,"
            f" {items[2]['position']}, 'me', 'no use')"
        )
        self.run_sql(f"DELETE FROM parked_keys WHERE stream = '{order['stream']}'")
        states = [self.states(self.trace(item["id"]))["orders"] for item in items]
        self.assertEqual(states, ["applied", "applied", "discarded", "applied"])

    def daybook(self, *arguments, status=0):
        done = subprocess.run(
            [services.binary("daybook"), *arguments],
            env={**os.environ, "DAYBOOK_URL": self.all.url},
            capture_output=True,
            timeout=30,
        )
        self.assertEqual(done.returncode, status, done)
        return done.stdout.decode()

    def test_command_line(self):
        """daybook event show and trace; 3 for what is not there, 4 for an id of several streams"""
        written = self.placed()["events"][0]
        shown = json.loads(self.daybook("event", "show", written["id"], "-o", "json"))
        self.assertEqual(shown["type"], "OrderPlaced")
        traced = json.loads(self.daybook("event", "trace", written["id"], "-o", "json"))
        self.assertEqual(traced["position"], written["position"])
        self.daybook("event", "show", "nobody", status=3)
        self.daybook("event", "show", status=2)
        chosen = unique("id-")
        streams = [unique("note-"), unique("note-")]
        for stream in streams:
            self.expect(self.append(stream, event(id=chosen)), 201)
        self.daybook("event", "show", chosen, status=4)
        shown = self.daybook("event", "show", chosen, "--stream", streams[1], "-o", "json")
        self.assertEqual(json.loads(shown)["stream"], streams[1])


if __name__ == "__main__":
    main()
