/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a batch and turns what came of it into what the partitions' cores are told. */
#include "projection/worker_internal.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/uuid.h"
#include "projection/parked_set.h"
#include "projection/parking_store.h"
#include "projection/table.h"

void worker_failed(struct worker *worker, struct partition *partition, const struct error *err,
                   size_t records, int64_t now_ms)
{
    unsigned held_back;

    partition_core_failed(&partition->core, err, records, now_ms, random_u64());
    /* Data that is refused is looked for by halving, and then parked. */
    if (err->class != ERROR_POISON &&
        log_gate_open(&worker->gate, str_of(err->text), now_ms, 30000, &held_back))
        log_warn("projection failed",
                 LOG_CSTR("projection", worker->config.table->projection->name),
                 LOG_CSTR("topic", partition->topic), LOG_I64("partition", partition->number),
                 LOG_I64("position", partition->core.at.position.n), LOG_ERR(err),
                 LOG_I64("held_back", held_back));
}

void worker_block(struct worker *worker, struct partition *partition, const char *code,
                  struct position position, const char *reason)
{
    char text[ERROR_TEXT_MAX];

    snprintf(text, sizeof(text), "%s at position %lld: %s", code, (long long)position.n, reason);
    partition_core_block(&partition->core, code, text);
    log_error("projection blocked", LOG_CSTR("projection", worker->config.table->projection->name),
              LOG_CSTR("topic", partition->topic), LOG_I64("partition", partition->number),
              LOG_I64("position", position.n), LOG_CSTR("code", code), LOG_CSTR("reason", reason));
}

void worker_stopped_at(struct worker *worker, struct partition *partition, int64_t now_ms)
{
    partition->stop_at = POSITION(0);
    if (partition->stop_why.class != ERROR_NONE) /* else the batch was full; it is committed now */
        worker_failed(worker, partition, &partition->stop_why, 1, now_ms);
}

static void fenced(struct worker *worker, struct partition *partition, size_t records,
                   int64_t now_ms)
{
    struct error err;

    error_set(&err, ERROR_FENCED, "fenced", "another worker took '%s' partition %d",
              partition->topic, partition->number);
    worker_failed(worker, partition, &err, records, now_ms);
}

static void cut(struct partition *partition, const struct apply_part *part, size_t index,
                const struct error *why)
{
    if (why->class == ERROR_POISON) { /* the log does not have it */
        partition->forged = part->offsets[index];
        return;
    }
    partition->stop_at = part->events[index]->position;
    partition->stop_why = *why;
}

/* The database refused a batch of one event, alone: the next one parks it. If it refuses that too,
 * the fault is ours. */
static void refused(struct worker *worker, struct partition *partition,
                    const struct apply_part *part, const struct error *err)
{
    struct position culprit = part->count == 1 ? part->events[0]->position : POSITION(0);

    partition->core.culprit = false;
    if (culprit.n == 0 || culprit.n == partition->refused_at.n) {
        worker_block(worker, partition, poison_class(err), culprit, err->text);
        return;
    }
    partition->refused_at = culprit;
    partition->refused_why = *err;
}

static void failed(struct worker *worker, struct partition *partition,
                   const struct apply_part *part, size_t records, const struct error *err,
                   int64_t now_ms)
{
    worker_failed(worker, partition, err, records, now_ms);
    if (partition->core.culprit)
        refused(worker, partition, part, err);
}

void worker_keep_keys(struct worker *worker, struct partition *const *partitions,
                      const struct applied *applied)
{
    for (size_t i = 0; i < applied->changes_count; i++) {
        struct partition *p = partitions[applied->changes[i].part];

        parked_set_put(p->parked, &applied->changes[i].key);
        if (parked_set_count(p->parked) > PARKED_KEYS_MAX && p->core.phase != PARTITION_BLOCKED)
            worker_block(worker, p, "parked-keys-limit", p->core.at.position,
                         "too many parked keys");
    }
    worker_count(worker, PROJECTION_PARKED, applied->parked);
    worker_count(worker, PROJECTION_QUEUED, applied->queued);
}

bool worker_apply(struct worker *worker, struct partition *const *partitions,
                  const struct apply_part *parts, const size_t *records, size_t count,
                  int64_t now_ms, struct applied *ret)
{
    struct parking_rules rules = {
        .policy = worker->config.parking, .causes = &worker->causes, .now_ms = now_ms};

    batch_apply(worker->conn, worker->config.table, parts, count, &rules, worker->arena, ret);
    switch (ret->result) {
    case APPLY_DONE:
        return true;
    case APPLY_CUT:
        cut(partitions[ret->part], &parts[ret->part], ret->cut, &ret->err);
        break;
    case APPLY_FENCED:
        fenced(worker, partitions[ret->part], records[ret->part], now_ms);
        break;
    case APPLY_BLOCKED:
        worker_block(worker, partitions[ret->part], "poison.rate",
                     parts[ret->part].events[ret->cut]->position, ret->err.text);
        break;
    case APPLY_FAILED:
        for (size_t i = 0; i < count; i++)
            failed(worker, partitions[i], &parts[i], records[i], &ret->err, now_ms);
        break;
    }
    return false;
}
