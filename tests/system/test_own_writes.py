#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Consistency-Token: a list shows the client's own write, or says exactly why not."""
import re
import threading
import time

from support.case import SystemTest, event, main, order_of, unique
from support.client import Connection, format_request
from support.harness import Cluster

TOKEN = re.compile(r"^1[A-Za-z0-9_-]{25,45}$")


def token_of(answer):
    return answer.headers.get("consistency-token")


def read_with(api, target, token, wait=None):
    headers = {"consistency_token": token}
    if wait is not None:
        headers["prefer"] = f"wait={wait}"
    return api.get(target, **headers)


def metric(api, name):
    """The sum of a metric's series."""
    text = api.get("/metrics").body.decode()
    return sum(float(v) for v in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M))


class HandingOut(SystemTest):
    """Every write gives a token; nothing else does."""

    def test_every_write_carries_one(self):
        """commands, appends, appends of several streams, and writes without events carry a token"""
        sku = unique("sku-")
        stream = unique("note-")
        several = {"appends": [{"stream": unique("note-"), "events": [event()]}]}
        answers = [
            self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 5}),
            self.api.post("/v1/orders", order_of(sku, 1)),
            self.append(stream, event(), event()),
            self.api.post("/v1/append", several),
        ]
        for answer in answers:
            self.assertIn(answer.status, (200, 201), answer)
            self.assertRegex(token_of(answer), TOKEN)
        self.assertIsNone(token_of(self.api.get("/v1/orders")))
        with self.unchanged():
            refused = self.api.post("/v1/orders", order_of(unique("none-"), 1))
            self.refused(refused, 409, "insufficient-stock")
            self.assertIsNone(token_of(refused))

    def test_a_replayed_answer_has_the_same_token(self):
        """the stored answer of an Idempotency-Key carries the token of the first one"""
        sku = unique("sku-")
        key = unique("key-")
        first = self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 5}, idempotency_key=key)
        again = self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 5}, idempotency_key=key)
        self.assertEqual(again.headers.get("idempotent-replayed"), "true")
        self.assertEqual(token_of(again), token_of(first))
        self.assertRegex(token_of(again), TOKEN)

    def test_a_repeated_append_has_the_token_of_the_events(self):
        """an append whose event ids are there already hands out the token of those events"""
        stream = unique("note-")
        first = self.append(stream, event(id="a"), event(id="b"))
        self.append(stream, event(id="c"))
        again = self.append(stream, event(id="a"), event(id="b"))
        self.assertEqual(token_of(again), token_of(first))


class Reading(SystemTest):
    def test_a_list_shows_the_write_of_its_token(self):
        """lists and summaries read with a token show that write, 60 times of 60"""
        sku = unique("sku-")
        self.receive(sku, 1000)
        customer = unique("c")
        for n in range(1, 61):
            answer = self.api.post("/v1/orders", order_of(sku, 1, 100, customer))
            token = token_of(answer)
            order_id = self.accepted(answer)["order_id"]
            target = f"/v1/customers/{customer}/orders?sort=-placed_at&limit=500"
            page = self.expect(read_with(self.api, target, token, 10), 200)
            self.assertIn(order_id, [item["order_id"] for item in page.json()["items"]])
            self.assertGreaterEqual(int(page.headers["daybook-read-position"]), 0)
            self.assertIn("daybook-read-lag-ms", page.headers)
            self.assertEqual(page.headers.get("preference-applied"), "wait=10")
            summary = self.expect(
                read_with(self.api, f"/v1/customers/{customer}/summary", token, 10), 200
            )
            self.assertEqual(summary.json()["orders"], n)
            self.assertIsNotNone(summary.json()["last_order_at"])

    def test_all_partitions_of_a_write_are_awaited(self):
        """a token of a write over many streams waits for the partition of each"""
        skus = [unique("sku-") for _ in range(20)]
        for sku in skus:
            self.receive(sku, 3)
        items = [{"sku": s, "quantity": 3, "unit_price_minor": 1} for s in skus]
        order = {"customer_id": "c", "currency": "EUR", "items": items}
        for _ in range(3):
            answer = self.api.post("/v1/orders", order)
            self.expect(answer, 201)
            stock = read_with(self.api, "/v1/stock?below=1&limit=500", token_of(answer), 10)
            empty = {item["sku"] for item in self.expect(stock, 200).json()["items"]}
            self.assertLessEqual(set(skus), empty)
            cancelled = self.act(answer.json()["order_id"], "cancel", {})
            stock = read_with(self.api, "/v1/stock?below=1&limit=500", token_of(cancelled), 10)
            empty = {item["sku"] for item in self.expect(stock, 200).json()["items"]}
            self.assertFalse(set(skus) & empty)

    def test_other_categories_are_not_awaited(self):
        """a write in a category the read model does not read is never waited for"""
        token = token_of(self.append(unique("note-"), event()))
        for target in ("/v1/orders", "/v1/stock", f"/v1/customers/{unique('c')}/orders"):
            self.expect(read_with(self.api, target, token, 0), 200)

    def test_no_token_means_no_wait(self):
        """without a token a Prefer is ignored, and a malformed one is, too"""
        answer = self.expect(self.api.get("/v1/orders", prefer="wait=5"), 200)
        self.assertNotIn("preference-applied", answer.headers)
        token = token_of(self.append(unique("note-"), event()))
        for prefer in ("wait=x", "wait", "respond-async", "wait=-1"):
            answer = self.api.get("/v1/orders", consistency_token=token, prefer=prefer)
            self.expect(answer, 200)
            self.assertNotIn("preference-applied", answer.headers)

    def test_what_is_no_token_is_refused(self):
        """a malformed token is 400 with the reason"""
        token = token_of(self.append(unique("note-"), event()))
        other = "A" if token[20] != "A" else "B"
        bad = ["x", "2" + token[1:], token[:-3], token + "AAAA", token[:20] + other + token[21:]]
        for text in bad:
            problem = self.refused(read_with(self.api, "/v1/orders", text), 400, "bad-request")
            self.assertIn("Consistency-Token", problem["detail"])
        raw = format_request("GET", "/v1/orders", "localhost", b"", {})
        twice = raw[:-2] + f"Consistency-Token: {token}\r\n".encode() * 2 + b"\r\n"
        connection = Connection(self.api.host, self.api.port)
        self.refused(connection.exchange(twice), 400, "bad-request")
        connection.close()

    def test_a_token_of_another_log_is_told_so(self):
        """a token of another log is 400, and names both logs"""
        other = Cluster()
        self.addCleanup(other.close)
        other.migrate()
        api = other.serve("other", roles="api").client()
        answer = api.post("/v1/streams/note-1/events", {"events": [event()]})
        problem = self.refused(
            read_with(self.api, "/v1/orders", token_of(answer)), 400, "bad-request"
        )
        ids = [
            c.database.value("SELECT id FROM log_info").decode() for c in (self.cluster, other)
        ]
        self.assertEqual([problem["log"], problem["token_log"]], ids)


class Parked(SystemTest):
    """A read model in which a stream is parked, as a projector leaves it."""

    def park(self, stream, version, state="dead"):
        self.cluster.database.execute(
            "INSERT INTO parked_keys (projection, generation, tenant, stream, topic, partition, "
            "state, version, last_version, position) "
            f"SELECT 'stock', generation, 'main', '{stream}', '', 0, '{state}', {version}, "
            f"{version}, 0 FROM projections WHERE name = 'stock'"
        )

    def test_a_parked_write_is_told_at_once(self):
        """424 projection-parked for writes from the parked version on; older ones and others are read"""
        sku = unique("sku-")
        tokens = [token_of(self.api.post(f"/v1/stock/{sku}/receive", {"quantity": 5})) for _ in "123"]
        other = token_of(self.api.post(f"/v1/stock/{unique('sku-')}/receive", {"quantity": 5}))
        self.expect(read_with(self.api, "/v1/stock", tokens[2], 20), 200)
        for state in ("retrying", "dead"):
            self.cluster.database.execute("DELETE FROM parked_keys")
            self.park(f"stock-{sku}", 2, state)
            for token, version in ((tokens[1], 2), (tokens[2], 3)):
                begun = time.monotonic()
                answer = read_with(self.api, "/v1/stock", token, 20)
                problem = self.refused(answer, 424, "projection-parked")
                self.assertLess(time.monotonic() - begun, 5)
                told = [problem[m] for m in ("projection", "stream", "version", "state")]
                self.assertEqual(told, ["stock", f"stock-{sku}", 2, state], version)
            self.expect(read_with(self.api, "/v1/stock", tokens[0], 20), 200)
            self.expect(read_with(self.api, "/v1/stock", other, 20), 200)
            self.expect(self.api.get("/v1/stock"), 200)
            self.expect(read_with(self.api, "/v1/orders", tokens[1], 20), 200)
        self.cluster.database.execute("DELETE FROM parked_keys")
        self.expect(read_with(self.api, "/v1/stock", tokens[2], 20), 200)


    def test_a_wide_token_covers_all_that_is_between(self):
        """events of one append 10,000 positions apart: all between is awaited, what is parked told"""
        first, last, sku = unique("note-"), unique("note-"), unique("sku-")
        self.accepted(self.append(first, event(id="a")))
        self.receive(sku, 5)
        for _ in range(11):
            self.accepted(self.append(unique("note-"), *[event() for _ in range(1000)]))
        self.accepted(self.append(last, event(id="b")))
        appends = [
            {"stream": first, "events": [event(id="a")]},
            {"stream": last, "events": [event(id="b")]},
        ]
        token = token_of(self.expect(self.api.post("/v1/append", {"appends": appends}), 201))
        stock = self.expect(read_with(self.api, "/v1/stock?limit=500", token, 30), 200).json()
        self.assertIn(sku, [item["sku"] for item in stock["items"]])
        self.park(f"stock-{sku}", 2)
        self.expect(read_with(self.api, "/v1/stock", token, 30), 200)
        self.cluster.database.execute("DELETE FROM parked_keys")
        self.park(f"stock-{sku}", 1)
        problem = self.refused(read_with(self.api, "/v1/stock", token), 424, "projection-parked")
        self.assertEqual(problem["stream"], f"stock-{sku}")
        self.cluster.database.execute("DELETE FROM parked_keys")


class Behind(SystemTest):
    """The API runs alone: read models stand still until a test starts what fills them."""

    @classmethod
    def start(cls):
        cls.server = cls.cluster.serve("api", roles="api")
        cls.api = cls.server.client()
        cls.addClassCleanup(cls.api.close)

    def write(self):
        answer = self.api.post(f"/v1/stock/{unique('sku-')}/receive", {"quantity": 5})
        self.accepted(answer)
        return token_of(answer)

    def swap_stock(self, old, new):
        self.cluster.database.execute(
            f"BEGIN; UPDATE generations SET state = 'old' WHERE projection = 'stock' AND "
            f"generation = {old}; UPDATE generations SET state = 'live' WHERE projection = 'stock' "
            f"AND generation = {new}; UPDATE projections SET generation = {new} "
            "WHERE name = 'stock'; COMMIT"
        )

    def test_1_not_current_is_told_after_the_wait(self):
        """503 read-not-current after the preferred wait, with Retry-After; at once for wait=0"""
        token = self.write()
        for wait, least, most in ((1, 0.9, 4.0), (0, 0.0, 0.9)):
            begun = time.monotonic()
            answer = read_with(self.api, "/v1/stock", token, wait)
            taken = time.monotonic() - begun
            self.refused(answer, 503, "read-not-current")
            self.assertEqual(answer.headers.get("preference-applied"), f"wait={wait}")
            self.assertTrue(least <= taken <= most, taken)
        begun = time.monotonic()
        self.refused(read_with(self.api, "/v1/stock", token), 503, "read-not-current")
        self.assertTrue(1.9 <= time.monotonic() - begun <= 5.0)

    def test_2_waiting_costs_no_thread(self):
        """300 waiting reads hold no query thread, share their looks, and end when the write is there"""
        token = self.write()
        looks = metric(self.api, "daybook_read_wait_looks_total")
        begun = time.monotonic()
        waiting = [Connection(self.api.host, self.api.port, 60.0) for _ in range(300)]
        headers = {"Consistency-Token": token, "Prefer": "wait=30"}
        for connection in waiting:
            self.addCleanup(connection.close)
            connection.send(format_request("GET", "/v1/stock", "localhost", b"", headers))
        self.eventually(
            lambda: metric(self.api, "daybook_read_waits") == 300, "300 reads wait", 20
        )
        asked = time.monotonic()
        self.expect(self.api.get("/v1/stock"), 200)
        self.assertLess(time.monotonic() - asked, 2.0)
        self.cluster.serve("rest", roles="publish,project")
        for connection in waiting:
            answer = self.expect(connection.receive(), 200)
            self.assertTrue(answer.json()["items"])
        looks = metric(self.api, "daybook_read_wait_looks_total") - looks
        self.assertLessEqual(looks, (time.monotonic() - begun) * 100 + 10)
        self.assertEqual(metric(self.api, "daybook_read_waits"), 0)

    def test_3_a_generation_swap_is_followed(self):
        """after a swap to a generation that is behind, its checkpoints count, and its rows are read"""
        token = self.write()
        self.expect(read_with(self.api, "/v1/stock", token, 20), 200)
        self.cluster.processes["rest"].terminate()
        sql = self.cluster.database.execute
        sql(
            "CREATE TABLE rm_stock_2 (LIKE rm_stock_1 INCLUDING ALL); "
            "INSERT INTO generations (projection, generation, state, declaration, log_id) "
            "SELECT projection, 2, 'ready', declaration, log_id FROM generations "
            "WHERE projection = 'stock' AND generation = 1"
        )
        sql(
            "INSERT INTO checkpoints (projection, generation, topic, partition, position) "
            "SELECT projection, 2, topic, partition, 0 FROM checkpoints "
            "WHERE projection = 'stock' AND generation = 1"
        )
        results = []
        thread = threading.Thread(
            target=lambda: results.append(read_with(self.server.client(), "/v1/stock", token, 20))
        )
        self.swap_stock(1, 2)
        self.refused(read_with(self.api, "/v1/stock", token, 0), 503, "read-not-current")
        thread.start()
        self.eventually(lambda: metric(self.api, "daybook_read_waits") == 1, "it waits", 10)
        sql(
            "UPDATE checkpoints SET position = (SELECT position FROM log_head) "
            "WHERE projection = 'stock' AND generation = 2"
        )
        thread.join(30)
        self.assertEqual(self.expect(results[0], 200).json()["items"], [])
        self.swap_stock(2, 1)
        page = self.expect(read_with(self.api, "/v1/stock", token, 0), 200)
        self.assertTrue(page.json()["items"])

    def test_4_a_position_beyond_the_head_is_told(self):
        """a token whose position the log does not have (any more) is 400, not a wait"""
        token = self.write()
        self.cluster.database.execute("UPDATE log_head SET position = position - 1")
        problem = self.refused(read_with(self.api, "/v1/stock", token), 400, "bad-request")
        self.assertIn("head", problem["detail"])
        self.cluster.database.execute("UPDATE log_head SET position = position + 1")

    def test_5_a_drain_does_not_wait_for_long_waits(self):
        """SIGTERM ends waits of half a minute with 503 within seconds"""
        token = self.write()
        connection = Connection(self.api.host, self.api.port, 60.0)
        self.addCleanup(connection.close)
        headers = {"Consistency-Token": token, "Prefer": "wait=30"}
        connection.send(format_request("GET", "/v1/stock", "localhost", b"", headers))
        self.eventually(lambda: metric(self.api, "daybook_read_waits") == 1, "it waits", 10)
        begun = time.monotonic()
        self.assertEqual(self.server.terminate(), 0)
        self.refused(connection.receive(), 503, "read-not-current")
        self.assertLess(time.monotonic() - begun, 6.0)


if __name__ == "__main__":
    main()
