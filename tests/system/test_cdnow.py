#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/cdnow, whole and twice: a real shop's figures to the cent, and the topics behind them."""
import subprocess

from support import services
from support.case import SystemTest, main
from support.checker import Report, check_positions, check_topics, check_versions
from support.log import Log


class Cdnow(SystemTest):
    def test_the_whole_file_twice(self):
        """69,659 orders from 64 connections, every figure by HTTP; again with the same keys: no change"""
        example = str(services.ROOT / "examples" / "cdnow" / "run")
        done = subprocess.run(
            [example, "--url", self.all.url, "--twice"],
            timeout=1200,
            stdout=subprocess.PIPE,
            text=True,
        )
        print("\n" + done.stdout)
        self.assertEqual(done.returncode, 0)
        report = Report()
        log = Log(self.cluster.database)
        check_positions(log, report)
        check_versions(log, report)
        check_topics(log, self.cluster.prefix, report)
        print(report.text())
        self.assertEqual(report.faults, [])
        self.assertEqual(log.head, 2 * 69659 + 1)


if __name__ == "__main__":
    main()
