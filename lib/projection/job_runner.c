/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/job_runner.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "projection/job_internal.h"
#include "projection/metrics.h"
#include "projection/process.h"
#include "projection/table.h"

enum {
    TICK_MS = 250,
    AT_ONCE_MAX = 4, /* jobs in this process */
    LOOK_MAX = 16,   /* free ones to choose from */
    TROUBLE_LOG_MS = 30000,
};

struct job_runner {
    struct job_config config;
    char *holder; /* one process, for ever */
    struct thread *thread;
    struct stop *stop;
    struct pg_conn *conn;
    struct log_gate gate;
    struct job_run *runs[AT_ONCE_MAX]; /* NULL: free */
    bool troubled;                     /* in this look, by `error` */
    struct error error;

    pthread_mutex_t mutex; /* guards all below: how the last look was */
    struct job_watch watch;
    struct job_runner_status seen;
};

static void trouble(struct job_runner *runner, const struct error *err)
{
    unsigned held_back;

    runner->troubled = true;
    runner->error = *err;
    if (log_gate_open(&runner->gate, str_of(err->text), clock_monotonic_ms(), TROUBLE_LOG_MS,
                      &held_back))
        log_warn("jobs can not be looked after", LOG_ERR(err), LOG_I64("held_back", held_back));
}

static struct job_progress progress_of(struct job_run *run)
{
    struct job_progress progress;

    pthread_mutex_lock(&run->mutex);
    progress = run->progress;
    pthread_mutex_unlock(&run->mutex);
    return progress;
}

/* Looking after what runs. */

static const char *const outcome_names[] = {[JOB_OUT_DONE] = "done",
                                            [JOB_OUT_FAILED] = "failed",
                                            [JOB_OUT_CANCELLED] = "cancelled",
                                            [JOB_OUT_LEFT] = "left"};

static bool end_in_database(struct job_runner *runner, struct job_run *run, struct error *err)
{
    static const enum job_state states[] = {[JOB_OUT_DONE] = JOB_DONE,
                                            [JOB_OUT_FAILED] = JOB_FAILED,
                                            [JOB_OUT_CANCELLED] = JOB_CANCELLED};
    struct job_progress progress = progress_of(run);

    if (run->outcome == JOB_OUT_LEFT)
        return job_give_back(runner->conn, runner->holder, run->job.id, run->job.epoch, &progress,
                             err);
    if (run->outcome == JOB_OUT_FAILED)
        snprintf(progress.message, sizeof(progress.message), "%s", run->error.text);
    return job_end(runner->conn, runner->holder, run->job.id, run->job.epoch, states[run->outcome],
                   &progress, err);
}

/* What could not be written is taken over when the lease expires, and found to be done. */
static void end(struct job_runner *runner, struct job_run **run)
{
    struct error err;

    if (!end_in_database(runner, *run, &err)) {
        trouble(runner, &err);
        if (pg_is_open(runner->conn) == false &&
            job_lease_holds(&(*run)->lease, clock_monotonic_ms()))
            return; /* again, while it is ours */
    }
    log_info("job ended", LOG_I64("job", (*run)->job.id), LOG_CSTR("kind", (*run)->kind->name),
             LOG_CSTR("outcome", outcome_names[(*run)->outcome]),
             LOG_CSTR("reason", (*run)->outcome == JOB_OUT_FAILED ? (*run)->error.text : ""));
    job_run_free(*run);
    *run = NULL;
}

static void take_answer(struct job_run *run, bool renewed, bool cancel)
{
    pthread_mutex_lock(&run->mutex);
    job_lease_answered(&run->lease, renewed);
    run->cancel |= cancel;
    pthread_mutex_unlock(&run->mutex);
    if (!renewed || cancel)
        stop_request(run->stop);
}

static void keep(struct job_runner *runner, struct job_run *run, int64_t now_ms)
{
    struct job_progress progress;
    bool renewed, cancel;
    struct error err;

    if (!job_lease_is_due(&run->lease, now_ms))
        return;
    pthread_mutex_lock(&run->mutex);
    progress_note(&run->pace, now_ms, run->progress.done);
    run->progress.rate = progress_rate(&run->pace, now_ms);
    job_lease_asked(&run->lease, now_ms);
    progress = run->progress;
    pthread_mutex_unlock(&run->mutex);
    if (job_renew(runner->conn, runner->holder, run->job.id, run->job.epoch, &progress, &renewed,
                  &cancel, &err))
        take_answer(run, renewed, cancel);
    else
        trouble(runner, &err);
}

static void look_after(struct job_runner *runner, int64_t now_ms)
{
    for (size_t i = 0; i < AT_ONCE_MAX; i++) {
        struct job_run *run = runner->runs[i];

        if (run && atomic_load(&run->has_ended))
            end(runner, &runner->runs[i]);
        else if (run && pg_is_open(runner->conn))
            keep(runner, run, now_ms);
    }
}

/* Taking others. */

static const struct job_kind *kind_of(const struct job_runner *runner, const struct job *job)
{
    for (const struct job_kind *const *kind = runner->config.kinds; *kind; kind++)
        if (str_equal(job->kind, str_of((*kind)->name)))
            return *kind;
    return NULL;
}

static bool works_on(const struct job_runner *runner, struct str projection)
{
    if (!projection.data)
        return true;
    for (size_t i = 0; runner->config.projections[i]; i++)
        if (str_equal(projection, str_of(runner->config.projections[i]->name)))
            return true;
    return false;
}

static bool begin(struct job_runner *runner, struct job *job, struct job_run **slot,
                  struct error *err)
{
    const struct job_kind *kind = kind_of(runner, job);
    int64_t asked_ms = clock_monotonic_ms();
    struct job_run *run;
    bool taken, fits = true;

    if (!kind || !works_on(runner, job->projection))
        return true;
    if (kind->fits && !kind->fits(&runner->config, runner->conn, job, &fits, err))
        return false;
    if (!fits)
        return true;
    if (!job_take(runner->conn, runner->holder, job, &taken, err))
        return false;
    if (!taken)
        return true;
    run = job_run_new(&runner->config, kind, job, asked_ms);
    if (!job_run_start(run, err)) {
        job_run_free(run);
        return false; /* its lease expires */
    }
    log_info("job taken", LOG_I64("job", job->id), LOG_CSTR("kind", kind->name),
             LOG_STR("projection", job->projection), LOG_I64("epoch", job->epoch));
    *slot = run;
    return true;
}

static bool take_some(struct job_runner *runner, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct job *jobs;
    size_t count, next = 0;

    if (!jobs_free(runner->conn, LOOK_MAX, arena, &jobs, &count, err))
        return false;
    for (size_t i = 0; i < AT_ONCE_MAX; i++)
        while (!runner->runs[i] && next < count)
            if (!begin(runner, &jobs[next++], &runner->runs[i], err))
                return false;
    return true;
}

static bool has_room(const struct job_runner *runner)
{
    for (size_t i = 0; i < AT_ONCE_MAX; i++)
        if (!runner->runs[i])
            return true;
    return false;
}

static void request_leave(struct job_runner *runner)
{
    for (size_t i = 0; i < AT_ONCE_MAX; i++) {
        struct job_run *run = runner->runs[i];

        if (!run)
            continue;
        pthread_mutex_lock(&run->mutex);
        run->leave = true;
        pthread_mutex_unlock(&run->mutex);
        stop_request(run->stop);
    }
}

static void leave_all(struct job_runner *runner)
{
    request_leave(runner);
    for (size_t i = 0; i < AT_ONCE_MAX; i++) {
        struct job_run *run = runner->runs[i];
        struct error err;

        if (!run)
            continue;
        thread_join(TAKE(run->thread));
        if (!pg_is_open(runner->conn) || !end_in_database(runner, run, &err))
            log_debug("job not given back", LOG_I64("job", run->job.id));
        job_run_free(run);
    }
}

static size_t count_runs(const struct job_runner *runner)
{
    size_t count = 0;

    for (size_t i = 0; i < AT_ONCE_MAX; i++)
        count += runner->runs[i] != NULL;
    return count;
}

static void look(struct job_runner *runner)
{
    struct error err;

    runner->troubled = false;
    if (!pg_open(runner->conn, &err)) {
        trouble(runner, &err);
        return;
    }
    look_after(runner, clock_monotonic_ms());
    if (has_room(runner) && !take_some(runner, &err))
        trouble(runner, &err);
}

static void tell(struct job_runner *runner)
{
    size_t running = count_runs(runner);

    pthread_mutex_lock(&runner->mutex);
    job_watch_looked(&runner->watch, runner->troubled, clock_monotonic_ms());
    runner->seen = (struct job_runner_status){.running = running};
    if (runner->troubled)
        runner->seen.error = runner->error;
    pthread_mutex_unlock(&runner->mutex);
    projection_jobs(running, clock_wall_us());
}

void job_runner_status(struct job_runner *runner, struct job_runner_status *ret)
{
    pthread_mutex_lock(&runner->mutex);
    *ret = runner->seen;
    ret->state = job_watch_state(&runner->watch, clock_monotonic_ms());
    pthread_mutex_unlock(&runner->mutex);
}

static void run_jobs(void *arg)
{
    struct job_runner *runner = arg;

    while (!stop_wait(runner->stop, TICK_MS)) {
        look(runner);
        tell(runner);
    }
    leave_all(runner);
}

static void runner_free(struct job_runner *runner)
{
    pg_free(runner->conn);
    stop_free(runner->stop);
    pthread_mutex_destroy(&runner->mutex);
    mem_free(runner->holder);
    mem_free(runner);
}

static char *holder_name(const char *instance)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    char process[PROCESS_NAME_MAX + 1];

    process_name_self(process);
    return mem_strdup_str(arena_printf(arena, "%s (%s)", instance, process));
}

bool job_runner_start(const struct job_config *config, struct job_runner **ret_runner,
                      struct error *err)
{
    struct job_runner *runner = mem_zalloc(sizeof(*runner));

    runner->config = *config;
    runner->holder = holder_name(config->instance);
    runner->stop = stop_new();
    pthread_mutex_init(&runner->mutex, NULL);
    job_watch_init(&runner->watch, clock_monotonic_ms());
    runner->conn = pg_new(&config->postgres, PG_PROFILE_UPKEEP);
    if (!thread_start(THREAD_UPKEEP, "jobs", run_jobs, runner, &runner->thread, err)) {
        runner_free(runner);
        return error_wrap(err, "start looking for jobs");
    }
    *ret_runner = runner;
    return true;
}

void job_runner_stop(struct job_runner *runner)
{
    if (!runner)
        return;
    stop_request(runner->stop);
    thread_join(runner->thread);
    runner_free(runner);
}
