/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What job_runner.c (who takes, keeps and ends jobs) and job_run.c (what a job sees of that) share.
 *
 * Threads: as said at each field.
 */
#ifndef DAYBOOK_PROJECTION_JOB_INTERNAL_H
#define DAYBOOK_PROJECTION_JOB_INTERNAL_H
#include <pthread.h>
#include <stdatomic.h>

#include "projection/job_runner.h"

struct arena;
struct stop;
struct thread;

struct job_run {
    const struct job_config *config;
    const struct job_kind *kind;
    struct arena *arena;
    struct job job;
    struct thread *thread;
    struct stop *stop; /* something else is wanted: look at job_call() */

    /* the job's thread's, until has_ended */
    struct pg_conn *conn;
    enum job_outcome outcome;
    struct error error;
    atomic_bool has_ended;

    /* the runner's */
    struct progress pace;

    pthread_mutex_t mutex; /* guards all below */
    struct job_lease lease;
    bool cancel;
    bool leave;
    struct job_progress progress;
};

struct job_run *job_run_new(const struct job_config *config, const struct job_kind *kind,
                            const struct job *job, int64_t asked_ms);
MUST_CHECK bool job_run_start(struct job_run *run, struct error *err);
/* Joins its thread. */
void job_run_free(struct job_run *run);

#endif
