/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch: events of one or more partitions and their checkpoints into the read model, in one
 * transaction and two round trips.
 *
 * The checkpoints' update with their epochs is the first statement; if it misses one, or an event
 * can not be applied, everything is rolled back and the result says what to do without.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_APPLY_H
#define DAYBOOK_PROJECTION_APPLY_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "eventlog/event.h"
#include "projection/checkpoint.h"

struct arena;
struct pg_conn;
struct table;

struct apply_part {
    struct checkpoint checkpoint;      /* `at`: where the partition is afterwards */
    const struct event *const *events; /* in order; may be none */
    size_t count;
};

enum apply_result {
    APPLY_DONE,
    APPLY_CUT,    /* `part` only up to before its event `cut`: `err` says why */
    APPLY_FENCED, /* `part` has another owner */
    APPLY_FAILED, /* `err`: the database's */
};

struct applied {
    enum apply_result result;
    size_t part;
    size_t cut;
    struct error err;
    size_t folded;  /* events that changed something */
    size_t skipped; /* events the rows had already */
};

/*
 * Events beyond the head of the log are cut with TRANSIENT "log-behind", what the fold refuses
 * with POISON; a roll-up whose sums would pass 64 bits is cut with class NONE: the rest goes into
 * the next batch. ARENA is for the batch; the events must live until this returns.
 */
void batch_apply(struct pg_conn *conn, const struct table *table, const struct apply_part *parts,
                 size_t count, struct arena *arena, struct applied *ret);

#endif
