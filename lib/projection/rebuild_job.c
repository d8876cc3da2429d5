/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/rebuild_job.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "projection/generation_view.h"
#include "projection/rebuild_internal.h"
#include "resilience/backoff.h"

enum {
    WATCH_MS = 500,
    READY_LAG = 1000, /* positions: activation waits for the rest */
    ACTIVATION_PATIENCE_MS = 300000,
};

/* Between two tries batches must get on. */
static const struct backoff_policy activation_policy = {.base_ms = 1000, .max_ms = 8000};

static const struct projection *projection_of(const struct job_config *config,
                                              const struct job *job)
{
    for (const struct projection *const *p = config->projections; *p; p++)
        if (str_equal(str_of((*p)->name), job->projection))
            return *p;
    return NULL;
}

static bool read_arguments(struct rebuild *rebuild, struct error *err)
{
    SCOPED(json_decref) json_t *arguments = NULL;

    if (!json_parse_stored(job_of(rebuild->run)->arguments, &arguments, err))
        return false;
    rebuild->generation = (int)json_integer_value(json_object_get(arguments, "generation"));
    rebuild->activate = json_is_true(json_object_get(arguments, "activate"));
    rebuild->rate = json_integer_value(json_object_get(arguments, "rate"));
    if (rebuild->generation >= 1)
        return true;
    return error_set(err, ERROR_FATAL, "internal-error", "the job names no generation");
}

/* Where the generation is; *ret_found: it is there. */
static bool find_generation(struct rebuild *rebuild, struct generation *ret, bool *ret_found,
                            struct arena *arena, struct error *err)
{
    struct generation *all;
    size_t count;

    *ret_found = false;
    if (!generations_load(rebuild->conn, rebuild->projection->name, arena, &all, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (all[i].number == rebuild->generation) {
            *ret = all[i];
            *ret_found = true;
        }
    return true;
}

/* A table is built by a program that has its declaration. */
static bool fits(const struct job_config *config, struct pg_conn *conn, const struct job *job,
                 bool *ret_fits, struct error *err)
{
    const struct projection *projection = projection_of(config, job);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    char *declaration = projection_declaration(projection);

    pg_params_init(&params);
    pg_add_i64(&params, job->id);
    pg_add_str(&params, str_of(declaration));
    mem_free(declaration);
    if (!pg_query(conn,
                  "select not exists (select from jobs j join generations g on"
                  " g.projection = j.projection and g.generation = (j.arguments ->>"
                  " 'generation')::integer where j.id = $1 and g.declaration <> $2)",
                  &params, &rows, err))
        return false;
    *ret_fits = pg_get_bool(rows, 0, 0);
    return true;
}

/* Catching up. */

struct watch {
    struct rebuild *rebuild;
    struct catching_up catching;
    struct progress published; /* how fast the log grows, and how fast it is followed */
    struct progress reached;
};

static void tell(struct watch *watch, const struct generation_progress *seen, int64_t now_ms)
{
    struct job_run *run = watch->rebuild->run;

    job_set_lag(run, seen->lag);
    job_set_parked(run, seen->parked);
    progress_note(&watch->published, now_ms, seen->published);
    progress_note(&watch->reached, now_ms, seen->published - seen->lag);
    if (seen->paused)
        job_say(run, "does not catch up: the projection is paused");
    else if (seen->trouble.len > 0)
        job_say(run, "catches up, but: " STR_FMT, STR_ARG(seen->trouble));
    else if (catching_up_saw(&watch->catching, seen->lag, now_ms) == CATCHING_STUCK)
        job_say(run,
                "can not catch up: the log grows by %lld positions a second, %lld are followed",
                (long long)progress_rate(&watch->published, now_ms),
                (long long)progress_rate(&watch->reached, now_ms));
    else
        job_say(run, "catches up, %lld positions behind", (long long)seen->lag);
}

static enum rebuild_end catch_up(struct rebuild *rebuild, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct watch watch = {.rebuild = rebuild};
    bool moved;

    catching_up_init(&watch.catching);
    progress_init(&watch.published);
    progress_init(&watch.reached);
    for (;;) {
        struct generation_progress seen;
        enum generation_state state = GENERATION_CATCHING_UP;

        arena_clear(arena);
        if (!generation_progress_load(rebuild->conn, rebuild->projection, rebuild->generation,
                                      arena, &seen, err))
            return rebuild_ended(err);
        tell(&watch, &seen, clock_monotonic_ms());
        if (!seen.paused && (seen.behind == 0 || seen.lag <= READY_LAG)) {
            if (!generation_move(rebuild->conn, rebuild->projection->name, rebuild->generation,
                                 state, GENERATION_READY, STR_NONE, &moved, err))
                return rebuild_ended(err);
            return moved ? REBUILD_DONE : REBUILD_CHANGED;
        }
        if (job_wait(rebuild->run, WATCH_MS))
            return REBUILD_CALLED;
    }
}

/* Activating: try after try. */

static enum rebuild_end activate(struct rebuild *rebuild, enum generation_state from,
                                 struct error *err)
{
    int64_t until_ms = clock_monotonic_ms() + ACTIVATION_PATIENCE_MS;
    unsigned attempts = 0;

    for (;;) {
        enum rebuild_end end = rebuild_switch(rebuild, from, err);

        if (end != REBUILD_TRY || strcmp(err->code, "behind") != 0)
            return end;
        if (clock_monotonic_ms() >= until_ms) {
            err->class = ERROR_REFUSED;
            error_wrap(err, "not activated, after %d tries", attempts + 1);
            return REBUILD_FAILED;
        }
        job_say(rebuild->run, "waits for generation %d: %s", rebuild->generation, err->text);
        if (job_wait(rebuild->run,
                     200 + backoff_delay_ms(activation_policy, attempts++, random_u64())))
            return REBUILD_CALLED;
    }
}

/* A job's phases, by the state of its generation. */

typedef enum rebuild_end (*phase_fn)(struct rebuild *rebuild, const struct generation *generation,
                                     struct error *err);

static enum rebuild_end gone(const struct rebuild *rebuild, const struct generation *g,
                             struct error *err)
{
    error_set(err, ERROR_REFUSED, "projection-state", "generation %d is '%s': " STR_FMT,
              rebuild->generation, generation_state_name(g->state), STR_ARG(g->reason));
    return REBUILD_FAILED;
}

/* REBUILD_CHANGED: the state is another one now, look again. */
static enum rebuild_end advance(enum rebuild_end end)
{
    return end == REBUILD_DONE ? REBUILD_CHANGED : end;
}

static enum rebuild_end rebuild_phase(struct rebuild *rebuild, const struct generation *g,
                                      struct error *err)
{
    switch (g->state) {
    case GENERATION_FILLING:
        return advance(rebuild_fill(rebuild, err));
    case GENERATION_CATCHING_UP:
        return advance(catch_up(rebuild, err));
    case GENERATION_READY:
        if (rebuild->activate)
            return advance(activate(rebuild, GENERATION_READY, err));
        job_say(rebuild->run, "generation %d is ready to be activated", rebuild->generation);
        return REBUILD_DONE;
    case GENERATION_LIVE:
    case GENERATION_OLD:
        job_say(rebuild->run, "generation %d is %s", rebuild->generation,
                generation_state_name(g->state));
        return REBUILD_DONE;
    case GENERATION_FAILED:
    case GENERATION_DROPPED:
        break;
    }
    return gone(rebuild, g, err);
}

static enum rebuild_end switch_phase(struct rebuild *rebuild, const struct generation *g,
                                     enum generation_state from, struct error *err)
{
    if (g->state == from)
        return advance(activate(rebuild, from, err));
    if (g->state != GENERATION_LIVE)
        return gone(rebuild, g, err);
    job_say(rebuild->run, "generation %d is live", rebuild->generation);
    return REBUILD_DONE;
}

static enum rebuild_end activate_phase(struct rebuild *rebuild, const struct generation *g,
                                       struct error *err)
{
    return switch_phase(rebuild, g, GENERATION_READY, err);
}

static enum rebuild_end rollback_phase(struct rebuild *rebuild, const struct generation *g,
                                       struct error *err)
{
    return switch_phase(rebuild, g, GENERATION_OLD, err);
}

static enum rebuild_end one_phase(struct rebuild *rebuild, phase_fn phase, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct generation generation;
    bool found;

    if (!find_generation(rebuild, &generation, &found, arena, err))
        return rebuild_ended(err);
    if (!found) {
        error_set(err, ERROR_REFUSED, "projection-state", "there is no generation %d",
                  rebuild->generation);
        return REBUILD_FAILED;
    }
    return phase(rebuild, &generation, err);
}

static enum rebuild_end all_phases(struct rebuild *rebuild, phase_fn phase, struct error *err)
{
    unsigned attempts = 0;

    for (;;) {
        enum rebuild_end end;

        if (job_call(rebuild->run) != JOB_GO_ON || !job_connect(rebuild->run, &rebuild->conn))
            return REBUILD_CALLED;
        error_clear(err);
        end = one_phase(rebuild, phase, err);
        if (end == REBUILD_CHANGED)
            attempts = 0;
        else if (end != REBUILD_TRY)
            return end;
        else if (job_wait_out(rebuild->run, err, &attempts))
            return REBUILD_CALLED;
    }
}

/* What was built so far is of no use: only a generation that is built by this job is dropped. */
static bool abandon(struct rebuild *rebuild, enum generation_state to, const char *reason)
{
    static const enum generation_state built[] = {GENERATION_FILLING, GENERATION_CATCHING_UP};
    struct error err;
    bool moved;

    if (!pg_open(rebuild->conn, &err))
        return false;
    for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++)
        if (!generation_move(rebuild->conn, rebuild->projection->name, rebuild->generation,
                             built[i], to, str_of(reason), &moved, &err))
            return false;
    return true;
}

static enum job_outcome end_called(struct rebuild *rebuild, bool builds)
{
    if (job_call(rebuild->run) != JOB_CANCEL)
        return JOB_OUT_LEFT;
    if (builds && !abandon(rebuild, GENERATION_DROPPED, "its job was cancelled"))
        return JOB_OUT_LEFT; /* whoever takes it next does */
    job_say(rebuild->run, "cancelled");
    return JOB_OUT_CANCELLED;
}

static enum job_outcome run_phases(struct job_run *run, phase_fn phase, bool builds,
                                   struct error *err)
{
    struct rebuild rebuild = {.run = run};
    enum job_outcome outcome = JOB_OUT_FAILED;

    rebuild.projection = projection_of(job_config_of(run), job_of(run));
    assert(rebuild.projection); /* else it was not taken */
    if (!read_arguments(&rebuild, err))
        return JOB_OUT_FAILED;
    rebuild.table = table_new(rebuild.projection, rebuild.generation);
    if (!job_connect(run, &rebuild.conn) && job_call(run) == JOB_LEAVE) {
        table_free(rebuild.table);
        return JOB_OUT_LEFT;
    }
    switch (all_phases(&rebuild, phase, err)) {
    case REBUILD_DONE:
        outcome = JOB_OUT_DONE;
        break;
    case REBUILD_FAILED:
        if (builds && !abandon(&rebuild, GENERATION_FAILED, err->text))
            outcome = JOB_OUT_LEFT;
        break;
    case REBUILD_CALLED:
    case REBUILD_TRY:
    case REBUILD_CHANGED:
        outcome = end_called(&rebuild, builds);
        break;
    }
    pg_close(rebuild.conn); /* statements are prepared by the address of the table's texts */
    table_free(rebuild.table);
    return outcome;
}

static enum job_outcome run_rebuild(struct job_run *run, struct error *err)
{
    return run_phases(run, rebuild_phase, true, err);
}

static enum job_outcome run_activate(struct job_run *run, struct error *err)
{
    return run_phases(run, activate_phase, false, err);
}

static enum job_outcome run_rollback(struct job_run *run, struct error *err)
{
    return run_phases(run, rollback_phase, false, err);
}

const struct job_kind rebuild_kind = {.name = "rebuild", .fits = fits, .run = run_rebuild};
const struct job_kind activate_kind = {.name = "activate", .fits = fits, .run = run_activate};
const struct job_kind rollback_kind = {.name = "rollback", .run = run_rollback};
