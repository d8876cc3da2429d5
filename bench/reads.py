# SPDX-License-Identifier: Apache-2.0
"""Reads over HTTP: a short stream, an order; and a cold aggregate, short and long."""
import statistics
import time
import uuid

from drive import SKUS, Installation, installation, wrk
from support.swarm import Request, Swarm

STREAMS, STREAM_EVENTS = 1000, 10
ORDERS = 1000
CONNECTIONS = 64
SHORT_STREAM, LONG_STREAM = 10, 100000
COLD_STARTS = 9


def _post_all(made, requests):
    """REQUESTS: (target, body), from 32 clients."""
    address = ("127.0.0.1", made.process.port)
    waiting = iter(requests)

    def client():
        for target, body in waiting:
            answer = yield Request(address, "POST", target, body)
            if answer.status >= 300:
                raise RuntimeError(f"{target}: {answer}")

    Swarm().run([client() for _ in range(32)])


def _orders(prefix):
    for number in range(1, ORDERS + 1):
        item = {"sku": f"sku{1 + number % SKUS}", "quantity": 1, "unit_price_minor": 1}
        order = {"customer_id": "c1", "currency": "EUR", "items": [item]}
        yield "/v1/orders", {"order_id": f"{prefix}{number}", **order}


def reads(rows, options):
    """One stream of 10 events, and one order, each of 1,000; all roles, the read model is there."""
    with installation() as made:
        made.stock_up()
        prefix = f"{uuid.uuid4().hex[:8]}-"
        events = [{"type": "Noted", "data": {"n": n}} for n in range(STREAM_EVENTS)]
        streams = ((f"/v1/streams/note-{n}/events", {"events": events}) for n in range(1, STREAMS + 1))
        _post_all(made, streams)
        _post_all(made, _orders(prefix))
        made.cluster.wait_caught_up(made.client)
        for work, count, before, behind in (
            ("one stream of 10 events", STREAMS, "/v1/streams/note-", "/events"),
            ("one order by its id", ORDERS, f"/v1/orders/{prefix}", ""),
        ):
            seen = wrk(made.process.url, CONNECTIONS, options.seconds, "get", count, before, behind)
            rows.add(
                f"read {work}, {CONNECTIONS} connections",
                seen["per_second"],
                "/s",
                at_least=40000,
                limit="http",
                p99_ms=seen["p99_ms"],
            )


def _grow(made, sku, events):
    """Gives the stream of an SKU so many events."""
    _post_all(made, ((f"/v1/stock/{sku}/receive", {"quantity": 1}) for _ in range(events)))


def _timed(ask):
    began = time.monotonic()
    answer = ask()
    if answer.status != 200:
        raise RuntimeError(f"{answer}")
    return 1e3 * (time.monotonic() - began)


def _one_start(made, pair, took):
    """The first command and the first read of each stream of PAIR behind a start."""
    made.restart()
    made.client.post("/v1/stock/warm/receive", {"quantity": 1})
    for _ in range(32):  # each query thread opens a connection of its own
        made.client.get("/v1/stock/warm")
    for size, sku in pair:
        receive = lambda sku=sku: made.client.post(f"/v1/stock/{sku}/receive", {"quantity": 1})
        took["read"][size].append(_timed(lambda sku=sku: made.client.get(f"/v1/stock/{sku}")))
        took["command"][size].append(_timed(receive))
    made.cluster.wait_caught_up(made.client)  # no read model is behind


def cold(rows, options):
    """The first command on a stream and the first read of it after a start, short and long."""
    del options
    took = {"command": {"short": [], "long": []}, "read": {"short": [], "long": []}}
    made = Installation()
    try:
        for number in range(COLD_STARTS):
            _grow(made, f"short{number}", SHORT_STREAM)
        _grow(made, "long", LONG_STREAM)
        _grow(made, "warm", COLD_STARTS)
        made.cluster.wait_caught_up(made.client, 300.0)
        for number in range(COLD_STARTS):
            pair = [("short", f"short{number}"), ("long", "long")]
            _one_start(made, pair if number % 2 else pair[::-1], took)
    finally:
        made.close()
    for name, sizes in took.items():
        short, long = statistics.median(sizes["short"]), statistics.median(sizes["long"])
        work = f"cold {name}, {LONG_STREAM:,} events against {SHORT_STREAM}"
        rows.add(work, round(long / short, 2), "ratio", ms=[round(short, 2), round(long, 2)])
