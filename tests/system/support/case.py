# SPDX-License-Identifier: Apache-2.0
"""The base of the system tests: one installation a class, the contract's answers as assertions.

A test's first docstring line is the fact it proves; it is what the run prints.
"""
import sys
import unittest
import uuid

from .harness import Cluster
from .waiting import eventually

RETRYABLE = {
    "idempotency-in-progress",
    "read-not-current",
    "rate-limited",
    "overloaded",
    "dependency-down",
    "outcome-unknown",
}


def unique(stem="x"):
    return f"{stem}{uuid.uuid4().hex[:10]}"


def event(kind="Noted", data=None, **fields):
    """One event of a generic append."""
    return {"type": kind, "data": {"n": 1} if data is None else data, **fields}


class SystemTest(unittest.TestCase):
    SETTINGS = {}
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**cls.SETTINGS)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.migrate()
        cls.start()

    @classmethod
    def start(cls):
        """One daybookd with every role; classes that need others say so here."""
        cls.all = cls.cluster.serve()
        cls.api = cls.all.client()
        cls.addClassCleanup(cls.api.close)

    def expect(self, answer, status):
        self.assertEqual(answer.status, status, answer)
        return answer

    def accepted(self, answer, *statuses):
        """The answer of a command that was carried out: its body; ETag and content type checked."""
        self.assertIn(answer.status, statuses or (200, 201), answer)
        self.assertEqual(answer.headers.get("content-type"), "application/json; charset=utf-8")
        body = answer.json()
        self.assertEqual(answer.headers.get("etag"), f'"{body["version"]}"')
        return body

    def refused(self, answer, status, slug):
        """An RFC 9457 problem with this status and slug; returns it."""
        self.expect(answer, status)
        self.assertEqual(answer.headers.get("content-type"), "application/problem+json")
        problem = answer.json()
        self.assertEqual(problem["type"], f"/docs/errors/{slug}", problem)
        self.assertEqual(problem["status"], status)
        self.assertEqual(problem["retryable"], slug in RETRYABLE, problem)
        for member in ("title", "detail"):
            self.assertIsInstance(problem.get(member), str, problem)
        if status in (429, 503):
            self.assertIn("retry-after", answer.headers)
        return problem

    def invalid(self, answer, *pointers):
        """A 422 whose errors point at exactly these places."""
        problem = self.refused(answer, 422, "validation-failed")
        found = sorted({error["pointer"] for error in problem["errors"]})
        self.assertEqual(found, sorted(pointers), problem)
        return problem

    def unchanged(self):
        """A context: nothing may have been appended to the log when it ends."""
        return _Unchanged(self)

    def receive(self, sku, quantity, **headers):
        answer = self.api.post(f"/v1/stock/{sku}/receive", {"quantity": quantity}, **headers)
        return self.accepted(answer)

    def place(self, sku, quantity=1, price=100, customer="c1", **fields):
        """Places an order of one line; returns its body."""
        return self.accepted(
            self.api.post("/v1/orders", order_of(sku, quantity, price, customer, **fields))
        )

    def act(self, order_id, verb, body=None, **headers):
        return self.api.post(f"/v1/orders/{order_id}/{verb}", body, **headers)

    def order(self, order_id):
        return self.expect(self.api.get(f"/v1/orders/{order_id}"), 200).json()

    def stock(self, sku):
        return self.expect(self.api.get(f"/v1/stock/{sku}"), 200).json()

    def append(self, stream, *events, **headers):
        return self.api.post(f"/v1/streams/{stream}/events", {"events": list(events)}, **headers)

    def eventually(self, condition, what, deadline_s=30.0):
        return eventually(condition, what, deadline_s)


class _Unchanged:
    def __init__(self, case):
        self._case = case

    def __enter__(self):
        self._before = self._case.cluster.position()

    def __exit__(self, kind, value, trace):
        if kind is None:
            self._case.assertEqual(
                self._case.cluster.position(), self._before, "events were written"
            )


def order_of(sku, quantity=1, price=100, customer="c1", **fields):
    line = {"sku": sku, "quantity": quantity, "unit_price_minor": price}
    return {"customer_id": customer, "currency": "EUR", "items": [line], **fields}


class _Result(unittest.TextTestResult):
    """Prints the fact a test proves, and the daemons' last words when it does not."""

    def getDescription(self, test):
        return test.shortDescription() or str(test)

    def _tails(self, test):
        cluster = getattr(test, "cluster", None)
        if cluster is not None:
            self.stream.writeln(cluster.log_tails())

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tails(test)

    def addError(self, test, err):
        super().addError(test, err)
        self._tails(test)


def main():
    """Runs the tests of the calling script; exits 0 when all passed and at least one ran."""
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result)
    program = unittest.main(module="__main__", testRunner=runner, exit=False)
    if program.result.testsRun == 0:
        print("no test ran", file=sys.stderr)
        sys.exit(1)
    sys.exit(0 if program.result.wasSuccessful() else 1)
