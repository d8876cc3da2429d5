/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/apply.h"

#include <assert.h>

#include "base/arena.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/rows.h"
#include "projection/sql.h"
#include "projection/sums.h"
#include "projection/table.h"

static const char sql_begin[] = "begin isolation level read committed";
static const char sql_commit[] = "commit";
static const char sql_head[] = "select position from log_head";

enum { GAP_EVENTS = 500 };

struct batch {
    struct pg_conn *conn;
    const struct table *table;
    const struct apply_part *parts;
    size_t parts_count;
    struct arena *arena;
    struct applied *ret;
    struct rows *rows; /* by stream */
    struct sums *sums; /* roll-up */
    struct position head;
    struct pg_rows *loaded; /* what rows borrow from */
};

static bool failed(struct batch *b)
{
    b->ret->result = APPLY_FAILED;
    return false;
}

static bool cut(struct batch *b, size_t part, size_t index)
{
    b->ret->result = APPLY_CUT;
    b->ret->part = part;
    b->ret->cut = index;
    return false;
}

/* The first trip to the database: checkpoints, head, rows. */

static void touch_rows(struct batch *b)
{
    size_t events = 0;

    for (size_t i = 0; i < b->parts_count; i++)
        events += b->parts[i].count;
    b->rows = rows_new(b->table, events, b->arena);
    for (size_t i = 0; i < b->parts_count; i++)
        for (size_t k = 0; k < b->parts[i].count; k++)
            rows_touch(b->rows, b->parts[i].events[k]->tenant, b->parts[i].events[k]->stream);
}

static bool send_checkpoints(struct batch *b, struct checkpoint_set set)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct checkpoint *checkpoints = ARENA_ARRAY(b->arena, struct checkpoint, b->parts_count);

    for (size_t i = 0; i < b->parts_count; i++)
        checkpoints[i] = b->parts[i].checkpoint;
    pg_params_init(&params);
    checkpoint_advance_params(&params, set, checkpoints, b->parts_count);
    return pg_pipe_send(b->conn, sql_checkpoint_advance, &params, &b->ret->err);
}

static bool send_load(struct batch *b)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    rows_load_params(b->rows, &params);
    return pg_pipe_send(b->conn, b->table->load, &params, &b->ret->err);
}

/* Whether every checkpoint moved. */
static bool check_fence(struct batch *b, const struct pg_rows *moved)
{
    bool *has_moved = ARENA_ARRAY(b->arena, bool, b->parts_count);

    for (size_t i = 0; i < pg_rows_count(moved); i++) {
        int64_t number = pg_get_i64(moved, i, 0);

        assert(number >= 1 && (size_t)number <= b->parts_count);
        has_moved[number - 1] = true;
    }
    for (size_t i = 0; i < b->parts_count; i++) {
        if (has_moved[i])
            continue;
        b->ret->result = APPLY_FENCED;
        b->ret->part = i;
        return false;
    }
    return true;
}

static bool receive_first(struct batch *b, struct pg_rows **ret_moved, struct pg_rows **ret_head)
{
    struct error *err = &b->ret->err;

    return pg_pipe_next(b->conn, NULL, err) && pg_pipe_next(b->conn, ret_moved, err) &&
           pg_pipe_next(b->conn, ret_head, err) &&
           (!b->rows || pg_pipe_next(b->conn, &b->loaded, err));
}

static bool first_trip(struct batch *b)
{
    SCOPED(pg_rows_free) struct pg_rows *moved = NULL;
    SCOPED(pg_rows_free) struct pg_rows *head = NULL;
    struct checkpoint_set set = {b->table->projection->name, b->table->generation};
    struct error *err = &b->ret->err;
    bool ok;

    ok = pg_pipe_open(b->conn, err) && pg_pipe_send(b->conn, sql_begin, NULL, err) &&
         send_checkpoints(b, set) && pg_pipe_send(b->conn, sql_head, NULL, err) &&
         (!b->rows || send_load(b)) && pg_pipe_sync(b->conn, err) &&
         receive_first(b, &moved, &head);
    pg_pipe_close(b->conn);
    if (!ok)
        return failed(b);

    assert(pg_rows_count(head) == 1);
    b->head = POSITION(pg_get_i64(head, 0, 0));
    if (!check_fence(b, moved))
        return false;
    if (b->rows)
        rows_loaded(b->rows, b->loaded);
    return true;
}

/* A row is more than one version behind EVENT: the log has what is between, or nobody has. */
static bool fill_gap(struct batch *b, const struct event *event, enum rows_fold *ret_fold)
{
    struct row *row = rows_touch(b->rows, event->tenant, event->stream);
    enum rows_fold fold = ROWS_FOLDED;

    while (fold == ROWS_FOLDED && row->version.n + 1 < event->version.n) {
        struct version from = VERSION(row->version.n + 1);
        struct stream_head head;
        struct event_page page;

        if (!stream_read(b->conn, event->tenant, event->stream, from, STREAM_FORWARD, STR_NONE,
                         GAP_EVENTS, b->arena, &head, &page, &b->ret->err)) {
            *ret_fold = ROWS_POISON; /* the log lacks a version */
            return b->ret->err.class == ERROR_POISON || failed(b);
        }
        if (page.count == 0) { /* a forged record: the stream ends before it */
            *ret_fold = ROWS_POISON;
            error_set(&b->ret->err, ERROR_POISON, "version-gap",
                      "the log has no version %lld of '" STR_FMT "'", (long long)from.n,
                      STR_ARG(event->stream));
            return true;
        }
        for (size_t i = 0;
             fold == ROWS_FOLDED && i < page.count && page.events[i].version.n < event->version.n;
             i++)
            fold = rows_fold(b->rows, &page.events[i], &b->ret->err);
    }
    *ret_fold = fold == ROWS_FOLDED ? rows_fold(b->rows, event, &b->ret->err) : fold;
    return true;
}

static bool fold_row(struct batch *b, const struct event *event, bool *ret_poison)
{
    enum rows_fold fold = rows_fold(b->rows, event, &b->ret->err);

    if (fold == ROWS_GAP && !fill_gap(b, event, &fold))
        return false;
    switch (fold) {
    case ROWS_FOLDED:
        b->ret->folded++;
        break;
    case ROWS_HAS_IT:
        b->ret->skipped++;
        break;
    case ROWS_GAP: /* was filled */
        assert(!"a gap");
        break;
    case ROWS_POISON:
        *ret_poison = true;
        break;
    }
    return true;
}

/* *ret_stop: the batch ends before this event, err says why. */
static bool fold_event(struct batch *b, const struct event *event, bool *ret_stop)
{
    if (event->position.n > b->head.n) {
        error_set(&b->ret->err, ERROR_TRANSIENT, "log-behind",
                  "position %lld came from Kafka, but the log ends at %lld",
                  (long long)event->position.n, (long long)b->head.n);
        *ret_stop = true;
        return true;
    }
    if (b->rows)
        return fold_row(b, event, ret_stop);
    switch (sums_add(b->sums, event, &b->ret->err)) {
    case SUMS_ADDED:
        b->ret->folded++;
        break;
    case SUMS_FULL:
        error_clear(&b->ret->err);
        *ret_stop = true;
        break;
    case SUMS_POISON:
        *ret_stop = true;
        break;
    }
    return true;
}

static bool fold_all(struct batch *b)
{
    for (size_t i = 0; i < b->parts_count; i++) {
        for (size_t k = 0; k < b->parts[i].count; k++) {
            bool stop = false;

            if (!fold_event(b, b->parts[i].events[k], &stop))
                return false;
            if (stop)
                return cut(b, i, k);
        }
    }
    return true;
}

/* The second trip: rows, COMMIT. */

static bool second_trip(struct batch *b)
{
    SCOPED(pg_rows_free) struct pg_rows *stored = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    size_t changed = b->rows ? rows_changed(b->rows) : sums_count(b->sums);
    struct error *err = &b->ret->err;
    bool ok;

    pg_params_init(&params);
    if (changed > 0 && b->rows)
        rows_upsert_params(b->rows, &params);
    else if (changed > 0)
        sums_upsert_params(b->sums, &params);

    ok = pg_pipe_open(b->conn, err) &&
         (changed == 0 || pg_pipe_send(b->conn, b->table->upsert, &params, err)) &&
         pg_pipe_send(b->conn, sql_commit, NULL, err) && pg_pipe_sync(b->conn, err) &&
         (changed == 0 || pg_pipe_next(b->conn, &stored, err)) && pg_pipe_next(b->conn, NULL, err);
    pg_pipe_close(b->conn);
    if (!ok)
        return failed(b);
    assert(changed == 0 || pg_rows_affected(stored) == (int64_t)changed);
    return true;
}

void batch_apply(struct pg_conn *conn, const struct table *table, const struct apply_part *parts,
                 size_t count, struct arena *arena, struct applied *ret)
{
    struct batch b = {.conn = conn,
                      .table = table,
                      .parts = parts,
                      .parts_count = count,
                      .arena = arena,
                      .ret = ret};

    assert(count > 0);
    *ret = (struct applied){.result = APPLY_DONE};
    if (table->projection->kind == PROJECTION_BY_STREAM)
        touch_rows(&b);
    else
        b.sums = sums_new(table->projection, arena);
    if (!first_trip(&b) || !fold_all(&b) || !second_trip(&b))
        pg_rollback(conn);
    pg_rows_free(b.loaded);
}
