# SPDX-License-Identifier: Apache-2.0
"""Parked streams and dead letters: what accounts for events that are in no read model.

Nothing may be lost on the way: a stream that lacks events in a read model is parked there from the
first of them on; what was given up has a letter; what has a letter was announced, once.
"""
import collections
import json

PARKED = """
    SELECT k.projection, k.tenant, k.stream, k.state, k.version, k.letter
      FROM parked_keys k JOIN projections p ON p.name = k.projection AND p.generation = k.generation
"""
LETTERS = """
    SELECT l.id, l.projection, l.kind, l.tenant, l.stream, l.version, l.position, l.state, l.class,
           l.announced_at IS NOT NULL
      FROM dead_letters l JOIN projections p
        ON p.name = l.projection AND p.generation = l.generation
"""
SKIPPED = """
    SELECT v.projection, v.tenant, v.stream, v.version
      FROM skipped_versions v JOIN projections p
        ON p.name = v.projection AND p.generation = v.generation
"""
OPEN = ("open", "redriving")


class Letter:
    def __init__(self, row):
        text = [field.decode() if field is not None else None for field in row]
        self.id = int(text[0])
        self.projection, self.kind, self.tenant, self.stream = text[1:5]
        self.version = int(text[5]) if text[5] else None
        self.position = int(text[6]) if text[6] else None
        self.state, self.cause = text[7:9]
        self.announced = text[9] == "t"


class Parking:
    """All of it, of the live generations."""

    def __init__(self, database):
        self.keys = {}  # (projection, key): (state, version, letter)
        for projection, tenant, stream, state, version, letter in database.rows(PARKED):
            key = f"{tenant.decode()}/{stream.decode()}"
            self.keys[projection.decode(), key] = (
                state.decode(),
                int(version),
                int(letter) if letter else None,
            )
        self.letters = {letter.id: letter for letter in map(Letter, database.rows(LETTERS))}
        self._skipped = collections.defaultdict(set)
        for projection, tenant, stream, version in database.rows(SKIPPED):
            self._skipped[projection.decode()].add(
                (f"{tenant.decode()}/{stream.decode()}", int(version))
            )
        self.rows = {
            (projection, f"main/{stream.decode()}"): int(version)
            for projection in ("orders", "stock")
            for stream, version in database.rows(
                f"SELECT stream, version FROM {self.table(database, projection)}"
            )
        }

    @staticmethod
    def table(database, projection):
        generation = database.value(f"SELECT generation FROM projections WHERE name = '{projection}'")
        return f"rm_{projection}_{generation.decode()}"

    def skipped(self, *projections):
        return set().union(*(self._skipped[projection] for projection in projections))

    def parked_streams(self):
        return {key.partition("/")[2] for _, key in self.keys}


def check_parking(log, parking, report):
    """Keys and letters fit each other and the log; announcements are there once."""
    check_keys(log, parking, report)
    check_letters(parking, report)
    check_announced(log, parking, report)
    states = collections.Counter(letter.state for letter in parking.letters.values())
    report.looked_at(
        f"{len(parking.keys)} parked streams, {len(parking.letters)} letters {dict(states)}: each "
        "dead stream has its open letter, each letter was announced once, none for a transient fault"
    )


def check_keys(log, parking, report):
    for (projection, key), (state, version, letter) in parking.keys.items():
        where = f"parked in {projection}: {key}@{version} ({state})"
        if key not in log.streams or log.streams[key][0] < version:
            report.fault(f"{where}: the log has no such event")
        if parking.rows.get((projection, key), 0) >= version:
            report.fault(f"{where}: its row is at version {parking.rows[projection, key]}")
        if state != "dead":
            continue
        found = parking.letters.get(letter)
        if found is None or found.state not in OPEN or found.version != version:
            report.fault(f"{where}: its letter {letter} is not open")


def check_letters(parking, report):
    for letter in parking.letters.values():
        if letter.kind == "record":
            continue
        key = (letter.projection, f"{letter.tenant}/{letter.stream}")
        if letter.state in OPEN and parking.keys.get(key, (None,))[0] != "dead":
            report.fault(f"letter {letter.id} is {letter.state}, its stream is not parked")
        if letter.state == "discarded" and (key[1], letter.version) not in parking.skipped(key[0]):
            report.fault(f"letter {letter.id} was discarded, its version is not skipped")
        if not letter.cause.startswith("poison."):
            report.fault(f"letter {letter.id} is of class {letter.cause}")


def check_announced(log, parking, report):
    announced = collections.Counter()
    for event in log.events:
        if event.category == "dlq":
            announced[json.loads(event.data)["letter"]] += 1
    for letter in parking.letters.values():
        wanted = 1 if letter.kind == "event" and letter.announced else 0
        if announced[letter.id] != wanted:
            report.fault(f"letter {letter.id} was announced {announced[letter.id]} times")
        if letter.kind == "event" and not letter.announced:
            report.fault(f"letter {letter.id} was not announced")
