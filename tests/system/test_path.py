#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An order's whole life over HTTP: every route of orders and stock, every refusal with its slug."""
from support.case import SystemTest, main, order_of, unique

SHAPE = {
    "order_id",
    "customer_id",
    "status",
    "currency",
    "lines",
    "total_minor",
    "paid_minor",
    "refunded_minor",
    "placed_at",
    "paid_at",
    "shipped_at",
    "delivered_at",
    "cancelled_at",
    "updated_at",
    "version",
}


class Stock(SystemTest):
    def levels(self, sku):
        stock = self.stock(sku)
        self.assertEqual(stock["sku"], sku)
        self.assertEqual(stock["available"], stock["on_hand"] - stock["reserved"])
        return stock["on_hand"], stock["reserved"], stock["version"]

    def test_receive_and_adjust(self):
        """receive and adjust move on_hand, each as one event on stock-<sku>"""
        sku = unique("sku")
        body = self.receive(sku, 12)
        self.assertEqual(body["stream"], f"stock-{sku}")
        self.assertEqual([e["type"] for e in body["events"]], ["StockReceived"])
        self.assertEqual(self.levels(sku), (12, 0, 1))
        for delta, on_hand, version in ((-5, 7, 2), (3, 10, 3)):
            answer = self.api.post(f"/v1/stock/{sku}/adjust", {"delta": delta, "reason": "count"})
            self.accepted(answer)
            self.assertEqual(self.levels(sku), (on_hand, 0, version))

    def test_adjust_never_below_zero_nor_reserved(self):
        """adjust may not take what is not there, nor what is reserved: 409 insufficient-stock"""
        sku = unique("sku")
        self.receive(sku, 10)
        self.place(sku, 4)
        with self.unchanged():
            for delta in (-11, -7, -1000000):
                answer = self.api.post(
                    f"/v1/stock/{sku}/adjust", {"delta": delta, "reason": "lost"}
                )
                problem = self.refused(answer, 409, "insufficient-stock")
                self.assertEqual(problem["shortages"][0]["sku"], sku)
        self.accepted(self.api.post(f"/v1/stock/{sku}/adjust", {"delta": -6, "reason": "lost"}))
        self.assertEqual(self.levels(sku), (4, 4, 3))

    def test_unknown_sku(self):
        """an unknown SKU has 0 available: reading it is 404 or zero, ordering it is refused"""
        sku = unique("sku")
        answer = self.api.get(f"/v1/stock/{sku}")
        if answer.status == 404:
            self.refused(answer, 404, "not-found")
        else:
            self.assertEqual(self.expect(answer, 200).json()["available"], 0)
        with self.unchanged():
            problem = self.refused(
                self.api.post("/v1/orders", order_of(sku, 3)), 409, "insufficient-stock"
            )
        self.assertEqual(problem["shortages"], [{"sku": sku, "requested": 3, "available": 0}])

    def test_list_below(self):
        """GET /v1/stock?below= lists what is short, in pages"""
        low = [unique("low") for _ in range(5)]
        for sku in low:
            self.receive(sku, 1)
        high = unique("high")
        self.receive(high, 1000)
        self.cluster.wait_caught_up(self.api)
        found, target = [], "/v1/stock?below=500&limit=2"
        while target:
            answer = self.expect(self.api.get(target), 200)
            page = answer.json()
            found += [item["sku"] for item in page["items"]]
            cursor = page["next_cursor"]
            target = f"/v1/stock?below=500&limit=2&cursor={cursor}" if cursor else None
            self.assertEqual("link" in answer.headers, target is not None)
        self.assertTrue(set(low) <= set(found))
        self.assertNotIn(high, found)
        self.assertEqual(len(found), len(set(found)))


class Life(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sku = unique("sku")
        answer = cls.api.post(f"/v1/stock/{cls.sku}/receive", {"quantity": 1000000})
        assert answer.status == 200, answer

    def status_and_version(self, order_id):
        order = self.order(order_id)
        return order["status"], order["version"]

    def test_place(self):
        """placing is two events on two streams, 201 with Location, ETag and the events"""
        customer = unique("cust")
        head = self.cluster.position()
        answer = self.api.post("/v1/orders", order_of(self.sku, 3, 250, customer))
        body = self.accepted(answer)
        order_id = body["order_id"]
        self.assertEqual(answer.headers["location"], f"/v1/orders/{order_id}")
        self.assertEqual((body["stream"], body["version"]), (f"order-{order_id}", 1))
        self.assertEqual(body["position"], head + 2)
        events = {(e["type"], e["stream"]) for e in body["events"]}
        self.assertEqual(
            events, {("OrderPlaced", f"order-{order_id}"), ("StockReserved", f"stock-{self.sku}")}
        )
        self.assertEqual(sorted(e["position"] for e in body["events"]), [head + 1, head + 2])
        order = self.order(order_id)
        self.assertTrue(SHAPE <= order.keys(), SHAPE - order.keys())
        self.assertEqual(
            (order["status"], order["total_minor"], order["customer_id"]), ("placed", 750, customer)
        )
        line = {"line": 1, "sku": self.sku, "quantity": 3, "unit_price_minor": 250, "shipped": 0}
        self.assertEqual(order["lines"], [line])
        self.assertIsNone(order["paid_at"])

    def test_whole_life(self):
        """placed, paid, shipped, delivered: states, times, stock taken"""
        order_id = self.place(self.sku, 2, 500)["order_id"]
        before = self.stock(self.sku)
        self.accepted(self.act(order_id, "pay", {"amount_minor": 1000, "reference": "r-1"}))
        self.assertEqual(self.status_and_version(order_id), ("paid", 2))
        self.accepted(self.act(order_id, "ship", {"carrier": "post", "tracking": "t-1"}))
        self.assertEqual(self.status_and_version(order_id), ("shipped", 3))
        after = self.stock(self.sku)
        self.assertEqual(after["on_hand"], before["on_hand"] - 2)
        self.assertEqual(after["reserved"], before["reserved"] - 2)
        self.accepted(self.act(order_id, "deliver"))
        order = self.order(order_id)
        self.assertEqual(
            (order["status"], order["version"], order["paid_minor"]), ("delivered", 4, 1000)
        )
        self.assertEqual(order["lines"][0]["shipped"], 2)
        for name in ("placed_at", "paid_at", "shipped_at", "delivered_at", "updated_at"):
            self.assertIsNotNone(order[name], name)

    def test_draft(self):
        """a draft reserves nothing, takes lines, and is placed later"""
        sku = unique("sku")
        self.receive(sku, 10)
        body = self.place(sku, 2, 100, place=False)
        order_id = body["order_id"]
        self.assertEqual([e["type"] for e in body["events"]], ["OrderDrafted"])
        self.assertEqual(self.order(order_id)["status"], "draft")
        self.assertEqual(self.stock(sku)["reserved"], 0)
        self.accepted(
            self.act(order_id, "lines", {"sku": sku, "quantity": 3, "unit_price_minor": 50})
        )
        self.assertEqual(self.stock(sku)["reserved"], 0)
        self.accepted(self.act(order_id, "place"))
        order = self.order(order_id)
        self.assertEqual((order["status"], order["total_minor"]), ("placed", 350))
        self.assertEqual(self.stock(sku)["reserved"], 5)

    def test_lines_and_reservations_follow(self):
        """lines added, changed and removed on a placed order move total and reservation with them"""
        sku, other = unique("sku"), unique("sku")
        self.receive(sku, 10)
        self.receive(other, 10)
        order_id = self.place(sku, 2, 100)["order_id"]
        self.accepted(
            self.act(order_id, "lines", {"sku": other, "quantity": 4, "unit_price_minor": 10})
        )
        self.accepted(
            self.act(order_id, "lines", {"sku": sku, "quantity": 1, "unit_price_minor": 90})
        )
        self.assertEqual((self.stock(sku)["reserved"], self.stock(other)["reserved"]), (3, 4))
        self.assertEqual(self.order(order_id)["total_minor"], 330)
        self.accepted(self.api.patch(f"/v1/orders/{order_id}/lines/1", {"quantity": 5}))
        self.assertEqual(self.stock(sku)["reserved"], 6)
        self.accepted(self.api.patch(f"/v1/orders/{order_id}/lines/1", {"quantity": 1}))
        self.assertEqual(self.stock(sku)["reserved"], 2)
        self.accepted(self.api.delete(f"/v1/orders/{order_id}/lines/2"))
        self.assertEqual(self.stock(other)["reserved"], 0)
        order = self.order(order_id)
        self.assertEqual([line["line"] for line in order["lines"]], [1, 3])
        self.assertEqual(order["total_minor"], 190)
        self.accepted(
            self.act(order_id, "lines", {"sku": other, "quantity": 1, "unit_price_minor": 1})
        )
        self.assertEqual([line["line"] for line in self.order(order_id)["lines"]], [1, 3, 4])

    def test_line_refusals(self):
        """more than is there, a line that is not there, a paid order: each its own refusal"""
        sku = unique("sku")
        self.receive(sku, 10)
        order_id = self.place(sku, 2)["order_id"]
        with self.unchanged():
            answer = self.api.patch(f"/v1/orders/{order_id}/lines/1", {"quantity": 11})
            problem = self.refused(answer, 409, "insufficient-stock")
            self.assertEqual(problem["shortages"][0]["sku"], sku)
            line = {"sku": sku, "quantity": 9, "unit_price_minor": 1}
            self.refused(self.act(order_id, "lines", line), 409, "insufficient-stock")
            self.refused(
                self.api.patch(f"/v1/orders/{order_id}/lines/2", {"quantity": 1}), 404, "not-found"
            )
            self.refused(self.api.delete(f"/v1/orders/{order_id}/lines/2"), 404, "not-found")
        self.accepted(self.act(order_id, "pay", {"amount_minor": 200}))
        with self.unchanged():
            line["quantity"] = 1
            self.refused(self.act(order_id, "lines", line), 409, "order-state")
            self.refused(
                self.api.patch(f"/v1/orders/{order_id}/lines/1", {"quantity": 1}),
                409,
                "order-state",
            )

    def test_part_shipment(self):
        """a part shipment stays paid, each line says how much is shipped; the rest ships later"""
        sku = unique("sku")
        self.receive(sku, 10)
        order_id = self.place(sku, 5, 10)["order_id"]
        self.accepted(self.act(order_id, "pay", {"amount_minor": 50}))
        part = {"lines": [{"line": 1, "quantity": 2}]}
        self.accepted(self.act(order_id, "ship", part))
        order = self.order(order_id)
        self.assertEqual((order["status"], order["lines"][0]["shipped"]), ("paid", 2))
        self.assertEqual((self.stock(sku)["on_hand"], self.stock(sku)["reserved"]), (8, 3))
        with self.unchanged():
            too_much = {"lines": [{"line": 1, "quantity": 4}]}
            answer = self.act(order_id, "ship", too_much)
            self.assertIn(answer.status, (409, 422), answer)
            self.refused(self.act(order_id, "deliver"), 409, "order-state")
        self.accepted(self.act(order_id, "ship"))
        order = self.order(order_id)
        self.assertEqual((order["status"], order["lines"][0]["shipped"]), ("shipped", 5))
        self.assertEqual((self.stock(sku)["on_hand"], self.stock(sku)["reserved"]), (5, 0))

    def test_cancel_releases(self):
        """cancel from draft, placed and paid; reserved stock is released"""
        sku = unique("sku")
        self.receive(sku, 10)
        draft = self.place(sku, 2, place=False)["order_id"]
        self.accepted(self.act(draft, "cancel", {"reason": "changed my mind"}))
        placed = self.place(sku, 3)["order_id"]
        paid = self.place(sku, 4, 0)["order_id"]
        self.accepted(self.act(paid, "pay", {"amount_minor": 0}))
        self.assertEqual(self.stock(sku)["reserved"], 7)
        for order_id in (placed, paid):
            self.accepted(self.act(order_id, "cancel"))
        self.assertEqual((self.stock(sku)["on_hand"], self.stock(sku)["reserved"]), (10, 0))
        for order_id in (draft, placed, paid):
            order = self.order(order_id)
            self.assertEqual(order["status"], "cancelled")
            self.assertIsNotNone(order["cancelled_at"])

    def test_wrong_state(self):
        """each verb in a state that forbids it: 409 order-state with state and allowed, nothing written"""
        forbidden = {
            "draft": ("pay", "ship", "deliver", "return", "refund"),
            "placed": ("place", "ship", "deliver", "return", "refund"),
            "paid": ("place", "pay", "deliver", "return"),
            "shipped": ("place", "pay", "ship", "cancel", "return"),
            "delivered": ("place", "pay", "ship", "deliver", "cancel"),
            "returned": ("place", "pay", "ship", "deliver", "cancel", "return"),
            "cancelled": ("place", "pay", "ship", "deliver", "cancel", "return", "refund"),
        }
        order_ids = {state: self.order_in(state) for state in forbidden}
        for state, verbs in forbidden.items():
            for verb in verbs:
                with self.subTest(state=state, verb=verb), self.unchanged():
                    body = {"amount_minor": 100} if verb in ("pay", "refund") else {}
                    problem = self.refused(
                        self.act(order_ids[state], verb, body), 409, "order-state"
                    )
                    self.assertEqual(problem["state"], state)
                    self.assertNotIn(f"order.{verb}", problem["allowed"])

    def order_in(self, state):
        order_id = self.place(self.sku, 1, 100, place=state != "draft")["order_id"]
        way = {"placed": 0, "paid": 1, "shipped": 2, "delivered": 3, "returned": 4}.get(state, 0)
        steps = [("pay", {"amount_minor": 100}), ("ship", {}), ("deliver", {}), ("return", {})]
        for verb, body in steps[:way]:
            self.accepted(self.act(order_id, verb, body))
        if state == "cancelled":
            self.accepted(self.act(order_id, "cancel"))
        return order_id

    def test_payment_is_exact(self):
        """pay exactly the total, 0 for a free order, else 409 payment-mismatch"""
        order_id = self.place(self.sku, 3, 111)["order_id"]
        with self.unchanged():
            for amount in (332, 334, 0):
                self.refused(
                    self.act(order_id, "pay", {"amount_minor": amount}), 409, "payment-mismatch"
                )
        self.accepted(self.act(order_id, "pay", {"amount_minor": 333}))
        free = self.place(self.sku, 1, 0)["order_id"]
        self.refused(self.act(free, "pay", {"amount_minor": 1}), 409, "payment-mismatch")
        self.accepted(self.act(free, "pay", {"amount_minor": 0}))

    def test_return_and_refund(self):
        """a delivered order comes back; what was paid is refunded in parts, never more; stock and
        the customer's summary stay as they are"""
        customer = unique("cust")
        order_id = self.place(self.sku, 3, 100, customer)["order_id"]
        for verb, body in (("pay", {"amount_minor": 300}), ("ship", {}), ("deliver", {})):
            self.accepted(self.act(order_id, verb, body))
        stock = self.stock(self.sku)
        body = self.accepted(self.act(order_id, "refund", {"amount_minor": 120, "reason": "late"}))
        self.assertEqual([e["type"] for e in body["events"]], ["OrderRefunded"])
        body = self.accepted(self.act(order_id, "return", {"reason": "torn"}))
        self.assertEqual([e["type"] for e in body["events"]], ["OrderReturned"])
        self.assertEqual(self.stock(self.sku), stock)
        with self.unchanged():
            for amount in (181, 300, 2**53 - 1):
                answer = self.act(order_id, "refund", {"amount_minor": amount})
                problem = self.refused(answer, 409, "payment-mismatch")
                self.assertEqual((problem["paid_minor"], problem["refunded_minor"]), (300, 120))
            for amount in (-1, 2**53, 1.5, "1", None, True):
                answer = self.act(order_id, "refund", {"amount_minor": amount})
                self.invalid(answer, "/amount_minor")
            answer = self.act(order_id, "refund", {"amount": 1, "reason": 7})
            self.invalid(answer, "/amount_minor", "/amount", "/reason")
            self.invalid(self.act(order_id, "return", {"lines": []}), "/lines")
        self.accepted(self.act(order_id, "refund", {"amount_minor": 180}))
        order = self.order(order_id)
        shown = (order["status"], order["paid_minor"], order["refunded_minor"], order["version"])
        self.assertEqual(shown, ("returned", 300, 300, 7))
        self.cluster.wait_caught_up(self.api)
        items = self.api.get(f"/v1/orders?status=returned&customer_id={customer}").json()["items"]
        self.assertEqual(items, [order])
        summary = self.expect(self.api.get(f"/v1/customers/{customer}/summary"), 200).json()
        self.assertEqual((summary["orders"], summary["totals"][0]["total_minor"]), (1, 300))
        facts = self.api.get(f"/v1/streams/order-{order_id}/events/7").json()["data"]
        self.assertEqual((facts["customer_id"], facts["currency"]), (customer, "EUR"))
        self.assertEqual(facts["amount_minor"], 180)

    def test_refund_of_a_cancelled_order(self):
        """a cancelled order is refunded if it was paid"""
        order_id = self.place(self.sku, 1, 100)["order_id"]
        self.accepted(self.act(order_id, "pay", {"amount_minor": 100}))
        self.accepted(self.act(order_id, "cancel"))
        self.accepted(self.act(order_id, "refund", {"amount_minor": 100}))
        order = self.order(order_id)
        self.assertEqual((order["status"], order["refunded_minor"]), ("cancelled", 100))

    def test_existing_and_missing_orders(self):
        """creating an existing order_id is 409 already-exists with Location; a missing order is 404"""
        order_id = unique("mine-")
        self.place(self.sku, order_id=order_id)
        with self.unchanged():
            answer = self.api.post("/v1/orders", order_of(self.sku, order_id=order_id))
            self.refused(answer, 409, "already-exists")
            self.assertEqual(answer.headers["location"], f"/v1/orders/{order_id}")
            self.refused(self.api.get("/v1/orders/nobody"), 404, "not-found")
            for verb in ("place", "pay", "ship", "deliver", "cancel"):
                body = {"amount_minor": 1} if verb == "pay" else {}
                self.refused(self.act("nobody", verb, body), 404, "not-found")

    def test_all_or_nothing_over_several_skus(self):
        """an order short of one SKU reserves none of the others; all shortages are told"""
        a, b, c = unique("sku"), unique("sku"), unique("sku")
        self.receive(a, 5)
        self.receive(b, 1)
        items = [{"sku": s, "quantity": 2, "unit_price_minor": 1} for s in (a, b, c)]
        order = {"customer_id": "c", "currency": "EUR", "items": items}
        with self.unchanged():
            problem = self.refused(self.api.post("/v1/orders", order), 409, "insufficient-stock")
        short = {(s["sku"], s["requested"], s["available"]) for s in problem["shortages"]}
        self.assertEqual(short, {(b, 2, 1), (c, 2, 0)})
        self.assertEqual(self.stock(a)["reserved"], 0)

    def test_repeated_sku_counts_together(self):
        """two lines of one SKU are held to its stock together"""
        sku = unique("sku")
        self.receive(sku, 5)
        items = [{"sku": sku, "quantity": 3, "unit_price_minor": p} for p in (10, 11)]
        order = {"customer_id": "c", "currency": "EUR", "items": items}
        self.refused(self.api.post("/v1/orders", order), 409, "insufficient-stock")
        items[1]["quantity"] = 2
        body = self.accepted(self.api.post("/v1/orders", order))
        self.assertEqual(self.order(body["order_id"])["total_minor"], 52)
        self.assertEqual(self.stock(sku)["available"], 0)


class Validation(SystemTest):
    def test_every_fault_at_once(self):
        """all faults of a body are told at once, each with its JSON pointer"""
        order = {
            "customer_id": "",
            "currency": "EURO",
            "colour": "red",
            "items": [
                {"sku": "a b", "quantity": 0, "unit_price_minor": -1},
                {"sku": "ok", "quantity": 1.5, "unit_price_minor": "9", "version": 3},
                7,
            ],
        }
        with self.unchanged():
            self.invalid(
                self.api.post("/v1/orders", order),
                "/customer_id",
                "/currency",
                "/colour",
                "/items/0/sku",
                "/items/0/quantity",
                "/items/0/unit_price_minor",
                "/items/1/quantity",
                "/items/1/unit_price_minor",
                "/items/1/version",
                "/items/2",
            )

    def test_limits_of_numbers(self):
        """quantities 1..1,000,000, money 0..2^53-1, sums that overflow: told, not stored"""
        sku = unique("sku")
        with self.unchanged():
            for quantity in (0, -1, 1000001, 10**9, 1.0, "1", None, True):
                self.invalid(
                    self.api.post("/v1/orders", order_of(sku, quantity)), "/items/0/quantity"
                )
                self.invalid(
                    self.api.post(f"/v1/stock/{sku}/receive", {"quantity": quantity}), "/quantity"
                )
            for price in (-1, 2**53, 1.5, 1e3, "5", None):
                self.invalid(
                    self.api.post("/v1/orders", order_of(sku, 1, price)),
                    "/items/0/unit_price_minor",
                )
            answer = self.api.post("/v1/orders", order_of(sku, 2, 2**53 - 1))
            self.refused(answer, 422, "validation-failed")
            for delta in (0, 1.5, "1", None):
                body = {"delta": delta, "reason": "x"}
                self.invalid(self.api.post(f"/v1/stock/{sku}/adjust", body), "/delta")

    def test_missing_and_foreign_fields(self):
        """missing fields, mass assignment and bad times are 422"""
        sku = unique("sku")
        with self.unchanged():
            self.invalid(self.api.post("/v1/orders", {}), "/customer_id", "/currency", "/items")
            for name in ("version", "position", "tenant", "status", "total_minor"):
                self.invalid(self.api.post("/v1/orders", order_of(sku, **{name: 1})), f"/{name}")
            for time in (
                "yesterday",
                "2020-01-01",
                "2020-13-01T00:00:00Z",
                "2999-01-01T00:00:00Z",
                5,
            ):
                self.invalid(
                    self.api.post("/v1/orders", order_of(sku, occurred_at=time)), "/occurred_at"
                )
            self.invalid(self.api.post("/v1/orders", {**order_of(sku), "items": []}), "/items")
            self.invalid(self.api.post("/v1/orders", order_of(sku, order_id="a/b")), "/order_id")
            self.invalid(self.api.post(f"/v1/stock/{sku}/adjust", {"delta": 1}), "/reason")
            for body in ([], "x", 7, None):
                answer = self.api.request("POST", "/v1/orders", b"null" if body is None else body)
                self.assertIn(answer.status, (400, 422), answer)

    def test_unknown_query_parameters(self):
        """unknown and malformed query parameters are refused on commands and lists"""
        for target in (
            "/v1/orders?nonsense=1",
            "/v1/orders?limit=0",
            "/v1/orders?limit=501",
            "/v1/orders?status=lost",
            "/v1/orders?sort=total",
            "/v1/orders?placed_after=x",
            "/v1/orders?cursor=!!",
            "/v1/stock?below=x",
        ):
            answer = self.api.get(target)
            self.assertIn(answer.status, (400, 422), (target, answer))
        with self.unchanged():
            answer = self.api.post("/v1/orders?nonsense=1", order_of("x"))
            self.refused(answer, 422, "validation-failed")

    def test_routes_and_methods(self):
        """unknown routes are 404, wrong methods 405 with Allow"""
        for target in ("/", "/v1", "/v1/nothing", "/v2/orders", "/v1/orders/x/fly"):
            self.assertEqual(self.api.get(target).status, 404, target)
        for method, target in (
            ("DELETE", "/v1/orders"),
            ("PUT", "/v1/orders"),
            ("GET", "/v1/orders/x/pay"),
            ("POST", "/v1/events"),
            ("DELETE", "/v1/stock/x"),
        ):
            answer = self.api.request(method, target, b"{}")
            self.refused(answer, 405, "method-not-allowed")
            self.assertIn("allow", answer.headers)


class Lists(SystemTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sku, cls.customer, cls.other = unique("sku"), unique("cust"), unique("cust")
        cls.api.post(f"/v1/stock/{cls.sku}/receive", {"quantity": 1000})
        cls.placed = []
        for day in range(1, 21):
            order = order_of(cls.sku, day, 100, cls.customer if day % 2 else cls.other)
            order["occurred_at"] = f"2024-03-{day:02d}T12:00:00Z"
            answer = cls.api.post("/v1/orders", order)
            assert answer.status == 201, answer
            cls.placed.append(answer.json()["order_id"])
        answer = cls.api.post(f"/v1/orders/{cls.placed[0]}/pay", {"amount_minor": 100})
        assert answer.status == 200, answer
        answer = cls.api.post(f"/v1/orders/{cls.placed[2]}/cancel", {})
        assert answer.status == 200, answer
        cls.cluster.wait_caught_up(cls.api)

    def walk(self, target):
        ids, cursor = [], None
        while True:
            page = self.expect(
                self.api.get(target + (f"&cursor={cursor}" if cursor else "")), 200
            ).json()
            ids += [item["order_id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                return ids

    def test_filters_and_paging(self):
        """customer, status, placed_after (inclusive), placed_before (exclusive), both sorts, by cursor"""
        self.assertEqual(self.walk("/v1/orders?sort=placed_at&limit=3"), self.placed)
        self.assertEqual(self.walk("/v1/orders?sort=-placed_at&limit=7"), self.placed[::-1])
        mine = self.walk(f"/v1/orders?sort=placed_at&customer_id={self.customer}&limit=4")
        self.assertEqual(mine, self.placed[::2])
        self.assertEqual(
            sorted(self.walk(f"/v1/customers/{self.customer}/orders?limit=3")), sorted(mine)
        )
        self.assertEqual(self.walk("/v1/orders?status=paid&limit=5"), self.placed[:1])
        self.assertEqual(self.walk("/v1/orders?status=cancelled&limit=5"), [self.placed[2]])
        between = "placed_after=2024-03-05T12:00:00Z&placed_before=2024-03-09T12:00:00Z"
        self.assertEqual(
            self.walk(f"/v1/orders?sort=placed_at&{between}&limit=2"), self.placed[4:8]
        )

    def test_items_equal_the_order(self):
        """a list's item is the order as its own read gives it"""
        items = self.api.get("/v1/orders?sort=placed_at&limit=500").json()["items"]
        for item in items:
            order = self.order(item["order_id"])
            self.assertEqual({k: order[k] for k in item.keys() & order.keys()}, item)

    def test_summary(self):
        """a summary counts what is placed and not cancelled, and its last order's time"""
        summary = self.expect(self.api.get(f"/v1/customers/{self.customer}/summary"), 200).json()
        days = [day for day in range(1, 21, 2) if day != 3]
        self.assertEqual(summary["customer_id"], self.customer)
        self.assertEqual((summary["orders"], summary["items"]), (len(days), sum(days)))
        self.assertEqual(summary["totals"], [{"currency": "EUR", "total_minor": 100 * sum(days)}])
        self.assertEqual(summary["last_order_at"][:10], "2024-03-19")

    def test_one_order_is_never_stale(self):
        """an order read right after its command is as the command left it, 200 times"""
        for _ in range(200):
            order_id = self.place(self.sku, 1, 5)["order_id"]
            self.assertEqual(self.order(order_id)["version"], 1)
            self.accepted(self.act(order_id, "pay", {"amount_minor": 5}))
            self.assertEqual(self.order(order_id)["status"], "paid")


if __name__ == "__main__":
    main()
