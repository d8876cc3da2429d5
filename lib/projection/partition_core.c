/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/partition_core.h"

#include <assert.h>
#include <stdio.h>

#include "resilience/backoff.h"

static const struct backoff_policy retry_policy = {.base_ms = 100, .max_ms = 10000};

void partition_core_init(struct partition_core *core, size_t batch_max, int64_t now_ms)
{
    assert(batch_max >= 1);

    *core = (struct partition_core){
        .phase = PARTITION_ACQUIRE,
        .at = {.offset = OFFSET_UNKNOWN},
        .next = OFFSET_UNKNOWN,
        .batch_max = batch_max,
        .batch_max_normal = batch_max,
        .progress_ms = now_ms,
    };
}

enum partition_phase partition_core_phase_due(struct partition_core *core, int64_t now_ms)
{
    if (core->phase == PARTITION_WAIT && now_ms >= core->retry_at_ms)
        core->phase = PARTITION_ACQUIRE;
    return core->phase;
}

int64_t partition_core_due_at_ms(const struct partition_core *core)
{
    switch (core->phase) {
    case PARTITION_WAIT:
        return core->retry_at_ms;
    case PARTITION_READ:
    case PARTITION_BLOCKED:
        return INT64_MAX;
    case PARTITION_ACQUIRE:
    case PARTITION_FILL:
    case PARTITION_NOTE:
    case PARTITION_SEEK:
        return 0;
    }
    assert(!"a phase");
    return 0;
}

/* A fault is over when the phase it was met in, or a later one, went well. */
static void succeeded(struct partition_core *core, enum partition_phase phase)
{
    if (phase >= core->failed_in)
        core->attempts = 0;
}

static void fill_to(struct partition_core *core, struct position goal)
{
    core->goal = goal;
    if (goal.n > core->at.position.n)
        core->phase = PARTITION_FILL;
    else if (core->started)
        core->phase = PARTITION_READ;
    else
        core->phase = core->next.n == OFFSET_UNKNOWN.n ? PARTITION_NOTE : PARTITION_SEEK;
}

void partition_core_acquired(struct partition_core *core, int64_t epoch, struct place checkpoint,
                             struct position entry, int64_t now_ms)
{
    bool place_known;

    assert(core->phase == PARTITION_ACQUIRE);
    assert(epoch > core->epoch);

    core->epoch = epoch;
    core->at = checkpoint;
    core->progress_ms = now_ms;
    if (core->offset_lost)
        core->at.offset = OFFSET_UNKNOWN;
    core->next = core->at.offset;
    succeeded(core, PARTITION_ACQUIRE);
    /* From a known place on Kafka has all that follows, or a hole will show it. */
    place_known = core->started || core->next.n != OFFSET_UNKNOWN.n;
    fill_to(core, place_known ? checkpoint.position : entry);
}

static void more_again(struct partition_core *core)
{
    core->batch_max *= 2;
    if (core->batch_max >= core->batch_max_normal) {
        core->batch_max = core->batch_max_normal;
        core->alone = false;
    }
}

void partition_core_filled(struct partition_core *core, struct position to, struct position head,
                           int64_t now_ms, uint64_t draw)
{
    assert(core->phase == PARTITION_FILL);
    assert(to.n >= core->at.position.n);

    if (to.n > core->at.position.n)
        succeeded(core, PARTITION_FILL);
    core->at.position = to;
    core->progress_ms = now_ms;
    more_again(core);
    if (to.n < core->goal.n && to.n >= head.n) {
        struct error err;

        error_set(&err, ERROR_TRANSIENT, "log-behind",
                  "the log ends at position %lld, but Kafka has %lld", (long long)head.n,
                  (long long)core->goal.n);
        partition_core_failed(core, &err, 0, now_ms, draw);
        return;
    }
    fill_to(core, core->goal);
}

void partition_core_noted(struct partition_core *core, struct kafka_offset end,
                          struct position entry, int64_t now_ms)
{
    assert(core->phase == PARTITION_NOTE);
    assert(end.n >= 0);

    core->next = end;
    core->progress_ms = now_ms;
    succeeded(core, PARTITION_NOTE);
    fill_to(core, entry);
}

void partition_core_sought(struct partition_core *core, int64_t now_ms)
{
    assert(core->phase == PARTITION_SEEK);

    core->started = true;
    core->offset_lost = false;
    core->progress_ms = now_ms;
    succeeded(core, PARTITION_SEEK);
    core->phase = PARTITION_READ;
}

void partition_core_received(struct partition_core *core, int64_t now_ms)
{
    core->progress_ms = now_ms;
}

void partition_core_committed(struct partition_core *core, struct place to)
{
    assert(core->phase == PARTITION_READ);
    assert(to.position.n >= core->at.position.n);

    core->at = to;
    succeeded(core, PARTITION_READ);
    more_again(core);
}

void partition_core_entry_seen(struct partition_core *core, struct position entry, int64_t now_ms)
{
    bool reached = core->at.position.n >= core->awaited.n;

    if (now_ms - core->awaited_since_ms > PARTITION_CATCHING_UP_MS && core->awaited.n > 0)
        core->behind = true;
    else if (reached)
        core->behind = false;
    if (reached && entry.n > core->at.position.n) {
        core->awaited = entry;
        core->awaited_since_ms = now_ms;
    } else if (reached) {
        core->awaited = POSITION(0);
        core->behind = false;
    }

    if (core->phase == PARTITION_READ && entry.n > core->at.position.n &&
        now_ms - core->progress_ms > PARTITION_STALL_MS)
        fill_to(core, entry);
}

static void stop_at(struct partition_core *core, enum partition_phase phase, const char *code,
                    const char *reason)
{
    core->phase = phase;
    snprintf(core->code, sizeof(core->code), "%s", code);
    snprintf(core->reason, sizeof(core->reason), "%s", reason);
}

void partition_core_reconnected(struct partition_core *core)
{
    if (core->phase != PARTITION_WAIT && core->phase != PARTITION_BLOCKED)
        core->phase = PARTITION_ACQUIRE;
}

void partition_core_offset_lost(struct partition_core *core)
{
    core->offset_lost = true;
    core->started = false;
    partition_core_reconnected(core);
}

void partition_core_start_failed(struct partition_core *core, const struct error *err,
                                 int64_t now_ms, uint64_t draw)
{
    core->started = false;
    if (core->phase == PARTITION_BLOCKED)
        return;
    core->phase = PARTITION_SEEK;
    partition_core_failed(core, err, 0, now_ms, draw);
}

void partition_core_block(struct partition_core *core, const char *code, const char *reason)
{
    stop_at(core, PARTITION_BLOCKED, code, reason);
}

/* The database refuses what is in the batch: half of it, until the culprit stands alone. */
static void refused(struct partition_core *core, size_t records)
{
    core->culprit = records <= 1 && core->alone;
    core->alone = true;
    core->batch_max = records > 1 ? records / 2 : 1;
    core->phase = PARTITION_ACQUIRE;
}

void partition_core_failed(struct partition_core *core, const struct error *err, size_t records,
                           int64_t now_ms, uint64_t draw)
{
    assert(core->phase != PARTITION_BLOCKED);

    switch (err->class) {
    case ERROR_POISON:
        refused(core, records);
        return;
    case ERROR_FATAL:
        partition_core_block(core, err->code, err->text);
        return;
    case ERROR_NONE:
    case ERROR_TRANSIENT:
    case ERROR_REFUSED:
    case ERROR_FENCED:
        break;
    }
    /* Without a batch in hand nothing of PARTITION_READ will be tried again. */
    core->failed_in =
        core->phase == PARTITION_READ && records == 0 ? PARTITION_ACQUIRE : core->phase;
    core->retry_at_ms = now_ms + backoff_delay_ms(retry_policy, core->attempts, draw);
    if (core->attempts < UINT32_MAX)
        core->attempts++;
    stop_at(core, PARTITION_WAIT, err->code, err->text);
}

enum record_verdict partition_core_judge(struct place *place, const struct record_facts *facts)
{
    /* A foreign record's position means nothing; it must not pass as a duplicate. */
    if (facts->foreign) {
        place->offset = (struct kafka_offset){facts->offset.n + 1};
        return RECORD_FOREIGN;
    }
    if (facts->position.n > place->position.n) {
        if (facts->previous.n > place->position.n)
            return RECORD_HOLE;
        *place = (struct place){facts->position, {facts->offset.n + 1}};
        return RECORD_APPLY;
    }
    place->offset = (struct kafka_offset){facts->offset.n + 1};
    return RECORD_DUPLICATE;
}

void partition_core_hole(struct partition_core *core, struct position previous)
{
    assert(core->phase == PARTITION_READ);
    assert(previous.n > core->at.position.n);

    fill_to(core, previous);
}

const char *partition_core_word(const struct partition_core *core)
{
    if (core->phase == PARTITION_BLOCKED)
        return "blocked";
    if (core->attempts > 0)
        return "paused";
    if (core->phase == PARTITION_READ)
        return core->behind ? "catching_up" : "running";
    return core->started ? "catching_up" : "starting";
}
