/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/projector.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/admin.h"
#include "projection/look.h"
#include "projection/metrics.h"
#include "projection/projector_internal.h"

enum {
    TICK_MS = 100,
    TOPICS_MS = 200,
    TOPICS_AWAY_MS = 2000, /* after Kafka did not answer */
    KAFKA_MS = 2000,
    LAG_MS = 1000,
    PARKED_MS = 5000,
    FORGET_MS = 60000,
    CONNECT_MS = 1000,
    TROUBLE_LOG_MS = 30000,
};

/* A database that is away is every projection's trouble that does not run yet; those that run say
 * so themselves. */
static void database_failed(struct projector *projector, const struct error *err, int64_t now_ms)
{
    unsigned held_back;

    pthread_mutex_lock(&projector->mutex);
    for (size_t i = 0; i < projector->served_count; i++)
        if (!projector->served[i].installed)
            projector->served[i].trouble = *err;
    for (size_t i = 0; i < projector->count; i++)
        if (projector->projectings[i]->stage != PROJECTING_RUN)
            projector->projectings[i]->trouble = *err;
    pthread_mutex_unlock(&projector->mutex);
    if (log_gate_open(&projector->gate, str_of(err->text), now_ms, TROUBLE_LOG_MS, &held_back))
        log_warn("projector's database", LOG_ERR(err), LOG_I64("held_back", held_back));
}

/* What runs was made for the identity of its start and reads it: it changes only when all is
 * stopped. */
static bool take_identity(struct projector *projector, struct error *err)
{
    struct log_identity identity;

    if (!log_identity_load(projector->conn, &identity, err))
        return false;
    if (projector->has_identity && strcmp(identity.id, projector->identity.id) != 0) {
        projector->is_replaced = true;
        return true;
    }
    projector->identity = identity;
    projector->has_identity = true;
    return true;
}

static bool is_connected(struct projector *projector, int64_t now_ms)
{
    struct error err;

    if (pg_is_open(projector->conn) && projector->has_identity)
        return true;
    if (pg_open(projector->conn, &err) && take_identity(projector, &err))
        return true;
    database_failed(projector, &err, now_ms);
    return false;
}

static void stop_all(struct projector *projector)
{
    size_t count = projector->count;

    pthread_mutex_lock(&projector->mutex);
    projector->count = 0;
    pthread_mutex_unlock(&projector->mutex);
    for (size_t i = 0; i < count; i++)
        if (projector->projectings[i]->runner)
            runner_request_stop(projector->projectings[i]->runner);
    for (size_t i = 0; i < count; i++)
        projecting_free(projector, projector->projectings[i]);
    for (size_t i = 0; i < projector->served_count; i++)
        projector->served[i].installed = false;
    look_free(TAKE(projector->look));
}

static void find_topics(struct projector *projector, int64_t now_ms)
{
    if (now_ms < projector->topics_at_ms)
        return;
    for (size_t i = 0; i < projector->count; i++)
        if (projecting_wants_topics(projector->projectings[i]))
            projecting_find_topics(projector, projector->projectings[i], now_ms);
    now_ms = clock_monotonic_ms() - now_ms > TOPICS_MS ? now_ms + TOPICS_AWAY_MS : now_ms;
    projector->topics_at_ms = now_ms + TOPICS_MS;
}

/* The consumers of a quiet log say nothing, whether Kafka is there or not: so it is asked. What one
 * projection hears counts for all, or each would wait out its time. */
static void ask_kafka(struct projector *projector, int64_t now_ms)
{
    bool is_away = false;
    struct error err;

    if (now_ms < projector->kafka_at_ms)
        return;
    for (size_t i = 0; i < projector->count; i++) {
        struct projecting *p = projector->projectings[i];

        if (p->stage != PROJECTING_RUN)
            continue;
        is_away = is_away || !projecting_ask_kafka(projector, p, clock_monotonic_ms(), &err);
        projecting_note_kafka(projector, p, is_away ? &err : NULL);
    }
    projector->kafka_at_ms = clock_monotonic_ms() + KAFKA_MS;
}

static void measure_lag(struct projector *projector, int64_t now_ms)
{
    if (now_ms < projector->lag_at_ms)
        return;
    projector->lag_at_ms = now_ms + LAG_MS;
    for (size_t i = 0; i < projector->served_count; i++) {
        struct served *p = &projector->served[i];
        struct read_position read;
        struct error err;

        if (!read_position_load(projector->conn, p->projection, &read, &err)) {
            database_failed(projector, &err, now_ms);
            return;
        }
        projection_lag(p->projection->name, read.head.n - read.position.n, read.lag_ms);
        pthread_mutex_lock(&projector->mutex);
        p->read = read;
        pthread_mutex_unlock(&projector->mutex);
    }
}

/* Every process shows what there is in all of them, as it does for the lag. */
static void count_parked(struct projector *projector, int64_t now_ms)
{
    if (now_ms < projector->parked_at_ms)
        return;
    projector->parked_at_ms = now_ms + PARKED_MS;
    for (size_t i = 0; i < projector->served_count; i++) {
        struct served *p = &projector->served[i];
        struct letter_counts counts;
        struct error err;

        if (!letter_counts_load(projector->conn, str_of(p->projection->name), &counts, &err)) {
            database_failed(projector, &err, now_ms);
            return;
        }
        projection_parked(p->projection->name, counts.parked_keys, counts.letters);
        pthread_mutex_lock(&projector->mutex);
        p->counts = counts;
        pthread_mutex_unlock(&projector->mutex);
    }
}

static void forget_letters(struct projector *projector, int64_t now_ms)
{
    struct error err;

    if (now_ms < projector->forget_at_ms)
        return;
    projector->forget_at_ms = now_ms + FORGET_MS;
    if (!letters_forget(projector->conn, &err))
        database_failed(projector, &err, now_ms);
}

static void supervise(void *arg)
{
    struct projector *projector = arg;
    int64_t connect_at_ms = 0;

    while (!stop_wait(projector->stop, TICK_MS)) {
        int64_t now_ms = clock_monotonic_ms();
        bool connected = now_ms >= connect_at_ms && is_connected(projector, now_ms);

        if (!connected && now_ms >= connect_at_ms)
            connect_at_ms = now_ms + CONNECT_MS;
        if (connected)
            served_step(projector, now_ms);
        for (size_t i = 0; i < projector->count; i++)
            projecting_step(projector, projector->projectings[i], now_ms);
        if (projector->is_replaced) {
            log_warn("another log, or other partitions: projections begin again");
            stop_all(projector);
            projector->is_replaced = projector->has_identity = connected = false;
        }
        find_topics(projector, now_ms);
        ask_kafka(projector, now_ms);
        if (connected && projector->has_identity)
            measure_lag(projector, now_ms);
        if (pg_is_open(projector->conn) && projector->has_identity)
            count_parked(projector, now_ms);
        if (pg_is_open(projector->conn) && projector->has_identity)
            forget_letters(projector, now_ms);
    }
    stop_all(projector);
}

static void projector_free(struct projector *projector)
{
    kafka_admin_free(projector->admin);
    pg_free(projector->conn);
    stop_free(projector->stop);
    pthread_mutex_destroy(&projector->mutex);
    mem_free(projector->instance);
    mem_free(projector);
}

static void check_config(const struct projector_config *config)
{
    assert(config->instance && config->instance[0]);
    assert(config->workers >= 1 && config->workers <= RUNNER_WORKERS_MAX);
    assert(config->batch_events_max >= 1);
    assert(config->queue_events_max >= 2 && config->queue_bytes_max >= 2);
    assert(config->session_timeout_ms > 0);
    assert(config->parking.attempts_max >= 1 && config->parking.first_ms >= 1);
    assert(config->parking.max_ms >= config->parking.first_ms);
}

bool projector_start(const struct projector_config *config, struct projector **ret_projector,
                     struct error *err)
{
    struct projector *projector = mem_zalloc(sizeof(*projector));

    check_config(config);

    projector->config = *config;
    projector->instance = mem_strdup(config->instance);
    projector->stop = stop_new();
    projector->conn = pg_new(&config->postgres, PG_PROFILE_UPKEEP);
    pthread_mutex_init(&projector->mutex, NULL);
    for (size_t i = 0; config->projections[i]; i++) {
        assert(i < PROJECTIONS_MAX);
        projector->served[i] =
            (struct served){.projection = config->projections[i], .since_us = clock_wall_us()};
        projector->served_count = i + 1;
    }
    if (!kafka_admin_new(&projector->config.kafka, &projector->admin, err) ||
        !thread_start(THREAD_UPKEEP, "projector", supervise, projector, &projector->thread, err)) {
        projector_free(projector);
        return error_wrap(err, "start the projector");
    }
    *ret_projector = projector;
    return true;
}

void projector_stop(struct projector *projector)
{
    if (!projector)
        return;
    stop_request(projector->stop);
    thread_join(projector->thread);
    projector_free(projector);
}
