# SPDX-License-Identifier: Apache-2.0
"""Transient faults of PostgreSQL: real deadlocks, thrown ones, ended sessions, the server away.

None of them may park anything or become a dead letter. Each says how often it struck, so that a
run without faults cannot pass for a proof.
"""
import random
import threading
import time

from . import services

THROWN = """
    CREATE SEQUENCE thrown;
    CREATE FUNCTION throw_transient() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF random() < {0} THEN
            IF nextval('thrown') % 2 = 0 THEN
                RAISE EXCEPTION 'could not serialize access (by a test)' USING ERRCODE = '40001';
            END IF;
            RAISE EXCEPTION 'deadlock detected (by a test)' USING ERRCODE = '40P01';
        END IF;
        RETURN NULL;
    END $$;
"""
TRIGGER = """
    CREATE TRIGGER throw_transient AFTER INSERT OR UPDATE ON {0}
        FOR EACH STATEMENT EXECUTE FUNCTION throw_transient();
"""
# Rows in the opposite of the order in which the projectors take them.
LOCK_BACKWARDS = """
    SET deadlock_timeout = '3s';
    DO $$
    DECLARE name text;
    BEGIN
        FOR name IN SELECT stream FROM (SELECT stream FROM {0} ORDER BY updated_at DESC LIMIT 150) s
                     ORDER BY stream DESC
        LOOP
            PERFORM FROM {0} WHERE stream = name FOR UPDATE;
            PERFORM pg_sleep(0.002);
        END LOOP;
    END $$;
"""
TERMINATE_ONE = """
    SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'daybook%'
         ORDER BY random() LIMIT 1) one
"""


class Faults:
    """Strikes from a thread of its own until stop()."""

    def __init__(self, database, seed, pause_s):
        """PAUSE_S: about as long from one strike to the next."""
        self.database = database
        self.pause_s = pause_s
        self.ended = 0  # sessions
        self.locked = 0  # times rows were locked backwards
        self.away = None  # from, until
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._threads = []
        self._failures = []

    def throw(self, tables, chance):
        """Statements on TABLES fail, with this CHANCE, with what only a repeat answers."""
        self.database.execute(THROWN.format(chance) + "".join(TRIGGER.format(table) for table in tables))

    def thrown(self):
        return int(self.database.value("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM thrown"))

    def start(self, table, outage):
        """OUTAGE: (seconds, an event to wait for before it), or None."""
        strikes = [lambda: self._again(self._lock, table), lambda: self._again(self._end_one)]
        if outage:
            strikes.append(lambda: self._be_away(*outage))
        self._threads = [threading.Thread(target=strike) for strike in strikes]
        for thread in self._threads:
            thread.start()

    def _again(self, strike, *arguments):
        while not self._stop.wait(self._random.uniform(self.pause_s / 2, 2 * self.pause_s)):
            try:
                strike(*arguments)
            except RuntimeError:  # it was the victim, or PostgreSQL is away
                continue

    def _lock(self, table):
        self.locked += 1
        self.database.execute(LOCK_BACKWARDS.format(table))

    def _end_one(self):
        self.ended += int(self.database.value(TERMINATE_ONE))

    def _be_away(self, seconds, when):
        when.wait()
        begun = time.monotonic()
        try:
            services.control("stop", "postgres")
            threading.Event().wait(seconds)
            services.control("start", "postgres")
        except RuntimeError as error:
            self._failures.append(error)
        self.away = (begun, time.monotonic())

    def deadlocks(self):
        """Those that PostgreSQL itself found, the victim whoever it was."""
        return int(
            self.database.value(
                "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            )
        )

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
