/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/select.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "postgres/pg.h"
#include "projection/live.h"
#include "projection/table.h"

enum { SQL_BYTES_MAX = 16 * 1024 };

/* A list sorted by a column that may be null is read in two parts, so that each part's order and
 * start are what an index gives. */
enum part {
    PART_ALL,
    PART_WITH_VALUE,
    PART_WITHOUT_VALUE,
};

struct statement {
    struct buf sql;
    struct pg_params params;
    int params_count;
};

static void statement_init(struct statement *s)
{
    buf_init(&s->sql, SQL_BYTES_MAX);
    pg_params_init(&s->params);
    s->params_count = 0;
}

static void statement_release(struct statement *s)
{
    buf_release(&s->sql);
    pg_params_release(&s->params);
}

static const struct column *must_column(const struct projection *projection, const char *name)
{
    const struct column *column = projection_column(projection, name);

    assert(column);
    assert(column->type != COLUMN_JSON && column->type != COLUMN_SUM);
    return column;
}

/* Binds VALUE as the next parameter and writes its number. */
static void add_value(struct statement *s, const struct column *column, const struct value *value)
{
    static const char *const types[] = {
        [COLUMN_TEXT] = "text", [COLUMN_BIGINT] = "bigint", [COLUMN_TIME] = "timestamptz"};

    assert(!value->null);
    switch (column->type) {
    case COLUMN_TEXT:
        pg_add_str(&s->params, value->str);
        break;
    case COLUMN_BIGINT:
        pg_add_i64(&s->params, value->i64);
        break;
    case COLUMN_TIME:
        pg_add_time(&s->params, value->i64);
        break;
    case COLUMN_JSON:
    case COLUMN_SUM:
        assert(!"a column that can be matched");
    }
    buf_printf(&s->sql, "$%d::%s", ++s->params_count, types[column->type]);
}

static void add_match(struct statement *s, const struct projection *projection,
                      const struct row_match *match)
{
    static const char *const operators[] = {[ROW_EQUAL] = "=",
                                            [ROW_NOT_EQUAL] = "<>",
                                            [ROW_NOT_NULL] = "is not null",
                                            [ROW_AT_LEAST] = ">=",
                                            [ROW_BELOW] = "<"};
    const struct column *column = must_column(projection, match->column);

    buf_printf(&s->sql, " and %s %s ", column->name, operators[match->op]);
    if (match->op != ROW_NOT_NULL)
        add_value(s, column, &match->value);
}

static void add_after(struct statement *s, const struct projection *projection,
                      const struct row_query *query, enum part part)
{
    const char *beyond = query->descending ? "<" : ">";
    const struct column *column;
    struct value stream = {.str = query->after->stream};

    if (part != PART_WITH_VALUE) {
        buf_printf(&s->sql, " and stream %s ", beyond);
        add_value(s, must_column(projection, "stream"), &stream);
        return;
    }
    column = must_column(projection, query->order_by);
    buf_printf(&s->sql, " and (%s, stream) %s (", column->name, beyond);
    add_value(s, column, &query->after->value);
    buf_add_cstr(&s->sql, ", ");
    add_value(s, must_column(projection, "stream"), &stream);
    buf_add_cstr(&s->sql, ")");
}

static void add_order(struct statement *s, const struct projection *projection,
                      const struct row_query *query, enum part part)
{
    const char *direction = query->descending ? " desc" : "";

    buf_add_cstr(&s->sql, " order by ");
    if (projection->kind == PROJECTION_ROLL_UP) {
        buf_printf(&s->sql, "tenant%s", direction);
        for (size_t i = 0; i < projection->key_columns; i++)
            buf_printf(&s->sql, ", %s%s", projection->columns[i].name, direction);
        return;
    }
    if (part == PART_WITH_VALUE)
        buf_printf(&s->sql, "%s%s, ", query->order_by, direction);
    buf_printf(&s->sql, "stream%s", direction);
}

/* AFTER: the part begins behind query->after, else at its first row. */
static void write_select(struct statement *s, const struct table *table,
                         const struct row_query *query, enum part part, bool after, size_t limit)
{
    const struct column text = {.type = COLUMN_TEXT};
    const struct column bigint = {.type = COLUMN_BIGINT};
    struct value tenant = {.str = query->tenant};
    struct value rows = {.i64 = (int64_t)limit};

    buf_printf(&s->sql, "select %s from %s where tenant = ", table->columns, table->name);
    add_value(s, &text, &tenant);
    for (size_t i = 0; i < query->matches_count; i++)
        add_match(s, table->projection, &query->matches[i]);
    if (part != PART_ALL)
        buf_printf(&s->sql, " and %s is %snull", query->order_by,
                   part == PART_WITH_VALUE ? "not " : "");
    if (after)
        add_after(s, table->projection, query, part);
    add_order(s, table->projection, query, part);
    buf_add_cstr(&s->sql, " limit ");
    add_value(s, &bigint, &rows);
    assert(!s->sql.failed);
}

static bool run(struct pg_conn *conn, struct live_tables *live, struct statement *s,
                struct pg_rows **ret_rows, struct error *err)
{
    const char *kept;

    buf_add_char(&s->sql, '\0');
    kept = live_statement(live, s->sql.data);
    if (kept)
        return pg_query(conn, kept, &s->params, ret_rows, err);
    return pg_query_once(conn, s->sql.data, &s->params, ret_rows, err);
}

struct selecting {
    struct pg_conn *conn;
    struct live_tables *live;
    const struct table *table;
    const struct row_query *query;
    struct arena *arena;
    struct row *rows; /* query->limit of them */
    size_t count;
};

static bool select_part(struct selecting *sel, enum part part, bool after, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(statement_release) struct statement s;
    size_t limit = sel->query->limit - sel->count;

    statement_init(&s);
    write_select(&s, sel->table, sel->query, part, after, limit);
    if (!run(sel->conn, sel->live, &s, &rows, err)) {
        live_tables_forget(sel->live);
        return error_wrap(err, "select rows of projection '%s'", sel->table->projection->name);
    }
    assert(pg_rows_count(rows) <= limit);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct row *row = &sel->rows[sel->count++];

        table_read_row(sel->table, rows, i, 0, row);
        row_keep(row, sel->table->projection, sel->arena);
    }
    return true;
}

static bool select_sorted(struct selecting *sel, struct error *err)
{
    const struct row_key *after = sel->query->after;
    bool among_nulls = after && after->value.null;

    if (!among_nulls && !select_part(sel, PART_WITH_VALUE, after != NULL, err))
        return false;
    return sel->count == sel->query->limit ||
           select_part(sel, PART_WITHOUT_VALUE, among_nulls, err);
}

bool rows_select(struct pg_conn *conn, struct live_tables *live,
                 const struct projection *projection, const struct row_query *query,
                 struct arena *arena, struct row **ret_rows, size_t *ret_count, struct error *err)
{
    struct selecting sel = {.conn = conn, .live = live, .query = query, .arena = arena};

    assert(query->limit >= 1 && query->limit <= ROW_LIMIT_MAX);
    assert(query->matches_count <= ROW_MATCHES_MAX);
    assert(projection->kind == PROJECTION_BY_STREAM || (!query->order_by && !query->after));

    if (!live_table_get(live, conn, projection, &sel.table, err))
        return false;
    if (sel.table) {
        sel.rows = ARENA_ARRAY(arena, struct row, query->limit);
        if (!(query->order_by ? select_sorted(&sel, err)
                              : select_part(&sel, PART_ALL, query->after != NULL, err)))
            return false;
    }
    *ret_rows = sel.rows;
    *ret_count = sel.count;
    return true;
}
