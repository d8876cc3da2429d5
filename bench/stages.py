# SPDX-License-Identifier: Apache-2.0
"""A backlog of orders on its way: to Kafka, to read models, to a rebuild, to one client.

The backlog is made once a run; each scenario brings it as far as it needs, measured or not.
"""
import subprocess
import time

from drive import Following, Installation, daybookd
from support import services
from support.harness import Cluster

FILL_S = 5
PATIENCE_S = "120"


class Backlog:
    """Orders and their stock in a log, by `daybookd bench append --orders`."""

    def __init__(self, events):
        self.cluster = Cluster(logging__level="warn").migrate()
        self.published = None
        while self.cluster.position() < events:
            daybookd(self.cluster, "append", "--yes", "--orders", "--seconds", FILL_S)

    def publish(self):
        """The figures of the backlog going to Kafka; the second time those of the first."""
        if self.published is None:
            following = Following(self.cluster, "publish", "--timeout", PATIENCE_S)
            process = self.cluster.serve("publisher", roles="publish")
            self.published = following.figures()
            process.terminate()
        return self.published

    def copy(self):
        """A database that is the same, with the same topics; of ours nothing may run."""
        copied = Cluster(logging__level="warn", eventlog__prefix=self.cluster.prefix)
        source, target = self.cluster.database.name(), copied.database.name()
        server = services.Database(services.environment("DAYBOOK_TEST_DATABASE_URL"))
        server.execute(f'DROP DATABASE "{target}"')
        server.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
        return copied

    def close(self):
        self.cluster.close()


def publisher(rows, options):
    """The backlog to Kafka."""
    seen = options.backlog().publish()
    rows.add(
        f"publisher, backlog of {seen['events']:,.0f}",
        seen["events_per_second"],
        "events/s",
        at_least=250000,
        limit="transactions",
    )


def _project(cluster, names):
    """Events a second of all these projections at once, until the last of them has all."""
    following = [Following(cluster, "project", name, "--timeout", PATIENCE_S) for name in names]
    process = cluster.serve("projector", roles="project", projection__names=",".join(names))
    seen = [each.figures() for each in following]
    process.terminate()
    took = max(each["seconds"] for each in seen)
    return round(sum(each["events"] for each in seen) / took), seen


def projector(rows, options):
    """The backlog from Kafka to one read model, and to three at once."""
    backlog = options.backlog()
    backlog.publish()
    for names, goal in ((["orders"], 120000), (["orders", "stock", "customers"], 60000)):
        cluster = backlog.copy()
        try:
            rate, seen = _project(cluster, names)
        finally:
            cluster.close()
        rows.add(
            f"projector, live, {' and '.join(names)}",
            rate,
            "events/s",
            at_least=goal,
            each_one=[figures["events_per_second"] for figures in seen],
        )


def rebuild(rows, options):
    """A read model of the backlog's orders, filled from the log: `daybookd bench rebuild`."""
    backlog = options.backlog()
    backlog.publish()
    cluster = backlog.copy()
    try:
        _project(cluster, ["orders"])
        cluster.serve("builder", roles="project", projection__names="orders")
        seen = daybookd(cluster, "rebuild", "orders", "--timeout", PATIENCE_S)
    finally:
        cluster.close()
    rows.add(
        f"rebuild of orders, {seen['events']:,.0f} events",
        seen["events_per_second"],
        "events/s",
        at_least=250000,
        ready_seconds=seen["ready_seconds"],
    )


def log(rows, options):
    """The log as NDJSON over HTTP to one client that throws it away."""
    made = Installation("api", cluster=options.backlog().cluster)
    try:
        head = made.cluster.position()
        url = made.process.url + "/v1/events"
        command = ["curl", "-sSf", "-H", "Accept: application/x-ndjson", "-o", "/dev/null", url]
        began = time.monotonic()
        subprocess.run(command, check=True, timeout=600)
        took = time.monotonic() - began
    finally:
        made.client.close()
        made.process.terminate()
    rows.add(
        f"the log as NDJSON to one client, {head:,} events",
        round(head / took),
        "events/s",
        at_least=300000,
        limit="read",
    )
