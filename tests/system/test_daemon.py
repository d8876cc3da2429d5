#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daybookd as its manager sees it: signals, notifications, exit statuses."""
import json
import pathlib
import signal
import socket
import subprocess
import threading
import time

from support import services
from support.case import SystemTest, event, main
from support.client import Disconnected

FAILED, NOT_ALLOWED = 1, 5


class Daemon(SystemTest):
    @classmethod
    def start(cls):
        pass

    def logged(self, process):
        return [json.loads(line) for line in pathlib.Path(process.log_path).read_text().splitlines()
                if line.startswith("{")]

    def await_logged(self, process, message, count=1):
        def lines():
            found = [line for line in self.logged(process) if line["msg"] == message]
            return found if len(found) >= count else None

        return self.eventually(lines, f"{process.name} logs '{message}'")[-1]


class Reloading(Daemon):
    def test_sighup(self):
        """SIGHUP takes over what can be, names what can not, and a faulty file changes nothing"""
        path = pathlib.Path(self.cluster.directory) / "reload.conf"
        path.write_text("[logging]\nlevel = warn\n[http]\nthreads = 2\n")
        process = self.cluster.add("reloaded", "serve", "--roles", "api", "--config", str(path))
        process.start().wait_ready()
        self.assertEqual({line["level"] for line in self.logged(process)} - {"warn"}, set())

        path.write_text("[logging]\nlevel = info\n[http]\nthreads = 3\n")
        process.signal(signal.SIGHUP)
        self.assertEqual(self.await_logged(process, "configuration loaded again")["level"], "info")
        self.assertEqual(
            self.await_logged(process, "a setting needs a restart")["key"], "http.threads"
        )

        path.write_text("[logging]\nlevel = loud\n")
        process.signal(signal.SIGHUP)
        self.await_logged(process, "the configuration stays as it is: the new one has faults")
        self.assertIn(f"{path}:2: ", process.log_tail())
        client = process.client()
        self.expect(client.get("/livez"), 200)
        self.await_logged(process, "request")  # the level is still info
        self.assertEqual(process.terminate(), 0)


class Notifying(Daemon):
    def listen(self, address):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(30)
        manager.bind(address)
        return manager

    def test_manager(self):
        """READY=1 when it works, STOPPING=1 when it was told to end; at a path and in the abstract"""
        path = f"{self.cluster.directory}/notify"
        for address, spelled in ((path, path), (f"\0{path}", f"@{path}")):
            manager = self.listen(address)
            process = self.cluster.add("notifying", "serve", "--roles", "api")
            process.with_env(NOTIFY_SOCKET=spelled).start()
            self.assertEqual(manager.recv(256), b"READY=1")
            self.assertEqual(process.status_of("/livez"), 200)
            self.accepted(process.client().post(
                "/v1/streams/note-notify/events", {"events": [event()]}))
            process.signal(signal.SIGTERM)
            self.assertEqual(manager.recv(256), b"STOPPING=1")
            self.assertEqual(process.wait_end(), 0)

    def test_not_ready(self):
        """without its database it says nothing but STOPPING=1"""
        path = f"{self.cluster.directory}/silent"
        manager = self.listen(path)
        process = self.cluster.add(
            "silent", "serve", "--roles", "api", postgres__url="postgresql://127.0.0.1:1/x"
        )
        process.with_env(NOTIFY_SOCKET=path).start()
        self.eventually(lambda: process.status_of("/readyz") == 503, "live, not ready")
        process.signal(signal.SIGTERM)
        self.assertEqual(manager.recv(256), b"STOPPING=1")
        self.assertEqual(process.wait_end(), 0)


class Ending(Daemon):
    def held(self):
        """A session that holds the log's head, so that commands wait; closed by closing stdin."""
        holder = subprocess.Popen(
            ["psql", "-XqAt", "-d", self.cluster.database.url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdin.close)
        holder.stdin.write(b"BEGIN; SELECT 'held' FROM log_head FOR UPDATE;\n")
        holder.stdin.flush()
        self.assertEqual(holder.stdout.readline(), b"held\n")
        self.addCleanup(holder.stdout.close)
        return holder

    def ask(self, process, stream):
        """A command in a thread; its answer is in the list, once there is one."""
        answers = []

        def run():
            try:
                answers.append(process.client().post(
                    f"/v1/streams/{stream}/events", {"events": [event()]}))
            except Disconnected:
                answers.append(None)

        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return answers

    def await_waiting(self):
        sql = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
               " AND wait_event_type = 'Lock'")
        self.eventually(lambda: self.cluster.database.value(sql) != "0", "the writer waits")

    def in_flight(self, name, **settings):
        process = self.cluster.serve(name, "api", **settings)
        holder = self.held()
        answers = self.ask(process, f"note-{name}")
        self.await_waiting()
        return process, holder, answers

    def test_sigterm_answers_what_is_in_flight(self):
        """SIGTERM and SIGINT: what is in flight is answered, what is new is not taken, then 0"""
        for number in (signal.SIGTERM, signal.SIGINT):
            process, holder, answers = self.in_flight(f"draining{number}")
            process.signal(number)
            self.await_logged(process, "told to end")
            self.eventually(
                lambda: process.status_of("/livez") is None, "it takes no more connections"
            )
            self.assertEqual(answers, [])
            self.assertTrue(process.running())
            holder.stdin.close()
            self.assertEqual(process.wait_end(), 0, process.log_tail())
            self.eventually(lambda: answers, "the answer")
            self.assertIsNotNone(answers[0], "it was cut off")
            self.expect(answers[0], 201)
            self.assertEqual(answers[0].headers.get("connection"), "close")

    def test_told_twice(self):
        """a second SIGTERM ends it at once, whatever is in flight"""
        process, _, answers = self.in_flight("twice")
        process.signal(signal.SIGTERM)
        self.await_logged(process, "told to end")
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait_end(3.0), -signal.SIGTERM)
        self.eventually(lambda: answers, "its client notices")
        self.assertIsNone(answers[0])

    def test_what_does_not_end(self):
        """a database that holds it up does not keep it from its end within 10 s"""
        process, _, _ = self.in_flight(
            "stuck", eventlog__command_timeout="60s", postgres__statement_timeout="60s"
        )
        began = time.monotonic()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait_end(20.0), FAILED, process.log_tail())
        self.assertLess(time.monotonic() - began, 10.0)
        self.assertIn("did not end in time", process.log_tail())


class Refusing(Daemon):
    def test_address_in_use(self):
        """an address that is taken is 1, and the reason names it"""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            process = self.cluster.add("taken", "serve", "--roles", "api", port=port).start()
            self.assertEqual(process.wait_end(), FAILED)
        self.assertIn(str(port), self.await_logged(process, "daybookd does not start")["error"])

    def test_schemas_that_do_not_fit(self):
        """an empty database, an old schema and a newer one are 1 and name what to do"""
        empty = services.Database.create()
        self.addCleanup(empty.drop)
        ours = self.cluster.database
        ours.execute("CREATE TABLE kept AS SELECT * FROM schema_migrations")
        for name, database, sql, said in (
            ("empty", empty, "", "daybookd migrate up"),
            ("old", ours, "DELETE FROM schema_migrations WHERE number > 1", "daybookd migrate up"),
            ("newer", ours, "INSERT INTO schema_migrations (number, name, checksum)"
             " SELECT 9999, 'from_the_future', checksum FROM kept WHERE number = 1",
             "'from_the_future'"),
        ):
            with self.subTest(name):
                database.execute(sql)
                process = self.cluster.add(
                    name, "serve", "--roles", "api", postgres__url=database.url
                ).start()
                self.assertEqual(process.wait_end(30.0), FAILED)
                line = self.await_logged(process, "the database does not fit this program")
                self.assertIn(said, line["error"] + line.get("hint", ""))
                ours.execute("DELETE FROM schema_migrations;"
                             "INSERT INTO schema_migrations SELECT * FROM kept")
        self.cluster.serve("restored", "api")

    def test_not_allowed(self):
        """what the server forbids is 5 for the command line"""
        process = self.cluster.serve("forbids", "api")
        done = subprocess.run(
            [services.binary("daybook"), "stream", "append", "order-x", "--type", "T",
             "--data", "{}"],
            env=self.cluster.env() | {"DAYBOOK_URL": process.url},
            stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
        )
        self.assertEqual(done.returncode, NOT_ALLOWED, done.stderr.decode())
        self.assertEqual(done.stdout, b"")
        self.assertEqual(process.terminate(), 0)


if __name__ == "__main__":
    main()
