/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/generation.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "projection/sql.h"
#include "projection/table.h"

static const char sql_lock[] =
    "select pg_advisory_xact_lock(hashtextextended('daybook projection ' || $1, 0)) is null";
static const char sql_insert[] =
    "insert into generations (projection, generation, state, declaration, log_id)"
    " values ($1, $2, $3, $4, $5::text::uuid) on conflict (projection, generation) do nothing";
static const char sql_move[] =
    "update generations set state = $4, reason = $5, since = clock_timestamp()"
    " where projection = $1 and generation = $2 and state = $3";
bool generation_lock(struct pg_conn *conn, const char *projection, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    assert(pg_in_transaction(conn));
    pg_params_init(&params);
    pg_add_str(&params, str_of(projection));
    return pg_query(conn, sql_lock, &params, NULL, err) ||
           error_wrap(err, "lock projection '%s'", projection);
}

bool generations_load(struct pg_conn *conn, const char *projection, struct arena *arena,
                      struct generation **ret, size_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct generation *all;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection));
    if (!pg_query(conn, sql_generations_load, &params, &rows, err))
        return error_wrap(err, "load the generations of projection '%s'", projection);
    all = ARENA_ARRAY(arena, struct generation, pg_rows_count(rows));
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        all[i] = (struct generation){
            .number = (int)pg_get_i64(rows, i, 0),
            .state = generation_state_parse(pg_get_str(rows, i, 1)),
            .reason = arena_dup(arena, pg_get_str(rows, i, 2)),
            .declaration = arena_dup(arena, pg_get_str(rows, i, 3)),
            .log_id = arena_dup(arena, pg_get_str(rows, i, 4)),
            .target = POSITION(pg_get_i64(rows, i, 5)),
            .made_us = pg_get_time(rows, i, 6),
            .since_us = pg_get_time(rows, i, 7),
            .removed = pg_get_bool(rows, i, 8),
        };
    *ret = all;
    *ret_count = pg_rows_count(rows);
    return true;
}

bool generation_insert(struct pg_conn *conn, const struct table *table,
                       const struct log_identity *identity, enum generation_state state,
                       struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(table->projection->name));
    pg_add_i32(&params, table->generation);
    pg_add_str(&params, str_of(generation_state_name(state)));
    pg_add_str(&params, str_of(table->declaration));
    pg_add_str(&params, str_of(identity->id));
    return pg_query(conn, sql_insert, &params, NULL, err) ||
           error_wrap(err, "make a generation of projection '%s'", table->projection->name);
}

bool generation_move(struct pg_conn *conn, const char *projection, int generation,
                     enum generation_state from, enum generation_state to, struct str reason,
                     bool *ret_moved, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    assert(generation_may_become(from, to));

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection));
    pg_add_i32(&params, generation);
    pg_add_str(&params, str_of(generation_state_name(from)));
    pg_add_str(&params, str_of(generation_state_name(to)));
    pg_add_str(&params, reason.data ? reason : STR(""));
    if (!pg_query(conn, sql_move, &params, &rows, err))
        return error_wrap(err, "move generation %d of projection '%s' to '%s'", generation,
                          projection, generation_state_name(to));
    *ret_moved = pg_rows_affected(rows) == 1;
    return true;
}

void generation_add_programs(struct pg_params *params, const struct projection *const *projections,
                             size_t count)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, str_of(projections[i]->name));
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        char *declaration = projection_declaration(projections[i]);

        pg_array_str(params, str_of(declaration));
        mem_free(declaration);
    }
    pg_array_close(params);
}

bool generations_to_run(struct pg_conn *conn, const struct projection *const *projections,
                        size_t count, const char *log_id, struct generation_run *ret_runs,
                        size_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    generation_add_programs(&params, projections, count);
    pg_add_str(&params, str_of(log_id));
    pg_add_i64(&params, GENERATION_RUNS_MAX);
    if (!pg_query(conn, sql_generations_run, &params, &rows, err))
        return error_wrap(err, "look which generations to run");
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        int64_t number = pg_get_i64(rows, i, 0);

        assert(number >= 1 && (size_t)number <= count);
        ret_runs[i] = (struct generation_run){.projection = projections[number - 1],
                                              .number = (int)pg_get_i64(rows, i, 1),
                                              .is_live = pg_get_bool(rows, i, 2)};
    }
    *ret_count = pg_rows_count(rows);
    return true;
}

/* What is keyed by a generation, beside its table. */
static const char *const sql_remains[] = {
    "delete from checkpoints where projection = $1 and generation = $2",
    "delete from parked_keys where projection = $1 and generation = $2",
    "delete from skipped_versions where projection = $1 and generation = $2",
    "update dead_letters set state = 'resolved', closed_at = clock_timestamp(), reason ="
    " 'its generation is gone' where projection = $1 and generation = $2 and kind = 'event' and"
    " state in ('open', 'redriving')",
    "update dead_letter_requests set done_at = clock_timestamp(), outcome = 'gone' where"
    " projection = $1 and generation = $2 and done_at is null",
    "delete from projector_slots where consumer_group like '%.' || $1 || '.' || $2::integer",
    "update generations set removed_at = clock_timestamp() where projection = $1 and generation = "
    "$2",
};

static bool drop_table(struct pg_conn *conn, struct str projection, int generation,
                       struct error *err)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "drop table if exists rm_" STR_FMT "_%d", STR_ARG(projection),
             generation);
    return pg_script(conn, sql, err);
}

static bool remove_next(struct pg_conn *conn, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct str projection;
    int generation;

    pg_params_init(&params);
    if (!pg_query(conn, sql_generation_remove, NULL, &rows, err))
        return false;
    if (pg_rows_count(rows) == 0)
        return true;
    projection = pg_get_str(rows, 0, 0);
    generation = (int)pg_get_i64(rows, 0, 1);
    if (!drop_table(conn, projection, generation, err))
        return false;
    pg_add_str(&params, projection);
    pg_add_i32(&params, generation);
    for (size_t i = 0; i < sizeof(sql_remains) / sizeof(sql_remains[0]); i++)
        if (!pg_query(conn, sql_remains[i], &params, NULL, err))
            return false;
    return true;
}

bool generation_remove_next(struct pg_conn *conn, struct error *err)
{
    if (pg_begin(conn, err) && remove_next(conn, err) && pg_commit(conn, err))
        return true;
    pg_rollback(conn);
    return error_wrap(err, "remove a generation that is not needed any more");
}
