# SPDX-License-Identifier: Apache-2.0
"""How long after its acknowledgement an order can be read: in Kafka, and in the read model.

An open loop places orders at a fixed rate. kcat follows the topic as any consumer would; a poller
asks a list how far its read model is. Both note the time at which a position was first seen.

Threads: one for the load, one behind kcat, one that polls; they share append-only lists.
"""
import bisect
import re
import subprocess
import threading
import time

from support import services
from support.case import order_of
from support.client import Client
from support.swarm import Pause, Request, Swarm
from support.waiting import eventually

CLIENTS = 64
POSITION = re.compile(rb"ce_globalposition=(\d+)")


class KafkaReader:
    """kcat at the end of a topic; seen: {position: when it could be read}."""

    def __init__(self, topic):
        self.seen = {}
        arguments = ["kcat", "-b", services.brokers(), "-C", "-t", topic, "-o", "end", "-q", "-u"]
        arguments += ["-X", "isolation.level=read_committed", "-f", r"%h\n"]
        self._kcat = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        for line in self._kcat.stdout:
            found = POSITION.search(line)
            if found:
                self.seen[int(found.group(1))] = time.monotonic()

    def close(self):
        self._kcat.terminate()
        self._thread.join()
        self._kcat.wait()


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
                self.times.append(time.monotonic())

    def when(self, position):
        at = bisect.bisect_left(self.positions, position)
        return self.times[at] if at < len(self.times) else None

    def close(self):
        self._stop.set()
        self._thread.join()
        self._client.close()


def open_loop(port, rate, seconds):
    """Places orders at RATE; returns [(position of OrderPlaced, when it was acknowledged)]."""
    acknowledged = []
    begins = time.monotonic() + 0.1
    address = ("127.0.0.1", port)

    def client(number):
        for turn in range(number, int(rate * seconds), CLIENTS):
            due = begins + turn / rate - time.monotonic()
            if due > 0:
                yield Pause(due)
            order = order_of(f"sku{turn % 1000 + 1}", 1, 100, f"customer{turn % 500}")
            request = Request(address, "POST", "/v1/orders", order)
            answer = yield request
            if answer.status != 201:
                raise RuntimeError(f"open loop: {answer}")
            placed = [e["position"] for e in answer.json()["events"] if e["type"] == "OrderPlaced"]
            acknowledged.append((placed[0], request.answered_at))

    Swarm().run([client(number) for number in range(CLIENTS)])
    return acknowledged


def percentiles(values):
    values = sorted(values)
    return {
        "p50_ms": round(1e3 * values[len(values) // 2], 2),
        "p99_ms": round(1e3 * values[int(len(values) * 0.99)], 2),
        "count": len(values),
    }


def measure(cluster, process, rate, seconds):
    """{"kafka": percentiles, "read_model": percentiles} of acknowledged to readable."""
    client = process.client()
    open_loop(process.port, rate, 1)  # topics, caches and connections are warm then
    cluster.wait_caught_up(client)
    kafka = KafkaReader(f"{cluster.prefix}.order")
    model = ReadModelPoller(process.url)
    try:
        open_loop(
            process.port, rate, 1
        )  # kcat has found the end of the topic when it has seen these
        cluster.wait_caught_up(client)
        acknowledged = open_loop(process.port, rate, seconds)
        cluster.wait_caught_up(client)
        last = acknowledged[-1][0]
        eventually(lambda: last in kafka.seen and model.when(last), "the last order is readable")
    finally:
        kafka.close()
        model.close()
    return {
        "kafka": percentiles([max(0.0, kafka.seen[p] - at) for p, at in acknowledged]),
        "read_model": percentiles([max(0.0, model.when(p) - at) for p, at in acknowledged]),
    }
