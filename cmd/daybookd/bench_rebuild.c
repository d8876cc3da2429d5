/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench rebuild NAME`: how fast the running projectors fill a read model from the log. It asks for
 * a rebuild as anyone would, waits for it, and drops what was built unless that is to be kept; the
 * live read model is not touched.
 */
#include "cmd/daybookd/bench.h"
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/program.h"
#include "projection/generation.h"
#include "projection/job.h"
#include "projection/rebuild.h"

enum { PATIENCE_DEFAULT_S = 30, PATIENCE_MAX_S = 3600 };

const struct program_option bench_rebuild_options[] = {
    {.name = "keep", .text = "keep what was built, ready to be activated"},
    {.name = "timeout",
     .value = "S",
     .text = "give up when nobody does it, or nothing moves, for so long (default 30)"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .choices = "text|json",
     .text = "how figures are printed"},
    {0},
};

struct rebuilding {
    struct pg_conn *conn;
    const struct projection *projection;
    struct arena *arena; /* cleared at each look */
    struct rebuild_asked asked;
    int64_t patience_ms;
    int64_t begun_us; /* the last look before anybody worked on it */
    int64_t filled_us;
    int64_t ended_us;
    struct job job;
};

static const struct str by = STR_INIT("daybookd bench");

/* A rebuild takes the place of one that waits to be activated; to measure is no reason to. */
static bool check_none_waits(const struct rebuilding *r, struct error *err)
{
    struct generation *all;
    size_t count;

    if (!generations_load(r->conn, r->projection->name, r->arena, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (all[i].state == GENERATION_READY) {
            error_set(err, ERROR_REFUSED, "projection-state",
                      "generation %d of '%s' waits to be activated", all[i].number,
                      r->projection->name);
            return error_hint(err, "Activate or drop it first.");
        }
    return true;
}

static bool is_filling(const struct rebuilding *r, bool *ret, struct error *err)
{
    struct generation *all;
    size_t count;

    if (!generations_load(r->conn, r->projection->name, r->arena, &all, &count, err))
        return false;
    *ret = false;
    for (size_t i = 0; i < count; i++)
        *ret |= all[i].number == r->asked.generation && all[i].state == GENERATION_FILLING;
    return true;
}

static bool look(struct rebuilding *r, struct error *err)
{
    int64_t asked_us = clock_monotonic_us();
    bool found, filling;

    arena_clear(r->arena);
    if (!is_filling(r, &filling, err) ||
        !job_load(r->conn, r->asked.job, r->arena, &r->job, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_REFUSED, "not-found", "job %lld is gone",
                         (long long)r->asked.job);
    r->ended_us = clock_monotonic_us();
    if (r->job.state == JOB_QUEUED)
        r->begun_us = asked_us;
    if (filling)
        r->filled_us = r->ended_us;
    return true;
}

static bool give_up(struct rebuilding *r, struct error *err)
{
    bool asked;

    if (!job_cancel(r->conn, r->asked.job, by, &asked, err))
        return false;
    error_set(err, ERROR_TRANSIENT, "dependency-down",
              "job %lld did not move for %lld s and was cancelled: " STR_FMT,
              (long long)r->asked.job, (long long)(r->patience_ms / 1000), STR_ARG(r->job.message));
    return error_hint(err, "Jobs are done by processes with the role project.");
}

static bool await(struct rebuilding *r, struct error *err)
{
    int64_t moved_ms = clock_monotonic_ms();
    int64_t done = -1, lag = -1;

    while (look(r, err)) {
        if (job_has_ended(r->job.state))
            return r->job.state == JOB_DONE ||
                   error_set(err, ERROR_REFUSED, "", "job %lld %s: " STR_FMT, (long long)r->job.id,
                             job_state_name(r->job.state), STR_ARG(r->job.message));
        if (r->job.done != done || r->job.lag != lag)
            moved_ms = clock_monotonic_ms();
        if (clock_monotonic_ms() - moved_ms > r->patience_ms)
            return give_up(r, err);
        done = r->job.done;
        lag = r->job.lag;
        bench_pause();
    }
    return false;
}

static int print(const struct invocation *invocation, const struct rebuilding *r)
{
    const struct figure figures[] = {
        {"events_per_second", "", " events/s",
         bench_rate((double)r->job.done, r->begun_us, r->filled_us), 0},
        {"events", "", " events filled", (double)r->job.done, 0},
        {"seconds", "in ", " s", (double)(r->filled_us - r->begun_us) / 1e6, 2},
        {"ready_seconds", "ready after ", " s", (double)(r->ended_us - r->begun_us) / 1e6, 2},
        {"generation", "generation ", "", (double)r->asked.generation, 0},
    };

    return bench_print(invocation, figures, sizeof figures / sizeof *figures);
}

static int run_with(const struct invocation *invocation, struct rebuilding *r)
{
    const struct rebuild_request request = {.projection = r->projection, .by = by};
    struct error err;

    if (!pg_open(r->conn, &err) || !check_none_waits(r, &err) ||
        !rebuild_request(r->conn, &request, &r->asked, &err))
        return bench_complain(invocation, &err);
    r->begun_us = r->filled_us = clock_monotonic_us();
    if (!await(r, &err))
        return bench_complain(invocation, &err);
    int status = print(invocation, r);
    if (!invocation_has(invocation, "keep") &&
        !generation_drop(r->conn, r->projection, r->asked.generation, by, &err))
        return bench_complain(invocation, &err);
    return status;
}

int bench_rebuild_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct rebuilding r = {.arena = arena};
    uint64_t patience_s = PATIENCE_DEFAULT_S;
    struct error err;
    int status;

    if (!bench_number(invocation, "timeout", PATIENCE_MAX_S, &patience_s, &err))
        return bench_complain(invocation, &err);
    if (!settings_load(invocation, &config))
        return EXIT_CONFIGURATION;
    if (!bench_projection(invocation, config, &r.projection, &status))
        return status;
    struct pg_config postgres = settings_postgres(config, "daybookd bench");
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&postgres, PG_PROFILE_QUERY);
    r.conn = conn;
    r.patience_ms = (int64_t)patience_s * 1000;
    return run_with(invocation, &r);
}
