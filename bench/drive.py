# SPDX-License-Identifier: Apache-2.0
"""What the scenarios share: installations of the real binaries, and the programs that load them."""
import contextlib
import json
import pathlib
import subprocess
import time
import uuid

from support import services
from support.harness import Cluster
from support.swarm import Request, Swarm
from support.waiting import eventually

HERE = pathlib.Path(__file__).resolve().parent
SKUS = 1000
PIECES = 1000000
READY_PAUSE_S = 0.002
ORDER = (
    '{"customer_id":"{customer}","currency":"EUR",'
    '"items":[{"sku":"{sku}","quantity":1,"unit_price_minor":1}]}'
)
EVENT = '{"events":[{"type":"Measured","data":{"text":"' + 280 * "x" + '"}}]}'


class Installation:
    """A database, topics, and one process; with `roles` of these only."""

    def __init__(self, roles=None, cluster=None, **settings):
        self.cluster = cluster or Cluster(logging__level="warn").migrate()
        self.process = self.start("bench", roles, **settings)
        self.idle_rss_mib = self.rss_mib()
        self.client = self.process.client()

    def start(self, name, roles=None, prefix=(), **settings):
        """PREFIX: a command that runs it, as taskset."""
        verb = ["serve"] + (["--roles", roles] if roles else [])
        process = self.cluster.add(name, *verb, **settings)
        process.wrap(prefix)
        began = time.monotonic()
        process.start()
        eventually(lambda: process.status_of("/readyz") == 200, "serve is ready", 30, READY_PAUSE_S)
        self.start_up_ms = round(1e3 * (time.monotonic() - began), 1)
        return process

    def stock_up(self, skus=SKUS):
        address = ("127.0.0.1", self.process.port)

        def client(first):
            for number in range(first, skus + 1, 32):
                target = f"/v1/stock/sku{number}/receive"
                answer = yield Request(address, "POST", target, {"quantity": PIECES})
                if answer.status >= 300:
                    raise RuntimeError(f"stock of sku{number}: {answer}")

        Swarm().run([client(first) for first in range(1, 33)])
        return self

    def rss_mib(self):
        return round(self.process.rss_kib() / 1024, 1)

    def metric(self, name):
        """A metric without labels; 0 before it was first counted."""
        text = self.client.get("/metrics").body.decode()
        values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return float(values.get(name, 0))

    def batches(self):
        """(count, sum) of the histogram of commands a batch."""
        name = "daybook_append_batch_commands"
        return self.metric(f"{name}_count"), self.metric(f"{name}_sum")

    def restart(self):
        self.client.close()
        self.process.terminate()
        self.process.start().wait_ready()
        self.client = self.process.client()

    def close(self):
        self.client.close()
        self.cluster.close()


@contextlib.contextmanager
def installation(*arguments, **settings):
    """An Installation that is closed behind the block."""
    made = Installation(*arguments, **settings)
    try:
        yield made
    finally:
        made.close()


def _wrk_command(url, connections, seconds, arguments):
    command = ["wrk", "-t", str(min(2, connections)), "-c", str(connections), "-d", f"{seconds}s"]
    command += ["--timeout", "10s", "-s", str(HERE / "requests.lua"), url, "--"]
    return command + [str(argument) for argument in arguments]


def _seen(output, allow_refused):
    seen = json.loads(output[output.index("JSON ") + 5 :])
    if seen["broken"] or (seen["refused"] and not allow_refused):
        raise RuntimeError(f"wrk: requests failed: {seen}")
    seen["per_second"] = round(seen["requests"] / seen["seconds"])
    return seen


def wrk(url, connections, seconds, *arguments, prefix=(), allow_refused=False):
    """Requests a second and their latency in a closed loop; ARGUMENTS: a kind of requests.lua."""
    command = [*prefix, *_wrk_command(url, connections, seconds, arguments)]
    output = services.run(command, timeout_s=seconds + 60).stdout.decode()
    return _seen(output, allow_refused)


def wrk_all(urls, connections, seconds, *arguments):
    """The same against several processes at once; their sum, and the worst p99."""
    share = connections // len(urls)
    running = [
        subprocess.Popen(_wrk_command(url, share, seconds, arguments), stdout=subprocess.PIPE)
        for url in urls
    ]
    all_seen = [_seen(each.communicate(timeout=seconds + 60)[0].decode(), False) for each in running]
    return {
        "per_second": sum(seen["per_second"] for seen in all_seen),
        "p99_ms": max(seen["p99_ms"] for seen in all_seen),
    }


def wrk_batches(made, connections, seconds, *arguments):
    """wrk, with the mean batch that the service counted."""
    count, total = made.batches()
    seen = wrk(made.process.url, connections, seconds, *arguments)
    later_count, later_total = made.batches()
    batches = later_count - count
    seen["mean_batch"] = round((later_total - total) / batches, 1) if batches else 0
    return seen


def open_loop(port, rate, seconds, prefix=(), acks=None, **settings):
    """bench/openloop.c; SETTINGS are its options with _ for -. Orders, unless a path is given."""
    settings = {"method": "POST", "path": "/v1/orders", "body": ORDER, **settings}
    command = [*prefix, services.binary("bench/openloop"), "--port", str(port)]
    command += ["--rate", str(rate), "--seconds", str(seconds)]
    for name, value in settings.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    if acks:
        command += ["--acks", acks]
    total = seconds + settings.get("then_seconds", 0)
    return json.loads(services.run(command, timeout_s=total + 60).stdout)


def good_only(seen):
    """The figures of an open loop of which every request succeeded."""
    if seen["good"]["count"] != seen["planned"]:
        raise RuntimeError(f"open loop: {seen['status']}, {seen['not_sent']} not sent")
    return seen["good"]


def daybookd(cluster, *arguments, timeout_s=1800):
    """The figures of `daybookd bench ...`."""
    command = [services.binary("daybookd"), "bench", *map(str, arguments), "-o", "json"]
    return json.loads(services.run(command, env=cluster.env(), timeout_s=timeout_s).stdout)


class Following:
    """`daybookd bench publish` or `project`, begun before what it measures."""

    def __init__(self, cluster, *arguments):
        looking = self._looking(cluster)
        command = [services.binary("daybookd"), "bench", *arguments, "-o", "json"]
        self._popen = subprocess.Popen(command, env=cluster.env(), stdout=subprocess.PIPE)
        eventually(lambda: self._looking(cluster) > looking, "it has seen where the work stands")

    @staticmethod
    def _looking(cluster):
        return int(
            cluster.database.value(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'daybookd bench'"
                " AND datname = current_database() AND state = 'idle' AND query LIKE '%cursor%'"
            )
        )

    def figures(self, timeout_s=1800):
        output = self._popen.communicate(timeout=timeout_s)[0]
        if self._popen.returncode != 0:
            raise RuntimeError(f"bench: exit status {self._popen.returncode}")
        return json.loads(output)


def limits(seconds):
    """What the machine gives to anyone, in this run: bench/limit_*.c."""
    database = services.Database.create()
    try:
        program = services.binary("bench/limit_postgres")
        found = json.loads(services.run([program, database.url, str(seconds)], timeout_s=300).stdout)
    finally:
        database.drop()
    program = services.binary("bench/limit_kafka")
    topic = f"limit{uuid.uuid4().hex[:10]}"
    done = services.run([program, services.brokers(), topic, str(seconds)], timeout_s=300)
    return {**found, **json.loads(done.stdout), "http": _limit_http(seconds)}


def _limit_http(seconds):
    program = services.binary("bench/limit_http")
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as served:
        port = int(served.stdout.readline())
        seen = wrk(f"http://127.0.0.1:{port}", 256, seconds, "echo")
        served.stdin.close()
    return seen["per_second"]
