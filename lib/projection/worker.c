/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/worker.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "projection/look.h"
#include "projection/table.h"
#include "projection/worker_internal.h"
#include "resilience/backoff.h"

enum {
    SEE_CURSOR_MS = 1000,
    TROUBLE_LOG_MS = 30000,
};

static const struct backoff_policy connect_policy = {.base_ms = 100, .max_ms = 5000};

enum notice_kind {
    NOTICE_ASSIGNED,
    NOTICE_REVOKED,
    NOTICE_OFFSET_LOST,
    NOTICE_START_FAILED,
};

struct notice {
    enum notice_kind kind;
    struct partition *partition; /* held by the worker from ASSIGNED to REVOKED */
    struct error error;          /* START_FAILED */
    struct notice *next;
};

/* What the poll thread calls. Its notices are a list, not a queue: the poll thread can neither wait
 * nor refuse while the worker is stuck in a statement, and how many come is Kafka's matter. */

static void notify(struct worker *worker, enum notice_kind kind, struct partition *partition,
                   const struct error *err)
{
    struct notice *notice = mem_zalloc(sizeof(*notice));

    notice->kind = kind;
    notice->partition = partition;
    if (err)
        notice->error = *err;
    pthread_mutex_lock(&worker->notices_mutex);
    *worker->notices_end = notice;
    worker->notices_end = &notice->next;
    pthread_mutex_unlock(&worker->notices_mutex);
    signal_raise(worker->wake);
}

void worker_assigned(struct worker *worker, struct partition *partition)
{
    notify(worker, NOTICE_ASSIGNED, partition, NULL);
}

void worker_revoked(struct worker *worker, struct partition *partition)
{
    atomic_store(&partition->revoked, true);
    notify(worker, NOTICE_REVOKED, partition, NULL);
}

void worker_offset_lost(struct worker *worker, struct partition *partition)
{
    notify(worker, NOTICE_OFFSET_LOST, partition, NULL);
}

void worker_start_failed(struct worker *worker, struct partition *partition,
                         const struct error *err)
{
    notify(worker, NOTICE_START_FAILED, partition, err);
}

void worker_wake(struct worker *worker)
{
    signal_raise(worker->wake);
}

static void add_partition(struct worker *worker, struct partition *partition)
{
    if (worker->partitions_count == worker->partitions_room) {
        worker->partitions = mem_grow(worker->partitions, &worker->partitions_room,
                                      worker->partitions_count + 1, sizeof(*worker->partitions));
        worker->filling =
            mem_realloc(worker->filling, worker->partitions_room * sizeof(*worker->filling));
    }
    worker->partitions[worker->partitions_count++] = partition;
}

static void drop_partition(struct worker *worker, struct partition *partition)
{
    size_t i = 0;

    while (worker->partitions[i] != partition)
        i++;
    worker->partitions[i] = worker->partitions[--worker->partitions_count];
    partition_clear(partition);
    partition_drop(partition);
}

/* The oldest; NULL: none. */
static struct notice *notice_pop(struct worker *worker)
{
    struct notice *notice;

    pthread_mutex_lock(&worker->notices_mutex);
    notice = worker->notices;
    if (notice) {
        worker->notices = notice->next;
        if (!worker->notices)
            worker->notices_end = &worker->notices;
    }
    pthread_mutex_unlock(&worker->notices_mutex);
    return notice;
}

static void take_notices(struct worker *worker, int64_t now_ms)
{
    struct notice *notice;

    while ((notice = notice_pop(worker))) {
        switch (notice->kind) {
        case NOTICE_ASSIGNED:
            add_partition(worker, notice->partition);
            break;
        case NOTICE_REVOKED:
            drop_partition(worker, notice->partition);
            break;
        case NOTICE_OFFSET_LOST:
            partition_core_offset_lost(&notice->partition->core);
            break;
        case NOTICE_START_FAILED:
            partition_core_start_failed(&notice->partition->core, &notice->error, now_ms,
                                        random_u64());
            break;
        }
        mem_free(notice);
    }
}

static void set_trouble(struct worker *worker, const struct error *err)
{
    pthread_mutex_lock(&worker->trouble_mutex);
    if (err)
        worker->trouble = *err;
    else
        error_clear(&worker->trouble);
    pthread_mutex_unlock(&worker->trouble_mutex);
}

void worker_look(struct worker *worker, struct error *ret_trouble)
{
    pthread_mutex_lock(&worker->trouble_mutex);
    *ret_trouble = worker->trouble;
    pthread_mutex_unlock(&worker->trouble_mutex);
}

static void connect_failed(struct worker *worker, const struct error *err, int64_t now_ms)
{
    unsigned held_back;

    if (err->class == ERROR_FATAL && strcmp(err->code, "log-replaced") == 0)
        atomic_store(worker->config.log_replaced, true);
    set_trouble(worker, err);
    worker->connect_at_ms =
        now_ms + backoff_delay_ms(connect_policy, worker->connect_attempts++, random_u64());
    if (log_gate_open(&worker->gate, str_of(err->text), now_ms, TROUBLE_LOG_MS, &held_back))
        log_warn("projection can not apply",
                 LOG_CSTR("projection", worker->config.table->projection->name), LOG_ERR(err),
                 LOG_I64("held_back", held_back));
}

/* Whether there is a connection whose log was compared with Kafka's cursor. A new one begins with
 * that, and with reading all checkpoints again: it may lead to another server. */
static bool is_connected(struct worker *worker, int64_t now_ms)
{
    struct error err;

    if (pg_is_open(worker->conn) && worker->checked_connects == pg_connects(worker->conn))
        return true;
    if (now_ms < worker->connect_at_ms)
        return false;
    if (!pg_open(worker->conn, &err) || !look_check_log(worker->config.look, worker->conn, &err)) {
        connect_failed(worker, &err, now_ms);
        return false;
    }
    if (worker->connect_attempts > 0)
        log_info("projection applies again",
                 LOG_CSTR("projection", worker->config.table->projection->name));
    worker->checked_connects = pg_connects(worker->conn);
    worker->connect_attempts = 0;
    set_trouble(worker, NULL);
    for (size_t i = 0; i < worker->partitions_count; i++)
        partition_core_reconnected(&worker->partitions[i]->core);
    return true;
}

/* The publisher outdates what was built by other partitions, in the transaction that saves the
 * cursor of the present ones. */
static bool check_built(struct worker *worker, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, str_of(worker->config.table->projection->name));
    pg_add_str(&params, str_of(worker->config.identity->id));
    if (!pg_query(worker->conn,
                  "select 1 from projections where name = $1 and log_id = $2::text::uuid", &params,
                  &rows, err))
        return error_wrap(err, "look what the read model was built from");
    if (pg_rows_count(rows) > 0) {
        pg_rows_skip(rows);
        return true;
    }
    atomic_store(worker->config.log_replaced, true);
    return error_set(err, ERROR_FATAL, "log-replaced",
                     "the read model was built from another log, or by other partitions");
}

/* At the first look, and whenever a topic got other partitions. */
static bool check_partitions(struct worker *worker, const struct cursor *cursor, struct error *err)
{
    if (!cursor_same_partitions(&worker->cursor, cursor))
        atomic_store(worker->config.log_replaced, true);
    return worker->cursor.topics_count > 0 || check_built(worker, err);
}

bool worker_see_cursor(struct worker *worker, struct error *err)
{
    struct cursor cursor = {0};
    bool found;

    if (!cursor_load(worker->conn, &cursor, &found, err))
        return false;
    if (!check_partitions(worker, &cursor, err)) {
        cursor_release(&cursor);
        return false;
    }
    cursor_release(&worker->cursor);
    worker->cursor = cursor;
    worker->cursor_seen_ms = clock_monotonic_ms();
    return true;
}

struct str worker_category(const struct worker *worker, const struct partition *partition)
{
    size_t prefix_len = strlen(worker->config.identity->prefix) + 1;

    assert(strlen(partition->topic) > prefix_len);
    return str_of(partition->topic + prefix_len);
}

int32_t worker_partitions_count(const struct worker *worker, const struct partition *partition)
{
    const struct cursor_topic *topic =
        cursor_find(&worker->cursor, worker_category(worker, partition));

    return topic ? topic->partitions : 0;
}

struct position worker_entry(const struct worker *worker, const struct partition *partition)
{
    const struct cursor_topic *topic =
        cursor_find(&worker->cursor, worker_category(worker, partition));

    return topic && partition->number < topic->partitions ? topic->lanes[partition->number].last
                                                          : POSITION(0);
}

static void see_entries(struct worker *worker, int64_t now_ms)
{
    struct error err;

    if (now_ms - worker->cursor_seen_ms < SEE_CURSOR_MS)
        return;
    /* What fails here fails for the next statement of a partition too, and is told there. */
    worker->cursor_seen_ms = now_ms;
    if (!worker_see_cursor(worker, &err))
        return;
    for (size_t i = 0; i < worker->partitions_count; i++)
        partition_core_entry_seen(&worker->partitions[i]->core,
                                  worker_entry(worker, worker->partitions[i]), now_ms);
}

static int64_t wait_ms(const struct worker *worker, bool connected, int64_t now_ms)
{
    int64_t until_ms = now_ms + SEE_CURSOR_MS;

    if (worker->partitions_count == 0)
        return SEE_CURSOR_MS; /* without partitions it needs no connection */
    if (!connected && worker->connect_at_ms < until_ms)
        until_ms = worker->connect_at_ms;
    if (connected && worker_park_at_ms(worker) < until_ms)
        until_ms = worker_park_at_ms(worker);
    for (size_t i = 0; connected && i < worker->partitions_count; i++) {
        int64_t due_ms = partition_core_due_at_ms(&worker->partitions[i]->core);

        if (due_ms < until_ms)
            until_ms = due_ms;
    }
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

static bool work(struct worker *worker, int64_t now_ms)
{
    bool done = worker_take_due(worker, now_ms);

    done |= worker_fill_due(worker, now_ms);
    done |= worker_read_due(worker, now_ms);
    done |= worker_park_due(worker, now_ms);
    see_entries(worker, now_ms);
    return done;
}

static void worker_run(void *arg)
{
    struct worker *worker = arg;
    uint64_t seen = 0;

    while (!stop_requested(worker->stop)) {
        int64_t now_ms = clock_monotonic_ms();
        bool connected, done = false;

        take_notices(worker, now_ms);
        connected = worker->partitions_count > 0 && is_connected(worker, now_ms);
        if (connected)
            done = work(worker, now_ms);
        worker_show(worker, now_ms);
        if (!done)
            signal_wait(worker->wake, &seen, wait_ms(worker, connected, clock_monotonic_ms()));
    }
    while (worker->partitions_count > 0)
        drop_partition(worker, worker->partitions[0]);
}

/* What the poll thread told after the worker's end: it has dropped what it had. */
static void drop_notices(struct worker *worker)
{
    struct notice *notice;

    while ((notice = notice_pop(worker))) {
        if (notice->kind == NOTICE_ASSIGNED)
            partition_drop(notice->partition);
        mem_free(notice);
    }
}

static void worker_free(struct worker *worker)
{
    drop_notices(worker);
    pg_free(worker->conn);
    cursor_release(&worker->cursor);
    arena_free(worker->arena);
    mem_free(worker->partitions);
    mem_free(worker->filling);
    signal_free(worker->wake);
    stop_free(worker->stop);
    pthread_mutex_destroy(&worker->notices_mutex);
    pthread_mutex_destroy(&worker->trouble_mutex);
    mem_free(worker);
}

bool worker_start(const struct worker_config *config, struct worker **ret_worker, struct error *err)
{
    struct worker *worker = mem_zalloc(sizeof(*worker));

    worker->config = *config;
    worker->stop = stop_new();
    worker->wake = signal_new();
    worker->notices_end = &worker->notices;
    worker->arena = arena_new(1 << 20);
    worker->conn = pg_new(&config->postgres, PG_PROFILE_BATCH);
    cursor_init(&worker->cursor, config->identity->id);
    pthread_mutex_init(&worker->notices_mutex, NULL);
    pthread_mutex_init(&worker->trouble_mutex, NULL);
    if (!thread_start(THREAD_PARTITION, config->table->projection->name, worker_run, worker,
                      &worker->thread, err)) {
        worker_free(worker);
        return false;
    }
    *ret_worker = worker;
    return true;
}

void worker_request_stop(struct worker *worker)
{
    stop_request(worker->stop);
    signal_raise(worker->wake);
}

void worker_stop(struct worker *worker)
{
    if (!worker)
        return;
    worker_request_stop(worker);
    thread_join(worker->thread);
    worker_free(worker);
}
