#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/cdnow in projections of SQL: a real shop's revenue by month, to the cent, whatever happens.

"takings" is a user's own. It looks up each customer's region in a table beside the log; 100
customers have none at first, so that their orders are refused and wait.
"""
import collections
import importlib.machinery
import importlib.util
import json
import pathlib
import shutil
import tempfile

from support import services
from support.case import SystemTest, main
from support.waiting import eventually

EXAMPLE = services.ROOT / "examples" / "cdnow" / "run"
COMMANDS = 500
POISON = 100
SETTLED_S = 60

TAKINGS = """-- name: takings
-- categories: order
-- kind: roll-up

create table {table} (
    tenant text not null,
    {period} date not null,
    region text not null,
    orders bigint not null,
    cents bigint not null,
    primary key (tenant, {period}, region)
);

insert into {table} as t (tenant, {period}, region, orders, cents)
select e.tenant, date_trunc('{period}', e.occurred_at)::date, r.region, count(*),
       sum((e.data ->> 'total_minor')::bigint)
  from {events} e
  left join regions r on r.customer = e.data ->> 'customer_id'
 where e.type = 'OrderPlaced'
 group by 1, 2, 3
    on conflict (tenant, {period}, region) do update
   set orders = t.orders + excluded.orders, cents = t.cents + excluded.cents;
"""


def load_example():
    loader = importlib.machinery.SourceFileLoader("cdnow", str(EXAMPLE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("cdnow", loader))
    loader.exec_module(module)
    return module


CDNOW = load_example()


def by_month(purchases):
    """{month: [orders, cents]} of lines of the file."""
    months = collections.defaultdict(lambda: [0, 0])
    for purchase in purchases:
        month = months[f"{purchase.date[:4]}-{purchase.date[4:6]}"]
        month[0] += 1
        month[1] += purchase.cents
    return dict(months)


def pick_buyers_of_one(purchases):
    """Customers of a single order each, from all over the file."""
    orders = collections.Counter(purchase.customer for purchase in purchases)
    once = [customer for customer, count in orders.items() if count == 1]
    return set(once[:: len(once) // POISON][:POISON])


class CdnowRevenue(SystemTest):
    @classmethod
    def setUpClass(cls):
        cls.purchases = list(CDNOW.purchases())
        cls.unknown = pick_buyers_of_one(cls.purchases)
        cls.files = pathlib.Path(tempfile.mkdtemp(prefix="daybook-cdnow-"))
        cls.addClassCleanup(shutil.rmtree, cls.files, ignore_errors=True)
        shutil.copy(services.ROOT / "projections" / "revenue.sql", cls.files)
        cls.write_takings("day")
        cls.SETTINGS = {
            "projection__directory": str(cls.files),
            "projection__retry_first": "100ms",
            "projection__retry_max": "200ms",
        }
        super().setUpClass()

    @classmethod
    def write_takings(cls, period):
        text = TAKINGS.replace("{period}", period)
        (cls.files / "takings.sql").write_text(text, "utf-8")

    @classmethod
    def start(cls):
        cls.cluster.database.execute("CREATE TABLE regions (customer text PRIMARY KEY, region text)")
        cls.give_regions({p.customer for p in cls.purchases} - cls.unknown)
        super().start()

    @classmethod
    def give_regions(cls, customers):
        values = ", ".join(f"('{customer}', 'us')" for customer in sorted(customers))
        services.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", cls.cluster.database.url],
            stdin=f"INSERT INTO regions VALUES {values};".encode(),
        )

    # What is done.

    def send(self, commands):
        results = self.expect(self.api.post("/v1/commands", {"commands": commands}), 200).json()
        self.assertEqual({result["status"] for result in results["results"]}, {201})

    def post_file(self):
        stock = {"quantity": CDNOW.PIECES}
        self.expect(self.api.post(f"/v1/stock/{CDNOW.SKU}/receive", stock), 200)
        for first in range(0, len(self.purchases), COMMANDS):
            some = self.purchases[first : first + COMMANDS]
            self.send([{"command": "order.place", "data": CDNOW.order_of(p)} for p in some])

    def ask(self, projection, verb):
        """Asks for it and waits for its end."""
        answer = self.api.post(f"/admin/v1/projections/{projection}/{verb}", {})
        number = self.expect(answer, 202).json()["id"]

        def job():
            return self.expect(self.api.get(f"/admin/v1/jobs/{number}"), 200).json()

        eventually(lambda: job()["state"] not in ("queued", "running"), f"{verb} ends", SETTLED_S)
        self.assertEqual(job()["state"], "done", job())

    def restart(self):
        cls = type(self)
        cls.all.terminate()
        cls.all = cls.cluster.serve()
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    # What is looked at.

    def shown(self, projection):
        return self.expect(self.api.get(f"/admin/v1/projections/{projection}"), 200).json()

    def caught_up(self, *projections):
        head = self.cluster.position()
        eventually(
            lambda: all(self.shown(name)["position"] >= head for name in projections),
            f"{projections} are at {head}",
            SETTLED_S,
        )

    def months(self, query):
        return {
            month.decode(): [int(orders), int(cents)]
            for month, orders, cents in self.cluster.database.rows(query)
        }

    def takings(self, period):
        return self.months(
            f"SELECT to_char({period}, 'YYYY-MM'), sum(orders), sum(cents) FROM rm_takings GROUP BY 1"
        )

    def revenue(self):
        return self.months(
            "SELECT to_char(day, 'YYYY-MM'), sum(orders), sum(total_minor) FROM rm_revenue"
            " WHERE currency = 'USD' GROUP BY 1"
        )

    def sound(self):
        command = [services.binary("daybookd"), "verify", "--only", "models", "-o", "ndjson"]
        done = services.run(command, check=False, env=self.cluster.env())
        found = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual((done.returncode, found), (0, []), done.stderr.decode())

    def unchanged_by_rebuild(self, projection):
        self.ask(projection, "rebuild")
        diff = self.expect(self.api.get(f"/admin/v1/projections/{projection}/diff"), 200).json()
        counts = [diff[key] for key in ("different", "only_live", "only_other")]
        self.assertEqual((counts, diff["exact"]), ([0, 0, 0], True), diff)
        self.ask(projection, "activate")

    # The fact.

    def test_revenue_by_month(self):
        """revenue by month is the file's: after 100 parked and redriven, a rebuild, another definition"""
        whole = by_month(self.purchases)
        known = by_month(p for p in self.purchases if p.customer not in self.unknown)
        self.assertEqual(sum(cents for _, cents in whole.values()), CDNOW.EXPECTED["amount in cents"])
        self.assertEqual(sum(n for n, _ in whole.values()) - sum(n for n, _ in known.values()), POISON)

        self.post_file()
        self.caught_up("revenue", "takings")
        self.assertEqual(self.revenue(), whole)
        eventually(
            lambda: self.shown("takings")["dead_letters"] == POISON, "all are dead letters", SETTLED_S
        )
        self.assertEqual(self.takings("day"), known)

        self.give_regions(self.unknown)
        order = {"filter": {"projection": "takings"}, "limit": 2 * POISON}
        self.assertIn(self.api.post("/admin/v1/dlq/redrive", order).status, (200, 202))
        eventually(
            lambda: self.shown("takings")["parked_keys"] == 0, "all are applied", SETTLED_S
        )
        self.assertEqual(self.takings("day"), whole)

        for projection in ("revenue", "takings"):
            self.unchanged_by_rebuild(projection)
        self.assertEqual(self.revenue(), whole)
        self.assertEqual(self.takings("day"), whole)

        self.write_takings("month")
        self.restart()
        eventually(lambda: self.shown("takings")["state"] == "blocked", "it is another one", SETTLED_S)
        self.assertEqual(self.takings("day"), whole)
        self.ask("takings", "rebuild")
        self.ask("takings", "activate")
        self.assertEqual(self.takings("month"), whole)
        rows = self.cluster.database.value("SELECT count(*) FROM rm_takings")
        self.assertEqual(int(rows), len(whole))
        self.sound()


if __name__ == "__main__":
    main()
