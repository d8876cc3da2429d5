#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""10,000 events, 100 of them poison, PostgreSQL not away; see poison_run.py, which does any number."""
import sys

import poison_run

if __name__ == "__main__":
    few = ["--events", "10000", "--poison", "100", "--away", "0"]
    sys.exit(poison_run.main([*few, "--pause", "0.3", "--thrown", "0.05"]))
