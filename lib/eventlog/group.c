/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding the commands of one request one after the other, each its own verdict or all as one. */
#include "eventlog/batch_internal.h"

#include <assert.h>

void ask_group(struct batch *batch, struct plan *plan)
{
    for (size_t i = 0; i < plan->parts_count; i++)
        ask_command(batch, &plan->parts[i]);
}

static enum verdict decide_part(struct batch *batch, struct plan *part, bool first)
{
    if (part->settled)
        return VERDICT_DONE;
    if (part->write->key_busy) {
        part->outcome = WRITE_KEY_BUSY;
        return VERDICT_DONE;
    }
    return decide_command(batch, part, first);
}

static bool has_succeeded(const struct plan *part)
{
    return part->outcome == WRITE_APPENDED || part->outcome == WRITE_REPLAYED;
}

/*
 * A part that lacks a stream is passed over like a write of the batch: the others tell what they
 * lack, too, and nothing of this pass counts.
 */
static enum verdict decide_parts(struct batch *batch, struct plan *plan, bool first)
{
    bool lacking = false;

    for (size_t i = 0; i < plan->parts_count; i++) {
        struct plan *part = &plan->parts[i];
        enum verdict verdict = decide_part(batch, part, first);

        if (verdict == VERDICT_LACKS)
            lacking = true;
        else if (verdict != VERDICT_DONE)
            return lacking ? VERDICT_LACKS : verdict;
        else if (!lacking && plan->write->atomic && !has_succeeded(part)) {
            plan->culprit = part;
            plan->outcome = part->outcome;
            return VERDICT_DONE;
        }
    }
    return lacking ? VERDICT_LACKS : VERDICT_DONE;
}

enum verdict decide_group(struct batch *batch, struct plan *plan, bool first)
{
    struct group_use use = {0};
    enum verdict verdict;

    assert(batch->group == NULL && batch->mark.set);
    plan->outcome = WRITE_APPENDED;
    plan->culprit = NULL;
    batch->group = &use;
    verdict = decide_parts(batch, plan, first);
    batch->group = NULL;
    return verdict;
}
