/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/announce.h"

#include <assert.h>
#include <inttypes.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/json.h"
#include "eventlog/append_within.h"
#include "eventlog/event.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/sql.h"

struct round {
    struct pg_conn *conn;
    const struct announcing *announcing;
    struct arena *arena;
    int64_t ids[ANNOUNCE_LETTERS];
    struct within_event events[ANNOUNCE_LETTERS];
    size_t count;
    size_t bytes;
};

enum column {
    COLUMN_ID,
    COLUMN_TENANT,
    COLUMN_STREAM,
    COLUMN_VERSION,
    COLUMN_POSITION,
    COLUMN_EVENT_ID,
    COLUMN_EVENT_TYPE,
    COLUMN_OFFSET,
    COLUMN_ATTEMPTS,
    COLUMN_CLASS,
    COLUMN_CODE,
    COLUMN_MESSAGE,
    COLUMN_PARKED_AT,
    COLUMN_FAILED_AT,
};

/* True: the checkpoint is still ours, and locked. */
static bool begin(struct round *r, bool *ret_fenced, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *moved = NULL;

    pg_params_init(&params);
    checkpoint_advance_params(&params, r->announcing->set, &r->announcing->checkpoint, 1);
    if (!pg_begin(r->conn, err) || !pg_query(r->conn, sql_checkpoint_advance, &params, &moved, err))
        return false;
    *ret_fenced = pg_rows_count(moved) != 1;
    pg_rows_skip(moved);
    return true;
}

static bool load(struct round *r, struct pg_rows **ret_rows, struct error *err)
{
    const struct announcing *a = r->announcing;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(a->set.projection));
    pg_add_i32(&params, a->set.generation);
    pg_add_str(&params, str_of(a->checkpoint.topic));
    pg_add_i32(&params, a->checkpoint.partition);
    pg_add_i64(&params, ANNOUNCE_LETTERS);
    return pg_query(r->conn, sql_letters_unannounced, &params, ret_rows, err);
}

static void write_str(struct buf *out, const char *key, struct str value)
{
    json_write_key(out, key);
    json_write_str(out, value);
}

static void write_i64(struct buf *out, const char *key, int64_t value)
{
    json_write_key(out, key);
    buf_add_i64(out, value);
}

static void write_time(struct buf *out, const char *key, int64_t wall_us)
{
    json_write_key(out, key);
    json_write_time(out, wall_us);
}

static void write_event(struct buf *out, const struct pg_rows *rows, size_t row)
{
    json_write_key(out, "event");
    buf_add_char(out, '{');
    write_str(out, "id", pg_get_str(rows, row, COLUMN_EVENT_ID));
    write_str(out, "type", pg_get_str(rows, row, COLUMN_EVENT_TYPE));
    write_str(out, "stream", pg_get_str(rows, row, COLUMN_STREAM));
    write_i64(out, "version", pg_get_i64(rows, row, COLUMN_VERSION));
    write_i64(out, "position", pg_get_i64(rows, row, COLUMN_POSITION));
    buf_add_char(out, '}');
}

static void write_value(struct buf *out, struct str value)
{
    bool is_cut = value.len > ANNOUNCE_VALUE_MAX;

    write_i64(out, "value_bytes", (int64_t)value.len);
    json_write_key(out, "value_cut");
    buf_add_cstr(out, is_cut ? "true" : "false");
    json_write_key(out, "value");
    buf_add_char(out, '"');
    base64_write(out, is_cut ? str_from(value.data, ANNOUNCE_VALUE_MAX) : value);
    buf_add_char(out, '"');
}

static struct str write_data(const struct round *r, const struct pg_rows *rows, size_t row,
                             struct str value)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(EVENT_BYTES_MAX / 2);

    buf_add_char(&out, '{');
    write_i64(&out, "letter", pg_get_i64(rows, row, COLUMN_ID));
    write_str(&out, "projection", str_of(r->announcing->set.projection));
    write_i64(&out, "generation", r->announcing->set.generation);
    write_event(&out, rows, row);
    write_str(&out, "class", pg_get_str(rows, row, COLUMN_CLASS));
    write_str(&out, "code", pg_get_str(rows, row, COLUMN_CODE));
    write_str(&out, "message", pg_get_str(rows, row, COLUMN_MESSAGE));
    write_i64(&out, "attempts", pg_get_i64(rows, row, COLUMN_ATTEMPTS));
    write_time(&out, "first_failed_at", pg_get_time(rows, row, COLUMN_PARKED_AT));
    write_time(&out, "failed_at", pg_get_time(rows, row, COLUMN_FAILED_AT));
    write_value(&out, value);
    buf_add_char(&out, '}');
    assert(!out.failed);
    return arena_dup(r->arena, buf_str(&out));
}

/* The publisher makes headers of these, as they stand between the quotes: nothing to escape. */
static void write_header(struct buf *out, const char *key, struct str value)
{
    json_write_key(out, key);
    buf_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];

        buf_add_char(out, c == '"' ? '\'' : c == '\\' ? '/' : (unsigned char)c < ' ' ? ' ' : c);
    }
    buf_add_char(out, '"');
}

static struct str write_metadata(const struct round *r, const struct pg_rows *rows, size_t row)
{
    const struct announcing *a = r->announcing;
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    int64_t offset = pg_get_i64(rows, row, COLUMN_OFFSET);

    buf_add_char(&out, '{');
    write_header(&out, "__dlq.errors.topic", str_of(a->checkpoint.topic));
    write_header(&out, "__dlq.errors.partition",
                 arena_printf(r->arena, "%" PRId32, a->checkpoint.partition));
    if (offset >= 0)
        write_header(&out, "__dlq.errors.offset", arena_printf(r->arena, "%" PRId64, offset));
    write_header(&out, "__dlq.errors.group", str_of(a->group));
    write_header(&out, "__dlq.errors.delivery.count",
                 arena_printf(r->arena, "%" PRId64, pg_get_i64(rows, row, COLUMN_ATTEMPTS)));
    write_header(&out, "__dlq.errors.message", pg_get_str(rows, row, COLUMN_MESSAGE));
    buf_add_char(&out, '}');
    assert(!out.failed);
    return arena_dup(r->arena, buf_str(&out));
}

/* False: the database failed, or the round is full (*ret_more). */
static bool add_letter(struct round *r, const struct pg_rows *rows, size_t row, bool *ret_more,
                       struct error *err)
{
    struct position position = POSITION(pg_get_i64(rows, row, COLUMN_POSITION));
    struct event event = {.data = STR("")};
    bool found = false;

    if (position.n > 0 && !log_find_event(r->conn, position, r->arena, &event, &found, err))
        return false;
    if (!found || !str_equal(event.id, pg_get_str(rows, row, COLUMN_EVENT_ID)))
        event.data = STR("");
    if (r->count > 0 && r->bytes + event.data.len > ANNOUNCE_BYTES) {
        *ret_more = true;
        error_clear(err);
        return false;
    }
    r->bytes += event.data.len;
    r->ids[r->count] = pg_get_i64(rows, row, COLUMN_ID);
    r->events[r->count++] = (struct within_event){
        .tenant = arena_dup(r->arena, pg_get_str(rows, row, COLUMN_TENANT)),
        .stream = arena_printf(r->arena, "dlq-%s", r->announcing->set.projection),
        .type = STR("EventDeadLettered"),
        .data = write_data(r, rows, row, event.data),
        .metadata = write_metadata(r, rows, row),
        .occurred_at_us = pg_get_time(rows, row, COLUMN_FAILED_AT),
    };
    return true;
}

static bool collect(struct round *r, bool *ret_more, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!load(r, &rows, err))
        return false;
    *ret_more = pg_rows_count(rows) == ANNOUNCE_LETTERS;
    pg_rows_skip(rows); /* those a full round leaves */
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (!add_letter(r, rows, i, ret_more, err))
            return err->class == ERROR_NONE;
    return true;
}

static bool announce(struct round *r, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct position last;

    pg_params_init(&params);
    pg_array_open(&params, PG_INT8);
    for (size_t i = 0; i < r->count; i++)
        pg_array_i64(&params, r->ids[i]);
    pg_array_close(&params);
    return pg_query(r->conn,
                    "update dead_letters set announced_at = clock_timestamp()"
                    " where id = any ($1::bigint[])",
                    &params, NULL, err) &&
           append_within(r->conn, r->events, r->count, r->arena, &last, err);
}

enum announce_result letters_announce(struct pg_conn *conn, const struct announcing *announcing,
                                      struct arena *arena, size_t *ret_count, bool *ret_more,
                                      struct error *err)
{
    struct round *round = ARENA_NEW(arena, struct round);
    bool fenced = false;

    round->conn = conn;
    round->announcing = announcing;
    round->arena = arena;
    *ret_count = 0;
    *ret_more = false;
    if (begin(round, &fenced, err) && !fenced && collect(round, ret_more, err) &&
        (round->count == 0 || announce(round, err)) && pg_commit(conn, err)) {
        *ret_count = round->count;
        return ANNOUNCE_DONE;
    }
    pg_rollback(conn);
    if (fenced)
        return ANNOUNCE_FENCED;
    error_wrap(err, "announce dead letters");
    return ANNOUNCE_FAILED;
}
