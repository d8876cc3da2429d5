/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/snapshotter_internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "eventlog/sql.h"
#include "eventlog/writer_metrics_internal.h"
#include "resilience/backoff.h"

#include <stdlib.h>

enum {
    WAITING_MAX = 1024,
    BATCH_MAX = 64,
    BATCH_BYTES_MAX = BATCH_MAX * SNAPSHOT_BYTES_MAX,
    PAUSE_MS = 100,              /* of a hot stream only the newest is written */
    STATEMENT_TIMEOUT_MS = 2000, /* bounds a stop */
    LOG_PERIOD_MS = 10000,
};

static const struct backoff_policy policy = {.base_ms = 200, .max_ms = 10000};

struct snapshotter {
    struct queue *queue; /* of struct snapshot, on the heap */
    struct stop *stop;
    struct thread *thread;

    /* The thread's own. */
    struct pg_conn *conn;
    struct pg_params params;
    struct buf states;
    struct log_gate gate;
    unsigned attempts;
    int64_t retry_at_ms;
};

static void drop(struct snapshot *snapshot)
{
    snapshot_release(snapshot);
    mem_free(snapshot);
}

static void drop_all(struct snapshot *const *snapshots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        drop(snapshots[i]);
}

/* By stream, so that two processes take the rows' locks in one order; the newest first. */
static int by_stream(const void *a, const void *b)
{
    const struct snapshot *left = *(struct snapshot *const *)a;
    const struct snapshot *right = *(struct snapshot *const *)b;

    if (left->stream_id != right->stream_id)
        return left->stream_id < right->stream_id ? -1 : 1;
    return left->version.n > right->version.n ? -1 : left->version.n < right->version.n;
}

/* Leaves one of each stream. */
static size_t keep_newest(struct snapshot **snapshots, size_t count)
{
    size_t kept = 0;

    qsort(snapshots, count, sizeof(struct snapshot *), by_stream);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && snapshots[kept - 1]->stream_id == snapshots[i]->stream_id)
            drop(snapshots[i]);
        else
            snapshots[kept++] = snapshots[i];
    }
    return kept;
}

struct row {
    const struct snapshot *snapshot;
    int64_t hash;
    size_t offset; /* of the state's bytes */
    size_t len;
};

#define ADD_COLUMN(params, type, adder, rows, count, value) \
    do { \
        pg_array_open((params), (type)); \
        for (size_t i = 0; i < (count); i++) \
            adder((params), (rows)[i].value); \
        pg_array_close(params); \
    } while (0)

static void add_rows(struct snapshotter *s, const struct row *rows, size_t count)
{
    struct pg_params *p = &s->params;

    pg_params_clear(p);
    ADD_COLUMN(p, PG_INT8, pg_array_i64, rows, count, snapshot->stream_id);
    ADD_COLUMN(p, PG_INT8, pg_array_i64, rows, count, snapshot->version.n);
    ADD_COLUMN(p, PG_INT4, pg_array_i64, rows, count, snapshot->type->state_schema);
    ADD_COLUMN(p, PG_INT8, pg_array_i64, rows, count, snapshot->position.n);
    ADD_COLUMN(p, PG_TIMESTAMPTZ, pg_array_i64, rows, count, snapshot->recorded_at_us);
    ADD_COLUMN(p, PG_INT8, pg_array_i64, rows, count, hash);
    pg_array_open(p, PG_BYTEA);
    for (size_t i = 0; i < count; i++)
        pg_array_str(p, str_from(s->states.data + rows[i].offset, rows[i].len));
    pg_array_close(p);
}

/* *ret_dropped: too large. */
static bool save(struct snapshotter *s, struct snapshot *const *snapshots, size_t count,
                 size_t *ret_written, size_t *ret_dropped, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *result = NULL;
    struct row rows[BATCH_MAX];
    size_t rows_count = 0;

    buf_clear(&s->states);
    for (size_t i = 0; i < count; i++) {
        struct row *row = &rows[rows_count];

        *row = (struct row){.snapshot = snapshots[i], .offset = s->states.len};
        if (!snapshot_write(snapshots[i], &s->states, &row->hash))
            continue;
        row->len = s->states.len - row->offset;
        rows_count++;
    }
    *ret_dropped = count - rows_count;
    if (rows_count == 0)
        return true;
    add_rows(s, rows, rows_count);
    if (!pg_query(s->conn, sql_snapshots_save, &s->params, &result, err))
        return error_wrap(err, "write snapshots");
    *ret_written = (size_t)pg_rows_affected(result);
    return true;
}

static void failed(struct snapshotter *s, const struct error *err)
{
    unsigned held_back;
    int64_t now_ms = clock_monotonic_ms();

    s->retry_at_ms = now_ms + backoff_delay_ms(policy, s->attempts++, random_u64());
    if (log_gate_open(&s->gate, str_of(err->text), now_ms, LOG_PERIOD_MS, &held_back))
        log_warn("snapshots are dropped", LOG_ERR(err), LOG_I64("held_back", held_back));
}

static void write_batch(struct snapshotter *s, struct snapshot **snapshots, size_t count)
{
    size_t written = 0;
    size_t dropped = 0;
    struct error err;

    if (stop_requested(s->stop) || clock_monotonic_ms() < s->retry_at_ms) {
        dropped = count;
    } else if (pg_open(s->conn, &err) && save(s, snapshots, count, &written, &dropped, &err)) {
        s->attempts = 0;
    } else {
        failed(s, &err);
        dropped = count;
    }
    writer_count_snapshots(SNAPSHOTS_WRITTEN, written);
    writer_count_snapshots(SNAPSHOTS_DROPPED, dropped);
}

static void run(void *arg)
{
    struct snapshotter *s = arg;
    struct snapshot *taken[BATCH_MAX];
    size_t count;

    thread_assert(THREAD_UPKEEP);
    while (!stop_wait(s->stop, PAUSE_MS)) {
        count = queue_pop_many(s->queue, (void **)taken, BATCH_MAX, -1);
        count = keep_newest(taken, count);
        if (count > 0)
            write_batch(s, taken, count);
        drop_all(taken, count);
    }
}

void snapshotter_offer(struct snapshotter *s, struct snapshot snapshot)
{
    struct snapshot *item = mem_dup(&snapshot, sizeof(snapshot));

    if (queue_push(s->queue, item) == QUEUE_PUSHED)
        return;
    drop(item);
    writer_count_snapshots(SNAPSHOTS_DROPPED, 1);
}

void snapshotter_forget(struct snapshotter *s)
{
    struct snapshot *item;

    while ((item = queue_pop(s->queue, 0)) != NULL) {
        drop(item);
        writer_count_snapshots(SNAPSHOTS_DROPPED, 1);
    }
}

static void snapshotter_free(struct snapshotter *s)
{
    snapshotter_forget(s);
    queue_free(s->queue);
    stop_free(s->stop);
    pg_free(s->conn);
    pg_params_release(&s->params);
    buf_release(&s->states);
    mem_free(s);
}

bool snapshotter_start(const struct pg_config *postgres, struct snapshotter **ret,
                       struct error *err)
{
    struct snapshotter *s = mem_zalloc(sizeof(*s));
    struct pg_config config = *postgres;

    if (config.statement_timeout_ms == 0 || config.statement_timeout_ms > STATEMENT_TIMEOUT_MS)
        config.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    s->queue = queue_new(WAITING_MAX);
    s->stop = stop_new();
    s->conn = pg_new(&config, PG_PROFILE_BATCH);
    pg_params_init(&s->params);
    buf_init(&s->states, BATCH_BYTES_MAX);
    if (!thread_start(THREAD_UPKEEP, "snapshots", run, s, &s->thread, err)) {
        snapshotter_free(s);
        return false;
    }
    *ret = s;
    return true;
}

void snapshotter_stop(struct snapshotter *s)
{
    if (s == NULL)
        return;
    stop_request(s->stop);
    queue_close(s->queue);
    thread_join(s->thread);
    snapshotter_free(s);
}
