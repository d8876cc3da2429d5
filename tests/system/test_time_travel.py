#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Orders and stock as they were: by version, by time, and told as a history."""

from support.case import SystemTest, event, main, order_of, unique
from support.waiting import eventually


class TimeTravel(SystemTest):
    @classmethod
    def setUpClass(cls):
        """An order's whole life, with a snapshot of order and stock after each of its events."""
        super().setUpClass()
        cls.sku, cls.order_id = unique("sku"), unique("o")
        cls.target = f"/v1/orders/{cls.order_id}"
        cls.orders, cls.stocks = [], []
        cls.do("/v1/stock/{}/receive".format(cls.sku), {"quantity": 10}, shows_order=False)
        cls.do("/v1/orders", order_of(cls.sku, 3, order_id=cls.order_id))
        line = {"sku": cls.sku, "quantity": 2, "unit_price_minor": 5}
        for verb, body in (
            ("lines", line),
            ("pay", {"amount_minor": 310, "occurred_at": "2020-01-01T00:00:00Z"}),
            ("ship", {}),
            ("deliver", {}),
            ("return", {"reason": "torn"}),
            ("refund", {"amount_minor": 300}),
        ):
            cls.do(f"{cls.target}/{verb}", body)

    @classmethod
    def do(cls, target, body, shows_order=True):
        answer = cls.api.post(target, body)
        assert answer.status in (200, 201), answer
        if shows_order:
            cls.orders.append(cls.api.get(cls.target).json())
        cls.stocks.append(cls.api.get(f"/v1/stock/{cls.sku}").json())
        # A test needs times between two events.
        eventually(
            lambda: cls.cluster.database.value(
                "SELECT clock_timestamp() > recorded_at + interval '1 ms' FROM log_head"
            )
            == b"t",
            "the next event is recorded later",
        )

    def recorded(self, stream, version):
        target = f"/v1/streams/{stream}/events/{version}"
        return self.expect(self.api.get(target), 200).json()["recorded_at"]

    def as_of(self, target, status=200, **query):
        query = "&".join(f"{name}={value}" for name, value in query.items())
        return self.expect(self.api.get(f"{target}?{query}"), status)

    def test_every_version(self):
        """?at_version= gives the order and the stock exactly as they were shown with that version"""
        self.assertEqual([order["version"] for order in self.orders], list(range(1, 8)))
        for order in self.orders:
            answer = self.as_of(self.target, at_version=order["version"])
            self.assertEqual(answer.json(), order)
            self.assertEqual(answer.headers["etag"], f'"{order["version"]}"')
        for stock in {stock["version"]: stock for stock in self.stocks}.values():
            answer = self.as_of(f"/v1/stock/{self.sku}", at_version=stock["version"])
            self.assertEqual(answer.json(), stock)
        answer = self.api.get(f"{self.target}?at_version=2", if_none_match='"2"')
        self.assertEqual((answer.status, answer.body), (304, b""))

    def test_every_time(self):
        """?at= is compared with recorded_at, inclusive; occurred_at changes no history"""
        stream = f"order-{self.order_id}"
        for order in self.orders:
            at = self.recorded(stream, order["version"])
            self.assertEqual(self.as_of(self.target, at=at).json(), order)
        first = self.recorded(stream, 1)
        self.refused(self.api.get(f"{self.target}?at=2020-06-01T00:00:00Z"), 404, "not-found")
        self.refused(self.api.get(f"{self.target}?at=1970-01-01T00:00:00Z"), 404, "not-found")
        self.assertEqual(self.as_of(f"/v1/stock/{self.sku}", at=first).json(), self.stocks[1])
        self.assertEqual(
            self.as_of(self.target, at="2999-01-01T00:00:00Z").json(), self.orders[-1]
        )
        offset = first.replace("Z", "%2B00:00")
        self.assertEqual(self.as_of(self.target, at=offset).json(), self.orders[0])

    def test_the_read_models_do_not_matter(self):
        """it is the fold of the log, whatever the read model holds or lags"""
        self.cluster.wait_caught_up(self.api)
        for order in self.orders:
            self.assertEqual(
                self.as_of(self.target, at_version=order["version"]).json(), order
            )

    def test_what_is_not_there(self):
        """404 for a version that is not there yet, and for what never was; 400 for both; 422 for nonsense"""
        for target in (self.target, f"/v1/stock/{self.sku}"):
            self.refused(self.api.get(f"{target}?at_version=99"), 404, "not-found")
            both = f"{target}?at_version=1&at=2024-01-01T00:00:00Z"
            self.refused(self.api.get(both), 400, "bad-request")
            for value in ("0", "-1", "1.0", "x", "", "9223372036854775808"):
                self.invalid(self.api.get(f"{target}?at_version={value}"), "?at_version")
            for value in ("yesterday", "2024-13-01T00:00:00Z", "2024-01-01", "5", ""):
                self.invalid(self.api.get(f"{target}?at={value}"), "?at")
            self.invalid(self.api.get(f"{target}?as_of=1"), "?as_of")
        for query in ("at_version=1", "at=2999-01-01T00:00:00Z"):
            self.refused(self.api.get(f"/v1/orders/nobody?{query}"), 404, "not-found")
            self.refused(self.api.get(f"/v1/stock/nothing?{query}"), 404, "not-found")
        self.invalid(self.api.get(f"/v1/orders?at_version=1"), "?at_version")

    def test_history(self):
        """each event as a sentence and as it is stored, in pages"""
        answer = self.expect(self.api.get(f"{self.target}/history"), 200)
        history = answer.json()
        self.assertEqual(
            (history["order_id"], history["stream"], history["version"], history["next_from"]),
            (self.order_id, f"order-{self.order_id}", 7, None),
        )
        self.assertEqual(
            [item["sentence"] for item in history["items"]],
            [
                "customer c1 placed the order of 3 pieces on 1 line for 3.00 EUR",
                f"line 2 was added: 2 of {self.sku} at 0.05 EUR; the total is 3.10 EUR",
                "3.10 EUR were paid",
                "5 pieces were shipped; nothing is left to ship",
                "the order was delivered",
                "the order came back: torn",
                "3.00 EUR were paid back",
            ],
        )
        stored = self.api.get(f"/v1/streams/order-{self.order_id}/events").json()["items"]
        self.assertEqual([item["event"] for item in history["items"]], stored)
        self.assertEqual(answer.headers["etag"], '"7"')
        answer = self.api.get(f"{self.target}/history", if_none_match='"7"')
        self.assertEqual(answer.status, 304)
        versions, start = [], 1
        while start:
            page = self.api.get(f"{self.target}/history?limit=3&from={start}").json()
            versions += [item["event"]["version"] for item in page["items"]]
            start = page["next_from"]
        self.assertEqual(versions, list(range(1, 8)))
        page = self.api.get(f"{self.target}/history?from=8").json()
        self.assertEqual((page["items"], page["next_from"]), ([], None))

    def test_history_refusals(self):
        """unknown orders are 404, parameters out of range 422"""
        self.refused(self.api.get("/v1/orders/nobody/history"), 404, "not-found")
        self.refused(self.api.get("/v1/orders/a%20b/history"), 404, "not-found")
        for query, pointer in (
            ("from=0", "?from"),
            ("limit=0", "?limit"),
            ("limit=501", "?limit"),
            ("cursor=x", "?cursor"),
        ):
            self.invalid(self.api.get(f"{self.target}/history?{query}"), pointer)
        self.refused(self.api.post(f"{self.target}/history"), 405, "method-not-allowed")

    def test_what_can_not_be_folded(self):
        """an event that can not be folded stops the versions from it on, not those before, and the history tells it"""
        order_id = self.place(self.sku, 1, 5)["order_id"]
        target = f"/v1/orders/{order_id}"
        raw = {"events": [event("OrderExploded", {"why": "<b>&"})]}
        stream = f"/v1/streams/order-{order_id}/events?override=reserved-category"
        self.expect(self.api.post(stream, raw), 201)
        self.assertEqual(self.as_of(target, at_version=1).json()["status"], "placed")
        problem = self.refused(self.api.get(f"{target}?at_version=2"), 409, "stream-unreadable")
        self.assertEqual(problem["version"], 2)
        items = self.expect(self.api.get(f"{target}/history"), 200).json()["items"]
        self.assertIn("can not be read", items[1]["sentence"])
        self.assertEqual(items[1]["event"]["data"], {"why": "<b>&"})


if __name__ == "__main__":
    main()
