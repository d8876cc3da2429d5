/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One aggregate's row, never stale: the row and its stream's version come from one statement, and a
 * row that is behind is completed by folding the log's events after its version onto it. Works with
 * Kafka and every projector down, and before the table is made (all from the log then). Likewise as
 * it was: the fold of the log up to a version or a time.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_CURRENT_H
#define DAYBOOK_PROJECTION_CURRENT_H
#include "base/error.h"
#include "eventlog/event.h"
#include "projection/fold.h"

struct arena;
struct live_tables;
struct pg_conn;

enum current_result {
    CURRENT_FOUND,      /* row.version is the stream's, or the one it had then */
    CURRENT_NOT_FOUND,  /* the stream does not exist, or has no such version, or had none then */
    CURRENT_UNREADABLE, /* an event can not be folded: unreadable_*, why */
};

struct current_row {
    enum current_result result;
    struct row row; /* CURRENT_FOUND; strings live in the arena given */
    /* The log's in the snapshot that the row is of; 0: it took more than one statement. */
    struct position head;
    struct version unreadable_version;
    struct str unreadable_event_id;
    struct error why;
};

/* Up to when. */
struct row_moment {
    struct version version; /* 0: no bound */
    bool by_time;
    int64_t recorded_at_us; /* inclusive */
};

/* PROJECTION is by stream and reads the stream's category. */
MUST_CHECK bool row_load_current(struct pg_conn *conn, struct live_tables *live,
                                 const struct projection *projection, struct str tenant,
                                 struct str stream, struct arena *arena, struct current_row *ret,
                                 struct error *err);

/* The same as of MOMENT. What cannot be folded behind it does not matter. */
MUST_CHECK bool row_load_as_of(struct pg_conn *conn, struct live_tables *live,
                               const struct projection *projection, struct str tenant,
                               struct str stream, struct row_moment moment, struct arena *arena,
                               struct current_row *ret, struct error *err);

#endif
