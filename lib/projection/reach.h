/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a read model holds a write: for each event of the write in a category the projection
 * reads, the checkpoint of that event's partition has passed it, and its stream is not parked
 * there.
 *
 * What a write is made of never changes and is loaded once; how far the projections are is looked
 * at again and again, for any number of writes at once. Checkpoints are those of the generation
 * that is read at the look.
 *
 * Threads: the connection's owner only; reach_holds is pure.
 */
#ifndef DAYBOOK_PROJECTION_REACH_H
#define DAYBOOK_PROJECTION_REACH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/units.h"
#include "base/uuid.h"
#include "projection/fold.h"

struct arena;
struct pg_conn;

/* No write of ours has more events. A wider range, as of events repeated long apart, is awaited as
 * a whole: until everything up to its last position is there. */
enum { WRITE_POSITIONS_MAX = 10000 };

struct written_at {
    struct str category;
    struct str key; /* in Kafka: "<tenant>/<stream>" */
    struct position last;
    struct str tenant;
    struct str stream;
    struct version version; /* of its last event */
};

struct written {
    struct position first;
    struct position last;
    bool whole; /* the range is too wide for its streams to be told */
    struct written_at *streams;
    size_t streams_count;
};

/* Results live in ARENA. FIRST <= LAST; both 0: nothing. */
MUST_CHECK bool written_load(struct pg_conn *conn, struct position first, struct position last,
                             struct arena *arena, struct written *ret, struct error *err);

struct reach_lane { /* a partition of a category's topic, as a projection has it */
    struct str projection;
    struct str category;
    int32_t partition;
    struct position entry;   /* the last event that the publisher put there */
    struct position reached; /* the checkpoint */
};

struct reach {
    char log[UUID_TEXT_LEN + 1];
    struct position head;
    struct position published;
    /* By projection, category, partition; each topic's partitions are all there. None of a
     * category that was never published, or a projection that was never made. */
    struct reach_lane *lanes;
    size_t lanes_count;
};

/* One statement for all of PROJECTIONS. GENERATION 0: of each the one that this program reads. */
MUST_CHECK bool reach_load(struct pg_conn *conn, const struct projection *const *projections,
                           size_t count, int generation, struct arena *arena, struct reach *ret,
                           struct error *err);

/* A stream of the write that is parked, so that the write is passed but not applied. */
struct written_parked {
    struct str stream; /* data NULL: none is */
    struct version version;
    struct str state;
};

/* Asked behind reach_load(): what was passed there and is not parked here is applied. */
MUST_CHECK bool written_find_parked(struct pg_conn *conn, const struct projection *projection,
                                    int generation, const struct written *written,
                                    struct arena *arena, struct written_parked *ret,
                                    struct error *err);

bool reach_holds(const struct reach *reach, const struct projection *projection,
                 const struct written *written);

#endif
