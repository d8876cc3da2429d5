/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/append_within.h"

#include <assert.h>

#include "base/arena.h"
#include "base/name.h"
#include "base/uuid.h"
#include "eventlog/event.h"
#include "eventlog/sql.h"
#include "postgres/pg.h"

/* A stream that events go to: usually one a tenant. */
struct target {
    struct str tenant;
    struct str name;
    int64_t id; /* 0: the stream does not exist */
    struct version version;
    struct position first;
    struct position last;
    bool is_new;
};

struct placed {
    struct target *target;
    struct version version;
    struct str id;
};

struct appending {
    struct pg_conn *conn;
    const struct within_event *events;
    struct placed *placed; /* of each event */
    size_t count;
    struct target *targets;
    size_t targets_count;
    size_t new_count;
    struct position head;
    int64_t recorded_at_us;
};

static struct target *target_of(struct appending *a, const struct within_event *event)
{
    for (size_t i = 0; i < a->targets_count; i++)
        if (str_equal(a->targets[i].name, event->stream) &&
            str_equal(a->targets[i].tenant, event->tenant))
            return &a->targets[i];
    a->targets[a->targets_count] = (struct target){.tenant = event->tenant, .name = event->stream};
    return &a->targets[a->targets_count++];
}

static bool send_look(const struct appending *a, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    PG_ADD_ARRAY(&params, PG_TEXT, pg_array_str, a->targets, a->targets_count, tenant);
    PG_ADD_ARRAY(&params, PG_TEXT, pg_array_str, a->targets, a->targets_count, name);
    return pg_pipe_send(a->conn, sql_head_lock, NULL, err) &&
           pg_pipe_send(a->conn, sql_streams_find, &params, err) && pg_pipe_sync(a->conn, err);
}

static void read_look(struct appending *a, const struct pg_rows *head,
                      const struct pg_rows *streams)
{
    a->head = POSITION(pg_get_i64(head, 0, 0));
    a->recorded_at_us = pg_get_time(head, 0, 1);
    for (size_t i = 0; i < pg_rows_count(streams); i++) {
        struct target *target = &a->targets[pg_get_i64(streams, i, 0) - 1];

        target->id = pg_get_i64(streams, i, 1);
        target->version = VERSION(pg_get_i64(streams, i, 2));
        target->first = POSITION(pg_get_i64(streams, i, 3));
        target->last = POSITION(pg_get_i64(streams, i, 4));
    }
}

static bool look(struct appending *a, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *head = NULL;
    SCOPED(pg_rows_free) struct pg_rows *streams = NULL;
    bool ok = pg_pipe_open(a->conn, err) && send_look(a, err) &&
              pg_pipe_next(a->conn, &head, err) && pg_pipe_next(a->conn, &streams, err);

    pg_pipe_close(a->conn);
    if (!ok)
        return false;
    if (pg_rows_count(head) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "log_head has no row");
    read_look(a, head, streams);
    return true;
}

/* A block of ids is more than enough; what is left of it is never used. */
static bool take_ids(struct appending *a, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    int64_t id;

    pg_params_init(&params);
    for (size_t i = 0; i < a->targets_count; i++)
        a->new_count += a->targets[i].id == 0;
    if (a->new_count == 0)
        return true;
    pg_add_i32(&params, 1);
    if (!pg_query(a->conn, sql_stream_ids_take, &params, &rows, err))
        return false;
    id = pg_get_i64(rows, 0, 0);
    for (size_t i = 0; i < a->targets_count; i++) {
        a->targets[i].is_new = a->targets[i].id == 0;
        if (a->targets[i].is_new)
            a->targets[i].id = id++;
    }
    return true;
}

static void place(struct appending *a, struct arena *arena)
{
    for (size_t i = 0; i < a->count; i++) {
        struct target *target = a->placed[i].target;
        struct position position = POSITION(a->head.n + 1 + (int64_t)i);
        char *id = arena_alloc(arena, UUID_TEXT_LEN + 1);

        uuid_format(uuid_v7(), id);
        if (target->version.n == 0)
            target->first = position;
        target->version.n++;
        target->last = position;
        a->placed[i].version = target->version;
        a->placed[i].id = str_from(id, UUID_TEXT_LEN);
    }
}

/* The members of one kind of streams: those that are new, or those that are moved on. */
#define ADD_TARGETS(params, type, adder, a, wanted, value) \
    do { \
        pg_array_open((params), (type)); \
        for (size_t i_ = 0; i_ < (a)->targets_count; i_++) { \
            const struct target *t = &(a)->targets[i_]; \
            if (t->is_new == (wanted)) \
                adder((params), (value)); \
        } \
        pg_array_close(params); \
    } while (0)

static bool send_new(const struct appending *a, struct pg_params *params, struct error *err)
{
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, true, t->id);
    ADD_TARGETS(params, PG_TEXT, pg_array_str, a, true, t->tenant);
    ADD_TARGETS(params, PG_TEXT, pg_array_str, a, true, t->name);
    ADD_TARGETS(params, PG_TEXT, pg_array_str, a, true, name_category(t->name));
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, true, t->version.n);
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, true, t->first.n);
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, true, t->last.n);
    if (!pg_pipe_send(a->conn, sql_streams_insert, params, err))
        return false;
    pg_params_clear(params);
    ADD_TARGETS(params, PG_TEXT, pg_array_str, a, true, name_category(t->name));
    return pg_pipe_send(a->conn, sql_categories_insert, params, err);
}

static bool send_moved(const struct appending *a, struct pg_params *params, struct error *err)
{
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, false, t->id);
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, false, t->version.n);
    ADD_TARGETS(params, PG_INT8, pg_array_i64, a, false, t->last.n);
    return pg_pipe_send(a->conn, sql_streams_update, params, err);
}

static bool send_events(const struct appending *a, struct pg_params *params, struct error *err)
{
    pg_add_i64(params, a->head.n);
    pg_add_time(params, a->recorded_at_us);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, a->placed, a->count, target->id);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, a->placed, a->count, version.n);
    PG_ADD_ARRAY(params, PG_TIMESTAMPTZ, pg_array_i64, a->events, a->count, occurred_at_us);
    PG_ADD_ARRAY(params, PG_TEXT, pg_array_str, a->placed, a->count, id);
    PG_ADD_ARRAY(params, PG_TEXT, pg_array_str, a->events, a->count, type);
    PG_ADD_ARRAY(params, PG_JSON, pg_array_str, a->events, a->count, data);
    PG_ADD_ARRAY(params, PG_JSON, pg_array_str, a->events, a->count, metadata);
    for (int i = 0; i < 4; i++) /* correlation, causation, request, trace */
        pg_add_null(params);
    return pg_pipe_send(a->conn, sql_events_insert, params, err);
}

static bool send_head(const struct appending *a, struct pg_params *params, struct error *err)
{
    pg_add_i64(params, a->head.n + (int64_t)a->count);
    pg_add_time(params, a->recorded_at_us);
    return pg_pipe_send(a->conn, sql_head_update, params, err);
}

typedef bool (*send_fn)(const struct appending *a, struct pg_params *params, struct error *err);

static bool write_all(const struct appending *a, struct error *err)
{
    const send_fn sends[] = {a->new_count > 0 ? send_new : NULL,
                             a->new_count < a->targets_count ? send_moved : NULL, send_events,
                             send_head};
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    size_t answers = (a->new_count > 0 ? 2 : 0) + (a->new_count < a->targets_count) + 2;
    bool ok = pg_pipe_open(a->conn, err);

    pg_params_init(&params);
    for (size_t i = 0; ok && i < sizeof(sends) / sizeof(sends[0]); i++) {
        pg_params_clear(&params);
        ok = !sends[i] || sends[i](a, &params, err);
    }
    ok = ok && pg_pipe_sync(a->conn, err);
    while (ok && answers-- > 0)
        ok = pg_pipe_next(a->conn, NULL, err);
    pg_pipe_close(a->conn);
    return ok;
}

bool append_within(struct pg_conn *conn, const struct within_event *events, size_t count,
                   struct arena *arena, struct position *ret_last, struct error *err)
{
    struct appending a = {.conn = conn, .events = events, .count = count};

    assert(count > 0 && count <= APPEND_WITHIN_MAX);
    assert(pg_in_transaction(conn));

    a.placed = ARENA_ARRAY(arena, struct placed, count);
    a.targets = ARENA_ARRAY(arena, struct target, count);
    for (size_t i = 0; i < count; i++) {
        assert(events[i].data.len + events[i].metadata.len <= EVENT_BYTES_MAX);
        a.placed[i].target = target_of(&a, &events[i]);
    }
    if (!look(&a, err) || !take_ids(&a, err))
        return error_wrap(err, "take the log's head");
    place(&a, arena);
    if (!write_all(&a, err))
        return error_wrap(err, "append %zu events", count);
    *ret_last = POSITION(a.head.n + (int64_t)count);
    return true;
}
