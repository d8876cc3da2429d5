# SPDX-License-Identifier: Apache-2.0
"""Commands over HTTP: orders and payments, by one process and by several, and what a process costs."""
import statistics
import uuid

import latency
from drive import SKUS, good_only, installation, open_loop, wrk, wrk_all, wrk_batches

STARTS = 5
RATE = 15000
WARM_UP_S = 2
IN_FLIGHT = 256  # of each thread of wrk: what was placed last may not be there


def api_alone(rows, options):
    """Orders by the API role alone: closed loop, open loop, one SKU, a lone client, memory."""
    with installation("api") as made:
        made.stock_up()
        wrk(made.process.url, 64, WARM_UP_S, "orders", SKUS)
        lone = wrk_batches(made, 1, options.seconds, "orders", SKUS)
        rows.add("one lone client's order, p50", lone["p50_ms"], "ms", at_most=0.45)
        rows.add("orders, API role alone, 1 connection", lone["per_second"], "/s")
        for connections in (64, 256):
            seen = wrk_batches(made, connections, options.seconds, "orders", SKUS)
            rows.add(
                f"orders, API role alone, {connections} connections",
                seen["per_second"],
                "/s",
                at_least=30000 if connections == 256 else None,
                limit="batches",
                each=2,
                p99_ms=seen["p99_ms"],
                mean_batch=seen["mean_batch"],
            )
        one = wrk(made.process.url, 256, options.seconds, "orders", 1)
        ratio = one["per_second"] / seen["per_second"]
        rows.add("orders of one SKU against 1,000", round(ratio, 2), "ratio", at_least=0.9)
        rows.add("RSS of the API role after that", made.rss_mib(), "MiB", at_most=64)
        due = open_loop(made.process.port, RATE, options.seconds, connections=256)
        rows.add(
            f"orders, API role alone, open loop at {RATE:,}/s, p99",
            due["good"].get("p99_ms", 0),
            "ms",
            at_most=25,
            status=due["status"],
            not_sent=due["not_sent"],
        )


def pay(rows, options):
    """One-event commands by the API role alone: what was placed before is paid."""
    with installation("api") as made:
        made.stock_up()
        prefix = uuid.uuid4().hex[:12]
        placed = wrk(made.process.url, 256, 3 * options.seconds, "orders", SKUS, prefix)
        counts = [max(0, sent - IN_FLIGHT) for sent in placed["sent"]]
        seen = wrk(made.process.url, 256, options.seconds, "pay", prefix, *counts)
        rows.add(
            "pay: one-event commands, API role alone, 256 connections",
            seen["per_second"],
            "/s",
            at_least=40000,
            limit="batches",
            p99_ms=seen["p99_ms"],
        )


def all_roles(rows, options):
    """Orders with every role in one process, closed loop; then at a steady rate for long."""
    with installation() as made:
        made.stock_up()
        wrk(made.process.url, 64, WARM_UP_S, "orders", SKUS)
        for connections in (64, 256):
            seen = wrk_batches(made, connections, options.seconds, "orders", SKUS)
            rows.add(
                f"orders, all roles, {connections} connections",
                seen["per_second"],
                "/s",
                limit="batches",
                each=2,
                p99_ms=seen["p99_ms"],
                mean_batch=seen["mean_batch"],
            )
            made.cluster.wait_caught_up(made.client, 300.0)


def sustained(rows, options):
    """All roles at a steady rate: whether it is held, whether the lag and the memory stay."""
    with installation() as made:
        made.stock_up()
        seen = latency.measure(made, options.rate, options.sustained)
        work = f"all roles at {options.rate:,} orders/s for {options.sustained} s"
        rows.add(f"{work}: orders", seen["per_second"], "/s", at_least=10000)
        rows.add(f"{work}: append to readable, p99", seen["model"]["p99_ms"], "ms", at_most=250)
        rows.add(f"{work}: lag at the end", seen["lag_end"], "events", lag_half=seen["lag_half"])
        rows.add(f"{work}: RSS", made.rss_mib(), "MiB", at_most=160, rss_half=seen["rss_half"])


def processes(rows, options):
    """Several processes with the API role on one log, against one."""
    with installation("api") as made:
        made.stock_up()
        urls = [made.process.url]
        wrk(made.process.url, 64, WARM_UP_S, "orders", SKUS)
        one = wrk_all(urls, 256, options.seconds, "orders", SKUS)["per_second"]
        for count in (2, 4):
            while len(urls) < count:
                urls.append(made.start(f"api{len(urls)}", "api").url)
            seen = wrk_all(urls, 256, options.seconds, "orders", SKUS)
            rows.add(
                f"{count} processes on one log against one",
                round(seen["per_second"] / one, 2),
                "ratio",
                at_least=1.0,
                per_second=seen["per_second"],
                p99_ms=seen["p99_ms"],
            )


def start(rows, options):
    """From exec to ready, and memory then."""
    del options
    for name, roles in (("API role", "api"), ("all roles", None)):
        took, rss = [], []
        with installation(roles) as made:
            for number in range(STARTS):
                made.process.terminate()
                made.process = made.start(f"start{number}", roles)
                took.append(made.start_up_ms)
                rss.append(made.rss_mib())
        rows.add(f"start of {name} until ready", statistics.median(took), "ms", at_most=200)
        rows.add(f"RSS of {name}, idle", statistics.median(rss), "MiB")
