#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daybookd bench: each stage is measured in an installation; what it says it did is what was done."""
import json
import threading

from support import services
from support.case import SystemTest, main, unique
from support.waiting import eventually

USAGE, NOT_FOUND, CONFLICT, UNAVAILABLE, CONFIGURATION = 2, 3, 4, 6, 78
NOBODY = "postgresql://nobody@127.0.0.1:1/none"


class Bench(SystemTest):
    @classmethod
    def start(cls):
        pass

    def bench(self, *arguments, url=None, check=True):
        """(exit status, figures, standard error)"""
        command = [services.binary("daybookd"), "bench", *arguments, "-o", "json"]
        env = self.cluster.env(**({"postgres__url": url} if url else {}))
        done = services.run(command, check=False, env=env)
        said = done.stderr.decode()
        if check:
            self.assertEqual((done.returncode, said), (0, ""), arguments)
        return done.returncode, json.loads(done.stdout or b"{}"), said

    def figures(self, *arguments):
        return self.bench(*arguments)[1]

    def append(self, *arguments):
        return self.figures("append", "--yes", "--seconds", "1", *arguments)

    def value(self, query):
        return int(self.cluster.database.value(query))

    def categories(self):
        """{category: events} of the log"""
        rows = self.cluster.database.rows(
            "SELECT category, sum(version) FROM streams WHERE tenant = 'bench' GROUP BY 1"
        )
        return {name.decode(): int(count) for name, count in rows}


class Append(Bench):
    def test_what_is_appended(self):
        """append: the events it counts are in the log, of category bench, so many a write"""
        head, bench = self.cluster.position(), self.categories().get("bench", 0)
        figures = self.append("--outstanding", "16", "--events", "3")
        self.assertEqual(self.cluster.position() - head, figures["events"])
        self.assertEqual(self.categories()["bench"] - bench, figures["events"])
        self.assertGreater(figures["events"], 0)
        self.assertEqual(figures["events"] % 3, 0)
        self.assertAlmostEqual(figures["events_per_second"] / figures["writes_per_second"], 3, 2)
        self.assertTrue(1 <= figures["mean_batch"] <= 16, figures)
        self.assertTrue(0 < figures["p50_ms"] <= figures["p99_ms"], figures)

    def test_orders(self):
        """append --orders, twice: two events an order, on stock received before"""
        for _ in range(2):
            before = self.categories().get("order", 0)
            figures = self.append("--orders", "--outstanding", "64")
            placed = self.categories()["order"] - before
            self.assertEqual(figures["events"], 2 * placed)
            self.assertGreater(placed, 0)

    def test_for_people(self):
        """append: without -o json it is one line"""
        command = [services.binary("daybookd"), "bench", "append", "--yes", "--seconds", "1"]
        line = services.run(command, env=self.cluster.env()).stdout.decode()
        self.assertRegex(
            line,
            r"^\d+ writes/s, \d+ events/s, mean batch [\d.]+, p50 [\d.]+ ms, p99 [\d.]+ ms, "
            r"\d+ events appended\n$",
        )

    def test_without_yes(self):
        """append: without --yes, or asked for what can not be, it is 2 and nothing is appended"""
        before = self.cluster.position()
        code, _, said = self.bench("append", check=False)
        self.assertEqual(code, USAGE)
        self.assertIn("Give --yes", said)
        for wrong in (
            ("--outstanding", "0"),
            ("--seconds", "x"),
            ("--events", "9999"),
            ("--orders", "--events", "2"),
            ("--outstanding", "11", "--eventlog.queue_commands_max", "10")
            + ("--eventlog.batch_commands_max", "10"),
        ):
            code, _, said = self.bench("append", "--yes", *wrong, check=False)
            self.assertEqual(code, USAGE, (wrong, said))
        self.assertEqual(self.cluster.position(), before)

    def test_no_database(self):
        """without a database it is 6, each of them, and a wrong setting is 78"""
        for verb in (("append", "--yes"), ("publish",), ("project", "orders"), ("rebuild", "orders")):
            self.assertEqual(self.bench(*verb, url=NOBODY, check=False)[0], UNAVAILABLE, verb)
            code = self.bench(*verb, "--http.listen", "x", check=False)[0]
            self.assertEqual(code, CONFIGURATION, verb)


class Following(Bench):
    followers = 0

    def follow(self, *arguments):
        """Begins to follow; a function that gives the figures, at its end."""
        found = []
        thread = threading.Thread(target=lambda: found.append(self.figures(*arguments)))
        thread.start()
        self.followers += 1
        eventually(
            lambda: self.value(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'daybookd bench'"
                " AND datname = current_database() AND state = 'idle' AND query LIKE '%cursor%'"
            )
            == self.followers,
            "it has seen where the work stands",
        )

        def end():
            thread.join()
            self.followers -= 1
            return found[0]

        return end

    def test_stages(self):
        """publish, project and rebuild count exactly the events that were waiting"""
        appended = self.append("--orders", "--outstanding", "64")["events"] + 1000
        self.assertEqual(appended, self.cluster.position())

        code, _, said = self.bench("publish", "--timeout", "1", check=False)
        self.assertEqual(code, UNAVAILABLE, said)
        published = self.follow("publish")
        self.cluster.serve(unique("publisher"), roles="publish")
        figures = published()
        self.assertEqual((figures["events"], figures["lag_events"]), (appended, 0))
        self.assertGreater(figures["events_per_second"], 0)
        self.assertEqual(self.figures("publish")["events"], 0)

        of = {"orders": self.categories()["order"], "stock": self.categories()["stock"]}
        projected = {name: self.follow("project", name) for name in of}
        projector = self.cluster.serve(unique("projector"), roles="project")
        for name, events in of.items():
            figures = projected[name]()
            self.assertEqual((figures["events"], figures["lag_events"]), (events, 0), name)
            self.assertGreater(figures["events_per_second"], 0)
            self.assertEqual(self.figures("project", name)["events"], 0)

        self.rebuilt("orders", of["orders"])
        projector.terminate()
        self.nobody_there()

    def rebuilt(self, name, events):
        figures = self.figures("rebuild", name)
        self.assertEqual(figures["events"], events)
        self.assertGreater(figures["events_per_second"], 0)
        self.assertEqual(self.state(name, figures["generation"]), b"dropped")
        kept = self.figures("rebuild", name, "--keep")
        self.assertEqual(self.state(name, kept["generation"]), b"ready")
        code, _, said = self.bench("rebuild", name, check=False)
        self.assertEqual(code, CONFLICT, said)

    def state(self, name, generation):
        return self.cluster.database.value(
            f"SELECT state FROM generations WHERE projection = '{name}'"
            f" AND generation = {generation}"
        )

    def nobody_there(self):
        """A stage that nobody works on is 6, and leaves no job; an unknown name is 3."""
        self.append("--orders")
        self.assertEqual(self.figures("publish")["lag_events"], 0)
        for verb in ("project", "rebuild"):
            code, _, said = self.bench(verb, "stock", "--timeout", "1", check=False)
            self.assertEqual(code, UNAVAILABLE, said)
            self.assertIn("did not move", said)
            self.assertEqual(self.bench(verb, "nothing", check=False)[0], NOT_FOUND)
        jobs = "SELECT count(*) FROM jobs WHERE finished_at IS NULL AND cancel_requested_by IS NULL"
        self.assertEqual(self.value(jobs), 0)


if __name__ == "__main__":
    main()
