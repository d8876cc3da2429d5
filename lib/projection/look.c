/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/look.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "eventlog/read.h"
#include "kafka/reader.h"
#include "publisher/cursor.h"

enum { LOOK_TIMEOUT_MS = 5000 };

struct look {
    const struct kafka_config *kafka;
    const struct log_identity *identity;
    pthread_mutex_t mutex;
    struct kafka_reader *reader; /* guarded by mutex; NULL: made at the next look */
};

struct look *look_new(const struct kafka_config *kafka, const struct log_identity *identity)
{
    struct look *look = mem_zalloc(sizeof(*look));

    look->kafka = kafka;
    look->identity = identity;
    pthread_mutex_init(&look->mutex, NULL);
    return look;
}

void look_free(struct look *look)
{
    if (!look)
        return;
    kafka_reader_free(look->reader);
    pthread_mutex_destroy(&look->mutex);
    mem_free(look);
}

/* Locked. */
static bool reader_open(struct look *look, struct error *err)
{
    return look->reader || kafka_reader_new(look->kafka, KAFKA_READ_COMMITTED, &look->reader, err);
}

/* Locked. A reader that failed may be the reason: the next look makes another. */
static bool reader_failed(struct look *look)
{
    kafka_reader_free(TAKE(look->reader));
    return false;
}

static bool fetch_cursor(struct look *look, struct cursor *ret_cursor, bool *ret_found,
                         struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + LOOK_TIMEOUT_MS;
    bool ok;

    pthread_mutex_lock(&look->mutex);
    ok = reader_open(look, err) &&
         (cursor_fetch(look->reader, look->identity->prefix, look->identity->id, deadline_ms,
                       ret_cursor, ret_found, err) ||
          reader_failed(look));
    pthread_mutex_unlock(&look->mutex);
    if (!ok && strcmp(err->code, "kafka-no-topic") == 0) {
        *ret_found = false;
        return true;
    }
    return ok || error_wrap(err, "read the cursor from Kafka");
}

/* Kafka has no cursor: right as long as nothing was published. */
static bool check_unpublished(struct pg_conn *conn, struct error *err)
{
    struct cursor copy = {0};
    bool found;

    if (!cursor_load(conn, &copy, &found, err))
        return false;
    cursor_release(&copy);
    return !found || error_set(err, ERROR_TRANSIENT, "cursor-lost",
                               "Kafka has no cursor of this log, but there was one");
}

static bool check_event(struct pg_conn *conn, const struct cursor *cursor, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct event event;
    bool found;

    if (cursor->position.n == 0)
        return true;
    if (!log_find_event(conn, cursor->position, arena, &event, &found, err))
        return false;
    if (!found)
        return error_set(err, ERROR_TRANSIENT, "log-behind",
                         "Kafka is at position %lld, which the log does not have",
                         (long long)cursor->position.n);
    if (!str_equal(event.id, str_of(cursor->event_id)))
        return error_set(err, ERROR_TRANSIENT, "log-differs",
                         "the log has another event at position %lld than Kafka",
                         (long long)cursor->position.n);
    return true;
}

bool look_check_log(struct look *look, struct pg_conn *conn, struct error *err)
{
    struct log_identity now;
    struct cursor cursor = {0};
    bool found = false, ok;

    if (!log_identity_load(conn, &now, err))
        return false;
    if (strcmp(now.id, look->identity->id) != 0)
        return error_set(err, ERROR_FATAL, "log-replaced", "the database holds log %s now, not %s",
                         now.id, look->identity->id);
    if (!fetch_cursor(look, &cursor, &found, err))
        return false;
    ok = found ? check_event(conn, &cursor, err) : check_unpublished(conn, err);
    cursor_release(&cursor);
    return ok;
}

bool look_end(struct look *look, const char *topic, int32_t partition, struct kafka_offset *ret_end,
              struct error *err)
{
    struct kafka_range range = {.topic = topic, .partition = partition};
    int64_t deadline_ms = clock_monotonic_ms() + LOOK_TIMEOUT_MS;
    bool ok;

    pthread_mutex_lock(&look->mutex);
    ok = reader_open(look, err) &&
         (kafka_reader_bounds(look->reader, &range, deadline_ms, err) || reader_failed(look));
    pthread_mutex_unlock(&look->mutex);
    if (!ok)
        return error_wrap(err, "find the end of '%s' partition %d", topic, partition);
    *ret_end = (struct kafka_offset){range.to};
    return true;
}
