# SPDX-License-Identifier: Apache-2.0
"""Events that are given, not decided: over HTTP, and by the engine without it."""
from drive import daybookd, installation, wrk

GOALS = {1: 25000, 3: 60000, 10: 100000}  # events a second by events a request
OUTSTANDING = (1, 8, 64, 256, 1024)


def generic(rows, options):
    """Appends over HTTP by 64 clients, API role alone."""
    with installation("api") as made:
        wrk(made.process.url, 64, 1, "append", 1)
        for events, goal in GOALS.items():
            seen = wrk(made.process.url, 64, options.seconds, "append", events)
            rows.add(
                f"generic append, 64 clients, {events} events a request",
                seen["per_second"] * events,
                "events/s",
                at_least=goal,
                limit="copy",
                p99_ms=seen["p99_ms"],
            )


def engine(rows, options):
    """Writes handed straight to a writer: `daybookd bench append`."""
    with installation("api") as made:
        made.process.terminate()
        for name, arguments in (("one event", ()), ("order", ("--orders",))):
            for outstanding in OUTSTANDING:
                seen = daybookd(
                    made.cluster, "append", "--yes", "--seconds", max(1, options.seconds // 2),
                    "--outstanding", outstanding, *arguments,
                )  # fmt: skip
                goal = 90000 if outstanding == 256 and not arguments else None
                rows.add(
                    f"engine alone, {name}, {outstanding} outstanding",
                    seen["events_per_second"],
                    "events/s",
                    at_least=goal,
                    limit="copy",
                    mean_batch=seen["mean_batch"],
                    p50_ms=seen["p50_ms"],
                    p99_ms=seen["p99_ms"],
                )
