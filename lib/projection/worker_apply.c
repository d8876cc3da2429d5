/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a batch and turns what came of it into what the partitions' cores are told. */
#include "projection/worker_internal.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/uuid.h"
#include "projection/table.h"

void worker_failed(struct worker *worker, struct partition *partition, const struct error *err,
                   size_t records, int64_t now_ms)
{
    unsigned held_back;

    partition_core_failed(&partition->core, err, records, now_ms, random_u64());
    if (log_gate_open(&worker->gate, str_of(err->text), now_ms, 30000, &held_back))
        log_warn("projection failed",
                 LOG_CSTR("projection", worker->config.table->projection->name),
                 LOG_CSTR("topic", partition->topic), LOG_I64("partition", partition->number),
                 LOG_I64("position", partition->core.at.position.n), LOG_ERR(err),
                 LOG_I64("held_back", held_back));
}

void worker_block(struct worker *worker, struct partition *partition, const char *code,
                  struct position position, struct kafka_offset offset, const char *reason)
{
    char text[ERROR_TEXT_MAX];

    snprintf(text, sizeof(text), "%s at position %lld, offset %lld: %s", code,
             (long long)position.n, (long long)offset.n, reason);
    partition_core_block(&partition->core, code, text);
    log_error("projection blocked", LOG_CSTR("projection", worker->config.table->projection->name),
              LOG_CSTR("topic", partition->topic), LOG_I64("partition", partition->number),
              LOG_I64("position", position.n), LOG_I64("offset", offset.n), LOG_CSTR("code", code),
              LOG_CSTR("reason", reason));
}

void worker_stopped_at(struct worker *worker, struct partition *partition, int64_t now_ms)
{
    struct position position = partition->stop_at;

    partition->stop_at = POSITION(0);
    switch (partition->stop_why.class) {
    case ERROR_NONE: /* the batch was full; it is committed by now */
        break;
    case ERROR_POISON:
        worker_block(worker, partition, "poison.fold", position, partition->core.at.offset,
                     partition->stop_why.text);
        break;
    case ERROR_TRANSIENT:
    case ERROR_REFUSED:
    case ERROR_FENCED:
    case ERROR_FATAL:
        worker_failed(worker, partition, &partition->stop_why, 1, now_ms);
        break;
    }
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
    partition->stop_at = part->events[index]->position;
    partition->stop_why = *why;
}

bool worker_apply(struct worker *worker, struct partition *const *partitions,
                  const struct apply_part *parts, const size_t *records, size_t count,
                  int64_t now_ms, struct applied *ret)
{
    batch_apply(worker->conn, worker->config.table, parts, count, worker->arena, ret);
    switch (ret->result) {
    case APPLY_DONE:
        return true;
    case APPLY_CUT:
        cut(partitions[ret->part], &parts[ret->part], ret->cut, &ret->err);
        break;
    case APPLY_FENCED:
        fenced(worker, partitions[ret->part], records[ret->part], now_ms);
        break;
    case APPLY_FAILED:
        for (size_t i = 0; i < count; i++)
            worker_failed(worker, partitions[i], &ret->err, records[i], now_ms);
        break;
    }
    return false;
}
