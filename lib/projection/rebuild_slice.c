/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/rebuild_slice.h"

#include <assert.h>

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/rows.h"
#include "projection/sql.h"
#include "projection/sums.h"
#include "projection/table.h"

struct slice {
    struct lane *lane;
    struct event_page page;
    size_t count;           /* events of the page that are folded */
    struct position to;     /* where the lane is afterwards */
    struct rows *rows;      /* by stream */
    struct sums *sums;      /* roll-up */
    struct pg_rows *loaded; /* what rows borrow from */
    struct error *err;
};

void lane_init(struct lane *lane, struct pg_conn *conn, const struct table *table,
               struct log_lane share, struct position at)
{
    *lane = (struct lane){.conn = conn,
                          .table = table,
                          .share = share,
                          .at = at,
                          .events_max = SLICE_EVENTS,
                          .arena = arena_new(1 << 20)};
    buf_init(&lane->copy, SLICE_COPY_BYTES_MAX);
}

void lane_release(struct lane *lane)
{
    buf_release(&lane->copy);
    arena_free(lane->arena);
}

static bool read(struct slice *s, struct position target)
{
    struct lane *lane = s->lane;
    struct position up_to = POSITION(lane->at.n + SLICE_POSITIONS);

    if (up_to.n > target.n)
        up_to = target;
    if (!log_read_lane(lane->conn, lane->at, up_to, &lane->share, lane->events_max, lane->arena,
                       &s->page, s->err))
        return false;
    s->count = s->page.count;
    s->to = s->page.read_to;
    return true;
}

static bool load_rows(struct slice *s)
{
    struct lane *lane = s->lane;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    s->rows = rows_new(lane->table, s->page.count, lane->arena);
    for (size_t i = 0; i < s->page.count; i++)
        rows_meet(s->rows, &s->page.events[i]);
    pg_params_init(&params);
    rows_load_params(s->rows, &params);
    if (!pg_query(lane->conn, lane->table->load, &params, &s->loaded, s->err))
        return false;
    rows_loaded(s->rows, s->loaded);
    return true;
}

static bool fold_rows(struct slice *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct event *event = &s->page.events[i];

        switch (rows_fold(s->rows, event, s->err)) {
        case ROWS_FOLDED:
        case ROWS_HAS_IT:
            break;
        case ROWS_GAP:
            error_set(s->err, ERROR_POISON, "version-gap",
                      "the log lacks a version of '" STR_FMT "' before %lld",
                      STR_ARG(event->stream), (long long)event->version.n);
            return false;
        case ROWS_POISON:
            return error_wrap(s->err, "event '" STR_FMT "' at position %lld", STR_ARG(event->id),
                              (long long)event->position.n);
        }
    }
    return true;
}

/* A sum that would pass 64 bits ends the slice: what is there is written first. */
static bool fold_sums(struct slice *s)
{
    s->sums = sums_new(s->lane->table->projection, s->lane->arena);
    for (size_t i = 0; i < s->count; i++) {
        const struct event *event = &s->page.events[i];

        switch (sums_add(s->sums, event, s->err)) {
        case SUMS_ADDED:
            break;
        case SUMS_FULL:
            s->count = i;
            s->to = POSITION(event->position.n - 1);
            return true;
        case SUMS_POISON:
            return error_wrap(s->err, "event '" STR_FMT "' at position %lld", STR_ARG(event->id),
                              (long long)event->position.n);
        }
    }
    return true;
}

static bool fold(struct slice *s)
{
    if (s->lane->table->projection->kind == PROJECTION_ROLL_UP)
        return fold_sums(s);
    return load_rows(s) && fold_rows(s);
}

static bool advance(struct slice *s, bool *ret_moved)
{
    struct lane *lane = s->lane;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(lane->table->projection->name));
    pg_add_i32(&params, lane->table->generation);
    pg_add_i32(&params, lane->share.lane);
    pg_add_i64(&params, lane->at.n);
    pg_add_i64(&params, s->to.n);
    pg_add_i64(&params, (int64_t)s->count);
    if (!pg_query(lane->conn, sql_lane_advance, &params, &rows, s->err))
        return false;
    *ret_moved = pg_rows_affected(rows) == 1;
    return true;
}

static bool copy_new(struct slice *s)
{
    struct lane *lane = s->lane;
    int64_t stored;
    size_t count;

    buf_clear(&lane->copy);
    pg_copy_begin(&lane->copy);
    count = rows_copy_new(s->rows, &lane->copy);
    pg_copy_end(&lane->copy);
    if (count == 0)
        return true;
    if (!pg_copy_in(lane->conn, lane->table->copy, &lane->copy, &stored, s->err))
        return false;
    assert(stored == (int64_t)count);
    return true;
}

static bool upsert(struct slice *s)
{
    struct lane *lane = s->lane;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    size_t count = s->rows ? rows_changed(s->rows) : sums_count(s->sums);

    pg_params_init(&params);
    if (count == 0)
        return true;
    if (s->rows)
        rows_upsert_params(s->rows, &params);
    else
        sums_upsert_params(s->sums, &params);
    if (!pg_query(lane->conn, lane->table->upsert, &params, &rows, s->err))
        return false;
    assert(pg_rows_affected(rows) == (int64_t)count);
    return true;
}

static enum slice_result write(struct slice *s)
{
    bool moved = false;

    if (pg_begin(s->lane->conn, s->err) && advance(s, &moved) && moved &&
        (!s->rows || copy_new(s)) && upsert(s) && pg_commit(s->lane->conn, s->err))
        return SLICE_DONE;
    pg_rollback(s->lane->conn);
    return moved || s->err->class != ERROR_NONE ? SLICE_FAILED : SLICE_TAKEN;
}

/* The same events again with fewer of them, until the culprit stands alone. */
static bool halve(struct lane *lane, const struct slice *s)
{
    if (s->err->class != ERROR_POISON || s->page.count <= 1)
        return false;
    lane->events_max = s->page.count / 2;
    return true;
}

enum slice_result lane_slice(struct lane *lane, struct position target, int64_t *ret_events,
                             struct error *err)
{
    enum slice_result result;
    struct slice s;

    assert(target.n > lane->at.n);
    do {
        s = (struct slice){.lane = lane, .err = err};
        error_clear(err);
        result = read(&s, target) && fold(&s) ? write(&s) : SLICE_FAILED;
        pg_rows_free(s.loaded);
        arena_clear(lane->arena);
    } while (result == SLICE_FAILED && halve(lane, &s));
    if (result != SLICE_DONE)
        return result;
    lane->at = s.to;
    lane->events_max = lane->events_max * 2 < SLICE_EVENTS ? lane->events_max * 2 : SLICE_EVENTS;
    *ret_events = (int64_t)s.count;
    return SLICE_DONE;
}
