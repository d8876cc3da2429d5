/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/dead_letter.h"

#include <assert.h>

#include "base/arena.h"
#include "projection/letter_internal.h"
#include "projection/sql.h"

bool letters_list(struct pg_conn *conn, const struct letter_filter *filter, int64_t before,
                  size_t limit, struct arena *arena, struct letter **ret, size_t *ret_count,
                  struct error *err)
{
    SCOPED_VALUE(letter_statement_release) struct letter_statement s;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    assert(limit >= 1 && limit <= LETTERS_LIMIT_MAX);

    letter_statement_init(&s);
    letter_add_sql(&s, "select ");
    letter_add_sql(&s, letter_columns);
    letter_add_sql(&s, letter_from);
    letter_add_where(&s, filter);
    if (before != 0) {
        letter_add_sql(&s, " and l.id < ");
        letter_add_i64(&s, before);
    }
    letter_add_sql(&s, " order by l.id desc limit ");
    letter_add_i64(&s, (int64_t)limit);
    if (!letter_run(conn, &s, &rows, err))
        return error_wrap(err, "list dead letters");
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct letter, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        letter_read(rows, i, arena, &(*ret)[i]);
    return true;
}

static void read_group(const struct pg_rows *rows, size_t row, struct arena *arena,
                       struct letter_group *ret)
{
    *ret = (struct letter_group){
        .projection = arena_dup(arena, pg_get_str(rows, row, 0)),
        .class = arena_dup(arena, pg_get_str(rows, row, 1)),
        .code = arena_dup(arena, pg_get_str(rows, row, 2)),
        .event_type =
            pg_is_null(rows, row, 3) ? STR_NONE : arena_dup(arena, pg_get_str(rows, row, 3)),
        .letters = pg_get_i64(rows, row, 4),
        .queued_behind = pg_get_i64(rows, row, 5),
        .first_failed_us = pg_get_time(rows, row, 6),
        .last_failed_us = pg_get_time(rows, row, 7),
        .sample = pg_get_i64(rows, row, 8),
        .message = arena_dup(arena, pg_get_str(rows, row, 9)),
    };
}

bool letters_group(struct pg_conn *conn, const struct letter_filter *filter, struct arena *arena,
                   struct letter_group **ret, size_t *ret_count, struct error *err)
{
    SCOPED_VALUE(letter_statement_release) struct letter_statement s;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    letter_statement_init(&s);
    letter_add_sql(&s, "select g.*, m.message from (select l.projection, l.class, l.code,"
                       " l.event_type, count(*) as letters,"
                       " coalesce(sum(k.last_version - k.version), 0)::bigint,"
                       " min(l.parked_at), max(l.failed_at), max(l.id) as sample");
    letter_add_sql(&s, letter_from);
    letter_add_where(&s, filter);
    letter_add_sql(&s, " group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit ");
    letter_add_i64(&s, LETTER_GROUPS_MAX);
    letter_add_sql(&s, ") g join dead_letters m on m.id = g.sample"
                       " order by g.letters desc, 1, 2, 3, 4");
    if (!letter_run(conn, &s, &rows, err))
        return error_wrap(err, "group dead letters");
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct letter_group, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        read_group(rows, i, arena, &(*ret)[i]);
    return true;
}

bool letter_counts_load(struct pg_conn *conn, struct str projection, struct letter_counts *ret,
                        struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, projection);
    if (!pg_query(conn, sql_letter_counts, &params, &rows, err))
        return error_wrap(err, "count dead letters");
    assert(pg_rows_count(rows) == 1);
    *ret = (struct letter_counts){
        .retrying = pg_get_i64(rows, 0, 0),
        .dead = pg_get_i64(rows, 0, 1),
        .releasing = pg_get_i64(rows, 0, 2),
        .letters = pg_get_i64(rows, 0, 3),
    };
    ret->parked_keys = ret->retrying + ret->dead + ret->releasing;
    return true;
}

bool letters_forget(struct pg_conn *conn, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i32(&params, LETTERS_KEPT_DAYS);
    return (pg_query(conn, sql_letters_forget, &params, NULL, err) &&
            pg_query(conn, sql_letter_requests_forget, &params, NULL, err)) ||
           error_wrap(err, "forget old dead letters");
}
