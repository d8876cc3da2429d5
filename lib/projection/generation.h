/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generations of projections in the database. See generation_core.h for their states.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_GENERATION_H
#define DAYBOOK_PROJECTION_GENERATION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "projection/fold.h"
#include "projection/generation_core.h"

struct arena;
struct log_identity;
struct pg_conn;
struct table;

struct generation {
    int number;
    enum generation_state state;
    struct str reason;
    struct str declaration;
    struct str log_id;
    struct position target;
    int64_t made_us; /* wall */
    int64_t since_us;
    bool removed; /* its table and checkpoints are gone */
};

/* Inside a transaction: whatever makes or switches generations of this projection does so one at a
 * time. */
MUST_CHECK bool generation_lock(struct pg_conn *conn, const char *projection, struct error *err);

/* All that were ever made and are not forgotten, the newest first. */
MUST_CHECK bool generations_load(struct pg_conn *conn, const char *projection, struct arena *arena,
                                 struct generation **ret, size_t *ret_count, struct error *err);

/* A row for TABLE's generation in STATE; leaves one that is there as it is. */
MUST_CHECK bool generation_insert(struct pg_conn *conn, const struct table *table,
                                  const struct log_identity *identity, enum generation_state state,
                                  struct error *err);

/* REASON is shown to people. *ret_moved: it was in state FROM. */
MUST_CHECK bool generation_move(struct pg_conn *conn, const char *projection, int generation,
                                enum generation_state from, enum generation_state to,
                                struct str reason, bool *ret_moved, struct error *err);

/* One to run: its table fits the program's declaration and this log. */
struct generation_run {
    const struct projection *projection;
    int number;
    bool is_live;
};

enum { GENERATION_RUNS_MAX = 256 };

struct pg_params;

/* Two arrays of text: the names of PROJECTIONS, and the declarations this program has of them. */
void generation_add_programs(struct pg_params *params, const struct projection *const *projections,
                             size_t count);

/* Of PROJECTIONS (COUNT of them), of all that are not paused; at most GENERATION_RUNS_MAX. */
MUST_CHECK bool generations_to_run(struct pg_conn *conn,
                                   const struct projection *const *projections, size_t count,
                                   const char *log_id, struct generation_run *ret_runs,
                                   size_t *ret_count, struct error *err);

/* Removes tables and checkpoints of generations that were dropped or failed some time ago: nobody
 * runs or reads them any more. One a call; any process may. */
MUST_CHECK bool generation_remove_next(struct pg_conn *conn, struct error *err);

#endif
