/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a key's transaction share: key_work.c reads and folds, key_commit.c writes.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_KEY_WORK_INTERNAL_H
#define DAYBOOK_PROJECTION_KEY_WORK_INTERNAL_H
#include "projection/key_work.h"

struct event;
struct events_json;
struct pg_rows;
struct rows;
struct sums;

struct work {
    struct pg_conn *conn;
    const struct table *table;
    struct checkpoint_set set;
    const struct key_job *job;
    const struct parking_policy *policy;
    int64_t now_ms;
    struct arena *arena;
    struct key_done *ret;
    struct rows *rows;        /* by stream */
    struct sums *sums;        /* roll-up */
    struct events_json *json; /* SQL */
    struct pg_rows *loaded;
    struct version *skipped; /* of the stream, where the row lacks more than the waiting event */
    size_t skipped_count;
    struct parking_outcome outcome;
    const struct event *culprit; /* outcome.failed; NULL: the log does not have it, or as before */
    struct error why;            /* the same; class NONE: as before */
    bool broken;                 /* the database failed in between: ret->err */
};

/* Writes what came of it and commits. False: ret says why not. */
bool work_commit(struct work *w);

#endif
