#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Live reads (server-sent events): from any position, through the switch to live, 500 at once."""
import random
import re
import socket
import threading
import time

from support.case import SystemTest, event, main, unique
from support.client import Client, Disconnected
from support.sse import Subscription, Swarm


def metric(api, name, **labels):
    """The sum of a metric's series that have these labels."""
    asking = Client(api.url)  # API may have idled for too long
    text = asking.get("/metrics").body.decode()
    asking.close()
    total = 0.0
    for series, value in re.findall(rf"^{name}(\{{[^}}]*\}})? (\S+)$", text, re.M):
        if all(f'{label}="{wanted}"' in series for label, wanted in labels.items()):
            total += float(value)
    return total


def positions(subscription):
    return [int(m.json()["globalposition"]) for m in subscription.events()]


class LiveTest(SystemTest):
    def subscribe(self, target="/v1/events", api=None, **headers):
        subscription = Subscription(api or self.api, target, **headers)
        self.addCleanup(subscription.close)
        return subscription

    def live(self, target="/v1/events", **headers):
        """One that has caught up."""
        subscription = self.subscribe(target, **headers)
        return subscription.read_until(lambda s: s.count("caught-up"), "it is live")

    def note(self, count=1, stream=None, api=None, **fields):
        """Appends COUNT events; the position of the last."""
        stream = stream or unique("note-")
        answer = (api or self.api).post(
            f"/v1/streams/{stream}/events", {"events": [event(**fields) for _ in range(count)]}
        )
        return self.accepted(answer)["position"]

    def eventual(self, name, value, **labels):
        self.eventually(lambda: metric(self.api, name, **labels) == value, f"{name} is {value}", 20)


class Reading(LiveTest):
    # Readers that are not read while others come are not to be slow ones, however long that takes.
    SETTINGS = {
        "subscriptions__heartbeat": "300ms",
        "subscriptions__lag": "10m",
        "http__idle_timeout": "10m",
    }

    def test_no_gap_and_no_double_through_the_switch(self):
        """60 readers that begin anywhere while 4 clients append get every position once, in order"""
        stop = threading.Event()

        def append(seed):
            choose = random.Random(seed)
            api = self.all.client()
            for _ in range(400):
                if stop.is_set():
                    break
                self.note(choose.choice([1, 1, 1, 3, 20]), f"note-w{seed}", api)
            api.close()

        self.note(500)
        writers = [threading.Thread(target=append, args=(n,)) for n in range(4)]
        for writer in writers:
            writer.start()
        begins = []
        readers = []
        choose = random.Random(7)
        for n in range(60):
            self.eventually(
                lambda n=n: self.cluster.position() > 500 + 25 * n, "the writers go on"
            )
            head = self.cluster.position()
            begins.append(choose.choice([0, head, max(0, head - 30), choose.randint(0, head)]))
            readers.append(self.subscribe(f"/v1/events?after={begins[-1]}"))
        stop.set()
        for writer in writers:
            writer.join()
        head = self.cluster.position()
        swarm = Swarm(readers)
        swarm.read_until(lambda s: s.parser.last_id == head, "all of the log")
        for begin, reader in zip(begins, readers):
            self.assertEqual([m.id for m in reader.events()], list(range(begin + 1, head + 1)))
        self.assertEqual(positions(readers[0]), [m.id for m in readers[0].events()])
        swarm.close()

    def test_an_event_is_a_cloud_event(self):
        """data is CloudEvents JSON: the attributes that Kafka's headers have, and the data"""
        stream = unique("note-")
        reader = self.live("/v1/events?after=head")
        self.append(
            stream, event("Odd.Type", {"a": [1, "ü"]}, metadata={"m": 1}), x_correlation_id="corr-1"
        )
        reader.read_until(lambda s: s.events(), "the event")
        message = reader.events()[0]
        body = message.json()
        self.assertEqual(message.event, "Odd.Type")
        self.assertEqual(body["specversion"], "1.0")
        self.assertEqual(body["type"], "Odd.Type")
        self.assertEqual(body["subject"], stream)
        self.assertEqual(body["data"], {"a": [1, "ü"]})
        self.assertEqual(body["metadata"], '{"m":1}')
        self.assertEqual(body["streamversion"], "1")
        self.assertEqual(body["sequence"], f"{message.id:020d}")
        self.assertEqual(body["correlationid"], "corr-1")
        log_id = self.cluster.database.value("SELECT id FROM log_info").decode()
        self.assertEqual(body["source"], f"/daybook/{log_id}")
        self.assertEqual(reader.headers["content-type"], "text/event-stream; charset=utf-8")
        self.assertEqual(reader.headers["cache-control"], "no-store")
        self.assertTrue(1000 <= reader.parser.retry_ms <= 2000)

    def test_data_with_line_ends_stays_one_event(self):
        """raw line feeds and carriage returns in data, half a million of them, arrive as JSON"""
        stream = unique("note-")
        reader = self.live("/v1/events?after=head")
        for data in ('{\n"a":\r\n1,\r"b":2}', "[" + "\n" * 500_000 + "1]"):
            raw = '{"events":[{"type":"Odd","data":%s}]}' % data
            self.accepted(self.api.post(f"/v1/streams/{stream}/events", raw))
        reader.read_until(lambda s: len(s.events()) == 2, "both")
        self.assertEqual([m.json()["data"] for m in reader.events()], [{"a": 1, "b": 2}, [1]])

    def test_a_reader_resumes_behind_its_last_event_id(self):
        """cut 20 times and resumed by Last-Event-ID, a reader has every event once"""
        begin = self.cluster.position()
        got = []
        last = begin
        for _ in range(20):
            reader = self.subscribe("/v1/events?after=0", last_event_id=last)
            self.note(5)
            reader.read_until(lambda s: s.events(), "some")
            reader.close()
            got += positions(reader)
            last = reader.parser.last_id
        head = self.cluster.position()
        reader = self.subscribe(f"/v1/events?after={last}")
        reader.read_until(lambda s: s.parser.last_id == head, "the rest")
        self.assertEqual(got + positions(reader), list(range(begin + 1, head + 1)))

    def test_a_stream_alone(self):
        """a stream's reader gets versions from `from` on, then what comes; its ids are versions"""
        stream = unique("note-")
        for _ in range(3):
            self.note(40, stream)
            self.note(10)
        reader = self.live(f"/v1/streams/{stream}/events?from=17")
        self.assertEqual([m.id for m in reader.events()], list(range(17, 121)))
        self.assertEqual(reader.messages[-1].json(), {"version": 120})
        now = self.live(f"/v1/streams/{stream}/events?from=head")
        self.assertEqual(now.events(), [])
        self.note(3)
        self.note(2, stream)
        for one in (reader, now):
            one.read_until(lambda s: s.parser.last_id == 122, "what comes")
            self.assertEqual({m.json()["subject"] for m in one.events()}, {stream})
        self.assertEqual([m.id for m in now.events()], [121, 122])
        resumed = self.live(f"/v1/streams/{stream}/events", last_event_id=118)
        self.assertEqual([m.id for m in resumed.events()], [119, 120, 121, 122])

    def test_filters_hold_in_history_and_live(self):
        """category, type, correlation_id and a stream's type hold in history and live"""
        category = "c" + unique("")
        stream = f"{category}-1"
        targets = [
            f"/v1/events?category={category}",
            f"/v1/events?category={category}&type=Wanted",
            f"/v1/events?correlation_id={stream}",
            f"/v1/streams/{stream}/events?type=Wanted",
        ]
        readers = []
        for round_ in range(2):
            for kind in ("Wanted", "Other", "Wanted"):
                self.append(stream, event(kind), x_correlation_id=stream)
                self.note(2)
            self.append(f"{category}-2", event("Wanted"))
            readers += [self.live(target) for target in targets] if round_ == 0 else []
        wanted = [(8, None), (6, "Wanted"), (6, None), (4, "Wanted")]
        for reader, (count, kind) in zip(readers, wanted):
            reader.read_until(lambda s, n=count: len(s.events()) >= n, reader.target)
            self.assertEqual(len(reader.events()), count, reader.target)
            if kind is not None:
                self.assertEqual({m.event for m in reader.events()}, {kind})
            self.assertEqual(positions(reader), sorted(set(positions(reader))))

    def test_heartbeats_move_the_last_event_id_on(self):
        """a reader that nothing fits has heartbeats, and its id follows the log"""
        reader = self.live("/v1/events?category=zzz&after=head")
        head = self.note(30)
        reader.read_until(lambda s: s.parser.last_id == head and s.parser.comments >= 2, "beats")
        self.assertEqual(reader.events(), [])

    def test_what_can_not_be_read_live_is_refused(self):
        """beyond the head, malformed, unknown or backward: 4xx; a missing stream is 404"""
        head = self.note(3, "note-refused")
        for target, status in (
            (f"/v1/events?after={head + 1000}", 422),
            ("/v1/events?after=-1", 422),
            ("/v1/events?limit=5", 422),
            ("/v1/events?since=2026-01-01T00:00:00Z", 422),
            ("/v1/events?category=NO", 422),
            ("/v1/streams/note-refused/events?from=5", 422),
            ("/v1/streams/note-refused/events?from=0", 422),
            ("/v1/streams/note-refused/events?direction=backward", 422),
            (f"/v1/streams/{unique('note-')}/events", 404),
            ("/v1/streams/nonsense/events", 404),
        ):
            reader = self.subscribe(target)
            reader.read_until(lambda s: s.status is not None, target)
            self.assertEqual(reader.status, status, target)
        for last_id, status in ((head + 1000, 422), ("x", 400), ("-1", 400)):
            reader = self.subscribe("/v1/events", last_event_id=last_id)
            reader.read_until(lambda s: s.status is not None, str(last_id))
            self.assertEqual(reader.status, status, last_id)
        reader = self.live("/v1/streams/note-refused/events?from=4")
        self.note(1, "note-refused")
        reader.read_until(lambda s: s.events(), "the version it waits for")

    def test_head_and_http_1_0(self):
        """HEAD gives the headers alone; a client of HTTP/1.0 reads a body without chunks"""
        answer = self.expect(self.api.head("/v1/events", accept="text/event-stream"), 200)
        self.assertEqual(answer.headers["content-type"], "text/event-stream; charset=utf-8")
        reader = self.live("/v1/events?after=head", version="1.0")
        self.assertNotIn("transfer-encoding", reader.headers)
        self.note(2)
        reader.read_until(lambda s: len(s.events()) == 2, "two")

    def test_those_who_leave_are_noticed(self):
        """closed, half-closed and reset connections are given up without an event to send"""
        self.eventual("daybook_subscribers", 0)
        readers = [self.live("/v1/events?category=zzz&after=head") for _ in range(3)]
        self.eventual("daybook_subscribers", 3)
        readers[0].close()
        readers[1].socket.shutdown(socket.SHUT_WR)
        readers[2].socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"
        )
        readers[2].close()
        self.eventual("daybook_subscribers", 0)


class Several(LiveTest):
    """Two processes on one log: one allows few readers, the other seldom looks for events."""

    SETTINGS = {"subscriptions__max": "3"}

    @classmethod
    def start(cls):
        super().start()
        cls.other = cls.cluster.serve(
            "other",
            roles="api",
            subscriptions__max="10",
            subscriptions__poll_interval="2s",
        )

    def test_events_of_another_process_come(self):
        """what another process appends comes as well, each once"""
        api = self.other.client()
        self.addCleanup(api.close)
        reader = self.live("/v1/events?after=head")
        begin = self.cluster.position()
        for n in range(20):
            self.note(2, api=api if n % 2 else self.api)
        reader.read_until(lambda s: len(s.events()) >= 40, "all of both")
        self.assertEqual(positions(reader), list(range(begin + 1, begin + 41)))
        reader.close()
        self.eventual("daybook_subscribers", 0)

    def test_what_was_acknowledged_comes_before_caught_up(self):
        """a reader has all that was acknowledged, by whomever, before it is told `caught-up`"""
        api = self.other.client()
        self.addCleanup(api.close)

        def empty_looks():
            return metric(api, "daybook_subscription_reads_total", source="tail", result="none")

        def subscribe(target):
            return self.subscribe(target, api=api)

        watcher = subscribe("/v1/events?after=head")
        watcher.read_until(lambda s: s.count("caught-up"), "it is live")
        begin = self.cluster.position()
        self.note()
        watcher.read_until(lambda s: s.events(), "an event that the other process appended")
        before = empty_looks()
        self.eventually(lambda: empty_looks() > before, "it rests until it looks again")
        stream = unique("note-")
        for _ in range(3):
            self.note(40, stream)
            head = self.note(10)
        log = subscribe(f"/v1/events?after={begin}")
        one = subscribe(f"/v1/streams/{stream}/events?from=17")
        now = subscribe("/v1/events?after=head")
        for reader in (log, one, now):
            reader.read_until(lambda s: s.count("caught-up"), "it is live")
            self.assertEqual(reader.messages[-1].event, "caught-up")
        self.assertEqual([m.id for m in log.events()], list(range(begin + 1, head + 1)))
        self.assertEqual(log.messages[-1].json(), {"position": head})
        self.assertEqual([m.id for m in one.events()], list(range(17, 121)))
        self.assertEqual(one.messages[-1].json(), {"version": 120})
        self.assertEqual((now.events(), now.messages[-1].id), ([], head))

    def test_their_number_is_bounded(self):
        """more readers than allowed are 503 overloaded, until one leaves"""
        readers = [self.live("/v1/events?after=head") for _ in range(3)]
        refused = self.subscribe("/v1/events")
        refused.read_until(lambda s: s.status is not None, "an answer")
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "1"))
        readers.pop().close()
        self.eventual("daybook_subscribers", 2)
        self.live("/v1/events?after=head")


class Crowd(LiveTest):
    COUNT = 500
    EVENTS = 300

    def test_500_readers_cost_one_read_an_event(self):
        """500 live readers: each event is read from the database once, each reader has all"""
        self.note(50)
        head = self.cluster.position()
        before_kib = self.all.rss_kib()
        swarm = Swarm([Subscription(self.api, "/v1/events?after=head") for _ in range(self.COUNT)])
        self.addCleanup(swarm.close)
        swarm.read_until(lambda s: s.count("caught-up"), "all are live")
        self.assertEqual(metric(self.api, "daybook_subscribers"), self.COUNT)
        reads = "daybook_subscription_reads_total"
        history = metric(self.api, reads, source="history")
        tail = metric(self.api, reads, source="tail", result="events")
        tail_events = metric(self.api, "daybook_subscription_events_read_total", source="tail")
        for n in range(self.EVENTS):
            self.note(1, f"note-{n % 7}")
        swarm.read_until(lambda s: len(s.events()) >= self.EVENTS, "all events at all readers")
        for reader in swarm.subscriptions:
            self.assertEqual(positions(reader), list(range(head + 1, head + 1 + self.EVENTS)))
        read_events = metric(self.api, "daybook_subscription_events_read_total", source="tail")
        self.assertEqual(read_events - tail_events, self.EVENTS)
        self.assertLessEqual(
            metric(self.api, reads, source="tail", result="events") - tail, self.EVENTS
        )
        self.assertEqual(metric(self.api, reads, source="history"), history)
        grown_kib = self.all.rss_kib() - before_kib
        self.assertLess(grown_kib, self.COUNT * 64, "KiB for 500 readers")
        print(f"[{self.COUNT} readers: {grown_kib / self.COUNT:.0f} KiB each] ", end="", flush=True)


class Slow(LiveTest):
    SETTINGS = {"subscriptions__lag": "1500ms", "subscriptions__ring_bytes": "512KiB"}

    def fill(self, mib):
        """Appends so many MiB in events of 50 KB."""
        for _ in range(mib * 2):
            self.note(10, "note-large", data={"text": "x" * 50_000})

    def test_slow_readers_are_told_and_closed(self):
        """20 readers that read nothing are told `lagging`, then closed; memory stays bounded"""
        self.fill(4)
        fast = self.live("/v1/events?after=head")
        slow = [self.subscribe("/v1/events?after=head", receive_bytes=4096) for _ in range(20)]
        for reader in slow:
            reader.read_until(lambda s: s.count("caught-up"), "it is live")
        before_kib = self.all.rss_kib()
        lagging = {"reason": "lagging"}
        self.fill(8)
        head = self.cluster.position()
        fast.read_until(lambda s: s.parser.last_id == head, "the fast one has all")
        self.eventual("daybook_subscription_ends_total", 20, **lagging)
        grown_kib = self.all.rss_kib() - before_kib
        for reader in slow:
            reader.read_to_end(60)
            self.assertEqual(reader.ended, "whole")
            self.assertEqual(reader.messages[-1].event, "lagging")
            got = positions(reader)
            self.assertEqual(got, list(range(got[0], got[0] + len(got))))
            self.assertLess(got[-1], self.cluster.position())
        self.assertLess(grown_kib, 20 * 256 + 40 * 1024, "KiB for 20 slow readers and the ring")
        fast.read_until(lambda s: s.parser.last_id == self.cluster.position(), "it goes on")
        self.assertEqual(fast.ended, None)
        again = self.subscribe("/v1/events", last_event_id=slow[0].events()[-1].id)
        again.read_until(lambda s: s.parser.last_id == self.cluster.position(), "it resumes")

    def test_a_burst_beyond_the_ring_is_no_fault_of_the_reader(self):
        """a reader that falls out of the ring in a burst goes through history, without gap"""
        reader = self.live("/v1/events?after=head")
        begin = self.cluster.position()
        self.fill(3)
        head = self.cluster.position()
        reader.read_until(lambda s: s.parser.last_id == head, "all of it")
        self.assertEqual(positions(reader), list(range(begin + 1, head + 1)))


class Frozen(LiveTest):
    SETTINGS = {"subscriptions__lag": "1m"}

    def test_they_do_not_hold_up_a_drain(self):
        """SIGTERM: the process ends at once though 50 clients read nothing of what waits for them"""
        for _ in range(4):
            self.note(10, data={"text": "x" * 50_000})
        frozen = [self.subscribe(receive_bytes=4096) for _ in range(50)]
        for reader in frozen:
            reader.read_until(lambda s: s.status == 200, "it is served")
        reads = "daybook_subscription_reads_total"
        self.eventually(
            lambda: metric(self.api, reads, source="history", result="events") >= len(frozen),
            "there is more for each than the kernels take",
        )
        begun = time.monotonic()
        self.all.signal(15)
        self.assertEqual(self.all.wait_end(), 0)
        took_s = time.monotonic() - begun
        print(f"[{took_s:.2f} s] ", end="", flush=True)
        self.assertLess(took_s, 3.0)  # without readers half a second; answers have six seconds


class Faults(LiveTest):
    def sql(self, text):
        return self.cluster.database.execute(text)

    def cut_connections(self):
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def test_1_a_lost_connection_loses_no_event(self):
        """the hub's and the readers' connections cut again and again: no gap, no double"""
        begin = self.cluster.position()
        readers = [self.subscribe(f"/v1/events?after={begin}") for _ in range(5)]
        for _ in range(8):
            self.eventually(lambda: self.try_note(), "an append", 20)
            self.cut_connections()
        self.eventually(lambda: self.try_note(), "an append", 20)
        head = self.cluster.position()
        for reader in readers:
            reader.read_until(lambda s: s.parser.last_id == head, "all")
            self.assertEqual(positions(reader), list(range(begin + 1, head + 1)))

    def try_note(self):
        answer = self.append(unique("note-"), event())
        return answer.status == 201

    def test_2_readers_stay_while_the_database_is_away(self):
        """the database away for 2 s: readers stay connected, new ones get 503, then all goes on"""
        name = self.cluster.database.value("SELECT current_database()").decode()
        reader = self.live("/v1/events?after=head")
        server = type(self.cluster.database)(
            self.cluster.database.url.rsplit("/", 1)[0] + "/postgres"
        )
        server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        try:
            refused = self.subscribe("/v1/events")
            refused.read_until(lambda s: s.status is not None, "an answer")
            self.assertEqual(refused.status, 503)
        finally:
            server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        self.eventually(lambda: self.try_note(), "an append", 20)
        reader.read_until(lambda s: s.events(), "the event after it")

    def test_3_a_log_that_went_back_ends_its_readers(self):
        """the log behind what was read, or with another id: `closing` with the reason"""
        self.note(5)
        reader = self.live("/v1/events?after=0")
        head = self.cluster.position()
        self.sql(
            f"BEGIN; DELETE FROM events WHERE position = {head}; "
            "UPDATE log_head SET position = position - 1; COMMIT"
        )
        reader.read_to_end()
        self.assertEqual((reader.ended, reader.messages[-1].event), ("whole", "closing"))
        self.assertEqual(reader.messages[-1].json(), {"reason": "log-replaced"})
        again = self.subscribe("/v1/events", last_event_id=head)
        again.read_until(lambda s: s.status is not None, "an answer")
        self.assertEqual(again.status, 422)
        reader = self.live(f"/v1/events?after={head - 2}")
        self.sql("UPDATE log_info SET id = gen_random_uuid()")
        reader.read_to_end()
        self.assertEqual(reader.messages[-1].json(), {"reason": "log-replaced"})

    def test_4_a_drain_ends_all_at_once(self):
        """SIGTERM: each is told `closing` with a retry hint, and the process ends within seconds"""
        readers = [self.live("/v1/events?after=head") for _ in range(50)]
        begun = time.monotonic()
        self.all.signal(15)
        for reader in readers:
            reader.read_to_end()
            self.assertEqual(reader.ended, "whole")
            self.assertEqual(reader.messages[-1].json(), {"reason": "stopping"})
            self.assertTrue(1000 <= reader.parser.retry_ms <= 2000)
        self.assertEqual(self.all.wait_end(), 0)
        self.assertLess(time.monotonic() - begun, 5.0)
        with self.assertRaises((Disconnected, ConnectionError, OSError)):
            self.all.client().get("/livez")


if __name__ == "__main__":
    main()
