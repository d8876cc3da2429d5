#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL or Kafka away: at start and in the middle. Live, honest about it, healed by itself.

Runs alone: it stops the services that all tests share.
"""
import signal
import time

from support import services
from support.case import SystemTest, event, main, unique
from support.client import Disconnected
from support.harness import RESTARTED_S
from support.swarm import Request, Swarm

GONE = "127.0.0.1:1"  # nobody listens there


class AwayAtStart(SystemTest):
    @classmethod
    def start(cls):
        pass

    def started(self, name, *verb, **settings):
        process = self.cluster.add(name, *verb, **settings).start()
        self.eventually(lambda: process.status_of("/livez") == 200, f"{name} is live")
        return process

    def test_postgres_away(self):
        """without PostgreSQL it is live, not ready, answers 503 dependency-down, and heals"""
        services.control("stop", "postgres")
        try:
            process = self.started("early", "serve")
            self.api = process.client()
            self.assertEqual(process.status_of("/readyz"), 503)
            self.refused(self.append("note-early", event()), 503, "dependency-down")
            self.refused(self.api.get("/v1/orders"), 503, "dependency-down")
            self.expect(self.api.get("/metrics"), 200)
            self.expect(self.api.get("/version"), 200)
            self.assertTrue(process.running())
        finally:
            services.control("start", "postgres")
        process.wait_ready()
        self.accepted(self.append("note-early", event()))
        self.assertEqual(process.terminate(), 0)

    def test_kafka_away(self):
        """without Kafka the API is ready and says degraded; commands are taken, and published later"""
        services.control("stop", "kafka")
        try:
            process = self.started("nokafka", "serve").wait_ready()
            self.api = process.client()
            self.assertIn("degraded", self.api.get("/readyz").body.decode())
            sku = unique("sku")
            self.receive(sku, 3)
            order_id = self.place(sku)["order_id"]
            self.assertEqual(self.order(order_id)["status"], "placed")
        finally:
            services.control("start", "kafka")
        self.cluster.wait_caught_up(self.api, RESTARTED_S)
        listed = self.api.get("/v1/orders?limit=500").json()["items"]
        self.assertIn(order_id, [item["order_id"] for item in listed])
        self.assertEqual(process.terminate(), 0)

    def test_both_away_for_every_role(self):
        """publish and project alone start without services too, and stop when told"""
        away = {
            "kafka__bootstrap__servers": GONE,
            "postgres__url": f"postgresql://nobody@{GONE}/nothing",
        }
        for verb in (["publish"], ["project"], ["serve", "--roles", "api"]):
            process = self.started("-".join(verb).replace("--", ""), *verb, **away)
            self.assertEqual(process.status_of("/readyz"), 503)
            self.assertTrue(process.running())
            self.assertEqual(process.terminate(), 0)


class AwayInBetween(SystemTest):
    def test_postgres_killed_under_a_serve(self):
        """PostgreSQL killed: commands are 503, never half-done; after its return all goes on"""
        self.accepted(self.append("note-kill", event()))
        services.control("kill", "postgres")
        try:
            answer = self.append("note-kill", event(), idempotency_key="while-away")
            self.assertEqual(answer.status, 503, answer)
            self.assertIn(
                answer.json()["type"].rpartition("/")[2], ("dependency-down", "outcome-unknown")
            )
            self.eventually(
                lambda: self.all.status_of("/readyz") == 503, "not ready without PostgreSQL"
            )
        finally:
            services.control("start", "postgres")
        self.all.wait_ready()
        self.accepted(self.append("note-kill", event(), idempotency_key="while-away"))
        self.assertEqual(self.api.head("/v1/streams/note-kill").headers["etag"], '"2"')

    def test_kafka_stopped_under_a_serve(self):
        """Kafka stopped: writes and reads go on, lists lag and say so; after its return they catch up"""
        sku = unique("sku")
        self.receive(sku, 100)
        self.cluster.wait_caught_up(self.api)
        services.control("stop", "kafka")
        try:
            for _ in range(20):
                order_id = self.place(sku)["order_id"]
            self.assertEqual(self.order(order_id)["status"], "placed")
            answer = self.expect(self.api.get("/v1/orders"), 200)
            self.assertLess(int(answer.headers["daybook-read-position"]), self.cluster.position())
            self.eventually(
                lambda: "degraded" in self.api.get("/readyz").body.decode(),
                "degraded without Kafka",
            )
            self.assertEqual(self.all.status_of("/readyz"), 200)
        finally:
            services.control("start", "kafka")
        self.cluster.wait_caught_up(self.api, RESTARTED_S)


class Projector(SystemTest):
    """What others can see of a projector's trouble: of its process alone, and of all in the status."""

    @classmethod
    def start(cls):
        cls.cluster.serve("api", "api")
        cls.api = cls.cluster.processes["api"].client()
        cls.addClassCleanup(cls.api.close)

    def projections(self):
        status = self.expect(self.api.get("/admin/v1/status"), 200).json()
        return {p["name"]: p for p in status["projections"]}

    def all_are(self, state):
        return {p["state"] for p in self.projections().values()} == {state}

    def test_kafka_away(self):
        """Kafka stopped: quiet projections are paused, with the reason, until it is back; not longer"""
        publisher = self.cluster.serve("publisher", "publish")
        projector = self.cluster.serve("projector", "project")
        self.receive(unique("sku"), 1)
        self.cluster.wait_caught_up(self.api)
        services.control("stop", "kafka")
        try:
            self.eventually(lambda: self.all_are("paused"), "paused without Kafka")
            until = time.monotonic() + 10.0  # what is asked again goes on failing
            while time.monotonic() < until:
                for projection in self.projections().values():
                    self.assertEqual(projection["state"], "paused", projection)
                    self.assertIn("ask Kafka: ", projection["reason"], projection)
                role = projector.client().get("/readyz").json()["roles"]["project"]
                self.assertEqual(role["state"], "degraded", role)
                self.assertIn("is paused: ", role["reason"])
        finally:
            services.control("start", "kafka")
        self.eventually(lambda: self.all_are("running"), "running with Kafka", RESTARTED_S)
        for process in (publisher, projector):
            self.assertEqual(process.terminate(), 0)

    def test_failing_before_it_has_a_partition(self):
        """a projector that gets no partition is not `stopped`: its state and reason are in the status"""
        self.eventually(lambda: self.all_are("stopped"), "stopped without a process")
        self.cluster.add("lost", "project", kafka__bootstrap__servers=GONE).start()
        self.eventually(lambda: self.all_are("paused"), "paused without a Kafka")
        for projection in self.projections().values():
            self.assertIn("ask Kafka: ", projection["reason"], projection)
        self.assertEqual(self.cluster.processes["lost"].terminate(), 0)

    def test_a_read_model_of_another_program(self):
        """a projection that can not begin is blocked and says why; the others run"""
        self.change_declaration("'other ' || declaration")
        processes = [self.cluster.serve("early", "publish"), self.cluster.serve("odd", "project")]
        self.eventually(
            lambda: {name: p["state"] for name, p in self.projections().items()}
            == {"orders": "blocked", "stock": "running", "customers": "running"},
            "one is blocked, the others run",
        )
        self.assertIn("another declaration", self.projections()["orders"]["reason"])
        for process in processes:
            self.assertEqual(process.terminate(), 0)
        self.change_declaration("substr(declaration, 7)")

    def change_declaration(self, to):
        """Of the live table of orders, which is its only generation."""
        self.cluster.database.execute(
            f"UPDATE projections SET declaration = {to} WHERE name = 'orders';"
            f" UPDATE generations SET declaration = {to} WHERE projection = 'orders'"
        )


class Frozen(SystemTest):
    """Not dead: its processes are stopped, so connections stay, and nothing is answered."""

    TIMEOUT_S = 2.0
    MARGIN_S = 2.0  # one second of it by design, the rest for a busy machine
    SETTINGS = {"eventlog__command_timeout": "2s"}

    def test_frozen_postgres(self):
        """a frozen PostgreSQL holds up no command: each has its 503 in time, those to come as well"""
        self.accepted(self.append("note-frozen", event()))
        address = ("127.0.0.1", self.all.port)
        answers = []

        def client(number):
            for count in range(3):  # so that they meet it in every state: sending, connecting, lost
                body = {"events": [event(data={"client": number, "count": count})]}
                began = time.monotonic()
                answer = yield Request(
                    address, "POST", f"/v1/streams/frozen-{number}/events", body
                )
                answers.append((time.monotonic() - began, answer))

        services.control("freeze", "postgres")
        try:
            Swarm().run([client(number) for number in range(32)], deadline_s=60.0)
        finally:
            services.control("thaw", "postgres")
        self.assertEqual(len(answers), 96)
        for taken_s, answer in answers:
            self.assertEqual(answer.status, 503, answer)
            self.assertIn(
                answer.json()["type"].rpartition("/")[2], ("dependency-down", "outcome-unknown")
            )
            self.assertLess(taken_s, self.TIMEOUT_S + self.MARGIN_S, answer)
        print(f"(at most {max(taken_s for taken_s, _ in answers):.1f} s) ", end="")
        self.all.wait_ready()
        self.accepted(self.append("note-frozen", event()))


class Jobs(SystemTest):
    def project(self):
        return self.expect(self.api.get("/readyz"), 200).json()["roles"]["project"]

    def beat(self):
        """What the process's last heartbeat says of the role."""
        processes = self.expect(self.api.get("/admin/v1/status"), 200).json()["processes"]
        return processes[0]["detail"]["project"]

    def test_that_nobody_looks_after_them_is_told(self):
        """jobs that can not be looked after: `degraded` with why in readyz and the status, a metric"""
        self.eventually(lambda: self.project()["state"] == "ok", "all is well")
        with self.cluster.database.locked("jobs"):
            self.eventually(lambda: self.project()["state"] == "degraded", "it is told")
            self.assertIn("jobs can not be looked after: ", self.project()["reason"])
        self.eventually(lambda: self.project()["state"] == "ok", "all is well again")
        well = {"running": 0, "trouble": None}
        self.eventually(lambda: self.beat().get("jobs") == well, "its heartbeat says so")
        text = self.expect(self.api.get("/metrics"), 200).body.decode()
        self.assertIn("daybook_jobs_running 0", text)
        self.assertIn("daybook_jobs_looked_timestamp_seconds ", text)


class Stopping(SystemTest):
    def test_sigterm_drains(self):
        """SIGTERM under load: ends within 10 s with 0, and every acknowledged append is in the log"""
        second = self.cluster.serve("drained", "api")
        address = ("127.0.0.1", second.port)
        acknowledged, refused = [], []

        def client(number):
            for count in range(10000):
                body = {"events": [event(data={"client": number, "count": count})]}
                try:
                    answer = yield Request(
                        address, "POST", f"/v1/streams/drain-{number}/events", body
                    )
                except Disconnected:
                    return
                if answer.status != 201:
                    refused.append(answer)
                    return
                acknowledged.append(
                    (answer.json()["position"], f"drain-{number}", answer.json()["version"])
                )

        told = []

        def each_turn():
            if len(acknowledged) > 500 and not told:
                second.signal(signal.SIGTERM)
                told.append(True)

        Swarm().run([client(number) for number in range(64)], each_turn, deadline_s=60.0)
        self.assertEqual(second.wait_end(), 0, second.log_tail())
        for answer in refused:
            self.assertEqual(answer.status, 503, answer)
        rows = self.cluster.database.rows(
            "SELECT e.position, s.name, e.version FROM events e JOIN streams s ON s.id = e.stream_id "
            "WHERE s.category = 'drain'"
        )
        written = {(int(p), name.decode(), int(v)) for p, name, v in rows}
        self.assertEqual(set(acknowledged) - written, set())
        print(f"({len(acknowledged)} acknowledged, {len(written)} written) ", end="")

    def test_idle_connections_do_not_hold_it(self):
        """keep-alive connections without a request do not delay the end; every role ends with 0"""
        for name, verb in (
            ("idle-api", ["serve", "--roles", "api"]),
            ("idle-pub", ["publish"]),
            ("idle-proj", ["project"]),
        ):
            process = self.cluster.add(name, *verb).start().wait_ready()
            clients = [process.client() for _ in range(10)]
            for client in clients:
                self.assertEqual(client.get("/livez").status, 200)
            self.assertEqual(process.terminate(), 0, process.log_tail())

    def test_twice_told(self):
        """a second SIGTERM ends it at once"""
        process = self.cluster.serve("twice", "api")
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGTERM)
        process.wait_end()


if __name__ == "__main__":
    main()
