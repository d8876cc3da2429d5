#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What operators ask for: the publisher's pause, resume and accept, the names of streams; by HTTP and
by the command line."""
import json
import subprocess

from support import services
from support.case import SystemTest, event, main

PUBLISHER = "/admin/v1/publisher"


class Operators(SystemTest):
    def daybook(self, status, *arguments):
        done = subprocess.run(
            [services.binary("daybook"), *arguments],
            env=self.cluster.env() | {"DAYBOOK_URL": self.all.url},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
        )
        self.assertEqual(done.returncode, status, (arguments, done.stdout, done.stderr))
        return done.stdout.decode() if status == 0 else done.stderr.decode()

    def publisher(self):
        return self.expect(self.api.get(PUBLISHER), 200).json()

    def test_pause_and_resume(self):
        """a paused publisher takes commands to the log and nothing to Kafka, until it is resumed"""
        self.cluster.wait_caught_up(self.api)
        self.expect(self.api.post(f"{PUBLISHER}/pause", None), 202)
        self.eventually(lambda: self.publisher()["state"] == "paused", "paused")
        self.assertTrue(self.publisher()["paused"])
        position = self.publisher()["position"]
        self.accepted(self.append("note-paused", event()))
        seen = self.publisher()
        self.assertEqual((seen["position"], seen["lag_events"] > 0), (position, True))
        self.assertIn("paused", self.daybook(0, "publisher", "status"))
        self.refused(self.api.post(f"{PUBLISHER}/accept", {"kind": "retry"}), 409, "publisher-state")
        self.daybook(4, "publisher", "accept", "retry", "--yes")

        self.expect(self.api.post(f"{PUBLISHER}/resume", {}), 202)
        self.eventually(lambda: self.publisher()["position"] > position, "published")
        self.assertEqual(self.publisher()["state"], "running")
        shown = json.loads(self.daybook(0, "publisher", "status", "-o", "json"))
        self.assertEqual(shown["state"], "running")

    def test_wrong_requests(self):
        """accept takes its three kinds, each with its own members; pause and resume take none"""
        for body, *pointers in (
            ({}, "/kind"),
            ({"kind": "forget"}, "/kind"),
            ({"kind": "retry", "position": 1}, "/position"),
            ({"kind": "new-log"}, "/prefix"),
            ({"kind": "loss", "position": -1}, "/position"),
            ({"kind": "loss", "prefix": "p"}, "/position", "/prefix"),
        ):
            self.invalid(self.api.post(f"{PUBLISHER}/accept", body), *pointers)
        for verb in ("pause", "resume"):
            self.invalid(self.api.post(f"{PUBLISHER}/{verb}", {"why": "x"}), "/why")
            self.invalid(self.api.post(f"{PUBLISHER}/{verb}?why=x", None), "?why")
        self.daybook(2, "publisher", "accept", "forget", "--yes")

    def test_names_of_streams(self):
        """streams are listed by prefix in pages, each with its version and last position"""
        for number in range(7):
            body = self.accepted(self.append(f"listed-{number}", event(), event()))
        self.accepted(self.append("listee-1", event()))
        found, cursor = [], ""
        while True:
            page = self.expect(
                self.api.get(f"/v1/streams?prefix=listed-&limit=3{cursor}"), 200).json()
            self.assertLessEqual(len(page["items"]), 3)
            found += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        self.assertEqual([item["stream"] for item in found], [f"listed-{n}" for n in range(7)])
        self.assertEqual({item["version"] for item in found}, {2})
        self.assertEqual(found[-1]["last_position"], body["position"])
        self.invalid(self.api.get("/v1/streams?limit=0"), "?limit")
        self.invalid(self.api.get("/v1/streams/listed-1/events?type=no%20type"), "?type")
        self.refused(self.api.get("/v1/streams/listed-1/events/3"), 404, "not-found")

    def test_streams_by_command_line(self):
        """daybook stream append and read: what was given comes back"""
        append = ["stream", "append", "cli-1", "--type"]
        self.daybook(0, *append, "First", "--data", '{"n": 1.50}', "--id", "one")
        self.daybook(0, *append, "Second", "--data", "[]", "--metadata", '{"by": "me"}')
        self.daybook(0, *append, "First", "--data", '{"n": 1.50}', "--id", "one")  # changes nothing
        shown = self.daybook(0, "stream", "read", "cli-1", "-o", "json")
        events = json.loads(shown)
        events = events["items"] if isinstance(events, dict) else events
        self.assertEqual([e["type"] for e in events], ["First", "Second"])
        raw = self.expect(self.api.get("/v1/streams/cli-1/events/1"), 200).body.decode()
        self.assertIn('"data":{"n": 1.50}', raw)
        self.assertEqual(len(self.daybook(0, "stream", "read", "cli-1").splitlines()), 2)
        self.daybook(3, "stream", "read", "cli-nothing")
        self.daybook(2, *append, "Third", "--data", "{")


if __name__ == "__main__":
    main()
