# SPDX-License-Identifier: Apache-2.0
"""Rows of the table that a run ends in: work, goal, figure, the ratio to a limit of the same run."""

LIMITS = {
    "single_rows": "durable rows, one a transaction, 32 connections",
    "batches": "rows by 256 a transaction, one connection",
    "copy": "COPY into the same table, one connection",
    "read": "COPY of that table to one client",
    "plain": "plain produce, records of 300 bytes",
    "transactions": "produce by transactions of 5,000",
    "http": "libmicrohttpd, suspend and resume, 256 connections",
}


class Rows:
    """Collects rows; a scenario adds what it measured."""

    def __init__(self, limits):
        self.limits = limits
        self.rows = []

    def add(self, work, figure, unit, at_least=None, at_most=None, limit=None, each=1, **more):
        """LIMIT: a name of LIMITS, in the same unit when FIGURE is multiplied by EACH."""
        row = {"work": work, "figure": figure, "unit": unit}
        if at_least is not None or at_most is not None:
            row["goal"] = at_least if at_least is not None else at_most
            row["goal_is"] = "at least" if at_least is not None else "at most"
            row["reached"] = figure >= at_least if at_least is not None else figure <= at_most
        if limit and self.limits.get(limit):
            row["limit"] = limit
            row["ratio"] = round(figure * each / self.limits[limit], 2)
        row.update(more)
        self.rows.append(row)
        return row


def number(value):
    if isinstance(value, float) and value != int(value):
        return f"{value:,.2f}" if value < 100 else f"{value:,.1f}"
    return f"{int(value):,}"


def goal(row):
    if "goal" not in row:
        return ""
    return ("" if row["goal_is"] == "at least" else "<= ") + number(row["goal"])


def print_limits(limits):
    print(f"\n{'limits of this machine, in this run':<66}{'a second':>12}")
    for name, text in LIMITS.items():
        if name in limits:
            print(f"  {text:<64}{number(limits[name]):>12}")


def print_rows(rows):
    print(f"\n{'work':<66}{'figure':>12} {'unit':<9}{'goal':>10}{'':>5}{'ratio':>7}  of")
    for row in rows:
        reached = {True: "yes", False: "no", None: ""}[row.get("reached")]
        ratio = f"{row['ratio']:.2f}" if "ratio" in row else ""
        print(
            f"{row['work']:<66}{number(row['figure']):>12} {row['unit']:<9}{goal(row):>10}"
            f"{reached:>5}{ratio:>7}  {row.get('limit', '')}"
        )
