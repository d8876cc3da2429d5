/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/current.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/live.h"
#include "projection/table.h"

enum { PAGE_EVENTS = 1000 };

/* Reads the stored row and the stream's version in one snapshot. */
static bool load_stored(struct pg_conn *conn, const struct table *table, struct str tenant,
                        struct str stream, struct arena *arena, struct row *ret_row,
                        struct version *ret_version, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, stream);
    if (!pg_query(conn, table->current, &params, &rows, err))
        return false;

    *ret_version = VERSION(0);
    if (pg_rows_count(rows) == 0)
        return true;
    *ret_version = VERSION(pg_get_i64(rows, 0, 0));
    table_read_row(table, rows, 0, 1, ret_row);
    row_keep(ret_row, table->projection, arena);
    return true;
}

/* What a row is before its stream's first event. */
static void row_begin(struct row *row, const struct projection *projection, struct str tenant,
                      struct str stream)
{
    *row = (struct row){.tenant = tenant, .stream = stream};
    for (size_t i = 0; i < projection->columns_count; i++)
        row->values[i].null = true;
}

static void set_unreadable(struct current_row *ret, const struct event *event, struct version due,
                           const struct error *why, struct arena *arena)
{
    ret->result = CURRENT_UNREADABLE;
    ret->unreadable_version = due;
    ret->unreadable_event_id = event ? arena_dup(arena, event->id) : STR_NONE;
    ret->why = *why;
}

/* True: folded. False: ret says which event could not be. */
static bool fold_page(const struct projection *projection, const struct event_page *page,
                      struct arena *arena, struct current_row *ret)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct event *event = &page->events[i];
        struct version due = VERSION(ret->row.version.n + 1);
        struct error why;

        if (event->version.n != due.n)
            return false;
        if (!projection->fold(&ret->row, event, arena, &why)) {
            set_unreadable(ret, event, due, &why, arena);
            return false;
        }
        ret->row.exists = true;
        ret->row.version = due;
    }
    return true;
}

/* The log lacks a version: the one behind those of the page that follow each other. */
static bool is_torn(const struct projection *projection, const struct event_page *page,
                    struct arena *arena, struct current_row *ret, const struct error *err)
{
    if (err->class != ERROR_POISON)
        return false;
    fold_page(projection, page, arena, ret);
    if (ret->result != CURRENT_UNREADABLE)
        set_unreadable(ret, NULL, VERSION(ret->row.version.n + 1), err, arena);
    return true;
}

/* Folds what the stream has after the row's version. The stream's head may move on meanwhile: it
 * ends at the head of the last page's snapshot. */
static bool complete(struct pg_conn *conn, const struct projection *projection, struct arena *arena,
                     struct current_row *ret, struct error *err)
{
    SCOPED(arena_free) struct arena *page_arena = arena_new(0);
    struct stream_head head;

    do {
        struct event_page page = {0};

        if (!stream_read(conn, ret->row.tenant, ret->row.stream, VERSION(ret->row.version.n + 1),
                         STREAM_FORWARD, STR_NONE, PAGE_EVENTS, page_arena, &head, &page, err))
            return is_torn(projection, &page, arena, ret, err);
        if (!fold_page(projection, &page, arena, ret)) {
            assert(ret->result == CURRENT_UNREADABLE); /* a page lacks no version */
            return true;
        }
        /* The fold may have left views into the page. */
        row_keep(&ret->row, projection, arena);
        arena_clear(page_arena);
    } while (ret->row.version.n < head.version.n);
    ret->result = ret->row.exists ? CURRENT_FOUND : CURRENT_NOT_FOUND;
    return true;
}

bool row_load_current(struct pg_conn *conn, struct live_tables *live,
                      const struct projection *projection, struct str tenant, struct str stream,
                      struct arena *arena, struct current_row *ret, struct error *err)
{
    const struct table *table;
    struct version version = VERSION(0);

    assert(projection->kind == PROJECTION_BY_STREAM);
    assert(projection_reads(projection, name_category(stream)));

    *ret = (struct current_row){.result = CURRENT_NOT_FOUND};
    row_begin(&ret->row, projection, tenant, stream);
    if (!live_table_find(live, conn, projection, &table, err))
        return false;
    if (table) {
        if (!load_stored(conn, table, tenant, stream, arena, &ret->row, &version, err)) {
            live_tables_forget(live);
            return error_wrap(err, "load '" STR_FMT "'", STR_ARG(stream));
        }
        if (version.n == 0)
            return true;
        if (ret->row.exists && ret->row.version.n == version.n) {
            ret->result = CURRENT_FOUND;
            return true;
        }
        /* A row above its stream's version was not written by us: only the log counts then. */
        if (ret->row.version.n > version.n || !ret->row.exists)
            row_begin(&ret->row, projection, tenant, stream);
    }
    if (!complete(conn, projection, arena, ret, err))
        return error_wrap(err, "complete '" STR_FMT "' from the log", STR_ARG(stream));
    return true;
}
