/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/generation_view.h"

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/sql.h"

bool generation_progress_load(struct pg_conn *conn, const struct projection *projection,
                              int generation, struct arena *arena, struct generation_progress *ret,
                              struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    pg_add_i32(&params, generation);
    pg_array_open(&params, PG_TEXT);
    for (size_t i = 0; projection->categories[i]; i++)
        pg_array_str(&params, str_of(projection->categories[i]));
    pg_array_close(&params);
    if (!pg_query(conn, sql_generation_progress, &params, &rows, err))
        return error_wrap(err, "look how far generation %d of projection '%s' is", generation,
                          projection->name);
    *ret = (struct generation_progress){
        .published = pg_get_i64(rows, 0, 0),
        .lag = pg_get_i64(rows, 0, 1),
        .behind = pg_get_i64(rows, 0, 2),
        .trouble = pg_is_null(rows, 0, 3) ? STR_NONE : arena_dup(arena, pg_get_str(rows, 0, 3)),
        .parked = pg_get_i64(rows, 0, 4),
        .paused = pg_get_bool(rows, 0, 5),
    };
    return true;
}

static void add_places(const struct pg_rows *rows, struct arena *arena,
                       struct generation_view *view)
{
    size_t count = 0;

    view->places = ARENA_ARRAY(arena, struct generation_place, pg_rows_count(rows));
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        if (pg_get_i64(rows, i, 0) != view->generation.number)
            continue;
        view->places[count++] = (struct generation_place){
            .topic = arena_dup(arena, pg_get_str(rows, i, 1)),
            .partition = (int32_t)pg_get_i64(rows, i, 2),
            .position = POSITION(pg_get_i64(rows, i, 3)),
            .state = arena_dup(arena, pg_get_str(rows, i, 4)),
            .reason = arena_dup(arena, pg_get_str(rows, i, 5)),
        };
    }
    view->places_count = count;
}

bool generation_views_load(struct pg_conn *conn, const struct projection *projection,
                           struct arena *arena, struct generation_view **ret, size_t *ret_count,
                           struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct generation *all;
    size_t count, shown = 0;

    pg_params_init(&params);
    pg_add_str(&params, str_of(projection->name));
    if (!generations_load(conn, projection->name, arena, &all, &count, err) ||
        !pg_query(conn, sql_generation_places, &params, &rows, err))
        return error_wrap(err, "load the generations of projection '%s'", projection->name);
    pg_rows_skip(rows);
    *ret = ARENA_ARRAY(arena, struct generation_view, count);
    for (size_t i = 0; i < count; i++) {
        struct generation_view *view = &(*ret)[shown];

        if (all[i].removed)
            continue;
        view->generation = all[i];
        if (generation_runs(all[i].state) &&
            !generation_progress_load(conn, projection, all[i].number, arena, &view->progress, err))
            return false;
        add_places(rows, arena, view);
        shown++;
    }
    *ret_count = shown;
    return true;
}
