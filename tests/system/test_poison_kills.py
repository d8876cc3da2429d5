#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""10 kills of projectors while they park, announce, redrive, discard, rebuild and activate.

See poison_kill_run.py, which does any number.
"""
import sys

import poison_kill_run

if __name__ == "__main__":
    sys.exit(poison_kill_run.main(["--kills", "10"]))
