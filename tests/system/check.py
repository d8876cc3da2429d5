#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the invariants of an installation from outside; exits 1 when one does not hold.

ACKNOWLEDGED is a file of JSON lines, one a command: {"correlation_id", "status", "events"}.
"""
import argparse
import json
import sys

from support.checker import check_all
from support.client import Client
from support.services import Database


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--prefix", default="daybook")
    parser.add_argument("--url", help="of a serve process: its read models are checked too")
    parser.add_argument("--acknowledged", help="JSON lines of commands and their outcomes")
    parser.add_argument(
        "--lost-up-to",
        type=int,
        default=0,
        metavar="POSITION",
        help="accepted as lost in Kafka up to here: topics need not hold it",
    )
    options = parser.parse_args()
    acknowledged = None
    if options.acknowledged:
        with open(options.acknowledged, encoding="utf-8") as lines:
            acknowledged = [json.loads(line) for line in lines]
    api = Client(options.url) if options.url else None
    report = check_all(
        Database(options.database_url),
        options.prefix,
        acknowledged,
        api,
        options.brokers,
        options.lost_up_to,
    )
    print(report.text())
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
