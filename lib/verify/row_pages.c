/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/row_pages.h"

#include <assert.h>

#include "base/arena.h"
#include "base/buf.h"
#include "postgres/pg.h"
#include "verify/shadow.h"

enum { SQL_MAX = 16384, SQL_PAGE_ROWS = 2000 };

static void write_keys(const struct row_pages *p, const char *cast, struct buf *sql)
{
    for (size_t i = 0; i < p->keys->count; i++)
        buf_printf(sql, "%s" STR_FMT "%s", i > 0 ? ", " : "", STR_ARG(p->keys->names[i]), cast);
}

static void write_bound(const struct row_pages *p, const char *operator, size_t first,
                        struct buf *sql)
{
    buf_add_char(sql, '(');
    write_keys(p, "", sql);
    buf_printf(sql, ") %s (", operator);
    for (size_t i = 0; i < p->keys->count; i++)
        buf_printf(sql, "%s$%zu::text::" STR_FMT, i > 0 ? ", " : "", first + i,
                   STR_ARG(p->keys->types[i]));
    buf_add_char(sql, ')');
}

static void write_range(const struct row_pages *p, bool with_end, struct buf *sql)
{
    if (p->begun)
        write_bound(p, ">", 1, sql);
    else
        buf_add_cstr(sql, "true");
    if (with_end && !p->is_last) {
        buf_add_cstr(sql, " and ");
        write_bound(p, "<=", p->begun ? 1 + p->keys->count : 1, sql);
    }
}

static void add_range(const struct row_pages *p, bool with_end, struct pg_params *params)
{
    for (size_t i = 0; p->begun && i < p->keys->count; i++)
        pg_add_str(params, p->after[i]);
    for (size_t i = 0; with_end && !p->is_last && i < p->keys->count; i++)
        pg_add_str(params, p->last[i]);
}

/* Where the page ends. */
static bool find_end(struct row_pages *p, int64_t *ret_count, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    add_range(p, false, &params);
    buf_add_cstr(&sql, "select number, ");
    write_keys(p, "::text", &sql);
    buf_add_cstr(&sql, " from (select row_number() over (order by ");
    write_keys(p, "", &sql);
    buf_add_cstr(&sql, ") as number, ");
    write_keys(p, "", &sql);
    buf_printf(&sql, " from %s where ", p->table);
    write_range(p, false, &sql);
    buf_add_cstr(&sql, " order by ");
    write_keys(p, "", &sql);
    buf_printf(&sql, " limit %d) p order by number desc limit 1", SQL_PAGE_ROWS);
    buf_add_char(&sql, '\0');
    if (!pg_query_once(p->conn, sql.data, &params, &rows, err))
        return error_wrap(err, "find the next rows");
    *ret_count = pg_rows_count(rows) == 0 ? 0 : pg_get_i64(rows, 0, 0);
    p->is_last = *ret_count < SQL_PAGE_ROWS;
    for (size_t i = 0; !p->is_last && i < p->keys->count; i++)
        p->last[i] = arena_dup(p->page, pg_get_str(rows, 0, 1 + (int)i));
    pg_rows_skip(rows);
    return true;
}

static void write_side(const struct row_pages *p, const char *table, struct buf *sql)
{
    buf_printf(sql, "(select * from %s where ", table);
    write_range(p, true, sql);
    buf_add_char(sql, ')');
}

static bool find_differences(struct row_pages *p, struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_range(p, true, &params);
    buf_add_cstr(&sql, "select to_jsonb(l)::text, to_jsonb(s)::text, ");
    for (size_t i = 0; i < p->keys->count; i++)
        buf_printf(&sql, "%scoalesce(l." STR_FMT ", s." STR_FMT ")::text", i > 0 ? ", " : "",
                   STR_ARG(p->keys->names[i]), STR_ARG(p->keys->names[i]));
    buf_add_cstr(&sql, " from ");
    write_side(p, p->table, &sql);
    buf_add_cstr(&sql, " l full join ");
    write_side(p, shadow_table, &sql);
    buf_add_cstr(&sql, " s on ");
    for (size_t i = 0; i < p->keys->count; i++)
        buf_printf(&sql, "%sl." STR_FMT " = s." STR_FMT, i > 0 ? " and " : "",
                   STR_ARG(p->keys->names[i]), STR_ARG(p->keys->names[i]));
    buf_add_cstr(&sql, " where to_jsonb(l) is distinct from to_jsonb(s)");
    buf_add_char(&sql, '\0');
    return pg_query_once(p->conn, sql.data, &params, ret_rows, err) ||
           error_wrap(err, "compare rows");
}

void row_pages_init(struct row_pages *pages, struct pg_conn *conn, const char *table,
                    const struct table_keys *keys)
{
    *pages = (struct row_pages){.conn = conn, .table = table, .keys = keys};
    pages->page = arena_new(0);
    pages->spare = arena_new(0);
}

void row_pages_release(struct row_pages *pages)
{
    arena_free(pages->page);
    arena_free(pages->spare);
}

bool row_pages_compare(struct row_pages *pages, int64_t *ret_count, struct pg_rows **ret_rows,
                       struct error *err)
{
    return find_end(pages, ret_count, err) && find_differences(pages, ret_rows, err);
}

void row_pages_go_on(struct row_pages *pages)
{
    struct arena *before = pages->page;

    assert(!pages->is_last);
    for (size_t i = 0; i < pages->keys->count; i++)
        pages->after[i] = arena_dup(pages->spare, pages->last[i]);
    pages->begun = true;
    pages->page = pages->spare;
    pages->spare = before;
    arena_clear(before);
}
