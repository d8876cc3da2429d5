/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One batch: events of one or more partitions and their checkpoints into the read model, in one
 * transaction and two round trips.
 *
 * The checkpoints' update with their epochs is the first statement; if it misses one, everything is
 * rolled back. An event that can not be applied parks its key (parking_core.h) and stops nothing
 * else; later events of a parked key queue behind it.
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
#include "projection/parking_core.h"

struct arena;
struct foreign;
struct parked_set;
struct pg_conn;
struct table;

struct apply_part {
    struct checkpoint checkpoint;      /* `at`: where the partition is afterwards */
    const struct event *const *events; /* in order; may be none */
    size_t count;
    const struct kafka_offset *offsets; /* of the events; NULL: they were read from the log */
    const struct foreign *foreign;      /* records that become letters */
    size_t foreign_count;
    const struct parked_set *parked; /* keys of this partition; NULL: none */
    struct position refused_at;      /* 0, or the event that the database refused: it is parked */
    const struct error *refused_why;
};

struct parking_rules {
    struct parking_policy policy;
    struct causes *causes; /* moved on only by a batch that is committed */
    int64_t now_ms;        /* monotonic */
};

enum apply_result {
    APPLY_DONE,
    APPLY_CUT,     /* `part` only up to before its event `cut`: `err` says why */
    APPLY_FENCED,  /* `part` has another owner */
    APPLY_BLOCKED, /* `part`: its event `cut` is one failure too many with one cause: `err` */
    APPLY_FAILED,  /* `err`: the database's */
};

/* A key that the batch parked, or that more events queue behind now. */
struct key_change {
    size_t part;
    struct parked_key key; /* names live in the arena */
};

struct applied {
    enum apply_result result;
    size_t part;
    size_t cut;
    struct error err;
    size_t folded;              /* events that changed something */
    size_t skipped;             /* events the rows had already, or that were discarded before */
    size_t parked;              /* events that parked their keys */
    size_t queued;              /* events behind parked ones */
    struct key_change *changes; /* APPLY_DONE: what the owner's sets have to take over */
    size_t changes_count;
};

/*
 * Events beyond the head of the log are cut with TRANSIENT "log-behind"; one that failed and is not
 * the log's is cut with POISON "forged-record": its record is foreign; a roll-up whose sums would
 * pass 64 bits is cut with class NONE: the rest goes into the next batch. ARENA is for the batch;
 * the events must live until this returns.
 */
void batch_apply(struct pg_conn *conn, const struct table *table, const struct apply_part *parts,
                 size_t count, const struct parking_rules *rules, struct arena *arena,
                 struct applied *ret);

#endif
