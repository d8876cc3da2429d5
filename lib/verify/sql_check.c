/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A projection that was brought as a file: only its statements know what its rows must be, so they
 * are run over the log once more, into a temporary table. Pages of rows are read in the snapshot in
 * which it was said what is applied; the temporary table is brought to exactly that before they are
 * compared.
 */
#include "verify/shadow.h"
#include "verify/verify_internal.h"

#include "base/buf.h"
#include "base/json.h"
#include "postgres/pg.h"
#include "projection/live.h"
#include "projection/table.h"
#include "projection/table_keys.h"
#include "verify/sql.h"

#include <stdio.h>
#include <string.h>

enum { SQL_MAX = 16384, SQL_PAGE_ROWS = 2000 };

struct sql_check {
    struct verifier *v;
    const struct table *table;
    struct shadow *shadow;
    struct table_keys keys;
    struct arena *arena;              /* of the keys' names */
    struct arena *page;               /* of the values below */
    struct str after[TABLE_KEYS_MAX]; /* where the page begins; none at first */
    bool begun;
    struct str last[TABLE_KEYS_MAX]; /* where it ends */
    bool is_last;                    /* it has no end */
    int64_t done;
};

/* Statements. */

static void write_keys(const struct sql_check *c, const char *cast, struct buf *sql)
{
    for (size_t i = 0; i < c->keys.count; i++)
        buf_printf(sql, "%s" STR_FMT "%s", i > 0 ? ", " : "", STR_ARG(c->keys.names[i]), cast);
}

static void write_bound(const struct sql_check *c, const char *operator, size_t first,
                        struct buf *sql)
{
    buf_add_char(sql, '(');
    write_keys(c, "", sql);
    buf_printf(sql, ") %s (", operator);
    for (size_t i = 0; i < c->keys.count; i++)
        buf_printf(sql, "%s$%zu::text::" STR_FMT, i > 0 ? ", " : "", first + i,
                   STR_ARG(c->keys.types[i]));
    buf_add_char(sql, ')');
}

static void write_range(const struct sql_check *c, bool with_end, struct buf *sql)
{
    if (c->begun)
        write_bound(c, ">", 1, sql);
    else
        buf_add_cstr(sql, "true");
    if (with_end && !c->is_last) {
        buf_add_cstr(sql, " and ");
        write_bound(c, "<=", c->begun ? 1 + c->keys.count : 1, sql);
    }
}

static void add_range(const struct sql_check *c, bool with_end, struct pg_params *params)
{
    for (size_t i = 0; c->begun && i < c->keys.count; i++)
        pg_add_str(params, c->after[i]);
    for (size_t i = 0; with_end && !c->is_last && i < c->keys.count; i++)
        pg_add_str(params, c->last[i]);
}

/* Where the page ends. */
static bool find_end(struct sql_check *c, int64_t *ret_count, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    add_range(c, false, &params);
    buf_add_cstr(&sql, "select number, ");
    write_keys(c, "::text", &sql);
    buf_add_cstr(&sql, " from (select row_number() over (order by ");
    write_keys(c, "", &sql);
    buf_add_cstr(&sql, ") as number, ");
    write_keys(c, "", &sql);
    buf_printf(&sql, " from %s where ", c->table->name);
    write_range(c, false, &sql);
    buf_add_cstr(&sql, " order by ");
    write_keys(c, "", &sql);
    buf_printf(&sql, " limit %d) p order by number desc limit 1", SQL_PAGE_ROWS);
    buf_add_char(&sql, '\0');
    if (!pg_query_once(c->v->conn, sql.data, &params, &rows, err))
        return error_wrap(err, "find the next rows");
    *ret_count = pg_rows_count(rows) == 0 ? 0 : pg_get_i64(rows, 0, 0);
    c->is_last = *ret_count < SQL_PAGE_ROWS;
    for (size_t i = 0; !c->is_last && i < c->keys.count; i++)
        c->last[i] = arena_dup(c->page, pg_get_str(rows, 0, 1 + (int)i));
    pg_rows_skip(rows);
    return true;
}

static void write_side(const struct sql_check *c, const char *table, struct buf *sql)
{
    buf_printf(sql, "(select * from %s where ", table);
    write_range(c, true, sql);
    buf_add_char(sql, ')');
}

static bool find_differences(struct sql_check *c, struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_range(c, true, &params);
    buf_add_cstr(&sql, "select to_jsonb(l)::text, to_jsonb(s)::text, ");
    for (size_t i = 0; i < c->keys.count; i++)
        buf_printf(&sql, "%scoalesce(l." STR_FMT ", s." STR_FMT ")::text", i > 0 ? ", " : "",
                   STR_ARG(c->keys.names[i]), STR_ARG(c->keys.names[i]));
    buf_add_cstr(&sql, " from ");
    write_side(c, c->table->name, &sql);
    buf_add_cstr(&sql, " l full join ");
    write_side(c, shadow_table, &sql);
    buf_add_cstr(&sql, " s on ");
    for (size_t i = 0; i < c->keys.count; i++)
        buf_printf(&sql, "%sl." STR_FMT " = s." STR_FMT, i > 0 ? " and " : "",
                   STR_ARG(c->keys.names[i]), STR_ARG(c->keys.names[i]));
    buf_add_cstr(&sql, " where to_jsonb(l) is distinct from to_jsonb(s)");
    buf_add_char(&sql, '\0');
    return pg_query_once(c->v->conn, sql.data, &params, ret_rows, err) ||
           error_wrap(err, "compare rows");
}

/* Findings. */

/* The first column in which they differ, as JSON shows it. */
static bool describe(struct str live, struct str made, char out[TEXT_MAX])
{
    SCOPED(json_decref) json_t *a = NULL;
    SCOPED(json_decref) json_t *b = NULL;
    struct error err;
    const char *column;
    json_t *value;

    if (!json_parse_stored(live, &a, &err) || !json_parse_stored(made, &b, &err))
        return false;
    json_object_foreach(a, column, value)
    {
        json_t *other = json_object_get(b, column);
        char *shown[2];

        if (json_equal(value, other))
            continue;
        shown[0] = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        shown[1] = json_dumps(other, JSON_ENCODE_ANY | JSON_COMPACT);
        snprintf(out, TEXT_MAX, "%s is %s, by the log %s", column, shown[0] ? shown[0] : "?",
                 shown[1] ? shown[1] : "?");
        free(shown[0]); /* jansson's, by malloc */
        free(shown[1]);
        return true;
    }
    return false;
}

static struct str key_text(struct sql_check *c, const struct pg_rows *rows, size_t row,
                           struct str *ret_tenant)
{
    struct str text = STR("");

    *ret_tenant = STR("");
    for (size_t i = 0; i < c->keys.count; i++) {
        struct str value = pg_get_str(rows, row, 2 + (int)i);

        if (str_equal(c->keys.names[i], STR("tenant")))
            *ret_tenant = value;
        else
            text = arena_printf(c->page, STR_FMT "%s" STR_FMT, STR_ARG(text),
                                text.len > 0 ? "/" : "", STR_ARG(value));
    }
    return text;
}

static void tell(struct sql_check *c, const struct pg_rows *rows, size_t row)
{
    struct finding finding = {.kind = FINDING_DRIFTED,
                              .part = VERIFY_MODELS,
                              .name = str_of(c->table->projection->name),
                              .partition = -1};
    char text[TEXT_MAX];

    finding.key = key_text(c, rows, row, &finding.tenant);
    if (pg_is_null(rows, row, 0)) {
        finding.kind = FINDING_LOST;
        snprintf(text, sizeof(text), "has no row, though the checkpoints have passed its events");
    } else if (pg_is_null(rows, row, 1)) {
        snprintf(text, sizeof(text), "has a row, but no event speaks of it");
    } else if (!describe(pg_get_str(rows, row, 0), pg_get_str(rows, row, 1), text)) {
        snprintf(text, sizeof(text), "is not what the log makes of it");
    }
    finding.text = str_of(text);
    verifier_found(c->v, &finding);
}

/* Pages. */

static bool compare(struct sql_check *c, int64_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!shadow_look(c->shadow, err) || !shadow_follow(c->shadow, err) ||
        !find_end(c, ret_count, err) || !find_differences(c, &rows, err))
        return false;
    pg_rows_skip(rows);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        tell(c, rows, i);
    return true;
}

/* In one snapshot; what the statements write is in the temporary table alone. */
static bool check_page(struct sql_check *c, struct error *err)
{
    int64_t count = 0;

    if (!pg_query(c->v->conn, "begin isolation level repeatable read", NULL, NULL, err) ||
        !compare(c, &count, err) || !pg_commit(c->v->conn, err)) {
        pg_rollback(c->v->conn);
        return false;
    }
    c->v->report->rows += (uint64_t)count;
    c->done += count;
    return true;
}

static void go_behind(struct sql_check *c, struct arena *spare)
{
    struct arena *before = c->page;

    for (size_t i = 0; i < c->keys.count; i++)
        c->after[i] = arena_dup(spare, c->last[i]);
    c->begun = true;
    c->page = spare;
    arena_clear(before);
}

static bool check_pages(struct sql_check *c, struct error *err)
{
    SCOPED(arena_free) struct arena *one = arena_new(0);
    SCOPED(arena_free) struct arena *other = arena_new(0);

    c->page = one;
    while (!c->is_last) {
        if (!check_page(c, err) ||
            !verifier_go_on(c->v, c->table->projection->name, c->done, 0, err))
            return false;
        if (!c->is_last)
            go_behind(c, c->page == one ? other : one);
    }
    return true;
}

/* The bulk of the log, so that what is left to a page is little: what was seen, in a snapshot of
 * its own, then applied without one. */
static bool fill(struct sql_check *c, struct error *err)
{
    if (!pg_query(c->v->conn, "begin isolation level repeatable read, read only", NULL, NULL,
                  err) ||
        !shadow_look(c->shadow, err) || !pg_commit(c->v->conn, err)) {
        pg_rollback(c->v->conn);
        return false;
    }
    return shadow_follow(c->shadow, err);
}

/* What waits at the end; what was discarded has no text. */
static bool tell_parked(const struct sql_check *c, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(c->table->projection->name));
    pg_add_i32(&params, c->table->generation);
    if (!pg_query(c->v->conn, sql_held_all, &params, &rows, err))
        return error_wrap(err, "look at the parked keys");
    pg_rows_skip(rows);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct finding finding = {.kind = FINDING_PARKED,
                                  .part = VERIFY_MODELS,
                                  .name = str_of(c->table->projection->name),
                                  .partition = -1,
                                  .tenant = pg_get_str(rows, i, 2),
                                  .key = pg_get_str(rows, i, 3),
                                  .position = POSITION(pg_get_i64(rows, i, 6)),
                                  .version = VERSION(pg_get_i64(rows, i, 4) + 1),
                                  .text = pg_get_str(rows, i, 7)};

        if (finding.text.data)
            verifier_found(c->v, &finding);
    }
    return true;
}

bool verify_sql(struct verifier *v, const struct projection *projection, struct error *err)
{
    SCOPED(live_tables_free) struct live_tables *live = live_tables_new();
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED(shadow_free) struct shadow *shadow = NULL;
    struct sql_check c = {.v = v, .arena = arena};

    if (!live_table_find(live, v->conn, projection, &c.table, err))
        return false;
    if (!c.table)
        return true; /* no projector has made it yet */
    if (!table_keys_load(v->conn, c.table->name, arena, &c.keys, err) ||
        !shadow_new(v, c.table, &shadow, err))
        return false;
    c.shadow = shadow;
    /* Twice: the second time for what came while the log was read from its beginning. */
    return fill(&c, err) && fill(&c, err) && check_pages(&c, err) && tell_parked(&c, err);
}
