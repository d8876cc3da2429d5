#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What operators look at: livez, readyz, metrics, version, status of all processes, configuration."""
import re
import subprocess

from support import services
from support.case import SystemTest, event, main, unique
from support.harness import Cluster

METRICS = [
    "daybook_http_requests_total",
    "daybook_http_request_duration_seconds_bucket",
    "daybook_commands_total",
    "daybook_append_batch_commands_bucket",
    "daybook_append_events_total",
    "daybook_log_position",
    "daybook_publisher_position",
    "daybook_publisher_lag_seconds",
    "daybook_publisher_transactions_total",
    "daybook_publisher_producers_total",
    "daybook_projection_events_total",
    "daybook_projection_lag_events",
    "daybook_projection_lag_seconds",
    "daybook_event_visible_seconds_bucket",
    "daybook_build_info",
]

SAMPLE = re.compile(
    r'^([a-z_]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? (NaN|[+-]Inf|[-+0-9.e]+)$'
)


def samples(text):
    """{name with labels: value}; raises on a line that is no sample and no comment."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        if not SAMPLE.match(line):
            raise ValueError(f"not in the text format: {line!r}")
        name, _, value = line.rpartition(" ")
        found[name] = float(value)
    return found


class Plumbing(SystemTest):
    @classmethod
    def start(cls):
        super().start()
        cls.others = [
            cls.cluster.add("pub-2", "publish").start(),
            cls.cluster.add("proj-2", "project").start(),
            cls.cluster.add("api-2", "serve", "--roles", "api").start(),
        ]
        for process in cls.others:
            process.wait_ready()

    def metrics(self, process=None):
        client = (process or self.all).client()
        answer = self.expect(client.get("/metrics"), 200)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"), answer.headers)
        return samples(answer.body.decode())

    def test_health(self):
        """livez and readyz are 200 for every role"""
        for process in [self.all, *self.others]:
            self.assertEqual(process.status_of("/livez"), 200, process.name)
            self.assertEqual(process.status_of("/readyz"), 200, process.name)

    def test_version(self):
        """/version is JSON with the version the binary prints"""
        version = self.expect(self.api.get("/version"), 200).json()["version"]
        said = services.run([services.binary("daybookd"), "--version"]).stdout.decode()
        self.assertIn(version, said)

    def test_metrics(self):
        """every metric of the contract is there after some work, in the text format, and adds up"""
        sku = unique("sku")
        before = self.metrics()
        self.receive(sku, 1_000_000)
        for _ in range(10):
            self.place(sku)
        self.refused(self.api.post("/v1/orders", {}), 422, "validation-failed")
        self.accepted(self.append(unique("note-"), event()))
        after = self.metrics()
        appended = after["daybook_append_events_total"] - before.get(
            "daybook_append_events_total", 0
        )
        self.assertEqual(appended, 22)
        self.assertEqual(after["daybook_log_position"], self.cluster.position())
        ok = 'daybook_commands_total{command="order.place",result="'
        placed = sum(v - before.get(k, 0) for k, v in after.items() if k.startswith(ok))
        self.assertGreaterEqual(placed, 10)

        def lacking():
            self.place(sku)  # what is filled from the log has no time at which it became visible
            merged = self.metrics(self.others[0]) | self.metrics(self.others[1]) | self.metrics()
            return set(METRICS) - {re.sub(r"\{.*", "", name) for name in merged}

        self.eventually(lambda: not lacking(), f"all of {METRICS}", 60)

    def test_no_ids_in_labels(self):
        """labels carry no ids: 200 streams and orders are in none, and make no series of their own"""
        ids = [unique() for _ in range(200)]
        count = len(self.metrics())
        for name in ids:
            self.accepted(self.append(f"note-{name}", event()))
            self.refused(self.api.get(f"/v1/orders/{name}"), 404, "not-found")
        series = self.metrics()
        self.assertEqual([s for s in series if any(name in s for name in ids)], [])
        self.assertLess(len(series) - count, len(ids))

    def test_status_shows_all_processes(self):
        """/admin/v1/status lists every process with its roles, from whichever is asked"""

        def instances(process):
            answer = self.expect(process.client().get("/admin/v1/status"), 200)
            return {p["instance"] for p in answer.json()["processes"]}

        wanted = {"all", "pub-2", "proj-2", "api-2"}
        for process in (self.all, self.others[2]):
            self.eventually(lambda p=process: wanted <= instances(p), "all processes are in status")

    def test_status_of_projections_and_publisher(self):
        """status gives each projection's state and lag, and the publisher's position"""

        def states():
            status = self.expect(self.api.get("/admin/v1/status"), 200).json()
            return {p["name"]: p["state"] for p in status["projections"]}

        self.assertEqual(set(states()), {"orders", "stock", "customers"})
        self.eventually(lambda: set(states().values()) == {"running"}, "all run", 60)
        self.cluster.wait_caught_up(self.api)
        publisher = self.expect(self.api.get("/admin/v1/publisher"), 200).json()
        self.assertEqual(publisher["position"], self.cluster.position())

    def test_public_bind_without_authentication(self):
        """a public bind without authentication refuses to start and prints the line to add"""
        port = self.all.port
        env = self.cluster.env(http__listen=f"0.0.0.0:{port}")
        done = subprocess.run(
            [services.binary("daybookd"), "serve"], env=env, capture_output=True, timeout=30
        )
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertRegex(done.stderr.decode(), r"http\.|\[http\]|DAYBOOK_HTTP")


class Configuration(SystemTest):
    @classmethod
    def start(cls):
        pass

    def daybookd(self, *arguments, **settings):
        env = self.cluster.env(**settings)
        done = subprocess.run(
            [services.binary("daybookd"), *arguments],
            env=env,
            capture_output=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_all_faults_at_once(self):
        """config check tells all faults at once and exits 78"""
        code, out, err = self.daybookd(
            "config",
            "check",
            http__header_timeout="5",
            eventlog__queue_commands_max="0",
            publisher__partitons="6",
            logging__level="loud",
        )
        self.assertEqual(code, 78, out + err)
        for fault in ("header_timeout", "queue_commands_max", "partitons", "partitions", "loud"):
            self.assertIn(fault.lower(), (out + err).lower())

    def test_serve_refuses_a_bad_configuration(self):
        """serve with a bad configuration exits 78 and starts nothing"""
        code, _, err = self.daybookd("serve", http__threads="many")
        self.assertEqual(code, 78, err)

    def test_exactly_once_is_not_negotiable(self):
        """Kafka properties that exactly-once rests on are refused with the reason"""
        code, out, err = self.daybookd("config", "check", kafka__enable__idempotence="false")
        self.assertEqual(code, 78, out + err)

    def test_secrets_are_masked(self):
        """config print shows values and sources, and never a password"""
        url = "postgresql://daybook:hunter2@127.0.0.1/daybook"
        code, out, err = self.daybookd("config", "print", postgres__url=url)
        self.assertEqual(code, 0, err)
        self.assertNotIn("hunter2", out + err)
        self.assertRegex(out, r"\[publisher\][^\[]*\npartitions = \"6\" # environment ")

    def test_usage(self):
        """an unknown verb is exit 2 with the nearest one; --help exits 0"""
        code, _, err = self.daybookd("migrat", "up")
        self.assertEqual((code, "migrate" in err), (2, True), err)
        code, out, _ = self.daybookd("--help")
        self.assertEqual((code, "migrate" in out), (0, True))

    def test_old_schema_is_refused(self):
        """serve on an empty database refuses and names the command; migrate status tells"""
        empty = Cluster()
        self.addCleanup(empty.close)
        env = empty.env(http__listen="127.0.0.1:0")
        done = subprocess.run(
            [services.binary("daybookd"), "serve"], env=env, capture_output=True, timeout=30
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("daybookd migrate up", (done.stderr + done.stdout).decode())
        code, out, _ = self.daybookd("migrate", "status")
        self.assertEqual(code, 0, out)
        code, out, _ = self.daybookd("migrate", "up")
        self.assertEqual(code, 0, "a second run changes nothing")


if __name__ == "__main__":
    main()
