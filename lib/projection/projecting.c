/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of one generation in this process: its member id, its runner. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "kafka/admin.h"
#include "projection/look.h"
#include "projection/projector_internal.h"
#include "projection/slot_core.h"
#include "projection/table.h"
#include "resilience/backoff.h"

enum {
    TROUBLE_LOG_MS = 30000,
    SLOT_LOOK_MS = 500,
    WORKER_STATEMENT_TIMEOUT_MS = 5000, /* bounds a stop; a batch takes some 20 ms */
    TOPIC_LOOK_TIMEOUT_MS = 2000,
    TOPIC_NAME_MAX = PARTITION_TOPIC_MAX + 1,
};

static const struct backoff_policy policy = {.base_ms = 200, .max_ms = 10000};

static void enter(struct projector *projector, struct projecting *p, enum projecting_stage stage)
{
    p->stage = stage;
    p->attempts = 0;
    p->retry_at_ms = 0;
    pthread_mutex_lock(&projector->mutex);
    error_clear(&p->trouble);
    error_clear(&p->kafka);
    p->since_us = clock_wall_us();
    pthread_mutex_unlock(&projector->mutex);
}

static void failed(struct projector *projector, struct projecting *p, const struct error *err,
                   int64_t now_ms)
{
    unsigned held_back;

    p->retry_at_ms = now_ms + backoff_delay_ms(policy, p->attempts++, random_u64());
    pthread_mutex_lock(&projector->mutex);
    if (p->trouble.class == ERROR_NONE)
        p->since_us = clock_wall_us();
    p->trouble = *err;
    pthread_mutex_unlock(&projector->mutex);
    if (log_gate_open(&projector->gate, str_of(err->text), now_ms, TROUBLE_LOG_MS, &held_back))
        log_warn("projection can not start", LOG_CSTR("projection", p->projection->name),
                 LOG_I64("generation", p->table->generation), LOG_ERR(err),
                 LOG_I64("held_back", held_back));
}

struct projecting *projecting_new(struct projector *projector,
                                  const struct generation_run *generation, int64_t now_ms)
{
    struct projecting *p = mem_zalloc(sizeof(*p));
    int len;

    p->projection = generation->projection;
    atomic_init(&p->is_live, generation->is_live);
    p->table = table_new(generation->projection, generation->number);
    len = snprintf(p->group, sizeof(p->group), "%s.%s.%d", projector->identity.prefix,
                   p->projection->name, generation->number);
    assert(len > 0 && (size_t)len < sizeof(p->group));
    p->slot_wanted_ms = now_ms;
    p->stage = PROJECTING_SLOT;
    p->since_us = clock_wall_us();
    return p;
}

static struct parking_policy policy_of(const struct projector_config *config, const char *name)
{
    const struct parking_override *o = config->parking_overrides;

    for (; o && o->projection; o++)
        if (strcmp(o->projection, name) == 0)
            return o->policy;
    return config->parking;
}

static bool start(struct projector *projector, struct projecting *p, struct error *err)
{
    const struct projector_config *c = &projector->config;
    struct runner_config config = {
        .postgres = c->postgres,
        .kafka = &c->kafka,
        .identity = &projector->identity,
        .table = p->table,
        .group = p->group,
        .member = p->slot.member,
        .owner = p->owner,
        .is_live = &p->is_live,
        .workers = c->workers,
        .limits = {.batch_max = c->batch_events_max,
                   .queue_max = c->queue_events_max,
                   .queue_bytes_max = c->queue_bytes_max},
        .fetch_queue_bytes_max = c->fetch_queue_bytes_max,
        .parking = policy_of(c, p->projection->name),
        .session_timeout_ms = c->session_timeout_ms,
    };
    struct runner *runner;

    if (!projector->look)
        projector->look = look_new(&c->kafka, &projector->identity);
    config.look = projector->look;
    if (config.postgres.statement_timeout_ms > WORKER_STATEMENT_TIMEOUT_MS)
        config.postgres.statement_timeout_ms = WORKER_STATEMENT_TIMEOUT_MS;
    if (!runner_start(&config, &runner, err))
        return false;
    pthread_mutex_lock(&projector->mutex);
    p->runner = runner;
    pthread_mutex_unlock(&projector->mutex);
    return true;
}

static void take_slot(struct projector *projector, struct projecting *p, int64_t now_ms)
{
    struct error err;
    bool taken = true;

    if (!p->slot.token[0] && !slot_take(projector->conn, p->group, projector->instance,
                                        now_ms - p->slot_wanted_ms, &p->slot, &taken, &err)) {
        p->slot.token[0] = '\0';
        failed(projector, p, &err, now_ms);
        return;
    }
    if (!taken) {
        p->slot.token[0] = '\0';
        p->retry_at_ms = now_ms + SLOT_LOOK_MS;
        return;
    }
    p->renew_at_ms = now_ms + SLOT_RENEW_MS;
    snprintf(p->owner, sizeof(p->owner), "%s@%s", p->slot.member, projector->instance);
    if (!start(projector, p, &err)) {
        failed(projector, p, &err, now_ms);
        return;
    }
    p->topics_found = 0;
    enter(projector, p, PROJECTING_RUN);
}

static void stop_runner(struct projector *projector, struct projecting *p)
{
    struct runner *runner;

    pthread_mutex_lock(&projector->mutex);
    runner = TAKE(p->runner);
    pthread_mutex_unlock(&projector->mutex);
    runner_stop(runner);
}

/* The runner can not go on: another one, after a pause; with another member id if this one is
 * somebody else's. */
static void restart(struct projector *projector, struct projecting *p, const struct error *err,
                    bool keep_slot, int64_t now_ms)
{
    unsigned attempts = p->attempts;

    stop_runner(projector, p);
    if (!keep_slot)
        p->slot.token[0] = '\0';
    p->slot_wanted_ms = now_ms;
    enter(projector, p, PROJECTING_SLOT);
    p->attempts = attempts;
    failed(projector, p, err, now_ms);
}

static void watch(struct projector *projector, struct projecting *p, int64_t now_ms)
{
    struct runner_view view;

    runner_look(p->runner, &view, NULL, 0);
    switch (view.fate) {
    case RUNNER_RUNS:
        break;
    case RUNNER_FENCED:
        restart(projector, p, &view.kafka, false, now_ms);
        break;
    case RUNNER_FAILED:
        restart(projector, p, &view.kafka, true, now_ms);
        break;
    case RUNNER_LOG_REPLACED:
        projector->is_replaced = true;
        break;
    }
}

static void renew(struct projector *projector, struct projecting *p, int64_t now_ms)
{
    struct error err;

    p->renew_at_ms = now_ms + SLOT_RENEW_MS;
    if (slot_renew(projector->conn, &p->slot, &err))
        return;
    /* A lease that could not be asked for may be taken by another process when it has expired:
     * Kafka fences one of the two then, and the next renewal finds out. */
    if (err.class == ERROR_FENCED)
        restart(projector, p, &err, false, now_ms);
}

void projecting_step(struct projector *projector, struct projecting *p, int64_t now_ms)
{
    if (p->stage == PROJECTING_RUN)
        watch(projector, p, now_ms);
    if (!pg_is_open(projector->conn) || !projector->has_identity || now_ms < p->retry_at_ms)
        return;
    if (p->stage == PROJECTING_SLOT)
        take_slot(projector, p, now_ms);
    if (p->stage == PROJECTING_RUN && now_ms >= p->renew_at_ms)
        renew(projector, p, now_ms);
}

bool projecting_wants_topics(const struct projecting *p)
{
    return p->stage == PROJECTING_RUN && p->projection->categories[p->topics_found] != NULL;
}

/* The publisher makes a topic before its first record. A consumer that subscribed before would
 * learn of it late, so it is told of topics that exist. */
void projecting_find_topics(struct projector *projector, struct projecting *p, int64_t now_ms)
{
    char name[TOPIC_NAME_MAX];
    const char *topic = name;
    struct error err;
    size_t found = 0;

    for (size_t i = 0; p->projection->categories[i]; i++) {
        int32_t partitions;

        snprintf(name, sizeof(name), "%s.%s", projector->identity.prefix,
                 p->projection->categories[i]);
        if (!kafka_admin_partitions(projector->admin, name, now_ms + TOPIC_LOOK_TIMEOUT_MS,
                                    &partitions, &err)) {
            log_debug("projection looks for its topic", LOG_CSTR("topic", topic), LOG_ERR(&err));
            return;
        }
        if (partitions > 0) {
            runner_read(p->runner, &topic, 1);
            found++;
        }
    }
    p->topics_found = found;
}

bool projecting_ask_kafka(struct projector *projector, struct projecting *p, int64_t now_ms,
                          struct error *err)
{
    char name[TOPIC_NAME_MAX];

    for (size_t i = 0; p->projection->categories[i]; i++) {
        int32_t partitions;

        snprintf(name, sizeof(name), "%s.%s", projector->identity.prefix,
                 p->projection->categories[i]);
        if (!kafka_admin_partitions(projector->admin, name, now_ms + TOPIC_LOOK_TIMEOUT_MS,
                                    &partitions, err))
            return error_wrap(err, "ask Kafka");
    }
    runner_kafka_answered(p->runner, now_ms);
    return true;
}

void projecting_note_kafka(struct projector *projector, struct projecting *p,
                           const struct error *err)
{
    bool is_away = err != NULL;

    pthread_mutex_lock(&projector->mutex);
    if (is_away != (p->kafka.class != ERROR_NONE))
        p->since_us = clock_wall_us();
    if (is_away)
        p->kafka = *err;
    else
        error_clear(&p->kafka);
    pthread_mutex_unlock(&projector->mutex);
}

void projecting_free(struct projector *projector, struct projecting *p)
{
    struct error err;

    runner_stop(p->runner);
    /* What is not given back expires. */
    if (p->slot.token[0] && pg_is_open(projector->conn) &&
        !slot_release(projector->conn, &p->slot, &err))
        log_debug("member id not given back", LOG_CSTR("member", p->slot.member), LOG_ERR(&err));
    table_free(p->table);
    mem_free(p);
}
