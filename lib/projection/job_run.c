/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "projection/job_internal.h"
#include "resilience/backoff.h"

enum { STATEMENT_TIMEOUT_MS = 10000 };

static const struct backoff_policy policy = {.base_ms = 100, .max_ms = 5000};

static struct job copy_job(const struct job *job, struct arena *arena)
{
    struct job copy = *job;

    copy.kind = arena_dup(arena, job->kind);
    copy.projection = job->projection.data ? arena_dup(arena, job->projection) : STR_NONE;
    copy.arguments = arena_dup(arena, job->arguments);
    copy.message = arena_dup(arena, job->message);
    copy.holder = STR_NONE;
    copy.requested_by = arena_dup(arena, job->requested_by);
    copy.cancel_requested_by = STR_NONE;
    return copy;
}

struct job_run *job_run_new(const struct job_config *config, const struct job_kind *kind,
                            const struct job *job, int64_t asked_ms)
{
    struct job_run *run = mem_zalloc(sizeof(*run));
    struct pg_config postgres = config->postgres;

    if (postgres.statement_timeout_ms == 0 || postgres.statement_timeout_ms > STATEMENT_TIMEOUT_MS)
        postgres.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    run->config = config;
    run->kind = kind;
    run->arena = arena_new(0);
    run->job = copy_job(job, run->arena);
    run->stop = stop_new();
    run->conn = pg_new(&postgres, PG_PROFILE_BATCH);
    pthread_mutex_init(&run->mutex, NULL);
    progress_init(&run->pace);
    job_lease_init(&run->lease, asked_ms);
    run->cancel = job->cancel_requested_by.data != NULL;
    run->progress = (struct job_progress){
        .done = job->done, .total = job->total, .parked = job->parked, .lag = job->lag};
    snprintf(run->progress.message, sizeof(run->progress.message), STR_FMT, STR_ARG(job->message));
    return run;
}

static void work(void *arg)
{
    struct job_run *run = arg;

    run->outcome = run->kind->run(run, &run->error);
    pg_close(run->conn);
    atomic_store(&run->has_ended, true);
}

bool job_run_start(struct job_run *run, struct error *err)
{
    return thread_start(THREAD_PARTITION, run->kind->name, work, run, &run->thread, err);
}

void job_run_free(struct job_run *run)
{
    thread_join(run->thread);
    pg_free(run->conn);
    stop_free(run->stop);
    pthread_mutex_destroy(&run->mutex);
    arena_free(run->arena);
    mem_free(run);
}

const struct job *job_of(const struct job_run *run)
{
    return &run->job;
}

const struct job_config *job_config_of(const struct job_run *run)
{
    return run->config;
}

enum job_call job_call(struct job_run *run)
{
    enum job_call call = JOB_GO_ON;

    pthread_mutex_lock(&run->mutex);
    if (run->leave || !job_lease_holds(&run->lease, clock_monotonic_ms()))
        call = JOB_LEAVE;
    else if (run->cancel)
        call = JOB_CANCEL;
    pthread_mutex_unlock(&run->mutex);
    return call;
}

bool job_wait(struct job_run *run, int64_t ms)
{
    if (stop_wait(run->stop, ms) && job_call(run) == JOB_LEAVE)
        return true;
    return job_call(run) != JOB_GO_ON;
}

bool job_wait_out(struct job_run *run, const struct error *err, unsigned *attempts)
{
    int64_t wait_ms = backoff_delay_ms(policy, *attempts, random_u64());

    if (*attempts < UINT32_MAX)
        (*attempts)++;
    job_say(run, "waits: %s", err->text);
    return job_wait(run, wait_ms);
}

bool job_connect(struct job_run *run, struct pg_conn **ret_conn)
{
    unsigned attempts = 0;
    struct error err;

    *ret_conn = run->conn;
    while (!pg_open(run->conn, &err))
        if (job_wait_out(run, &err, &attempts))
            return false;
    return job_call(run) == JOB_GO_ON;
}

void job_count(struct job_run *run, int64_t done, int64_t total)
{
    pthread_mutex_lock(&run->mutex);
    run->progress.done = done;
    run->progress.total = total;
    pthread_mutex_unlock(&run->mutex);
}

void job_set_done(struct job_run *run, int64_t done)
{
    pthread_mutex_lock(&run->mutex);
    run->progress.done = done;
    pthread_mutex_unlock(&run->mutex);
}

void job_add_done(struct job_run *run, int64_t events)
{
    pthread_mutex_lock(&run->mutex);
    run->progress.done += events;
    pthread_mutex_unlock(&run->mutex);
}

void job_set_lag(struct job_run *run, int64_t positions)
{
    pthread_mutex_lock(&run->mutex);
    run->progress.lag = positions;
    pthread_mutex_unlock(&run->mutex);
}

void job_set_parked(struct job_run *run, int64_t keys)
{
    pthread_mutex_lock(&run->mutex);
    run->progress.parked = keys;
    pthread_mutex_unlock(&run->mutex);
}

void job_add_parked(struct job_run *run, int64_t keys)
{
    pthread_mutex_lock(&run->mutex);
    run->progress.parked += keys;
    pthread_mutex_unlock(&run->mutex);
}

void job_say(struct job_run *run, const char *fmt, ...)
{
    char text[JOB_MESSAGE_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    pthread_mutex_lock(&run->mutex);
    memcpy(run->progress.message, text, sizeof(text));
    pthread_mutex_unlock(&run->mutex);
}

int64_t job_rate(struct job_run *run)
{
    int64_t rate;

    pthread_mutex_lock(&run->mutex);
    rate = run->progress.rate;
    pthread_mutex_unlock(&run->mutex);
    return rate;
}
