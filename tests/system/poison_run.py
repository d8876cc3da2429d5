#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Poison in every stream of a large log, under transient faults, to the last event redriven.

Looked at on the way: no partition waits for a poison key, no row passes the poison event of its
stream. At the end of the load: the dead letters are exactly the planted ones, each announced once.
Then the bug is fixed, all that can be is redriven at a rate, the rest discarded; `daybookd verify`
and the checker agree that nothing is missing.

Usage: poison_run.py [--events N] [--poison N] [--away SECONDS] [--pause SECONDS]
                     [--thrown CHANCE] [--rate N] [--seed N]
"""
import argparse
import json
import random
import sys
import threading
import time

from support import services
from support.checker import check_all
from support.faults import Faults
from support.harness import Cluster
from support.poison import FIXABLE, FOR_GOOD, Dlq, Plan, append_all

STILL_MAX_S = 20.0  # backoff after a fault is at most 10 s; a partition that waits for a key never ends
RECOVERY_S = 30.0
SAMPLE_S = 0.5
SETTLED_S = 600.0
PLACES = "SELECT projection, partition, position, state FROM checkpoints WHERE topic LIKE '%.order'"


class Watch(threading.Thread):
    """Samples how far each partition is, what is parked, lag and memory, until stop()."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_ = run
        self.begun = time.monotonic()
        self.moves = {}  # (projection, partition): [(time, position)] where it moved
        self.lag = self.jumped = self.looks = self.parked = 0
        self.rss_kib = {}
        self.blocked = set()
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(SAMPLE_S):
            try:
                self.look()
            except (RuntimeError, TypeError):  # PostgreSQL is away
                continue

    def look(self):
        database, dlq = self.run_.cluster.database, self.run_.dlq
        places = [tuple(map(bytes.decode, row)) for row in database.rows(PLACES)]
        now = time.monotonic()
        for projection, partition, position, state in places:
            moves = self.moves.setdefault((projection, partition), [(self.begun, 0)])
            if int(position) > moves[-1][1]:
                moves.append((now, int(position)))
            if state == "blocked":
                self.blocked.add((projection, partition))
        least = min((int(place[2]) for place in places), default=0)
        self.lag = max(self.lag, self.run_.appended - least)
        self.parked = max(self.parked, dlq.value("SELECT count(*) FROM parked_keys"))
        self.jumped += dlq.jumped()
        self.looks += 1
        for process in self.run_.cluster.processes.values():
            self.rss_kib[process.name] = max(self.rss_kib.get(process.name, 0), process.rss_kib())

    def stop(self):
        self.ended.set()
        self.join()

    def stillness(self, away):
        """The longest time a partition that had work did not move: beside the outage, and in it."""
        still = {False: 0.0, True: 0.0}
        for moves in self.moves.values():
            for (before, _), (after, _) in zip(moves, moves[1:]):
                in_it = away is not None and before < away[1] + RECOVERY_S and after > away[0]
                still[in_it] = max(still[in_it], after - before)
        return still[False], still[True]


class Run:
    SETTINGS = {}

    def __init__(self, options):
        self.options = options
        self.plan = Plan(options.events, options.poison, options.seed)
        self.cluster = Cluster(**self.SETTINGS).migrate()
        self.appended = 0
        self.half = threading.Event()
        self.faults = Faults(self.cluster.database, options.seed, options.pause)

    def start(self):
        front = self.cluster.serve("front", roles="api,publish")
        for number in (1, 2):
            self.cluster.serve(f"project-{number}", roles="project")
        self.api = front.client()
        self.dlq = Dlq(self.cluster, self.api)
        self.dlq.plant_bug()
        tables = [self.dlq.table(projection) for projection in ("orders", "customers")]
        self.faults.throw(tables, self.options.thrown)

    def progress(self, count):
        self.appended += count
        if self.appended >= self.plan.events / 2:
            self.half.set()

    def load(self):
        """All events appended and applied or parked, with all faults; then every letter told."""
        watch = Watch(self)
        begun = time.monotonic()
        away = (self.options.away, self.half) if self.options.away else None
        watch.start()
        self.faults.start(self.dlq.table("orders"), away)
        append_all(self.plan, self.api, self.progress, self.options.away + 120.0)
        appended_s = time.monotonic() - begun
        self.cluster.wait_caught_up(self.api, SETTLED_S)
        applied_s = time.monotonic() - begun
        self.faults.stop()
        self.dlq.all_dead(self.plan, SETTLED_S)
        told_s = time.monotonic() - begun
        watch.stop()
        print(
            f"{self.plan.events} events appended in {appended_s:.0f} s, applied or parked in {applied_s:.0f} s "
            f"({self.plan.events / applied_s:.0f}/s), all {len(self.plan.letters)} letters announced after "
            f"{told_s:.0f} s; lag at most {watch.lag} events, parked at most {watch.parked} keys",
            flush=True,
        )
        self.check_watch(watch)

    def check_watch(self, watch):
        still, still_away = watch.stillness(self.faults.away)
        print(
            f"no partition still for more than {still:.1f} s while it had events ({still_away:.1f} s about the "
            f"outage); thrown {self.faults.thrown()}, deadlocks found by PostgreSQL {self.faults.deadlocks()}, "
            f"sessions ended {self.faults.ended}; memory at most "
            + ", ".join(f"{name} {kib / 1024:.0f} MiB" for name, kib in watch.rss_kib.items()),
            flush=True,
        )
        assert watch.looks >= 3 and not watch.blocked, f"{watch.looks} looks, blocked {watch.blocked}"
        assert watch.jumped == 0, f"{watch.jumped} rows passed their stream's poison event"
        assert still < STILL_MAX_S, f"a partition did not move for {still:.1f} s"
        assert self.dlq.behind() == 0, "a row is not at the version before its poison event"
        assert self.faults.thrown() > 0 and self.faults.ended > 0, "no faults"

    def check_topics(self):
        """What readers of the dead letters' topics see: each planned letter once, nothing else."""
        found = []
        for projection in ("orders", "customers"):
            for record in services.read_topic(f"{self.cluster.prefix}.dlq.{projection}"):
                value = json.loads(record.value)
                event = value["event"]
                found.append((value["projection"], event["stream"], event["version"], value["class"]))
        assert len(found) == len(set(found)), f"{len(found) - len(set(found))} announced twice"
        assert set(found) == self.plan.letters, "announced is not what was planned"

    def mend(self):
        """The bug is fixed: redrive what failed by it, at a rate; discard what nobody can mend."""
        fixable = sum(letter[3] == FIXABLE for letter in self.plan.letters)
        self.dlq.fix_bug()
        asked = self.dlq.request("redrive", FIXABLE, dry_run=True)
        assert asked == fixable, asked
        begun = time.monotonic()
        self.dlq.request("redrive", FIXABLE, rate=self.options.rate)
        rest = len(self.plan.letters) - fixable
        self.dlq.wait_for("SELECT count(*) FROM parked_keys", rest, "redriven", SETTLED_S)
        redriven_s = time.monotonic() - begun
        self.dlq.request("discard", FOR_GOOD)
        self.dlq.wait_for("SELECT count(*) FROM parked_keys", 0, "discarded", SETTLED_S)
        discarded_s = time.monotonic() - begun - redriven_s
        print(
            f"{fixable} letters redriven with their queues in {redriven_s:.1f} s ({fixable / redriven_s:.0f}/s, "
            f"asked for {self.options.rate}/s), {rest} discarded in {discarded_s:.1f} s",
            flush=True,
        )

    def verify(self):
        """The product's own judgement, then the checker's, which shares no code with it."""
        self.cluster.wait_caught_up(self.api)
        begun = time.monotonic()
        done = services.run(
            [services.binary("daybookd"), "verify"], env=self.cluster.env(), check=False, timeout_s=900
        )
        print(f"daybookd verify: exit status {done.returncode} in {time.monotonic() - begun:.0f} s", flush=True)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-4000:]
        self.api.close()  # idle for as long as verify took
        return check_all(self.cluster.database, self.cluster.prefix, None, self.api)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--poison", type=int, default=10_000, help="streams, with a poison event each")
    parser.add_argument("--away", type=float, default=30.0, help="seconds that PostgreSQL is away")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between faults of a kind")
    parser.add_argument("--thrown", type=float, default=0.002, help="chance that a statement fails")
    parser.add_argument("--rate", type=int, default=1000, help="letters redriven a second")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    run = Run(options)
    try:
        run.start()
        run.load()
        run.check_topics()
        run.mend()
        report = run.verify()
    except BaseException:
        print(run.cluster.log_tails())
        raise
    finally:
        run.half.set()
        run.cluster.close()
    print(report.text())
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
