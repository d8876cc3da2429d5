#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka or the database lost something: the publisher stops, and goes on at an operator's word.

Each test ends with what check.py checks: log, topics and read models agree.
"""
import json
import os
import subprocess

from support import kafka_tools, services
from support.case import SystemTest, main, unique
from support.checker import check_all


class Stops(SystemTest):
    lost = 0  # the position up to which an operator accepted that Kafka lost something

    @classmethod
    def start(cls):
        cls.front = cls.cluster.serve("front", "api,publish")
        cls.projector = cls.cluster.add("projector", "project").start()
        cls.api = cls.front.client()
        cls.addClassCleanup(cls.api.close)

    def work(self, orders=12):
        """Some orders of every kind; returns the log's position."""
        sku = unique("sku")
        self.receive(sku, 100)
        for number in range(orders):
            order_id = self.place(sku, 1 + number % 3, 250, f"customer{number % 4}")["order_id"]
            if number % 3 == 0:
                self.act(order_id, "cancel", {"reason": "none"})
            elif number % 3 == 1:
                self.act(order_id, "pay", {"amount_minor": (1 + number % 3) * 250})
        return self.cluster.position()

    def publisher(self):
        return self.expect(self.api.get("/admin/v1/publisher"), 200).json()

    def wait_state(self, state, reason=""):
        def is_so():
            seen = self.publisher()
            return (seen["state"], seen["reason"] or "") == (state, reason) and seen

        return self.eventually(is_so, f"the publisher is {state} {reason}")

    def wait_published(self):
        head = self.cluster.position()
        self.eventually(lambda: self.publisher()["position"] >= head, f"published up to {head}")
        return head

    def stop(self, *processes):
        self.api.close()  # its connection ends with the front
        for process in processes:
            self.assertEqual(process.terminate(), 0, process.log_tail())

    def start_again(self, *processes):
        for process in processes:
            process.start()
        self.eventually(lambda: self.front.status_of("/readyz") == 200, "the API is ready")

    def restart(self, *processes):
        self.stop(*processes)
        self.start_again(*processes)

    def accept(self, **request):
        return self.api.post("/admin/v1/publisher/accept", request)

    def daybook(self, *arguments):
        done = subprocess.run(
            [services.binary("daybook"), *arguments, "-o", "json"],
            env={**os.environ, "DAYBOOK_URL": self.front.url},
            capture_output=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def daybook_accept(self, *arguments):
        code, out, err = self.daybook("publisher", "accept", *arguments, "--yes")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def topic(self, category):
        return f"{self.cluster.prefix}.{category}"

    def accept_loss(self, position):
        self.daybook_accept("loss", "--position", str(position))
        type(self).lost = position

    def all_agrees(self, prefix=None):
        """Published, projected, and as check.py wants it."""
        self.wait_state("running")
        self.wait_published()
        self.cluster.wait_caught_up(self.api)
        report = check_all(
            self.cluster.database,
            prefix or self.cluster.prefix,
            None,
            self.api,
            lost_up_to=self.lost,
        )
        self.assertEqual(report.faults, [])


class CursorLost(Stops):
    def test_cursor_lost(self):
        """the cursor buried: stopped, told in status; wrong answers refused; loss over HTTP goes on"""
        self.work()
        position = self.wait_published()
        self.refused(self.accept(kind="retry"), 409, "publisher-state")
        kafka_tools.bury(self.topic("cursor"), self.log_id())
        self.restart(self.front)
        seen = self.wait_state("stopped", "cursor-lost")
        self.assertIn(str(position), seen["detail"])
        self.assertIn("cursor-lost", self.api.get("/admin/v1/status").body.decode())
        self.work()  # commands are taken all the same
        self.assertEqual(self.publisher()["position"], position)
        self.refused(self.accept(kind="new-log", prefix=unique("p")), 409, "publisher-state")
        self.refused(self.accept(kind="loss", position=10**9), 422, "validation-failed")
        self.assertEqual(self.expect(self.accept(kind="loss", position=position), 202).status, 202)
        self.all_agrees()
        self.work()
        self.all_agrees()

    def log_id(self):
        return self.cluster.database.value("SELECT id FROM log_info").decode()


class TopicLost(Stops):
    def test_topics_deleted_while_the_projector_is_behind(self):
        """topics deleted under a running publisher: loss by the command line; projectors fill from the log"""
        self.work()
        self.all_agrees()
        self.stop(self.projector)
        self.work()
        position = self.wait_published()
        for category in ("order", "stock"):
            kafka_tools.delete_topic(self.topic(category))
        self.work()
        self.wait_state("stopped", "topic-lost")
        code, _, err = self.daybook("publisher", "accept", "new-log", "--prefix", "x", "--yes")
        self.assertEqual(code, 4, err)
        self.accept_loss(position)
        self.wait_state("running")
        self.start_again(self.projector)
        self.all_agrees()
        self.work()
        self.all_agrees()

    def test_topic_made_anew_under_the_projector(self):
        """a topic deleted and made anew by hand, projectors running: nothing is lost or counted twice"""
        self.work()
        self.all_agrees()
        position = self.wait_published()
        self.stop(self.front)
        kafka_tools.delete_topic(self.topic("order"))
        kafka_tools.create_topic(self.topic("order"), 6)
        self.start_again(self.front)
        self.wait_state("stopped", "topic-lost")
        self.work()
        self.accept_loss(position)
        self.all_agrees()
        self.restart(self.projector)
        self.work()
        self.all_agrees()


class TopicChanged(Stops):
    def test_topic_grown(self):
        """partitions added: keys would move. Accepted: the new number counts from the position on"""
        self.work()
        self.all_agrees()
        position = self.wait_published()
        kafka_tools.grow_topic(self.topic("order"), 9)
        self.restart(self.front)
        seen = self.wait_state("stopped", "topic-changed")
        self.assertIn("9 partitions, the cursor says 6", seen["detail"])
        self.work()
        self.accept_loss(position)
        self.all_agrees()
        self.restart(self.projector)
        self.work()
        self.all_agrees()


class Restored(Stops):
    def restore(self, snapshot):
        """The snapshot takes the database's place."""
        server = services.Database(services.environment("DAYBOOK_TEST_DATABASE_URL"))
        name = self.cluster.database.name()
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        server.execute(f'ALTER DATABASE "{snapshot}" RENAME TO "{name}"')

    def snapshot(self):
        server = services.Database(services.environment("DAYBOOK_TEST_DATABASE_URL"))
        name = self.cluster.database.name()
        server.execute(f'CREATE DATABASE "{name}_old" TEMPLATE "{name}"')
        return f"{name}_old"

    def stops(self):
        return int(self.cluster.database.value("SELECT stops FROM publisher_state"))

    def test_database_restored_to_an_older_state(self):
        """a log that went back: stopped; retry stops again; new-log publishes all of it under another name"""
        self.work()
        self.all_agrees()
        self.stop(self.front, self.projector)
        snapshot = self.snapshot()
        self.start_again(self.front, self.projector)
        self.work()
        self.all_agrees()
        self.stop(self.front, self.projector)
        self.restore(snapshot)
        self.start_again(self.front, self.projector)
        seen = self.wait_state("stopped", "log-behind")
        self.assertIn(f"the log ends at position {self.cluster.position()}", seen["detail"])
        self.daybook_accept("retry")
        self.eventually(lambda: self.stops() == 2, "it stops a second time")
        self.refused(self.accept(kind="loss", position=1), 409, "publisher-state")
        self.refused(
            self.accept(kind="new-log", prefix=self.cluster.prefix), 422, "validation-failed"
        )
        prefix = unique("again")
        self.expect(self.accept(kind="new-log", prefix=prefix), 202)
        self.all_agrees(prefix=prefix)
        self.work()
        self.all_agrees(prefix=prefix)
        status = self.expect(self.api.get("/admin/v1/status"), 200).json()
        self.assertEqual(status["log"]["prefix"], prefix)


if __name__ == "__main__":
    main()
