/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a projection's live table by column matches, in the order of one column, from a keyset
 * on. Values are bound, never written into the statement; column names must be declared (asserted).
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_SELECT_H
#define DAYBOOK_PROJECTION_SELECT_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "projection/fold.h"

struct arena;
struct live_tables;
struct pg_conn;

enum { ROW_MATCHES_MAX = 8, ROW_LIMIT_MAX = 1000 };

enum row_match_op {
    ROW_EQUAL,
    ROW_NOT_EQUAL,
    ROW_NOT_NULL, /* no value */
    ROW_AT_LEAST,
    ROW_BELOW,
};

struct row_match {
    const char *column; /* declared, or "stream" or "version" by stream */
    enum row_match_op op;
    struct value value; /* str for TEXT and "stream", i64 else; not of JSON or SUM */
};

/* The last row of a page. */
struct row_key {
    struct value value; /* of the ordering column; may be null */
    struct str stream;
};

struct row_query {
    struct str tenant;
    struct row_match matches[ROW_MATCHES_MAX];
    size_t matches_count;
    /* By stream: a declared column, rows without a value last, equal ones by stream in the same
     * direction; NULL: by stream. Roll-up: NULL, by key. */
    const char *order_by;
    bool descending;
    const struct row_key *after; /* NULL: from the first; by stream only */
    size_t limit;                /* 1..ROW_LIMIT_MAX */
};

/* *ret_rows live in ARENA. No rows while the table is not made. May run inside a transaction. */
MUST_CHECK bool rows_select(struct pg_conn *conn, struct live_tables *live,
                            const struct projection *projection, const struct row_query *query,
                            struct arena *arena, struct row **ret_rows, size_t *ret_count,
                            struct error *err);

#endif
