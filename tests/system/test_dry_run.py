#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""?dry_run=true: every command tells what it would append, and appends nothing."""

from support.case import SystemTest, event, main, order_of, unique

TABLES = ("events", "streams", "idempotency_keys", "categories")


class DryRun(SystemTest):
    def untouched(self):
        """All rows a command could write, by count, and the log's head."""
        counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        return self.cluster.database.rows(f"SELECT {counts}, position FROM log_head")

    def tried(self, method, target, body=None, **headers):
        """The answer to a dry run that was accepted; nothing may have been written."""
        before = self.untouched()
        answer = self.api.request(method, f"{target}?dry_run=true", body, headers or None)
        self.expect(answer, 200)
        self.assertEqual(answer.headers["content-type"], "application/json; charset=utf-8")
        self.assertNotIn("etag", answer.headers)
        self.assertNotIn("location", answer.headers)
        self.assertEqual(self.untouched(), before)
        tried = answer.json()
        self.assertIs(tried["dry_run"], True)
        for one in tried["events"]:
            self.assertNotIn("position", one)
        return tried

    def test_every_command_of_a_life(self):
        """each command of an order's life tells the very events it then appends"""
        sku, order_id = unique("sku"), unique("o")
        line = {"sku": sku, "quantity": 2, "unit_price_minor": 50}
        at = "2024-05-01T10:00:00.5Z"
        steps = [
            ("POST", f"/v1/stock/{sku}/receive", {"quantity": 20, "occurred_at": at}),
            ("POST", f"/v1/stock/{sku}/adjust", {"delta": -1, "reason": "r", "occurred_at": at}),
            ("POST", "/v1/orders", order_of(sku, 3, order_id=order_id, place=False)),
            ("POST", f"/v1/orders/{order_id}/lines", line),
            ("PATCH", f"/v1/orders/{order_id}/lines/2", {"quantity": 4}),
            ("POST", f"/v1/orders/{order_id}/place", {}),
            ("DELETE", f"/v1/orders/{order_id}/lines/2", None),
            ("POST", f"/v1/orders/{order_id}/pay", {"amount_minor": 300}),
            ("POST", f"/v1/orders/{order_id}/ship", {"carrier": "post"}),
            ("POST", f"/v1/orders/{order_id}/deliver", {}),
            ("POST", f"/v1/orders/{order_id}/return", {"reason": "torn"}),
            ("POST", f"/v1/orders/{order_id}/refund", {"amount_minor": 300}),
        ]
        for method, target, body in steps:
            with self.subTest(target=target):
                tried = self.tried(method, target, body)
                done = self.accepted(self.api.request(method, target, body))
                self.assertEqual(
                    [(e["type"], e["stream"], e["version"]) for e in tried["events"]],
                    [(e["type"], e["stream"], e["version"]) for e in done["events"]],
                )
                for would, is_now in zip(tried["events"], done["events"]):
                    stored = self.api.get(
                        f"/v1/streams/{is_now['stream']}/events/{is_now['version']}"
                    ).json()
                    self.assertEqual(would["data"], stored["data"])
                    if body and "occurred_at" in body:
                        self.assertEqual(would["occurred_at"], stored["occurred_at"])
                main_stream = tried["streams"][0]
                self.assertEqual(
                    (main_stream["stream"], main_stream["version"]),
                    (done["stream"], done["version"]),
                )

    def test_refusals_are_the_commands_own(self):
        """what would be refused is refused the same way"""
        sku = unique("sku")
        self.receive(sku, 5)
        order_id = self.place(sku, 3, 100)["order_id"]
        before = self.untouched()
        cases = [
            ("/v1/orders", order_of(sku, 3), 409, "insufficient-stock"),
            ("/v1/orders", order_of(sku, 1, order_id=order_id), 409, "already-exists"),
            (f"/v1/orders/{order_id}/pay", {"amount_minor": 1}, 409, "payment-mismatch"),
            (f"/v1/orders/{order_id}/ship", {}, 409, "order-state"),
            ("/v1/orders/nobody/pay", {"amount_minor": 1}, 404, "not-found"),
            (f"/v1/orders/{order_id}/pay", {"amount_minor": -1}, 422, "validation-failed"),
            (f"/v1/orders/{order_id}/pay", b"{", 400, "malformed-json"),
            (f"/v1/streams/order-{order_id}/events", {"events": [event()]}, 403, "reserved-category"),
        ]
        for target, body, status, slug in cases:
            with self.subTest(target=target, slug=slug):
                real = self.refused(self.api.post(target, body), status, slug)
                dry = self.refused(self.api.post(f"{target}?dry_run=true", body), status, slug)
                real.pop("instance"), dry.pop("instance")
                self.assertEqual(dry, real)
        answer = self.api.post(
            f"/v1/orders/{order_id}/pay?dry_run=true", {"amount_minor": 300}, if_match='"7"'
        )
        self.refused(answer, 412, "version-conflict")
        self.assertEqual(self.untouched(), before)

    def test_its_key_is_neither_stored_nor_looked_up(self):
        """a dry run's Idempotency-Key stays free, and a used one is not replayed"""
        sku, key = unique("sku"), unique("key")
        self.tried("POST", f"/v1/stock/{sku}/receive", {"quantity": 3}, **{"Idempotency-Key": key})
        answer = self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 3}, idempotency_key=key)
        self.accepted(answer)
        self.assertNotIn("idempotent-replayed", answer.headers)
        tried = self.tried(
            "POST", f"/v1/stock/{sku}/receive", {"quantity": 9}, **{"Idempotency-Key": key}
        )
        self.assertEqual(tried["events"][0]["version"], 2)
        bad = {"Idempotency-Key": "x" * 256}
        answer = self.api.request(
            "POST", f"/v1/stock/{sku}/receive?dry_run=true", {"quantity": 9}, bad
        )
        self.refused(answer, 400, "bad-request")

    def test_raw_appends(self):
        """appends to streams of one's own: with their ids and metadata; a repetition appends none"""
        stream, other = unique("note-"), unique("memo-")
        one = event("Noted", {"a": 1.50}, id="n-1", metadata={"by": "me"})
        tried = self.tried("POST", f"/v1/streams/{stream}/events", {"events": [one, event()]})
        self.assertEqual([e.get("id") for e in tried["events"]], ["n-1", None])
        self.assertEqual(tried["events"][0]["metadata"], {"by": "me"})
        self.assertEqual(
            tried["streams"], [{"stream": stream, "first_version": 1, "version": 2}]
        )
        self.expect(self.append(stream, one), 201)
        tried = self.tried("POST", f"/v1/streams/{stream}/events", {"events": [one]})
        self.assertEqual((tried["events"], tried["streams"][0]["version"]), ([], 1))
        both = {
            "appends": [
                {"stream": stream, "expected": 1, "events": [event()]},
                {"stream": other, "expected": "none", "events": [event(), event()]},
            ]
        }
        tried = self.tried("POST", "/v1/append", both)
        self.assertEqual([e["version"] for e in tried["events"]], [2, 1, 2])
        both["appends"][0]["expected"] = 2
        answer = self.api.post("/v1/append?dry_run=true", both)
        problem = self.refused(answer, 409, "condition-failed")
        self.assertEqual([f["stream"] for f in problem["failed"]], [stream])

    def test_what_is_cached_stays_as_it_was(self):
        """fifty dry runs on one SKU and one order change nothing for the command after them"""
        sku = unique("sku")
        self.receive(sku, 5)
        order_id = self.place(sku, 5)["order_id"]
        for _ in range(25):
            self.tried("POST", f"/v1/orders/{order_id}/cancel", {})
            self.tried("POST", f"/v1/stock/{sku}/receive", {"quantity": 1000})
        self.refused(self.api.post("/v1/orders", order_of(sku, 1)), 409, "insufficient-stock")
        stock = self.stock(sku)
        self.assertEqual((stock["on_hand"], stock["reserved"], stock["version"]), (5, 5, 2))

    def test_other_values_are_refused(self):
        """dry_run is true or false; on a read it is an unknown parameter"""
        sku = unique("sku")
        with self.unchanged():
            for value in ("1", "yes", "TRUE", ""):
                answer = self.api.post(f"/v1/stock/{sku}/receive?dry_run={value}", {"quantity": 1})
                self.invalid(answer, "?dry_run")
            answer = self.api.post(
                f"/v1/stock/{sku}/receive?dry_run=true&dry_run=false", {"quantity": 1}
            )
            self.refused(answer, 400, "bad-request")
            self.invalid(self.api.get(f"/v1/stock/{sku}?dry_run=true"), "?dry_run")
        self.accepted(self.api.post(f"/v1/stock/{sku}/receive?dry_run=false", {"quantity": 1}))


class Shortages(SystemTest):
    def test_every_line_of_the_largest_order_is_told(self):
        """a shortage of 500 SKUs with the longest names is told whole, as JSON"""
        skus = [f"{n:03d}".ljust(128, "x") for n in range(500)]
        items = [{"sku": sku, "quantity": 1000000, "unit_price_minor": 0} for sku in skus]
        order = {"customer_id": "c", "currency": "EUR", "items": items}
        for target in ("/v1/orders", "/v1/orders?dry_run=true"):
            problem = self.refused(self.api.post(target, order), 409, "insufficient-stock")
            self.assertEqual([s["sku"] for s in problem["shortages"]], skus)


if __name__ == "__main__":
    main()
