# SPDX-License-Identifier: Apache-2.0
"""Commands of every kind from many clients that never give up.

A command has a correlation id of its own and a way to be repeated safely (an Idempotency-Key or
client-chosen event ids). Its client repeats it, at the other process if need be, until the answer
is definite. So at the end every command is either acknowledged or refused, and the checker can ask
for exactly those events in the log.
"""
import itertools
import random
import uuid

from .client import Disconnected
from .swarm import Pause, Request

SKUS = [f"sku{n:02d}" for n in range(20)]
CUSTOMERS = [f"customer{n:02d}" for n in range(40)]
CURRENCIES = ["EUR", "USD"]
PAUSE_S = 0.05
TRIES_MAX = 2000


class Command:
    def __init__(self, correlation_id, method, target, body, keyed=True):
        self.correlation_id = correlation_id
        self.method = method
        self.target = target
        self.body = body
        self.headers = {"X-Correlation-Id": correlation_id}
        if keyed:
            self.headers["Idempotency-Key"] = correlation_id
        self.status = None
        self.events = []
        self.tries = 0

    def outcome(self):
        """What check_acknowledged wants to know."""
        return {"correlation_id": self.correlation_id, "status": self.status, "events": self.events}


class Load:
    def __init__(self, addresses, seed):
        self.addresses = addresses
        self.random = random.Random(seed)
        self.commands = []
        self.acknowledged = 0
        self.replayed = 0  # answers that came from the idempotency store
        self.uncertain = 0  # tries without an answer
        self.unavailable = 0  # 503
        self._numbers = itertools.count(1)
        self._run = uuid.uuid4().hex[:6]

    def clients(self, client_count, job_count):
        """Scripts for a swarm: so many clients share so many jobs."""
        jobs = iter([self.random.choice(JOBS)(self) for _ in range(job_count)])
        return [self._client(number, jobs) for number in range(client_count)]

    def _client(self, number, jobs):
        at = number % len(self.addresses)
        for job in jobs:
            command = next(job)
            while command is not None:
                at = yield from self._carry_out(command, at)
                command = step(job, command.status)

    def _carry_out(self, command, at):
        """Repeats the command until its outcome is definite; returns the address that answered."""
        self.commands.append(command)
        while True:
            command.tries += 1
            if command.tries > TRIES_MAX:
                raise TimeoutError(f"{command.correlation_id}: no definite answer")
            try:
                answer = yield Request(
                    self.addresses[at],
                    command.method,
                    command.target,
                    command.body,
                    command.headers,
                )
            except Disconnected:
                self.uncertain += 1
                at = (at + 1) % len(self.addresses)
                continue
            if is_definite(answer):
                self._settle(command, answer)
                return at
            self.unavailable += 1
            at = (at + 1) % len(self.addresses)
            yield Pause(PAUSE_S)

    def _settle(self, command, answer):
        command.status = answer.status
        self.replayed += "idempotent-replayed" in answer.headers
        if answer.status < 300:
            self.acknowledged += 1
            command.events = promised_events(answer.json())
        elif answer.status not in (404, 409):
            raise AssertionError(f"{command.target} {command.body}: {answer}")

    def command(self, method, target, body, keyed=True):
        return Command(f"k{self._run}-{next(self._numbers)}", method, target, body, keyed)


def step(job, status):
    try:
        return job.send(status)
    except StopIteration:
        return None


def is_definite(answer):
    if answer.status in (429, 503):
        return False
    return not (answer.status == 409 and b"idempotency-in-progress" in answer.body)


def promised_events(body):
    """Stream, version and position of each event an answer stands for; ids where it names them."""
    if "results" in body:
        carried_out = [r["body"] for r in body["results"] if r["status"] < 300]
        return [event for one in carried_out for event in promised_events(one)]
    if "events" in body:
        return [{k: e[k] for k in ("id", "stream", "version", "position")} for e in body["events"]]
    streams = body.get("streams", [body])
    spans = [(s["stream"], v) for s in streams for v in range(s["first_version"], s["version"] + 1)]
    first = body["position"] - len(spans) + 1
    return [
        {"stream": stream, "version": version, "position": first + index}
        for index, (stream, version) in enumerate(spans)
    ]


# Jobs: each yields its commands one by one and is sent each one's status.


def order_life(load):
    pick = load.random
    order_id = f"o{uuid.UUID(int=pick.getrandbits(128)).hex}"
    lines = [
        {
            "sku": pick.choice(SKUS),
            "quantity": pick.randint(1, 4),
            "unit_price_minor": pick.randint(0, 999),
        }
        for _ in range(pick.choice((1, 1, 2, 3)))
    ]
    total = sum(line["quantity"] * line["unit_price_minor"] for line in lines)
    order = {
        "order_id": order_id,
        "customer_id": pick.choice(CUSTOMERS),
        "currency": pick.choice(CURRENCIES),
        "items": lines,
        "place": pick.random() < 0.9,
    }
    status = yield load.command("POST", "/v1/orders", order)
    if status >= 300:
        return
    way = [("pay", {"amount_minor": total}), ("ship", {}), ("deliver", {}), ("return", {})]
    way = way[: pick.randint(0, 4)]
    if pick.random() < 0.3:
        way.append(("cancel", {"reason": "changed"}))
    if pick.random() < 0.3:
        way.append(("refund", {"amount_minor": pick.randint(0, total)}))
    for verb, body in way:
        yield load.command("POST", f"/v1/orders/{order_id}/{verb}", body)


def receive(load):
    sku, quantity = load.random.choice(SKUS), load.random.randint(1, 40)
    yield load.command("POST", f"/v1/stock/{sku}/receive", {"quantity": quantity})


def adjust(load):
    sku, delta = load.random.choice(SKUS), load.random.choice((-5, -1, 1, 5))
    yield load.command("POST", f"/v1/stock/{sku}/adjust", {"delta": delta, "reason": "count"})


def notes(load):
    """A generic append that is repeatable by its event ids, without a key."""
    pick = load.random
    events = [
        {
            "id": f"e{pick.getrandbits(96):x}",
            "type": "Noted",
            "data": {"text": "\u00e9" * pick.randint(0, 60)},
        }
        for _ in range(pick.randint(1, 5))
    ]
    target = f"/v1/streams/note-{pick.randint(1, 30)}/events"
    yield load.command("POST", target, {"events": events}, keyed=False)


def several(load):
    streams = load.random.sample(range(1, 31), 2)
    appends = [
        {"stream": f"memo-{number}", "events": [{"type": "Noted", "data": {"n": number}}] * 2}
        for number in streams
    ]
    yield load.command("POST", "/v1/append", {"appends": appends})


def bulk(load):
    """Several commands in one request; what they are about is made up on the way."""
    pick = load.random
    commands = []
    for _ in range(pick.randint(1, 4)):
        order_id, sku = f"b{uuid.UUID(int=pick.getrandbits(128)).hex}", pick.choice(SKUS)
        line = {"sku": sku, "quantity": pick.randint(1, 3), "unit_price_minor": 7}
        order = {"customer_id": pick.choice(CUSTOMERS), "currency": "EUR", "items": [line]}
        total = {"amount_minor": 7 * line["quantity"]}
        commands += [
            {"command": "stock.receive", "id": sku, "data": {"quantity": pick.randint(1, 2)}},
            {"command": "order.place", "id": order_id, "data": order},
            {"command": "order.pay", "id": order_id, "data": total, "if_match": 1},
        ]
    body = {"atomic": pick.random() < 0.5, "commands": commands}
    yield load.command("POST", "/v1/commands", body)


JOBS = [order_life] * 6 + [receive] * 3 + [adjust, notes, several, bulk]
