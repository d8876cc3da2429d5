/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the rows of two generations of a projection differ, page by page in the order of the key.
 *
 * By stream, rows of equal version are compared; a row that one generation is behind with is looked
 * at again for a moment. Roll-ups are compared in a snapshot in which both generations are at the
 * same positions, as far as one is found in a moment.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_DIFF_H
#define DAYBOOK_PROJECTION_DIFF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "projection/fold.h"

struct arena;
struct pg_conn;

enum { DIFF_KEYS_MAX = 8, DIFF_SAMPLES_MAX = 20, DIFF_COLUMNS_MAX = 64 };

/* The last key of a page. */
struct diff_key {
    struct str values[DIFF_KEYS_MAX]; /* tenant, then stream or the key columns; SQL: of the
                                         primary key */
    size_t count;
};

struct diff_sample {
    struct str live; /* the row as JSON; data NULL: there is none */
    struct str other;
};

struct diff {
    int live; /* the generations that are compared */
    int other;
    int64_t compared; /* keys */
    int64_t only_live;
    int64_t only_other;
    int64_t different;
    int64_t behind; /* by stream: other versions, as long as one followed the other */
    bool exact;     /* false: both were never seen at the same place */
    struct diff_sample samples[DIFF_SAMPLES_MAX];
    size_t samples_count;
    /* Columns that are not compared, for only one has them, or with another type. */
    struct str columns_live[DIFF_COLUMNS_MAX];
    size_t columns_live_count;
    struct str columns_other[DIFF_COLUMNS_MAX];
    size_t columns_other_count;
    bool more; /* behind LAST */
    struct diff_key last;
};

/* Compares about KEYS keys behind AFTER (NULL: from the first). OTHER 0: the ready generation, else
 * the one that catches up, else the old one. REFUSED "projection-state" when there is nothing to
 * compare, or their keys are not the same columns. */
MUST_CHECK bool diff_page(struct pg_conn *conn, const struct projection *projection, int other,
                          const struct diff_key *after, size_t keys, struct arena *arena,
                          struct diff *ret, struct error *err);

#endif
