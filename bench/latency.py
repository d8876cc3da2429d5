# SPDX-License-Identifier: Apache-2.0
"""How long after its acknowledgement an order can be read: in Kafka, and in the read model.

An open loop places orders at a fixed rate and writes down when each was acknowledged. A consumer
follows the topic as any would; a poller asks a list how far its read model is. Both note the time at
which a position was first seen. All clocks are the machine's monotonic one.

Threads: one that polls, one that looks at half time.
"""
import bisect
import contextlib
import subprocess
import tempfile
import threading
import time

from drive import good_only, installation, open_loop
from support import services
from support.client import Client
from support.harness import read_positions
from support.waiting import eventually

WARM_UP_S = 2
RATES = (500, 5000)


class TopicReader:
    """bench/topic_times.c at the end of a topic; seen: {position: when it could be read}."""

    def __init__(self, topic):
        command = [services.binary("bench/topic_times"), services.brokers(), topic]
        self._popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._popen.stdout.readline() != b"ready\n":
            raise RuntimeError("the topic's reader does not get ready")
        self.seen = {}

    def close(self):
        output = self._popen.communicate()[0]
        for line in output.splitlines():
            position, us = line.split()
            self.seen[int(position)] = int(us)


class ReadModelPoller:
    """Asks a list for its read position, over and over; seen: (position, when)."""

    def __init__(self, url, target="/v1/orders?limit=1"):
        self.positions = []
        self.times = []
        self._client = Client(url)
        self._target = target
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def _poll(self):
        while not self._stop.wait(0.001):
            position = int(self._client.get(self._target).headers["daybook-read-position"])
            if not self.positions or position > self.positions[-1]:
                self.positions.append(position)
                self.times.append(int(1e6 * time.monotonic()))

    def when(self, position):
        at = bisect.bisect_left(self.positions, position)
        return self.times[at] if at < len(self.times) else None

    def close(self):
        self._stop.set()
        self._thread.join()
        self._client.close()


def percentiles(values):
    """Of times in us."""
    values = sorted(max(0, value) for value in values)
    return {
        "p50_ms": round(values[len(values) // 2] / 1e3, 2),
        "p99_ms": round(values[len(values) * 99 // 100] / 1e3, 2),
        "count": len(values),
    }


def lag(made):
    """Events of the log that some read model does not have."""
    client = made.process.client()
    with contextlib.closing(client):
        reached = min(read_positions(client))
    return max(0, made.cluster.position() - reached)


def _look_at_half_time(made, seconds, result):
    ends = time.monotonic() + seconds / 2
    eventually(lambda: time.monotonic() >= ends, "half time", seconds + 1)
    result["lag_half"] = lag(made)
    result["rss_half"] = made.rss_mib()


def _load(made, rate, seconds, result):
    """Returns [(position, when it was acknowledged)]."""
    middle = threading.Thread(target=_look_at_half_time, args=(made, seconds, result))
    with tempfile.NamedTemporaryFile("r", suffix=".acks") as acks:
        middle.start()
        seen = open_loop(
            made.process.port, rate, seconds, acks=acks.name, event="OrderPlaced", connections=128
        )
        result["lag_end"] = lag(made)
        middle.join()
        result["order"] = good_only(seen)
        result["per_second"] = round(seen["good"]["count"] / seconds)
        return [tuple(map(int, line.split())) for line in acks]


def measure(made, rate, seconds):
    """{"kafka", "model", "order": percentiles, "per_second", "lag_half", "lag_end", "rss_half"}"""
    result = {}
    open_loop(made.process.port, rate, WARM_UP_S)  # topics, caches and connections are warm then
    made.cluster.wait_caught_up(made.client, 300.0)
    topic = TopicReader(f"{made.cluster.prefix}.order")
    model = ReadModelPoller(made.process.url)
    try:
        acknowledged = _load(made, rate, seconds, result)
        made.cluster.wait_caught_up(made.client, 300.0)
        last = max(position for position, _ in acknowledged)
        eventually(lambda: model.when(last), "the last order is in the read model")
    finally:
        topic.close()
        model.close()
    result["kafka"] = percentiles([topic.seen[at] - us for at, us in acknowledged])
    result["model"] = percentiles([model.when(at) - us for at, us in acknowledged])
    return result


def latencies(rows, options):
    """Acknowledged to readable, at a low and at a high rate, all roles."""
    with installation() as made:
        made.stock_up()
        for rate in RATES:
            seen = measure(made, rate, options.seconds)
            work = f"{rate:,} orders/s: acknowledged to readable in"
            kafka, model = seen["kafka"], seen["model"]
            rows.add(f"{work} Kafka, p50", kafka["p50_ms"], "ms", at_most=8)
            rows.add(f"{work} Kafka, p99", kafka["p99_ms"], "ms", at_most=15)
            p50, p99 = (15, 40) if rate == 500 else (None, None)
            rows.add(f"{work} the read model, p50", model["p50_ms"], "ms", at_most=p50)
            rows.add(f"{work} the read model, p99", model["p99_ms"], "ms", at_most=p99)
            rows.add(
                f"{rate:,} orders/s: the order itself, p99", seen["order"]["p99_ms"], "ms",
                p50_ms=seen["order"]["p50_ms"],
            )  # fmt: skip
