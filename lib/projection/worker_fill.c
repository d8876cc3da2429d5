/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies what Kafka does not have, or not yet: slices of the log. All partitions of a topic that
 * have to be filled share a slice, because each of them would have to read all of it.
 */
#include "projection/worker_internal.h"

#include <string.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "eventlog/read.h"
#include "projection/table.h"
#include "publisher/plan.h"

struct fill {
    struct worker *worker;
    struct partition **partitions;
    size_t count;
    struct position after; /* the lowest position of them */
    struct position up_to; /* the highest goal */
    size_t limit;
    struct event_page page;
};

/* Where a partition's fill must stop for now: at its goal, or before what ended the last slice. */
static struct position stop_of(const struct partition *p)
{
    struct position before = POSITION(p->stop_at.n - 1);

    return p->stop_at.n > 0 && before.n < p->core.goal.n ? before : p->core.goal;
}

static bool is_due(struct worker *worker, struct partition *p, int64_t now_ms)
{
    if (atomic_load(&p->revoked) || partition_core_phase_due(&p->core, now_ms) != PARTITION_FILL)
        return false;
    if (p->stop_at.n > 0 && stop_of(p).n <= p->core.at.position.n) {
        worker_stopped_at(worker, p, now_ms);
        return false;
    }
    return true;
}

static void fill_add(struct fill *fill, struct partition *p)
{
    struct position stop = stop_of(p);

    if (fill->count == 0 || p->core.at.position.n < fill->after.n)
        fill->after = p->core.at.position;
    if (stop.n > fill->up_to.n)
        fill->up_to = stop;
    fill->partitions[fill->count++] = p;
}

/* The partitions of one topic that are due; a refused one alone, with as few events as it takes. */
static void choose(struct fill *fill, int64_t now_ms)
{
    struct worker *worker = fill->worker;

    fill->limit = LOG_SLICE_EVENTS_MAX;
    for (size_t i = 0; i < worker->partitions_count; i++) {
        struct partition *p = worker->partitions[i];

        if (!is_due(worker, p, now_ms))
            continue;
        if (p->core.alone) {
            fill->count = 0;
            fill->up_to = POSITION(0);
            fill->limit = p->core.batch_max;
            fill_add(fill, p);
            return;
        }
        if (fill->count == 0 || strcmp(fill->partitions[0]->topic, p->topic) == 0)
            fill_add(fill, p);
    }
}

static bool read_slice(struct fill *fill, struct error *err)
{
    struct worker *worker = fill->worker;
    struct log_filter filter = {.category = worker_category(worker, fill->partitions[0])};

    if (worker_partitions_count(worker, fill->partitions[0]) == 0)
        return error_set(err, ERROR_TRANSIENT, "log-behind",
                         "the database's copy of the cursor lacks the topic '%s'",
                         fill->partitions[0]->topic);
    return log_read(worker->conn, fill->after, fill->up_to, &filter, fill->limit, worker->arena,
                    &fill->page, err);
}

/* The slice's events that partition P lacks, and where they take it. */
static struct apply_part part_of(const struct fill *fill, struct partition *p,
                                 const int32_t *numbers)
{
    struct position stop = stop_of(p);
    const struct event **events =
        ARENA_ARRAY(fill->worker->arena, const struct event *, fill->page.count + 1);
    struct position to = fill->page.read_to.n < stop.n ? fill->page.read_to : stop;
    size_t count = 0;

    for (size_t i = 0; i < fill->page.count; i++) {
        const struct event *event = &fill->page.events[i];

        if (numbers[i] == p->number && event->position.n > p->core.at.position.n &&
            event->position.n <= stop.n)
            events[count++] = event;
    }
    if (to.n < p->core.at.position.n)
        to = p->core.at.position;
    return (struct apply_part){.checkpoint = {.topic = p->topic,
                                              .partition = p->number,
                                              .epoch = p->core.epoch,
                                              .at = {to, p->core.at.offset}},
                               .events = events,
                               .count = count,
                               .parked = p->parked,
                               .refused_at = p->refused_at,
                               .refused_why = &p->refused_why};
}

static void apply_slice(struct fill *fill, int64_t now_ms)
{
    struct worker *worker = fill->worker;
    int32_t partitions_count = worker_partitions_count(worker, fill->partitions[0]);
    int32_t *numbers = ARENA_ARRAY(worker->arena, int32_t, fill->page.count + 1);
    struct apply_part *parts = ARENA_ARRAY(worker->arena, struct apply_part, fill->count);
    size_t *records = ARENA_ARRAY(worker->arena, size_t, fill->count);
    struct applied applied;

    for (size_t i = 0; i < fill->page.count; i++)
        numbers[i] = plan_partition(&fill->page.events[i], partitions_count);
    for (size_t i = 0; i < fill->count; i++) {
        parts[i] = part_of(fill, fill->partitions[i], numbers);
        records[i] = parts[i].count;
    }
    if (!worker_apply(worker, fill->partitions, parts, records, fill->count, now_ms, &applied))
        return;
    worker_count(worker, PROJECTION_FILLED, applied.folded);
    worker_count(worker, PROJECTION_SKIPPED, applied.skipped);
    for (size_t i = 0; i < fill->count; i++) {
        struct partition *p = fill->partitions[i];

        partition_core_filled(&p->core, parts[i].checkpoint.at.position, fill->page.head, now_ms,
                              random_u64());
    }
    worker_keep_keys(worker, fill->partitions, &applied);
}

bool worker_fill_due(struct worker *worker, int64_t now_ms)
{
    struct fill fill = {.worker = worker, .partitions = worker->filling};
    struct error err;

    choose(&fill, now_ms);
    if (fill.count == 0 || !pg_is_open(worker->conn))
        return false;
    if (!read_slice(&fill, &err)) {
        for (size_t i = 0; i < fill.count; i++)
            worker_failed(worker, fill.partitions[i], &err, 0, now_ms);
    } else {
        apply_slice(&fill, now_ms);
    }
    arena_clear(worker->arena);
    return true;
}
