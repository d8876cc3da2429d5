#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""daybook, the operator's command line: order, stock, status, with -o json and exit codes."""
import json
import os
import subprocess

from support import services
from support.case import SystemTest, event, main, unique
from support.harness import free_port


class CommandLine(SystemTest):
    def daybook(self, *arguments, url=None):
        env = {**os.environ, "DAYBOOK_URL": url or self.all.url}
        done = subprocess.run(
            [services.binary("daybook"), *arguments],
            env=env,
            capture_output=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def succeeds(self, *arguments):
        code, out, err = self.daybook(*arguments)
        self.assertEqual(code, 0, (arguments, out, err))
        return out

    def as_json(self, *arguments):
        return json.loads(self.succeeds(*arguments, "-o", "json"))

    def fails(self, code, *arguments, url=None):
        found, out, err = self.daybook(*arguments, url=url)
        self.assertEqual(found, code, (arguments, out, err))
        self.assertEqual(out, "")
        self.assertNotEqual(err, "")
        return err

    def placed(self, sku, quantity=2, price=100):
        return self.as_json(
            "order",
            "place",
            "--customer",
            "c1",
            "--currency",
            "EUR",
            "--item",
            f"{sku}:{quantity}:{price}",
        )

    def test_stream_tail(self):
        """stream tail prints what comes, and goes on where it was when the service comes back"""
        stream = unique("note-")
        for n in range(3):
            self.append(stream, event(data={"n": n}))
        lines = self.succeeds("stream", "tail", stream, "--from", "2", "--once").splitlines()
        self.assertEqual([line.split("\t")[1] for line in lines], ["2", "3"])
        self.assertEqual(lines[1].split("\t")[2:4], [stream, "Noted"])
        self.assertEqual(json.loads(lines[1].split("\t")[5]), {"n": 2})
        out = self.succeeds("stream", "tail", "--from", "1", "--once", "-o", "json", "--type", "Noted")
        events = [json.loads(line) for line in out.splitlines()]
        mine = [e["data"] for e in events if e["subject"] == stream]
        self.assertEqual(mine, [{"n": 0}, {"n": 1}, {"n": 2}])
        self.fails(3, "stream", "tail", unique("note-"))
        self.fails(2, "stream", "tail", stream, "--from", "99")
        self.fails(2, "stream", "tail", stream, "--from", "x")
        self.eventually(lambda: self.has_subscribers(0), "the tails of before are gone")
        arguments = ["stream", "tail", stream, "--count", "3", "-o", "json"]
        tail = subprocess.Popen(
            [services.binary("daybook"), *arguments],
            env={**os.environ, "DAYBOOK_URL": self.all.url},
            stdout=subprocess.PIPE,
        )
        self.addCleanup(tail.kill)
        self.eventually(lambda: self.has_subscribers(1), "it follows")
        self.append(stream, event(data={"n": 3}))
        got = [json.loads(tail.stdout.readline())["data"]]
        self.assertEqual(self.all.terminate(), 0)
        self.api.close()
        self.all.start().wait_ready()
        self.append(stream, event(data={"n": 4}))
        self.append(stream, event(data={"n": 5}))
        got += [json.loads(line)["data"] for line in tail.stdout]
        self.assertEqual(got, [{"n": 3}, {"n": 4}, {"n": 5}])
        self.assertEqual(tail.wait(10), 0)
        tail.stdout.close()

    def has_subscribers(self, count):
        return b"daybook_subscribers %d\n" % count in self.api.get("/metrics").body

    def test_stock(self):
        """stock receive and show"""
        sku = unique("sku")
        self.as_json("stock", "receive", sku, "12")
        stock = self.as_json("stock", "show", sku)
        self.assertEqual((stock["on_hand"], stock["available"]), (12, 12))

    def test_order_life(self):
        """order place, show, pay, ship, ls, cancel"""
        sku = unique("sku")
        self.succeeds("stock", "receive", sku, "10")
        order_id = self.placed(sku)["order_id"]
        self.assertEqual(self.as_json("order", "show", order_id)["status"], "placed")
        self.succeeds("order", "pay", order_id, "200")
        self.succeeds("order", "ship", order_id)
        self.assertEqual(self.as_json("order", "show", order_id)["status"], "shipped")
        other = self.placed(sku)["order_id"]
        self.succeeds("order", "cancel", other)
        self.cluster.wait_caught_up(self.api)
        listed = self.as_json("order", "ls", "--customer", "c1")
        items = listed["items"] if isinstance(listed, dict) else listed
        self.assertTrue({order_id, other} <= {item["order_id"] for item in items})

    def test_return_and_refund(self):
        """order deliver, return, refund; a refund beyond what was paid is a conflict"""
        sku = unique("sku")
        self.succeeds("stock", "receive", sku, "2")
        order_id = self.placed(sku)["order_id"]
        self.succeeds("order", "pay", order_id, "200")
        self.succeeds("order", "ship", order_id)
        self.succeeds("order", "deliver", order_id)
        self.succeeds("order", "return", order_id, "--reason", "torn")
        self.succeeds("order", "refund", order_id, "150", "--reason", "torn")
        self.fails(4, "order", "refund", order_id, "51")
        self.fails(2, "order", "refund", order_id, "-1")
        order = self.as_json("order", "show", order_id)
        self.assertEqual((order["status"], order["refunded_minor"]), ("returned", 150))

    def test_time_travel(self):
        """order show and stock show as of a version or a time, order history"""
        sku = unique("sku")
        self.succeeds("stock", "receive", sku, "5")
        order_id = self.placed(sku)["order_id"]
        self.succeeds("order", "pay", order_id, "200")
        then = self.as_json("order", "show", order_id, "--at-version", "1")
        self.assertEqual((then["status"], then["version"]), ("placed", 1))
        again = self.as_json("order", "show", order_id, "--at", then["updated_at"])
        self.assertEqual(again, then)
        stock = self.as_json("stock", "show", sku, "--at-version", "1")
        self.assertEqual((stock["on_hand"], stock["reserved"]), (5, 0))
        self.fails(3, "order", "show", order_id, "--at", "2001-01-01T00:00:00Z")
        lines = [line.split("\t") for line in self.succeeds("order", "history", order_id).splitlines()]
        self.assertEqual([(l[0], l[2]) for l in lines], [("1", "OrderPlaced"), ("2", "OrderPaid")])
        self.assertEqual(lines[1][3], "2.00 EUR were paid")
        self.assertEqual(self.as_json("order", "history", order_id)[1]["version"], 2)
        self.fails(3, "order", "history", "nobody")

    def test_dry_run(self):
        """--dry-run shows the events a command would append, and changes nothing"""
        sku = unique("sku")
        self.succeeds("stock", "receive", sku, "2")
        place = ("order", "place", "--customer", "c1", "--currency", "EUR", "--item", f"{sku}:2:5")
        self.assertEqual(
            [line.split("\t")[2] for line in self.succeeds(*place, "--dry-run").splitlines()],
            ["OrderPlaced", "StockReserved"],
        )
        self.assertIs(self.as_json("stock", "receive", sku, "1", "--dry-run")["dry_run"], True)
        self.assertEqual(self.as_json("stock", "show", sku)["available"], 2)
        self.fails(4, "stock", "adjust", sku, "-3", "--reason", "lost", "--dry-run")

    def test_piped_output_is_tab_separated(self):
        """without a terminal the table is tab-separated lines"""
        sku = unique("sku")
        self.succeeds("stock", "receive", sku, "3")
        self.assertIn("\t", self.succeeds("stock", "show", sku))

    def test_status(self):
        """status names the processes"""
        self.eventually(lambda: "all" in self.succeeds("status"), "status shows this process")
        self.assertIn("processes", self.as_json("status"))

    def test_exit_codes(self):
        """2 usage, 3 not found, 4 conflict, 6 unavailable; stdout stays empty"""
        sku = unique("sku")
        self.fails(2, "order", "plaice")
        self.fails(2, "order", "show")
        self.fails(2, "stock", "receive", sku, "many")
        self.fails(2, "order", "show", "x", "--nonsense")
        self.fails(3, "order", "show", "nobody")
        self.succeeds("stock", "receive", sku, "1")
        self.fails(
            4, "order", "place", "--customer", "c1", "--currency", "EUR", "--item", f"{sku}:2:100"
        )
        order_id = self.placed(sku, 1)["order_id"]
        self.fails(4, "order", "pay", order_id, "7")
        self.fails(6, "order", "show", "x", url=f"http://127.0.0.1:{free_port()}")

    def test_nearest_verb(self):
        """a typo is answered with the nearest verb"""
        self.assertIn("place", self.fails(2, "order", "plaice"))
        self.assertIn("order", self.fails(2, "odrer", "show", "x"))


if __name__ == "__main__":
    main()
