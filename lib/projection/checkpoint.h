/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints in the database: how far each partition of a projection is applied, and who may say
 * so. The epoch only rises; a statement with an old one changes nothing.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_CHECKPOINT_H
#define DAYBOOK_PROJECTION_CHECKPOINT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "projection/partition_core.h"

struct pg_conn;
struct pg_params;

/* Whose checkpoints: a generation of a projection. */
struct checkpoint_set {
    const char *projection;
    int generation;
};

struct checkpoint {
    const char *topic;
    int32_t partition;
    int64_t epoch;
    struct place at;
};

/* Raises the epoch (makes the checkpoint at its first time) and reads where the partition is:
 * fills in epoch and at. OWNER is shown to people. */
MUST_CHECK bool checkpoint_acquire(struct pg_conn *conn, struct checkpoint_set set,
                                   const char *owner, struct checkpoint *checkpoint,
                                   struct error *err);

/* The parameters of sql_checkpoint_advance: each checkpoint moves to its `at` if its epoch is
 * still the one in the database. One row with its number, from 1, comes back for each that did. */
void checkpoint_advance_params(struct pg_params *params, struct checkpoint_set set,
                               const struct checkpoint *checkpoints, size_t count);

/* Writes the word and reason people see. FENCED when the epoch is old. */
MUST_CHECK bool checkpoint_report(struct pg_conn *conn, struct checkpoint_set set,
                                  const struct checkpoint *checkpoint, const char *word,
                                  const char *reason, struct error *err);

#endif
