/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/lane_check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void lane_check_init(struct lane_check *lane, struct position gone, struct position up_to,
                     lane_found_fn found, void *arg)
{
    *lane = (struct lane_check){.found = found, .arg = arg, .gone = gone, .above = up_to};
}

static void lose_first(struct lane_check *lane)
{
    lane->found(lane->arg, FINDING_LOST, lane->missing[0], "is not in the topic");
    lane->missing_count--;
    memmove(lane->missing, lane->missing + 1, lane->missing_count * sizeof(*lane->missing));
}

void lane_check_missing(struct lane_check *lane, const struct digest *expected)
{
    if (expected->position.n <= lane->gone.n)
        return;
    if (lane->missing_count == LANE_MISSING_MAX)
        lose_first(lane);
    lane->missing[lane->missing_count++] = expected->position;
}

/* Whether POSITION was missed; it is no more. */
static bool take_missing(struct lane_check *lane, struct position position)
{
    for (size_t i = 0; i < lane->missing_count; i++) {
        if (lane->missing[i].n != position.n)
            continue;
        lane->missing_count--;
        memmove(lane->missing + i, lane->missing + i + 1,
                (lane->missing_count - i) * sizeof(*lane->missing));
        return true;
    }
    return false;
}

/* A record at or below what was in its place already. */
static void judge_late(struct lane_check *lane, const struct digest *record)
{
    if (take_missing(lane, record->position))
        lane->found(lane->arg, FINDING_REORDERED, record->position, "stands behind a later one");
    else
        lane->found(lane->arg, FINDING_DOUBLED, record->position, "is in the topic once more");
}

static void compare(struct lane_check *lane, const struct digest *record,
                    const struct digest *expected)
{
    struct position before = lane->last.n > lane->gone.n ? lane->last : lane->gone;
    const char *text = NULL;

    if (record->names != expected->names)
        text = "has another id, type, tenant or stream than in the log";
    else if (record->version.n != expected->version.n)
        text = "has another version than in the log";
    else if (record->data != expected->data)
        text = "has other data than in the log";
    if (text)
        lane->found(lane->arg, FINDING_DRIFTED, record->position, text);
    /* What is missing in front of it is told as lost; it must still be chained to something. */
    else if (record->previous.n > before.n && lane->missing_count == 0)
        lane->found(lane->arg, FINDING_DRIFTED, record->position,
                    "names a predecessor that the partition has not");
}

enum lane_verdict lane_check_record(struct lane_check *lane, const struct digest *record,
                                    const struct digest *expected, bool *ret_settled)
{
    *ret_settled = false;
    if (record->position.n < expected->position.n) {
        if (record->position.n <= lane->last.n)
            judge_late(lane, record);
        else if (take_missing(lane, record->position))
            lane->found(lane->arg, FINDING_REORDERED, record->position,
                        "stands behind a later one");
        else
            lane->found(lane->arg, FINDING_FOREIGN, record->position,
                        "is not what the log has for this partition");
        return LANE_TAKE;
    }
    *ret_settled = true;
    if (record->position.n > expected->position.n) {
        lane_check_missing(lane, expected);
        return LANE_KEEP;
    }
    compare(lane, record, expected);
    lane->last = record->position;
    return LANE_TAKE;
}

void lane_check_rest(struct lane_check *lane, const struct digest *record)
{
    if (record->position.n > lane->above.n)
        return;
    if (record->position.n <= lane->last.n || lane->missing_count > 0)
        judge_late(lane, record);
    else
        lane->found(lane->arg, FINDING_FOREIGN, record->position,
                    "is not what the log has for this partition");
}

void lane_check_end(struct lane_check *lane)
{
    while (lane->missing_count > 0)
        lose_first(lane);
}
