/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/current.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/fold_event.h"
#include "projection/live.h"
#include "projection/parking_store.h"
#include "projection/table.h"

enum { PAGE_EVENTS = 1000 };

struct skipped {
    struct version *versions;
    size_t count;
};

/* What one statement tells, and what of the stream is skipped. */
struct stored {
    struct version version; /* the stream's; 0: there is none */
    struct position head;   /* the log's */
    struct skipped skipped;
};

static bool load_stored(struct pg_conn *conn, const struct table *table, struct str tenant,
                        struct str stream, struct arena *arena, struct row *ret_row,
                        struct stored *ret, struct error *err)
{
    struct checkpoint_set set = {table->projection->name, table->generation};
    int columns_count = (int)table_columns_count(table);
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, tenant);
    pg_add_str(&params, stream);
    if (!pg_query(conn, table->current, &params, &rows, err))
        return false;

    if (pg_rows_count(rows) == 0)
        return true;
    ret->version = VERSION(pg_get_i64(rows, 0, 0));
    ret->head = POSITION(pg_get_i64(rows, 0, 2 + columns_count));
    table_read_row(table, rows, 0, 1, ret_row);
    row_keep(ret_row, table->projection, arena);
    return !pg_get_bool(rows, 0, 1 + columns_count) ||
           skipped_load(conn, set, tenant, stream, VERSION(1), arena, &ret->skipped.versions,
                        &ret->skipped.count, err);
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

static bool is_behind(const struct event *event, struct row_moment moment)
{
    return (moment.version.n > 0 && event->version.n > moment.version.n) ||
           (moment.by_time && event->recorded_at_us > moment.recorded_at_us);
}

enum fold_end {
    FOLD_ALL,     /* of the page */
    FOLD_REACHED, /* the moment: what follows is behind it */
    FOLD_FAILED,  /* ret says at which event, unless a version is lacking */
};

/* What is folded and the row meanwhile: a long stream is read page by page, and no page is kept. */
struct completing {
    const struct projection *projection;
    const struct skipped *skipped;
    struct row_moment moment;
    struct current_row *ret;
    struct arena *arena; /* the caller's: what ret says of an event */
    struct arena *page;
    struct arena *kept; /* the row's, as of the last page */
    struct arena *next;
};

static enum fold_end fold_page(const struct completing *c, const struct event_page *page)
{
    struct current_row *ret = c->ret;

    for (size_t i = 0; i < page->count; i++) {
        const struct event *event = &page->events[i];
        struct version due = VERSION(ret->row.version.n + 1);
        struct error why;

        if (is_behind(event, c->moment))
            return FOLD_REACHED;
        if (event->version.n != due.n)
            return FOLD_FAILED;
        if (versions_have(c->skipped->versions, c->skipped->count, due)) {
            ret->row.version = due;
            continue;
        }
        if (!projection_fold(c->projection, &ret->row, event, c->page, &why)) {
            set_unreadable(ret, event, due, &why, c->arena);
            return FOLD_FAILED;
        }
        ret->row.exists = true;
        ret->row.version = due;
    }
    return FOLD_ALL;
}

/* The fold may have left views into the page, and into the row before it. */
static void end_page(struct completing *c)
{
    struct arena *before = c->kept;

    row_keep(&c->ret->row, c->projection, c->next);
    arena_clear(c->page);
    arena_clear(before);
    c->kept = c->next;
    c->next = before;
}

/* The log lacks a version: the one behind those of the page that follow each other. */
static bool is_torn(const struct completing *c, const struct event_page *page,
                    const struct error *err)
{
    struct current_row *ret = c->ret;
    enum fold_end end;

    if (err->class != ERROR_POISON)
        return false;
    end = fold_page(c, page);
    if (end == FOLD_REACHED)
        ret->result = ret->row.exists ? CURRENT_FOUND : CURRENT_NOT_FOUND;
    else if (ret->result != CURRENT_UNREADABLE)
        set_unreadable(ret, NULL, VERSION(ret->row.version.n + 1), err, c->arena);
    return true;
}

static size_t page_limit(const struct row *row, struct row_moment moment)
{
    int64_t left = moment.version.n - row->version.n;

    return moment.version.n > 0 && left < PAGE_EVENTS ? (size_t)left : PAGE_EVENTS;
}

/* Neither a version that the stream does not have yet, nor a row before its first event. */
static void settle(struct current_row *ret, struct row_moment moment)
{
    bool there = ret->row.exists && ret->row.version.n >= moment.version.n;

    ret->result = there ? CURRENT_FOUND : CURRENT_NOT_FOUND;
}

/* Folds what the stream has after the row's version. The stream's head may move on meanwhile: it
 * ends at the head of the last page's snapshot. */
static bool fold_pages(struct pg_conn *conn, struct completing *c, struct error *err)
{
    struct row *row = &c->ret->row;
    enum fold_end end;
    struct stream_head head;

    do {
        struct event_page page = {0};

        if (!stream_read(conn, row->tenant, row->stream, VERSION(row->version.n + 1),
                         STREAM_FORWARD, STR_NONE, page_limit(row, c->moment), c->page, &head,
                         &page, err))
            return is_torn(c, &page, err);
        end = fold_page(c, &page);
        if (end == FOLD_FAILED) {
            assert(c->ret->result == CURRENT_UNREADABLE); /* a page lacks no version */
            return true;
        }
        end_page(c);
    } while (end != FOLD_REACHED && row->version.n < head.version.n &&
             row->version.n != c->moment.version.n);
    settle(c->ret, c->moment);
    return true;
}

static bool complete(struct pg_conn *conn, const struct projection *projection,
                     const struct skipped *skipped, struct row_moment moment, struct arena *arena,
                     struct current_row *ret, struct error *err)
{
    SCOPED(arena_free) struct arena *page = arena_new(0);
    SCOPED(arena_free) struct arena *kept = arena_new(0);
    SCOPED(arena_free) struct arena *next = arena_new(0);
    struct completing c = {.projection = projection,
                           .skipped = skipped,
                           .moment = moment,
                           .ret = ret,
                           .arena = arena,
                           .page = page,
                           .kept = kept,
                           .next = next};
    bool ok = fold_pages(conn, &c, err);

    row_keep(&ret->row, projection, arena);
    return ok;
}

/* Whether the fold may go on from the stored row. What a row held at a time, it does not tell. */
static bool is_before(const struct row *row, struct row_moment moment)
{
    return row->exists && !moment.by_time &&
           (moment.version.n == 0 || row->version.n <= moment.version.n);
}

bool row_load_current(struct pg_conn *conn, struct live_tables *live,
                      const struct projection *projection, struct str tenant, struct str stream,
                      struct arena *arena, struct current_row *ret, struct error *err)
{
    return row_load_as_of(conn, live, projection, tenant, stream, (struct row_moment){0}, arena,
                          ret, err);
}

bool row_load_as_of(struct pg_conn *conn, struct live_tables *live,
                    const struct projection *projection, struct str tenant, struct str stream,
                    struct row_moment moment, struct arena *arena, struct current_row *ret,
                    struct error *err)
{
    const struct table *table;
    struct stored stored = {0};

    assert(projection->kind == PROJECTION_BY_STREAM);
    assert(projection_reads(projection, name_category(stream)));

    *ret = (struct current_row){.result = CURRENT_NOT_FOUND};
    row_begin(&ret->row, projection, tenant, stream);
    if (!live_table_find(live, conn, projection, &table, err))
        return false;
    if (table) {
        if (!load_stored(conn, table, tenant, stream, arena, &ret->row, &stored, err)) {
            live_tables_forget(live);
            return error_wrap(err, "load '" STR_FMT "'", STR_ARG(stream));
        }
        if (stored.version.n < (moment.version.n > 0 ? moment.version.n : 1))
            return true;
        /* A row above its stream's version was not written by us: only the log counts then. */
        if (ret->row.version.n > stored.version.n || !is_before(&ret->row, moment))
            row_begin(&ret->row, projection, tenant, stream);
        if (ret->row.version.n == (moment.version.n > 0 ? moment.version.n : stored.version.n)) {
            ret->result = CURRENT_FOUND;
            ret->head = stored.head;
            return true;
        }
    }
    if (!complete(conn, projection, &stored.skipped, moment, arena, ret, err))
        return error_wrap(err, "complete '" STR_FMT "' from the log", STR_ARG(stream));
    return true;
}
