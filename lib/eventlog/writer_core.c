/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/writer_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/core_internal.h"
#include "resilience/backoff.h"

static const struct backoff_policy retry_policy = {.base_ms = 20, .max_ms = 1000};

struct writer_core *core_new(const struct core_config *config)
{
    struct writer_core *core = mem_zalloc(sizeof(*core));
    struct batch_limits limits = {
        .events_max = config->batch_events_max,
        .bytes_max = config->batch_bytes_max,
        .categories_max = config->categories_max,
    };

    assert(config->batch_commands_max > 0);
    if (limits.events_max > BATCH_EVENTS_MAX)
        limits.events_max = BATCH_EVENTS_MAX;
    core->config = *config;
    core->scratch = arena_new(64 * 1024);
    core->split_max = SIZE_MAX;
    cache_init(&core->cache, config->cache_bytes_max);
    batch_init(&core->batch, config->domains, &core->cache, &core->categories, limits);
    return core;
}

void core_free(struct writer_core *core)
{
    assert(core->pending_count == 0 && core->finished_taken == core->finished_count);
    batch_release(&core->batch);
    cache_release(&core->cache);
    category_set_release(&core->categories);
    arena_free(core->scratch);
    mem_free(core->pending);
    mem_free(core->finished);
    mem_free(core);
}

/* --- writes in and out --------------------------------------------------------------------------
 */

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

static void finish(struct writer_core *core, struct write *write)
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

static void finish_failed(struct writer_core *core, struct write *write, const struct error *err)
{
    write->outcome = WRITE_FAILED;
    write->error = *err;
    finish(core, write);
}

/* The first COUNT leave the queue. */
static void shift(struct writer_core *core, size_t count)
{
    assert(count <= core->pending_count);
    core->pending_count -= count;
    memmove(core->pending, core->pending + count, core->pending_count * sizeof(*core->pending));
}

static void set_code(struct error *err, const char *code)
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
        set_code(&err, "outcome-unknown");
        return err;
    }
    error_wrap(&err, "the log could not be written in time");
    err.outcome_unknown = false;
    set_code(&err, "dependency-down");
    return err;
}

/*
 * Answers what is past its deadline among the first COUNT, whose places in the queue become NULL.
 * *ret_next is the earliest deadline left. False: no write is left.
 */
static bool expire(struct writer_core *core, size_t count, int64_t now_ms, int64_t *ret_next)
{
    struct error err = expiry(core);
    bool left = false;

    *ret_next = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        struct plan *plan = core->pending[i];

        if (plan == NULL)
            continue;
        if (plan->write->deadline_ms <= now_ms) {
            finish_failed(core, plan->write, &err);
            core->pending[i] = NULL;
            continue;
        }
        left = true;
        if (plan->write->deadline_ms < *ret_next)
            *ret_next = plan->write->deadline_ms;
    }
    return left;
}

static void close_gaps(struct writer_core *core)
{
    size_t kept = 0;

    for (size_t i = 0; i < core->pending_count; i++) {
        if (core->pending[i] != NULL)
            core->pending[kept++] = core->pending[i];
    }
    core->pending_count = kept;
}

/* --- which step is next -------------------------------------------------------------------------
 */

static enum core_step wait_until(struct writer_core *core, int64_t retry_ms, int64_t deadline_ms)
{
    core->wait_until_ms = retry_ms < deadline_ms ? retry_ms : deadline_ms;
    return CORE_WAIT;
}

int64_t core_wait_until_ms(const struct writer_core *core)
{
    assert(core->step == CORE_WAIT);
    return core->wait_until_ms;
}

static void go_idle(struct writer_core *core)
{
    batch_drop(&core->batch);
    core->state = CORE_IDLE;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

static enum core_step next_idle(struct writer_core *core, int64_t now_ms)
{
    int64_t deadline_ms;

    bool left = expire(core, core->pending_count, now_ms, &deadline_ms);

    close_gaps(core);
    if (!left)
        return CORE_NOTHING;
    if (now_ms < core->retry_at_ms)
        return wait_until(core, core->retry_at_ms, deadline_ms);
    if (core->upkeep_due)
        return CORE_UPKEEP;
    batch_form(&core->batch, core->pending,
               smallest(core->pending_count, core->config.batch_commands_max, core->split_max));
    core->state = CORE_PLANNING;
    return CORE_NOTHING;
}

/* What the batch lacks, in this order: streams, events, decisions; then it can be locked. */
static enum core_step next_planning(struct writer_core *core)
{
    while (!core->batch.decided) {
        if (core_prepare_lookups(core, false))
            return CORE_LOOK;
        if (core_prepare_loads(core))
            return CORE_LOAD;
        if (batch_decide(&core->batch))
            break;
    }
    core_prepare_lookups(core, true);
    core->lookups.lock = true;
    return CORE_LOOK;
}

/* The same under the lock, where a decision also lacks verification. */
static enum core_step next_locked(struct writer_core *core)
{
    for (;;) {
        if (core_prepare_lookups(core, true))
            return CORE_LOOK;
        if (core_prepare_loads(core))
            return core_loads_events(core) > CORE_LOCKED_LOAD_EVENTS_MAX ? CORE_ROLLBACK
                                                                         : CORE_LOAD;
        if (core->batch.decided) {
            core_prepare_commit(core);
            return CORE_COMMIT;
        }
        if (!batch_decide(&core->batch))
            continue; /* for the streams it asked for */
    }
}

static enum core_step next_doubting(struct writer_core *core, int64_t now_ms)
{
    int64_t deadline_ms;

    if (!expire(core, core->batch.count, now_ms, &deadline_ms)) {
        /* Nobody waits for the answer any more. */
        shift(core, core->batch.count);
        go_idle(core);
        return CORE_NOTHING;
    }
    if (now_ms < core->retry_at_ms)
        return wait_until(core, core->retry_at_ms, deadline_ms);
    core->probed_matching = 0;
    core->probed_foreign = false;
    return CORE_PROBE;
}

static enum core_step next(struct writer_core *core, int64_t now_ms)
{
    enum core_step step;

    if (core->state == CORE_DOUBTING) {
        step = next_doubting(core, now_ms);
        if (core->state == CORE_DOUBTING)
            return step;
    }
    if (core->state == CORE_IDLE) {
        step = next_idle(core, now_ms);
        if (core->state == CORE_IDLE)
            return step;
    }
    return core->state == CORE_LOCKED ? next_locked(core) : next_planning(core);
}

enum core_step core_next(struct writer_core *core, int64_t now_ms)
{
    arena_clear(core->scratch);
    core->step = next(core, now_ms);
    return core->step;
}

/* --- what came of a step ------------------------------------------------------------------------
 */

static void succeeded(struct writer_core *core)
{
    core->down = false;
    core->attempts = 0;
    core->retry_at_ms = 0;
}

/* After a fault of the data the limit doubles back while all goes well. */
static void suspects_passed(struct writer_core *core, size_t count)
{
    core->suspects = core->suspects > count ? core->suspects - count : 0;
    if (core->suspects == 0)
        core->split_max = SIZE_MAX;
    else if (core->split_max < SIZE_MAX / 2)
        core->split_max *= 2;
}

static void batch_finished(struct writer_core *core)
{
    size_t count = core->batch.count;

    for (size_t i = 0; i < count; i++) {
        struct plan *plan = core->pending[i];

        if (plan == NULL)
            continue;
        /* Those with a key were filled before COMMIT, for the answer that was stored. */
        if (plan->write->idempotency_key.data == NULL || plan->settled ||
            (plan->outcome != WRITE_APPENDED && plan->outcome != WRITE_REPEATED))
            core_fill_results(core, plan);
        finish(core, plan->write);
    }
    shift(core, count);
    suspects_passed(core, count);
}

static void committed(struct writer_core *core)
{
    batch_finished(core);
    core_committed_bases(core);
    core->head.n += (int64_t)core->batch.events_count;
    batch_keep(&core->batch);
    core->state = CORE_IDLE;
    succeeded(core);
}

void core_probed(struct writer_core *core, struct position position, int64_t stream_id,
                 struct version version, struct str id)
{
    int64_t index = position.n - core->doubt.base.n - 1;
    const struct core_expected *expected;

    assert(core->step == CORE_PROBE);
    assert(index >= 0 && (size_t)index < core->doubt.events_count);
    expected = &core->expected[index];
    if (expected->stream_id == stream_id && expected->version.n == version.n &&
        str_equal(expected->id, id))
        core->probed_matching++;
    else
        core->probed_foreign = true;
}

const struct core_doubt *core_doubt(const struct writer_core *core)
{
    assert(core->step == CORE_PROBE);
    return &core->doubt;
}

static void probed(struct writer_core *core)
{
    bool all = core->probed_matching == core->doubt.events_count && !core->probed_foreign;

    if (all) {
        /* The bases may have moved since: they are dropped all the same. */
        batch_finished(core);
        go_idle(core);
    } else {
        go_idle(core);
        close_gaps(core);
    }
    succeeded(core);
}

void core_done(struct writer_core *core, int64_t now_ms)
{
    switch (core->step) {
    case CORE_LOOK:
        if (core->lookups.lock)
            core->state = CORE_LOCKED;
        core_lookups_done(core, core->state == CORE_LOCKED);
        break;
    case CORE_LOAD:
        core_loads_done(core);
        break;
    case CORE_ROLLBACK:
        batch_unverify(&core->batch);
        core->state = CORE_PLANNING;
        break;
    case CORE_COMMIT:
        committed(core);
        break;
    case CORE_PROBE:
        probed(core);
        break;
    case CORE_UPKEEP:
        core->upkeep_due = false;
        break;
    case CORE_NOTHING:
    case CORE_WAIT:
        break;
    }
    (void)now_ms;
}

/* --- faults -------------------------------------------------------------------------------------
 */

static void back_off(struct writer_core *core, const struct error *err, int64_t now_ms,
                     uint64_t draw)
{
    core->retry_at_ms = now_ms + backoff_delay_ms(retry_policy, core->attempts, draw);
    core->attempts++;
    core->down = true;
    core->last_error = *err;
}

/* All of the batch's writes fail. */
static void fail_batch(struct writer_core *core, struct error err, const char *code)
{
    size_t count = core->batch.count;

    if (err.code[0] == '\0')
        set_code(&err, code);
    for (size_t i = 0; i < count; i++)
        finish_failed(core, core->pending[i]->write, &err);
    go_idle(core);
    shift(core, count);
    suspects_passed(core, count);
}

/* The data's fault: halves, until the culprit stands alone. */
static void split(struct writer_core *core, const struct error *err)
{
    size_t count = core->batch.count;

    if (count == 1) {
        struct error alone = *err;

        set_code(&alone, "not-storable");
        fail_batch(core, alone, "");
        return;
    }
    if (core->suspects < count)
        core->suspects = count;
    core->split_max = count / 2;
    go_idle(core);
}

static void doubt(struct writer_core *core, const struct error *err, int64_t now_ms)
{
    core_prepare_doubt(core);
    core->state = CORE_DOUBTING;
    core->down = true;
    core->last_error = *err;
    core->retry_at_ms = now_ms;
}

void core_failed(struct writer_core *core, const struct error *err, int64_t now_ms, uint64_t draw)
{
    enum core_step step = core->step;

    core->step = CORE_NOTHING;
    if (step == CORE_COMMIT && err->outcome_unknown && core->batch.events_count > 0) {
        doubt(core, err, now_ms);
        return;
    }
    if (core->state == CORE_DOUBTING || core->state == CORE_IDLE) {
        back_off(core, err, now_ms, draw);
        return;
    }
    switch (err->class) {
    case ERROR_POISON:
    case ERROR_REFUSED:
        split(core, err);
        return;
    case ERROR_FATAL:
    case ERROR_FENCED:
        fail_batch(core, *err, "internal-error");
        return;
    case ERROR_TRANSIENT:
    case ERROR_NONE:
        break;
    }
    core->upkeep_due = strcmp(err->code, "no-partition") == 0;
    go_idle(core);
    back_off(core, err, now_ms, draw);
}

void core_reconnected(struct writer_core *core)
{
    cache_clear(&core->cache);
    core->categories.count = 0;
    core->ids = (struct stream_ids){0};
    if (core->state == CORE_PLANNING || core->state == CORE_LOCKED)
        go_idle(core);
    core->step = CORE_NOTHING;
}
