/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out jobs in this process: takes those nobody has, gives each a thread and a connection,
 * keeps their leases, reports what they say of themselves. See docs/rebuild.md.
 *
 * Threads: start and stop from main, status from any; the job_* functions from the thread of that
 * job.
 */
#ifndef DAYBOOK_PROJECTION_JOB_RUNNER_H
#define DAYBOOK_PROJECTION_JOB_RUNNER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/config.h"
#include "postgres/pg.h"
#include "projection/fold.h"
#include "projection/job.h"
#include "projection/job_core.h"

struct job_run;
struct job_runner;

enum job_outcome {
    JOB_OUT_DONE,
    JOB_OUT_FAILED, /* *err says why */
    JOB_OUT_CANCELLED,
    JOB_OUT_LEFT, /* somebody else goes on: the process ends, or the lease is lost */
};

/* What is wanted of a job that runs. */
enum job_call {
    JOB_GO_ON,
    JOB_CANCEL, /* undo what is to be undone, then JOB_OUT_CANCELLED */
    JOB_LEAVE,  /* at once: JOB_OUT_LEFT */
};

struct job_config;

struct job_kind {
    const char *name;
    /* Whether this program can carry it out; NULL: any job of its kind on its projections. */
    bool (*fits)(const struct job_config *config, struct pg_conn *conn, const struct job *job,
                 bool *ret_fits, struct error *err);
    /* Carries it out from where it is, on the job's own thread; answers job_call() within a second
     * or two. Transient faults are its own to wait out: it fails for good only. */
    enum job_outcome (*run)(struct job_run *run, struct error *err);
};

struct job_config {
    struct pg_config postgres;
    struct kafka_config kafka; /* what it points to lives until job_runner_stop() */
    const char *instance;
    const struct projection *const *projections; /* this process works on; ends with NULL */
    const struct job_kind *const *kinds;         /* ends with NULL */
    unsigned fill_lanes;                         /* threads of a fill */
    int32_t topic_partitions;                    /* of a topic that is made for a replay */
    int topic_replication;
    int64_t topic_retention_ms;
};

/* PostgreSQL may be away: it goes on trying. */
MUST_CHECK bool job_runner_start(const struct job_config *config, struct job_runner **ret_runner,
                                 struct error *err);
struct job_runner_status {
    enum job_watch_state state;
    struct error error; /* JOB_WATCH_TROUBLED: of the last look */
    size_t running;     /* jobs of this process */
};
/* From any thread. */
void job_runner_status(struct job_runner *runner, struct job_runner_status *ret);
/* Jobs are given back. */
void job_runner_stop(struct job_runner *runner);

const struct job *job_of(const struct job_run *run);
const struct job_config *job_config_of(const struct job_run *run);
/* The job's own connection, of PG_PROFILE_BATCH; reconnects with backoff until it is open, and says
 * why it waits. False: something else is wanted (job_call), and it may not be open. */
MUST_CHECK bool job_connect(struct job_run *run, struct pg_conn **ret_conn);

enum job_call job_call(struct job_run *run);
/* Waits; true at once when something else is wanted. */
bool job_wait(struct job_run *run, int64_t ms);
/* Waits out a transient fault with backoff, and says it; the next job_say() ends that. ATTEMPTS
 * counts up. True: something else is wanted. */
bool job_wait_out(struct job_run *run, const struct error *err, unsigned *attempts);

/* What people see of it: TOTAL 0: not known. */
void job_count(struct job_run *run, int64_t done, int64_t total);
void job_set_done(struct job_run *run, int64_t done);   /* the total stays */
void job_add_done(struct job_run *run, int64_t events); /* from any thread */
void job_set_lag(struct job_run *run, int64_t positions);
void job_set_parked(struct job_run *run, int64_t keys);
void job_add_parked(struct job_run *run, int64_t keys); /* from any thread */
void job_say(struct job_run *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* As last reported. */
int64_t job_rate(struct job_run *run);

#endif
