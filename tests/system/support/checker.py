# SPDX-License-Identifier: Apache-2.0
"""The invariants of the design's section 10, looked at from outside.

PostgreSQL is read with psql, Kafka with kcat, read models over HTTP as any client would. No line
is shared with the product: Kafka's partitioner and the folds of the domain are written again here.

Each check_* function takes what was read, adds what it found wrong to a Report, and says there what
it looked at, so that an empty check cannot pass for a proof.
"""
import collections
import itertools

from . import services
from .log import Log
from .models import check_models
from .murmur2 import partition_of
from .parking import Parking, check_parking

FAULTS_SHOWN = 20


class Report:
    def __init__(self):
        self.proven = []
        self.faults = []

    def fault(self, text):
        self.faults.append(text)

    def looked_at(self, text):
        self.proven.append(text)

    def text(self):
        lines = [f"checked: {line}" for line in self.proven]
        lines += [f"WRONG: {fault}" for fault in self.faults[:FAULTS_SHOWN]]
        if len(self.faults) > FAULTS_SHOWN:
            lines.append(f"WRONG: and {len(self.faults) - FAULTS_SHOWN} more")
        return "\n".join(lines)


def check_positions(log, report):
    """Positions 1..head without a gap; time never runs backwards along them."""
    expected = 1
    last_us = 0
    for event in log.events:
        if event.position != expected:
            report.fault(f"position {expected} expected, found {event!r}")
            expected = event.position
        if event.recorded_us < last_us:
            report.fault(f"recorded_at runs backwards at {event!r}")
        last_us = event.recorded_us
        expected += 1
    if log.head != expected - 1:
        report.fault(f"log_head says {log.head}, the last event is {expected - 1}")
    report.looked_at(f"positions 1..{log.head} gapless, recorded_at never backwards")


def check_versions(log, report):
    """Each stream's versions 1..n without a gap, and its row in streams says the same."""
    seen = {}
    for event in log.events:
        version, first, _ = seen.get(event.key, (0, event.position, 0))
        if event.version != version + 1:
            report.fault(f"version {version + 1} of {event.key} expected, found {event!r}")
        seen[event.key] = (event.version, first, event.position)
    for key in seen.keys() | log.streams.keys():
        if seen.get(key) != log.streams.get(key):
            report.fault(
                f"streams row of {key} is {log.streams.get(key)}, events say {seen.get(key)}"
            )
    report.looked_at(f"versions 1..n gapless in {len(seen)} streams")


def check_ids(log, report):
    """No event id twice in one stream."""
    counts = collections.Counter((event.key, event.id) for event in log.events)
    for (key, event_id), count in counts.items():
        if count > 1:
            report.fault(f"event id {event_id} stands {count} times in {key}")


def check_acknowledged(log, acknowledged, report):
    """Each acknowledged command is in the log exactly once, and a refused one not at all.

    ACKNOWLEDGED: one dict a command: correlation_id (made by the client for this command alone),
    status, and for a 2xx the events its answer named: stream, version, position and, where the
    answer says it, id. Returns the events that belong to none of these commands.
    """
    written = collections.defaultdict(list)
    for event in log.events:
        written[event.correlation_id].append(event)
    accepted = refused = events = 0
    for command in acknowledged:
        found = written.pop(command["correlation_id"], [])
        if command["status"] >= 300:
            refused += 1
            if found:
                report.fault(f"refused with {command['status']} but written: {found}")
            continue
        accepted += 1
        events += len(found)
        promised = sorted(command["events"], key=lambda e: e["position"])
        if len(promised) != len(found) or not all(map(is_as_promised, promised, found)):
            report.fault(
                f"{command['correlation_id']}: acknowledged {promised}, in the log {found}"
            )
    report.looked_at(
        f"{accepted} acknowledged commands ({events} events) each in the log exactly once, "
        f"{refused} refused ones not at all"
    )
    return written


def is_as_promised(promised, event):
    told = (promised["position"], promised["stream"], promised["version"])
    is_there = (event.position, event.stream, event.version)
    return told == is_there and promised.get("id", event.id) == event.id


def check_topics(log, prefix, report, at=None, lost_up_to=0, strangers=0):
    """Every category's topic holds its events, each once and in order, and nothing else.

    LOST_UP_TO: a position an operator accepted as lost; Kafka need not hold what is at or below it.
    STRANGERS: so many records of somebody else a test has written.
    """
    partitions = services.topic_partitions(prefix + ".", at)
    published = others = 0
    for name in log.topics():
        topic = f"{prefix}.{name}"
        events = [event for event in log.events if event.topic == name]
        if topic not in partitions:
            report.fault(f"topic {topic} is missing, it should hold {len(events)} events")
            continue
        everything = services.read_topic(topic, at)
        records = [r for r in everything if r.headers.get("ce_source") == f"/daybook/{log.uuid}"]
        others += len(everything) - len(records)
        published += len(records)
        check_topic(log, topic, partitions[topic], events, records, report, lost_up_to)
    if others != strangers:
        report.fault(f"{others} records of somebody else in the topics, not {strangers}")
    if lost_up_to > 0:
        report.looked_at(f"Kafka may lack what is at or below the accepted position {lost_up_to}")
    report.looked_at(
        f"{published} Kafka records (read_committed) in {len(log.topics())} topics: each event "
        "once, in order, in its key's partition, bytes equal, chain of positions whole"
    )


def check_topic(log, topic, partition_count, events, records, report, lost_up_to=0):
    expected = collections.defaultdict(list)
    for event in events:
        expected[partition_of(event.key.encode(), partition_count)].append(event)
    found = collections.defaultdict(list)
    for record in records:
        found[record.partition].append(record)
    for partition in expected.keys() | found.keys():
        where = f"{topic}[{partition}]"
        check_partition(log, where, expected[partition], found[partition], report, lost_up_to)


def position_of(record):
    return int(record.headers.get("ce_globalposition", -1))


def check_partition(log, where, events, records, report, lost_up_to=0):
    wanted = [event.position for event in events]
    got = [position_of(record) for record in records]
    # The chain begins at what the partition had last, in Kafka or, where Kafka lost it, in the log.
    previous = max([p for p in wanted + got if p <= lost_up_to], default=0)
    wanted = [p for p in wanted if p > lost_up_to]
    records = [r for r, p in zip(records, got) if p > lost_up_to or p < 0]
    got = [position_of(record) for record in records]
    if wanted != got:
        report.fault(f"{where}: {describe_difference(wanted, got)}")
    by_position = {event.position: event for event in events}
    for record, position in zip(records, got):
        event = by_position.get(position)
        if event is not None:
            check_record(log, where, event, record, previous, report)
        previous = position


def describe_difference(wanted, got):
    """What a partition holds too much, too little, or in another order."""
    twice = [p for p, count in collections.Counter(got).items() if count > 1]
    missing = sorted(set(wanted) - set(got))
    foreign = sorted(set(got) - set(wanted))
    order = [b for a, b in itertools.pairwise(got) if b <= a]
    return (
        f"{len(got)} records for {len(wanted)} events; missing {missing[:10]}, twice {twice[:10]}, "
        f"not of this partition {foreign[:10]}, out of order at {order[:10]}"
    )


def check_record(log, where, event, record, previous, report):
    """Key, value and every header of one record against the event it carries."""
    headers = record.headers
    wanted = {
        "ce_id": event.id,
        "ce_source": f"/daybook/{log.uuid}",
        "ce_specversion": "1.0",
        "ce_type": event.type,
        "ce_subject": event.stream,
        "ce_sequence": f"{event.position:020d}",
        "ce_streamversion": str(event.version),
        "ce_previousposition": str(previous),
        "ce_tenantid": event.tenant,
        "content-type": "application/json",
    }
    if event.correlation_id is not None:
        wanted["ce_correlationid"] = event.correlation_id
    for name, value in wanted.items():
        if headers.get(name) != value:
            report.fault(f"{where}: {name} of {event!r} is {headers.get(name)!r}, not {value!r}")
    if record.key != event.key.encode():
        report.fault(f"{where}: key {record.key!r} for {event!r}")
    if record.value != event.data:
        report.fault(f"{where}: value of {event!r} differs from the log: {record.value[:200]!r}")


def check_all(
    database, prefix, acknowledged, api=None, at=None, lost_up_to=0, strangers=0
):
    """Everything. API: a Client; without one the read models are not looked at, and that is said."""
    report = Report()
    log = Log(database)
    check_positions(log, report)
    check_versions(log, report)
    check_ids(log, report)
    if acknowledged is not None:
        check_acknowledged(log, acknowledged, report)
    check_topics(log, prefix, report, at, lost_up_to, strangers)
    parking = Parking(database)
    check_parking(log, parking, report)
    if api is not None:
        check_models(log, api, report, parking)
    else:
        report.looked_at("no read model: no address was given")
    return report
