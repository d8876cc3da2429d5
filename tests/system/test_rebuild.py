#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Read models built anew beside the live ones, under load, through kills, activated and rolled back."""
import random
import threading

from support.case import SystemTest, main, unique
from support.checker import check_all
from support.load import Load
from support.swarm import Swarm
from support.waiting import eventually

PROJECTIONS = ["orders", "stock", "customers"]
ANCHORS = 12  # orders of one customer that every list must show, at every moment


class Reader(threading.Thread):
    """Reads lists without a pause: each must be complete, none may go back."""

    def __init__(self, process, customer, skus):
        super().__init__(daemon=True)
        self.api = process.client()
        self.customer = customer
        self.skus = skus
        self.faults = []
        self.reads = 0
        self.grower = unique("grower")
        self.seen = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.read(f"/v1/orders?customer_id={self.customer}&limit=50", ANCHORS)
            self.read(f"/v1/customers/{self.customer}/orders?limit=50", ANCHORS)
            self.read("/v1/stock?limit=500", len(self.skus))
            self.read_summary()
            self.read_what_grows()

    def get(self, target):
        answer = self.api.get(target)
        if answer.status != 200:
            self.faults.append(f"{target}: {answer}")
            return None
        self.reads += 1
        return answer.json()

    def read(self, target, least):
        body = self.get(target)
        if body is not None and len(body["items"]) < least:
            self.faults.append(f"{target}: {len(body['items'])} of {least}")

    def read_summary(self):
        body = self.get(f"/v1/customers/{self.customer}/summary")
        if body is not None and body["orders"] != ANCHORS:
            self.faults.append(f"summary: {body}")

    def read_what_grows(self):
        """A customer that orders and never cancels: no list or sum of them ever gets shorter."""
        item = {"sku": self.skus[0], "quantity": 1, "unit_price_minor": 1}
        if self.seen < 400:
            body = {"customer_id": self.grower, "currency": "EUR", "items": [item]}
            self.api.post("/v1/orders", body)
        body = self.get(f"/v1/orders?customer_id={self.grower}&limit=500")
        if body is not None and len(body["items"]) < self.seen:
            self.faults.append(f"{len(body['items'])} orders after {self.seen}")
        elif body is not None:
            self.seen = len(body["items"])

    def stop(self):
        self.ended.set()
        self.join()
        return self.faults


class Rebuild(SystemTest):
    SETTINGS = {"projection__rebuild_lanes": 2}

    @classmethod
    def start(cls):
        cls.all = cls.cluster.serve("front", roles="api,publish")
        cls.builders = [cls.cluster.serve(name, roles="project") for name in ("p1", "p2")]
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)
        cls.plant()

    @classmethod
    def plant(cls):
        cls.customer = unique("anchor")
        cls.skus = [unique("sku") for _ in range(5)]
        for sku in cls.skus:
            cls.api.post(f"/v1/stock/{sku}/receive", {"quantity": 1000})
        for number in range(ANCHORS):
            item = {"sku": cls.skus[number % 5], "quantity": 1, "unit_price_minor": 100 + number}
            body = {"customer_id": cls.customer, "currency": "EUR", "items": [item]}
            assert cls.api.post("/v1/orders", body).status == 201
        cls.load = Load([("127.0.0.1", cls.all.port)], seed=11)
        Swarm().run(cls.load.clients(16, 400))
        cls.cluster.wait_caught_up(cls.api)

    def ask(self, projection, verb, body=None, status=202):
        target = f"/admin/v1/projections/{projection}/{verb}"
        return self.expect(self.api.post(target, body or {}), status).json()

    def job(self, number):
        return self.expect(self.api.get(f"/admin/v1/jobs/{number}"), 200).json()

    def job_ends(self, number, deadline_s=60):
        eventually(
            lambda: self.job(number)["state"] not in ("queued", "running"),
            f"job {number} ends",
            deadline_s,
        )
        return self.job(number)

    def done(self, job, deadline_s=60):
        ended = self.job_ends(job["id"], deadline_s)
        self.assertEqual(ended["state"], "done", ended)
        return ended

    def shown(self, projection):
        return self.expect(self.api.get(f"/admin/v1/projections/{projection}"), 200).json()

    def states(self, projection):
        return {g["generation"]: g["state"] for g in self.shown(projection)["generations"]}

    def live(self, projection):
        return self.shown(projection)["generation"]

    def diff(self, projection):
        """The difference between what was built and the live one, all pages."""
        total = {"different": 0, "only_live": 0, "only_other": 0, "behind": 0, "compared": 0}
        samples, cursor = [], ""
        while cursor is not None:
            target = f"/admin/v1/projections/{projection}/diff?limit=100"
            page = self.expect(
                self.api.get(target + (f"&cursor={cursor}" if cursor else "")), 200
            ).json()
            for key in total:
                total[key] += page[key]
            samples += page["samples"]
            cursor = page["next_cursor"]
        return total, samples

    def same(self, projection):
        total, samples = self.diff(projection)
        self.assertGreater(total.pop("compared"), 0)
        self.assertEqual(set(total.values()), {0}, samples[:3])

    def check(self):
        self.cluster.wait_caught_up(self.api)
        outcomes = [command.outcome() for command in self.load.commands]
        report = check_all(self.cluster.database, self.cluster.prefix, outcomes, self.api)
        self.assertEqual(report.faults, [])

    def test_a_whole_life(self):
        """filled, ready, activated, checked, rolled back, activated again; the older one is dropped"""
        for projection in PROJECTIONS:
            before = self.live(projection)
            job = self.done(self.ask(projection, "rebuild"))
            self.assertEqual(job["done"], job["total"], job)
            built = job["arguments"]["generation"]
            self.assertEqual(self.states(projection)[built], "ready")
            self.assertEqual(self.live(projection), before)
            self.same(projection)
            self.done(self.ask(projection, "activate"))
            self.assertEqual(self.live(projection), built)
            self.assertEqual(self.states(projection)[before], "old")
        self.check()
        for projection in PROJECTIONS:
            built = self.live(projection)
            self.done(self.ask(projection, "rollback"))
            self.assertEqual(self.states(projection)[built], "ready")
            self.done(self.ask(projection, "activate"))
            self.assertEqual(self.live(projection), built)
        self.check()

    def holder(self, number):
        """The process that has the job, by its instance's name."""
        holder = self.job(number)["holder"].split(" ", 1)[0]
        return next((p for p in self.builders if p.name == holder), None)

    def kill_holder(self, number):
        process = self.holder(number)
        if process is None or not process.running():
            return False
        process.kill()
        process.start()
        return True

    def phases(self, number, generation, projection):
        job = self.job(number)
        return job["state"], self.states(projection).get(generation)

    def wait_phase(self, number, generation, projection, wanted):
        """Until the generation is in that state, or the job was faster."""
        eventually(
            lambda: self.phases(number, generation, projection)[1] == wanted
            or self.job(number)["state"] == "done",
            f"generation {generation} of {projection} is {wanted}",
            60,
        )

    def test_b_under_load_through_kills(self):
        """under load, its process killed in each phase: readers see whole models, nothing is lost"""
        kills = 0
        chance = random.Random(5)
        before = {projection: self.live(projection) for projection in PROJECTIONS}
        reader = Reader(self.all, self.customer, self.skus)
        reader.start()
        writer = threading.Thread(
            target=lambda: Swarm().run(self.load.clients(8, 1500)), daemon=True
        )
        writer.start()
        for projection in PROJECTIONS:
            job = self.ask(projection, "rebuild", {"rate": 1500})
            number, generation = job["id"], job["arguments"]["generation"]
            for phase in ("filling", "filling", "catching_up"):
                self.wait_phase(number, generation, projection, phase)
                eventually(lambda: chance.random() < 0.2, "a random moment")
                kills += self.kill_holder(number)
            self.done(job, 90)
            self.same(projection)
            switch = self.ask(projection, "activate")
            kills += self.kill_holder(switch["id"])
            self.done(switch, 60)
            self.assertEqual(self.live(projection), generation)
        writer.join(120)
        self.assertFalse(writer.is_alive())
        self.check()
        for projection in PROJECTIONS:
            self.done(self.ask(projection, "rollback"), 60)
            self.assertEqual(self.live(projection), before[projection])
        self.assertEqual(reader.stop(), [])
        self.check()
        self.assertGreaterEqual(kills, 5)
        print(f"({kills} kills, {reader.reads} reads) ", end="")


if __name__ == "__main__":
    main()
