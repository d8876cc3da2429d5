# SPDX-License-Identifier: Apache-2.0
"""A log full of poison, and the letters that must come of it.

Every stream is an order's whole life with one poison event in it; half of them have events behind
it. Three kinds: `refused` by a CHECK on the rows of orders, `banned` by one on those of customers
(both are dropped later, which stands for a bug that is fixed), and `melted`, of a type nobody knows.
"""
import random
import uuid

from .client import Disconnected
from .waiting import eventually

EVENTS_MAX = 800  # of one append
ACTIVE = 400  # streams that grow at a time
REQUEST_MAX = 10_000  # letters of one request
TURN_MAX = 8  # events of one stream in one append
PRICE = 10
REFUSED_MINOR = 13
MELTED = "OrderMelted"
FIXABLE, FOR_GOOD = "poison.constraint", "poison.fold"
# By a stream's number: its kind, and whether events follow the poison. What the database refuses is
# the rarer kind: each is looked for by halving its batch, which costs some thirty transactions.
KINDS = [("banned", True), ("refused", True), ("banned", True), ("refused", False)]
KINDS += [("melted", True)] * 17 + [("melted", False)] * 19
CHECKS = {"orders": f"refunded_minor <> {REFUSED_MINOR}", "customers": "customer_id !~ '^banned'"}


class Order:
    """One stream: what it says, event by event, and where its poison is."""

    def __init__(self, number, length, pick, run):
        self.kind, followed = KINDS[number % len(KINDS)]
        self.stream = f"order-{run}{number:06d}"
        self.customer = f"{self.kind}{number % 50:02d}"
        self.length = length
        self.poison = length
        if followed:  # behind placed and paid, before the last
            self.poison = 1 if self.kind == "banned" else pick.randint(3, length - 1)
        self.pieces = length - (2 if self.kind == "banned" else 3)
        self.said = self.shipped = 0

    def letters(self):
        """What must become a dead letter: projection, stream, version, class."""
        where = {"refused": ["orders"], "banned": ["customers"], "melted": ["orders", "customers"]}
        cause = FOR_GOOD if self.kind == "melted" else FIXABLE
        return [(projection, self.stream, self.poison, cause) for projection in where[self.kind]]

    def next_event(self):
        self.said += 1
        if self.said == 1:
            return self.placed()
        if self.said == self.poison and self.kind == "melted":
            return {"type": MELTED, "data": {"n": self.said}}
        if self.said == self.poison and self.kind == "refused":
            return self.event("OrderRefunded", amount_minor=REFUSED_MINOR)
        if self.said == 2:
            return self.event("OrderPaid", amount_minor=self.pieces * PRICE)
        self.shipped += 1
        lines = [{"line": 1, "sku": "sku", "quantity": 1}]
        return self.event("OrderShipped", lines=lines, complete=self.shipped == self.pieces)

    def placed(self):
        total = self.pieces * PRICE
        line = {"line": 1, "sku": "sku", "quantity": self.pieces, "unit_price_minor": PRICE}
        change = {"orders": 1, "items": self.pieces, "total_minor": total}
        return self.event("OrderPlaced", change, lines=[line], total_minor=total)

    def event(self, kind, change=None, **facts):
        change = change or {"orders": 0, "items": 0, "total_minor": 0}
        who = {"customer_id": self.customer, "currency": "EUR"}
        return {"type": kind, "data": {**who, **facts, "change": change}}


class Plan:
    """So many events with so many poison ones, in an order that mixes the streams."""

    def __init__(self, events, poison, seed):
        self.random = random.Random(seed)
        run = uuid.UUID(int=self.random.getrandbits(128)).hex[:4]
        length = events // poison
        self.orders = [Order(n, length, self.random, run) for n in range(poison)]
        self.events = length * poison
        self.letters = {letter for order in self.orders for letter in order.letters()}

    def bodies(self):
        """Bodies of POST /v1/append, (number of events, body) each."""
        waiting = iter(self.random.sample(self.orders, len(self.orders)))
        active = [order for _, order in zip(range(ACTIVE), waiting)]
        while active:
            appends, count = [], 0
            for order in self.random.sample(active, len(active)):
                events = min(self.random.randint(1, TURN_MAX), order.length - order.said)
                if count + events > EVENTS_MAX:
                    break
                said = [order.next_event() for _ in range(events)]
                appends.append({"stream": order.stream, "events": said})
                count += events
            active = [order for order in active if order.said < order.length]
            active += [order for _, order in zip(range(ACTIVE - len(active)), waiting)]
            yield count, {"appends": appends}


def append_all(plan, api, progress, deadline_s=120.0):
    """Appends the plan; an append without a definite answer is repeated under its key."""
    for count, body in plan.bodies():
        key = {"Idempotency-Key": uuid.UUID(int=plan.random.getrandbits(128)).hex}

        def appended(body=body, key=key):
            try:
                answer = api.request("POST", "/v1/append?override=reserved-category", body, key)
            except Disconnected:
                return False
            if answer.status not in (201, 409, 429, 503):
                raise AssertionError(f"{answer}")
            return answer.status == 201

        eventually(appended, "an append is acknowledged", deadline_s, pause_s=0.1)
        progress(count)


class Dlq:
    """What a driver asks the database and the API about dead letters, and asks of them."""

    def __init__(self, cluster, api):
        self.cluster = cluster
        self.api = api

    def value(self, sql):
        return int(self.cluster.database.value(sql))

    def table(self, projection):
        generation = self.value(f"SELECT generation FROM projections WHERE name = '{projection}'")
        return f"rm_{projection}_{generation}"

    def plant_bug(self):
        for projection, check in CHECKS.items():
            self.cluster.database.execute(
                f"ALTER TABLE {self.table(projection)} ADD CONSTRAINT bug CHECK ({check})"
            )

    def fix_bug(self):
        for projection in CHECKS:
            self.cluster.database.execute(
                f"ALTER TABLE {self.table(projection)} DROP CONSTRAINT bug"
            )

    def wait_for(self, sql, number, what, deadline_s):
        eventually(lambda: self.value(sql) == number, f"{what} ({sql})", deadline_s, pause_s=0.2)

    def all_dead(self, plan, deadline_s):
        """Every letter of the plan is there and announced, and there is no other."""
        for sql, number, what in (
            ("SELECT count(*) FROM parked_keys", len(plan.letters), "keys are parked"),
            ("SELECT count(*) FROM parked_keys WHERE state <> 'dead'", 0, "all of them are dead"),
            ("SELECT count(*) FROM dead_letters WHERE announced_at IS NULL", 0, "letters are told"),
        ):
            self.wait_for(sql, number, what, deadline_s)
        found = self.cluster.database.rows(
            "SELECT projection, stream, version, class FROM dead_letters"
        )
        letters = [(p.decode(), s.decode(), int(v), c.decode()) for p, s, v, c in found]
        assert len(letters) == len(set(letters)), f"{len(letters) - len(set(letters))} letters twice"
        wrong = set(letters) ^ plan.letters
        assert not wrong, f"{len(wrong)} letters too few or too many: {sorted(wrong)[:5]}"

    def jumped(self):
        """Rows of parked streams that have the poison event or one behind it."""
        return self.value(
            f"SELECT count(*) FROM parked_keys k JOIN {self.table('orders')} r ON r.stream = k.stream"
            " WHERE k.projection = 'orders' AND r.version >= k.version"
        )

    def behind(self):
        """Rows of parked streams that are not exactly at the version before the poison event."""
        return self.value(
            f"SELECT count(*) FROM parked_keys k LEFT JOIN {self.table('orders')} r ON r.stream = k.stream"
            " WHERE k.projection = 'orders' AND coalesce(r.version, 0) <> k.version - 1"
        )

    def request(self, verb, cause, **more):
        """Asks for it for all letters of a class, as many at a time as one request takes."""
        body = {"filter": {"class": cause}, "limit": REQUEST_MAX, **more}
        if verb == "discard":
            body["reason"] = "nobody knows this type"
        self.api.close()  # the server has closed a connection that was idle for long
        asked = 0
        while True:
            answer = self.api.post(f"/admin/v1/dlq/{verb}", body)
            assert answer.status in (200, 202), answer
            asked += answer.json()["requested"]
            if answer.json()["matched"] < REQUEST_MAX or body.get("dry_run"):
                return asked
            self.wait_for("SELECT count(*) FROM dead_letter_requests WHERE done_at IS NULL", 0, verb, 600.0)
