/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the statements of a projection that was brought as a file, over one batch.
 *
 * Batches of a roll-up take turns, one transaction at a time: their statements touch the same rows
 * in whatever order, and would lock each other out. Those by stream run side by side.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_SQL_BATCH_H
#define DAYBOOK_PROJECTION_SQL_BATCH_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

struct pg_conn;
struct table;

/* EVENTS is what events_json_end() gave. Inside a transaction that began with the checkpoint. */
MUST_CHECK bool sql_batch_run(struct pg_conn *conn, const struct table *table, struct str events,
                              struct error *err);

/* The same in an open pipe: what was sent is received in order. */
MUST_CHECK bool sql_batch_send(struct pg_conn *conn, const struct table *table, struct str events,
                               struct error *err);
MUST_CHECK bool sql_batch_receive(struct pg_conn *conn, const struct table *table,
                                  struct error *err);

#endif
