/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies batches from Kafka: what is in hand of all partitions that read, in one transaction, as
 * far as the first record of each that can not follow.
 */
#include "projection/worker_internal.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "kafka/message.h"
#include "projection/metrics.h"
#include "projection/record.h"
#include "projection/table.h"

struct reading {
    struct worker *worker;
    int64_t now_ms;
    /* As far as `count`: one for each partition of the batch, in the same order. */
    struct partition **partitions;
    struct apply_part *parts;
    size_t *records; /* of the hand, duplicates too */
    size_t count;
};

static bool header_of(const void *from, const char *name, struct str *ret_value)
{
    return kafka_message_header(from, name, ret_value);
}

/* Judges the hand's records in order until one can not follow; a first one that can not decides
 * what happens to the partition. */
struct plan {
    struct place to;
    const struct event **events;
    size_t events_count;
    size_t records;
};

static bool read_message(const struct worker *worker, const struct partition *p,
                         const struct kafka_message *message, struct event *event,
                         struct record_facts *facts, char fault[RECORD_FAULT_MAX])
{
    struct record_view view = {.key = kafka_message_key(message),
                               .value = kafka_message_value(message),
                               .header = header_of,
                               .from = message};
    struct record_frame frame = {.source = str_of(worker->config.identity->source),
                                 .category = worker_category(worker, p),
                                 .partition = p->number,
                                 .partitions_count = worker_partitions_count(worker, p)};

    facts->offset = kafka_message_offset(message);
    facts->foreign = !record_read(&view, &frame, event, &facts->previous, fault);
    facts->position = event->position;
    return !facts->foreign;
}

/* The record after PLAN's last can not follow. False when there is no batch before it: the
 * partition's core was told. */
static bool plan_ends(struct worker *worker, struct partition *p, const struct plan *plan,
                      enum record_verdict verdict, const struct record_facts *facts,
                      const char *fault)
{
    if (plan->records > 0)
        return true;
    if (verdict == RECORD_HOLE)
        partition_core_hole(&p->core, facts->previous);
    else
        worker_block(worker, p, "poison.foreign", facts->position, facts->offset, fault);
    return false;
}

/* True: PLAN has records. */
static bool make_plan(struct worker *worker, struct partition *p, int64_t now_ms, struct plan *plan)
{
    size_t max = p->hand_count < p->core.batch_max ? p->hand_count : p->core.batch_max;
    struct event *events = ARENA_ARRAY(worker->arena, struct event, max);

    *plan = (struct plan){.to = p->core.at};
    plan->events = ARENA_ARRAY(worker->arena, const struct event *, max);
    for (size_t i = 0; i < max; i++) {
        struct event *event = &events[i];
        struct record_facts facts = {0};
        enum record_verdict verdict;
        char fault[RECORD_FAULT_MAX] = "";

        if (read_message(worker, p, p->hand[i], event, &facts, fault) && p->stop_at.n > 0 &&
            facts.position.n == p->stop_at.n) {
            if (plan->records == 0)
                worker_stopped_at(worker, p, now_ms);
            return plan->records > 0;
        }
        verdict = partition_core_judge(&plan->to, &facts);
        if (verdict == RECORD_HOLE || verdict == RECORD_FOREIGN)
            return plan_ends(worker, p, plan, verdict, &facts, fault);
        if (verdict == RECORD_APPLY)
            plan->events[plan->events_count++] = event;
        plan->records++;
    }
    return plan->records > 0;
}

static void add_plan(struct reading *r, struct partition *p, const struct plan *plan)
{
    r->partitions[r->count] = p;
    r->parts[r->count] = (struct apply_part){.checkpoint = {.topic = p->topic,
                                                            .partition = p->number,
                                                            .epoch = p->core.epoch,
                                                            .at = plan->to},
                                             .events = plan->events,
                                             .count = plan->events_count};
    r->records[r->count++] = plan->records;
}

/* How many partitions the cursor says there are decides whose records are ours: unknown for a
 * moment when a topic is new, because the copy is written after the records. */
static bool is_frame_known(struct worker *worker, const struct partition *p, int64_t now_ms)
{
    if (worker_partitions_count(worker, p) > 0)
        return true;
    if (now_ms > worker->cursor_seen_ms) {
        struct error err;

        /* What fails here is told by the next statement. */
        if (!worker_see_cursor(worker, &err))
            return false;
    }
    return worker_partitions_count(worker, p) > 0;
}

static bool has_records(struct reading *r, struct partition *p)
{
    if (atomic_load(&p->revoked) || partition_core_phase_due(&p->core, r->now_ms) != PARTITION_READ)
        return false;
    if (partition_take(p) > 0)
        partition_core_received(&p->core, r->now_ms);
    return p->hand_count > 0 && is_frame_known(r->worker, p, r->now_ms);
}

/* One whose last batch was refused goes alone, so that it can be told from its neighbours. */
static void collect(struct reading *r)
{
    struct worker *worker = r->worker;
    size_t events_max = worker->config.limits.batch_max;
    size_t records = 0;

    for (size_t i = 0; i < worker->partitions_count && records < events_max; i++) {
        struct partition *p = worker->partitions[(worker->turn + i) % worker->partitions_count];
        struct plan plan;

        if (!has_records(r, p) || (p->core.alone && r->count > 0) ||
            !make_plan(worker, p, r->now_ms, &plan))
            continue;
        add_plan(r, p, &plan);
        records += plan.records;
        if (p->core.alone)
            break;
    }
    worker->turn++;
}

static void count_batch(const struct reading *r, const struct applied *applied)
{
    const char *name = r->worker->config.table->projection->name;
    int64_t now_us = clock_wall_us();
    size_t events = 0, records = 0;

    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; k < r->parts[i].count; k++)
            projection_visible(name, r->parts[i].events[k]->recorded_at_us, now_us);
        events += r->parts[i].count;
        records += r->records[i];
    }
    projection_count(name, PROJECTION_APPLIED, applied->folded);
    projection_count(name, PROJECTION_SKIPPED, applied->skipped);
    projection_count(name, PROJECTION_DUPLICATE, records - events);
}

bool worker_read_due(struct worker *worker, int64_t now_ms)
{
    struct reading r = {.worker = worker, .now_ms = now_ms};
    struct applied applied;
    size_t count = worker->partitions_count;
    bool due;

    if (count == 0 || !pg_is_open(worker->conn))
        return false;
    r.partitions = ARENA_ARRAY(worker->arena, struct partition *, count);
    r.parts = ARENA_ARRAY(worker->arena, struct apply_part, count);
    r.records = ARENA_ARRAY(worker->arena, size_t, count);
    collect(&r);
    due = r.count > 0;
    if (due && worker_apply(worker, r.partitions, r.parts, r.records, r.count, now_ms, &applied)) {
        count_batch(&r, &applied);
        for (size_t i = 0; i < r.count; i++) {
            partition_core_committed(&r.partitions[i]->core, r.parts[i].checkpoint.at);
            partition_done(r.partitions[i], r.records[i]);
        }
    }
    arena_clear(worker->arena);
    return due;
}
