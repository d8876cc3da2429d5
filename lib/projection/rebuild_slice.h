/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lane of a fill: a share of the streams, read from the log in slices, folded in memory,
 * written with the lane's position in one transaction. An event that can not be applied parks its
 * stream in the same transaction, to be tried again by the generation's runners (docs/parking.md).
 *
 * Threads: the lane's own.
 */
#ifndef DAYBOOK_PROJECTION_REBUILD_SLICE_H
#define DAYBOOK_PROJECTION_REBUILD_SLICE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/units.h"
#include "eventlog/read.h"

struct arena;
struct causes;
struct cursor;
struct parked_set;
struct pg_conn;
struct table;

enum {
    SLICE_EVENTS = 20000,     /* some 300 ms to fold and write */
    SLICE_POSITIONS = 200000, /* looked at, whatever is found */
    SLICE_COPY_BYTES_MAX = 256 << 20,
};

struct lane {
    struct pg_conn *conn;
    const struct table *table;
    struct log_lane share;
    struct position at;
    size_t events_max; /* of a slice; halved while the database refuses its data */
    struct arena *arena;
    struct buf copy;
    const struct cursor *cursor; /* which partition a parked key is of */
    struct parked_set *parked;   /* of the whole generation; NULL: to be loaded */
    struct causes *causes;       /* more failures than that is no poison but a bug */
    struct position culprit;     /* the database refuses this event's row; 0: none */
    struct error culprit_why;
};

enum slice_result {
    SLICE_DONE,   /* lane->at moved */
    SLICE_TAKEN,  /* another process moved the lane, or the generation is not filled any more */
    SLICE_FAILED, /* *err; nothing was written */
};

void lane_init(struct lane *lane, struct pg_conn *conn, const struct table *table,
               struct log_lane share, struct position at);
void lane_release(struct lane *lane);

struct slice_count {
    int64_t events; /* that were taken, behind a parked one or not */
    int64_t parked; /* keys that are new */
};

/* Up to TARGET, which is above lane->at; lane->cursor has a topic for each category up to there.
 * FATAL "projection-bug" when too many events fail with one cause. */
enum slice_result lane_slice(struct lane *lane, struct position target,
                             struct slice_count *ret_count, struct error *err);

#endif
