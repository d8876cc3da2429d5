#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a projector goes on after a restart is its checkpoint's word, whatever the group's offsets say."""
import os
import re
import unittest

from support import services
from support.case import main, order_of
from support.checker import check_all
from support.harness import Cluster
from support.waiting import eventually

ORDERS = 60
PROJECTIONS = {"orders": ["order"], "stock": ["stock"], "customers": ["order"]}
RESET_S = 60.0  # a static member is in its group until its session ends


class Offsets(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster().migrate()
        self.addCleanup(self.cluster.close)
        api = self.cluster.serve("api", roles="api,publish")
        self.client = api.client()
        self.addCleanup(self.client.close)
        answer = self.client.post("/v1/stock/cd/receive", {"quantity": 3 * ORDERS})
        self.assertEqual(answer.status, 200, answer)

    def place_orders(self):
        for number in range(ORDERS):
            body = order_of("cd", customer=f"c{number % 7}")
            self.assertEqual(self.client.post("/v1/orders", body).status, 201)

    def published(self):
        position = self.cluster.database.value("SELECT position FROM publisher_cursor")
        return int(position) == self.cluster.position()

    def reset(self, group, topics, where):
        """Moves the group's offsets with Kafka's own tool, as soon as its last member is gone."""
        jars = os.path.join(services.environment("DAYBOOK_TEST_KAFKA_HOME"), "*")
        command = ["java", "-Xmx256m", "-cp", jars]
        command += ["org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"]
        command += ["--bootstrap-server", services.brokers(), "--group", group]
        command += ["--reset-offsets", where, "--execute"]
        for topic in topics:
            command += ["--topic", topic]

        def done():
            output = services.run(command, check=False).stdout.decode()
            return all(re.search(rf"{re.escape(topic)}\s+\d", output) for topic in topics)

        eventually(done, f"offsets of {group} are moved", RESET_S, pause_s=0.5)

    def reset_all(self, where):
        for projection, categories in PROJECTIONS.items():
            topics = [f"{self.cluster.prefix}.{category}" for category in categories]
            self.reset(f"{self.cluster.prefix}.{projection}.1", topics, where)

    def counted(self, process):
        text = process.client().get("/metrics").body.decode()
        rows = re.findall(
            r'daybook_projection_events_total\{projection="(\w+)",result="(\w+)"\} (\d+)', text
        )
        return {(projection, result): int(count) for projection, result, count in rows}

    def check_restart_after(self, where):
        project = self.cluster.add("project", "project").start().wait_ready()
        self.place_orders()  # a new projection may take these from the log
        self.cluster.wait_caught_up(self.client)
        self.place_orders()
        self.cluster.wait_caught_up(self.client)
        project.terminate()
        before = self.cluster.position()
        self.place_orders()
        eventually(self.published, "what was placed meanwhile is in Kafka")
        self.reset_all(where)

        project.start().wait_ready()
        self.cluster.wait_caught_up(self.client)
        counted = self.counted(project)
        appended = self.cluster.position() - before
        applied = {p: counted.get((p, "applied"), 0) for p in PROJECTIONS}
        self.assertEqual(applied["orders"] + applied["stock"], appended)
        self.assertEqual(applied["customers"], ORDERS)
        others = {key: count for key, count in counted.items() if key[1] != "applied"}
        self.assertEqual(sum(others.values()), 0, others)
        report = check_all(self.cluster.database, self.cluster.prefix, None, self.client)
        self.assertEqual(report.faults, [])

    def test_offsets_ahead(self):
        """offsets of the group at the topics' ends: all comes from Kafka, nothing had to be filled"""
        self.check_restart_after("--to-latest")

    def test_offsets_behind(self):
        """offsets of the group at the topics' starts: nothing is read twice"""
        self.check_restart_after("--to-earliest")


if __name__ == "__main__":
    main()
