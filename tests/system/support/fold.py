# SPDX-License-Identifier: Apache-2.0
"""The read models as a fold of the log, written from the contract alone.

Orders and stock are folded stream by stream; a customer's summary is counted from the orders as
they stand, not from the changes that events carry, so that a wrong change is seen.
"""
import collections
import datetime


class Impossible(Exception):
    """An event that can not follow those before it."""


class Order:
    def __init__(self, event):
        facts = event.facts()
        self.order_id = event.stream.partition("-")[2]
        self.customer_id = facts["customer_id"]
        self.currency = facts["currency"]
        self.lines = {line["line"]: {**line, "shipped": 0} for line in facts["lines"]}
        self.status = "draft"
        self.paid_minor = self.refunded_minor = 0
        self.times = dict.fromkeys(
            ("placed_at", "paid_at", "shipped_at", "delivered_at", "cancelled_at")
        )
        self.was_placed = False
        self.updated_us = self.version = 0

    @property
    def total_minor(self):
        return sum(line["quantity"] * line["unit_price_minor"] for line in self.lines.values())

    @property
    def items(self):
        return sum(line["quantity"] for line in self.lines.values())

    def counts(self):
        """Placed and not cancelled: what a customer's summary counts."""
        return self.was_placed and self.status != "cancelled"

    def apply(self, event):
        facts = event.facts()
        STEPS[event.type](self, facts, event.occurred_us)
        if facts.get("total_minor", self.total_minor) != self.total_minor:
            raise Impossible(
                f"total of {event!r} is {facts['total_minor']}, its lines say {self.total_minor}"
            )
        if (facts["customer_id"], facts["currency"]) != (self.customer_id, self.currency):
            raise Impossible(f"customer or currency of {event!r}")
        self.updated_us = event.recorded_us
        self.version = event.version

    def move(self, allowed, to, name, at):
        if self.status not in allowed:
            raise Impossible(f"{to} after {self.status} in order {self.order_id}")
        self.status = to
        if name:
            self.times[name] = at

    def place(self, facts, at):
        self.move(("draft",), "placed", "placed_at", at)
        self.was_placed = True
        placed = [
            (line["line"], line["quantity"], line["unit_price_minor"]) for line in facts["lines"]
        ]
        have = [
            (line["line"], line["quantity"], line["unit_price_minor"])
            for line in self.lines.values()
        ]
        if placed != have:
            raise Impossible(f"order {self.order_id} placed with other lines than it had")

    def add_line(self, facts, at):
        self.move(("draft", "placed"), self.status, None, at)
        if facts["line"] in self.lines:
            raise Impossible(f"line {facts['line']} added twice to order {self.order_id}")
        names = ("line", "sku", "quantity", "unit_price_minor")
        self.lines[facts["line"]] = {name: facts[name] for name in names} | {"shipped": 0}

    def change_line(self, facts, at):
        self.move(("draft", "placed"), self.status, None, at)
        self.lines[facts["line"]]["quantity"] = facts["quantity"]

    def remove_line(self, facts, at):
        self.move(("draft", "placed"), self.status, None, at)
        del self.lines[facts["line"]]

    def pay(self, facts, at):
        if facts["amount_minor"] != self.total_minor:
            raise Impossible(
                f"order {self.order_id} paid {facts['amount_minor']} of {self.total_minor}"
            )
        self.move(("placed",), "paid", "paid_at", at)
        self.paid_minor = facts["amount_minor"]

    def ship(self, facts, at):
        self.move(("paid",), "paid", None, at)
        for shipped in facts["lines"]:
            line = self.lines[shipped["line"]]
            line["shipped"] += shipped["quantity"]
            if line["shipped"] > line["quantity"]:
                raise Impossible(
                    f"line {line['line']} of order {self.order_id} shipped beyond its quantity"
                )
        if all(line["shipped"] == line["quantity"] for line in self.lines.values()):
            self.move(("paid",), "shipped", "shipped_at", at)

    def deliver(self, facts, at):
        self.move(("shipped",), "delivered", "delivered_at", at)

    def cancel(self, facts, at):
        self.move(("draft", "placed", "paid"), "cancelled", "cancelled_at", at)

    def send_back(self, facts, at):
        self.move(("delivered",), "returned", None, at)

    def refund(self, facts, at):
        after = ("paid", "shipped", "delivered", "returned", "cancelled")
        self.move(after, self.status, None, at)
        self.refunded_minor += facts["amount_minor"]
        if not 0 <= facts["amount_minor"] <= self.refunded_minor <= self.paid_minor:
            raise Impossible(
                f"order {self.order_id} refunded {self.refunded_minor} of {self.paid_minor}"
            )

    def view(self):
        """The order as GET /v1/orders shows it, times in microseconds."""
        return {
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "status": self.status,
            "currency": self.currency,
            "lines": list(self.lines.values()),
            "total_minor": self.total_minor,
            "paid_minor": self.paid_minor,
            "refunded_minor": self.refunded_minor,
            "updated_at": self.updated_us,
            "version": self.version,
            **self.times,
        }


STEPS = {
    "OrderDrafted": lambda order, facts, at: None,
    "OrderPlaced": Order.place,
    "LineAdded": Order.add_line,
    "LineChanged": Order.change_line,
    "LineRemoved": Order.remove_line,
    "OrderPaid": Order.pay,
    "OrderShipped": Order.ship,
    "OrderDelivered": Order.deliver,
    "OrderCancelled": Order.cancel,
    "OrderReturned": Order.send_back,
    "OrderRefunded": Order.refund,
}


class Stock:
    def __init__(self, sku):
        self.sku = sku
        self.on_hand = self.reserved = self.version = 0

    def apply(self, event):
        facts = event.facts()
        on_hand, reserved = {
            "StockReceived": (1, 0),
            "StockAdjusted": (1, 0),
            "StockReserved": (0, 1),
            "StockReleased": (0, -1),
            "StockTaken": (-1, -1),
        }[event.type]
        quantity = facts["delta" if event.type == "StockAdjusted" else "quantity"]
        self.on_hand += on_hand * quantity
        self.reserved += reserved * quantity
        self.version = event.version
        if not 0 <= self.reserved <= self.on_hand:
            raise Impossible(f"{event!r}: {self.on_hand} on hand, {self.reserved} reserved")

    def view(self):
        return {
            "sku": self.sku,
            "on_hand": self.on_hand,
            "reserved": self.reserved,
            "available": self.on_hand - self.reserved,
            "version": self.version,
        }


class Models:
    """All read models of a log, and what in it could not be folded."""

    def __init__(self, events, skipped=frozenset()):
        """SKIPPED: (key, version) of events that were discarded."""
        self.orders = {}
        self.stock = {}
        self.faults = []
        self.unfoldable = {}  # stream: fault, of the first event of it that can not be folded
        self.held_back = set()
        for event in events:
            if (event.key, event.version) in skipped:
                self.skip(event)
            elif event.stream not in self.unfoldable:
                try:
                    self.take(event)
                except (Impossible, KeyError) as fault:
                    self.unfoldable[event.stream] = f"can not be folded: {event!r}: {fault!r}"
        self.faults = list(self.unfoldable.values())

    def skip(self, event):
        """A row's version passes a discarded event."""
        if event.stream in self.orders:
            self.orders[event.stream].version = event.version
        elif event.stream.partition("-")[2] in self.stock and event.category == "stock":
            self.stock[event.stream.partition("-")[2]].version = event.version

    def hold_back(self, streams):
        """STREAMS are parked: what can not be folded in them is no fault."""
        self.held_back = set(streams)
        self.faults = [f for stream, f in self.unfoldable.items() if stream not in streams]

    def customers_held_back(self):
        return {self.orders[s].customer_id for s in self.held_back if s in self.orders}

    def take(self, event):
        if event.category == "order":
            if event.stream not in self.orders:
                self.orders[event.stream] = Order(event)
            self.orders[event.stream].apply(event)
        elif event.category == "stock":
            sku = event.stream.partition("-")[2]
            self.stock.setdefault(sku, Stock(sku)).apply(event)

    def summaries(self):
        """{customer: (orders, items, {currency: total})} of what is placed and not cancelled."""
        found = {}
        for order in self.orders.values():
            orders, items, totals = found.get(order.customer_id, (0, 0, collections.Counter()))
            if order.counts():
                orders, items = orders + 1, items + order.items
                totals[order.currency] += order.total_minor
            found[order.customer_id] = (orders, items, totals)
        return found

    def reserved_by_orders(self):
        """{sku: pieces} that placed and paid orders hold and have not shipped yet."""
        held = collections.Counter()
        for order in self.orders.values():
            if order.status in ("placed", "paid", "shipped"):
                for line in order.lines.values():
                    held[line["sku"]] += line["quantity"] - line["shipped"]
        return held


def microseconds(text):
    """An RFC 3339 time of the API in microseconds since 1970."""
    moment = datetime.datetime.fromisoformat(text)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86400 + since.seconds) * 1000000 + since.microseconds
