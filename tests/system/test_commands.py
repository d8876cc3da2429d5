#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /v1/commands: up to 500 commands in one transaction, each its own verdict or all as one."""
import threading

from support.case import SystemTest, main, order_of, unique


def command(name, subject=None, data=None, **members):
    body = {"command": name, **members}
    if subject is not None:
        body["id"] = subject
    if data is not None:
        body["data"] = data
    return body


class Bulk(SystemTest):
    def send(self, *commands, target="/v1/commands", atomic=None, **headers):
        body = {"commands": list(commands)}
        if atomic is not None:
            body["atomic"] = atomic
        return self.api.post(target, body, **headers)

    def results(self, *commands, **options):
        answer = self.expect(self.send(*commands, **options), 200)
        results = answer.json()["results"]
        self.assertEqual(len(results), len(commands))
        return results

    def life_of(self, sku, order_id):
        return [
            command("stock.receive", sku, {"quantity": 10}),
            command("order.place", order_id, order_of(sku, 2, 100, place=False)),
            command("order.add-line", order_id, {"sku": sku, "quantity": 1, "unit_price_minor": 5}),
            command("order.change-line", order_id, {"line": 1, "quantity": 3}),
            command("order.remove-line", order_id, {"line": 2}),
            command("order.place-draft", order_id),
            command("order.pay", order_id, {"amount_minor": 300}, if_match=5),
            command("order.ship", order_id, {"carrier": "post"}, if_match='"6"'),
            command("order.deliver", order_id, {}, if_match="*"),
            command("order.return", order_id, {"reason": "torn"}),
            command("order.refund", order_id, {"amount_minor": 300}),
        ]

    def test_a_whole_life_in_one_request(self):
        """later commands see what the earlier ones append; events follow each other in one transaction"""
        sku, order_id = unique("sku"), unique("o")
        head = self.cluster.position()
        results = self.results(*self.life_of(sku, order_id), atomic=True)
        self.assertEqual([r["status"] for r in results], [200, 201] + [200] * 9)
        positions = [e["position"] for r in results for e in r["body"]["events"]]
        self.assertEqual(positions, list(range(head + 1, self.cluster.position() + 1)))
        self.assertEqual(results[1]["body"]["order_id"], order_id)
        order = self.order(order_id)
        self.assertEqual(
            (order["status"], order["refunded_minor"], order["version"]), ("returned", 300, 10)
        )
        transactions = self.cluster.database.value(
            f"SELECT count(DISTINCT xmin::text) FROM events WHERE position > {head}"
        )
        self.assertEqual(int(transactions), 1)

    def test_one_verdict_each(self):
        """without atomic each command has its verdict, and refusals leave the others alone"""
        sku, order_id = unique("sku"), unique("o")
        results = self.results(
            command("stock.receive", sku, {"quantity": 3}),
            command("order.place", order_id, order_of(sku, 2)),
            command("order.place", order_id, order_of(sku, 1)),
            command("order.place", None, order_of(sku, 2)),
            command("order.ship", order_id),
            command("order.pay", "nobody", {"amount_minor": 1}),
            command("order.pay", order_id, {"amount_minor": 1}),
            command("order.pay", order_id, {"amount_minor": 200}, if_match=9),
            command("order.pay", order_id, {"amount_minor": 200}, if_match=1),
        )
        slugs = [r["body"].get("type", "").rpartition("/")[2] for r in results]
        self.assertEqual(
            slugs,
            ["", "", "already-exists", "insufficient-stock", "order-state", "not-found"]
            + ["payment-mismatch", "condition-failed", ""],
        )
        self.assertEqual(
            [r["status"] for r in results], [200, 201, 409, 409, 409, 404, 409, 409, 200]
        )
        self.assertEqual(
            results[3]["body"]["shortages"], [{"sku": sku, "requested": 2, "available": 1}]
        )
        failed = results[7]["body"]["failed"]
        self.assertEqual(
            failed, [{"stream": f"order-{order_id}", "expected": 9, "actual_version": 1}]
        )
        for result in results:
            if result["status"] >= 400:
                self.assertEqual(result["body"]["status"], result["status"])
                self.assertIs(result["body"]["retryable"], False)
        self.assertEqual(self.order(order_id)["status"], "paid")

    def test_atomic_is_all_or_nothing(self):
        """an atomic request answers with its culprit's status, problem and failed_index, and writes nothing"""
        sku, order_id = unique("sku"), unique("o")
        self.receive(sku, 5)
        with self.unchanged():
            answer = self.send(
                command("order.place", order_id, order_of(sku, 3)),
                command("stock.receive", sku, {"quantity": 1}),
                command("order.place", None, order_of(sku, 4)),
                command("order.pay", "nobody", {"amount_minor": 1}),
                atomic=True,
            )
            problem = self.refused(answer, 409, "insufficient-stock")
            self.assertEqual(problem["failed_index"], 2)
            self.assertEqual(problem["shortages"][0]["available"], 3)
            answer = self.send(command("order.pay", "nobody", {"amount_minor": 1}), atomic=True)
            self.assertEqual(self.refused(answer, 404, "not-found")["failed_index"], 0)
            answer = self.send(
                command("stock.receive", sku, {"quantity": 1}, if_match=1),
                command("stock.receive", sku, {"quantity": 1}, if_match=1),
                atomic=True,
            )
            problem = self.refused(answer, 409, "condition-failed")
            self.assertEqual((problem["failed_index"], problem["failed"][0]["expected"]), (1, 1))
        self.refused(self.api.get(f"/v1/orders/{order_id}"), 404, "not-found")
        stock = self.stock(sku)
        self.assertEqual((stock["on_hand"], stock["reserved"]), (5, 0))
        self.refused(self.api.post("/v1/orders", order_of(sku, 6)), 409, "insufficient-stock")
        self.place(sku, 5)

    def test_the_headers_key_stores_its_200(self):
        """the header's key answers the whole request as then, refusals included; an atomic refusal is not stored"""
        sku, key = unique("sku"), unique("key")
        commands = [
            command("stock.receive", sku, {"quantity": 3}),
            command("order.place", None, order_of(sku, 9)),
        ]
        first = self.expect(self.send(*commands, idempotency_key=key), 200)
        with self.unchanged():
            again = self.expect(self.send(*commands, idempotency_key=key), 200)
            self.assertEqual(again.body, first.body)
            self.assertEqual(again.headers["idempotent-replayed"], "true")
            self.assertEqual(
                again.headers["consistency-token"], first.headers["consistency-token"]
            )
            self.refused(
                self.send(*commands[:1], idempotency_key=key), 422, "idempotency-key-reused"
            )
        key = unique("key")
        with self.unchanged():
            answer = self.send(*commands, atomic=True, idempotency_key=key)
            self.refused(answer, 409, "insufficient-stock")
        self.receive(sku, 100)
        results = self.results(*commands, atomic=True, idempotency_key=key)
        self.assertEqual([r["status"] for r in results], [200, 201])

    def test_each_commands_key(self):
        """a command's own key answers that command as then, whatever stands around it"""
        sku, one, two = unique("sku"), unique("key"), unique("key")
        keyed = command("stock.receive", sku, {"quantity": 3}, idempotency_key=one)
        first = self.results(keyed, command("stock.receive", sku, {"quantity": 1}))
        again = self.send(
            command("order.place", None, order_of(sku, 1)),
            keyed,
            command("stock.receive", sku, {"quantity": 5}, idempotency_key=two),
            atomic=True,
        )
        results = self.expect(again, 200).json()["results"]
        self.assertEqual([r["status"] for r in results], [201, 200, 200])
        self.assertEqual(results[1]["body"], first[0]["body"])
        self.assertEqual([r.get("replayed") for r in results], [None, True, None])
        self.assertEqual(self.stock(sku)["on_hand"], 9)
        with self.unchanged():
            other = command("stock.receive", sku, {"quantity": 4}, idempotency_key=one)
            result = self.results(other)[0]
            self.assertEqual(
                (result["status"], result["body"]["type"]),
                (422, "/docs/errors/idempotency-key-reused"),
            )
            answer = self.send(command("order.place", None, order_of(sku, 1)), other, atomic=True)
            problem = self.refused(answer, 422, "idempotency-key-reused")
            self.assertEqual(problem["failed_index"], 1)
            replayed = self.expect(self.send(keyed), 200)
            self.assertIn("consistency-token", replayed.headers)

    def test_own_writes_are_seen(self):
        """the token of a request waits for all that its commands wrote"""
        sku, customer = unique("sku"), unique("cust")
        self.receive(sku, 100)
        answer = self.send(
            *[command("order.place", None, order_of(sku, 1, 5, customer)) for _ in range(50)]
        )
        token = self.expect(answer, 200).headers["consistency-token"]
        target = f"/v1/orders?customer_id={customer}&limit=100"
        listed = self.expect(self.api.get(target, consistency_token=token, prefer="wait=20"), 200)
        self.assertEqual(len(listed.json()["items"]), 50)

    def test_dry_run(self):
        """?dry_run=true tells what each would append, later ones on earlier ones, and writes nothing"""
        sku, order_id = unique("sku"), unique("o")
        with self.unchanged():
            results = self.results(
                *self.life_of(sku, order_id),
                command("order.pay", order_id, {"amount_minor": 1}),
                target="/v1/commands?dry_run=true",
            )
            self.assertEqual([r["status"] for r in results], [200] * 11 + [409])
            self.assertEqual(results[10]["body"]["events"][0]["data"]["amount_minor"], 300)
            self.assertNotIn("position", results[0]["body"]["events"][0])
            answer = self.send(
                *self.life_of(sku, order_id),
                command("order.ship", order_id),
                atomic=True,
                target="/v1/commands?dry_run=true",
            )
            self.assertEqual(self.refused(answer, 409, "order-state")["failed_index"], 11)

    def test_at_most_500(self):
        """500 commands are taken, 501 and none are refused"""
        sku = unique("sku")
        one = command("stock.receive", sku, {"quantity": 1})
        self.results(*[one] * 500, atomic=True)
        self.assertEqual(self.stock(sku)["on_hand"], 500)
        with self.unchanged():
            self.invalid(self.send(*[one] * 501), "/commands")
            self.invalid(self.send(), "/commands")

    def test_more_events_than_a_request_may_append(self):
        """500 short commands that would append 250,000 events are told so one by one, and fail whole when atomic"""
        skus = [unique(f"s{n}-") for n in range(500)]
        receive = [command("stock.receive", sku, {"quantity": 1000}) for sku in skus]
        self.results(*receive)
        items = [{"sku": sku, "quantity": 1, "unit_price_minor": 1} for sku in skus]
        order_ids = [unique("big") for _ in range(22)]
        for order_id in order_ids:
            order = {"order_id": order_id, "customer_id": "c", "currency": "EUR", "items": items}
            self.accepted(self.api.post("/v1/orders", {**order, "place": False}))
        place = [command("order.place-draft", order_id) for order_id in order_ids]
        with self.unchanged():
            problem = self.refused(self.send(*place, atomic=True), 413, "payload-too-large")
            self.assertEqual(problem["failed_index"], 19)
        results = self.results(*place)
        self.assertEqual([r["status"] for r in results], [200] * 19 + [413] * 3)
        self.assertEqual(self.stock(skus[0])["reserved"], 19)

    def test_every_fault_by_its_pointer(self):
        """faults of all commands are told at once, below /commands/<n>"""
        with self.unchanged():
            answer = self.send(
                command("order.payy", "x", {"amount_minor": 1}),
                command("order.pay", "x", {"amount_minor": -1, "colour": 1}),
                command("order.pay", None, {"amount_minor": 1}),
                command("order.pay", "a b"),
                command("order.place", "mine", order_of("s k u", order_id="other")),
                command("stock.receive", "s", {"quantity": 1}, if_match="7", idempotency_key=""),
                command("stock.receive", "s", [], if_match=0, version=1),
                command("stock.receive", "s", {"quantity": 1, "occurred_at": "2999-01-01T00:00:00Z"}),
                command("order.change-line", "x", {"quantity": 1}),
                {"id": "x"},
                7,
                command("stock.receive", "s", {"quantity": 1}, idempotency_key="twice"),
                command("stock.receive", "s", {"quantity": 1}, idempotency_key="twice"),
            )
            problem = self.invalid(
                answer,
                "/commands/0/command",
                "/commands/1/data/amount_minor",
                "/commands/1/data/colour",
                "/commands/2/id",
                "/commands/3/data/amount_minor",
                "/commands/3/id",
                "/commands/4/data/items/0/sku",
                "/commands/4/data/order_id",
                "/commands/5/idempotency_key",
                "/commands/5/if_match",
                "/commands/6/data",
                "/commands/6/if_match",
                "/commands/6/version",
                "/commands/7/data/occurred_at",
                "/commands/8/data/line",
                "/commands/9/command",
                "/commands/10",
                "/commands/12/idempotency_key",
            )
            named = next(e for e in problem["errors"] if e["pointer"] == "/commands/0/command")
            self.assertIn("'order.pay'", named["message"])
            self.invalid(self.send(command("stock.sing", "x")), "/commands/0/command")
            for body, pointers in (
                ({}, ["/commands"]),
                ({"commands": {}}, ["/commands"]),
                ({"commands": [], "atomic": 1, "more": 2}, ["/commands", "/atomic", "/more"]),
            ):
                self.invalid(self.api.post("/v1/commands", body), *pointers)

    def test_bad_requests(self):
        """conditions in headers, bodies that are not JSON, too large or too rich: refused, nothing written"""
        sku = unique("sku")
        one = command("stock.receive", sku, {"quantity": 1})
        with self.unchanged():
            self.refused(self.send(one, if_match='"1"'), 400, "bad-request")
            self.refused(self.send(one, if_none_match="*"), 400, "bad-request")
            self.refused(self.api.post("/v1/commands", b"{"), 400, "malformed-json")
            twice = b'{"commands":[{"command":"stock.receive","id":"s","id":"t"}]}'
            self.refused(self.api.post("/v1/commands", twice), 422, "not-storable")
            self.refused(self.send(one, content_type="text/plain"), 415, "unsupported-media-type")
            self.refused(self.send(one, accept="text/html"), 406, "not-acceptable")
            self.invalid(self.send(one, target="/v1/commands?atomic=true"), "?atomic")
            rich = {"commands": [command("x", "y", {"v": [0] * 50000})]}
            self.refused(self.api.post("/v1/commands", rich), 422, "json-limits")
            large = {"commands": [one], "x": ["x" * 60000] * 40}
            self.refused(self.api.post("/v1/commands", large), 413, "payload-too-large")
            self.refused(self.api.request("GET", "/v1/commands"), 405, "method-not-allowed")
        padded = [command("stock.adjust", sku, {"delta": 1, "reason": "r" * 1000})] * 400
        self.results(one, *padded)  # 400 KiB: more than another route takes

    def test_two_requests_at_once(self):
        """requests that race for one SKU never oversell it, atomic ones leave no half"""
        sku = unique("sku")
        self.receive(sku, 60)
        outcomes = []

        def shop(number):
            client = self.all.client()
            for turn in range(5):
                orders = [
                    command("order.place", f"{sku}-{number}-{turn}-{n}", order_of(sku, 1))
                    for n in range(4)
                ]
                body = {"atomic": True, "commands": orders}
                outcomes.append((f"{sku}-{number}-{turn}", client.post("/v1/commands", body)))
            client.close()

        threads = [threading.Thread(target=shop, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [name for name, answer in outcomes if answer.status == 200]
        self.assertEqual({answer.status for _, answer in outcomes}, {200, 409})
        self.assertEqual(len(won), 15)
        self.assertEqual(self.stock(sku)["available"], 0)
        for name, answer in outcomes:
            statuses = {self.api.get(f"/v1/orders/{name}-{n}").status for n in range(4)}
            self.assertEqual(statuses, {200} if answer.status == 200 else {404})


if __name__ == "__main__":
    main()
