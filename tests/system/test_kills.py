#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""10 kills of each role and 2 of each service; see kill_run.py, which does any number.

Runs alone: it kills the services that all tests share.
"""
import sys

import kill_run

if __name__ == "__main__":
    sys.exit(kill_run.main(["--kills", "30", "--service-kills", "2"]))
