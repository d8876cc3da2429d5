/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which generations of a projection run in this process: what the database says, looked at now and
 * then, so that a switch, a rebuild or a pause asked for anywhere is followed by every process.
 */
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "postgres/pg.h"
#include "projection/install.h"
#include "projection/projector_internal.h"
#include "projection/sql_category.h"
#include "projection/table.h"
#include "resilience/backoff.h"

enum { GENERATIONS_MS = 500, TROUBLE_LOG_MS = 30000 };

static const struct backoff_policy policy = {.base_ms = 200, .max_ms = 10000};

static void failed(struct projector *projector, struct served *served, const struct error *err,
                   int64_t now_ms)
{
    unsigned held_back;

    served->retry_at_ms = now_ms + backoff_delay_ms(policy, served->attempts++, random_u64());
    pthread_mutex_lock(&projector->mutex);
    if (served->trouble.class == ERROR_NONE)
        served->since_us = clock_wall_us();
    served->trouble = *err;
    pthread_mutex_unlock(&projector->mutex);
    if (log_gate_open(&projector->gate, str_of(err->text), now_ms, TROUBLE_LOG_MS, &held_back))
        log_warn("projection can not start", LOG_CSTR("projection", served->projection->name),
                 LOG_ERR(err), LOG_I64("held_back", held_back));
}

/* A typo in a file's categories is no fault anywhere: it only never gets an event. */
static void warn_of_categories(const struct projector *projector,
                               const struct projection *projection)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    const struct projection *projections[PROJECTIONS_MAX];
    struct sql_category_doubt *doubts;
    struct error err;
    size_t count;

    for (size_t i = 0; i < projector->served_count; i++)
        projections[i] = projector->served[i].projection;
    if (!sql_categories_doubt(projector->conn, projection, projections, projector->served_count,
                              arena, &doubts, &count, &err)) {
        log_warn("a file's categories were not looked at", LOG_CSTR("projection", projection->name),
                 LOG_ERR(&err));
        return;
    }
    for (size_t i = 0; i < count; i++)
        log_warn("the log has no stream of a file's category",
                 LOG_STR("file", arena_printf(arena, "%s.sql", projection->name)),
                 LOG_CSTR("category", doubts[i].category),
                 LOG_CSTR("nearest", doubts[i].nearest ? doubts[i].nearest : ""));
}

static void install(struct projector *projector, struct served *served, int64_t now_ms)
{
    struct error err;
    int generation;

    if (served->installed || now_ms < served->retry_at_ms)
        return;
    if (!projection_install(projector->conn, served->projection, &projector->identity, &generation,
                            &err)) {
        failed(projector, served, &err, now_ms);
        return;
    }
    served->installed = true;
    if (served->projection->kind == PROJECTION_SQL)
        warn_of_categories(projector, served->projection);
    served->attempts = 0;
    projector->generations_at_ms = 0; /* there is something new to run */
    pthread_mutex_lock(&projector->mutex);
    error_clear(&served->trouble);
    served->since_us = clock_wall_us();
    pthread_mutex_unlock(&projector->mutex);
}

static struct projecting *find(const struct projector *projector, const struct generation_run *run)
{
    for (size_t i = 0; i < projector->count; i++)
        if (projector->projectings[i]->projection == run->projection &&
            projector->projectings[i]->table->generation == run->number)
            return projector->projectings[i];
    return NULL;
}

static void want(struct projector *projector, const struct generation_run *run, int64_t now_ms)
{
    struct projecting *p = find(projector, run);

    if (!p) {
        p = projecting_new(projector, run, now_ms);
        pthread_mutex_lock(&projector->mutex);
        projector->projectings[projector->count++] = p;
        pthread_mutex_unlock(&projector->mutex);
        log_info("projection's generation runs", LOG_CSTR("projection", run->projection->name),
                 LOG_I64("generation", run->number));
    }
    p->wanted = true;
    atomic_store(&p->is_live, run->is_live);
}

static void drop_unwanted(struct projector *projector)
{
    for (size_t i = projector->count; i-- > 0;) {
        struct projecting *p = projector->projectings[i];

        if (p->wanted)
            continue;
        log_info("projection's generation stops", LOG_CSTR("projection", p->projection->name),
                 LOG_I64("generation", p->table->generation));
        pthread_mutex_lock(&projector->mutex);
        projector->projectings[i] = projector->projectings[--projector->count];
        pthread_mutex_unlock(&projector->mutex);
        projecting_free(projector, p);
    }
}

static bool look_at_pauses(struct projector *projector, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(projector->conn, "select name from projections where paused", NULL, &rows, err))
        return error_wrap(err, "look which projections are paused");
    pthread_mutex_lock(&projector->mutex);
    for (size_t i = 0; i < projector->served_count; i++) {
        struct served *served = &projector->served[i];
        bool was_paused = served->paused;

        served->paused = false;
        for (size_t k = 0; k < pg_rows_count(rows); k++)
            served->paused |= str_equal(pg_get_str(rows, k, 0), str_of(served->projection->name));
        if (served->paused != was_paused)
            served->since_us = clock_wall_us();
    }
    pthread_mutex_unlock(&projector->mutex);
    return true;
}

static bool look_at_generations(struct projector *projector, int64_t now_ms, struct error *err)
{
    const struct projection *projections[PROJECTIONS_MAX];
    struct generation_run runs[GENERATION_RUNS_MAX];
    size_t count;

    for (size_t i = 0; i < projector->served_count; i++)
        projections[i] = projector->served[i].projection;
    if (!generations_to_run(projector->conn, projections, projector->served_count,
                            projector->identity.id, runs, &count, err))
        return false;
    for (size_t i = 0; i < projector->count; i++)
        projector->projectings[i]->wanted = false;
    for (size_t i = 0; i < count; i++)
        want(projector, &runs[i], now_ms);
    drop_unwanted(projector);
    return true;
}

void served_step(struct projector *projector, int64_t now_ms)
{
    unsigned held_back;
    struct error err;

    for (size_t i = 0; i < projector->served_count; i++)
        install(projector, &projector->served[i], now_ms);
    if (now_ms < projector->generations_at_ms)
        return;
    projector->generations_at_ms = now_ms + GENERATIONS_MS;
    if (look_at_pauses(projector, &err) && look_at_generations(projector, now_ms, &err) &&
        generation_remove_next(projector->conn, &err))
        return;
    if (log_gate_open(&projector->gate, str_of(err.text), now_ms, TROUBLE_LOG_MS, &held_back))
        log_warn("projector's generations", LOG_ERR(&err), LOG_I64("held_back", held_back));
}
