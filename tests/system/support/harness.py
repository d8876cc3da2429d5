# SPDX-License-Identifier: Apache-2.0
"""The product's processes, started, watched, killed and restarted as an operator would.

A Cluster is one installation: a database and a topic prefix of its own, and daybookd processes by
name. Their output goes to one file a process, shown when a test fails.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid

from . import services
from .client import Client, Disconnected
from .waiting import eventually

START_S = 30.0
STOP_S = 10.0
CAUGHT_UP_S = 60.0
RESTARTED_S = 240.0  # after a restart of Kafka: its groups and transactions come back one by one


def free_port():
    """A port nobody listens on now. The kernel does not hand it out again soon."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One daybookd. Its name is the instance's name, so that a restart is the same instance."""

    def __init__(self, name, arguments, env, log_path, port):
        self.name = name
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log_path = log_path
        self._arguments = arguments
        self._env = env
        self._popen = None

    def wrap(self, command):
        """Runs it by another command, as taskset."""
        self._arguments = [*command, *self._arguments]
        return self

    def with_env(self, **variables):
        """Variables of its environment beside its settings."""
        self._env.update(variables)
        return self

    def start(self):
        assert self._popen is None or self._popen.poll() is not None
        with open(self.log_path, "ab") as log:
            self._popen = subprocess.Popen(
                self._arguments, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    @property
    def pid(self):
        return self._popen.pid

    def running(self):
        return self._popen is not None and self._popen.poll() is None

    def exit_status(self):
        return self._popen.poll()

    def client(self, timeout_s=30.0):
        return Client(self.url, timeout_s)

    def status_of(self, path):
        """The HTTP status of a plumbing route, or None when nobody answers."""
        client = self.client(5.0)
        try:
            return client.get(path).status
        except Disconnected:
            return None
        finally:
            client.close()

    def is_ready(self):
        if not self.running():
            raise RuntimeError(f"{self.name} ended ({self.exit_status()}):\n{self.log_tail()}")
        return self.status_of("/readyz") == 200

    def wait_ready(self, deadline_s=START_S):
        eventually(self.is_ready, f"{self.name} is ready at {self.url}", deadline_s)
        return self

    def kill(self):
        self._popen.send_signal(signal.SIGKILL)
        self._popen.wait()

    def signal(self, number):
        self._popen.send_signal(number)

    def wait_end(self, deadline_s=STOP_S):
        """Its exit status; raises TimeoutExpired when it does not end."""
        return self._popen.wait(deadline_s)

    def terminate(self, deadline_s=STOP_S):
        self.signal(signal.SIGTERM)
        return self.wait_end(deadline_s)

    def log_tail(self, lines=40):
        text = pathlib.Path(self.log_path).read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0


class Cluster:
    """One installation with a database and a topic prefix of its own."""

    def __init__(self, **settings):
        """SETTINGS are configuration keys with __ for the dot: publisher__partitions=6."""
        self.directory = tempfile.mkdtemp(prefix="daybook-system-")
        self.database = services.Database.create()
        self.prefix = f"t{uuid.uuid4().hex[:10]}"
        self.processes = {}
        self._settings = {
            "postgres.url": self.database.url,
            "kafka.bootstrap.servers": services.brokers(),
            "eventlog.prefix": self.prefix,
            "publisher.partitions": "6",
        }
        self._settings.update(spell_keys(settings))

    def env(self, **settings):
        """The environment of a process of this installation."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("DAYBOOK_")}
        for key, value in {**self._settings, **spell_keys(settings)}.items():
            env["DAYBOOK_" + key.upper().replace(".", "_").replace("-", "_")] = str(value)
        return env

    def migrate(self):
        services.run([services.binary("daybookd"), "migrate", "up"], env=self.env())
        return self

    def add(self, name, *verb, port=None, **settings):
        """Defines a process without starting it. VERB: e.g. "serve", "--roles", "api"."""
        port = port or free_port()
        settings = {"http__listen": f"127.0.0.1:{port}", "instance__name": name, **settings}
        log_path = os.path.join(self.directory, f"{name}.log")
        arguments = [services.binary("daybookd"), *verb]
        process = Process(name, arguments, self.env(**settings), log_path, port)
        self.processes[name] = process
        return process

    def serve(self, name="all", roles=None, **settings):
        """Starts `daybookd serve` and waits until it is ready."""
        verb = ["serve"] + (["--roles", roles] if roles else [])
        return self.add(name, *verb, **settings).start().wait_ready()

    def position(self):
        return int(self.database.value("SELECT position FROM log_head"))

    def wait_caught_up(self, client, deadline_s=CAUGHT_UP_S):
        """Waits until every read model holds all that is in the log now."""
        head = self.position()
        eventually(
            lambda: min(read_positions(client)) >= head,
            f"read models at position {head}",
            deadline_s,
        )
        return head

    def close(self):
        for process in self.processes.values():
            if process.running():
                process.kill()
        self.database.drop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_tails(self, lines=40):
        return "\n".join(f"--- {p.name}\n{p.log_tail(lines)}" for p in self.processes.values())


def read_positions(client):
    """How far each read model is, as its own queries say; -1 for one that does not answer."""
    routes = ["/v1/orders?limit=1", "/v1/stock?limit=1", "/v1/customers/nobody/summary"]
    positions = []
    for route in routes:
        try:
            answer = client.get(route)
            positions.append(int(answer.headers.get("daybook-read-position", -1)))
        except Disconnected:
            positions.append(-1)
    return positions


def spell_keys(settings):
    return {key.replace("__", "."): value for key, value in settings.items()}
