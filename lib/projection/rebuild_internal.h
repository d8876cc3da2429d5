/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a rebuild job share: rebuild_job.c has its phases, rebuild_fill.c the lanes,
 * activate.c the switch.
 *
 * Threads: the job's.
 */
#ifndef DAYBOOK_PROJECTION_REBUILD_INTERNAL_H
#define DAYBOOK_PROJECTION_REBUILD_INTERNAL_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "projection/generation.h"
#include "projection/job_runner.h"
#include "projection/table.h"

struct rebuild {
    struct job_run *run;
    const struct projection *projection;
    int generation;
    bool activate;
    int64_t rate; /* events a second at most; 0: any */
    struct table *table;
    struct pg_conn *conn;
};

/* How a part of it ended. */
enum rebuild_end {
    REBUILD_DONE,
    REBUILD_FAILED,  /* *err: for good */
    REBUILD_TRY,     /* *err: transient; again from where it is */
    REBUILD_CHANGED, /* somebody else did something: look at the generation's state again */
    REBUILD_CALLED,  /* job_call() */
};

/* Fills the generation and moves it to catching_up. */
enum rebuild_end rebuild_fill(struct rebuild *rebuild, struct error *err);

/* One try to switch; REBUILD_TRY with code "behind" when it could not be waited for. FROM: the
 * state of the generation. */
enum rebuild_end rebuild_switch(struct rebuild *rebuild, enum generation_state from,
                                struct error *err);

/* By class: REBUILD_TRY or REBUILD_FAILED. */
enum rebuild_end rebuild_ended(const struct error *err);

#endif
