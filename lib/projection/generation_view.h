/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generations as people see them: state, checkpoints, how far behind.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_GENERATION_VIEW_H
#define DAYBOOK_PROJECTION_GENERATION_VIEW_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "projection/generation.h"

struct arena;
struct pg_conn;

/* How far one is, by its checkpoints and the published cursor. */
struct generation_progress {
    int64_t published; /* the cursor's position */
    int64_t lag;       /* positions behind it */
    int64_t behind;    /* partitions that are */
    int64_t parked;    /* keys */
    bool paused;
    struct str trouble; /* what a blocked or paused partition says; data NULL: none is */
};

MUST_CHECK bool generation_progress_load(struct pg_conn *conn, const struct projection *projection,
                                         int generation, struct arena *arena,
                                         struct generation_progress *ret, struct error *err);

struct generation_place {
    struct str topic;
    int32_t partition;
    struct position position;
    struct str state;
    struct str reason;
};

struct generation_view {
    struct generation generation;
    struct generation_progress progress; /* of one that has checkpoints */
    struct generation_place *places;
    size_t places_count;
};

/* Those whose tables are there, the newest first. */
MUST_CHECK bool generation_views_load(struct pg_conn *conn, const struct projection *projection,
                                      struct arena *arena, struct generation_view **ret,
                                      size_t *ret_count, struct error *err);

#endif
