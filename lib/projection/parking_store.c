/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/parking_store.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/json.h"
#include "kafka/message.h"
#include "postgres/pg.h"
#include "projection/parked_set.h"
#include "projection/sql.h"

const char *poison_class(const struct error *err)
{
    if (err->sqlstate[0])
        return "poison.constraint";
    if (strcmp(err->code, "version-gap") == 0 || strcmp(err->code, "stream-unreadable") == 0 ||
        strcmp(err->code, "event-gone") == 0)
        return "poison.gap";
    return "poison.fold";
}

struct str poison_code(const struct error *err)
{
    return str_of(err->sqlstate[0] ? err->sqlstate : err->code);
}

struct str storable_text(struct str text, struct arena *arena)
{
    char *copy = NULL;
    size_t len = 0;

    if (str_is_utf8(text, NULL) && !memchr(text.data, '\0', text.len))
        return text;
    copy = arena_alloc(arena, text.len + 1);
    for (size_t at = 0; at < text.len;) {
        uint32_t code_point;
        size_t bytes = str_utf8_next(str_from(text.data + at, text.len - at), &code_point);

        if (bytes == 0 || text.data[at] == '\0') {
            copy[len++] = '?';
            at++;
            continue;
        }
        memcpy(copy + len, text.data + at, bytes);
        len += bytes;
        at += bytes;
    }
    return str_from(copy, len);
}

static void add_set(struct pg_params *params, struct checkpoint_set set)
{
    pg_add_str(params, str_of(set.projection));
    pg_add_i32(params, set.generation);
}

static enum parked_state state_of(struct str name)
{
    if (str_equal(name, STR("dead")))
        return PARKED_DEAD;
    return str_equal(name, STR("releasing")) ? PARKED_RELEASING : PARKED_RETRYING;
}

static struct parked_key read_key(const struct pg_rows *rows, size_t row, int64_t now_ms)
{
    int64_t due_ms = pg_get_i64(rows, row, 9);
    struct parked_key key = {
        .tenant = pg_get_str(rows, row, 0),
        .stream = pg_get_str(rows, row, 1),
        .state = state_of(pg_get_str(rows, row, 2)),
        .version = VERSION(pg_get_i64(rows, row, 3)),
        .last = VERSION(pg_get_i64(rows, row, 4)),
        .position = POSITION(pg_get_i64(rows, row, 5)),
        .offset = {pg_get_i64(rows, row, 6)},
        .attempts = (int)pg_get_i64(rows, row, 7),
        .letter = pg_get_i64(rows, row, 8),
        .failed_ms = now_ms - pg_get_i64(rows, row, 10),
        .due_ms = now_ms + due_ms,
    };

    if (key.state == PARKED_DEAD)
        key.due_ms = INT64_MAX;
    return key;
}

bool parked_load(struct pg_conn *conn, struct checkpoint_set set, const char *topic,
                 int32_t partition, int64_t now_ms, struct parked_set *ret, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    add_set(&params, set);
    pg_add_str(&params, str_of(topic));
    pg_add_i32(&params, partition);
    pg_add_i64(&params, PARKED_KEYS_MAX + 1);
    if (!pg_query(conn, sql_parked_load, &params, &rows, err))
        return error_wrap(err, "load the parked keys of '%s' partition %d", topic, partition);
    if (pg_rows_count(rows) > PARKED_KEYS_MAX) {
        pg_rows_skip(rows);
        return error_set(err, ERROR_FATAL, "parked-keys-limit",
                         "'%s' partition %d has more than %d parked keys", topic, partition,
                         PARKED_KEYS_MAX);
    }
    parked_set_clear(ret);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct parked_key key = read_key(rows, i, now_ms);

        parked_set_put(ret, &key);
    }
    return true;
}

static void add_causes(struct pg_params *params, const struct parked_event *events, size_t count,
                       struct arena *arena)
{
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, str_of(poison_class(&events[i].why)));
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, poison_code(&events[i].why));
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, storable_text(str_of(events[i].why.text), arena));
    pg_array_close(params);
}

void parked_insert_params(struct pg_params *params, struct checkpoint_set set,
                          const struct parked_event *events, size_t count, int64_t now_ms,
                          struct arena *arena)
{
    add_set(params, set);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, str_of(events[i].topic));
    pg_array_close(params);
    PG_ADD_ARRAY(params, PG_INT4, pg_array_i64, events, count, partition);
    PG_ADD_ARRAY(params, PG_TEXT, pg_array_str, events, count, key.tenant);
    PG_ADD_ARRAY(params, PG_TEXT, pg_array_str, events, count, key.stream);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, events, count, key.version.n);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, events, count, key.last.n);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, events, count, key.position.n);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, events, count, key.offset.n);
    PG_ADD_ARRAY(params, PG_TEXT, pg_array_str, events, count, event_id);
    PG_ADD_ARRAY(params, PG_TEXT, pg_array_str, events, count, event_type);
    add_causes(params, events, count, arena);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, events, count, key.due_ms - now_ms);
}

void parked_extend_params(struct pg_params *params, struct checkpoint_set set,
                          const struct parked_key *const *keys, size_t count)
{
    add_set(params, set);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, keys[i]->tenant);
    pg_array_close(params);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, keys[i]->stream);
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, keys[i]->last.n);
    pg_array_close(params);
}

struct str foreign_headers(const struct kafka_message *message, struct arena *arena)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(FOREIGN_HEADERS_MAX);
    size_t whole = 0;
    const char *name;
    struct str value;

    buf_add_char(&out, '[');
    for (size_t i = 0; kafka_message_header_at(message, i, &name, &value); i++) {
        whole = out.len;
        buf_add_cstr(&out, i > 0 ? ",[" : "[");
        json_write_str(&out, storable_text(str_of(name), arena));
        buf_add_cstr(&out, ",\"");
        base64_write(&out, value);
        buf_add_cstr(&out, "\"]");
        if (out.failed || out.len + 1 > FOREIGN_HEADERS_MAX)
            break;
        whole = out.len;
    }
    return arena_printf(arena, STR_FMT "]", (int)(whole > 0 ? whole : 1), out.data);
}

static struct str bounded(struct str bytes, size_t max)
{
    return bytes.len > max ? str_from(bytes.data, max) : bytes;
}

static int64_t digest_of(const struct foreign *record)
{
    uint64_t digest = str_hash(record->value) * 31 + str_hash(record->key);

    digest = digest * 31 + str_hash(record->headers);
    return (int64_t)(digest >> 1);
}

static void add_bytes(struct pg_params *params, const struct foreign_place *places, size_t count)
{
    pg_array_open(params, PG_BYTEA);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, bounded(places[i].record->key, FOREIGN_KEY_MAX));
    pg_array_close(params);
    pg_array_open(params, PG_BYTEA);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, bounded(places[i].record->value, FOREIGN_VALUE_MAX));
    pg_array_close(params);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params,
                     places[i].record->value.data ? (int64_t)places[i].record->value.len : -1);
    pg_array_close(params);
}

void foreign_insert_params(struct pg_params *params, struct checkpoint_set set,
                           const struct foreign_place *places, size_t count, struct arena *arena)
{
    add_set(params, set);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, str_of(places[i].topic));
    pg_array_close(params);
    PG_ADD_ARRAY(params, PG_INT4, pg_array_i64, places, count, partition);
    PG_ADD_ARRAY(params, PG_INT8, pg_array_i64, places, count, record->offset.n);
    pg_array_open(params, PG_INT8);
    for (size_t i = 0; i < count; i++)
        pg_array_i64(params, digest_of(places[i].record));
    pg_array_close(params);
    add_bytes(params, places, count);
    PG_ADD_ARRAY(params, PG_JSON, pg_array_str, places, count, record->headers);
    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_str(params, storable_text(str_of(places[i].record->fault), arena));
    pg_array_close(params);
}

bool skipped_load(struct pg_conn *conn, struct checkpoint_set set, struct str tenant,
                  struct str stream, struct version from, struct arena *arena, struct version **ret,
                  size_t *ret_count, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    add_set(&params, set);
    pg_add_str(&params, tenant);
    pg_add_str(&params, stream);
    pg_add_i64(&params, from.n);
    if (!pg_query(conn, sql_skipped_load, &params, &rows, err))
        return error_wrap(err, "load the skipped versions of '" STR_FMT "'", STR_ARG(stream));
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct version, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = VERSION(pg_get_i64(rows, i, 0));
    return true;
}

bool versions_have(const struct version *versions, size_t count, struct version version)
{
    for (size_t i = 0; i < count; i++)
        if (versions[i].n == version.n)
            return true;
    return false;
}

bool skipped_inherit(struct pg_conn *conn, struct checkpoint_set set, const struct event *event,
                     bool *ret_skipped, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    add_set(&params, set);
    pg_add_str(&params, event->tenant);
    pg_add_str(&params, event->stream);
    pg_add_i64(&params, event->version.n);
    if (!pg_query(conn, sql_skipped_inherit, &params, &rows, err))
        return error_wrap(err, "look for a skipped version of '" STR_FMT "'",
                          STR_ARG(event->stream));
    *ret_skipped = pg_rows_count(rows) == 1;
    pg_rows_skip(rows);
    return true;
}
