#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Poison among thousands of streams, transient faults and kills: order is kept, nothing is lost.

Three kinds of poison: raw events of an unknown type; rows that the database refuses (a CHECK that
is dropped later stands for a bug that is fixed); records of somebody else in the topic. Meanwhile
the database throws deadlocks at the projectors, and they are killed.
"""
import json
import random
import subprocess
import threading

from support import services
from support.case import SystemTest, event, main, order_of, unique
from support.checker import check_all
from support.swarm import Request, Swarm

ORDERS = 2000
UNKNOWN = 100
REFUSED = 60
STRANGERS = 20
CLIENTS = 32
KILLS = 8
SETTLED_S = 120.0

REFUND = {"amount_minor": 1, "change": {"orders": 0, "items": 0, "total_minor": 0}}
DEADLOCKS = """
    CREATE FUNCTION throw_deadlocks() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < 0.02 THEN
            RAISE EXCEPTION 'deadlock detected (by a test)' USING ERRCODE = '40P01';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER throw_deadlocks AFTER INSERT OR UPDATE ON {0}
        FOR EACH STATEMENT EXECUTE FUNCTION throw_deadlocks();
"""


class Parking(SystemTest):
    SETTINGS = {"projection__retry_first": "200ms", "publisher__lease": "2s"}

    @classmethod
    def start(cls):
        cls.all = cls.cluster.serve(roles="api,publish")
        cls.projectors = [
            cls.cluster.add(f"project-{n}", "project").start().wait_ready() for n in (1, 2)
        ]
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    def value(self, sql):
        return int(self.cluster.database.value(sql))

    def wait_for(self, sql, number, what):
        self.eventually(lambda: self.value(sql) == number, f"{what} ({sql})", SETTLED_S)

    def table(self, projection):
        generation = self.value(f"SELECT generation FROM projections WHERE name = '{projection}'")
        return f"rm_{projection}_{generation}"

    def plant_faults(self):
        for projection in ("orders", "customers"):
            table = self.table(projection)
            self.cluster.database.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT bug CHECK (customer_id !~ '^refused')"
            )
        self.cluster.database.execute(DEADLOCKS.format(self.table("orders")))

    def fix_the_bug(self):
        for projection in ("orders", "customers"):
            self.cluster.database.execute(
                f"ALTER TABLE {self.table(projection)} DROP CONSTRAINT bug"
            )

    def lives(self):
        """One script an order: placed, paid, perhaps poisoned, and more behind it."""
        marks = ["unknown"] * UNKNOWN + ["refused"] * REFUSED
        marks += [""] * (ORDERS - len(marks))
        random.Random(7).shuffle(marks)
        turns = iter(enumerate(marks))
        address = ("127.0.0.1", self.all.port)

        def post(target, body):
            answer = yield Request(address, "POST", target, body)
            self.assertIn(answer.status, (200, 201), answer)
            return answer

        def client():
            for number, mark in turns:
                order_id = f"{number:05d}-{mark or 'good'}"
                customer = f"{mark or 'good'}{number % 50}"
                order = order_of("sku", 1, 100, customer, order_id=order_id)
                yield from post("/v1/orders", order)
                yield from post(f"/v1/orders/{order_id}/pay", {"amount_minor": 100})
                if mark != "unknown":
                    yield from post(f"/v1/orders/{order_id}/ship", {})
                    yield from post(f"/v1/orders/{order_id}/deliver", {})
                    continue
                raw = f"/v1/streams/order-{order_id}/events?override=reserved-category"
                refund = {"customer_id": customer, "currency": "EUR", **REFUND}
                yield from post(raw, {"events": [event("OrderMelted", {"n": number})]})
                yield from post(raw, {"events": [event("OrderRefunded", refund)]})

        return [client() for _ in range(CLIENTS)]

    def kill_meanwhile(self, done):
        pick = random.Random(11)
        for _ in range(KILLS):
            if done.wait(pick.uniform(0.3, 1.0)):
                break
            victim = pick.choice(self.projectors)
            victim.kill()
            victim.start()

    def write_as_strangers(self):
        """Records of somebody else: no headers, no key, no value, garbage."""
        lines = "".join(f"garbage-{n}\n" for n in range(STRANGERS))
        subprocess.run(
            ["kcat", "-P", "-b", services.brokers(), "-t", f"{self.cluster.prefix}.order", "-p", "-1"],
            input=lines.encode(),
            check=True,
            timeout=60,
        )

    def request(self, verb, filter_):
        body = {"filter": filter_, "limit": 10000}
        if verb == "discard":
            body["reason"] = "a test"
        answer = self.api.post(f"/admin/v1/dlq/{verb}", body)
        self.assertIn(answer.status, (200, 202), answer)
        return answer.json()

    def test_everything(self):
        """poison stops only its streams; after redrive and discard the models equal the fold"""
        self.receive("sku", ORDERS + 1)
        self.place("sku", 1, 0, "first")
        self.cluster.wait_caught_up(self.api)
        self.plant_faults()
        done = threading.Event()
        killer = threading.Thread(target=self.kill_meanwhile, args=(done,))
        killer.start()
        Swarm().run(self.lives(), deadline_s=SETTLED_S)
        self.write_as_strangers()
        done.set()
        killer.join()
        for process in self.projectors:
            process.wait_ready()

        dead = UNKNOWN + REFUSED
        self.wait_for("SELECT count(*) FROM parked_keys WHERE state = 'dead'", 2 * dead, "dead streams")
        self.wait_for(
            "SELECT count(*) FROM dead_letters WHERE kind = 'event' AND announced_at IS NULL", 0, "told"
        )
        self.wait_for(
            "SELECT count(DISTINCT (projection, kafka_offset, partition)) FROM dead_letters"
            " WHERE kind = 'record'",
            2 * STRANGERS,
            "strangers' records are letters",
        )
        self.assertEqual(
            self.value("SELECT count(*) FROM dead_letters WHERE class NOT LIKE 'poison.%'"), 0
        )
        self.cluster.wait_caught_up(self.api)
        self.check("with parked streams")

        self.fix_the_bug()
        self.request("redrive", {"class": "poison.constraint"})
        self.wait_for("SELECT count(*) FROM parked_keys", 2 * UNKNOWN, "what was redriven is applied")
        self.request("discard", {"class": "poison.fold"})
        self.wait_for("SELECT count(*) FROM parked_keys", 0, "nothing is parked any more")
        self.request("discard", {"class": "poison.foreign"})
        self.wait_for(
            "SELECT count(*) FROM dead_letters WHERE state IN ('open', 'redriving')", 0, "no letter is open"
        )
        self.cluster.wait_caught_up(self.api)
        report = self.check("at the end")
        self.assertTrue(any(f"{ORDERS + 1} listed orders" in line for line in report.proven), report.text())
        self.check_dlq_topic(2 * dead)

    def check(self, when):
        report = check_all(self.cluster.database, self.cluster.prefix, None, self.api, strangers=STRANGERS)
        print(f"{when}:\n{report.text()}")
        self.assertEqual(report.faults, [], when)
        return report

    def check_dlq_topic(self, count):
        """a topic a projection, with the headers that Kafka's own dead letter queues have"""
        found = 0
        for projection in ("orders", "customers"):
            for record in services.read_topic(f"{self.cluster.prefix}.dlq.{projection}"):
                self.assertEqual(record.headers["__dlq.errors.topic"], f"{self.cluster.prefix}.order")
                self.assertEqual(record.headers["__dlq.errors.delivery.count"], "3")
                self.assertIn(f".{projection}.", record.headers["__dlq.errors.group"])
                self.assertTrue(record.headers["__dlq.errors.message"])
                self.assertEqual(json.loads(record.value)["projection"], projection)
                found += 1
        self.assertEqual(found, count)


if __name__ == "__main__":
    main()
