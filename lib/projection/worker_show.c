/* SPDX-License-Identifier: Apache-2.0 */
/* Tells people what a worker's partitions do: in memory always, in the database on a change, and as
 * metrics. */
#include "projection/worker_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "projection/table.h"

static uint64_t hash_of(const struct partition *p, const char *word, const char *reason)
{
    return str_hash(str_of(word)) * 31 + str_hash(str_of(reason)) + (uint64_t)p->core.epoch;
}

/* The words and reasons of a quiet log must not cost a statement each second. */
static void report(struct worker *worker, struct partition *p, const char *word, const char *reason,
                   int64_t now_ms)
{
    struct checkpoint_set set = {worker->config.table->projection->name,
                                 worker->config.table->generation};
    struct checkpoint checkpoint = {
        .topic = p->topic, .partition = p->number, .epoch = p->core.epoch};
    uint64_t hash = hash_of(p, word, reason);
    struct error err;

    if (p->reported == hash || p->core.epoch == 0 || atomic_load(&p->revoked) ||
        !pg_is_open(worker->conn))
        return;
    if (!checkpoint_report(worker->conn, set, &checkpoint, word, reason, &err) &&
        err.class == ERROR_FENCED && p->core.phase == PARTITION_READ)
        worker_failed(worker, p, &err, 0, now_ms);
    else
        p->reported = hash; /* or the owner's word counts; a lost connection makes a new epoch */
}

static void show(struct worker *worker, struct partition *p, const struct error *trouble,
                 int64_t now_ms)
{
    bool away = trouble->class != ERROR_NONE && p->core.phase != PARTITION_BLOCKED;
    const char *word = away ? "paused" : partition_core_word(&p->core);
    const char *reason = away ? trouble->text
                         : strcmp(word, "paused") == 0 || strcmp(word, "blocked") == 0
                             ? p->core.reason
                             : "";

    if (partition_show(p, word, reason, clock_wall_us()))
        log_debug("projection partition", LOG_CSTR("topic", p->topic),
                  LOG_I64("partition", p->number), LOG_CSTR("state", word));
    report(worker, p, word, reason, now_ms);
}

void worker_show(struct worker *worker, int64_t now_ms)
{
    struct error trouble;

    worker_look(worker, &trouble);
    for (size_t i = 0; i < worker->partitions_count; i++)
        show(worker, worker->partitions[i], &trouble, now_ms);
}

void worker_count(const struct worker *worker, enum projection_result result, size_t events)
{
    if (atomic_load(worker->config.is_live))
        projection_count(worker->config.table->projection->name, result, events);
}

void worker_visible(const struct worker *worker, const struct event *const *events, size_t count)
{
    int64_t now_us = clock_wall_us();

    for (size_t i = 0; atomic_load(worker->config.is_live) && i < count; i++)
        projection_visible(worker->config.table->projection->name, events[i]->recorded_at_us,
                           now_us);
}
