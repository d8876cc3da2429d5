/* SPDX-License-Identifier: Apache-2.0 */
/* The core's queue: writes come in, are given back, or expire. */
#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/core_internal.h"

#include <assert.h>
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

void core_add(struct writer_core *core, struct write *write)
{
    struct plan *plan = ARENA_NEW(write->arena, struct plan);

    plan->write = write;
    plan->has_ids = has_ids(write);
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

static struct error expiry(const struct writer_core *core)
{
    struct error err;

    if (!core->down) {
        error_set(&err, ERROR_TRANSIENT, "overloaded", "the write waited too long for its turn");
        return err;
    }
    err = core->last_error;
    if (core->state == CORE_DOUBTING) {
        error_wrap(&err, "the connection was lost in COMMIT and could not be made again in time");
        err.outcome_unknown = true;
        core_set_code(&err, "outcome-unknown");
        return err;
    }
    error_wrap(&err, "the log could not be written in time");
    err.outcome_unknown = false;
    core_set_code(&err, "dependency-down");
    return err;
}

bool core_expire(struct writer_core *core, size_t count, int64_t now_ms, int64_t *ret_next)
{
    struct error err = expiry(core);
    bool left = false;

    *ret_next = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct plan *plan = core->pending[i];

        if (plan == NULL)
            continue;
        if (plan->write->deadline_ms <= now_ms) {
            core_finish_failed(core, plan->write, &err);
            core->pending[i] = NULL;
            continue;
        }
        left = true;
        if (plan->write->deadline_ms < *ret_next)
            *ret_next = plan->write->deadline_ms;
    }
    return left;
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
