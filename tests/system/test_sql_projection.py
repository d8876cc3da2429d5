#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Projections brought as files: the shipped one and the one of the how-to, from nothing to verify."""
import collections
import datetime
import json
import pathlib
import re
import shutil
import tempfile

from support import services
from support.case import SystemTest, main, unique
from support.waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOW_TO = ROOT / "docs" / "sql-projections.md"
EXIT_DRIFT = 8


def how_to(what="-- name: bestsellers\n"):
    """What the how-to has its reader write: the one piece of SQL with WHAT in it, the file."""
    blocks = re.findall(r"```sql\n(.*?)```", HOW_TO.read_text("utf-8"), re.S)
    found = [block for block in blocks if what in block]
    assert len(found) == 1, blocks
    return found[0]


def day_of(occurred_at):
    when = datetime.datetime.fromisoformat(occurred_at.replace("Z", "+00:00"))
    return when.astimezone(datetime.timezone.utc).date().isoformat()


class SqlProjection(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.files = pathlib.Path(tempfile.mkdtemp(prefix="daybook-sql-"))
        cls.addClassCleanup(shutil.rmtree, cls.files, ignore_errors=True)
        shutil.copy(ROOT / "projections" / "revenue.sql", cls.files)
        (cls.files / "bestsellers.sql").write_text(how_to(), "utf-8")
        cls.SETTINGS = {
            "projection__directory": str(cls.files),
            "projection__retry_first": "100ms",
            "projection__retry_max": "500ms",
        }
        super().setUpClass()

    @classmethod
    def start(cls):
        super().start()
        cls.skus = [unique("sku") for _ in range(3)]
        for sku in cls.skus:
            cls.api.post(f"/v1/stock/{sku}/receive", {"quantity": 100000})

    # What is done.

    def command(self, target, body, occurred_at):
        answer = self.api.post(target, {**body, "occurred_at": occurred_at})
        self.assertIn(answer.status, (200, 201), answer)

    def place(self, occurred_at, currency="EUR", units=1, price=1000, sku=None):
        order = unique("order")
        item = {"sku": sku or self.skus[0], "quantity": units, "unit_price_minor": price}
        body = {"order_id": order, "customer_id": "ada", "currency": currency, "items": [item]}
        self.command("/v1/orders", body, occurred_at)
        return order

    # What is looked at.

    def rows(self, sql):
        """Rows of a query, as JSON has them."""
        value = self.cluster.database.value(f"SELECT json_agg(to_json(q)) FROM ({sql}) q")
        return json.loads(value) if value else []

    def events(self):
        """The whole log, by HTTP."""
        items, after = [], 0
        while True:
            page = self.expect(self.api.get(f"/v1/events?after={after}&limit=1000"), 200).json()
            items += page["items"]
            if not page["items"]:
                return items
            after = page["next_after"]

    def revenue_of_log(self, without=()):
        """What revenue.sql promises, counted here."""
        days = collections.defaultdict(lambda: [0, 0, 0, 0, 0])
        for event in self.events():
            if not event["stream"].startswith("order-") or event["stream"] in without:
                continue
            data, change = event["data"], event["data"].get("change", {})
            adds = [change.get(key, 0) for key in ("orders", "items", "total_minor")]
            for kind in ("OrderPaid", "OrderRefunded"):
                adds.append(data["amount_minor"] if event["type"] == kind else 0)
            if any(adds):
                key = (day_of(event["occurred_at"]), data["currency"])
                days[key] = [a + b for a, b in zip(days[key], adds)]
        return dict(days)

    def units_of_log(self, without=()):
        units = collections.Counter()
        for event in self.events():
            if event["type"] == "OrderPlaced" and event["stream"] not in without:
                for line in event["data"]["lines"]:
                    units[line["sku"]] += line["quantity"]
        return dict(units)

    def revenue(self):
        columns = ("orders", "items", "total_minor", "paid_minor", "refunded_minor")
        return {
            (row["day"], row["currency"]): [row[column] for column in columns]
            for row in self.rows("SELECT * FROM rm_revenue")
        }

    def units(self, view="rm_bestsellers"):
        return {row["sku"]: row["units"] for row in self.rows(f"SELECT * FROM {view}")}

    def caught_up(self):
        """Both have applied, or parked, all there is."""
        head = self.cluster.position()

        def behind():
            shown = [self.shown(name) for name in ("revenue", "bestsellers")]
            return [view for view in shown if view["position"] < head]

        eventually(lambda: not behind(), "both are at the head", 30)

    def shown(self, projection):
        return self.expect(self.api.get(f"/admin/v1/projections/{projection}"), 200).json()

    def check(self, without=()):
        self.caught_up()
        self.assertEqual(self.revenue(), self.revenue_of_log(without))
        self.assertEqual(self.units(), self.units_of_log(without))

    def verify(self):
        command = [services.binary("daybookd"), "verify", "--only", "models", "-o", "ndjson"]
        done = services.run(command, check=False, env=self.cluster.env(), timeout_s=120)
        found = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return done.returncode, found, done.stderr.decode()

    def sound(self):
        status, found, said = self.verify()
        self.assertEqual((status, found), (0, []), said)

    def ask(self, projection, verb):
        """Asks for it and waits for its end."""
        answer = self.api.post(f"/admin/v1/projections/{projection}/{verb}", {})
        number = self.expect(answer, 202).json()["id"]

        def job():
            return self.expect(self.api.get(f"/admin/v1/jobs/{number}"), 200).json()

        eventually(lambda: job()["state"] not in ("queued", "running"), f"{verb} ends", 60)
        self.assertEqual(job()["state"], "done", job())

    def restart(self):
        cls = type(self)
        cls.all.terminate()
        cls.all = cls.cluster.serve()
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    # Facts.

    def test_1_days_and_currencies(self):
        """revenue has what was sold and paid on each day, by when it happened; nothing is missing"""
        self.place("2021-03-01T23:59:59.999999Z", units=2, price=1250)
        self.place("2021-03-02T00:00:00Z", price=99)
        self.place("2021-03-02T01:30:00+02:00", price=1)  # the first of March, in UTC
        self.place("2021-03-02T12:00:00Z", "JPY", price=500)

        cancelled = self.place("2021-03-05T10:00:00Z", price=7000)
        self.command(f"/v1/orders/{cancelled}/pay", {"amount_minor": 7000}, "2021-03-05T11:00:00Z")
        self.command(f"/v1/orders/{cancelled}/cancel", {}, "2021-03-06T09:00:00Z")
        refund = {"amount_minor": 7000}
        self.command(f"/v1/orders/{cancelled}/refund", refund, "2021-03-07T09:00:00Z")

        returned = self.place("2021-04-01T10:00:00Z", price=3000)
        self.command(f"/v1/orders/{returned}/pay", {"amount_minor": 3000}, "2021-04-01T10:01:00Z")
        self.command(f"/v1/orders/{returned}/ship", {}, "2021-04-02T10:00:00Z")
        self.command(f"/v1/orders/{returned}/deliver", {}, "2021-04-03T10:00:00Z")
        self.command(f"/v1/orders/{returned}/return", {}, "2021-04-04T10:00:00Z")
        refund = {"amount_minor": 2500}
        self.command(f"/v1/orders/{returned}/refund", refund, "2021-04-05T10:00:00Z")
        self.caught_up()
        self.assertEqual(
            self.revenue(),
            {
                ("2021-03-01", "EUR"): [2, 3, 2501, 0, 0],
                ("2021-03-02", "EUR"): [1, 1, 99, 0, 0],
                ("2021-03-02", "JPY"): [1, 1, 500, 0, 0],
                ("2021-03-05", "EUR"): [1, 1, 7000, 7000, 0],
                ("2021-03-06", "EUR"): [-1, -1, -7000, 0, 0],
                ("2021-03-07", "EUR"): [0, 0, 0, 0, 7000],
                ("2021-04-01", "EUR"): [1, 1, 3000, 3000, 0],
                ("2021-04-05", "EUR"): [0, 0, 0, 0, 2500],
            },
        )
        self.check()
        self.sound()

    def test_2_killed(self):
        """a kill in the middle of it all loses nothing and counts nothing twice"""
        for round_ in range(3):
            for number in range(60):
                when = f"2022-0{1 + number % 9}-1{round_}T00:00:00Z"
                self.place(when, units=1 + number % 4, price=100 + number, sku=self.skus[number % 3])
            self.all.kill()
            type(self).all = self.cluster.serve()
            type(self).api = self.all.client()
            self.addClassCleanup(self.api.close)
        self.check()
        self.sound()

    def test_3_rebuilt(self):
        """a rebuild comes to the same rows, is compared, activated and rolled back"""
        self.ask("revenue", "rebuild")
        diff = self.expect(self.api.get("/admin/v1/projections/revenue/diff"), 200).json()
        self.assertEqual(diff["compared"], len(self.revenue()))
        counts = [diff[key] for key in ("different", "only_live", "only_other")]
        self.assertEqual((counts, diff["exact"]), ([0, 0, 0], True), diff)
        pages, cursor = 0, None
        while pages == 0 or cursor:
            target = "/admin/v1/projections/revenue/diff?limit=5"
            page = self.api.get(target + (f"&cursor={cursor}" if cursor else ""))
            cursor = self.expect(page, 200).json()["next_cursor"]
            pages += 1
        self.assertGreaterEqual(pages, 1)
        before = self.shown("revenue")["generation"]
        self.ask("revenue", "activate")
        self.assertEqual(self.shown("revenue")["generation"], before + 1)
        self.place("2023-01-01T00:00:00Z", price=42)
        self.check()
        self.sound()
        self.ask("revenue", "rollback")
        self.assertEqual(self.shown("revenue")["generation"], before)
        self.check()

    def test_4_changed(self):
        """a changed file is said to be another, and its rebuild shows what it adds"""
        path = self.files / "bestsellers.sql"
        text = path.read_text("utf-8")
        for before, after in (
            ("units bigint not null,", "units bigint not null, orders bigint not null,"),
            ("(tenant, sku, units)\n", "(tenant, sku, units, orders)\n"),
            ("'quantity')::bigint)", "'quantity')::bigint), count(*)"),
            ("excluded.units;", "excluded.units, orders = t.orders + excluded.orders;"),
        ):
            self.assertEqual(text.count(before), 1)
            text = text.replace(before, after)
        units = self.units()
        path.write_text(text, "utf-8")
        self.restart()
        eventually(lambda: self.shown("bestsellers")["state"] == "blocked", "it is blocked", 20)
        self.assertIn("another declaration", self.shown("bestsellers")["reason"])
        self.assertEqual(self.units(), units)
        self.place("2023-02-01T00:00:00Z", units=5, sku=self.skus[1])
        self.ask("bestsellers", "rebuild")
        self.assertNotIn("orders", self.rows("SELECT * FROM rm_bestsellers")[0])
        self.ask("bestsellers", "activate")
        self.check()
        placed = sum(1 for event in self.events() if event["type"] == "OrderPlaced")
        self.assertEqual(self.rows("SELECT sum(orders) AS n FROM rm_bestsellers")[0]["n"], placed)
        self.sound()

    def test_5_damaged(self):
        """verify names an edited row, a deleted one and an invented one, and nothing else"""
        table = f"rm_revenue_{self.shown('revenue')['generation']}"
        execute = self.cluster.database.execute
        execute(f"CREATE TABLE keep AS SELECT * FROM {table}")
        self.each_column_counts(table)
        execute(f"UPDATE {table} SET paid_minor = paid_minor + 1 WHERE day = '2021-03-05'")
        execute(f"DELETE FROM {table} WHERE day = '2021-03-06'")
        execute(f"INSERT INTO {table} VALUES ('main', '1999-01-01', 'EUR', 1, 1, 1, 1, 1)")
        status, found, said = self.verify()
        self.assertEqual(status, EXIT_DRIFT, said)
        self.assertEqual({(f["name"], f["tenant"]) for f in found}, {("revenue", "main")})
        passed = "has no row, though the checkpoints have passed its events"
        self.assertEqual(
            sorted((f["kind"], f["key"], f["text"]) for f in found),
            [
                ("drifted", "1999-01-01/EUR", "has a row, but no event speaks of it"),
                ("drifted", "2021-03-05/EUR", "paid_minor is 7001, by the log 7000"),
                ("lost", "2021-03-06/EUR", passed),
            ],
        )
        execute(f"TRUNCATE {table}")
        execute(f"INSERT INTO {table} SELECT * FROM keep")
        self.sound()

    def each_column_counts(self, table):
        """a row edited in whatever column that is no key is told by that column"""
        execute = self.cluster.database.execute
        for column in ("orders", "items", "total_minor", "paid_minor", "refunded_minor"):
            execute(f"UPDATE {table} SET {column} = {column} + 1 WHERE day = '2021-03-05'")
            status, found, said = self.verify()
            self.assertEqual((status, len(found)), (EXIT_DRIFT, 1), said)
            self.assertTrue(found[0]["text"].startswith(f"{column} is "), found)
            execute(f"UPDATE {table} SET {column} = {column} - 1 WHERE day = '2021-03-05'")

    def test_6_poison(self):
        """an event that the table refuses parks its stream alone; discarded, the rest follows"""
        order = self.place("2023-03-01T00:00:00Z", price=10)
        self.append_paid(order, {"amount_minor": 5})  # without a currency
        self.append_paid(order, {"amount_minor": 7, "currency": "EUR"})
        self.place("2023-03-01T00:00:00Z", price=20)
        eventually(lambda: self.shown("revenue")["dead_letters"] == 1, "it is a dead letter", 30)
        self.caught_up()
        self.assertEqual(self.revenue()[("2023-03-01", "EUR")], [2, 2, 30, 0, 0])
        self.revenue_is_sound(f"order-{order}")

        letters = self.expect(self.api.get("/admin/v1/dlq?projection=revenue"), 200).json()["items"]
        self.assertEqual(len(letters), 1, letters)
        self.assertEqual((letters[0]["class"], letters[0]["code"]), ("poison.constraint", "23502"))
        target = f"/admin/v1/dlq/{letters[0]['id']}/discard"
        self.expect(self.api.post(target, {"reason": "has no currency"}), 202)
        eventually(lambda: self.shown("revenue")["parked_keys"] == 0, "nothing is parked", 30)
        self.assertEqual(self.revenue()[("2023-03-01", "EUR")], [2, 2, 30, 7, 0])
        self.revenue_is_sound()

    def test_7_no_such_type(self):
        """a table that PostgreSQL refuses blocks its own projection, until the file is corrected"""
        path = self.files / "bestsellers2.sql"
        text = how_to().replace("name: bestsellers", "name: bestsellers2")
        text = text.replace("categories: order", "categories: order, orders")
        path.write_text(text.replace("units bigint", "units biggint"), "utf-8")
        self.cluster.migrate()
        self.restart()
        eventually(lambda: self.shown("bestsellers2")["state"] == "blocked", "it is blocked", 20)
        reason = self.shown("bestsellers2")["reason"]
        self.assertIn("'bestsellers2.sql': type \"biggint\" does not exist", reason)
        self.place("2023-04-01T00:00:00Z", price=30)
        self.caught_up()
        self.assertEqual(self.revenue()[("2023-04-01", "EUR")], [1, 1, 30, 0, 0])

        path.write_text(text, "utf-8")
        self.restart()
        eventually(
            lambda: self.shown("bestsellers2")["position"] >= self.cluster.position(),
            "it is at the head",
            30,
        )
        self.assertEqual(self.units("rm_bestsellers2"), self.units())
        said = [line for line in self.all.log_tail(5000).splitlines() if "a file's category" in line]
        self.assertEqual(len(said), 1, said)
        for part in ('"file":"bestsellers2.sql"', '"category":"orders"', '"nearest":"order"'):
            self.assertIn(part, said[0])

    def append_paid(self, order, data):
        event = {"type": "OrderPaid", "data": data, "occurred_at": "2023-03-01T00:00:00Z"}
        target = f"/v1/streams/order-{order}/events?override=reserved-category"
        self.expect(self.api.post(target, {"events": [event]}), 201)

    def revenue_is_sound(self, *parked):
        """But for what is parked nothing is told."""
        status, found, said = self.verify()
        found = [(f["kind"], f["key"]) for f in found if f["name"] == "revenue"]
        self.assertEqual((status, found), (0, [("parked", stream) for stream in parked]), said)

    def test_8_removed(self):
        """what a file leaves behind goes by the statements of the how-to; the file may come back"""
        path = self.files / "bestsellers.sql"
        path.unlink()
        self.restart()
        number = "SELECT max(generation) FROM generations WHERE projection = 'bestsellers'"
        before = int(self.cluster.database.value(number))
        self.cluster.database.execute(how_to("drop view if exists rm_bestsellers;"))
        left = (
            "SELECT count(*) FROM pg_class WHERE relname ~ '^rm_bestsellers(_[0-9]+)?$'"
            " AND relkind IN ('r', 'v')"
        )
        eventually(lambda: int(self.cluster.database.value(left)) == 0, "the tables are gone", 60)
        for table in ("checkpoints", "parked_keys"):
            rest = self.rows(f"SELECT * FROM {table} WHERE projection = 'bestsellers'")
            self.assertEqual(rest, [], table)

        path.write_text(how_to(), "utf-8")
        self.restart()
        self.caught_up()
        self.assertEqual(self.units(), self.units_of_log())
        self.assertGreater(self.shown("bestsellers")["generation"], before)


if __name__ == "__main__":
    main()
