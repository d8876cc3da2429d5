/* SPDX-License-Identifier: Apache-2.0 */
/* The core's queue: writes come in, are given back, or expire. */
#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/core_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool has_ids(const struct write *write)
{
    if (write->kind != WRITE_APPEND)
        return false;
    for (size_t i = 0; i < write->appends_count; i++) {
        for (size_t j = 0; j < write->appends[i].events_count; j++) {
            if (write->appends[i].events[j].id.data != NULL)
                return true;
        }
    }
    return false;
}

static void plan_parts(struct plan *plan)
{
    struct write *write = plan->write;

    assert(write->kind == WRITE_GROUP || write->parts_count == 0);
    plan->parts = ARENA_ARRAY(write->arena, struct plan, write->parts_count);
    plan->parts_count = write->parts_count;
    for (size_t i = 0; i < plan->parts_count; i++) {
        struct write *part = &write->parts[i];

        assert(part->kind == WRITE_COMMAND && part->arena == write->arena);
        assert(part->dry_run == write->dry_run);
        plan->parts[i] = (struct plan){.write = part, .group = plan};
    }
}

void core_add(struct writer_core *core, struct write *write)
{
    struct plan *plan = ARENA_NEW(write->arena, struct plan);

    plan->write = write;
    plan->has_ids = has_ids(write);
    plan_parts(plan);
    write->plan = plan;
    core->pending = mem_grow(core->pending, &core->pending_capacity, core->pending_count + 1,
                             sizeof(struct plan *));
    core->pending[core->pending_count++] = plan;
    core->batch.plans = core->pending; /* the array may have moved */
}

size_t core_waiting(const struct writer_core *core)
{
    return core->pending_count;
}

void core_finish(struct writer_core *core, struct write *write)
{
    write->plan = NULL;
    core->finished = mem_grow(core->finished, &core->finished_capacity, core->finished_count + 1,
                              sizeof(struct write *));
    core->finished[core->finished_count++] = write;
}

struct write *core_take_finished(struct writer_core *core)
{
    if (core->finished_taken == core->finished_count) {
        core->finished_taken = core->finished_count = 0;
        return NULL;
    }
    return core->finished[core->finished_taken++];
}

void core_finish_failed(struct writer_core *core, struct write *write, const struct error *err)
{
    write->outcome = WRITE_FAILED;
    write->error = *err;
    write->culprit = NULL;
    core_finish(core, write);
}

void core_shift(struct writer_core *core, size_t count)
{
    assert(count <= core->pending_count);
    core->pending_count -= count;
    memmove(core->pending, core->pending + count, core->pending_count * sizeof(*core->pending));
}

void core_set_code(struct error *err, const char *code)
{
    snprintf(err->code, sizeof(err->code), "%s", code);
}

/* It is in the batch whose COMMIT is under way, or was lost. */
static bool may_be_written(const struct writer_core *core, size_t i)
{
    const struct plan *plan = core->pending[i];

    return i < core->batch.count && plan->outcome == WRITE_APPENDED && !plan->write->dry_run &&
           (core->state == CORE_DOUBTING || core->step == CORE_COMMIT);
}

static struct error expiry(const struct writer_core *core, size_t i, int64_t now_ms)
{
    int64_t silent_ms = now_ms - core->step_began_ms;
    struct error err;

    if (core->down)
        err = core->last_error;
    else if (silent_ms >= CORE_LATE_MS || may_be_written(core, i))
        error_set(&err, ERROR_TRANSIENT, "", "no answer from postgresql for %" PRId64 " ms",
                  silent_ms);
    else {
        error_set(&err, ERROR_TRANSIENT, "overloaded", "the write waited too long for its turn");
        return err;
    }
    err.outcome_unknown = may_be_written(core, i);
    error_wrap(&err, err.outcome_unknown ? "what came of the COMMIT could not be found out in time"
                                         : "the log could not be written in time");
    core_set_code(&err, err.outcome_unknown ? "outcome-unknown" : "dependency-down");
    return err;
}

static void expire(struct writer_core *core, size_t i, int64_t now_ms)
{
    struct error err = expiry(core, i, now_ms);

    core_finish_failed(core, core->pending[i]->write, &err);
    core->pending[i] = NULL;
}

bool core_expire(struct writer_core *core, size_t count, int64_t now_ms, int64_t *ret_next)
{
    bool left = false;

    *ret_next = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct plan *plan = core->pending[i];

        if (plan == NULL)
            continue;
        if (plan->write->deadline_ms <= now_ms) {
            expire(core, i, now_ms);
            continue;
        }
        left = true;
        if (plan->write->deadline_ms < *ret_next)
            *ret_next = plan->write->deadline_ms;
    }
    return left;
}

/* What the step that is under way knows of it is forgotten, for it dies with the write. */
static void take_out(struct writer_core *core, const struct plan *plan)
{
    if (core->step == CORE_COMMIT) {
        core_prepare_doubt(core); /* its events' ids would be lacking in a probe */
        return;
    }
    core->batch.decided = false;
    if (core->step != CORE_LOOK)
        return;
    for (size_t i = 0; i < core->lookups.keys_count; i++)
        if (core->key_plans[i] == plan ||
            (core->key_plans[i] != NULL && core->key_plans[i]->group == plan))
            core->key_plans[i] = NULL;
    for (size_t i = 0; i < core->id_plans_count; i++)
        if (core->id_plans[i] == plan)
            core->id_plans[i] = NULL;
}

void core_expire_in_step(struct writer_core *core, int64_t now_ms)
{
    bool is_late = now_ms - core->batch_began_ms >= CORE_LATE_MS;
    size_t kept = core->batch.count;

    for (size_t i = is_late ? 0 : core->batch.count; i < core->pending_count; i++) {
        const struct plan *plan = core->pending[i];

        if (plan != NULL && plan->write->deadline_ms <= now_ms) {
            if (i < core->batch.count && core->state != CORE_DOUBTING)
                take_out(core, plan);
            expire(core, i, now_ms);
        }
        if (i >= core->batch.count && core->pending[i] != NULL)
            core->pending[kept++] = core->pending[i];
    }
    core->pending_count = kept;
}

size_t core_unanswered(const struct writer_core *core)
{
    size_t count = core->pending_count;

    for (size_t i = 0; i < core->batch.count; i++)
        count -= core->pending[i] == NULL;
    return count;
}

void core_close_gaps(struct writer_core *core)
{
    size_t kept = 0;

    for (size_t i = 0; i < core->pending_count; i++) {
        if (core->pending[i] != NULL)
            core->pending[kept++] = core->pending[i];
    }
    core->pending_count = kept;
}
