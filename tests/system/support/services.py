# SPDX-License-Identifier: Apache-2.0
"""The private PostgreSQL and Kafka of a test run, and the outside tools that look at them.

scripts/test-services starts both and describes them in the environment; without that a test says
what is missing and fails. Everything is read with psql and kcat: nothing of the product's.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import uuid
from urllib.parse import urlsplit, urlunsplit

from .waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
COMMAND_S = 120

# What a record is printed as: the lengths first, so that any byte may stand in key and value.
RECORD_FORMAT = r"%p %o %K %S\n%h\n%k%s\n"


def environment(name):
    value = os.environ.get(name)
    if not value:
        raise SystemExit(f"{name} is not set: run this under scripts/test-services")
    return value


def binary(name):
    directory = os.environ.get("DAYBOOK_BUILD", str(ROOT / "build" / "release"))
    return str(pathlib.Path(directory) / name)


def run(arguments, stdin=b"", check=True, timeout_s=COMMAND_S, env=None):
    """Runs a program to its end; a failure carries what it said on stderr."""
    done = subprocess.run(
        arguments, input=stdin, capture_output=True, timeout=timeout_s, env=env, check=False
    )
    if check and done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{arguments[0]} exited {done.returncode}: {said}")
    return done


def control(action, service):
    """stop, kill, start, freeze or thaw one of: postgres, kafka. A killed Kafka has its logs to look through."""
    run([environment("DAYBOOK_TEST_CONTROL"), action, service], timeout_s=180)


def brokers():
    return environment("DAYBOOK_TEST_KAFKA_BROKERS")


class Database:
    """One database, through psql."""

    def __init__(self, url):
        self.url = url

    @classmethod
    def create(cls):
        """A new, empty database beside the one the environment names."""
        server = environment("DAYBOOK_TEST_DATABASE_URL")
        name = f"system_{uuid.uuid4().hex[:12]}"
        cls(server).execute(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'")
        parts = urlsplit(server)
        return cls(urlunsplit(parts._replace(path=f"/{name}")))

    def name(self):
        return urlsplit(self.url).path[1:]

    def drop(self):
        server = Database(environment("DAYBOOK_TEST_DATABASE_URL"))
        server.execute(f'DROP DATABASE IF EXISTS "{self.name()}" WITH (FORCE)')

    def execute(self, sql):
        return run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql]).stdout

    @contextlib.contextmanager
    def locked(self, table):
        """A context: nobody can read TABLE."""
        with subprocess.Popen(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as psql:
            psql.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'locked';\n".encode())
            psql.stdin.flush()
            assert psql.stdout.readline() == b"locked\n"
            yield
            psql.stdin.close()

    def rows(self, query):
        """The rows of a query as tuples of bytes; NULL is None. Values come byte for byte."""
        output = self.execute(f"COPY ({query}) TO STDOUT")
        return [tuple(map(_copy_value, line.split(b"\t"))) for line in output.split(b"\n")[:-1]]

    def value(self, query):
        rows = self.rows(query)
        return rows[0][0] if rows else None


_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def _copy_value(field):
    """Undoes the escapes of COPY's text format."""
    if field == b"\\N":
        return None
    if b"\\" not in field:
        return field
    parts = field.split(b"\\")
    out = [parts[0]]
    index = 1
    while index < len(parts):
        part = parts[index]
        if part == b"":  # an escaped backslash: the next part is plain text
            out.append(b"\\")
            index += 1
            out.append(parts[index])
        else:
            out.append(_ESCAPES.get(part[:1], part[:1]) + part[1:])
        index += 1
    return b"".join(out)


class Record:
    """One Kafka record as a read_committed reader sees it."""

    __slots__ = ("topic", "partition", "offset", "key", "value", "headers")

    def __init__(self, topic, partition, offset, key, value, headers):
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.key = key
        self.value = value
        self.headers = headers


def topic_partitions(prefix="", at=None):
    """{topic: partition count} of all topics whose names begin with PREFIX."""
    listed = run(["kcat", "-b", at or brokers(), "-L", "-J", "-m", "20"]).stdout
    topics = json.loads(listed)["topics"]
    return {t["topic"]: len(t["partitions"]) for t in topics if t["topic"].startswith(prefix)}


def read_topic(topic, at=None):
    """All committed records of a topic, in the order kcat gives them."""
    arguments = ["kcat", "-b", at or brokers(), "-C", "-t", topic, "-e", "-q", "-o", "beginning"]
    arguments += ["-X", "isolation.level=read_committed", "-f", RECORD_FORMAT]
    return list(_parse_records(topic, run(arguments, timeout_s=300).stdout))


def recreate_topic(topic, partitions):
    """Deletes a topic and makes it anew, empty, with Kafka's own tool."""
    jars = os.path.join(environment("DAYBOOK_TEST_KAFKA_HOME"), "*")
    tool = ["java", "-Xmx256m", "-cp", jars, "org.apache.kafka.tools.TopicCommand"]
    tool += ["--bootstrap-server", brokers(), "--topic", topic]
    run([*tool, "--delete"])
    # The broker forgets the old one a moment later.
    eventually(
        lambda: run(
            [*tool, "--create", "--partitions", str(partitions)], check=False
        ).returncode
        == 0,
        f"topic {topic} is made anew",
    )


def _parse_records(topic, output):
    at = 0
    while at < len(output):
        line_end = output.index(b"\n", at)
        partition, offset, key_len, value_len = map(int, output[at:line_end].split(b" "))
        headers_end = output.index(b"\n", line_end + 1)
        headers = _parse_headers(output[line_end + 1 : headers_end].decode("utf-8"))
        at = headers_end + 1
        key = output[at : at + max(0, key_len)]
        at += max(0, key_len)
        value = output[at : at + max(0, value_len)]
        at += max(0, value_len) + 1
        yield Record(topic, partition, offset, key, value, headers)


def _parse_headers(text):
    """kcat prints n=v,n=v; a part without a header's name continues the value before it."""
    headers = {}
    name = None
    for part in text.split(","):
        candidate, equals, value = part.partition("=")
        known = candidate.startswith(("ce_", "__dlq")) or candidate in (
            "traceparent",
            "content-type",
        )
        if equals and known:
            name = candidate
            headers[name] = value
        elif name is not None:
            headers[name] += "," + part
    return headers
