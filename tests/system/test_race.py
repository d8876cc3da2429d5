#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""64 clients race on 10 streams: every version is acknowledged once, every refusal tells the truth."""
import collections

from support.case import SystemTest, main, order_of, unique
from support.checker import Report, check_acknowledged, check_positions, check_versions
from support.log import Log
from support.swarm import Request, Swarm

CLIENTS = 64
STREAMS = 10
VERSIONS = 150


class Append:
    """One attempt: what was expected, what came back, and when."""

    __slots__ = (
        "stream",
        "expected",
        "status",
        "version",
        "correlation_id",
        "events",
        "sent_at",
        "answered_at",
    )

    def command(self):
        """What check_acknowledged wants to know."""
        return {"correlation_id": self.correlation_id, "status": self.status, "events": self.events}


class Race:
    """The streams, the clients and all they did."""

    def __init__(self, addresses, versions):
        self.addresses = addresses
        self.versions = versions
        self.name = unique("race-")
        self.streams = [unique("race-") for _ in range(STREAMS)]
        self.attempts = []

    def run(self):
        Swarm().run([self.client(number) for number in range(CLIENTS)])
        return self

    def client(self, number):
        """Appends to its stream, each time on the version it knows, until the stream is full."""
        stream = self.streams[number % STREAMS]
        address = self.addresses[number % len(self.addresses)]
        known = 0
        while known < self.versions:
            attempt = Append()
            attempt.stream, attempt.expected = stream, known
            attempt.correlation_id = f"{self.name}-{number}-{len(self.attempts)}"
            request = Request(
                address, "POST", f"/v1/streams/{stream}/events", BODY, self.headers(attempt)
            )
            answer = yield request
            attempt.status = answer.status
            attempt.sent_at, attempt.answered_at = request.sent_at, request.answered_at
            known = self.learn(attempt, answer)
            self.attempts.append(attempt)

    def headers(self, attempt):
        condition = (
            ("If-Match", f'"{attempt.expected}"') if attempt.expected else ("If-None-Match", "*")
        )
        return {condition[0]: condition[1], "X-Correlation-Id": attempt.correlation_id}

    def learn(self, attempt, answer):
        body = answer.json()
        if answer.status == 201:
            attempt.version = body["version"]
            attempt.events = [{k: body[k] for k in ("stream", "version", "position")}]
            return attempt.version
        assert answer.status == 412, answer
        attempt.version = body["actual_version"]
        attempt.events = []
        since = [event["version"] for event in body["events"]]
        last = min(attempt.version, attempt.expected + 20)
        assert since == list(range(attempt.expected + 1, last + 1)), (attempt.expected, body)
        return attempt.version


BODY = {"events": [{"type": "Raced", "data": {}}]}


class Racing(SystemTest):
    @classmethod
    def start(cls):
        super().start()
        cls.second = cls.cluster.serve("second", "api")
        cls.addresses = [("127.0.0.1", cls.all.port), ("127.0.0.1", cls.second.port)]

        cls.commands = []

    def check(self, race):
        self.commands.extend(attempt.command() for attempt in race.attempts)
        accepted = [a for a in race.attempts if a.status == 201]
        refused = [a for a in race.attempts if a.status == 412]
        acknowledged = collections.Counter((a.stream, a.version) for a in accepted)
        for stream in race.streams:
            for version in range(1, race.versions + 1):
                self.assertEqual(acknowledged[stream, version], 1, (stream, version))
        self.assertTrue(all(a.version == a.expected + 1 for a in accepted))
        self.assertGreater(len(refused), len(accepted), "there was no race")
        self.check_refusals(accepted, refused)
        print(
            f"({len(accepted)} versions acknowledged once, {len(refused)} refusals true) ", end=""
        )

    def check_refusals(self, accepted, refused):
        """actual_version was true at some moment between the refusal's request and its answer.

        So: whoever wrote that version had sent it before the answer came, and whoever wrote the
        next one had no answer yet when the refused request was sent.
        """
        written = {(a.stream, a.version): a for a in accepted}
        for attempt in refused:
            self.assertNotEqual(attempt.version, attempt.expected)
            if attempt.version > 0:
                self.assertLess(
                    written[attempt.stream, attempt.version].sent_at, attempt.answered_at
                )
            following = written.get((attempt.stream, attempt.version + 1))
            if following is not None:
                self.assertGreater(following.answered_at, attempt.sent_at)

    def test_one_process(self):
        """64 clients, 10 streams, one serve: versions 1..N once each, every 412 true at that moment"""
        self.check(Race(self.addresses[:1], VERSIONS).run())

    def test_two_processes(self):
        """the same against two serve processes on one log"""
        self.check(Race(self.addresses, VERSIONS).run())

    def test_creations_of_one_stream(self):
        """64 creations of one stream at two processes, 20 times: one 201 each, 63 conflicts that say version 1"""
        for _ in range(20):
            race = Race(self.addresses, 1)
            race.streams = [unique("race-")] * STREAMS
            race.run()
            statuses = collections.Counter(a.status for a in race.attempts)
            self.assertEqual(statuses, {201: 1, 412: CLIENTS - 1})
            self.assertTrue(all(a.version == 1 for a in race.attempts))

    def test_creations_of_one_order(self):
        """64 placings of one order_id at two processes: one 201, the others 409 already-exists"""
        sku = unique("sku")
        self.receive(sku, 1000)
        for _ in range(10):
            order_id = unique("o")
            answers = self.place_everywhere(order_of(sku, order_id=order_id))
            self.assertEqual(
                collections.Counter(a.status for a in answers), {201: 1, 409: CLIENTS - 1}
            )
            for answer in answers:
                if answer.status == 409:
                    self.refused(answer, 409, "already-exists")
                self.assertEqual(answer.headers["location"], f"/v1/orders/{order_id}")
        self.assertEqual(self.stock(sku)["reserved"], 10)

    def test_last_pieces_are_sold_once(self):
        """64 orders for 10 pieces at two processes: 10 are placed, 54 refused, none oversold"""
        sku = unique("sku")
        self.receive(sku, 10)
        answers = self.place_everywhere(order_of(sku))
        self.assertEqual(collections.Counter(a.status for a in answers), {201: 10, 409: 54})
        for answer in answers:
            if answer.status == 409:
                self.refused(answer, 409, "insufficient-stock")
        stock = self.stock(sku)
        self.assertEqual((stock["on_hand"], stock["reserved"], stock["available"]), (10, 10, 0))

    def test_stock_another_process_has_cached(self):
        """an order placed at one process is cancelled, or shipped, at the other, whose stock is an older one"""
        other = self.second.client()
        self.addCleanup(other.close)
        for verb, left in (("cancel", (10, 0)), ("ship", (8, 0))):
            sku = unique("sku")
            self.accepted(other.post(f"/v1/stock/{sku}/receive", {"quantity": 10}))
            order_id = self.place(sku, quantity=2)["order_id"]
            if verb == "ship":
                self.accepted(self.act(order_id, "pay", {"amount_minor": 200}))
            self.accepted(other.post(f"/v1/orders/{order_id}/{verb}", {}))
            stock = self.stock(sku)
            self.assertEqual((stock["on_hand"], stock["reserved"]), left)

    def place_everywhere(self, order):
        answers = []

        def client(number):
            address = self.addresses[number % 2]
            answers.append((yield Request(address, "POST", "/v1/orders", order)))

        Swarm().run([client(number) for number in range(CLIENTS)])
        return answers

    def test_zz_the_log_agrees(self):
        """after all races: positions and versions gapless, each acknowledged append there once"""
        report = Report()
        log = Log(self.cluster.database)
        check_positions(log, report)
        check_versions(log, report)
        check_acknowledged(log, self.commands, report)
        self.assertEqual(report.faults, [])


if __name__ == "__main__":
    main()
