#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dead letters as operators meet them, over HTTP and by the command line.

The letters are written by hand, so that every kind and state is there and nobody carries out what
is asked for; what a projector does with them is in test_parking.py.
"""
import json

from support import services
from support.case import SystemTest, main, unique

RECORDS = 3
EVENTS = 4


class DeadLetters(SystemTest):
    @classmethod
    def start(cls):
        """No projector: letters stay as they are."""
        cls.all = cls.cluster.serve(roles="api,publish")
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    def setUp(self):
        self.cluster.database.execute(
            "TRUNCATE dead_letters, dead_letter_requests, parked_keys, audit RESTART IDENTITY"
        )
        self.plant_records()
        self.plant_events()

    def plant_records(self):
        for number in range(RECORDS):
            self.cluster.database.execute(
                "INSERT INTO dead_letters (projection, generation, topic, partition, kafka_offset,"
                " kind, digest, key, value, value_bytes, headers, class, code, message, attempts)"
                f" VALUES ('orders', 1, 't.order', 0, {number}, 'record', {number}, 'k',"
                " '\\xff00', 2, '[[\"a\", \"Yg==\"]]', 'poison.foreign', 'foreign',"
                " 'header ce_id is missing', 1)"
            )

    def plant_events(self):
        self.streams = [f"order-{unique('o')}" for _ in range(EVENTS)]
        for number, stream in enumerate(self.streams):
            body = {"events": [{"type": "OrderMelted", "data": {"n": number}}, {"type": "Later", "data": {}}]}
            target = f"/v1/streams/{stream}/events?override=reserved-category"
            position = self.expect(self.api.post(target, body), 201).json()["position"] - 1
            self.cluster.database.execute(
                "INSERT INTO dead_letters (projection, generation, topic, partition, kind, tenant,"
                " stream, version, position, event_id, event_type, class, code, message, attempts)"
                f" SELECT 'orders', 1, 't.order', 1, 'event', 'main', '{stream}', 1, {position},"
                f" id, type, 'poison.fold', 'unknown-type', 'OrderMelted is unknown', 3"
                f" FROM events WHERE position = {position}"
            )
            self.cluster.database.execute(
                "INSERT INTO parked_keys (projection, generation, tenant, stream, topic, partition,"
                " state, version, last_version, position, letter)"
                f" SELECT 'orders', 1, 'main', '{stream}', 't.order', 1, 'dead', 1, 2, {position},"
                f" id FROM dead_letters WHERE stream = '{stream}'"
            )

    def items(self, target):
        return self.expect(self.api.get(target), 200).json()["items"]

    def event_letters(self):
        return self.items("/admin/v1/dlq?class=poison.fold")

    def test_list(self):
        """the newest first, by filter, in pages that join"""
        letters = self.items("/admin/v1/dlq")
        self.assertEqual(len(letters), RECORDS + EVENTS)
        ids = [letter["id"] for letter in letters]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual(len(self.items("/admin/v1/dlq?type=OrderMelted")), EVENTS)
        self.assertEqual(len(self.items("/admin/v1/dlq?class=poison.foreign")), RECORDS)
        self.assertEqual(len(self.items("/admin/v1/dlq?projection=stock")), 0)
        self.assertEqual(len(self.items("/admin/v1/dlq?state=discarded")), 0)
        one = self.items(f"/admin/v1/dlq?stream={self.streams[0]}")
        self.assertEqual([letter["stream"] for letter in one], [self.streams[0]])
        self.assertEqual(one[0]["queued_behind"], 1)

        seen, target = [], "/admin/v1/dlq?limit=2"
        while target:
            page = self.expect(self.api.get(target), 200).json()
            seen += [letter["id"] for letter in page["items"]]
            cursor = page["next_cursor"]
            target = cursor and f"/admin/v1/dlq?limit=2&cursor={cursor}"
        self.assertEqual(seen, ids)

    def test_list_bad_input(self):
        """unknown parameters, states and cursors of other lists are refused"""
        self.invalid(self.api.get("/admin/v1/dlq?colour=red"), "?colour")
        self.invalid(self.api.get("/admin/v1/dlq?state=dead"), "?state")
        self.invalid(self.api.get("/admin/v1/dlq?limit=0"), "?limit")
        self.invalid(self.api.get("/admin/v1/dlq?group_by=weather"), "?group_by")
        cursor = self.api.get("/admin/v1/dlq?limit=2").json()["next_cursor"]
        self.invalid(self.api.get(f"/admin/v1/dlq?limit=2&state=any&cursor={cursor}"), "?cursor")
        self.refused(self.api.get("/admin/v1/dlq/999999"), 404, "not-found")
        self.refused(self.api.get("/admin/v1/dlq/x"), 404, "not-found")
        self.refused(self.api.get("/admin/v1/dlq/batches/77"), 404, "not-found")
        self.refused(self.api.post("/admin/v1/dlq", {}), 405, "method-not-allowed")

    def test_groups(self):
        """one line a cause, the most frequent first"""
        groups = self.items("/admin/v1/dlq?group_by=cause")
        self.assertEqual(
            [(g["class"], g["event_type"], g["letters"]) for g in groups],
            [("poison.fold", "OrderMelted", EVENTS), ("poison.foreign", None, RECORDS)],
        )
        self.assertEqual(groups[0]["queued_behind"], EVENTS)

    def test_show(self):
        """an event with what is queued behind it; a record with bytes and headers"""
        letter = self.event_letters()[0]
        shown = self.expect(self.api.get(f"/admin/v1/dlq/{letter['id']}"), 200).json()
        self.assertEqual(shown["event"]["type"], "OrderMelted")
        self.assertEqual(shown["event"]["id"], shown["event_id"])
        self.assertEqual([event["type"] for event in shown["queue"]], ["Later"])
        record = self.items("/admin/v1/dlq?class=poison.foreign")[0]
        shown = self.expect(self.api.get(f"/admin/v1/dlq/{record['id']}"), 200).json()
        self.assertEqual((shown["key"], shown["value_base64url"]), ("k", "_wA"))
        self.assertEqual(shown["headers"], [["a", "Yg=="]])

    def test_redrive_one(self):
        """202 with a batch to watch; a second request is told; the audit knows who"""
        letter = self.event_letters()[0]
        answer = self.expect(self.api.post(f"/admin/v1/dlq/{letter['id']}/redrive"), 202).json()
        self.assertEqual((answer["matched"], answer["requested"]), (1, 1))
        batch = f"/admin/v1/dlq/batches/{answer['batch']}"
        self.assertEqual(self.expect(self.api.get(batch), 200).json()["total"], 1)
        again = self.api.post(f"/admin/v1/dlq/{letter['id']}/redrive")
        self.refused(again, 409, "letter-state")
        self.assertEqual(self.items("/admin/v1/dlq?state=redriving")[0]["id"], letter["id"])
        cancelled = self.expect(self.api.post(f"{batch}/cancel"), 200).json()
        self.assertEqual((cancelled["done"], cancelled["cancelled"]), (1, 1))
        actions = [entry["action"] for entry in self.items("/admin/v1/audit")]
        self.assertIn("dlq.redrive", actions)

    def test_redrive_guard(self):
        """a letter that failed thrice with one cause needs force"""
        letter = self.event_letters()[0]
        self.cluster.database.execute(
            f"UPDATE dead_letters SET redrives = 3 WHERE id = {letter['id']}"
        )
        target = f"/admin/v1/dlq/{letter['id']}/redrive"
        self.refused(self.api.post(target, {}), 409, "letter-state")
        self.expect(self.api.post(target, {"force": True}), 202)

    def test_discard(self):
        """needs a reason; a record is discarded at once, and once only"""
        record = self.items("/admin/v1/dlq?class=poison.foreign")[0]
        target = f"/admin/v1/dlq/{record['id']}/discard"
        self.invalid(self.api.post(target, {}), "/reason")
        self.invalid(self.api.post(target, {"reason": ""}), "/reason")
        self.refused(
            self.api.post(f"/admin/v1/dlq/{record['id']}/redrive"), 409, "letter-state"
        )
        answer = self.api.post(target, {"reason": "somebody's test"})
        self.assertIn(answer.status, (200, 202), answer)
        shown = self.api.get(f"/admin/v1/dlq/{record['id']}").json()
        self.assertEqual((shown["state"], shown["reason"]), ("discarded", "somebody's test"))
        self.refused(self.api.post(target, {"reason": "again"}), 409, "letter-state")

    def test_many(self):
        """a filter with dry run, limit and rate; without one nothing happens"""
        target = "/admin/v1/dlq/redrive"
        self.invalid(self.api.post(target, {}), "/filter")
        bad = {"filter": {"colour": 1}, "limit": 0, "rate": -1}
        self.invalid(self.api.post(target, bad), "/filter/colour", "/limit", "/rate")
        query = {"filter": {"projection": "orders", "type": "OrderMelted"}}
        dry = self.expect(self.api.post(target, {**query, "dry_run": True}), 200).json()
        self.assertEqual((dry["batch"], dry["requested"]), (None, EVENTS))
        self.assertEqual(self.items("/admin/v1/dlq?state=redriving"), [])
        some = self.expect(
            self.api.post(target, {**query, "limit": 3, "rate": 2, "burst": 1}), 202
        ).json()
        self.assertEqual(some["requested"], 3)
        self.assertEqual(some["last_begins_in_ms"], 1000)
        rest = self.expect(self.api.post(target, query), 202).json()
        self.assertEqual((rest["requested"], rest["busy"]), (1, 3))

    def cli(self, *arguments, status=0):
        done = services.run(
            [services.binary("daybook"), "--url", self.all.url, *arguments], check=False
        )
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done.stdout.decode()

    def test_command_line(self):
        """ls, groups, show, redrive, discard and batch say the same, with their exit statuses"""
        letters = [json.loads(line) for line in self.cli("dlq", "ls", "-o", "ndjson").splitlines()]
        self.assertEqual(len(letters), RECORDS + EVENTS)
        self.assertEqual(len(self.cli("dlq", "groups").splitlines()), 2)
        event = next(letter for letter in letters if letter["kind"] == "event")
        shown = json.loads(self.cli("dlq", "show", str(event["id"]), "-o", "json"))
        self.assertEqual(shown["event"]["type"], "OrderMelted")
        self.cli("dlq", "show", "999999", status=3)
        asked = json.loads(self.cli("dlq", "redrive", str(event["id"]), "-o", "json"))
        self.cli("dlq", "redrive", str(event["id"]), status=4)
        self.cli("dlq", "batch", str(asked["batch"]))
        self.cli("dlq", "redrive", "--type", "OrderMelted", status=2)  # no --yes, no terminal
        dry = self.cli("dlq", "redrive", "--type", "OrderMelted", "--dry-run", "-o", "json")
        self.assertEqual(json.loads(dry)["requested"], EVENTS - 1)
        self.cli("dlq", "redrive", "--type", "OrderMelted", "--yes")
        self.cli("dlq", "discard", "--class", "poison.foreign", "--yes", status=2)
        self.cli("dlq", "discard", "--class", "poison.foreign", "--reason", "not ours", "--yes")
        self.assertEqual(self.items("/admin/v1/dlq?class=poison.foreign"), [])
        self.assertIn("dlq.discard", self.cli("audit"))


if __name__ == "__main__":
    main()
