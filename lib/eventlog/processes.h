/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each process says of itself in the database, so that any of them can tell of all.
 *
 * Whether a process is alive is judged by the database's clock alone: machines' clocks differ.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_EVENTLOG_PROCESSES_H
#define DAYBOOK_EVENTLOG_PROCESSES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct arena;
struct pg_conn;

enum { PROCESS_ALIVE_MS = 10000 }; /* a heartbeat is due every 1 or 2 s */

struct process {
    struct str id;       /* a UUID made at its start */
    struct str instance; /* instance.name: the same after a restart */
    struct str host;
    int32_t pid;
    struct str roles; /* "api,publish" */
    struct str version;
    int64_t started_at_us;
};

/* DETAIL: a JSON object. The first one forgets dead processes of the same instance and roles: this
 * is their successor. */
MUST_CHECK bool process_beat(struct pg_conn *conn, const struct process *process, struct str detail,
                             bool first, struct error *err);
/* At a clean end. */
MUST_CHECK bool process_leave(struct pg_conn *conn, struct str id, struct error *err);

struct process_seen {
    struct process process;
    int64_t heartbeat_at_us;
    int64_t age_ms; /* of the heartbeat, by the database's clock */
    bool alive;
    struct str detail;
};

/* All that are known, by instance and start. Strings live in ARENA. */
MUST_CHECK bool processes_list(struct pg_conn *conn, struct arena *arena, struct process_seen **ret,
                               size_t *ret_count, struct error *err);

#endif
