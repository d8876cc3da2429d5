/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/rebuild_slice.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/name.h"
#include "postgres/pg.h"
#include "projection/events_json.h"
#include "projection/parked_set.h"
#include "projection/parking_store.h"
#include "projection/rows.h"
#include "projection/sql.h"
#include "projection/sql_batch.h"
#include "projection/sums.h"
#include "projection/table.h"
#include "publisher/plan.h"

struct slice {
    struct lane *lane;
    struct event_page page;
    size_t count;                /* events of the page that are folded */
    struct position to;          /* where the lane is afterwards */
    struct rows *rows;           /* by stream */
    struct sums *sums;           /* roll-up */
    struct events_json json;     /* SQL */
    struct pg_rows *loaded;      /* what rows borrow from */
    struct parked_event *parked; /* keys that are new */
    size_t parked_count;
    int64_t now_ms;
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
                          .arena = arena_new(1 << 20),
                          .causes = mem_zalloc(sizeof(struct causes))};
    buf_init(&lane->copy, SLICE_COPY_BYTES_MAX);
}

void lane_release(struct lane *lane)
{
    buf_release(&lane->copy);
    arena_free(lane->arena);
    parked_set_free(lane->parked);
    mem_free(lane->causes);
}

static struct checkpoint_set set_of(const struct lane *lane)
{
    return (struct checkpoint_set){lane->table->projection->name, lane->table->generation};
}

/* Keys that were parked before, by whoever had the lane. */
static bool load_parked(struct lane *lane, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    if (lane->parked)
        return true;
    pg_add_str(&params, str_of(lane->table->projection->name));
    pg_add_i32(&params, lane->table->generation);
    if (!pg_query(lane->conn,
                  "select tenant, stream, version from parked_keys"
                  " where projection = $1 and generation = $2",
                  &params, &rows, err))
        return error_wrap(err, "load the parked keys");
    lane->parked = parked_set_new();
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct parked_key key = {.tenant = pg_get_str(rows, i, 0),
                                 .stream = pg_get_str(rows, i, 1),
                                 .version = VERSION(pg_get_i64(rows, i, 2))};

        parked_set_put(lane->parked, &key);
    }
    return true;
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

/* EVENT can not be applied: its stream waits from VERSION on. False: it is no event's fault. */
static bool park(struct slice *s, const struct event *event, struct version version)
{
    struct lane *lane = s->lane;
    const struct cursor_topic *topic = cursor_find(lane->cursor, name_category(event->stream));
    bool is_there = version.n == event->version.n; /* else the log lacks it */
    struct parked_event *parked = &s->parked[s->parked_count];

    if (causes_failed(lane->causes, poison_class(s->err), s->err->code)) {
        s->err->class = ERROR_FATAL;
        return error_wrap(s->err, "event '" STR_FMT "' at position %lld, as too many before it",
                          STR_ARG(event->id), (long long)event->position.n);
    }
    assert(topic); /* what is below the target is below the cursor */
    *parked = (struct parked_event){
        .topic = topic->topic,
        .partition = plan_partition(event, topic->partitions),
        .key = {.tenant = event->tenant,
                .stream = event->stream,
                .state = PARKED_RETRYING,
                .version = version,
                .last = event->version,
                .position = is_there ? event->position : POSITION(0),
                .offset = {-1},
                .attempts = 1,
                .failed_ms = s->now_ms,
                .due_ms = s->now_ms},
        .event_id = is_there ? event->id : STR(""),
        .event_type = is_there ? event->type : STR(""),
        .why = *s->err,
    };
    parked_set_put(lane->parked, &parked->key);
    s->parked_count++;
    error_clear(s->err);
    return true;
}

/* What was put into the set in vain. */
static void unpark(struct slice *s)
{
    for (size_t i = 0; i < s->parked_count; i++)
        parked_set_remove(s->lane->parked, s->parked[i].key.tenant, s->parked[i].key.stream);
    s->parked_count = 0;
}

static bool is_refused(struct slice *s, const struct event *event)
{
    if (event->position.n != s->lane->culprit.n)
        return false;
    *s->err = s->lane->culprit_why;
    return true;
}

static bool fold_row(struct slice *s, const struct event *event)
{
    struct version due;

    if (is_refused(s, event))
        return park(s, event, event->version);
    switch (rows_fold(s->rows, event, s->err)) {
    case ROWS_FOLDED:
    case ROWS_HAS_IT:
        causes_applied(s->lane->causes);
        return true;
    case ROWS_GAP:
        due = VERSION(rows_touch(s->rows, event->tenant, event->stream)->version.n + 1);
        error_set(s->err, ERROR_POISON, "version-gap",
                  "the log has no version %lld of '" STR_FMT "'", (long long)due.n,
                  STR_ARG(event->stream));
        return park(s, event, due);
    case ROWS_POISON:
        break;
    }
    return park(s, event, event->version);
}

/* A sum that would pass 64 bits ends the slice: what is there is written first. */
static bool fold_sums(struct slice *s, size_t index)
{
    const struct event *event = &s->page.events[index];

    if (is_refused(s, event))
        return park(s, event, event->version);
    switch (sums_add(s->sums, event, s->err)) {
    case SUMS_ADDED:
        causes_applied(s->lane->causes);
        return true;
    case SUMS_FULL:
        s->count = index;
        s->to = POSITION(event->position.n - 1);
        return true;
    case SUMS_POISON:
        break;
    }
    return park(s, event, event->version);
}

/* As sums: what does not fit into one parameter is left to the next slice. */
static bool take_event(struct slice *s, size_t index)
{
    const struct event *event = &s->page.events[index];
    struct lane *lane = s->lane;

    if (is_refused(s, event))
        return park(s, event, event->version);
    switch (events_json_add(&s->json, lane->table->projection, event, lane->arena, s->err)) {
    case EVENTS_ADDED:
        causes_applied(lane->causes);
        return true;
    case EVENTS_FULL:
        s->count = index;
        s->to = POSITION(event->position.n - 1);
        return true;
    case EVENTS_POISON:
        break;
    }
    return park(s, event, event->version);
}

static bool fold_one(struct slice *s, size_t index)
{
    switch (s->lane->table->projection->kind) {
    case PROJECTION_BY_STREAM:
        return fold_row(s, &s->page.events[index]);
    case PROJECTION_ROLL_UP:
        return fold_sums(s, index);
    case PROJECTION_SQL:
        return take_event(s, index);
    }
    assert(!"a kind of projection");
    return false;
}

static bool fold_all(struct slice *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct event *event = &s->page.events[i];

        if (parked_set_count(s->lane->parked) > 0 &&
            parked_set_find(s->lane->parked, event->tenant, event->stream))
            continue; /* queues behind */
        if (!fold_one(s, i))
            return false;
    }
    return true;
}

static bool fold(struct slice *s)
{
    s->parked = ARENA_ARRAY(s->lane->arena, struct parked_event, s->count + 1);
    s->now_ms = clock_monotonic_ms();
    switch (s->lane->table->projection->kind) {
    case PROJECTION_BY_STREAM:
        if (!load_rows(s))
            return false;
        break;
    case PROJECTION_ROLL_UP:
        s->sums = sums_new(s->lane->table->projection, s->lane->arena);
        break;
    case PROJECTION_SQL: /* has its place already */
        break;
    }
    return fold_all(s);
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

static bool write_rows(struct slice *s)
{
    if (s->lane->table->projection->kind == PROJECTION_SQL)
        return s->json.count == 0 ||
               sql_batch_run(s->lane->conn, s->lane->table, events_json_end(&s->json), s->err);
    return (!s->rows || copy_new(s)) && upsert(s);
}

static bool insert_parked(struct slice *s)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    if (s->parked_count == 0)
        return true;
    parked_insert_params(&params, set_of(s->lane), s->parked, s->parked_count, s->now_ms,
                         s->lane->arena);
    return pg_query(s->lane->conn, sql_parked_insert, &params, NULL, s->err) ||
           error_wrap(s->err, "park %zu keys", s->parked_count);
}

static enum slice_result write(struct slice *s)
{
    bool moved = false;

    if (pg_begin(s->lane->conn, s->err) && advance(s, &moved) && moved && write_rows(s) &&
        insert_parked(s) && pg_commit(s->lane->conn, s->err))
        return SLICE_DONE;
    pg_rollback(s->lane->conn);
    return moved || s->err->class != ERROR_NONE ? SLICE_FAILED : SLICE_TAKEN;
}

/* The same events again with fewer of them, until the culprit stands alone; then without it. */
static bool may_go_on(struct lane *lane, const struct slice *s)
{
    const struct event *alone = s->page.count == 1 ? &s->page.events[0] : NULL;

    if (s->err->class != ERROR_POISON || s->page.count == 0)
        return false;
    if (alone && alone->position.n == lane->culprit.n)
        return false;
    if (alone) {
        lane->culprit = alone->position;
        lane->culprit_why = *s->err;
        return true;
    }
    lane->events_max = s->page.count / 2;
    return true;
}

enum slice_result lane_slice(struct lane *lane, struct position target,
                             struct slice_count *ret_count, struct error *err)
{
    enum slice_result result;
    struct slice s;
    bool again;

    assert(target.n > lane->at.n);
    error_clear(err);
    if (!load_parked(lane, err))
        return SLICE_FAILED;
    do {
        s = (struct slice){.lane = lane, .err = err};
        events_json_init(&s.json);
        error_clear(err);
        result = read(&s, target) && fold(&s) ? write(&s) : SLICE_FAILED;
        pg_rows_free(s.loaded);
        events_json_release(&s.json);
        if (result != SLICE_DONE)
            unpark(&s);
        again = result == SLICE_FAILED && may_go_on(lane, &s);
        arena_clear(lane->arena);
    } while (again);
    if (result != SLICE_DONE)
        return result;
    lane->at = s.to;
    lane->events_max = lane->events_max * 2 < SLICE_EVENTS ? lane->events_max * 2 : SLICE_EVENTS;
    *ret_count = (struct slice_count){(int64_t)s.count, (int64_t)s.parked_count};
    return SLICE_DONE;
}
