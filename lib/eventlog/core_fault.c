/* SPDX-License-Identifier: Apache-2.0 */
/* The core's answers to what fails: again later, in halves, not at all, or a look at what is there.
 */
#include "eventlog/core_internal.h"
#include "resilience/backoff.h"

#include <assert.h>
#include <string.h>

static const struct backoff_policy retry_policy = {.base_ms = 20, .max_ms = 1000};

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
        core_set_code(&err, code);
    for (size_t i = 0; i < count; i++)
        if (core->pending[i] != NULL)
            core_finish_failed(core, core->pending[i]->write, &err);
    core_go_idle(core);
    core_shift(core, count);
    core_suspects_passed(core, count);
}

/* The data's fault: halves, until the culprit stands alone. */
static void split(struct writer_core *core, const struct error *err)
{
    size_t count = core->batch.count;

    if (count == 1) {
        struct error alone = *err;

        core_set_code(&alone, "not-storable");
        fail_batch(core, alone, "");
        return;
    }
    if (core->suspects < count)
        core->suspects = count;
    core->split_max = count / 2;
    core_go_idle(core);
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
    core_go_idle(core);
    back_off(core, err, now_ms, draw);
}

void core_reconnected(struct writer_core *core)
{
    cache_clear(&core->cache);
    core_forget_head(core);
    core_drop_snapshots(core);
    core->categories.count = 0;
    core->ids = (struct stream_ids){0};
    if (core->state == CORE_PLANNING || core->state == CORE_LOCKED)
        core_go_idle(core);
    core->step = CORE_NOTHING;
}
