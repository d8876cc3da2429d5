# SPDX-License-Identifier: Apache-2.0
"""Live readers: a thousand server-sent event streams, each with every event."""
import json
import subprocess

from drive import EVENT, good_only, installation, open_loop
from support import services

SUBSCRIBERS = 1000
RATE = 2000


def live(rows, options):
    """1,000 subscribers to the whole log at 2,000 events a second."""
    with installation("api") as made:
        command = [services.binary("bench/subscribers"), str(made.process.port), str(SUBSCRIBERS)]
        readers = subprocess.Popen(
            [*command, "/v1/events"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        if readers.stdout.readline() != b"ready\n":
            raise RuntimeError("the subscribers do not get ready")
        load = open_loop(
            made.process.port, RATE, options.seconds,
            path="/v1/streams/bench-{sku}/events", body=EVENT,
        )  # fmt: skip
        seen = json.loads(readers.communicate(timeout=60)[0])
        work = f"SSE, {SUBSCRIBERS:,} subscribers of {RATE:,} events/s"
        rows.add(f"{work}: delivery p99", seen["p99_ms"], "ms", at_most=100, **seen)
        delivered = round(seen["delivered"] / options.seconds)
        rows.add(f"{work}: deliveries", delivered, "/s", at_least=int(0.98 * SUBSCRIBERS * RATE))
        rows.add(f"{work}: the append itself, p99", good_only(load)["p99_ms"], "ms")
