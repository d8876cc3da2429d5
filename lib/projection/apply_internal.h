/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a batch share: apply.c goes to the database and back, apply_fold.c folds
 * between the trips and parks what can not be folded.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_APPLY_INTERNAL_H
#define DAYBOOK_PROJECTION_APPLY_INTERNAL_H
#include "projection/apply.h"

struct events_json;
struct parked_event;
struct rows;
struct sums;

struct batch {
    struct pg_conn *conn;
    const struct table *table;
    const struct apply_part *parts;
    size_t parts_count;
    const struct parking_rules *rules;
    struct arena *arena;
    struct applied *ret;
    struct rows *rows;        /* by stream */
    struct sums *sums;        /* roll-up */
    struct events_json *json; /* SQL */
    struct position head;
    struct pg_rows *loaded;      /* what rows borrow from */
    struct causes *causes;       /* a copy of the rules', once something failed */
    size_t good;                 /* events since then, or since the start */
    struct parked_set **keys;    /* of each part: keys the batch has changed; NULL: none */
    struct parked_event *parked; /* keys that are new */
    size_t parked_max;
};

/* Folds everything. False: ret says why the batch ends. */
bool batch_fold(struct batch *b);

bool batch_failed(struct batch *b);
bool batch_cut(struct batch *b, enum apply_result result, size_t part, size_t index);

#endif
