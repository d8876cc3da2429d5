#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daybookd verify: a sound installation passes, also under load; each planted damage is named."""
import collections
import json
import threading
import unittest
import uuid
from urllib.parse import urlsplit, urlunsplit

from support import services
from support.case import main
from support.harness import Cluster
from support.load import Load
from support.swarm import Swarm
from support.waiting import eventually

EXIT_DRIFT = 8
JOBS = 400


def verify(cluster, *options, url=None):
    """(exit status, findings, what it said of itself)"""
    env = cluster.env(**({"postgres__url": url} if url else {}))
    command = [services.binary("daybookd"), "verify", "-o", "ndjson", *options]
    done = services.run(command, check=False, env=env, timeout_s=300)
    findings = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return done.returncode, findings, done.stderr.decode()


def loaded(jobs=JOBS, seed=11, **settings):
    cluster = Cluster(**settings).migrate()
    process = cluster.serve()
    load = Load([("127.0.0.1", process.port)], seed=seed)
    Swarm().run(load.clients(32, jobs))
    client = process.client()
    cluster.wait_caught_up(client)
    client.close()
    return cluster, process


class Online(unittest.TestCase):
    def test_under_load(self):
        """beside a working installation it finds nothing, however often"""
        cluster, process = loaded()
        self.addCleanup(cluster.close)
        load = Load([("127.0.0.1", process.port)], seed=12)
        working = threading.Thread(target=lambda: Swarm().run(load.clients(32, 6 * JOBS)))
        working.start()
        looks = 0
        while working.is_alive():
            status, findings, said = verify(cluster)
            self.assertEqual((status, findings), (0, []), said)
            looks += 1
        working.join()
        self.assertGreaterEqual(looks, 2)
        print(f"({looks} looks) ", end="")


class Job(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster, cls.process = loaded(jobs=100)
        cls.addClassCleanup(cls.cluster.close)
        cls.api = cls.process.client()
        cls.addClassCleanup(cls.api.close)

    def verify(self, body=None):
        """Asks for a verification and waits for its end; the job."""
        answer = self.api.post("/admin/v1/verify", body)
        self.assertEqual(answer.status, 202, answer)
        where = answer.headers["location"]
        job = eventually(
            lambda: next(
                (
                    job
                    for job in [self.api.get(where).json()]
                    if job["state"] not in ("queued", "running")
                ),
                None,
            ),
            "the verification has ended",
            60,
        )
        self.assertEqual(job["state"], "done", job)
        return job, self.api.get(f"{where}/findings").json()

    def test_sound_then_not(self):
        """POST /admin/v1/verify is a job: sound at first, then it names what was edited"""
        job, found = self.verify()
        self.assertTrue(job["message"].startswith("sound up to position"), job)
        self.assertEqual(found["items"], [])
        self.cluster.database.execute("UPDATE rm_stock_1 SET on_hand = on_hand + 1")
        rows = int(self.cluster.database.value("SELECT count(*) FROM rm_stock_1"))
        job, found = self.verify({"only": ["models"]})
        self.assertTrue(job["message"].startswith("drift up to position"), job)
        self.assertEqual({(f["kind"], f["name"]) for f in found["items"]}, {("drifted", "stock")})
        self.assertEqual(len(found["items"]), rows)
        first = self.api.get(f"/admin/v1/jobs/{job['id']}/findings?limit=1").json()
        rest = self.api.get(
            f"/admin/v1/jobs/{job['id']}/findings?after={first['next_after']}"
        ).json()
        self.assertEqual(first["items"] + rest["items"], found["items"])
        job, found = self.verify({"only": ["log", "topics"]})
        self.assertEqual(found["items"], [])

    def test_bad_input(self):
        """unknown parts and members are refused, and no job is made"""
        before = len(self.api.get("/admin/v1/jobs").json()["items"])
        for body in ({"only": []}, {"only": ["moon"]}, {"keys": 0}, {"colour": 1}, {"only": [1]}):
            answer = self.api.post("/admin/v1/verify", body)
            self.assertEqual(answer.status, 422, answer)
        self.assertEqual(len(self.api.get("/admin/v1/jobs").json()["items"]), before)
        self.assertEqual(self.api.get("/admin/v1/jobs/x/findings").status, 404)


class Parked(unittest.TestCase):
    def setUp(self):
        self.cluster, process = loaded(jobs=200, projection__retry_first="50ms")
        self.addCleanup(self.cluster.close)
        self.api = process.client()
        self.addCleanup(self.api.close)

    def poison(self, stream):
        """An event that no fold knows, and one behind it that each of them would take."""
        behind = {
            "id": "refund-" + stream,
            "type": "OrderRefunded",
            "data": {
                "customer_id": "customer01",
                "currency": "EUR",
                "amount_minor": 1,
                "change": {"orders": 0, "items": 0, "total_minor": 5},
            },
        }
        body = {"events": [{"type": "OrderMelted", "data": {}}, behind]}
        target = f"/v1/streams/{stream}/events?override=reserved-category"
        self.assertEqual(self.api.post(target, body).status, 201)

    def letters(self, state):
        return self.api.get(f"/admin/v1/dlq?state={state}&limit=500").json()["items"]

    def test_parked_then_discarded(self):
        """parked keys are told and no drift; what was discarded is left out; an edit is still seen"""
        streams = [
            row[0].decode()
            for row in self.cluster.database.rows("SELECT stream FROM rm_orders_1 ORDER BY 1 LIMIT 9")
        ]
        for stream in streams:
            self.poison(stream)
        # orders and customers read the category
        eventually(lambda: len(self.letters("open")) == 18, "all letters are dead", 60)
        status, findings, said = verify(self.cluster)
        self.assertEqual(status, 0, (findings, said))
        self.assertEqual(
            {(f["kind"], f["name"], f["key"]) for f in findings},
            {("parked", name, stream) for name in ("orders", "customers") for stream in streams},
        )
        body = {"filter": {"type": "OrderMelted"}, "reason": "melted"}
        self.assertEqual(self.api.post("/admin/v1/dlq/discard", body).status, 202)
        eventually(lambda: self.letters("open") == [], "all letters are discarded", 60)
        eventually(
            lambda: int(self.cluster.database.value("SELECT count(*) FROM parked_keys")) == 0,
            "what was queued behind them is applied",
            60,
        )
        status, findings, said = verify(self.cluster)
        self.assertEqual((status, findings), (0, []), said)
        self.cluster.database.execute(
            "UPDATE rm_customers_1 SET total_minor = total_minor + 1 WHERE customer_id = 'customer01'"
        )
        status, findings, said = verify(self.cluster, "--only", "models")
        self.assertEqual(status, EXIT_DRIFT, said)
        self.assertEqual({f["kind"] for f in findings}, {"drifted"})


class Damage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster, cls.process = loaded()
        cls.addClassCleanup(cls.cluster.close)
        cls.process.terminate()

    def setUp(self):
        """A copy of the database to damage; the topics are shared."""
        name = f"system_{uuid.uuid4().hex[:12]}"
        parts = urlsplit(self.cluster.database.url)
        server = services.Database(services.environment("DAYBOOK_TEST_DATABASE_URL"))
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{parts.path[1:]}"')
        self.copy = services.Database(urlunsplit(parts._replace(path=f"/{name}")))
        self.addCleanup(self.copy.drop)

    def found(self, *sql):
        """Damages the copy and looks: the findings, which must be drift."""
        for statement in sql:
            self.copy.execute(statement)
        status, findings, said = verify(self.cluster, url=self.copy.url)
        self.assertEqual(status, EXIT_DRIFT, (findings, said))
        return findings

    def only(self, findings, kind, part, **members):
        """All findings are of this kind and place; returns them."""
        self.assertTrue(findings)
        for finding in findings:
            self.assertEqual((finding["kind"], finding["in"]), (kind, part), findings)
            for name, value in members.items():
                self.assertEqual(finding.get(name), value, findings)
        return findings

    def test_sound(self):
        """an installation that rests is sound, part by part and as a whole"""
        parts = (("--only", part) for part in ("log", "topics", "models"))
        for options in ((), *parts, ("--keys", "3")):
            status, findings, said = verify(self.cluster, *options)
            self.assertEqual((status, findings), (0, []), said)

    def test_row_deleted(self):
        """a deleted row of a projection by stream is lost, and nothing else is"""
        stream = self.copy.value("SELECT stream FROM rm_orders_1 ORDER BY stream LIMIT 1").decode()
        findings = self.found(f"DELETE FROM rm_orders_1 WHERE stream = '{stream}'")
        self.only(findings, "lost", "models", name="orders", key=stream)
        self.assertEqual(len(findings), 1)

    def test_row_edited(self):
        """an edited column is named with what it is and must be"""
        stream = self.copy.value("SELECT stream FROM rm_stock_1 ORDER BY stream LIMIT 1").decode()
        findings = self.found(
            f"UPDATE rm_stock_1 SET on_hand = on_hand + 3 WHERE stream = '{stream}'"
        )
        self.only(findings, "drifted", "models", name="stock", key=stream)
        self.assertEqual(len(findings), 1)
        self.assertIn("on_hand is", findings[0]["text"])

    def test_row_behind(self):
        """a row that misses its last event though the checkpoint has passed it is lost"""
        stream = self.copy.value(
            "SELECT stream FROM rm_stock_1 WHERE version > 3 ORDER BY stream LIMIT 1"
        ).decode()
        findings = self.found(
            f"UPDATE rm_stock_1 SET version = version - 1 WHERE stream = '{stream}'"
        )
        self.assertIn(("lost", stream), {(f["kind"], f["key"]) for f in findings})
        self.only([f for f in findings if f["kind"] != "drifted"], "lost", "models")

    def test_row_without_stream(self):
        """a row of a stream that never was is told"""
        findings = self.found(
            "INSERT INTO rm_stock_1 SELECT (jsonb_populate_record(r, '{\"stream\": \"stock-x\"}')).*"
            " FROM rm_stock_1 r LIMIT 1"
        )
        self.only(findings, "drifted", "models", name="stock", key="stock-x")

    def test_sum_edited(self):
        """an edited, a deleted and an invented row of a roll-up are told, however it is cut"""
        findings = self.found(
            "UPDATE rm_customers_1 SET total_minor = total_minor + 1"
            " WHERE customer_id = (SELECT min(customer_id) FROM rm_customers_1)",
            "DELETE FROM rm_customers_1"
            " WHERE customer_id = (SELECT max(customer_id) FROM rm_customers_1)",
            "INSERT INTO rm_customers_1"
            " SELECT (jsonb_populate_record(r, '{\"customer_id\": \"zz\"}')).*"
            " FROM rm_customers_1 r LIMIT 1",
        )
        kinds = collections.Counter((f["kind"], f["name"]) for f in findings)
        self.assertGreaterEqual(kinds[("lost", "customers")], 1)
        self.assertGreaterEqual(kinds[("drifted", "customers")], 2)
        self.assertEqual(set(kinds), {("lost", "customers"), ("drifted", "customers")})
        again = verify(self.cluster, "--keys", "7", url=self.copy.url)[1]
        self.assertEqual(sorted(map(str, again)), sorted(map(str, findings)))

    def test_checkpoint_rewound(self):
        """a checkpoint that was set back lies before its rows: by stream and roll-up"""
        for projection in ("orders", "customers"):
            with self.subTest(projection):
                findings = self.found(
                    "UPDATE checkpoints SET position = position / 2"
                    f" WHERE projection = '{projection}'"
                )
                rewound = [f for f in findings if f["name"] == projection]
                self.only(rewound, "drifted", "models")
                self.setUp()

    def test_event_deleted(self):
        """an event that is gone from the log is lost there"""
        position = int(
            self.copy.value("SELECT position FROM events WHERE version = 2 ORDER BY 1 LIMIT 1")
        )
        findings = self.found(f"DELETE FROM events WHERE position = {position}")
        lost = [f for f in findings if f["kind"] == "lost" and f["in"] == "log"]
        self.assertEqual([f["position"] for f in lost], [position])

    def test_event_edited(self):
        """an event whose data was changed differs from its record and its rows"""
        position = int(
            self.copy.value("SELECT max(position) FROM events WHERE type = 'StockReceived'")
        )
        findings = self.found(
            "UPDATE events SET data = jsonb_set(data::jsonb, '{quantity}', '7')::json"
            f" WHERE position = {position}"
        )
        places = {(f["kind"], f["in"]) for f in findings}
        self.assertEqual(places, {("drifted", "topics"), ("drifted", "models")})
        topic = [f for f in findings if f["in"] == "topics"]
        self.assertEqual([f["position"] for f in topic], [position])

    def test_version_doubled(self):
        """versions that do not follow each other are told with stream and position"""
        findings = self.found(
            "UPDATE events SET version = version + 100 WHERE position ="
            " (SELECT max(position) FROM events WHERE version = 2)"
        )
        self.assertIn(("drifted", "log"), {(f["kind"], f["in"]) for f in findings})


class Topics(unittest.TestCase):
    """Damage in Kafka can not be undone: an installation a test."""

    def setUp(self):
        self.cluster, process = loaded(jobs=100)
        self.addCleanup(self.cluster.close)
        process.terminate()
        self.topic = f"{self.cluster.prefix}.stock"
        self.records = services.read_topic(self.topic)

    def produce(self, record, headers=None):
        arguments = ["kcat", "-b", services.brokers(), "-P", "-t", self.topic]
        arguments += ["-p", str(record.partition), "-k", record.key.decode()]
        for name, value in (headers or record.headers).items():
            arguments += ["-H", f"{name}={value}"]
        services.run([*arguments, "-D", "\x1e"], stdin=record.value)

    def test_record_doubled(self):
        """a record that stands there twice is doubled"""
        record = self.records[len(self.records) // 2]
        self.produce(record)
        status, findings, said = verify(self.cluster)
        self.assertEqual(status, EXIT_DRIFT, said)
        self.assertEqual(len(findings), 1, findings)
        self.assertEqual((findings[0]["kind"], findings[0]["in"]), ("doubled", "topics"))
        self.assertEqual(findings[0]["position"], int(record.headers["ce_globalposition"]))
        self.assertEqual(findings[0]["partition"], record.partition)

    def test_record_foreign(self):
        """a record of somebody else is told, and is no drift"""
        self.produce(self.records[0], headers={"ce_id": "x"})
        status, findings, said = verify(self.cluster)
        self.assertEqual((status, [f["kind"] for f in findings]), (0, ["foreign"]), said)

    def test_topic_emptied(self):
        """what a topic made anew has not is lost, event by event"""
        services.recreate_topic(self.topic, 6)
        status, findings, said = verify(self.cluster, "--only", "topics", "--findings", "100000")
        self.assertEqual(status, EXIT_DRIFT, said)
        self.assertEqual({(f["kind"], f["name"]) for f in findings}, {("lost", self.topic)})
        self.assertEqual(len(findings), len(self.records))
        status, findings, said = verify(self.cluster, "--only", "topics", "--findings", "3")
        self.assertEqual(len(findings), 3)
        self.assertIn(f"lost {len(self.records)}", said)


if __name__ == "__main__":
    main()
