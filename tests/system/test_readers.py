#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Consumers nobody here wrote: kcat and the console consumer of Kafka's own jars read the topics."""
import collections
import os
import re

from support import services
from support.case import SystemTest, main, unique
from support.checker import Report, check_topics
from support.harness import Cluster
from support.load import Load
from support.log import Log
from support.swarm import Swarm


class Readers(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.load = Load([("127.0.0.1", cls.all.port)], seed=7)
        Swarm().run(cls.load.clients(32, 600))
        cls.cluster.wait_caught_up(cls.api)
        cls.log = Log(cls.cluster.database)

    def events_of(self, category):
        return [e for e in self.log.events if e.category == category]

    def test_kcat(self):
        """kcat, read_committed: each event once, in order, with key, headers and bytes of the log"""
        report = Report()
        self.eventually(self.everything_is_published, "all events are in Kafka")
        check_topics(self.log, self.cluster.prefix, report)
        self.assertEqual(report.faults, [])
        print(f"({report.proven[-1]}) ", end="")

    def everything_is_published(self):
        topics = [f"{self.cluster.prefix}.{category}" for category in self.log.topics()]
        return sum(len(services.read_topic(topic)) for topic in topics) >= len(self.log.events)

    def test_console_consumer(self):
        """kafka-console-consumer, read_committed, counts the same and names the same ids"""
        for category in ("order", "stock"):
            events = self.events_of(category)
            output = self.console_consumer(f"{self.cluster.prefix}.{category}")
            ids = re.findall(r"ce_id:([^,\t]+)", output)
            self.assertEqual(collections.Counter(ids), collections.Counter(e.id for e in events))
            print(f"({category}: {len(ids)}) ", end="")

    def console_consumer(self, topic):
        jars = os.path.join(services.environment("DAYBOOK_TEST_KAFKA_HOME"), "*")
        arguments = [
            "java",
            "-Xmx256m",
            "-cp",
            jars,
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
        ]
        arguments += [
            "--bootstrap-server",
            services.brokers(),
            "--topic",
            topic,
            "--from-beginning",
        ]
        arguments += ["--isolation-level", "read_committed", "--timeout-ms", "5000"]
        arguments += [
            "--formatter-property",
            "print.headers=true",
            "--formatter-property",
            "print.key=true",
        ]
        done = services.run(arguments, check=False)
        return done.stdout.decode("utf-8")

    def test_settings_of_topics(self):
        """6 partitions each; topics are <prefix>.<category> and the cursor's, nothing else"""
        topics = services.topic_partitions(self.cluster.prefix + ".")
        wanted = {f"{self.cluster.prefix}.{category}": 6 for category in self.log.topics()}
        cursor = topics.pop(f"{self.cluster.prefix}.cursor", None)
        self.assertEqual(topics, wanted)
        self.assertEqual(cursor, 1)

    def test_two_logs_do_not_share_a_topic(self):
        """a second log with this log's prefix does not publish into its topics"""
        other = Cluster(eventlog__prefix=self.cluster.prefix).migrate()
        self.addCleanup(other.close)
        process = other.add("intruder", "serve").start()
        self.eventually(
            lambda: process.status_of("/livez") == 200, "the second log's serve is live"
        )
        client = process.client()
        self.eventually(lambda: client.get("/readyz").status == 200, "its API is ready")
        body = {"events": [{"type": "Foreign", "data": {}}]}
        self.expect(client.post(f"/v1/streams/{unique('note-')}/events", body), 201)
        self.eventually(
            lambda: "stopped" in client.get("/admin/v1/publisher").body.decode(),
            "its publisher stops",
        )
        report = Report()
        check_topics(self.log, self.cluster.prefix, report)
        self.assertEqual(report.faults, [])


if __name__ == "__main__":
    main()
