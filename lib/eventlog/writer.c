/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "eventlog/busy_internal.h"
#include "eventlog/read.h"
#include "eventlog/snapshotter_internal.h"
#include "eventlog/writer_core.h"
#include "eventlog/writer_io_internal.h"
#include "eventlog/writer_metrics_internal.h"
#include "resilience/backoff.h"

#include <assert.h>
#include <pthread.h>
#include <time.h>

enum {
    PING_MS = 1000, /* how often an idle writer looks whether its connection still is one */
    LOG_PERIOD_MS = 10000,
};

static const struct backoff_policy connect_policy = {.base_ms = 20, .max_ms = 1000};

struct writer {
    struct writer_config config;
    struct queue *queue; /* of struct write */
    struct busy_keys busy;
    struct thread *thread;
    struct snapshotter *snapshotter;

    pthread_mutex_t mutex; /* guards status */
    struct writer_status status;

    /* The writer thread's own. */
    struct writer_core *core;
    struct pg_conn *conn;
    struct pg_conn *upkeep_conn;
    struct pg_params params;
    struct writer_io io;
    void **taken;
    unsigned connect_attempts;
    int64_t connect_at_ms;
    int64_t ping_at_ms;
    struct log_gate fault_gate;
    struct log_gate snapshot_gate;
};

static void note_success(struct writer *w, struct position head, bool committed)
{
    pthread_mutex_lock(&w->mutex);
    w->status.connected = true;
    if (head.n > w->status.head.n)
        w->status.head = head;
    if (committed)
        w->status.last_commit_ms = clock_monotonic_ms();
    pthread_mutex_unlock(&w->mutex);
}

static void note_fault(struct writer *w, const struct error *err)
{
    unsigned held_back;

    pthread_mutex_lock(&w->mutex);
    w->status.connected = pg_is_open(w->conn);
    w->status.last_error = *err;
    pthread_mutex_unlock(&w->mutex);

    if (log_gate_open(&w->fault_gate, str_of(err->text), clock_monotonic_ms(), LOG_PERIOD_MS,
                      &held_back))
        log_warn("the log can not be written", LOG_ERR(err), LOG_I64("held_back", held_back));
}

void writer_status(struct writer *w, struct writer_status *ret)
{
    pthread_mutex_lock(&w->mutex);
    *ret = w->status;
    pthread_mutex_unlock(&w->mutex);
    ret->queued = queue_count(w->queue);
}

static void step_failed(struct writer *w, const struct error *err)
{
    pg_rollback(w->conn);
    note_fault(w, err);
    core_failed(w->core, err, clock_monotonic_ms(), random_u64());
}

static bool open_connection(struct writer *w, struct error *err)
{
    if (!pg_open(w->conn, err)) {
        /* A wrong password may be put right; and no write is to blame for it. */
        err->class = ERROR_TRANSIENT;
        w->connect_at_ms = clock_monotonic_ms() +
                           backoff_delay_ms(connect_policy, w->connect_attempts++, random_u64());
        return false;
    }
    log_info("connected to the log", LOG_I64("connects", pg_connects(w->conn)));
    w->connect_attempts = 0;
    core_reconnected(w->core);
    snapshotter_forget(w->snapshotter);
    return true;
}

/* While there is nothing to write: is the connection one, and how far is the log? */
static void look_after_connection(struct writer *w)
{
    struct position head;
    struct error err;
    int64_t now_ms = clock_monotonic_ms();

    if (now_ms < w->ping_at_ms || (!pg_is_open(w->conn) && now_ms < w->connect_at_ms))
        return;
    if (!pg_is_open(w->conn) && !open_connection(w, &err)) {
        note_fault(w, &err);
        return;
    }
    w->ping_at_ms = now_ms + PING_MS;
    if (!log_read_head(w->conn, &head, &err)) {
        note_fault(w, &err);
        w->ping_at_ms = now_ms;
        return;
    }
    note_success(w, head, false);
    writer_note_head(head);
}

static bool make_partitions(struct writer *w, struct error *err)
{
    bool ok = pg_open(w->upkeep_conn, err) && upkeep_run(w->upkeep_conn, &w->config.upkeep, err);

    pg_close(w->upkeep_conn);
    return ok || error_wrap(err, "make a missing partition");
}

static bool perform(struct writer *w, enum core_step step, struct error *err)
{
    switch (step) {
    case CORE_LOOK:
        return io_look(&w->io, err);
    case CORE_LOAD:
        return io_load(&w->io, err);
    case CORE_ROLLBACK:
        pg_rollback(w->conn);
        return true;
    case CORE_COMMIT:
        return io_commit(&w->io, err);
    case CORE_PROBE:
        return io_probe(&w->io, err);
    case CORE_UPKEEP:
        return make_partitions(w, err);
    case CORE_NOTHING:
    case CORE_WAIT:
        break;
    }
    return true;
}

static void commit_done(struct writer *w)
{
    const struct core_commit *c = core_commit(w->core);
    struct position head = POSITION(c->base.n + (int64_t)c->events_count);

    writer_count_commit(c->commands_count, c->events_count, head);
    note_success(w, head, true);
    w->ping_at_ms = clock_monotonic_ms() + PING_MS;
    if (c->events_count > 0 && w->config.committed != NULL)
        signal_raise(w->config.committed);
}

static void take_step(struct writer *w, enum core_step step)
{
    struct error err;

    if (!pg_is_open(w->conn)) {
        if (!open_connection(w, &err))
            step_failed(w, &err);
        return; /* the core thinks anew: what it knew was of the old connection */
    }
    if (!perform(w, step, &err)) {
        if (step == CORE_COMMIT && err.outcome_unknown)
            pg_close(w->conn);
        step_failed(w, &err);
        return;
    }
    if (step == CORE_COMMIT && !core_is_overtaken(w->core))
        commit_done(w);
    core_done(w->core, clock_monotonic_ms());
}

static size_t take_up_to(struct writer *w, size_t room, int64_t timeout_ms)
{
    size_t count = queue_pop_many(w->queue, w->taken, room, timeout_ms);

    for (size_t i = 0; i < count; i++)
        core_add(w->core, w->taken[i]);
    return count;
}

static void keep_snapshots(struct writer *w)
{
    struct snapshot snapshot;

    while (core_take_snapshot(w->core, &snapshot))
        snapshotter_offer(w->snapshotter, snapshot);
}

static void note_refused_snapshots(struct writer *w)
{
    struct error err;
    unsigned held_back;
    size_t count = core_refused_snapshots(w->core, &err);

    if (count == 0)
        return;
    writer_count_snapshots(SNAPSHOTS_REFUSED, count);
    if (log_gate_open(&w->snapshot_gate, str_of(err.text), clock_monotonic_ms(), LOG_PERIOD_MS,
                      &held_back))
        log_warn("a stream is loaded from its first event", LOG_ERR(&err),
                 LOG_I64("held_back", held_back));
}

/* Takes what waits; with a time-out only for as long as there is nothing else to do. */
static void take_writes(struct writer *w, int64_t timeout_ms)
{
    size_t waiting = core_waiting(w->core);

    if (waiting >= w->config.batch_commands_max) {
        struct timespec pause = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};

        nanosleep(&pause, NULL); /* until a retry: there is no room for more */
        return;
    }
    take_up_to(w, w->config.batch_commands_max - waiting, timeout_ms);
}

static void hand_back(struct writer *w)
{
    struct write *write;

    while ((write = core_take_finished(w->core)) != NULL) {
        writer_count_write(write);
        /* Before `done`, which may bring the client back with the same key. */
        busy_keys_leave(&w->busy, write);
        write->done(write);
    }
}

/* A database that is frozen holds up the writer, but not the answers to those who wait for it. */
static void while_waiting(void *arg)
{
    struct writer *w = arg;
    size_t room;

    do {
        core_expire_in_step(w->core, clock_monotonic_ms());
        hand_back(w);
        room = w->config.batch_commands_max - core_unanswered(w->core);
    } while (room > 0 && take_up_to(w, room, 0) > 0);
}

static int64_t time_left(int64_t until_ms, int64_t most_ms)
{
    int64_t left_ms = until_ms - clock_monotonic_ms();

    if (left_ms < 0)
        return 0;
    return left_ms < most_ms ? left_ms : most_ms;
}

static int64_t until_next_look_ms(const struct writer *w)
{
    return time_left(pg_is_open(w->conn) ? w->ping_at_ms : w->connect_at_ms, PING_MS);
}

static bool is_drained(struct writer *w)
{
    return queue_is_closed(w->queue) && queue_count(w->queue) == 0 && core_waiting(w->core) == 0;
}

static void run(void *arg)
{
    struct writer *w = arg;

    thread_assert(THREAD_WRITER);
    while (!is_drained(w)) {
        enum core_step step = core_next(w->core, clock_monotonic_ms());

        hand_back(w);
        if (step == CORE_NOTHING && core_waiting(w->core) == 0) {
            look_after_connection(w);
            /* While it waited for the server, writes may have been taken. */
            take_writes(w, core_waiting(w->core) > 0 ? 0 : until_next_look_ms(w));
        } else if (step == CORE_WAIT) {
            take_writes(w, time_left(core_wait_until_ms(w->core), PING_MS));
        } else if (step != CORE_NOTHING) {
            take_step(w, step);
            hand_back(w);
            keep_snapshots(w);
            note_refused_snapshots(w);
            take_writes(w, 0);
        }
    }
}

/* What other threads call. */

static struct writer_core *make_core(const struct writer_config *config)
{
    struct core_config core_config = {
        .batch_commands_max = config->batch_commands_max,
        .batch_events_max = config->batch_events_max,
        .batch_bytes_max = config->batch_bytes_max,
        .cache_bytes_max = config->cache_bytes_max,
        .categories_max = config->categories_max,
        .snapshot_every = config->snapshot_every,
        .domains = config->domains,
        .new_id = uuid_v7,
    };

    return core_new(&core_config);
}

static void writer_free(struct writer *w)
{
    snapshotter_stop(w->snapshotter);
    core_free(w->core);
    pg_params_release(&w->params);
    pg_free(w->conn);
    pg_free(w->upkeep_conn);
    queue_free(w->queue);
    busy_keys_release(&w->busy);
    pthread_mutex_destroy(&w->mutex);
    mem_free(w->taken);
    mem_free(w);
}

bool writer_start(const struct writer_config *config, struct writer **ret_writer, struct error *err)
{
    struct writer *w = mem_zalloc(sizeof(*w));

    assert(config->queue_commands_max > 0 && config->batch_commands_max > 0);

    w->config = *config;
    pthread_mutex_init(&w->mutex, NULL);
    busy_keys_init(&w->busy);
    w->queue = queue_new(config->queue_commands_max);
    w->core = make_core(config);
    w->conn = pg_new(&config->postgres, PG_PROFILE_BATCH);
    w->upkeep_conn = pg_new(&config->postgres, PG_PROFILE_UPKEEP);
    pg_on_wait(w->conn, while_waiting, w);
    pg_on_wait(w->upkeep_conn, while_waiting, w);
    pg_params_init(&w->params);
    w->io = (struct writer_io){.conn = w->conn, .params = &w->params, .core = w->core};
    w->taken = mem_calloc(config->batch_commands_max, sizeof(void *));
    if (!snapshotter_start(&config->postgres, &w->snapshotter, err) ||
        !thread_start(THREAD_WRITER, "writer", run, w, &w->thread, err)) {
        writer_free(w);
        return false;
    }
    *ret_writer = w;
    return true;
}

void writer_close(struct writer *w)
{
    queue_close(w->queue);
    thread_join(TAKE(w->thread));
    snapshotter_stop(TAKE(w->snapshotter));
}

void writer_stop(struct writer *w)
{
    if (w == NULL)
        return;
    writer_close(w);
    writer_free(w);
}

static void assert_well_formed(const struct write *write)
{
    assert(write->arena != NULL);
    assert(write->idempotency_key.data == NULL || write->compose != NULL);
    assert(write->idempotency_key.data == NULL || !write->dry_run);
    for (size_t i = 0; i < write->parts_count; i++)
        assert_well_formed(&write->parts[i]);
}

enum writer_submit writer_submit(struct writer *w, struct write *write)
{
    assert(write->done != NULL);
    assert_well_formed(write);

    if (!busy_keys_enter(&w->busy, write))
        return WRITER_KEY_BUSY;
    switch (queue_push(w->queue, write)) {
    case QUEUE_PUSHED:
        return WRITER_TAKEN;
    case QUEUE_FULL:
        busy_keys_leave(&w->busy, write);
        return WRITER_FULL;
    case QUEUE_CLOSED:
        break;
    }
    busy_keys_leave(&w->busy, write);
    return WRITER_STOPPING;
}
