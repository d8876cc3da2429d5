/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/apply_internal.h"

#include <assert.h>

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/events_json.h"
#include "projection/parked_set.h"
#include "projection/parking_store.h"
#include "projection/rows.h"
#include "projection/sql.h"
#include "projection/sql_batch.h"
#include "projection/sums.h"
#include "projection/table.h"

static const char sql_begin[] = "begin isolation level read committed";
static const char sql_commit[] = "commit";
static const char sql_head[] = "select position from log_head";

bool batch_failed(struct batch *b)
{
    b->ret->result = APPLY_FAILED;
    return false;
}

bool batch_cut(struct batch *b, enum apply_result result, size_t part, size_t index)
{
    b->ret->result = result;
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
    if (!ok) { /* a later answer may be the one that failed */
        pg_rows_skip(moved);
        pg_rows_skip(head);
        return batch_failed(b);
    }

    assert(pg_rows_count(head) == 1);
    b->head = POSITION(pg_get_i64(head, 0, 0));
    if (!check_fence(b, moved)) {
        pg_rows_skip(b->loaded);
        return false;
    }
    if (b->rows)
        rows_loaded(b->rows, b->loaded);
    return true;
}

/* The second trip: rows, keys, records that are not ours, COMMIT. */

enum { WRITES_MAX = 4 };

struct writes {
    struct {
        const char *sql;
        struct pg_params params;
        size_t rows; /* that must be affected; 0: any */
    } items[WRITES_MAX];
    size_t count;
};

static void writes_release(struct writes *writes)
{
    for (size_t i = 0; i < writes->count; i++)
        pg_params_release(&writes->items[i].params);
}

static struct pg_params *write_add(struct writes *writes, const char *sql, size_t rows)
{
    size_t i = writes->count++;

    assert(i < WRITES_MAX);
    writes->items[i].sql = sql;
    writes->items[i].rows = rows;
    pg_params_init(&writes->items[i].params);
    return &writes->items[i].params;
}

static void add_rows(struct batch *b, struct writes *writes)
{
    size_t changed = b->rows ? rows_changed(b->rows) : b->sums ? sums_count(b->sums) : 0;
    struct pg_params *params;

    if (changed == 0)
        return;
    params = write_add(writes, b->table->upsert, changed);
    if (b->rows)
        rows_upsert_params(b->rows, params);
    else
        sums_upsert_params(b->sums, params);
}

static size_t count_keys(const struct batch *b)
{
    size_t count = 0;

    for (size_t i = 0; b->keys && i < b->parts_count; i++)
        count += b->keys[i] ? parked_set_count(b->keys[i]) : 0;
    return count;
}

/* All keys the batch has changed, for the database and the owner. */
static void add_keys(struct batch *b, struct writes *writes, struct checkpoint_set set)
{
    struct applied *ret = b->ret;
    size_t max = count_keys(b);
    const struct parked_key **keys = ARENA_ARRAY(b->arena, const struct parked_key *, max);

    ret->changes = ARENA_ARRAY(b->arena, struct key_change, max);
    for (size_t i = 0; max > 0 && i < b->parts_count; i++) {
        for (size_t k = 0; b->keys[i] && k < parked_set_count(b->keys[i]); k++) {
            struct key_change *change = &ret->changes[ret->changes_count];

            *change = (struct key_change){i, *parked_set_at(b->keys[i], k)};
            change->key.tenant = arena_dup(b->arena, change->key.tenant);
            change->key.stream = arena_dup(b->arena, change->key.stream);
            keys[ret->changes_count++] = &change->key;
        }
    }
    if (ret->parked > 0)
        parked_insert_params(write_add(writes, sql_parked_insert, ret->parked), set, b->parked,
                             ret->parked, b->rules->now_ms, b->arena);
    if (ret->queued > 0)
        parked_extend_params(write_add(writes, sql_parked_extend, max), set, keys, max);
}

static void add_foreign(struct batch *b, struct writes *writes, struct checkpoint_set set)
{
    struct foreign_place *places;
    size_t count = 0;

    for (size_t i = 0; i < b->parts_count; i++)
        count += b->parts[i].foreign_count;
    if (count == 0)
        return;
    places = ARENA_ARRAY(b->arena, struct foreign_place, count);
    count = 0;
    for (size_t i = 0; i < b->parts_count; i++)
        for (size_t k = 0; k < b->parts[i].foreign_count; k++)
            places[count++] =
                (struct foreign_place){b->parts[i].checkpoint.topic,
                                       b->parts[i].checkpoint.partition, &b->parts[i].foreign[k]};
    foreign_insert_params(write_add(writes, sql_foreign_insert, 0), set, places, count, b->arena);
}

static bool send_events(struct batch *b)
{
    return !b->json || b->json->count == 0 ||
           sql_batch_send(b->conn, b->table, events_json_end(b->json), &b->ret->err);
}

static bool receive_events(struct batch *b)
{
    return !b->json || b->json->count == 0 || sql_batch_receive(b->conn, b->table, &b->ret->err);
}

static bool run_writes(struct batch *b, const struct writes *writes)
{
    struct error *err = &b->ret->err;
    bool ok = pg_pipe_open(b->conn, err) && send_events(b);

    for (size_t i = 0; ok && i < writes->count; i++)
        ok = pg_pipe_send(b->conn, writes->items[i].sql, &writes->items[i].params, err);
    ok = ok && pg_pipe_send(b->conn, sql_commit, NULL, err) && pg_pipe_sync(b->conn, err) &&
         receive_events(b);
    for (size_t i = 0; ok && i < writes->count; i++) {
        SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

        ok = pg_pipe_next(b->conn, &rows, err);
        assert(!ok || writes->items[i].rows == 0 ||
               pg_rows_affected(rows) == (int64_t)writes->items[i].rows);
    }
    ok = ok && pg_pipe_next(b->conn, NULL, err);
    pg_pipe_close(b->conn);
    return ok || batch_failed(b);
}

static bool second_trip(struct batch *b)
{
    struct checkpoint_set set = {b->table->projection->name, b->table->generation};
    SCOPED_VALUE(writes_release) struct writes writes = {.count = 0};

    add_rows(b, &writes);
    add_keys(b, &writes, set);
    add_foreign(b, &writes, set);
    return run_writes(b, &writes);
}

static void keep_causes(struct batch *b)
{
    if (b->causes) {
        *b->rules->causes = *b->causes;
        return;
    }
    for (size_t i = 0; i < b->good && i < CAUSES_WINDOW; i++)
        causes_applied(b->rules->causes);
}

static void free_keys(struct batch *b)
{
    for (size_t i = 0; b->keys && i < b->parts_count; i++)
        parked_set_free(b->keys[i]);
}

void batch_apply(struct pg_conn *conn, const struct table *table, const struct apply_part *parts,
                 size_t count, const struct parking_rules *rules, struct arena *arena,
                 struct applied *ret)
{
    struct batch b = {.conn = conn,
                      .table = table,
                      .parts = parts,
                      .parts_count = count,
                      .rules = rules,
                      .arena = arena,
                      .ret = ret};

    struct events_json json;

    assert(count > 0);
    *ret = (struct applied){.result = APPLY_DONE};
    events_json_init(&json);
    switch (table->projection->kind) {
    case PROJECTION_BY_STREAM:
        touch_rows(&b);
        break;
    case PROJECTION_ROLL_UP:
        b.sums = sums_new(table->projection, arena);
        break;
    case PROJECTION_SQL:
        b.json = &json;
        break;
    }
    if (first_trip(&b) && batch_fold(&b) && second_trip(&b))
        keep_causes(&b);
    else
        pg_rollback(conn);
    free_keys(&b);
    events_json_release(&json);
    pg_rows_free(b.loaded);
}
