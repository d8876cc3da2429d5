/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies batches from Kafka: what is in hand of all partitions that read, in one transaction, as
 * far as the first record of each that can not follow.
 */
#include "projection/worker_internal.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "kafka/message.h"
#include "projection/parking_store.h"
#include "projection/record.h"
#include "projection/table.h"

enum { FOREIGN_BATCH_MAX = 64 };

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

/* What of the hand goes into the next batch: its records in order, until one can not follow. */
struct plan {
    struct place to;
    const struct event **events;
    struct kafka_offset *offsets; /* of the events */
    size_t events_count;
    struct foreign *foreign;
    size_t foreign_count;
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

/* A record may be in the right partition of a number that this worker has not seen yet: then all
 * begins again, and it is no stranger's. */
static bool keys_moved(struct worker *worker)
{
    struct error err;

    if (clock_monotonic_ms() > worker->cursor_seen_ms && !worker_see_cursor(worker, &err))
        return true; /* not known: looked at again, when the same record is */
    return atomic_load(worker->config.log_replaced);
}

/* Everything of a foreign record that its letter keeps. It has to outlive the message's headers. */
static void add_foreign(struct worker *worker, struct plan *plan,
                        const struct kafka_message *message, const char *fault)
{
    plan->foreign[plan->foreign_count++] = (struct foreign){
        .offset = kafka_message_offset(message),
        .key = kafka_message_key(message),
        .value = kafka_message_value(message),
        .headers = foreign_headers(message, worker->arena),
        .fault = arena_cstr(worker->arena, str_of(fault)),
    };
}

static void plan_init(struct plan *plan, struct worker *worker, const struct partition *p,
                      size_t max)
{
    size_t foreign_max = max < FOREIGN_BATCH_MAX ? max : FOREIGN_BATCH_MAX;

    *plan = (struct plan){.to = p->core.at};
    plan->events = ARENA_ARRAY(worker->arena, const struct event *, max);
    plan->offsets = ARENA_ARRAY(worker->arena, struct kafka_offset, max);
    plan->foreign = ARENA_ARRAY(worker->arena, struct foreign, foreign_max);
}

/* One that looks like ours, but a batch has found that the log has another event there. */
static bool is_forged(const struct partition *p, struct record_facts *facts, char *fault)
{
    if (facts->foreign || facts->offset.n != p->forged.n)
        return false;
    facts->foreign = true;
    snprintf(fault, RECORD_FAULT_MAX, "the log has another event at position %lld",
             (long long)facts->position.n);
    return true;
}

/* Adds a record to PLAN. False: it can not follow; the first of a hand decides what happens to the
 * partition. */
static bool plan_record(struct worker *worker, struct partition *p, size_t index,
                        struct event *event, int64_t now_ms, struct plan *plan)
{
    const struct kafka_message *message = p->hand[index];
    struct record_facts facts = {0};
    char fault[RECORD_FAULT_MAX] = "";
    bool is_ours =
        read_message(worker, p, message, event, &facts, fault) && !is_forged(p, &facts, fault);

    if (is_ours && p->stop_at.n > 0 && facts.position.n == p->stop_at.n) {
        if (plan->records == 0)
            worker_stopped_at(worker, p, now_ms);
        return false;
    }
    /* Asked for the first one of a plan: a flood of them must not ask for each. */
    if (facts.foreign && (plan->foreign_count == FOREIGN_BATCH_MAX ||
                          (plan->foreign_count == 0 && keys_moved(worker))))
        return false;
    switch (partition_core_judge(&plan->to, &facts)) {
    case RECORD_APPLY:
        plan->events[plan->events_count] = event;
        plan->offsets[plan->events_count++] = facts.offset;
        break;
    case RECORD_DUPLICATE:
        break;
    case RECORD_FOREIGN:
        add_foreign(worker, plan, message, fault);
        break;
    case RECORD_HOLE:
        if (plan->records == 0)
            partition_core_hole(&p->core, facts.previous);
        return false;
    }
    plan->records++;
    return true;
}

/* True: PLAN has records. */
static bool make_plan(struct worker *worker, struct partition *p, int64_t now_ms, struct plan *plan)
{
    size_t max = p->hand_count < p->core.batch_max ? p->hand_count : p->core.batch_max;
    struct event *events = ARENA_ARRAY(worker->arena, struct event, max);
    size_t i = 0;

    plan_init(plan, worker, p, max);
    while (i < max && plan_record(worker, p, i, &events[i], now_ms, plan))
        i++;
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
                                             .count = plan->events_count,
                                             .offsets = plan->offsets,
                                             .foreign = plan->foreign,
                                             .foreign_count = plan->foreign_count,
                                             .parked = p->parked,
                                             .refused_at = p->refused_at,
                                             .refused_why = &p->refused_why};
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
    size_t events = 0, records = 0, foreign = 0;

    for (size_t i = 0; i < r->count; i++) {
        worker_visible(r->worker, r->parts[i].events, r->parts[i].count);
        events += r->parts[i].count;
        foreign += r->parts[i].foreign_count;
        records += r->records[i];
    }
    worker_count(r->worker, PROJECTION_APPLIED, applied->folded);
    worker_count(r->worker, PROJECTION_SKIPPED, applied->skipped);
    worker_count(r->worker, PROJECTION_FOREIGN, foreign);
    worker_count(r->worker, PROJECTION_DUPLICATE, records - events - foreign);
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
        worker_keep_keys(worker, r.partitions, &applied);
    }
    arena_clear(worker->arena);
    return due;
}
