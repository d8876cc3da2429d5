# SPDX-License-Identifier: Apache-2.0
"""A rebuild of a read model from a long log: how fast it fills, and what it costs everybody else.

The log is loaded with SQL, as the writer would have left it: orders that are placed, and paid
OPEN_ORDERS orders later. The projection `orders` then applies it from Kafka in batches of one and in
batches of the default size, and a rebuild fills it anew, each with the machine to itself. Last, a
rebuild is filled, compared, activated, rolled back and activated again while an open loop places
orders and a reader asks for lists whose length is known.

Threads: one that reads, one for the open loop; they share append-only lists.
"""
import random
import sys
import threading
import time

from drive import installation, open_loop
from support.case import order_of
from support.client import Disconnected
from support.swarm import Pause, Request, Swarm
from support.waiting import eventually

OPEN_ORDERS = 10000
ORDERS_A_CUSTOMER = 100
ALONE_S = 10  # of batches of one; and of the load before the rebuild begins
CLIENTS = 64
RATE = 500
DEADLINE_S = 600.0

# Block after block of OPEN_ORDERS orders placed, then paid. The stream ids that the program took
# are left alone, and so are those it takes next: it takes 1,024 at once.
LOAD = """
BEGIN;
CREATE TEMP TABLE base AS
SELECT h.position, h.recorded_at, s.last_value + 1024 AS id FROM log_head h, stream_ids s;
CREATE TEMP TABLE placed AS
SELECT n, b.id + n AS id, 'order-bulk' || n AS stream,
       b.position + 2 * {open} * (n / {open}) + n % {open} + 1 AS position,
       'bulk' || n / {each} AS customer, 1 + n % 9999 AS price, 'sku' || 1 + n % 1000 AS sku
  FROM base b, generate_series(0, {orders} - 1) AS n;
INSERT INTO streams (id, tenant, name, category, version, first_position, last_position)
SELECT id, 'main', stream, 'order', 2, position, position + {open} FROM placed;
INSERT INTO events (position, stream_id, version, occurred_at, recorded_at, id, type, data)
SELECT e.position, p.id, e.version, e.at, e.at, gen_random_uuid()::text, e.type, e.data
  FROM placed p CROSS JOIN base b CROSS JOIN LATERAL (
       SELECT v.version, v.position, v.type, v.data,
              b.recorded_at + (v.position - b.position) * interval '1 microsecond' AS at
         FROM (VALUES
              (1, p.position, 'OrderPlaced', format(
               '{{"customer_id":"%s","currency":"EUR","lines":[{{"line":1,"sku":"%s","quantity":1,'
               '"unit_price_minor":%s}}],"total_minor":%s,"change":{{"orders":1,"items":1,'
               '"total_minor":%s}}}}', p.customer, p.sku, p.price, p.price, p.price)::json),
              (2, p.position + {open}, 'OrderPaid', format(
               '{{"customer_id":"%s","currency":"EUR","amount_minor":%s,"change":{{"orders":0,'
               '"items":0,"total_minor":0}}}}', p.customer, p.price)::json))
              AS v (version, position, type, data)) e;
SELECT setval('stream_ids', (max(id) / 1024 + 1) * 1024 + 1) FROM placed;
UPDATE log_head h SET position = e.position, recorded_at = e.recorded_at
  FROM (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1) e;
COMMIT;
ANALYZE;
"""


class OpenLoop(threading.Thread):
    """Places RATE orders a second until it is stopped; begun, answered: times of each, as they end."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._address = ("127.0.0.1", port)
        self._stopped = threading.Event()
        self.answered = []  # (when it was answered, how long that took behind its due time)
        self.faults = []

    def run(self):
        begins = time.monotonic()
        Swarm().run(
            [self._client(number, begins) for number in range(CLIENTS)], deadline_s=DEADLINE_S
        )

    def _client(self, number, begins):
        turn = number
        while not self._stopped.is_set():
            due = begins + turn / RATE
            if due > time.monotonic():
                yield Pause(due - time.monotonic())
            body = order_of(f"sku{turn % 1000 + 1}", 1, 100, f"customer{turn % 500}")
            request = Request(self._address, "POST", "/v1/orders", body)
            answer = yield request
            if answer.status != 201:
                self.faults.append(str(answer))
            self.answered.append((request.answered_at, request.answered_at - due))
            turn += CLIENTS

    def between(self, begin, end):
        """Orders a second and their latency, of what was answered in that time."""
        took = sorted(late for at, late in list(self.answered) if begin <= at < end)
        return {
            "seconds": round(end - begin, 1),
            "orders_per_second": round(len(took) / (end - begin), 1),
            "p50_ms": round(1e3 * took[len(took) // 2], 2),
            "p99_ms": round(1e3 * took[int(len(took) * 0.99)], 2),
        }

    def stop(self):
        self._stopped.set()
        self.join()


class Reader(threading.Thread):
    """Asks for the orders of one customer after the other: of each there are ORDERS_A_CUSTOMER."""

    def __init__(self, process, customers):
        super().__init__(daemon=True)
        self._api = process.client()
        self._customers = customers
        self._stopped = threading.Event()
        self.reads = 0
        self.faults = []

    def run(self):
        chance = random.Random(7)
        while not self._stopped.wait(0.005):
            target = f"/v1/orders?customer_id=bulk{chance.randrange(self._customers)}&limit=500"
            try:
                answer = self._api.get(target)
            except Disconnected as error:
                self.faults.append(f"{target}: {error}")
                continue
            self.reads += 1
            found = len(answer.json()["items"]) if answer.status == 200 else answer
            if found != ORDERS_A_CUSTOMER:
                self.faults.append(f"{target}: {found}")

    def stop(self):
        self._stopped.set()
        self.join()
        self._api.close()


class Rebuilds:
    """What is asked of `orders` over HTTP."""

    def __init__(self, installation, api):
        self._database = installation.cluster.database
        self._api = api

    def _expect(self, answer, status):
        if answer.status != status:
            raise RuntimeError(f"{answer}")
        return answer.json()

    def shown(self):
        return self._expect(self._api.get("/admin/v1/projections/orders"), 200)

    def ask(self, verb, **body):
        """Returns the job's number."""
        answer = self._api.post(f"/admin/v1/projections/orders/{verb}", body)
        return self._expect(answer, 202)["id"]

    def job(self, number):
        return self._expect(self._api.get(f"/admin/v1/jobs/{number}"), 200)

    def done(self, number):
        job = eventually(
            lambda: (lambda j: j["state"] not in ("queued", "running") and j)(self.job(number)),
            f"job {number} ends",
            DEADLINE_S,
        )
        if job["state"] != "done":
            raise RuntimeError(f"job {number}: {job}")
        return job

    def switch(self, verb):
        began = time.monotonic()
        self.done(self.ask(verb))
        return round(time.monotonic() - began, 2)

    def fill(self):
        """Asks for a rebuild; returns (its job, events filled a second)."""
        number = self.ask("rebuild")
        eventually(lambda: self.job(number)["state"] == "running", "the rebuild begins")
        began = time.monotonic()
        generation = self.job(number)["arguments"]["generation"]
        eventually(
            lambda: self._database.value(
                f"SELECT state FROM generations WHERE projection = 'orders'"
                f" AND generation = {generation}"
            )
            != b"filling",
            "the fill ends",
            DEADLINE_S,
            pause_s=0.05,
        )
        took = time.monotonic() - began
        return number, int(self._filled(generation) / took)

    def _filled(self, generation):
        return int(
            self._database.value(
                "SELECT sum(events) FROM generation_lanes"
                f" WHERE projection = 'orders' AND generation = {generation}"
            )
        )

    def diff(self):
        total, cursor = {}, ""
        while cursor is not None:
            page = self._expect(
                self._api.get(f"/admin/v1/projections/orders/diff?limit=50000{cursor}"), 200
            )
            for key in ("compared", "different", "only_live", "only_other", "behind"):
                total[key] = total.get(key, 0) + page[key]
            total["exact"] = total.get("exact", True) and page["exact"]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        return total

    def change(self):
        """Five rows of the new generation are others, two go, one comes; returns what that makes."""
        generation = max(g["generation"] for g in self.shown()["generations"])
        table = f"rm_orders_{generation}"
        some = f"SELECT stream FROM {table} WHERE stream LIKE 'order-bulk%' ORDER BY stream"
        self._database.execute(
            f"DELETE FROM {table} WHERE stream IN ({some} LIMIT 2);"
            f"UPDATE {table} SET customer_id = 'nobody' WHERE stream IN ({some} OFFSET 777 LIMIT 5);"
            f"INSERT INTO {table} (tenant, stream, version) VALUES ('main', 'order-never', 1)"
        )
        return {"different": 5, "only_live": 2, "only_other": 1, "behind": 0}


def note(what):
    print(f"  {time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def load(installation, events):
    orders = events // 2
    if orders % OPEN_ORDERS != 0:
        raise SystemExit(f"--events: a multiple of {2 * OPEN_ORDERS}")
    sql = LOAD.format(open=OPEN_ORDERS, each=ORDERS_A_CUSTOMER, orders=orders)
    installation.cluster.database.execute(sql)


def published(cluster):
    position = cluster.database.value("SELECT position FROM publisher_cursor")
    return int(position) >= cluster.position()


def applied(process):
    """Events that this process's projection has taken from Kafka."""
    client = process.client()
    try:
        for line in client.get("/metrics").body.decode().splitlines():
            if line.startswith("daybook_projection_events_total") and '"applied"' in line:
                return float(line.rsplit(" ", 1)[1])
        return 0.0
    except Disconnected:  # it has only just started
        return 0.0
    finally:
        client.close()


def live_rate(cluster, name, ended, **settings):
    """Events a second that a process applies, from the first it is seen to have, until ENDED(s)."""
    process = cluster.add(
        name, "serve", "--roles", "project", projection__names="orders", **settings
    )
    process.start()
    try:
        first = eventually(lambda: applied(process), "events are applied", 120.0)
        began = time.monotonic()
        eventually(
            lambda: ended(time.monotonic() - began), "the measurement ends", DEADLINE_S, 0.1
        )
        return round((applied(process) - first) / (time.monotonic() - began))
    finally:
        process.terminate()


def is_applied(cluster):
    """Each partition of `order` is where the published cursor is."""
    return (
        cluster.database.value(
            "SELECT count(*) FROM checkpoints c, publisher_cursor p"
            " WHERE c.projection = 'orders' AND c.generation = 1 AND c.position <"
            " (p.cursor #>> array['topics', 'order', 'last', c.partition::text])::bigint"
        )
        == b"0"
    )


def same(total):
    return not any(total[key] for key in ("different", "only_live", "only_other", "behind"))


def alone(cluster, rebuilds, result):
    """Rates with the machine to each of them alone, and what the diff says."""
    note("batches of one, then of the default size")
    result["batches_of_one_per_second"] = live_rate(
        cluster, "ones", lambda seconds: seconds >= ALONE_S, projection__batch_events_max=1
    )
    result["batches_per_second"] = live_rate(cluster, "batches", lambda _: is_applied(cluster))
    note("a rebuild, alone")
    builder = cluster.add("builder", "serve", "--roles", "project").start()
    job, result["fill_per_second"] = rebuilds.fill()
    rebuilds.done(job)
    note("diffs")
    result["diff_unchanged"] = rebuilds.diff()
    expected = rebuilds.change()
    result["diff_changed"] = rebuilds.diff()
    result["diff_changed_is_the_change"] = expected.items() <= result["diff_changed"].items()
    builder.terminate()


def under_load(installation, rebuilds, result, customers):
    process = installation.process
    loop, reader = OpenLoop(process.port), Reader(process, customers)
    loop.start()
    eventually(lambda: len(loop.answered) > RATE, "the load has begun")
    reader.start()
    began = time.monotonic()
    eventually(lambda: time.monotonic() - began > ALONE_S, "there is a before", 60.0)
    asked = time.monotonic()
    job, result["fill_per_second_under_load"] = rebuilds.fill()
    filled = time.monotonic()
    rebuilds.done(job)
    note("filled")
    result["diff_under_load"] = rebuilds.diff()
    result["switches_s"] = [rebuilds.switch(v) for v in ("activate", "rollback", "activate")]
    ended = time.monotonic()
    reader.stop()
    loop.stop()
    result["load_before"] = loop.between(began, asked)
    result["load_during_fill"] = loop.between(asked, filled)
    result["load_during_all"] = loop.between(asked, ended)
    result["reads"] = reader.reads
    result["faults"] = (reader.faults + loop.faults)[:5]


def judge(result):
    fill = result["fill_per_second"]
    before = result["load_before"]["orders_per_second"]
    result["fill_to_batches"] = round(fill / result["batches_per_second"], 2)
    result["fill_to_ones"] = round(fill / result["batches_of_one_per_second"], 2)
    for part in ("fill", "all"):
        during = result[f"load_during_{part}"]["orders_per_second"]
        result[f"load_{part}_to_before"] = round(during / before, 3)
    result["passed"] = (
        result["fill_to_batches"] >= 2
        and result["fill_to_ones"] >= 5
        and min(result["load_fill_to_before"], result["load_all_to_before"]) >= 0.8
        and same(result["diff_unchanged"])
        and same(result["diff_under_load"])
        and result["diff_changed_is_the_change"]
        and not result["faults"]
    )


def measure(installation, events):
    cluster, process = installation.cluster, installation.process
    open_loop(process.port, RATE, 1)  # so that every partition has begun
    cluster.wait_caught_up(installation.client)
    process.terminate()
    load(installation, events)
    result = {"events": events}
    note("the log is loaded")

    front = cluster.serve("front", roles="api,publish")
    api = front.client()
    eventually(lambda: published(cluster), "the log is in Kafka", DEADLINE_S)
    alone(cluster, Rebuilds(installation, api), result)
    api.close()
    front.terminate()

    note("under load")
    installation.process = cluster.serve("loaded")
    installation.client.close()
    installation.client = installation.process.client()
    cluster.wait_caught_up(installation.client, DEADLINE_S)
    customers = events // 2 // ORDERS_A_CUSTOMER
    under_load(installation, Rebuilds(installation, installation.client), result, customers)
    judge(result)
    return result


def beside(rows, options):
    """A rebuild against live batches, and what it costs an open loop of orders beside it."""
    with installation() as made:
        made.stock_up()
        result = measure(made, options.events)
    work = f"rebuild of {options.events:,} events"
    rows.add(f"{work}: fill to live batches", result["fill_to_batches"], "ratio", at_least=2)
    rows.add(f"{work}: fill to batches of one", result["fill_to_ones"], "ratio", at_least=5)
    rows.add(f"{work}: orders beside it to before", result["load_all_to_before"], "ratio", at_least=0.8)
    rows.add(f"{work}: all of it as it should be", int(result["passed"]), "", at_least=1, **result)
