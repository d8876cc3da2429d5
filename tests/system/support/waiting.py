# SPDX-License-Identifier: Apache-2.0
"""Waiting for conditions, never for time.

A test that sleeps is either slow or wrong. eventually() asks again and again, with a short pause
between two questions, until the answer is true or the deadline is over.
"""
import threading
import time

PAUSE_S = 0.02


class Deadline(Exception):
    """A condition did not come true in its time."""


def eventually(condition, what, deadline_s=30.0, pause_s=PAUSE_S):
    """Returns the first true value of condition(); raises Deadline with the last false one."""
    never = threading.Event()
    ends = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= ends:
            raise Deadline(f"not within {deadline_s:g} s: {what} (last answer: {value!r})")
        never.wait(pause_s)
