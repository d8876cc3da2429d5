#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checker checked: a sound log passes, and each way of being wrong is found."""
import json
import types
import unittest

from support import checker
from support.case import main
from support.fold import Models
from support.load import promised_events
from support.log import Event
from support.murmur2 import murmur2, partition_of
from support.services import Record

PARTITIONS = 6
UUID = "0198f3a0-0000-7000-8000-000000000000"

PLACED = {
    "customer_id": "c1",
    "currency": "EUR",
    "lines": [{"line": 1, "sku": "a", "quantity": 2, "unit_price_minor": 50}],
    "total_minor": 100,
}


def an_event(position, stream, version, kind, facts, correlation_id=None):
    times = (str(1000 + position).encode(), correlation_id and correlation_id.encode(), b"500")
    fields = (str(position), "main", stream, str(version), kind, f"id{position}", json.dumps(facts))
    return Event((*(field.encode() for field in fields), None, *times))


def a_log(events):
    streams = {}
    for event in events:
        first = streams.get(event.key, (0, event.position))[1]
        streams[event.key] = (event.version, first, event.position)
    log = types.SimpleNamespace(uuid=UUID, head=len(events), events=events, streams=streams)
    log.categories = lambda: sorted({event.category for event in events})
    return log


def sound_events():
    return [
        an_event(1, "stock-a", 1, "StockReceived", {"quantity": 5}, "k1"),
        an_event(2, "order-1", 1, "OrderPlaced", PLACED, "k2"),
        an_event(3, "stock-a", 2, "StockReserved", {"quantity": 2}, "k2"),
        an_event(4, "order-1", 2, "OrderPaid", {**PLACED, "amount_minor": 100}, "k3"),
        an_event(5, "order-2", 1, "OrderDrafted", PLACED, "k4"),
    ]


def published(log, category):
    """What a correct publisher makes of a category's events."""
    last = {}
    records = []
    for event in log.events:
        if event.category != category:
            continue
        partition = partition_of(event.key.encode(), PARTITIONS)
        headers = {
            "ce_id": event.id,
            "ce_source": f"/daybook/{UUID}",
            "ce_specversion": "1.0",
            "ce_type": event.type,
            "ce_subject": event.stream,
            "ce_sequence": f"{event.position:020d}",
            "ce_globalposition": str(event.position),
            "ce_streamversion": str(event.version),
            "ce_previousposition": str(last.get(partition, 0)),
            "ce_tenantid": "main",
            "ce_correlationid": event.correlation_id,
            "content-type": "application/json",
        }
        last[partition] = event.position
        record = Record("t", partition, len(records), event.key.encode(), event.data, headers)
        records.append(record)
    return records


class Log(unittest.TestCase):
    def faults(self, check, *arguments):
        report = checker.Report()
        check(*arguments, report)
        return report.faults

    def test_sound(self):
        """a sound log has no faults"""
        log = a_log(sound_events())
        for check in (checker.check_positions, checker.check_versions, checker.check_ids):
            self.assertEqual(self.faults(check, log), [])
        self.assertEqual(Models(log.events).faults, [])

    def test_gap_in_positions(self):
        """a missing, a doubled and a trailing position are found, and time that runs backwards"""
        events = sound_events()
        self.assertTrue(self.faults(checker.check_positions, a_log(events[:2] + events[3:])))
        self.assertTrue(self.faults(checker.check_positions, a_log(events[:3] + events[2:])))
        log = a_log(events)
        log.head += 1
        self.assertTrue(self.faults(checker.check_positions, log))
        events[3].recorded_us = 1
        self.assertTrue(self.faults(checker.check_positions, a_log(events)))

    def test_gap_in_versions(self):
        """a missing version, and a stream's row that differs, are found"""
        events = sound_events()
        self.assertTrue(self.faults(checker.check_versions, a_log(events[:1] + events[3:])))
        log = a_log(events)
        log.streams["main/order-1"] = (3, 2, 4)
        self.assertTrue(self.faults(checker.check_versions, log))

    def test_acknowledged(self):
        """an acknowledged event that is lost, doubled or elsewhere, and a refused one that is there"""
        log = a_log(sound_events())
        told = [{"id": "id2", "stream": "order-1", "version": 1, "position": 2}]
        told += [{"id": "id3", "stream": "stock-a", "version": 2, "position": 3}]
        sound = {"correlation_id": "k2", "status": 201, "events": told}
        self.assertEqual(self.faults(checker.check_acknowledged, log, [sound]), [])
        wrong = [
            {**sound, "events": told[:1]},
            {**sound, "events": [*told, told[0]]},
            {**sound, "events": [told[0], {**told[1], "position": 4}]},
            {**sound, "correlation_id": "never-written"},
            {"correlation_id": "k2", "status": 409, "events": []},
        ]
        for command in wrong:
            self.assertTrue(self.faults(checker.check_acknowledged, log, [command]), command)

    def test_promised_events(self):
        """answers without a list of events are spelled out position by position"""
        body = {"stream": "n-1", "first_version": 3, "version": 4, "position": 9}
        places = [(e["version"], e["position"]) for e in promised_events(body)]
        self.assertEqual(places, [(3, 8), (4, 9)])


class Topic(unittest.TestCase):
    def faults(self, records, lost_up_to=0):
        log = a_log(sound_events())
        report = checker.Report()
        events = [event for event in log.events if event.category == "order"]
        checker.check_topic(log, "t", PARTITIONS, events, records, report, lost_up_to)
        return report.faults

    def records(self):
        return published(a_log(sound_events()), "order")

    def test_sound(self):
        """a topic that holds each event once, in order, has no faults"""
        self.assertEqual(self.faults(self.records()), [])

    def test_lost_doubled_and_out_of_order(self):
        """a lost, a doubled and a swapped record are found"""
        records = self.records()
        self.assertTrue(self.faults(records[1:]))
        self.assertTrue(self.faults(records + records[-1:]))
        self.assertTrue(self.faults([records[1], records[0], records[2]]))

    def test_accepted_loss(self):
        """what was accepted as lost may be missing or there; what is behind it may not be missing"""
        records = self.records()
        lost = checker.position_of(records[0])
        self.assertEqual(self.faults(records[1:], lost), [])
        self.assertEqual(self.faults(records, lost), [])
        self.assertTrue(self.faults(records[2:], lost))
        self.assertTrue(self.faults(records[1:], lost - 1))
        records[1].headers["ce_previousposition"] = "0"
        self.assertTrue(self.faults(records[1:], lost))

    def test_wrong_partition(self):
        """a record in another partition than its key's is found"""
        records = self.records()
        records[0].partition = (records[0].partition + 1) % PARTITIONS
        self.assertTrue(self.faults(records))

    def test_every_header_key_and_value(self):
        """each header, the key and the value are compared"""
        for name in self.records()[0].headers:
            records = self.records()
            records[0].headers[name] = "7777"
            self.assertTrue(self.faults(records), name)
        for field in ("key", "value"):
            records = self.records()
            setattr(records[0], field, b"{}")
            self.assertTrue(self.faults(records), field)

    def test_murmur2(self):
        """the partitioner agrees with the vectors of Kafka's own tests"""
        vectors = {b"21": -973932308, b"foobar": -790332482, b"abc": 479470107}
        vectors[b"a-little-bit-long-string"] = -985981536
        vectors[b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"] = -58897971
        for key, signed in vectors.items():
            self.assertEqual(murmur2(key), signed % 2**32)


class Folds(unittest.TestCase):
    def test_models(self):
        """the fold knows status, total, levels and summaries"""
        models = Models(sound_events())
        order = models.orders["order-1"].view()
        self.assertEqual(
            (order["status"], order["total_minor"], order["paid_minor"]), ("paid", 100, 100)
        )
        self.assertEqual(models.stock["a"].view()["available"], 3)
        self.assertEqual(models.reserved_by_orders(), {"a": 2})
        self.assertEqual(models.summaries()["c1"], (1, 2, {"EUR": 100}))

    def test_oversold(self):
        """stock that goes below zero, or is reserved beyond what is there, is found"""
        for event in (
            an_event(1, "stock-a", 1, "StockAdjusted", {"delta": -1}),
            an_event(1, "stock-a", 1, "StockReserved", {"quantity": 1}),
        ):
            self.assertTrue(Models([event]).faults)

    def test_impossible_orders(self):
        """events out of order, wrong totals and wrong payments are found"""
        place = sound_events()[1]
        after = [
            an_event(6, "order-1", 2, "OrderDelivered", PLACED),
            an_event(6, "order-1", 2, "OrderPaid", {**PLACED, "amount_minor": 99}),
            an_event(6, "order-1", 2, "LineAdded", {**PLACED, **PLACED["lines"][0]}),
            an_event(
                6, "order-1", 2, "OrderPaid", {**PLACED, "amount_minor": 100, "total_minor": 1}
            ),
        ]
        for event in after:
            self.assertTrue(Models([place, event]).faults, event)


if __name__ == "__main__":
    main()
