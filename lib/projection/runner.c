/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/runner.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "kafka/consumer.h"
#include "projection/table.h"
#include "projection/worker.h"

enum {
    POLL_MS = 20,       /* the longest a start or a resume waits for a quiet topic */
    POLL_PAUSED_MS = 2, /* with paused partitions: they may be wanted at any moment */
    DRAIN_MAX = 512,    /* messages between two looks at what workers ask */
    STARTS_MAX = 8192,
    QUIET_MS = 1000, /* without a repetition, a fault may be over */
    TROUBLE_LOG_MS = 30000,
};

struct runner {
    struct runner_config config;
    struct worker *workers[RUNNER_WORKERS_MAX];
    struct thread *poll;
    struct stop *stop;
    struct queue *starts; /* from the workers */
    atomic_bool log_replaced;

    /* the poll thread's */
    struct kafka_consumer *consumer;
    bool woken[RUNNER_WORKERS_MAX]; /* workers that got messages since they were last woken */
    size_t paused_count;
    struct partition *last; /* of the last message: the next one is likely to be its too */
    struct log_gate gate;

    pthread_mutex_t mutex; /* guards all below; partitions is written by the poll thread only */
    struct partition **partitions;
    size_t partitions_count;
    bool assigned;
    char *topics[RUNNER_TOPICS_MAX];
    size_t topics_count;
    bool topics_changed;
    struct error kafka;
    int64_t kafka_ms; /* when that was */
    enum runner_fate fate;
};

static struct worker *worker_of(struct runner *runner, int32_t number)
{
    return runner->workers[(unsigned)number % runner->config.workers];
}

/* The group's callbacks run inside poll. */

static void on_assigned(void *arg, struct kafka_assignment *given, size_t count)
{
    struct runner *runner = arg;
    struct partition **partitions = mem_calloc(count + 1, sizeof(*partitions));

    for (size_t i = 0; i < count; i++) {
        partitions[i] = partition_new(given[i].topic, given[i].partition, runner->config.limits,
                                      clock_monotonic_ms());
        given[i].start = KAFKA_START_LATER;
    }
    pthread_mutex_lock(&runner->mutex);
    assert(runner->partitions_count == 0); /* eager: all is revoked before */
    mem_free(runner->partitions);
    runner->partitions = partitions;
    runner->partitions_count = count;
    runner->assigned = true;
    pthread_mutex_unlock(&runner->mutex);
    for (size_t i = 0; i < count; i++)
        worker_assigned(worker_of(runner, partitions[i]->number), partitions[i]);
    log_info("projection assigned", LOG_CSTR("projection", runner->config.table->projection->name),
             LOG_CSTR("member", runner->config.member), LOG_I64("partitions", count));
}

static void revoke_all(struct runner *runner)
{
    struct partition **gone;
    size_t count;

    pthread_mutex_lock(&runner->mutex);
    gone = TAKE(runner->partitions);
    count = runner->partitions_count;
    runner->partitions_count = 0;
    runner->assigned = false;
    pthread_mutex_unlock(&runner->mutex);
    runner->last = NULL;
    runner->paused_count = 0;
    for (size_t i = 0; i < count; i++) {
        worker_revoked(worker_of(runner, gone[i]->number), gone[i]);
        partition_drop(gone[i]);
    }
    mem_free(gone);
}

static void on_revoked(void *arg, const struct kafka_assignment *given, size_t count, bool lost)
{
    struct runner *runner = arg;

    (void)given;
    revoke_all(runner);
    log_info("projection revoked", LOG_CSTR("projection", runner->config.table->projection->name),
             LOG_CSTR("member", runner->config.member), LOG_I64("partitions", count),
             LOG_BOOL("lost", lost));
}

static struct partition *find(struct runner *runner, const char *topic, int32_t number)
{
    if (runner->last && partition_is(runner->last, topic, number))
        return runner->last;
    for (size_t i = 0; i < runner->partitions_count; i++) {
        if (partition_is(runner->partitions[i], topic, number)) {
            runner->last = runner->partitions[i];
            return runner->last;
        }
    }
    return NULL;
}

static void note_trouble(struct runner *runner, const struct error *err)
{
    unsigned held_back;

    pthread_mutex_lock(&runner->mutex);
    runner->kafka = *err;
    runner->kafka_ms = clock_monotonic_ms();
    if (err->class == ERROR_FENCED)
        runner->fate = RUNNER_FENCED;
    else if (err->class == ERROR_FATAL)
        runner->fate = RUNNER_FAILED;
    pthread_mutex_unlock(&runner->mutex);
    if (log_gate_open(&runner->gate, str_of(err->text), clock_monotonic_ms(), TROUBLE_LOG_MS,
                      &held_back))
        log_warn("projection's consumer",
                 LOG_CSTR("projection", runner->config.table->projection->name), LOG_ERR(err),
                 LOG_I64("held_back", held_back));
}

static void trouble_is_over(struct runner *runner)
{
    pthread_mutex_lock(&runner->mutex);
    error_clear(&runner->kafka);
    pthread_mutex_unlock(&runner->mutex);
}

void runner_kafka_answered(struct runner *runner, int64_t asked_ms)
{
    pthread_mutex_lock(&runner->mutex);
    if (runner->fate == RUNNER_RUNS && asked_ms - runner->kafka_ms >= QUIET_MS)
        error_clear(&runner->kafka);
    pthread_mutex_unlock(&runner->mutex);
}

static void pause_if_full(struct runner *runner, struct partition *p)
{
    struct error err;

    if (p->paused || !partition_is_full(p))
        return;
    if (!kafka_consumer_pause(runner->consumer, p->topic, p->number, &err)) {
        note_trouble(runner, &err);
        return;
    }
    p->paused = true;
    runner->paused_count++;
}

static void take_message(struct runner *runner, struct kafka_message *message)
{
    struct partition *p =
        find(runner, kafka_message_topic(message), kafka_message_partition(message));

    if (!p || !p->started) {
        kafka_message_free(message);
        return;
    }
    if (partition_push(p, message)) {
        runner->woken[(unsigned)p->number % runner->config.workers] = true;
        pause_if_full(runner, p);
        return;
    }
    /* More than the pause let through: as if Kafka had lost it, the worker starts again behind its
     * checkpoint. */
    kafka_message_free(message);
    p->started = false;
    worker_offset_lost(worker_of(runner, p->number), p);
}

static void lose_offset(struct runner *runner, const struct kafka_place *place)
{
    struct partition *p = find(runner, place->topic, place->partition);

    if (!p || !p->started)
        return;
    log_warn("projection's offset is gone from Kafka", LOG_CSTR("topic", p->topic),
             LOG_I64("partition", p->number));
    p->started = false;
    worker_offset_lost(worker_of(runner, p->number), p);
}

/* True: something came. */
static bool poll_once(struct runner *runner, int64_t timeout_ms)
{
    struct kafka_message *message;
    struct kafka_place place;
    struct error err;

    switch (kafka_consumer_poll(runner->consumer, timeout_ms, &message, &place, &err)) {
    case KAFKA_POLLED_NOTHING:
        return false;
    case KAFKA_POLLED_MESSAGE:
        take_message(runner, message);
        return true;
    case KAFKA_POLLED_OUT_OF_RANGE:
        lose_offset(runner, &place);
        return true;
    case KAFKA_POLLED_FAILED:
        note_trouble(runner, &err);
        return false;
    }
    assert(!"a result of a poll");
    return false;
}

static void wake_workers(struct runner *runner)
{
    bool any = false;

    for (unsigned i = 0; i < runner->config.workers; i++) {
        if (runner->woken[i])
            worker_wake(runner->workers[i]);
        any |= runner->woken[i];
        runner->woken[i] = false;
    }
    if (any && runner->kafka.class != ERROR_NONE)
        trouble_is_over(runner);
}

static void do_start(struct runner *runner, const struct start *start)
{
    struct partition *p = start->partition;
    struct error err;

    if (atomic_load(&p->revoked))
        return;
    if (p->paused)
        runner->paused_count--;
    p->paused = false;
    p->started = kafka_consumer_start(runner->consumer, p->topic, p->number, start->offset, &err);
    if (!p->started)
        worker_start_failed(worker_of(runner, p->number), p, &err);
}

static void do_starts(struct runner *runner)
{
    struct start *start;

    while ((start = queue_pop(runner->starts, 0))) {
        do_start(runner, start);
        partition_drop(start->partition);
        mem_free(start);
    }
}

static void do_resumes(struct runner *runner)
{
    for (size_t i = 0; runner->paused_count > 0 && i < runner->partitions_count; i++) {
        struct partition *p = runner->partitions[i];
        struct error err;

        if (!p->paused || !partition_is_half_empty(p))
            continue;
        if (!kafka_consumer_resume(runner->consumer, p->topic, p->number, &err)) {
            note_trouble(runner, &err);
            continue;
        }
        p->paused = false;
        runner->paused_count--;
    }
}

static void do_subscribe(struct runner *runner)
{
    const char *topics[RUNNER_TOPICS_MAX];
    size_t count = 0;
    struct error err;

    pthread_mutex_lock(&runner->mutex);
    if (runner->topics_changed)
        for (; count < runner->topics_count; count++)
            topics[count] = runner->topics[count];
    runner->topics_changed = false;
    pthread_mutex_unlock(&runner->mutex);
    /* Topics are only ever added, so the texts stay. */
    if (count > 0 && !kafka_consumer_subscribe(runner->consumer, topics, count, &err))
        note_trouble(runner, &err);
}

static bool has_failed(struct runner *runner)
{
    bool failed;

    pthread_mutex_lock(&runner->mutex);
    failed = runner->fate != RUNNER_RUNS;
    pthread_mutex_unlock(&runner->mutex);
    return failed;
}

static void poll_run(void *arg)
{
    struct runner *runner = arg;

    while (!stop_requested(runner->stop) && !has_failed(runner)) {
        size_t drained = 0;

        do_subscribe(runner);
        do_starts(runner);
        do_resumes(runner);
        if (!poll_once(runner, runner->paused_count > 0 ? POLL_PAUSED_MS : POLL_MS))
            continue;
        while (drained++ < DRAIN_MAX && poll_once(runner, 0))
            ;
        wake_workers(runner);
    }
    revoke_all(runner);
}

static void runner_free(struct runner *runner)
{
    struct start *start;

    /* Messages must be gone before their consumer is: with the partitions, which starts hold. */
    while ((start = queue_pop(runner->starts, 0))) {
        partition_drop(start->partition);
        mem_free(start);
    }
    kafka_consumer_free(runner->consumer);
    queue_free(runner->starts);
    stop_free(runner->stop);
    for (size_t i = 0; i < runner->topics_count; i++)
        mem_free(runner->topics[i]);
    pthread_mutex_destroy(&runner->mutex);
    mem_free(runner);
}

void runner_request_stop(struct runner *runner)
{
    stop_request(runner->stop);
    for (unsigned i = 0; i < runner->config.workers; i++)
        if (runner->workers[i])
            worker_request_stop(runner->workers[i]);
}

void runner_stop(struct runner *runner)
{
    if (!runner)
        return;
    runner_request_stop(runner);
    thread_join(runner->poll);
    for (unsigned i = 0; i < runner->config.workers; i++)
        worker_stop(runner->workers[i]);
    runner_free(runner);
}

static bool start_workers(struct runner *runner, struct error *err)
{
    struct worker_config config = {.postgres = runner->config.postgres,
                                   .table = runner->config.table,
                                   .identity = runner->config.identity,
                                   .owner = runner->config.owner,
                                   .limits = runner->config.limits,
                                   .parking = runner->config.parking,
                                   .look = runner->config.look,
                                   .is_live = runner->config.is_live,
                                   .starts = runner->starts,
                                   .log_replaced = &runner->log_replaced};

    for (unsigned i = 0; i < runner->config.workers; i++)
        if (!worker_start(&config, &runner->workers[i], err))
            return error_wrap(err, "start a worker");
    return true;
}

static bool start_consumer(struct runner *runner, struct error *err)
{
    struct kafka_consumer_config config = {
        .kafka = runner->config.kafka,
        .group = runner->config.group,
        .instance = runner->config.member,
        .session_timeout_ms = runner->config.session_timeout_ms,
        .fetch_queue_bytes_max = runner->config.fetch_queue_bytes_max,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .arg = runner,
    };

    return kafka_consumer_new(&config, &runner->consumer, err);
}

bool runner_start(const struct runner_config *config, struct runner **ret_runner, struct error *err)
{
    struct runner *runner = mem_zalloc(sizeof(*runner));

    assert(config->workers >= 1 && config->workers <= RUNNER_WORKERS_MAX);

    runner->config = *config;
    runner->stop = stop_new();
    runner->starts = queue_new(STARTS_MAX);
    pthread_mutex_init(&runner->mutex, NULL);
    if (!start_consumer(runner, err) || !start_workers(runner, err) ||
        !thread_start(THREAD_POLL, "poll", poll_run, runner, &runner->poll, err)) {
        runner_stop(runner);
        return error_wrap(err, "start projection '%s'", config->table->projection->name);
    }
    *ret_runner = runner;
    return true;
}

void runner_read(struct runner *runner, const char *const *topics, size_t count)
{
    pthread_mutex_lock(&runner->mutex);
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;

        while (k < runner->topics_count && strcmp(runner->topics[k], topics[i]) != 0)
            k++;
        if (k < runner->topics_count)
            continue;
        assert(runner->topics_count < RUNNER_TOPICS_MAX);
        runner->topics[runner->topics_count++] = mem_strdup(topics[i]);
        runner->topics_changed = true;
    }
    pthread_mutex_unlock(&runner->mutex);
}

static void look_at_workers(struct runner *runner, struct error *ret)
{
    error_clear(ret);
    for (unsigned i = 0; i < runner->config.workers && ret->class == ERROR_NONE; i++)
        worker_look(runner->workers[i], ret);
}

void runner_look(struct runner *runner, struct runner_view *ret,
                 struct runner_partition *partitions, size_t max)
{
    *ret = (struct runner_view){0};
    look_at_workers(runner, &ret->postgres);
    pthread_mutex_lock(&runner->mutex);
    ret->fate = atomic_load(&runner->log_replaced) ? RUNNER_LOG_REPLACED : runner->fate;
    ret->kafka = runner->kafka;
    ret->assigned = runner->assigned;
    ret->partitions_count = runner->partitions_count;
    for (size_t i = 0; i < runner->partitions_count && i < max; i++) {
        struct partition *p = runner->partitions[i];

        memcpy(partitions[i].topic, p->topic, sizeof(p->topic));
        partitions[i].number = p->number;
        partition_look(p, &partitions[i].view);
    }
    pthread_mutex_unlock(&runner->mutex);
}
