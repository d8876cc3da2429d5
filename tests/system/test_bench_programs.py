#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/: the open loop hides no stall, and a run ends in a table with limits, figures and ratios."""
import http.server
import json
import subprocess
import tempfile
import threading
import time
import unittest

from support import services
from support.case import main

RATE, SECONDS, STALL_S = 200, 2, 0.4


class Answers(http.server.BaseHTTPRequestHandler):
    """201 with a position; the 100th request of a server waits, and all behind it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet: else the other side's delayed ACK counts

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((self.path, body))
        count = len(self.server.bodies)
        if count == 100:
            threading.Event().wait(self.server.stall_s)
        status = self.server.statuses.get(count, 201)
        answer = b'{"events":[{"type":"Other","position":1},{"type":"Wanted","position":%d}]}' % count
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


class OpenLoop(unittest.TestCase):
    def run_against(self, stall_s=0.0, statuses=(), rate=RATE, **settings):
        """(figures, what the server saw)"""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        server.stall_s, server.statuses, server.bodies = stall_s, dict(statuses), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [services.binary("bench/openloop"), "--port", str(server.server_port)]
        command += ["--method", "POST", "--rate", str(rate), "--seconds", str(SECONDS)]
        settings = {"connections": 1, "path": "/{n}", "body": "{sku} {customer}", **settings}
        for name, value in settings.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        try:
            return json.loads(services.run(command).stdout), server.bodies
        finally:
            server.shutdown()
            server.server_close()

    def test_stall(self):
        """one answer that is late makes all late that were due meanwhile: no coordinated omission"""
        figures, _ = self.run_against(STALL_S)
        self.assertEqual(figures["good"]["count"], RATE * SECONDS)
        # A closed loop would have one slow request of 400, and a fast p99.
        self.assertGreater(figures["good"]["p99_ms"], 1e3 * STALL_S / 2)

    def test_all_are_sent(self):
        """each request is sent once, with its number, and answers are counted by status"""
        figures, bodies = self.run_against(statuses={5: 503, 6: 429, 7: 409})
        self.assertEqual(figures["status"], {"201": 397, "409": 1, "429": 1, "503": 1})
        self.assertEqual((figures["good"]["count"], figures["refused"]["count"]), (397, 2))
        self.assertEqual([path for path, _ in bodies], [f"/{n}" for n in range(1, 401)])
        for _, body in bodies:
            self.assertRegex(body, rb"^sku\d+ customer\d+$")

    def test_give_up(self):
        """what is due too long is not sent, and told"""
        figures, bodies = self.run_against(STALL_S, give_up=50)
        self.assertGreater(figures["not_sent"], 0)
        self.assertEqual(figures["not_sent"] + len(bodies), figures["planned"])
        self.assertEqual(sum(second["not_sent"] for second in figures["series"]), figures["not_sent"])

    def test_phases(self):
        """a second phase follows at its own rate"""
        figures, bodies = self.run_against(then_rate=50, then_seconds=1, connections=8)
        self.assertEqual(len(bodies), RATE * SECONDS + 50)
        self.assertEqual([second["good"] for second in figures["series"]], [RATE, RATE, 50])

    def test_acks(self):
        """each success leaves the position of the event asked for, and when"""
        with tempfile.NamedTemporaryFile("r") as acks:
            before = int(1e6 * time.monotonic())
            self.run_against(acks=acks.name, event="Wanted")
            rows = [tuple(map(int, line.split())) for line in acks]
        self.assertEqual([position for position, _ in rows], list(range(1, RATE * SECONDS + 1)))
        self.assertTrue(all(before < us < before + 60e6 for _, us in rows))


class Run(unittest.TestCase):
    def test_run(self):
        """bench/run measures the limits and what is asked for, into a table and a file"""
        with tempfile.NamedTemporaryFile("r", suffix=".json") as found:
            command = [str(services.ROOT / "bench" / "run"), "--quick", "--json", found.name]
            command += ["--events", "2000", "--only", "start", "log"]
            done = subprocess.run(command, capture_output=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            result = json.load(found)
        names = {"single_rows", "batches", "copy", "read", "plain", "transactions", "http"}
        self.assertEqual(set(result["limits"]), names)
        self.assertTrue(all(limit > 0 for limit in result["limits"].values()), result["limits"])
        rows = {row["work"].split(",")[0]: row for row in result["rows"]}
        log = rows["the log as NDJSON to one client"]
        self.assertAlmostEqual(log["ratio"], log["figure"] / result["limits"]["read"], 2)
        self.assertEqual(log["goal"], 300000)
        self.assertIn(log["work"], done.stdout.decode())


if __name__ == "__main__":
    main()
