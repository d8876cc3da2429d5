/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends events inside a transaction of the caller's that has done something else before: the
 * announcement of dead letters, in the projector's. The same rules for streams, versions,
 * positions and categories as the writer's; writers notice by their check under the head lock.
 *
 * Takes the log's head lock: everything else that the transaction locks comes before, and COMMIT
 * right after. Expects nothing of the streams, so it never conflicts.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_EVENTLOG_APPEND_WITHIN_H
#define DAYBOOK_EVENTLOG_APPEND_WITHIN_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/units.h"

struct arena;
struct pg_conn;

enum { APPEND_WITHIN_MAX = 1000 }; /* events at once */

struct within_event {
    struct str tenant;
    struct str stream;
    struct str type;
    struct str data;     /* JSON */
    struct str metadata; /* JSON; data NULL: none */
    int64_t occurred_at_us;
};

/* In order, 1..APPEND_WITHIN_MAX, each at most EVENT_BYTES_MAX. *ret_last: the last one's position.
 */
MUST_CHECK bool append_within(struct pg_conn *conn, const struct within_event *events, size_t count,
                              struct arena *arena, struct position *ret_last, struct error *err);

#endif
