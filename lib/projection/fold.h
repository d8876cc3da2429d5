/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain brings to the read side: a table declared once and a pure fold that fills it.
 *
 * By stream: a row per stream, `fold(row, event)`; the engine adds the columns tenant and stream
 * (the key) and version (the stream's), loads each touched row once a batch, skips what the row
 * has, fills gaps from the log. Roll-up: `deltas(event)` gives numbers to add to keyed rows, so
 * that partitions may touch the same row; the engine adds tenant before the key's columns. SQL:
 * statements over the batch, which do both themselves.
 *
 * Threads: the functions run on any thread, on data of the caller's.
 */
#ifndef DAYBOOK_PROJECTION_FOLD_H
#define DAYBOOK_PROJECTION_FOLD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "eventlog/event.h"
#include "eventlog/upcast.h"

struct arena;

enum column_type {
    COLUMN_TEXT,   /* struct value.str; COLLATE "C" */
    COLUMN_BIGINT, /* struct value.i64 */
    COLUMN_TIME,   /* struct value.i64: wall us; timestamptz */
    COLUMN_JSON,   /* struct value.str */
    COLUMN_SUM,    /* struct value.i64 as delta; numeric in the table, read as struct value.str;
                      roll-ups only */
};

struct column {
    const char *name;
    enum column_type type;
};

enum { PROJECTION_COLUMNS_MAX = 24, PROJECTION_INDEXES_MAX = 8 };

struct value {
    bool null;
    int64_t i64;
    struct str str;
};

/* A row of a by-stream projection: values in the order of the declared columns. */
struct row {
    bool exists; /* false before the stream's first event */
    struct str tenant;
    struct str stream;
    struct version version;
    struct value values[PROJECTION_COLUMNS_MAX];
};

struct delta {
    struct str keys[4]; /* the key columns' values, in order */
    int64_t sums[8];    /* the SUM columns' values, in order */
};

enum projection_kind {
    PROJECTION_BY_STREAM,
    PROJECTION_ROLL_UP,
    PROJECTION_SQL, /* brought as a file, without C: sql_file.h */
};

/* Statements without comments; {table} in them is the generation's table, {events} the batch. */
struct projection_sql {
    bool by_stream; /* each of its rows belongs to one stream: no two batches touch the same */
    const char *const *declarations; /* CREATE; end with NULL, as the others do */
    const char *const *statements;   /* over each batch, in order */
};

struct projection {
    const char *name;
    enum projection_kind kind;
    const char *const *categories; /* ends with NULL */
    /* Of all event types it reads; fold and deltas see the newest version, and types without a
     * suffix. NULL: each has had one version so far. */
    const struct upcaster *upcasters;

    /* BY_STREAM: all columns but the engine's. ROLL_UP: first key_columns TEXT ones, then SUM ones.
     */
    const struct column *columns;
    size_t columns_count;
    size_t key_columns; /* ROLL_UP only */
    /* Beside the key's own: column lists as in SQL: "tenant, customer_id, placed_at, stream". Ends
     * with NULL. */
    const char *const *indexes;

    /* BY_STREAM. Strings stored into ROW must live in ARENA or be the event's. Fails with
     * ERROR_POISON: unknown type, malformed data, an event that can not follow the row. */
    bool (*fold)(struct row *row, const struct event *event, struct arena *arena,
                 struct error *err);

    /* ROLL_UP. Sets *ret_deltas (in ARENA) and their number; 0 is fine. Fails with ERROR_POISON. */
    bool (*deltas)(const struct event *event, struct arena *arena, struct delta **ret_deltas,
                   size_t *ret_count, struct error *err);

    /* SQL: the whole of it; it has no columns, indexes or functions above. */
    const struct projection_sql *sql;
};

#endif
