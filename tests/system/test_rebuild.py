#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Read models built anew beside the live ones, under load, through kills, activated and rolled back."""
import random
import threading
import time

from support import services
from support.case import SystemTest, main, unique
from support.checker import check_all
from support.client import Disconnected
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
        self.position = {}
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.read(f"/v1/orders?customer_id={self.customer}&limit=50", ANCHORS)
            self.read(f"/v1/customers/{self.customer}/orders?limit=50", ANCHORS)
            self.read("/v1/stock?limit=500", len(self.skus))
            self.read_summary()

    def get(self, target):
        answer = self.api.get(target)
        if answer.status != 200:
            self.faults.append(f"{target}: {answer}")
            return None
        path = target.split("?", 1)[0]
        position = int(answer.headers["daybook-read-position"])
        if position < self.position.get(path, 0):
            self.faults.append(f"{path} went back from {self.position[path]} to {position}")
        self.position[path] = position
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


if __name__ == "__main__":
    main()
