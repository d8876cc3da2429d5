/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to events, shared by read.c (the log) and read_stream.c (streams).
 *
 * Threads: any; no state.
 */
#ifndef DAYBOOK_EVENTLOG_READ_INTERNAL_H
#define DAYBOOK_EVENTLOG_READ_INTERNAL_H
#include "eventlog/read.h"
#include "postgres/pg.h"

/* An event's 14 columns from FIRST on, copied to ARENA. */
struct event event_of_row(const struct pg_rows *rows, size_t row, int first, struct arena *arena);

/* The slices of log_read and stream_read_*: bytes so far, then the event's columns. A single
 * row without an event is an empty page. *ret_cut: rows were left out for their size. */
void event_page_of_rows(const struct pg_rows *rows, int first, struct arena *arena,
                        struct event_page *ret_page, bool *ret_cut);

/* The statements do not sort again what an index gave in order; a plan that breaks it is found. */
MUST_CHECK bool event_page_check_order(const struct event_page *page, bool falling,
                                       struct error *err);

#endif
