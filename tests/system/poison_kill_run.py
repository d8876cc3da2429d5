#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Projectors killed while they park, announce, redrive, discard, rebuild and activate.

A kill counts for what there was to do at that moment: keys to be retried, letters not announced,
requests not carried out (some were since the kill before), a rebuild that fills or catches up, an
activation or rollback that is not done. The killed process is started at once. At the end the
result is that of a run without kills: every planted letter was announced once, nothing is parked,
every rebuild equalled the live rows, `daybookd verify` and the checker find nothing.

Usage: poison_kill_run.py [--kills N] [--seed N]
"""
import argparse
import collections
import random
import sys
import threading
import time

from poison_run import Run
from support.poison import FIXABLE, FOR_GOOD, append_all
from support.waiting import eventually

# Out of 20 kills: a job's new holder waits for the lease of the dead one, which takes 10 s.
SHARES = {
    "parking": 5,
    "announcing": 5,
    "redriving": 4,
    "discarding": 4,
    "rebuilding": 1,
    "activating": 1,
}
RETRYING = "SELECT count(*) FROM parked_keys WHERE state = 'retrying'"
UNTOLD = "SELECT count(*) FROM dead_letters WHERE announced_at IS NULL"
REQUESTS = "SELECT count(*) FROM dead_letter_requests WHERE done_at IS NULL"
# An announcement takes so long that it can be hit.
SLOWLY = """
    CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
    CREATE TRIGGER slowly AFTER UPDATE OF announced_at ON dead_letters
        FOR EACH STATEMENT EXECUTE FUNCTION slowly();
"""
PROJECTIONS = ("orders", "customers")
KILL_S = 2.0  # from one kill to the next, where a rate decides
SETTLED_S = 300.0


class KillRun(Run):
    SETTINGS = {"projection__retry_first": "200ms"}

    def __init__(self, options):
        super().__init__(options)
        self.random = random.Random(options.seed)
        self.wanted = {what: max(1, options.kills * share // 20) for what, share in SHARES.items()}
        self.kills = collections.Counter()
        self.seconds = {}

    def projectors(self):
        return [p for p in self.cluster.processes.values() if p.name.startswith("project")]

    def kill(self, what, victim=None):
        victim = victim or self.random.choice(self.projectors())
        victim.kill()
        victim.start()
        self.kills[what] += 1

    def moment(self, seconds=0.05):
        """A random one, soon."""
        threading.Event().wait(self.random.uniform(0.0, seconds))

    def timed(self, what, do):
        begun = time.monotonic()
        do()
        self.seconds[what] = time.monotonic() - begun

    def kill_when(self, what, sql):
        eventually(lambda: self.dlq.value(sql) > 0, f"{what} ({sql})", SETTLED_S)
        self.moment()
        self.kill(what)

    def strike(self, count):
        """After an append: in the midst of what it brings."""
        for what, sql in (("parking", RETRYING), ("announcing", UNTOLD)):
            if self.kills[what] < self.wanted[what]:
                self.kill_when(what, sql)

    def park(self):
        self.cluster.database.execute(SLOWLY)
        append_all(self.plan, self.api, self.strike)
        self.cluster.wait_caught_up(self.api, SETTLED_S)
        self.dlq.all_dead(self.plan, SETTLED_S)
        self.cluster.database.execute("DROP TRIGGER slowly ON dead_letters")
        assert self.dlq.behind() == 0, "a row is not at the version before its poison event"
        self.check_topics()

    def ask(self, what, verb, cause):
        letters = sum(letter[3] == cause for letter in self.plan.letters)
        rate = max(1, int(letters / (KILL_S * max(1, self.wanted[what]))))
        asked = self.dlq.request(verb, cause, rate=rate)
        assert asked == letters, asked
        left = letters
        while self.kills[what] < self.wanted[what]:
            now = self.dlq.value(REQUESTS)
            if now == 0:
                break
            if now < left:
                left = now
                self.moment()
                self.kill(what)
        rest = "SELECT count(*) FROM parked_keys" if verb == "discard" else REQUESTS
        self.dlq.wait_for(rest, 0, f"{what} is done", SETTLED_S)

    def redrive(self):
        self.dlq.fix_bug()
        self.ask("redriving", "redrive", FIXABLE)

    def discard(self):
        self.ask("discarding", "discard", FOR_GOOD)

    def post(self, projection, verb, body=None):
        self.api.close()  # the server has closed a connection that was idle for long
        answer = self.api.post(f"/admin/v1/projections/{projection}/{verb}", body or {})
        assert answer.status == 202, answer
        return answer.json()

    def job(self, number):
        return self.api.get(f"/admin/v1/jobs/{number}").json()

    def kill_holder(self, what, number):
        """Kills who has the job, if it is not done; says whether it was."""
        job = self.job(number)
        holder = (job["holder"] or "").split(" ", 1)[0]
        victim = next((p for p in self.projectors() if p.name == holder), None)
        if job["state"] != "running" or victim is None:
            return False
        self.kill(what, victim)
        return True

    def await_job(self, number):
        eventually(
            lambda: self.job(number)["state"] not in ("queued", "running"), f"job {number}", SETTLED_S
        )
        job = self.job(number)
        assert job["state"] == "done", job

    def rebuild_one(self, projection):
        job = self.post(projection, "rebuild", {"rate": max(500, self.plan.events // 4)})
        for _ in range(3):
            if self.kills["rebuilding"] >= self.wanted["rebuilding"]:
                break
            eventually(
                lambda: self.job(job["id"])["state"] != "queued", "a rebuild begins", SETTLED_S
            )
            self.moment(1.0)
            self.kill_holder("rebuilding", job["id"])
        self.await_job(job["id"])
        self.same(projection)

    def same(self, projection):
        """What was built equals the live rows, once its retries have skipped what was discarded."""
        self.dlq.wait_for("SELECT count(*) FROM parked_keys", 0, "nothing is parked", SETTLED_S)
        cursor, compared = "", 0
        while cursor is not None:
            target = f"/admin/v1/projections/{projection}/diff?limit=500"
            page = self.api.get(target + (f"&cursor={cursor}" if cursor else "")).json()
            found = {k: page[k] for k in ("different", "only_live", "only_other")}
            assert not any(found.values()), f"{projection}: {found} {page['samples'][:3]}"
            compared += page["compared"]
            cursor = page["next_cursor"]
        assert compared > 0, projection

    def rebuild(self):
        while self.kills["rebuilding"] < self.wanted["rebuilding"]:
            for projection in PROJECTIONS:
                self.rebuild_one(projection)

    def switch(self, projection, verb):
        job = self.post(projection, verb)
        eventually(
            lambda: self.job(job["id"])["state"] != "queued", f"job {job['id']} begins", SETTLED_S
        )
        if self.kills["activating"] < self.wanted["activating"]:
            self.kill_holder("activating", job["id"])
        self.await_job(job["id"])

    def activate(self):
        """To the new generation and back, until there were kills enough; the new one stays."""
        tries = 0
        while tries == 0 or self.kills["activating"] < self.wanted["activating"]:
            for projection in PROJECTIONS:
                if tries > 0:
                    self.switch(projection, "rollback")
                self.switch(projection, "activate")
            tries += 1
            assert tries < 50 + 5 * self.wanted["activating"], f"never in the midst: {self.kills}"

    def carry_out(self):
        self.timed("parking and announcing", self.park)
        self.timed("redriving", self.redrive)
        self.timed("discarding", self.discard)
        self.timed("rebuilding", self.rebuild)
        self.timed("activating", self.activate)
        self.check_topics()
        print(
            f"{self.kills.total()} kills {dict(self.kills)}; seconds "
            + ", ".join(f"{what} {seconds:.0f}" for what, seconds in self.seconds.items())
            + f"; {self.plan.events} events, {len(self.plan.letters)} letters",
            flush=True,
        )
        assert all(self.kills[what] >= least for what, least in self.wanted.items()), self.wanted


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args(arguments)
    options.poison = max(40, 4 * options.kills)
    options.events = 100 * options.poison
    options.pause, options.thrown = 1.0, 0.002
    print(f"seed {options.seed}", flush=True)
    run = KillRun(options)
    try:
        run.start()
        run.carry_out()
        report = run.verify()
    except BaseException:
        print(run.cluster.log_tails())
        raise
    finally:
        run.cluster.close()
    print(report.text())
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
