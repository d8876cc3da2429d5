/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/table.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/name.h"
#include "projection/sql_table.h"

enum { SQL_BYTES_MAX = 64 * 1024 };

static const struct column stream_column = {"stream", COLUMN_TEXT};
static const struct column version_column = {"version", COLUMN_BIGINT};

static const char *column_sql_type(enum column_type type)
{
    switch (type) {
    case COLUMN_TEXT:
        return "text collate \"C\"";
    case COLUMN_BIGINT:
        return "bigint";
    case COLUMN_TIME:
        return "timestamptz";
    case COLUMN_JSON:
        return "json";
    case COLUMN_SUM:
        return "numeric";
    }
    assert(!"a column type");
    return NULL;
}

/* What upsert takes for a column. */
static const char *array_sql_type(enum column_type type)
{
    switch (type) {
    case COLUMN_TEXT:
        return "text[]";
    case COLUMN_BIGINT:
    case COLUMN_SUM:
        return "bigint[]";
    case COLUMN_TIME:
        return "timestamptz[]";
    case COLUMN_JSON:
        return "json[]";
    }
    assert(!"a column type");
    return NULL;
}

static bool is_roll_up(const struct projection *p)
{
    return p->kind == PROJECTION_ROLL_UP;
}

static void check_columns(const struct projection *p)
{
    assert(p->columns_count <= PROJECTION_COLUMNS_MAX);
    for (size_t i = 0; i < p->columns_count; i++) {
        bool is_sum = p->columns[i].type == COLUMN_SUM;

        assert(strcmp(p->columns[i].name, "tenant") != 0);
        assert(strcmp(p->columns[i].name, stream_column.name) != 0);
        assert(strcmp(p->columns[i].name, version_column.name) != 0);
        assert(is_sum == (is_roll_up(p) && i >= p->key_columns));
        assert(!is_roll_up(p) || is_sum || p->columns[i].type == COLUMN_TEXT);
    }
}

static void check_declaration(const struct projection *p)
{
    static const struct delta delta;

    assert(name_is_projection(str_of(p->name)));
    assert(p->categories[0]);
    check_columns(p);
    if (p->kind == PROJECTION_SQL) {
        assert(p->sql);
        assert(p->columns_count == 0);
    } else if (is_roll_up(p)) {
        assert(p->deltas);
        assert(p->key_columns >= 1);
        assert(p->key_columns <= sizeof(delta.keys) / sizeof(delta.keys[0]));
        assert(p->columns_count > p->key_columns);
        assert(p->columns_count - p->key_columns <= sizeof(delta.sums) / sizeof(delta.sums[0]));
    } else {
        assert(p->fold);
    }
}

static char *take_text(struct buf *sql)
{
    char *text;

    assert(!sql->failed);
    text = mem_strdup_str(buf_str(sql));
    buf_release(sql);
    return text;
}

static void add_key_columns(struct buf *sql, const struct projection *p)
{
    buf_add_cstr(sql, "tenant");
    if (!is_roll_up(p))
        buf_add_cstr(sql, ", stream");
    for (size_t i = 0; i < p->key_columns; i++)
        buf_printf(sql, ", %s", p->columns[i].name);
}

/* All columns in table order; PREFIX is "" or a table's alias with its dot. */
static void add_all_columns(struct buf *sql, const struct projection *p, const char *prefix)
{
    buf_printf(sql, "%stenant", prefix);
    if (!is_roll_up(p))
        buf_printf(sql, ", %sstream, %sversion", prefix, prefix);
    for (size_t i = 0; i < p->columns_count; i++)
        buf_printf(sql, ", %s%s", prefix, p->columns[i].name);
}

char *projection_declaration(const struct projection *p)
{
    struct buf sql = BUF_INIT(SQL_EXPANDED_BYTES_MAX);

    if (p->kind == PROJECTION_SQL) {
        sql_write_declaration(p, &sql);
        return take_text(&sql);
    }
    buf_add_cstr(&sql, is_roll_up(p) ? "roll-up of" : "by stream of");
    for (size_t i = 0; p->categories[i]; i++)
        buf_printf(&sql, " %s", p->categories[i]);
    buf_add_cstr(&sql, ": key (");
    add_key_columns(&sql, p);
    buf_add_cstr(&sql, ")");
    for (size_t i = p->key_columns; i < p->columns_count; i++)
        buf_printf(&sql, ", %s %s", p->columns[i].name, column_sql_type(p->columns[i].type));
    for (size_t i = 0; p->indexes && p->indexes[i]; i++)
        buf_printf(&sql, "; index (%s)", p->indexes[i]);
    return take_text(&sql);
}

static char *write_create(const struct table *table)
{
    struct buf sql = BUF_INIT(SQL_BYTES_MAX);
    const struct projection *p = table->projection;

    /* Room on each page, so that an update that touches no indexed column stays there (HOT). */
    buf_printf(&sql, "create table %s (tenant text collate \"C\" not null", table->name);
    if (!is_roll_up(p))
        buf_add_cstr(&sql, ", stream text collate \"C\" not null, version bigint not null");
    for (size_t i = 0; i < p->columns_count; i++)
        buf_printf(&sql, ", %s %s%s", p->columns[i].name, column_sql_type(p->columns[i].type),
                   is_roll_up(p) ? " not null" : "");
    buf_add_cstr(&sql, ", primary key (");
    add_key_columns(&sql, p);
    buf_add_cstr(&sql, ")) with (fillfactor = 70);\n");
    for (size_t i = 0; p->indexes && p->indexes[i]; i++) {
        assert(i < PROJECTION_INDEXES_MAX);
        buf_printf(&sql, "create index on %s (%s);\n", table->name, p->indexes[i]);
    }
    return take_text(&sql);
}

static char *write_columns(const struct projection *p)
{
    struct buf sql = BUF_INIT(SQL_BYTES_MAX);

    if (!is_roll_up(p)) {
        add_all_columns(&sql, p, "");
        return take_text(&sql);
    }
    add_key_columns(&sql, p);
    for (size_t i = p->key_columns; i < p->columns_count; i++)
        buf_printf(&sql, ", %s::text", p->columns[i].name);
    return take_text(&sql);
}

/*
 * One row by its key, read in the key's order. Plain equality would let a plan that is made while
 * the table is small or without statistics go by an index that shares only the tenant: 10 s instead
 * of 3 ms for 2,000 of 45,000 rows. Only the key's index gives this order.
 */
static void add_row_by_key(struct buf *sql, const struct table *table, const char *tenant,
                           const char *stream)
{
    buf_printf(sql,
               " lateral (select * from %s where (tenant, stream) >= (%s, %s)"
               " order by tenant, stream limit 1) r on r.tenant = %s and r.stream = %s",
               table->name, tenant, stream, tenant, stream);
}

static char *write_load(const struct table *table)
{
    struct buf sql = BUF_INIT(SQL_BYTES_MAX);

    buf_add_cstr(&sql, "select ");
    add_all_columns(&sql, table->projection, "r.");
    buf_add_cstr(&sql, " from unnest($1::text[], $2::text[]) as k (tenant, stream) join");
    add_row_by_key(&sql, table, "k.tenant", "k.stream");
    return take_text(&sql);
}

static char *write_copy(const struct table *table)
{
    struct buf sql = BUF_INIT(SQL_BYTES_MAX);

    buf_printf(&sql, "copy %s (", table->name);
    add_all_columns(&sql, table->projection, "");
    buf_add_cstr(&sql, ") from stdin (format binary)");
    return take_text(&sql);
}

static char *write_current(const struct table *table)
{
    const struct projection *p = table->projection;
    struct buf sql = BUF_INIT(SQL_BYTES_MAX);

    buf_add_cstr(&sql, "select s.version, s.tenant, s.name, r.version");
    for (size_t i = 0; i < p->columns_count; i++)
        buf_printf(&sql, ", r.%s", p->columns[i].name);
    buf_printf(&sql,
               ", exists (select from skipped_versions v where v.projection = '%s' and"
               " v.generation = %d and v.tenant = s.tenant and v.stream = s.name)",
               p->name, table->generation);
    buf_add_cstr(&sql, ", (select position from log_head) from streams s left join");
    add_row_by_key(&sql, table, "s.tenant", "s.name");
    buf_add_cstr(&sql, " where s.tenant = $1 and s.name = $2");
    return take_text(&sql);
}

static void add_unnest(struct buf *sql, const struct projection *p)
{
    int param = 1;

    buf_printf(sql, "unnest($%d::text[]", param++);
    if (!is_roll_up(p)) {
        buf_printf(sql, ", $%d::text[]", param++);
        buf_printf(sql, ", $%d::bigint[]", param++);
    }
    for (size_t i = 0; i < p->columns_count; i++)
        buf_printf(sql, ", $%d::%s", param++, array_sql_type(p->columns[i].type));
    buf_add_cstr(sql, ")");
}

static char *write_upsert(const struct table *table)
{
    const struct projection *p = table->projection;
    struct buf sql = BUF_INIT(SQL_BYTES_MAX);

    buf_printf(&sql, "insert into %s as t (", table->name);
    add_all_columns(&sql, p, "");
    buf_add_cstr(&sql, ") select * from ");
    add_unnest(&sql, p);
    buf_add_cstr(&sql, " on conflict (");
    add_key_columns(&sql, p);
    buf_add_cstr(&sql, ") do update set ");
    if (!is_roll_up(p))
        buf_add_cstr(&sql, "version = excluded.version");
    for (size_t i = p->key_columns; i < p->columns_count; i++) {
        const char *name = p->columns[i].name;

        if (is_roll_up(p))
            buf_printf(&sql, "%s%s = t.%s + excluded.%s", i > p->key_columns ? ", " : "", name,
                       name, name);
        else
            buf_printf(&sql, ", %s = excluded.%s", name, name);
    }
    return take_text(&sql);
}

static void write_statements(struct table *table)
{
    const struct projection *p = table->projection;

    table->upsert = write_upsert(table);
    table->columns = write_columns(p);
    table->create = write_create(table);
    if (is_roll_up(p))
        return;
    table->load = write_load(table);
    table->current = write_current(table);
    table->copy = write_copy(table);
}

/* Of a file. */
static void expand_statements(struct table *table)
{
    const struct projection_sql *file = table->projection->sql;
    struct buf sql = BUF_INIT(SQL_EXPANDED_BYTES_MAX);
    char view[TABLE_NAME_MAX + 1];

    sql_write_create(file, table->name, &sql);
    table->create = take_text(&sql);
    for (size_t i = 0; file->statements[i]; i++) {
        assert(i < TABLE_STATEMENTS_MAX);
        table->apply[i].reads_events = sql_expand(file->statements[i], table->name, &sql);
        table->apply[i].sql = take_text(&sql);
        table->apply_count++;
    }
    snprintf(view, sizeof(view), "rm_%s", table->projection->name);
    sql_write_view(view, table->name, &sql);
    table->view = take_text(&sql);
}

struct table *table_new(const struct projection *projection, int generation)
{
    struct table *table = mem_zalloc(sizeof(*table));
    int len;

    check_declaration(projection);
    assert(upcasters_are_whole(projection->upcasters));
    assert(generation >= 1);

    table->projection = projection;
    table->generation = generation;
    len = snprintf(table->name, sizeof(table->name), "rm_%s_%d", projection->name, generation);
    assert(len > 0 && (size_t)len < sizeof(table->name));
    table->declaration = projection_declaration(projection);
    if (projection->kind == PROJECTION_SQL)
        expand_statements(table);
    else
        write_statements(table);
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    mem_free(table->declaration);
    mem_free(table->create);
    mem_free(table->columns);
    mem_free(table->upsert);
    mem_free(table->load);
    mem_free(table->current);
    mem_free(table->copy);
    for (size_t i = 0; i < table->apply_count; i++)
        mem_free(table->apply[i].sql);
    mem_free(table->view);
    mem_free(table);
}

int table_columns_count(const struct table *table)
{
    const struct projection *p = table->projection;

    return (is_roll_up(p) ? 1 : 3) + (int)p->columns_count;
}

static struct value read_value(const struct pg_rows *rows, size_t index, int column,
                               enum column_type type)
{
    struct value value = {.null = pg_is_null(rows, index, column)};

    if (value.null)
        return value;
    switch (type) {
    case COLUMN_TEXT:
    case COLUMN_JSON:
    case COLUMN_SUM:
        value.str = pg_get_str(rows, index, column);
        break;
    case COLUMN_BIGINT:
        value.i64 = pg_get_i64(rows, index, column);
        break;
    case COLUMN_TIME:
        value.i64 = pg_get_time(rows, index, column);
        break;
    }
    return value;
}

void table_read_row(const struct table *table, const struct pg_rows *rows, size_t index, int first,
                    struct row *ret_row)
{
    const struct projection *p = table->projection;
    int column = first;

    *ret_row = (struct row){.exists = true};
    ret_row->tenant = pg_get_str(rows, index, column++);
    if (!is_roll_up(p)) {
        ret_row->stream = pg_get_str(rows, index, column++);
        ret_row->exists = !pg_is_null(rows, index, column);
        if (ret_row->exists)
            ret_row->version = VERSION(pg_get_i64(rows, index, column));
        column++;
    }
    for (size_t i = 0; i < p->columns_count; i++)
        ret_row->values[i] = read_value(rows, index, column++, p->columns[i].type);
}

static struct str keep(struct str s, struct arena *arena)
{
    return s.data ? arena_dup(arena, s) : s;
}

void row_keep(struct row *row, const struct projection *projection, struct arena *arena)
{
    row->tenant = keep(row->tenant, arena);
    row->stream = keep(row->stream, arena);
    for (size_t i = 0; i < projection->columns_count; i++)
        row->values[i].str = keep(row->values[i].str, arena);
}

const struct column *projection_column(const struct projection *projection, const char *name)
{
    for (size_t i = 0; i < projection->columns_count; i++)
        if (strcmp(projection->columns[i].name, name) == 0)
            return &projection->columns[i];
    if (is_roll_up(projection))
        return NULL;
    if (strcmp(name, stream_column.name) == 0)
        return &stream_column;
    return strcmp(name, version_column.name) == 0 ? &version_column : NULL;
}

bool projection_reads(const struct projection *projection, struct str category)
{
    for (size_t i = 0; projection->categories[i]; i++)
        if (str_equal(str_of(projection->categories[i]), category))
            return true;
    return false;
}
