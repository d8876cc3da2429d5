# SPDX-License-Identifier: Apache-2.0
"""The read models as the API shows them, against the fold of the log."""
from .fold import Models, microseconds

PAGE = 500


def check_models(log, api, report, parking=None):
    """Every order, stock and summary the API lists equals the fold of the log; stock never negative.

    What was discarded is left out of the fold; streams that are parked are not compared, nor are
    the customers they belong to: PARKING accounts for them.
    """
    skipped = parking.skipped("orders", "stock") if parking else set()
    models = Models(log.events, skipped)
    models.hold_back(parking.parked_streams() if parking else set())
    for fault in models.faults:
        report.fault(fault)
    check_reservations(models, report)
    check_orders(models, api, report)
    check_stock(models, api, report)
    check_summaries(models, api, report)


def check_reservations(models, report):
    """What stock says is reserved is what the open orders hold."""
    held = models.reserved_by_orders()
    for sku in models.stock.keys() | held.keys():
        reserved = models.stock[sku].reserved if sku in models.stock else 0
        if reserved != held[sku]:
            report.fault(f"stock of {sku}: {reserved} reserved, orders hold {held[sku]}")
    report.looked_at(
        f"stock of {len(models.stock)} SKUs never negative, reserved is what orders hold"
    )


def listed(api, target):
    """All items of a list, page by page."""
    cursor = ""
    while cursor is not None:
        answer = api.get(target + (f"&cursor={cursor}" if cursor else ""))
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer}")
        page = answer.json()
        yield from page["items"]
        cursor = page["next_cursor"]


def check_orders(models, api, report):
    found = {}
    for item in listed(api, f"/v1/orders?limit={PAGE}"):
        if item["order_id"] in found:
            report.fault(f"order {item['order_id']} is listed twice")
        found[item["order_id"]] = item
    wanted = {o.order_id: o.view() for o in models.orders.values()}
    for stream in models.held_back:
        wanted.pop(stream.partition("-")[2], None)
        found.pop(stream.partition("-")[2], None)
    compare("order", wanted, found, report)
    report.looked_at(f"{len(found)} listed orders equal the fold of the log")


def check_stock(models, api, report):
    found = {item["sku"]: item for item in listed(api, f"/v1/stock?limit={PAGE}")}
    wanted = {sku: stock.view() for sku, stock in models.stock.items()}
    for stream in models.held_back:
        wanted.pop(stream.partition("-")[2], None)
        found.pop(stream.partition("-")[2], None)
    compare("stock", wanted, found, report)
    report.looked_at(f"{len(found)} listed SKUs equal the fold of the log")


def compare(what, wanted, found, report):
    for key in wanted.keys() | found.keys():
        if key not in found or key not in wanted:
            report.fault(
                f"{what} {key} is {'not listed' if key in wanted else 'listed, but not in the log'}"
            )
            continue
        for name, value in wanted[key].items():
            shown = found[key].get(name)
            if name.endswith("_at") and shown is not None:
                shown = microseconds(shown)
            if shown != value:
                report.fault(f"{what} {key}: {name} is {shown!r}, the log says {value!r}")


def check_summaries(models, api, report):
    summaries = models.summaries()
    for customer, (orders, items, totals) in summaries.items():
        if customer in models.customers_held_back():
            continue
        answer = api.get(f"/v1/customers/{customer}/summary")
        if answer.status == 404 and orders == 0:
            continue
        shown = answer.json()
        shown_totals = {
            t["currency"]: t["total_minor"] for t in shown["totals"] if t["total_minor"]
        }
        wanted_totals = {currency: total for currency, total in totals.items() if total}
        if (shown["orders"], shown["items"], shown_totals) != (orders, items, wanted_totals):
            report.fault(
                f"summary of {customer} is {shown}, the log says {orders}, {items}, {wanted_totals}"
            )
    report.looked_at(f"{len(summaries)} customers' summaries equal what their orders add up to")
