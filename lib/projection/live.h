/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which generation of each projection a connection reads, with the statements on its table: the
 * live one, or, where that has another declaration than this program, the newest that has its.
 *
 * Looked up at most once a second: the generation before runs on and stays readable for a while
 * after a switch, so a reader that is a second late sees no gap. A query that tells how far it is
 * reads the generation that its read position is of (live_table_note).
 *
 * Threads: the connection's owner only. Free after the connection: statements are prepared by the
 * address of their text.
 */
#ifndef DAYBOOK_PROJECTION_LIVE_H
#define DAYBOOK_PROJECTION_LIVE_H
#include "base/error.h"
#include "base/scope.h"
#include "projection/table.h"

struct pg_conn;

struct live_tables;

struct live_tables *live_tables_new(void);
void live_tables_free(struct live_tables *live);
SCOPED_DEFINE(struct live_tables *, live_tables_free);

/* *ret_table lives as long as LIVE; NULL while no projector has made a table that fits. */
MUST_CHECK bool live_table_find(struct live_tables *live, struct pg_conn *conn,
                                const struct projection *projection, const struct table **ret_table,
                                struct error *err);

/* The same for who can not do without it: NULL only while no projector has made any, and nothing
 * was applied; fails with TRANSIENT "read-not-current" while none fits this program. */
MUST_CHECK bool live_table_get(struct live_tables *live, struct pg_conn *conn,
                               const struct projection *projection, const struct table **ret_table,
                               struct error *err);

/* GENERATION is known to be live now (0: none that fits): the next find needs no look, and finds it
 * even if another one goes live meanwhile. */
void live_table_note(struct live_tables *live, const struct projection *projection, int generation);

/* The next find asks the database: after an error on a table that may be gone. */
void live_tables_forget(struct live_tables *live);

/* A text that lives as long as LIVE, the same address for the same text; NULL when there are too
 * many of them already (use pg_query_once() then). */
const char *live_statement(struct live_tables *live, const char *text);

#endif
