# SPDX-License-Identifier: Apache-2.0
"""The whole log of one database, read with psql."""
import json

QUERY = """
    SELECT e.position, s.tenant, s.name, e.version, e.type, e.id, e.data, e.metadata,
           (extract(epoch FROM e.recorded_at) * 1000000)::bigint, e.correlation_id,
           (extract(epoch FROM e.occurred_at) * 1000000)::bigint
      FROM events e JOIN streams s ON s.id = e.stream_id
     ORDER BY e.position
"""


class Event:
    __slots__ = (
        "position",
        "tenant",
        "stream",
        "version",
        "type",
        "id",
        "data",
        "metadata",
        "recorded_us",
        "correlation_id",
        "occurred_us",
    )

    def __init__(self, row):
        self.position = int(row[0])
        self.tenant = row[1].decode()
        self.stream = row[2].decode()
        self.version = int(row[3])
        self.type = row[4].decode()
        self.id = row[5].decode()
        self.data = row[6]
        self.metadata = row[7]
        self.recorded_us = int(row[8])
        self.correlation_id = row[9].decode() if row[9] else None
        self.occurred_us = int(row[10])

    @property
    def category(self):
        return self.stream.partition("-")[0]

    @property
    def key(self):
        return f"{self.tenant}/{self.stream}"

    @property
    def topic(self):
        """What its topic is called behind the prefix: each projection's dead letters have their own."""
        return self.stream.replace("-", ".", 1) if self.category == "dlq" else self.category

    def facts(self):
        return json.loads(self.data)

    def __repr__(self):
        return f"{self.position}: {self.stream}@{self.version} {self.type} {self.id}"


class Log:
    def __init__(self, database):
        self.uuid = database.value("SELECT id FROM log_info").decode()
        self.head = int(database.value("SELECT position FROM log_head"))
        self.events = [Event(row) for row in database.rows(QUERY)]
        self.streams = {
            f"{tenant.decode()}/{name.decode()}": (int(version), int(first), int(last))
            for tenant, name, version, first, last in database.rows(
                "SELECT tenant, name, version, first_position, last_position FROM streams"
            )
        }

    def topics(self):
        return sorted({event.topic for event in self.events})
