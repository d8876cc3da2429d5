/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A roll-up: its rows hold the sum of all events up to the checkpoints. Pages of rows are read with
 * the checkpoints of the same snapshot; the tally is brought to that cut before they are compared.
 */
#include "verify/cut.h"
#include "verify/tally.h"
#include "verify/verify_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/live.h"
#include "projection/table.h"
#include "verify/sql.h"

#include <stdio.h>

enum { SQL_MAX = 4096 };

struct sums_check {
    struct verifier *v;
    const struct projection *projection;
    const struct table *table;
    struct arena *page;
    struct buf *sql; /* a page of rows after a key */
    struct row last; /* the key to go on after */
    bool begun;      /* last is set */
    bool is_first_part;
    int64_t done;
};

static void tell(const struct sums_check *c, enum finding_kind kind, struct str tenant,
                 struct str key, const char *text)
{
    struct finding finding = {.kind = kind,
                              .part = VERIFY_MODELS,
                              .name = str_of(c->projection->name),
                              .partition = -1,
                              .tenant = tenant,
                              .key = key,
                              .text = str_of(text)};

    verifier_found(c->v, &finding);
}

static bool bring_to(struct sums_check *c, struct tally *tally, const struct cut *cut,
                     struct error *err)
{
    struct tally *tallies[] = {tally, NULL};
    struct log_pass pass = {.tallies = tallies, .doing = c->projection->name};
    struct position after, up_to;

    tally_target(tally, cut);
    tally_range(tally, &after, &up_to);
    if (after.n < up_to.n && !verify_log_pass(c->v, &pass, after, up_to, err))
        return false;
    tally_reached(tally);
    return true;
}

/* Pages. */

static void write_page_sql(struct sums_check *c)
{
    const struct projection *p = c->projection;

    buf_printf(c->sql, "select %s from %s where (tenant", c->table->columns, c->table->name);
    for (size_t i = 0; i < p->key_columns; i++)
        buf_printf(c->sql, ", %s", p->columns[i].name);
    buf_add_cstr(c->sql, ") > ($1");
    for (size_t i = 0; i < p->key_columns; i++)
        buf_printf(c->sql, ", $%zu", i + 2);
    buf_add_cstr(c->sql, ") order by tenant");
    for (size_t i = 0; i < p->key_columns; i++)
        buf_printf(c->sql, ", %s", p->columns[i].name);
    buf_printf(c->sql, " limit %d", SLICE_POSITIONS);
    buf_add_char(c->sql, '\0');
}

static bool read_held(struct sums_check *c, struct pg_rows **ret_held, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(c->projection->name));
    pg_add_i32(&params, c->table->generation);
    return pg_query(c->v->conn, sql_held_all, &params, ret_held, err);
}

/* Takes what is parked or left out, as of the page's snapshot, off what the rows must hold. */
static bool hold(struct sums_check *c, struct tally *tally, const struct pg_rows *held,
                 struct error *err)
{
    size_t count = pg_rows_count(held);
    struct stream_span *spans = mem_calloc(count + 1, sizeof(*spans));
    bool ok = true;
    size_t from = 0;

    tally_hold_none(tally);
    for (size_t i = 0; i < count; i++)
        spans[i] = (struct stream_span){.id = pg_get_i64(held, i, 0),
                                        .first_position = POSITION(pg_get_i64(held, i, 1)),
                                        .after = VERSION(pg_get_i64(held, i, 4)),
                                        .up_to = VERSION(pg_get_i64(held, i, 5))};
    pg_rows_skip(held);
    while (ok && from < count) {
        struct event_page page;
        size_t *numbers;

        arena_clear(c->v->arena);
        ok = spans_read(c->v->conn, spans + from, count - from, SLICE_POSITIONS, c->v->arena, &page,
                        &numbers, err);
        for (size_t i = 0; ok && i < page.count; i++)
            tally_hold(tally, &page.events[i]);
        if (!ok || page.count < SLICE_POSITIONS)
            break;
        from += numbers[page.count - 1];
        spans[from].after = page.events[page.count - 1].version;
    }
    mem_free(spans);
    return ok;
}

static void tell_parked(const struct sums_check *c, const struct pg_rows *held)
{
    for (size_t i = 0; i < pg_rows_count(held); i++) {
        struct finding finding = {.kind = FINDING_PARKED,
                                  .part = VERIFY_MODELS,
                                  .name = str_of(c->projection->name),
                                  .partition = -1,
                                  .tenant = pg_get_str(held, i, 2),
                                  .key = pg_get_str(held, i, 3),
                                  .position = POSITION(pg_get_i64(held, i, 6)),
                                  .version = VERSION(pg_get_i64(held, i, 4) + 1),
                                  .text = pg_get_str(held, i, 7)};

        if (finding.text.data) /* not what is left out */
            verifier_found(c->v, &finding);
    }
}

static bool read_page(struct sums_check *c, struct cut *cut, struct pg_rows **ret_held,
                      struct pg_rows **ret_rows, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    bool ok;

    pg_params_init(&params);
    pg_add_str(&params, c->begun ? c->last.tenant : STR(""));
    for (size_t i = 0; i < c->projection->key_columns; i++)
        pg_add_str(&params, c->begun ? c->last.values[i].str : STR(""));
    ok =
        pg_query(c->v->conn, "begin isolation level repeatable read, read only", NULL, NULL, err) &&
        cut_load(c->v, c->table, cut, err) && read_held(c, ret_held, err) &&
        pg_query_once(c->v->conn, c->sql->data, &params, ret_rows, err) &&
        pg_commit(c->v->conn, err);
    if (!ok)
        pg_rollback(c->v->conn);
    return ok;
}

static void judge_row(const struct sums_check *c, struct tally *tally, const struct row *row)
{
    const struct projection *p = c->projection;
    char text[TEXT_MAX], sum[64];
    size_t column;

    switch (tally_compare(tally, row, &column, sum)) {
    case TALLY_EQUAL:
        c->v->report->rows++;
        return;
    case TALLY_OF_OTHERS:
        return;
    case TALLY_UNKNOWN:
        snprintf(text, sizeof(text), "has a row, but no event speaks of it");
        break;
    case TALLY_DIFFERS:
        snprintf(text, sizeof(text), "%s is " STR_FMT ", by the log %s", p->columns[column].name,
                 STR_ARG(row->values[column].str), sum);
        break;
    }
    c->v->report->rows++;
    tell(c, FINDING_DRIFTED, row->tenant, tally_key_text(p, row, c->page), text);
}

static bool check_page(struct sums_check *c, struct tally *tally, struct cut *cut,
                       size_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED(pg_rows_free) struct pg_rows *held = NULL;

    if (!read_page(c, cut, &held, &rows, err) || !bring_to(c, tally, cut, err) ||
        !hold(c, tally, held, err))
        return false;
    if (!c->begun && c->is_first_part)
        tell_parked(c, held);
    *ret_count = pg_rows_count(rows);
    arena_clear(c->page);
    for (size_t i = 0; i < *ret_count; i++) {
        struct row row;

        table_read_row(c->table, rows, i, 0, &row);
        judge_row(c, tally, &row);
        if (i + 1 == *ret_count) {
            c->last = row;
            row_keep(&c->last, c->projection, c->page);
            c->begun = true;
        }
    }
    c->done += (int64_t)*ret_count;
    return true;
}

static void tell_unseen(void *arg, struct str tenant, struct str keys)
{
    tell(arg, FINDING_LOST, tenant, keys,
         "has no row, though the checkpoints have passed its events");
}

static bool check_part(struct sums_check *c, uint64_t part, uint64_t parts, struct error *err)
{
    SCOPED(tally_free) struct tally *tally = tally_new(c->v, c->table, part, parts);
    SCOPED_VALUE(cut_release) struct cut cut = {0};
    size_t count = SLICE_POSITIONS;

    cut_init(&cut, &c->v->cursor);
    if (!cut_load(c->v, c->table, &cut, err) || !bring_to(c, tally, &cut, err))
        return false;
    c->begun = false;
    c->is_first_part = part == 0;
    while (count == SLICE_POSITIONS)
        if (!check_page(c, tally, &cut, &count, err) ||
            !verifier_go_on(c->v, c->projection->name, c->done, 0, err))
            return error_wrap(err, "compare sums");
    tally_unseen(tally, tell_unseen, c);
    return true;
}

/* How many passes it takes to hold at most keys_max keys at a time. */
static bool count_parts(const struct sums_check *c, uint64_t *ret_parts, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    char sql[SQL_MAX];

    snprintf(sql, sizeof(sql), "select count(*) from %s", c->table->name);
    if (!pg_query_once(c->v->conn, sql, NULL, &rows, err))
        return error_wrap(err, "count the rows");
    *ret_parts = (uint64_t)pg_get_i64(rows, 0, 0) / c->v->config->keys_max + 1;
    return true;
}

bool verify_sums(struct verifier *v, const struct projection *projection, struct error *err)
{
    SCOPED(live_tables_free) struct live_tables *live = live_tables_new();
    SCOPED(arena_free) struct arena *page = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
    struct sums_check c = {.v = v, .projection = projection, .page = page, .sql = &sql};
    uint64_t parts = 1;

    if (!live_table_find(live, v->conn, projection, &c.table, err))
        return false;
    if (!c.table)
        return true; /* no projector has made it yet */
    write_page_sql(&c);
    if (!count_parts(&c, &parts, err))
        return false;
    for (uint64_t part = 0; part < parts; part++)
        if (!check_part(&c, part, parts, err))
            return false;
    return true;
}
