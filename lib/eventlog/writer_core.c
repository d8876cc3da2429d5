/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/writer_core.h"

#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/core_internal.h"

#include <assert.h>

static void check_domains(const struct domain *const *domains)
{
    for (size_t d = 0; domains != NULL && domains[d] != NULL; d++) {
        for (size_t a = 0; domains[d]->aggregates[a] != NULL; a++)
            assert(upcasters_are_whole(domains[d]->aggregates[a]->upcasters));
    }
}

struct writer_core *core_new(const struct core_config *config)
{
    struct writer_core *core = mem_zalloc(sizeof(*core));
    struct batch_limits limits = {
        .events_max = config->batch_events_max,
        .bytes_max = config->batch_bytes_max,
        .categories_max = config->categories_max,
    };

    assert(config->batch_commands_max > 0);
    check_domains(config->domains);
    if (limits.events_max > BATCH_EVENTS_MAX)
        limits.events_max = BATCH_EVENTS_MAX;
    core->config = *config;
    core->scratch = arena_new(64 * 1024);
    core->split_max = SIZE_MAX;
    cache_init(&core->cache, config->cache_bytes_max);
    core_forget_head(core);
    batch_init(&core->batch, config->domains, &core->cache, &core->categories, limits);
    return core;
}

void core_free(struct writer_core *core)
{
    assert(core->pending_count == 0 && core->finished_taken == core->finished_count);
    batch_release(&core->batch);
    core_drop_snapshots(core);
    mem_free(core->snapshots);
    cache_release(&core->cache);
    category_set_release(&core->categories);
    arena_free(core->scratch);
    mem_free(core->pending);
    mem_free(core->finished);
    mem_free(core);
}

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

void core_go_idle(struct writer_core *core)
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

    bool left = core_expire(core, core->pending_count, now_ms, &deadline_ms);

    core_close_gaps(core);
    if (!left)
        return CORE_NOTHING;
    if (now_ms < core->retry_at_ms)
        return wait_until(core, core->retry_at_ms, deadline_ms);
    if (core->upkeep_due)
        return CORE_UPKEEP;
    batch_form(&core->batch, core->pending,
               smallest(core->pending_count, core->config.batch_commands_max, core->split_max));
    core->batch_began_ms = now_ms;
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
    if (core_can_commit_at_once(core)) {
        core->head = core->left_at;
        core_prepare_commit(core, true);
        return CORE_COMMIT;
    }
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
            core_prepare_commit(core, false);
            return CORE_COMMIT;
        }
        if (!batch_decide(&core->batch))
            continue; /* for the streams it asked for */
    }
}

static enum core_step next_doubting(struct writer_core *core, int64_t now_ms)
{
    int64_t deadline_ms;

    if (!core_expire(core, core->batch.count, now_ms, &deadline_ms)) {
        /* Nobody waits for the answer any more. */
        core_shift(core, core->batch.count);
        core_go_idle(core);
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
    core->step_began_ms = now_ms;
    return core->step;
}

static void succeeded(struct writer_core *core)
{
    core->down = false;
    core->attempts = 0;
    core->retry_at_ms = 0;
}

void core_suspects_passed(struct writer_core *core, size_t count)
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
        core_finish(core, plan->write);
    }
    core_shift(core, count);
    core_suspects_passed(core, count);
}

static void committed(struct writer_core *core)
{
    if (core->overtaken) {
        batch_unverify(&core->batch);
        core->batch.decided = false; /* a write may have been given up meanwhile */
        core->alone = false;         /* until a lock finds the head as we left it */
        return;
    }
    batch_finished(core);
    core_committed_bases(core);
    core_note_snapshots(core);
    core->head.n += (int64_t)core->batch.events_count;
    core->left_at = core->head;
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
        core_go_idle(core);
    } else {
        core_go_idle(core);
        core_close_gaps(core);
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
