/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What projections do, in the words of product.md: "starting", "running", "catching_up", "paused",
 * "blocked", "stopped" (no living process has it), "rebuilding" (it works, and another generation
 * is built beside it), each with reason and since.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_STATUS_H
#define DAYBOOK_PROJECTION_STATUS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/units.h"
#include "projection/fold.h"

struct arena;
struct pg_conn;

struct partition_status {
    struct str topic;
    int32_t partition;
    struct position position;
    struct kafka_offset offset; /* the next to read; -1: not known yet */
    struct str owner;           /* <member>@<instance> */
    struct str state;
    struct str reason;
    int64_t since_us;   /* wall */
    int64_t updated_us; /* when its position last moved */
};

struct projection_status {
    struct str name;
    int generation; /* 0: its table is not made yet */
    struct str state;
    struct str reason;
    int64_t since_us;
    bool is_whole;            /* of a process: they are its own, not those of a partition */
    struct position position; /* the read position */
    int64_t lag_events;       /* positions of the log behind it */
    int64_t lag_ms;           /* age of the first of them */
    int64_t parked_keys;      /* streams that wait, in any state */
    int64_t dead_letters;     /* that nobody has dealt with */
    bool paused;              /* by an operator; reason and since say by whom and when */
    struct str paused_by;
    int64_t paused_us;
    struct str rebuilding; /* what is built beside it; data NULL: nothing */
    struct partition_status *partitions;
    size_t partitions_count;
};

/* What an instance says of a projection as a whole, having trouble with it or only starting. */
struct projection_said {
    struct str instance;
    struct str state;
    struct str reason;
    int64_t since_us;
};

/* Of all processes, from the database, for each of PROJECTIONS (ends with NULL). */
MUST_CHECK bool projection_status_load(struct pg_conn *conn,
                                       const struct projection *const *projections,
                                       struct arena *arena, struct projection_status **ret,
                                       size_t *ret_count, struct error *err);

/* Sets state, reason and since by the worst of the partitions; as they are when there is none. */
void projection_status_sum(struct projection_status *status, struct arena *arena);

/*
 * The same, but for what the checkpoints do not know: they tell what a partition was when it was
 * had last. The owner's word is newer, and where nobody has a partition the worst word counts.
 */
void projection_status_hear(struct projection_status *status, const struct projection_said *said,
                            size_t count, struct arena *arena);

#endif
