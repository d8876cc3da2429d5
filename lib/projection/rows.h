/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows a batch touches, of a projection by stream: each loaded once, folded in memory, written
 * once.
 *
 * Threads: owner only. Everything lives in the arena given.
 */
#ifndef DAYBOOK_PROJECTION_ROWS_H
#define DAYBOOK_PROJECTION_ROWS_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "projection/fold.h"

struct arena;
struct buf;
struct pg_params;
struct pg_rows;
struct rows;
struct table;

/* For at most STREAMS_MAX streams. */
struct rows *rows_new(const struct table *table, size_t streams_max, struct arena *arena);

/* The row of that stream, made empty (not there, values null) when it is new here. */
struct row *rows_touch(struct rows *rows, struct str tenant, struct str stream);
/* The same for EVENT's stream, which has no row in the table if this is its first event. */
void rows_meet(struct rows *rows, const struct event *event);
size_t rows_count(const struct rows *rows);

/* Parameters of table->load for all rows touched so far. */
void rows_load_params(const struct rows *rows, struct pg_params *params);
/* Takes what it selected; strings borrow from LOADED. */
void rows_loaded(struct rows *rows, const struct pg_rows *loaded);

enum rows_fold {
    ROWS_FOLDED,
    ROWS_HAS_IT, /* the row's version is the event's or above */
    ROWS_GAP,    /* the row's version is more than one below */
    ROWS_POISON, /* *err; the row is as it was */
};
enum rows_fold rows_fold(struct rows *rows, const struct event *event, struct error *err);

/* Adds the rows that the table does not have yet to a COPY of table->copy; how many. They count as
 * unchanged from then on. */
size_t rows_copy_new(struct rows *rows, struct buf *out);

/* The event was discarded: what follows it is no gap. */
void rows_skip(struct rows *rows, struct str tenant, struct str stream, struct version version);

/* Rows that were folded onto; parameters of table->upsert. */
size_t rows_changed(const struct rows *rows);
void rows_upsert_params(const struct rows *rows, struct pg_params *params);

#endif
