/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A projection that was brought as a file: only its statements know what its rows must be, so they
 * are run over the log once more, into a temporary table. Pages of rows are read in the snapshot in
 * which it was said what is applied; the temporary table is brought to exactly that before they are
 * compared.
 */
#include "verify/row_pages.h"
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

struct sql_check {
    struct verifier *v;
    const struct table *table;
    struct shadow *shadow;
    struct row_pages pages;
    int64_t done;
};

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
    for (size_t i = 0; i < c->pages.keys->count; i++) {
        struct str value = pg_get_str(rows, row, ROW_KEYS + (int)i);

        if (str_equal(c->pages.keys->names[i], STR("tenant")))
            *ret_tenant = value;
        else
            text = arena_printf(c->pages.page, STR_FMT "%s" STR_FMT, STR_ARG(text),
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
    if (pg_is_null(rows, row, ROW_LIVE)) {
        finding.kind = FINDING_LOST;
        snprintf(text, sizeof(text), "has no row, though the checkpoints have passed its events");
    } else if (pg_is_null(rows, row, ROW_MADE)) {
        snprintf(text, sizeof(text), "has a row, but no event speaks of it");
    } else if (!describe(pg_get_str(rows, row, ROW_LIVE), pg_get_str(rows, row, ROW_MADE), text)) {
        snprintf(text, sizeof(text), "is not what the log makes of it");
    }
    finding.text = str_of(text);
    verifier_found(c->v, &finding);
}

static bool compare(struct sql_check *c, int64_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!shadow_look(c->shadow, err) || !shadow_follow(c->shadow, err) ||
        !row_pages_compare(&c->pages, ret_count, &rows, err))
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

static bool check_pages(struct sql_check *c, struct error *err)
{
    for (;;) {
        if (!check_page(c, err) ||
            !verifier_go_on(c->v, c->table->projection->name, c->done, 0, err))
            return false;
        if (c->pages.is_last)
            return true;
        row_pages_go_on(&c->pages);
    }
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

static bool check_all(struct sql_check *c, struct error *err)
{
    if (!fill(c, err))
        return false;
    /* Again, for what came while the log was read from its beginning. */
    return fill(c, err) && check_pages(c, err) && tell_parked(c, err);
}

bool verify_sql(struct verifier *v, const struct projection *projection, struct error *err)
{
    SCOPED(live_tables_free) struct live_tables *live = live_tables_new();
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED(shadow_free) struct shadow *shadow = NULL;
    struct sql_check c = {.v = v};
    struct table_keys keys;
    bool ok;

    if (!live_table_find(live, v->conn, projection, &c.table, err))
        return false;
    if (!c.table)
        return true; /* no projector has made it yet */
    if (!table_keys_load(v->conn, c.table->name, arena, &keys, err) ||
        !shadow_new(v, c.table, &shadow, err))
        return false;
    c.shadow = shadow;
    row_pages_init(&c.pages, v->conn, c.table->name, &keys);
    ok = check_all(&c, err);
    row_pages_release(&c.pages);
    return ok;
}
