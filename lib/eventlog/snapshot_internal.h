/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream's state at one version, on its way to the table `snapshots` and back: where a load may
 * begin. docs/writer.md has what can go wrong between the two.
 *
 * Threads: any; values.
 */
#ifndef DAYBOOK_EVENTLOG_SNAPSHOT_INTERNAL_H
#define DAYBOOK_EVENTLOG_SNAPSHOT_INTERNAL_H
#include "base/error.h"
#include "base/units.h"
#include "eventlog/decider.h"

struct buf;
struct core_snapshot_row;

enum { SNAPSHOT_BYTES_MAX = 1 << 20 }; /* of a state; a larger one is not kept */

struct snapshot {
    int64_t stream_id;
    struct version version;
    /* Of the event with that version. A log that holds it holds all that is folded into the state:
     * no two histories, before and after a failover, have it in common. */
    struct position position;
    int64_t recorded_at_us;
    const struct aggregate_type *type;
    void *state; /* its own */
};

void snapshot_release(struct snapshot *snapshot);

/* Appends the state's bytes to OUT; *ret_hash vouches for them and for the row they stand in.
 * False: there are too many, OUT is as before. */
MUST_CHECK bool snapshot_write(const struct snapshot *snapshot, struct buf *out, int64_t *ret_hash);

/* The state that was written for this stream. Fails with ERROR_POISON: it is damaged. */
MUST_CHECK bool snapshot_parse(const struct aggregate_type *type, int64_t stream_id,
                               const struct core_snapshot_row *row, void **ret_state,
                               struct error *err);

#endif
