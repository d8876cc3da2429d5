#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams out and in as lines of CloudEvents; parts of the log to a topic once more."""
import json
import subprocess

from support import services
from support.case import SystemTest, event, main, unique
from support.log import Log
from support.waiting import eventually


class Transfer(SystemTest):
    @classmethod
    def start(cls):
        cls.all = cls.cluster.serve("front", roles="api,publish")
        cls.workers = [cls.cluster.serve(name, roles="project") for name in ("p1", "p2")]
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    def daybook(self, *arguments, stdin=None, status=0):
        done = subprocess.run(
            [services.binary("daybook"), *arguments],
            env={"DAYBOOK_URL": self.all.url, "PATH": "/usr/bin:/bin"},
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return done.stdout

    def append(self, stream, events):
        for start in range(0, len(events), 500):
            body = {"events": events[start : start + 500]}
            self.expect(self.api.post(f"/v1/streams/{stream}/events", body), 201)

    def events_of(self, stream):
        answer = self.expect(self.api.get(f"/v1/streams/{stream}/events?limit=5000"), 200)
        return answer.json()["items"]

    def test_export_and_import(self):
        """a stream that was exported and imported elsewhere is the same, byte for byte, once"""
        stream, copy = f"note-{unique()}", f"note-{unique()}"
        raw = (
            b'{"events":[{"type":"Odd","data":{"b":  1.0, "a":"\\u00e9"},"metadata":{"k": "x\\"y"},'
            b'"occurred_at":"2020-02-29T23:59:59.123456Z"}]}'
        )
        self.expect(
            self.api.request(
                "POST",
                f"/v1/streams/{stream}/events",
                raw,
                {"Content-Type": "application/json"},
            ),
            201,
        )
        self.append(stream, [event("Noted", {"n": n}) for n in range(1200)])
        lines = self.daybook("stream", "export", stream)
        first = json.loads(lines.splitlines()[0])
        self.assertEqual(len(lines.splitlines()), 1201)
        self.assertEqual(first["specversion"], "1.0")
        self.assertEqual(first["subject"], stream)
        self.assertIn(b'"data":{"b":  1.0, "a":"\\u00e9"}', lines)
        self.daybook("stream", "import", "--to", copy, stdin=lines)
        self.daybook("stream", "import", "-", "--to", copy, stdin=lines)
        one, two = self.events_of(stream), self.events_of(copy)
        self.assertEqual(len(two), 1201)
        for before, after in zip(one, two):
            for member in ("id", "type", "version", "data", "metadata", "occurred_at"):
                self.assertEqual(before[member], after[member])
        self.assertEqual(len(self.daybook("replay", "stream", copy).splitlines()), 1201)

    def test_bad_lines_change_nothing(self):
        """a line that is no event is named, and its chunk is not appended"""
        stream = f"note-{unique()}"
        good = f'{{"subject":"{stream}","id":"a","type":"T","data":{{}}}}\n'.encode()
        no_data = f'{{"subject":"{stream}","id":"b"}}'.encode()
        for bad in (b"{", b"[]", no_data, b'{"id":"b"}'):
            self.daybook("stream", "import", stdin=good + bad + b"\n", status=2)
        self.expect(self.api.request("HEAD", f"/v1/streams/{stream}"), 404)

    def job(self, number):
        return self.expect(self.api.get(f"/admin/v1/jobs/{number}"), 200).json()

    def replayed(self, topic):
        return sorted(
            services.read_topic(topic), key=lambda r: int(dict(r.headers)["ce_globalposition"])
        )

    def test_replay_through_kills(self):
        """a replay whose process is killed again and again has each event once, in order, marked"""
        topic = unique("replayed")
        self.append(f"note-{unique()}", [event("Noted", {"n": n}) for n in range(3000)])
        self.append(f"other-{unique()}", [event("Noted", {"n": n}) for n in range(500)])
        job = self.expect(
            self.api.post(
                "/admin/v1/replays", {"topic": topic, "category": "note", "rate": 600}
            ),
            202,
        ).json()
        kills = 0
        for done in (300, 1200, 2000):
            eventually(lambda: self.job(job["id"])["done"] >= done, f"{done} are replayed", 60)
            holder = self.job(job["id"])["holder"].split(" ", 1)[0]
            for process in self.workers:
                if process.name == holder:
                    process.kill()
                    process.start()
                    kills += 1
        eventually(lambda: self.job(job["id"])["state"] == "done", "the replay is done", 90)
        log = Log(self.cluster.database)
        wanted = [e.id for e in log.events if e.category == "note"]
        eventually(lambda: len(self.replayed(topic)) >= len(wanted), "all can be read", 30)
        records = self.replayed(topic)
        self.assertEqual([dict(r.headers)["ce_id"] for r in records], wanted)
        self.assertEqual(
            [int(dict(r.headers)["ce_replaynumber"]) for r in records],
            list(range(1, len(wanted) + 1)),
        )
        self.assertEqual({dict(r.headers)["ce_replay"] for r in records}, {str(job["id"])})
        self.assertEqual(self.job(job["id"])["done"], len(wanted))
        self.assertEqual(kills, 3)

    def test_replays_that_can_not_be(self):
        """the log's own topics, bad names, empty and impossible ranges are refused"""
        for body in (
            {"topic": f"{self.cluster.prefix}.note"},
            {"topic": "a b"},
            {"topic": ".."},
            {"topic": "t", "after": 10**12},
            {"topic": "t", "since": "2021-01-01T00:00:00Z", "until": "2020-01-01T00:00:00Z"},
        ):
            self.refused(self.api.post("/admin/v1/replays", body), 422, "validation-failed")
        self.invalid(self.api.post("/admin/v1/replays", {"topic": "t", "category": "A"}), "/category")


if __name__ == "__main__":
    main()
