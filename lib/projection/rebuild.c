/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/rebuild.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/audit.h"
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "projection/generation.h"
#include "projection/job.h"
#include "projection/table.h"

/* What a request looks at under the projection's lock. */
struct asking {
    struct pg_conn *conn;
    const struct projection *projection;
    struct arena *arena;
    struct generation *all; /* the newest first */
    size_t count;
};

static bool look(struct asking *a, struct error *err)
{
    return generation_lock(a->conn, a->projection->name, err) &&
           generations_load(a->conn, a->projection->name, a->arena, &a->all, &a->count, err);
}

/* The newest in STATE; NULL: there is none. */
static const struct generation *find(const struct asking *a, enum generation_state state)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->all[i].state == state)
            return &a->all[i];
    return NULL;
}

static const struct generation *being_built(const struct asking *a)
{
    const struct generation *filling = find(a, GENERATION_FILLING);

    return filling ? filling : find(a, GENERATION_CATCHING_UP);
}

static bool refuse_state(const struct asking *a, const struct generation *g, const char *what,
                         struct error *err)
{
    return error_set(err, ERROR_REFUSED, "projection-state",
                     "generation %d of projection '%s' is '%s': %s", g->number, a->projection->name,
                     generation_state_name(g->state), what);
}

/* Moves every generation in FROM. */
static bool move_all(const struct asking *a, enum generation_state from, enum generation_state to,
                     const char *reason, struct error *err)
{
    bool moved;

    for (size_t i = 0; i < a->count; i++)
        if (a->all[i].state == from &&
            !generation_move(a->conn, a->projection->name, a->all[i].number, from, to,
                             str_of(reason), &moved, err))
            return false;
    return true;
}

static bool add_job(const struct asking *a, const char *kind, const struct rebuild_request *request,
                    struct rebuild_asked *asked, struct error *err)
{
    struct str arguments = arena_printf(
        a->arena, "{\"generation\":%d,\"activate\":%s,\"rate\":%lld}", asked->generation,
        request->activate ? "true" : "false", (long long)request->rate);

    return job_add(a->conn, str_of(kind), str_of(a->projection->name), arguments, request->by,
                   &asked->job, err);
}

static bool note(const struct asking *a, const char *action, int generation, struct str by,
                 struct error *err)
{
    struct audit_entry entry = {
        .actor = by,
        .action = str_of(action),
        .subject =
            arena_printf(a->arena, "projection %s generation %d", a->projection->name, generation),
        .reason = STR(""),
    };

    return audit_add(a->conn, &entry, err);
}

static bool make_generation(struct asking *a, struct rebuild_asked *asked, struct error *err)
{
    SCOPED(table_free) struct table *table = NULL;
    struct log_identity identity;

    asked->generation = a->all[0].number + 1; /* numbers are never used again */
    table = table_new(a->projection, asked->generation);
    return log_identity_load(a->conn, &identity, err) &&
           generation_insert(a->conn, table, &identity, GENERATION_FILLING, err);
}

static bool ask_rebuild(struct asking *a, const struct rebuild_request *request,
                        struct rebuild_asked *asked, struct error *err)
{
    if (!look(a, err))
        return false;
    if (a->count == 0)
        return error_set(err, ERROR_REFUSED, "projection-state",
                         "projection '%s' was never built: there is nothing to rebuild",
                         a->projection->name);
    if (being_built(a))
        return refuse_state(a, being_built(a), "it has to be ready, or its job cancelled, first",
                            err);
    return move_all(a, GENERATION_READY, GENERATION_DROPPED, "another rebuild was asked for",
                    err) &&
           make_generation(a, asked, err) && add_job(a, "rebuild", request, asked, err) &&
           note(a, "projection.rebuild", asked->generation, request->by, err);
}

static bool commit_or_roll_back(struct pg_conn *conn, bool ok, struct error *err)
{
    if (ok && pg_commit(conn, err))
        return true;
    pg_rollback(conn);
    return false;
}

bool rebuild_request(struct pg_conn *conn, const struct rebuild_request *request,
                     struct rebuild_asked *ret, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct asking a = {.conn = conn, .projection = request->projection, .arena = arena};

    return pg_begin(conn, err) &&
           commit_or_roll_back(conn, ask_rebuild(&a, request, ret, err), err);
}

/* Two such jobs would wait for each other's result. */
static bool refuse_second(const struct asking *a, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(a->projection->name));
    if (!pg_query(a->conn,
                  "select id from jobs where projection = $1 and kind in ('activate', 'rollback')"
                  " and state in ('queued', 'running') limit 1",
                  &params, &rows, err))
        return false;
    if (pg_rows_count(rows) == 0)
        return true;
    return error_set(err, ERROR_REFUSED, "projection-state", "job %lld switches projection '%s'",
                     (long long)pg_get_i64(rows, 0, 0), a->projection->name);
}

/* Nobody feeds it while every process has another definition: it would never be where the live one
 * is. */
static bool refuse_foreign(const struct asking *a, const struct generation *old, struct error *err)
{
    bool is_file = a->projection->kind == PROJECTION_SQL;
    char *declaration = projection_declaration(a->projection);
    bool is_ours = str_equal(old->declaration, str_of(declaration));

    mem_free(declaration);
    if (is_ours)
        return true;
    return error_set(err, ERROR_REFUSED, "projection-state",
                     "generation %d of projection '%s' is of another definition than the one "
                     "loaded: %s, then roll back",
                     old->number, a->projection->name,
                     is_file ? "put the file of before back and restart all processes"
                             : "start the program of before in place of this one");
}

static bool ask_activation(struct asking *a, bool rollback, struct str by,
                           struct rebuild_asked *asked, struct error *err)
{
    const struct rebuild_request request = {.projection = a->projection, .by = by};
    const struct generation *next;

    if (!look(a, err) || !refuse_second(a, err))
        return false;
    next = find(a, rollback ? GENERATION_OLD : GENERATION_READY);
    if (!next && !rollback && being_built(a))
        return refuse_state(a, being_built(a), "it has to be ready first", err);
    if (!next)
        return error_set(err, ERROR_REFUSED, "projection-state",
                         "projection '%s' has no %s generation to activate", a->projection->name,
                         rollback ? "old" : "ready");
    if (rollback && !refuse_foreign(a, next, err))
        return false;
    asked->generation = next->number;
    return add_job(a, rollback ? "rollback" : "activate", &request, asked, err) &&
           note(a, rollback ? "projection.rollback" : "projection.activate", asked->generation, by,
                err);
}

bool activation_request(struct pg_conn *conn, const struct projection *projection, bool rollback,
                        struct str by, struct rebuild_asked *ret, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct asking a = {.conn = conn, .projection = projection, .arena = arena};

    return pg_begin(conn, err) &&
           commit_or_roll_back(conn, ask_activation(&a, rollback, by, ret, err), err);
}

static bool drop(struct asking *a, int generation, struct str by, struct error *err)
{
    struct str reason = arena_printf(a->arena, "dropped by " STR_FMT, STR_ARG(by));
    bool moved;

    if (!look(a, err))
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct generation *g = &a->all[i];

        if (g->number != generation)
            continue;
        if (g->state == GENERATION_FILLING || g->state == GENERATION_CATCHING_UP)
            return refuse_state(a, g, "cancel its job instead", err);
        if (!generation_may_become(g->state, GENERATION_DROPPED))
            return refuse_state(a, g, "it can not be dropped", err);
        return generation_move(a->conn, a->projection->name, generation, g->state,
                               GENERATION_DROPPED, reason, &moved, err) &&
               note(a, "projection.drop", generation, by, err);
    }
    return error_set(err, ERROR_REFUSED, "not-found", "projection '%s' has no generation %d",
                     a->projection->name, generation);
}

bool generation_drop(struct pg_conn *conn, const struct projection *projection, int generation,
                     struct str by, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct asking a = {.conn = conn, .projection = projection, .arena = arena};

    return pg_begin(conn, err) && commit_or_roll_back(conn, drop(&a, generation, by, err), err);
}

static const char sql_pause[] =
    "update projections set paused = true, paused_by = $2, paused_at = clock_timestamp()"
    " where name = $1 and not paused";
static const char sql_resume[] =
    "update projections set paused = false, paused_by = '', paused_at = null"
    " where name = $1 and paused and $2::text is not null";

static bool set_paused(struct asking *a, bool paused, struct str by, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(a->projection->name));
    pg_add_str(&params, by);
    if (!look(a, err) || !pg_query(a->conn, paused ? sql_pause : sql_resume, &params, &rows, err))
        return false;
    if (a->count == 0)
        return error_set(err, ERROR_REFUSED, "projection-state", "projection '%s' was never built",
                         a->projection->name);
    return pg_rows_affected(rows) == 0 ||
           note(a, paused ? "projection.pause" : "projection.resume", a->all[0].number, by, err);
}

bool projection_set_paused(struct pg_conn *conn, const struct projection *projection, bool paused,
                           struct str by, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct asking a = {.conn = conn, .projection = projection, .arena = arena};

    return pg_begin(conn, err) && commit_or_roll_back(conn, set_paused(&a, paused, by, err), err);
}
