/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/key_work.h"

#include <assert.h>

#include "base/arena.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/events_json.h"
#include "projection/key_work_internal.h"
#include "projection/parking_store.h"
#include "projection/rows.h"
#include "projection/sql.h"
#include "projection/sums.h"
#include "projection/table.h"

static const char sql_begin[] = "begin isolation level read committed";

static bool ends(struct work *w, enum key_result result)
{
    w->ret->result = result;
    return false;
}

static bool failed(struct work *w)
{
    return ends(w, KEY_FAILED);
}

/* The first trip: checkpoint, row. */

static bool send_begin(struct work *w, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params advance;
    SCOPED_VALUE(pg_params_release) struct pg_params load;

    pg_params_init(&advance);
    pg_params_init(&load);
    checkpoint_advance_params(&advance, w->set, &w->job->checkpoint, 1);
    if (w->rows)
        rows_load_params(w->rows, &load);
    return pg_pipe_open(w->conn, err) && pg_pipe_send(w->conn, sql_begin, NULL, err) &&
           pg_pipe_send(w->conn, sql_checkpoint_advance, &advance, err) &&
           (!w->rows || pg_pipe_send(w->conn, w->table->load, &load, err)) &&
           pg_pipe_sync(w->conn, err);
}

static bool begin(struct work *w)
{
    SCOPED(pg_rows_free) struct pg_rows *moved = NULL;
    struct error *err = &w->ret->err;
    bool ok = send_begin(w, err) && pg_pipe_next(w->conn, NULL, err) &&
              pg_pipe_next(w->conn, &moved, err) &&
              (!w->rows || pg_pipe_next(w->conn, &w->loaded, err));

    pg_pipe_close(w->conn);
    if (!ok)
        return failed(w);
    if (pg_rows_count(moved) != 1)
        return ends(w, KEY_FENCED);
    pg_rows_skip(moved);
    if (w->rows)
        rows_loaded(w->rows, w->loaded);
    return true;
}

/* The letter before its request, as whoever asks does it. */
static bool lock_request(struct work *w)
{
    SCOPED_VALUE(pg_params_release) struct pg_params letter;
    SCOPED_VALUE(pg_params_release) struct pg_params request;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error *err = &w->ret->err;

    pg_params_init(&letter);
    pg_params_init(&request);
    pg_add_i64(&letter, w->job->letter);
    pg_add_i64(&request, w->job->request);
    if (!pg_query(w->conn, "select from dead_letters where id = $1 for update", &letter, NULL,
                  err) ||
        !pg_query(w->conn, sql_letter_request_lock, &request, &rows, err))
        return failed(w);
    pg_rows_skip(rows);
    return pg_rows_count(rows) == 1 || ends(w, KEY_CANCELLED);
}

/* Between: folding. */

/* The event that stands next can not be applied. */
static void fault(struct work *w, const struct event *event, const struct error *why)
{
    w->outcome.failed = true;
    w->outcome.failed_position = event ? event->position : POSITION(0);
    w->culprit = event;
    w->why = *why;
}

static enum rows_fold take_json(struct work *w, const struct event *event, struct error *why)
{
    switch (events_json_add(w->json, w->table->projection, event, w->arena, why)) {
    case EVENTS_ADDED:
        return ROWS_FOLDED;
    case EVENTS_FULL:
        return ROWS_GAP;
    case EVENTS_POISON:
        return ROWS_POISON;
    }
    assert(!"a result of an addition");
    return ROWS_POISON;
}

static enum rows_fold fold_one(struct work *w, const struct event *event, struct error *why)
{
    if (w->rows)
        return rows_fold(w->rows, event, why);
    if (w->json)
        return take_json(w, event, why);
    switch (sums_add(w->sums, event, why)) {
    case SUMS_ADDED:
        return ROWS_FOLDED;
    case SUMS_FULL:
        return ROWS_GAP;
    case SUMS_POISON:
        return ROWS_POISON;
    }
    assert(!"a result of an addition");
    return ROWS_POISON;
}

static void pass_over(struct work *w, const struct event *event)
{
    if (w->rows)
        rows_skip(w->rows, event->tenant, event->stream, event->version);
}

/* True: an event that fails was discarded in an earlier generation, and is passed over for the same
 * reason. False: the slice ends before it. */
static bool was_discarded(struct work *w, const struct event *event, const struct error *why)
{
    bool skipped = false;

    if (w->table->generation > 1 &&
        !skipped_inherit(w->conn, w->set, event, &skipped, &w->ret->err)) {
        w->broken = true;
        return false;
    }
    if (skipped)
        pass_over(w, event);
    else
        fault(w, event, why);
    return skipped;
}

/* True: applied, or was. False: the slice ends before it. */
static bool take(struct work *w, const struct event *event)
{
    struct error why;
    bool is_queue = event->version.n >= w->job->key->version.n;

    if (event->position.n > w->job->checkpoint.at.position.n)
        return false; /* not ours to apply yet: a batch brings it */
    if (versions_have(w->skipped, w->skipped_count, event->version)) {
        pass_over(w, event);
    } else if (is_queue && w->job->refused && event->version.n == w->outcome.applied.n + 1) {
        if (!was_discarded(w, event, w->job->refused))
            return false;
    } else {
        switch (fold_one(w, event, &why)) {
        case ROWS_FOLDED:
            w->ret->folded++;
            break;
        case ROWS_HAS_IT:
            break;
        case ROWS_GAP: /* no more fits: the rest in the next slice */
            w->outcome.more = true;
            return false;
        case ROWS_POISON:
            if (!was_discarded(w, event, &why))
                return false;
        }
    }
    if (is_queue)
        w->outcome.applied = event->version;
    return true;
}

/* A row that lacks more than the waiting event, and what it must not wait for. */
static bool find_start(struct work *w, struct version *from)
{
    const struct parked_key *key = w->job->key;
    const struct row *row;

    if (!w->rows)
        return true;
    row = rows_touch(w->rows, key->tenant, key->stream);
    if (row->version.n + 1 >= from->n)
        return true;
    *from = VERSION(row->version.n + 1);
    return skipped_load(w->conn, w->set, key->tenant, key->stream, *from, w->arena, &w->skipped,
                        &w->skipped_count, &w->ret->err) ||
           failed(w);
}

/* The log has nothing more, or lacks the next version; WHY NULL: it ends here. */
static void lacks(struct work *w, const struct error *why)
{
    const struct parked_key *key = w->job->key;
    struct error ended;

    if (w->job->task == PARKING_DISCARD && w->outcome.applied.n < key->version.n) {
        if (w->rows)
            rows_skip(w->rows, key->tenant, key->stream, key->version);
        w->outcome.applied = key->version;
        w->outcome.more = why != NULL;
        return;
    }
    error_set(&ended, ERROR_POISON, "event-gone", "the log has no version %lld of '" STR_FMT "'",
              (long long)key->version.n, STR_ARG(key->stream));
    fault(w, NULL, why ? why : &ended);
}

/* False: the slice is over, for whatever reason. */
static bool take_page(struct work *w, const struct event_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        if (!take(w, &page->events[i]))
            return false;
    return true;
}

static bool fold_slice(struct work *w, struct version from)
{
    const struct parked_key *key = w->job->key;
    struct stream_head head;
    struct event_page page = {0};
    struct error why = {0};
    bool whole = stream_read(w->conn, key->tenant, key->stream, from, STREAM_FORWARD, STR_NONE,
                             w->job->events_max, w->arena, &head, &page, &why);

    if (!whole && (why.class != ERROR_POISON || why.sqlstate[0])) {
        w->ret->err = why;
        return failed(w);
    }
    if (!take_page(w, &page))
        return !w->broken || failed(w);
    if (whole && (page.count > 0 || w->job->task == PARKING_RELEASE))
        w->outcome.more = w->outcome.applied.n < head.version.n && page.count > 0;
    else
        lacks(w, whole ? NULL : &why);
    return true;
}

static void discard(struct work *w)
{
    struct version *skipped = ARENA_ARRAY(w->arena, struct version, w->skipped_count + 1);

    for (size_t i = 0; i < w->skipped_count; i++)
        skipped[i] = w->skipped[i];
    skipped[w->skipped_count++] = w->job->key->version;
    w->skipped = skipped;
}

static bool work(struct work *w)
{
    const struct parked_key *key = w->job->key;
    struct version from = key->version;

    w->outcome.applied = VERSION(key->version.n - 1);
    switch (w->job->task) {
    case PARKING_GIVE_UP:
        w->outcome.failed = true;
        return true;
    case PARKING_TRY:
    case PARKING_DISCARD:
    case PARKING_RELEASE:
    case PARKING_REDRIVE:
    case PARKING_NOTHING:
    case PARKING_GONE:
        break;
    }
    if (!find_start(w, &from))
        return false;
    if (w->job->task == PARKING_DISCARD)
        discard(w);
    return fold_slice(w, from);
}

static void begin_changes(struct work *w, struct events_json *json)
{
    const struct parked_key *key = w->job->key;

    switch (w->table->projection->kind) {
    case PROJECTION_BY_STREAM:
        w->rows = rows_new(w->table, 1, w->arena);
        rows_touch(w->rows, key->tenant, key->stream);
        break;
    case PROJECTION_ROLL_UP:
        w->sums = sums_new(w->table->projection, w->arena);
        break;
    case PROJECTION_SQL:
        w->json = json;
        break;
    }
}

void key_work(struct pg_conn *conn, const struct table *table, const struct key_job *job,
              const struct parking_policy *policy, int64_t now_ms, struct arena *arena,
              struct key_done *ret)
{
    struct work w = {.conn = conn,
                     .table = table,
                     .set = {table->projection->name, table->generation},
                     .job = job,
                     .policy = policy,
                     .now_ms = now_ms,
                     .arena = arena,
                     .ret = ret};
    bool is_gone = job->task == PARKING_GONE;
    struct events_json json;

    assert(job->task != PARKING_NOTHING);
    assert(is_gone || (job->events_max >= 1 && job->events_max <= KEY_SLICE_EVENTS));

    *ret = (struct key_done){.result = KEY_DONE};
    events_json_init(&json);
    if (!is_gone)
        begin_changes(&w, &json);
    if (!begin(&w) || (job->request != 0 && !lock_request(&w)) || (!is_gone && !work(&w)) ||
        !work_commit(&w))
        pg_rollback(conn);
    events_json_release(&json);
    pg_rows_free(w.loaded);
}
