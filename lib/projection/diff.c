/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/diff.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "postgres/pg.h"
#include "projection/generation.h"
#include "projection/sql.h"
#include "projection/table.h"
#include "projection/table_keys.h"

enum {
    SLICE_KEYS = 2000, /* in a statement: some 20 ms */
    SQL_BYTES_MAX = 64 * 1024,
    AGAIN_MS = 1500, /* a page waits so long for generations that follow each other */
    PAUSE_MS = 25,
};

/* A pair of rows that is not the same. */
struct pair {
    struct str live; /* JSON; data NULL: there is none */
    struct str other;
    bool is_behind; /* the versions differ, and so do the checkpoints */
};

struct comparing {
    struct pg_conn *conn;
    const struct projection *projection;
    struct arena *arena;
    struct diff *diff;
    struct str keys[DIFF_KEYS_MAX]; /* names of the key's columns */
    struct str key_types[DIFF_KEYS_MAX];
    size_t keys_count;
    struct str columns[DIFF_COLUMNS_MAX]; /* that both have, without the key */
    struct str types[DIFF_COLUMNS_MAX];
    size_t columns_count;
    int64_t until_ms;
};

static bool is_by_stream(const struct comparing *c)
{
    return c->projection->kind == PROJECTION_BY_STREAM;
}

/* What is compared. */

static bool choose(struct comparing *c, int other, struct error *err)
{
    static const enum generation_state preferred[] = {GENERATION_READY, GENERATION_CATCHING_UP,
                                                      GENERATION_OLD};
    struct generation *all;
    size_t count;

    if (!generations_load(c->conn, c->projection->name, c->arena, &all, &count, err))
        return false;
    c->diff->other = 0;
    for (size_t i = 0; i < count; i++) {
        if (all[i].state == GENERATION_LIVE)
            c->diff->live = all[i].number;
        if (all[i].number == other && generation_runs(all[i].state))
            c->diff->other = other;
    }
    for (size_t k = 0; other == 0 && k < sizeof(preferred) / sizeof(preferred[0]); k++)
        for (size_t i = 0; i < count && c->diff->other == 0; i++)
            if (all[i].state == preferred[k])
                c->diff->other = all[i].number;
    if (c->diff->live > 0 && c->diff->other > 0 && c->diff->live != c->diff->other)
        return true;
    return error_set(err, ERROR_REFUSED, "projection-state",
                     "projection '%s' has no other generation to compare with",
                     c->projection->name);
}

static void set_key(struct comparing *c, struct str name, struct str type)
{
    assert(c->keys_count < DIFF_KEYS_MAX);
    c->keys[c->keys_count] = name;
    c->key_types[c->keys_count++] = type;
}

static bool set_keys(struct comparing *c, struct error *err)
{
    const struct projection *p = c->projection;
    struct table_keys keys;

    if (p->kind == PROJECTION_SQL) {
        const char *table =
            arena_cstr(c->arena, arena_printf(c->arena, "rm_%s_%d", p->name, c->diff->live));

        if (!table_keys_load(c->conn, table, c->arena, &keys, err))
            return false;
        for (size_t i = 0; i < keys.count; i++)
            set_key(c, keys.names[i], keys.types[i]);
        return true;
    }
    set_key(c, STR("tenant"), STR("text"));
    if (is_by_stream(c))
        set_key(c, STR("stream"), STR("text"));
    for (size_t i = 0; i < p->key_columns; i++)
        set_key(c, str_of(p->columns[i].name), STR("text"));
    return true;
}

static bool is_key(const struct comparing *c, struct str name)
{
    for (size_t i = 0; i < c->keys_count; i++)
        if (str_equal(c->keys[i], name))
            return true;
    return false;
}

static void add_column(struct comparing *c, struct str name, struct str live, struct str other,
                       size_t *keys)
{
    struct diff *diff = c->diff;

    if (live.data && other.data && str_equal(live, other)) {
        if (is_key(c, name)) {
            (*keys)++;
        } else if (c->columns_count < DIFF_COLUMNS_MAX) {
            c->columns[c->columns_count] = name;
            c->types[c->columns_count++] = live;
        }
        return;
    }
    if (live.data && diff->columns_live_count < DIFF_COLUMNS_MAX)
        diff->columns_live[diff->columns_live_count++] = name;
    if (other.data && diff->columns_other_count < DIFF_COLUMNS_MAX)
        diff->columns_other[diff->columns_other_count++] = name;
}

static struct str text_or_none(const struct comparing *c, const struct pg_rows *rows, size_t row,
                               int column)
{
    return pg_is_null(rows, row, column) ? STR_NONE
                                         : arena_dup(c->arena, pg_get_str(rows, row, column));
}

static bool load_columns(struct comparing *c, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    size_t keys = 0;

    pg_params_init(&params);
    pg_add_str(&params, arena_printf(c->arena, "rm_%s_%d", c->projection->name, c->diff->live));
    pg_add_str(&params, arena_printf(c->arena, "rm_%s_%d", c->projection->name, c->diff->other));
    if (!pg_query(c->conn, sql_diff_columns, &params, &rows, err))
        return error_wrap(err, "look at the columns of two generations");
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        add_column(c, text_or_none(c, rows, i, 0), text_or_none(c, rows, i, 1),
                   text_or_none(c, rows, i, 2), &keys);
    return keys == c->keys_count ||
           error_set(err, ERROR_REFUSED, "projection-state",
                     "generations %d and %d of projection '%s' have other keys: no row of one is "
                     "one of the other",
                     c->diff->live, c->diff->other, c->projection->name);
}

/* Statements. */

/* "tenant, stream" */
static void write_keys(const struct comparing *c, const char *prefix, struct buf *sql)
{
    for (size_t i = 0; i < c->keys_count; i++)
        buf_printf(sql, "%s%s" STR_FMT, i > 0 ? ", " : "", prefix, STR_ARG(c->keys[i]));
}

/* "date::text, currency::text": keys are handed about as text. */
static void write_key_texts(const struct comparing *c, struct buf *sql)
{
    for (size_t i = 0; i < c->keys_count; i++)
        buf_printf(sql, "%s" STR_FMT "::text", i > 0 ? ", " : "", STR_ARG(c->keys[i]));
}

/* "($1::text::date, $2::text::text)" */
static void write_bound(const struct comparing *c, size_t first, struct buf *sql)
{
    buf_add_char(sql, '(');
    for (size_t i = 0; i < c->keys_count; i++)
        buf_printf(sql, "%s$%zu::text::" STR_FMT, i > 0 ? ", " : "", first + i,
                   STR_ARG(c->key_types[i]));
    buf_add_char(sql, ')');
}

/* "(tenant, stream) > ($1::text, $2::text)"; all rows before there is a key. */
static void write_after(const struct comparing *c, const struct diff_key *after, struct buf *sql)
{
    if (after->count == 0) {
        buf_add_cstr(sql, "true");
        return;
    }
    buf_add_char(sql, '(');
    write_keys(c, "", sql);
    buf_add_cstr(sql, ") > ");
    write_bound(c, 1, sql);
}

/* "row(l.version, l.note::text, ...)": json has no equality, its text does. */
static void write_row(const struct comparing *c, const char *prefix, struct buf *sql)
{
    if (c->columns_count == 0) {
        buf_add_cstr(sql, "true");
        return;
    }
    buf_add_cstr(sql, "row(");
    for (size_t i = 0; i < c->columns_count; i++)
        buf_printf(sql, "%s%s" STR_FMT "%s", i > 0 ? ", " : "", prefix, STR_ARG(c->columns[i]),
                   str_equal(c->types[i], STR("json")) ? "::text" : "");
    buf_add_char(sql, ')');
}

static void add_key(struct pg_params *params, const struct diff_key *key)
{
    for (size_t i = 0; i < key->count; i++)
        pg_add_str(params, key->values[i]);
}

static void write_first_keys(const struct comparing *c, int generation,
                             const struct diff_key *after, struct buf *sql)
{
    buf_add_cstr(sql, "(select ");
    write_keys(c, "", sql);
    buf_printf(sql, " from rm_%s_%d where ", c->projection->name, generation);
    write_after(c, after, sql);
    buf_add_cstr(sql, " order by ");
    write_keys(c, "", sql);
    buf_printf(sql, " limit %d)", SLICE_KEYS);
}

/* The last of the next keys of both behind AFTER, and how many they are. */
static bool find_end(struct comparing *c, const struct diff_key *after, struct diff_key *ret_last,
                     int64_t *ret_count, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_BYTES_MAX);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_key(&params, after);
    buf_add_cstr(&sql, "select ");
    write_key_texts(c, &sql);
    buf_add_cstr(&sql, ", number from (select *, row_number() over (order by ");
    write_keys(c, "", &sql);
    buf_add_cstr(&sql, ") as number from (");
    write_first_keys(c, c->diff->live, after, &sql);
    buf_add_cstr(&sql, " union ");
    write_first_keys(c, c->diff->other, after, &sql);
    buf_printf(&sql, ") u order by number limit %d) k order by number desc limit 1", SLICE_KEYS);
    buf_add_char(&sql, '\0');
    if (!pg_query_once(c->conn, sql.data, &params, &rows, err))
        return error_wrap(err, "find the next keys");
    *ret_count = 0;
    if (pg_rows_count(rows) == 0)
        return true;
    ret_last->count = c->keys_count;
    for (size_t i = 0; i < c->keys_count; i++)
        ret_last->values[i] = arena_dup(c->arena, pg_get_str(rows, 0, (int)i));
    *ret_count = pg_get_i64(rows, 0, (int)c->keys_count);
    return true;
}

static void write_side(const struct comparing *c, int generation, const struct diff_key *after,
                       struct buf *sql)
{
    buf_printf(sql, "(select * from rm_%s_%d where ", c->projection->name, generation);
    write_after(c, after, sql);
    buf_add_cstr(sql, " and (");
    write_keys(c, "", sql);
    buf_add_cstr(sql, ") <= ");
    write_bound(c, 1 + after->count, sql);
    buf_add_char(sql, ')');
}

/* Whether both are at the same place in every partition, in the snapshot of the rows. */
static void write_places(const struct comparing *c, struct buf *sql)
{
    buf_printf(sql,
               "not exists (select from (select * from checkpoints where projection = '%s' and"
               " generation = %d) a full join (select * from checkpoints where projection = '%s'"
               " and generation = %d) b on b.topic = a.topic and b.partition = a.partition"
               " where coalesce(a.position, 0) <> coalesce(b.position, 0))",
               c->projection->name, c->diff->live, c->projection->name, c->diff->other);
}

/* Rows that are not the same, from AFTER (exclusive) to LAST. */
static bool find_pairs(struct comparing *c, const struct diff_key *after,
                       const struct diff_key *last, struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_BYTES_MAX);
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    add_key(&params, after);
    add_key(&params, last);
    buf_add_cstr(&sql, "select to_json(l)::text, to_json(o)::text, ");
    buf_add_cstr(&sql, is_by_stream(c) ? "l.version is distinct from o.version" : "false");
    buf_add_cstr(&sql, ", ");
    write_places(c, &sql);
    buf_add_cstr(&sql, " from ");
    write_side(c, c->diff->live, after, &sql);
    buf_add_cstr(&sql, " l full join ");
    write_side(c, c->diff->other, after, &sql);
    buf_add_cstr(&sql, " o on ");
    for (size_t i = 0; i < c->keys_count; i++)
        buf_printf(&sql, "%sl." STR_FMT " = o." STR_FMT, i > 0 ? " and " : "", STR_ARG(c->keys[i]),
                   STR_ARG(c->keys[i]));
    buf_printf(&sql, " where l." STR_FMT " is null or o." STR_FMT " is null or ",
               STR_ARG(c->keys[0]), STR_ARG(c->keys[0]));
    write_row(c, "l.", &sql);
    buf_add_cstr(&sql, " is distinct from ");
    write_row(c, "o.", &sql);
    buf_add_char(&sql, '\0');
    assert(!sql.failed);
    return pg_query_once(c->conn, sql.data, &params, ret_rows, err) ||
           error_wrap(err, "compare the rows of two generations");
}

/* Judging a slice. */

static void add_sample(struct comparing *c, const struct pair *pair)
{
    struct diff *diff = c->diff;

    if (diff->samples_count < DIFF_SAMPLES_MAX)
        diff->samples[diff->samples_count++] = (struct diff_sample){pair->live, pair->other};
}

static void count(struct comparing *c, const struct pair *pair)
{
    if (!pair->other.data)
        c->diff->only_live++;
    else if (!pair->live.data)
        c->diff->only_other++;
    else if (pair->is_behind)
        c->diff->behind++;
    else
        c->diff->different++;
    add_sample(c, pair);
}

/* Whether another look may show less: one is behind, or they are not at the same place. */
static bool is_passing(const struct comparing *c, const struct pg_rows *rows)
{
    if (pg_rows_count(rows) == 0)
        return false;
    if (!is_by_stream(c))
        return !pg_get_bool(rows, 0, 3);
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (pg_get_bool(rows, i, 2) && !pg_get_bool(rows, i, 3))
            return true;
    return false;
}

static void pause_a_little(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

    nanosleep(&pause, NULL);
}

static bool compare_slice(struct comparing *c, const struct diff_key *after,
                          const struct diff_key *last, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    for (;;) {
        if (!find_pairs(c, after, last, &rows, err))
            return false;
        pg_rows_skip(rows);
        if (!is_passing(c, rows))
            break;
        if (clock_monotonic_ms() >= c->until_ms) {
            c->diff->exact = false;
            break;
        }
        pg_rows_free(TAKE(rows));
        pause_a_little();
    }
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        count(c, &(struct pair){.live = text_or_none(c, rows, i, 0),
                                .other = text_or_none(c, rows, i, 1),
                                .is_behind = pg_get_bool(rows, i, 2) && !pg_get_bool(rows, i, 3)});
    return true;
}

bool diff_page(struct pg_conn *conn, const struct projection *projection, int other,
               const struct diff_key *after, size_t keys, struct arena *arena, struct diff *ret,
               struct error *err)
{
    struct comparing c = {.conn = conn,
                          .projection = projection,
                          .arena = arena,
                          .diff = ret,
                          .until_ms = clock_monotonic_ms() + AGAIN_MS};
    struct diff_key from = after ? *after : (struct diff_key){0};

    *ret = (struct diff){.exact = true, .more = true, .last = from};
    if (!choose(&c, other, err))
        return false;
    if (!set_keys(&c, err) || !load_columns(&c, err))
        return false;
    if (from.count != 0 && from.count != c.keys_count)
        return error_set(err, ERROR_REFUSED, "projection-state",
                         "the key to go on behind is of another table than the live one");
    while (ret->compared < (int64_t)keys) {
        int64_t found = 0;

        if (!find_end(&c, &from, &ret->last, &found, err))
            return false;
        if (found == 0) {
            ret->more = false;
            break;
        }
        if (!compare_slice(&c, &from, &ret->last, err))
            return false;
        ret->compared += found;
        from = ret->last;
    }
    return true;
}
