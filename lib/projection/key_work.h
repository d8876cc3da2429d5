/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transaction for one parked key, between two batches: another attempt, a slice of its queue, a
 * redrive, a discard. docs/parking.md says what follows what, parking_core.h decides.
 *
 * The checkpoint's update with its epoch is the first statement; the checkpoint stays where it is.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_KEY_WORK_H
#define DAYBOOK_PROJECTION_KEY_WORK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "projection/checkpoint.h"
#include "projection/parking_core.h"

struct arena;
struct pg_conn;
struct table;

enum { KEY_SLICE_EVENTS = 500 };

struct key_job {
    enum parking_task task;       /* not PARKING_NOTHING */
    const struct parked_key *key; /* NULL for PARKING_GONE */
    struct checkpoint checkpoint;
    size_t events_max;           /* 1..KEY_SLICE_EVENTS */
    const struct error *refused; /* NULL, or: the database refused the next event's row */

    /* of a request; id 0: nobody asked */
    int64_t request;
    int64_t letter;
    struct str by;
    struct str reason;
};

enum key_result {
    KEY_DONE,      /* `change` is committed */
    KEY_CANCELLED, /* the request is not to be done any more; nothing was changed */
    KEY_REFUSED,   /* the database refuses the rows of `folded` events: again with fewer, or with
                      `refused` */
    KEY_FENCED,    /* the partition has another owner */
    KEY_FAILED,    /* `err` */
};

struct key_done {
    enum key_result result;
    struct error err;
    struct parking_change change; /* key.letter is set; names borrow from the job */
    size_t folded;
};

void key_work(struct pg_conn *conn, const struct table *table, const struct key_job *job,
              const struct parking_policy *policy, int64_t now_ms, struct arena *arena,
              struct key_done *ret);

#endif
