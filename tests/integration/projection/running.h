/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world whose projector runs, with jobs beside it, all caught up with some thousand events.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PROJECTION_RUNNING_H
#define DAYBOOK_TESTS_INTEGRATION_PROJECTION_RUNNING_H
#include "projection/job_runner.h"
#include "projection/rebuild.h"
#include "tests/integration/projection/world.h"

struct running {
    struct world *world;
    struct projector *projector;
    struct job_runner *jobs;
};

struct running running_start(void);
void running_stop(struct running *r);

struct job_runner *running_jobs(const struct world *world, const char *instance);
struct rebuild_asked running_rebuild(struct world *world, const struct projection *projection);
/* Waits until the job is in that state; running_done: "done". */
void running_await(struct world *world, int64_t id, const char *state);
void running_done(struct world *world, int64_t id);
/* Activates, or rolls back, and waits for it. */
void running_switch(struct world *world, const struct projection *projection, bool rollback);
int64_t running_number(struct world *world, const char *sql);

#endif
