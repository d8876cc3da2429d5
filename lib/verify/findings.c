/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/findings.h"

#include "base/arena.h"
#include "postgres/pg.h"
#include "verify/sql.h"

bool findings_clear(struct pg_conn *conn, int64_t job, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, job);
    return pg_query(conn, sql_findings_clear, &params, NULL, err) ||
           error_wrap(err, "forget findings");
}

/* Not null in the database: empty is what is not known. */
static void add_text(struct pg_params *params, struct str text)
{
    pg_add_str(params, text.data ? text : STR(""));
}

bool findings_add(struct pg_conn *conn, int64_t job, int64_t number, const struct finding *finding,
                  struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, job);
    pg_add_i64(&params, number);
    pg_add_str(&params, str_of(finding_kind_name(finding->kind)));
    pg_add_str(&params, str_of(verify_part_name(finding->part)));
    add_text(&params, finding->name);
    pg_add_i32(&params, finding->partition);
    add_text(&params, finding->tenant);
    add_text(&params, finding->key);
    pg_add_i64(&params, finding->position.n);
    pg_add_i64(&params, finding->version.n);
    add_text(&params, finding->text);
    return pg_query(conn, sql_findings_add, &params, NULL, err) ||
           error_wrap(err, "note a finding");
}

static bool read_finding(const struct pg_rows *rows, size_t row, struct arena *arena,
                         struct finding *ret, struct error *err)
{
    *ret = (struct finding){
        .name = arena_dup(arena, pg_get_str(rows, row, 3)),
        .partition = (int32_t)pg_get_i64(rows, row, 4),
        .tenant = arena_dup(arena, pg_get_str(rows, row, 5)),
        .key = arena_dup(arena, pg_get_str(rows, row, 6)),
        .position = POSITION(pg_get_i64(rows, row, 7)),
        .version = VERSION(pg_get_i64(rows, row, 8)),
        .text = arena_dup(arena, pg_get_str(rows, row, 9)),
    };
    if (finding_kind_parse(pg_get_str(rows, row, 1), &ret->kind) &&
        verify_part_parse(pg_get_str(rows, row, 2), &ret->part))
        return true;
    return error_set(err, ERROR_FATAL, "internal-error", "a finding of an unknown kind");
}

bool findings_load(struct pg_conn *conn, int64_t job, int64_t after, size_t limit,
                   struct arena *arena, struct stored_finding **ret, size_t *ret_count,
                   struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_i64(&params, job);
    pg_add_i64(&params, after);
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql_findings_load, &params, &rows, err))
        return error_wrap(err, "load findings");
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct stored_finding, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++) {
        (*ret)[i].number = pg_get_i64(rows, i, 0);
        if (!read_finding(rows, i, arena, &(*ret)[i].finding, err))
            return false;
    }
    return true;
}
