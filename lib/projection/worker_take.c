/* SPDX-License-Identifier: Apache-2.0 */
/* Makes partitions ours, and finds where Kafka goes on. */
#include "projection/worker_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "projection/look.h"
#include "projection/parking_store.h"
#include "projection/table.h"

static struct checkpoint_set set_of(const struct worker *worker)
{
    return (struct checkpoint_set){worker->config.table->projection->name,
                                   worker->config.table->generation};
}

/* True: the checkpoint is ours and read, with its parked keys, and the cursor is newer than it. */
static bool take(struct worker *worker, struct partition *p, struct checkpoint *ret,
                 struct error *err)
{
    *ret = (struct checkpoint){.topic = p->topic, .partition = p->number};
    p->unannounced = true;
    return checkpoint_acquire(worker->conn, set_of(worker), worker->config.owner, ret, err) &&
           parked_load(worker->conn, set_of(worker), p->topic, p->number, clock_monotonic_ms(),
                       p->parked, err) &&
           worker_see_cursor(worker, err);
}

static void acquire(struct worker *worker, struct partition *p, int64_t now_ms)
{
    struct checkpoint checkpoint;
    struct error err;

    p->stop_at = POSITION(0);
    if (take(worker, p, &checkpoint, &err))
        partition_core_acquired(&p->core, checkpoint.epoch, checkpoint.at, worker_entry(worker, p),
                                now_ms);
    else
        worker_failed(worker, p, &err, 0, now_ms);
}

static void note(struct worker *worker, struct partition *p, int64_t now_ms)
{
    struct kafka_offset end;
    struct error err;

    if (look_end(worker->config.look, p->topic, p->number, &end, &err) &&
        worker_see_cursor(worker, &err))
        partition_core_noted(&p->core, end, worker_entry(worker, p), now_ms);
    else
        worker_failed(worker, p, &err, 0, now_ms);
}

static void seek(struct worker *worker, struct partition *p, int64_t now_ms)
{
    struct start *start = mem_alloc(sizeof(*start));

    *start = (struct start){.partition = p, .offset = p->core.next};
    partition_hold(p);
    /* A partition asks once, and again only after it was told of a failure, or at the next turn if
     * thousands of others have asked before it. */
    if (queue_push(worker->config.starts, start) != QUEUE_PUSHED) {
        partition_drop(p);
        mem_free(start);
        return;
    }
    partition_core_sought(&p->core, now_ms);
}

bool worker_take_due(struct worker *worker, int64_t now_ms)
{
    bool done = false;

    for (size_t i = 0; i < worker->partitions_count; i++) {
        struct partition *p = worker->partitions[i];
        enum partition_phase phase = partition_core_phase_due(&p->core, now_ms);

        if (atomic_load(&p->revoked) || !pg_is_open(worker->conn))
            continue;
        if (phase == PARTITION_ACQUIRE)
            acquire(worker, p, now_ms);
        else if (phase == PARTITION_NOTE)
            note(worker, p, now_ms);
        else if (phase == PARTITION_SEEK)
            seek(worker, p, now_ms);
        else
            continue;
        done = true;
    }
    return done;
}
