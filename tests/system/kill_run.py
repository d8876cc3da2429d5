#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills every kind of process while requests are in flight, then checks the invariants.

Two processes of each role, 6 partitions. The load comes in waves; in the midst of each wave one
process is killed with SIGKILL and started again, or PostgreSQL or Kafka is. A kill counts only if
at least 32 requests were in flight at that moment. At the end every command has a definite answer,
and the checker looks at log, topics and read models.

Usage: kill_run.py [--kills N] [--service-kills N] [--seed N]     N kills in all, spread over the roles
"""
import argparse
import collections
import random
import sys
import threading
import time

from support import services
from support.checker import check_all
from support.harness import Cluster
from support.load import Load
from support.swarm import Swarm
from support.waiting import eventually

IN_FLIGHT_MIN = 32
CLIENTS = 96
RECOVERY_S = 180.0  # a Kafka that was killed looks through its logs, then the groups meet again
ROLES = {"api": ("serve", "--roles", "api"), "publish": ("publish",), "project": ("project",)}
FAST = {"publisher__lease": "2s", "eventlog__command_timeout": "3s"}


class Kill:
    def __init__(self, role, victim, in_flight, was_leader):
        self.role = role
        self.victim = victim
        self.in_flight = in_flight
        self.was_leader = was_leader


class Run:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.cluster = Cluster(**FAST).migrate()
        self.kills = []
        self.service_kills = collections.Counter()
        self.load = None

    def start(self, seed):
        for role, verb in ROLES.items():
            for number in (1, 2):
                self.cluster.add(f"{role}-{number}", *verb).start()
        for process in self.cluster.processes.values():
            process.wait_ready()
        apis = [self.cluster.processes[f"api-{n}"] for n in (1, 2)]
        self.load = Load([("127.0.0.1", api.port) for api in apis], seed)
        self.api = apis[0].client()

    def wave(self, strike):
        """Runs a wave of commands and calls STRIKE once, in its midst; says whether it struck."""
        swarm = Swarm()
        jobs = self.random.randint(250, 500)
        after = self.load.acknowledged + self.random.randint(20, jobs // 2)
        struck = []

        def each_turn():
            if not struck and self.load.acknowledged >= after and strike(swarm):
                struck.append(True)

        swarm.run(self.load.clients(CLIENTS, jobs), each_turn, deadline_s=2 * RECOVERY_S)
        return bool(struck)

    def kill_one(self, role):
        """Waves until a process of this role was killed with enough requests in flight."""
        victim, is_leader = self.choose(role)

        def strike(swarm):
            at_victim = (
                swarm.in_flight_at["127.0.0.1", victim.port] if role == "api" else swarm.in_flight
            )
            if at_victim < IN_FLIGHT_MIN:
                return False
            victim.kill()
            self.kills.append(Kill(role, victim.name, at_victim, is_leader))
            victim.start()
            return True

        for _ in range(10):
            if self.wave(strike):
                break
        else:
            raise AssertionError(f"never {IN_FLIGHT_MIN} requests in flight to kill {victim.name}")
        victim.wait_ready()

    def choose(self, role):
        """Mostly the publisher that leads: killing the other one proves little."""
        pair = [self.cluster.processes[f"{role}-{n}"] for n in (1, 2)]
        if role != "publish":
            return self.random.choice(pair), False
        name = eventually(self.leader, "a publisher leads")
        leads = [process for process in pair if process.name == name][0]
        victim = leads if self.random.random() < 0.8 else self.random.choice(pair)
        return victim, victim is leads

    def leader(self):
        row = self.cluster.database.rows(
            "SELECT holder FROM publisher_lease WHERE expires_at > clock_timestamp()"
        )
        return row[0][0].decode() if row else None

    def kill_service(self, service):
        """Kills PostgreSQL or Kafka and starts it again while the wave goes on."""

        failures = []

        def restart():
            try:
                services.control("kill", service)
                services.control("start", service)
            except Exception as error:  # a thread's own would only be printed
                failures.append(error)

        thread = threading.Thread(target=restart)

        def strike(swarm):
            if swarm.in_flight < IN_FLIGHT_MIN:
                return False
            self.service_kills[service] += 1
            thread.start()
            return True

        while not self.wave(strike):
            pass
        thread.join()
        if failures:
            raise failures[0]
        for process in self.cluster.processes.values():
            process.wait_ready(RECOVERY_S)

    def carry_out(self, plan):
        for what in plan:
            if what in ROLES:
                self.kill_one(what)
            else:
                self.kill_service(what)
            if (
                self.random.random() < 0.5
            ):  # else the next blow meets a pair that is still recovering
                self.cluster.wait_caught_up(self.api, RECOVERY_S)
        self.wave(lambda swarm: True)
        self.cluster.wait_caught_up(self.api, RECOVERY_S)

    def check(self):
        outcomes = [command.outcome() for command in self.load.commands]
        return check_all(self.cluster.database, self.cluster.prefix, outcomes, self.api)

    def print_counts(self):
        for role in ROLES:
            kills = [kill for kill in self.kills if kill.role == role]
            least = min((kill.in_flight for kill in kills), default=0)
            by_victim = collections.Counter(kill.victim for kill in kills)
            leading = sum(kill.was_leader for kill in kills)
            note = f", {leading} of them leading" if role == "publish" else ""
            print(
                f"kills {role}: {len(kills)} {dict(by_victim)}{note}, at least {least} requests in flight"
            )
        for service in ("postgres", "kafka"):
            print(f"kills {service}: {self.service_kills[service]}")
        load = self.load
        print(
            f"commands: {len(load.commands)}, acknowledged {load.acknowledged}, tries without an answer "
            f"{load.uncertain}, answered 503 {load.unavailable}, replayed answers {load.replayed}"
        )

    def every_role_was_killed(self):
        return set(ROLES) == {kill.role for kill in self.kills}


def make_plan(kills, service_kills, pick):
    roles = list(ROLES)
    plan = [roles[n % len(roles)] for n in range(kills)]
    plan += ["postgres", "kafka"] * service_kills
    pick.shuffle(plan)
    return plan


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--kills", type=int, default=100, help="kills of daybookd, spread over roles"
    )
    parser.add_argument(
        "--service-kills", type=int, default=3, help="kills of PostgreSQL and of Kafka"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    started = time.monotonic()
    run = Run(options.seed)
    try:
        run.start(options.seed)
        run.carry_out(make_plan(options.kills, options.service_kills, run.random))
        run.print_counts()
        report = run.check()
    except BaseException:
        print(run.cluster.log_tails())
        raise
    finally:
        run.cluster.close()
    print(report.text())
    print(f"{time.monotonic() - started:.0f} s")
    ok = not report.faults and run.every_role_was_killed()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
