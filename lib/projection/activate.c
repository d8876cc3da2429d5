/* SPDX-License-Identifier: Apache-2.0 */
/* The switch from the live generation to another, carried out as generation_core.h decides. */
#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "projection/rebuild_internal.h"
#include "projection/sql.h"

/* Shorter than deadlock_timeout: nobody else is made to give way. */
static const char sql_lock_timeout[] = "set local lock_timeout = '200ms'";

/* A partition that is this far behind is not waited for under locks. */
enum { WORTH_LOCKING = 5000 };

struct switching {
    struct rebuild *rebuild;
    struct arena *arena;
    enum generation_state from; /* of the generation that becomes the live one */
    struct generation *all;
    size_t count;
    int live; /* the number of the live one */
    struct activation activation;
    struct activation_lane *lanes;
    size_t lanes_count;
    struct str behind; /* the first partition that is */
};

static struct pg_conn *conn_of(const struct switching *s)
{
    return s->rebuild->conn;
}

static void add_names(struct pg_params *params, const struct switching *s, int generation)
{
    pg_params_init(params);
    pg_add_str(params, str_of(s->rebuild->projection->name));
    pg_add_i32(params, generation);
}

static bool add_topics(struct pg_params *params, const struct switching *s, struct error *err)
{
    struct log_identity identity;

    if (!log_identity_load(conn_of(s), &identity, err))
        return false;
    pg_array_open(params, PG_TEXT);
    for (const char *const *category = s->rebuild->projection->categories; *category; category++)
        pg_array_str(params, arena_printf(s->arena, "%s.%s", identity.prefix, *category));
    pg_array_close(params);
    return true;
}

static bool look(struct switching *s, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    size_t behind;

    add_names(&params, s, s->live);
    pg_add_i32(&params, s->rebuild->generation);
    if (!add_topics(&params, s, err) ||
        !pg_query(conn_of(s), sql_activation_lanes, &params, &rows, err))
        return error_wrap(err, "compare checkpoints");
    s->lanes_count = pg_rows_count(rows);
    s->lanes = ARENA_ARRAY(s->arena, struct activation_lane, s->lanes_count);
    for (size_t i = 0; i < s->lanes_count; i++)
        s->lanes[i] = (struct activation_lane){POSITION(pg_get_i64(rows, i, 2)),
                                               POSITION(pg_get_i64(rows, i, 3))};
    behind = activation_behind(s->lanes, s->lanes_count);
    pg_rows_skip(rows);
    if (behind < s->lanes_count)
        s->behind = arena_printf(
            s->arena, "'" STR_FMT "' partition %lld is at position %lld, the live one at %lld",
            STR_ARG(pg_get_str(rows, behind, 0)), (long long)pg_get_i64(rows, behind, 1),
            (long long)s->lanes[behind].new_at.n, (long long)s->lanes[behind].old_at.n);
    return true;
}

static bool lock(struct switching *s, int generation, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    add_names(&params, s, generation);
    if (!pg_query(conn_of(s), sql_activation_lock, &params, &rows, err))
        return error_wrap(err, "lock the checkpoints of generation %d", generation);
    pg_rows_skip(rows);
    return true;
}

/* The switch itself. */

static bool move(struct switching *s, int generation, enum generation_state from,
                 enum generation_state to, const char *reason, struct error *err)
{
    bool moved;

    if (!generation_move(conn_of(s), s->rebuild->projection->name, generation, from, to,
                         str_of(reason), &moved, err))
        return false;
    assert(moved); /* loaded under the projection's lock */
    return true;
}

/* What was kept for rollback is not any more when something newer takes its place. */
static bool drop_before(struct switching *s, struct error *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].state == GENERATION_OLD && s->all[i].number != s->rebuild->generation &&
            !move(s, s->all[i].number, GENERATION_OLD, GENERATION_DROPPED,
                  "a newer one is kept for rollback", err))
            return false;
    return true;
}

/* A view that somebody reads or builds upon is waited for, as long as for any lock. */
static bool switch_view(struct switching *s, struct error *err)
{
    const struct table *table = s->rebuild->table;

    return !table->view || pg_script(conn_of(s), table->view, err) ||
           error_wrap(err, "make the view of '%s'", table->projection->name);
}

static bool switch_over(struct switching *s, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    bool rollback = s->from == GENERATION_OLD;

    add_names(&params, s, s->live);
    pg_add_i32(&params, s->rebuild->generation);
    if (!pg_query(conn_of(s), sql_activation_switch, &params, &rows, err) ||
        (!rollback && !drop_before(s, err)) ||
        !move(s, s->live, GENERATION_LIVE, rollback ? GENERATION_READY : GENERATION_OLD,
              rollback ? "rolled back" : "kept for rollback", err) ||
        !move(s, s->rebuild->generation, s->from, GENERATION_LIVE, "", err) || !switch_view(s, err))
        return false;
    assert(pg_rows_affected(rows) == 1);
    return pg_commit(conn_of(s), err);
}

static bool pause_a_little(struct switching *s)
{
    return !job_wait(s->rebuild->run, ACTIVATION_LOOK_MS);
}

/* Does one step, and tells the core; false: *err, or something else is wanted (class NONE). */
static bool do_step(struct switching *s, enum activation_step step, struct error *err)
{
    bool ok = false;

    switch (step) {
    case ACTIVATION_LOCK_OLD:
        ok = lock(s, s->live, err);
        break;
    case ACTIVATION_LOCK_NEW:
        ok = lock(s, s->rebuild->generation, err);
        break;
    case ACTIVATION_PAUSE:
        ok = pause_a_little(s);
        break;
    case ACTIVATION_SWITCH:
        ok = switch_over(s, err);
        break;
    case ACTIVATION_LOOK:
    case ACTIVATION_CONFIRM:
        if (!look(s, err))
            return false;
        activation_saw(&s->activation, s->lanes, s->lanes_count, clock_monotonic_ms());
        return true;
    case ACTIVATION_DONE:
    case ACTIVATION_RELEASE:
        assert(!"a step to do");
    }
    if (ok)
        activation_done(&s->activation, clock_monotonic_ms());
    return ok;
}

static enum rebuild_end behind(const struct switching *s, struct error *err)
{
    error_set(err, ERROR_TRANSIENT, "behind", STR_FMT, STR_ARG(s->behind));
    return REBUILD_TRY;
}

static enum rebuild_end try_in_transaction(struct switching *s, struct error *err)
{
    activation_init(&s->activation);
    for (;;) {
        enum activation_step step = activation_next(&s->activation);

        if (step == ACTIVATION_DONE)
            return REBUILD_DONE;
        if (step == ACTIVATION_RELEASE)
            return behind(s, err);
        if (!do_step(s, step, err))
            return err->class == ERROR_NONE ? REBUILD_CALLED : rebuild_ended(err);
    }
}

/* Which one is live, and that ours is still what it was. */
static bool load(struct switching *s, bool *ret_fits, struct error *err)
{
    bool ours = false;

    if (!generation_lock(conn_of(s), s->rebuild->projection->name, err) ||
        !generations_load(conn_of(s), s->rebuild->projection->name, s->arena, &s->all, &s->count,
                          err))
        return false;
    for (size_t i = 0; i < s->count; i++) {
        if (s->all[i].state == GENERATION_LIVE)
            s->live = s->all[i].number;
        ours |= s->all[i].number == s->rebuild->generation && s->all[i].state == s->from;
    }
    *ret_fits = ours && s->live > 0;
    return true;
}

static enum rebuild_end try(struct switching *s, struct error *err)
{
    bool fits;

    if (!pg_script(conn_of(s), sql_lock_timeout, err) || !load(s, &fits, err))
        return rebuild_ended(err);
    if (!fits)
        return REBUILD_CHANGED;
    if (!look(s, err))
        return rebuild_ended(err);
    /* Far away: batches are not made to wait for nothing. */
    for (size_t i = 0; i < s->lanes_count; i++)
        if (s->lanes[i].old_at.n - s->lanes[i].new_at.n > WORTH_LOCKING)
            return behind(s, err);
    return try_in_transaction(s, err);
}

enum rebuild_end rebuild_switch(struct rebuild *rebuild, enum generation_state from,
                                struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct switching s = {.rebuild = rebuild, .arena = arena, .from = from};
    enum rebuild_end end;

    assert(generation_may_become(from, GENERATION_LIVE));

    error_clear(err);
    if (!pg_begin(rebuild->conn, err))
        return rebuild_ended(err);
    end = try(&s, err);
    if (end != REBUILD_DONE)
        pg_rollback(rebuild->conn);
    return end;
}
