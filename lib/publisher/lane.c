/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/lane.h"

enum lane_record lane_record_judge(struct str source, struct str sequence, const char *our_source,
                                   struct position *ret_position)
{
    uint64_t position;

    if (source.data == NULL || !str_starts_with(source, STR("/daybook/")))
        return LANE_RECORD_FOREIGN;
    if (!str_equal(source, str_of(our_source)))
        return LANE_RECORD_OTHER_LOG;
    if (sequence.data == NULL || !str_to_u64(sequence, INT64_MAX, &position) || position == 0)
        return LANE_RECORD_FOREIGN;
    *ret_position = POSITION((int64_t)position);
    return LANE_RECORD_OURS;
}

bool lane_is_behind(const struct cursor_lane *lane)
{
    return lane->tail.n < lane->last.n;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* No committed record of ours is there: where the partition goes on, or -1 if its events are lost.
 */
static int64_t tail_of_nothing(const struct cursor_lane *lane, const struct lane_seen *seen)
{
    if (lane->last.n <= lane->floor.n) /* nothing was ever there, or its loss was accepted */
        return lane->last.n;
    if (seen->aborted) /* torn, and the rest is not there any more */
        return larger(seen->before_aborted.n, lane->floor.n);
    if (seen->low > 0) /* emptied by retention */
        return lane->last.n;
    return -1;
}

static int64_t tail_of(const struct cursor_lane *lane, const struct lane_seen *seen)
{
    if (seen->last.n == 0)
        return tail_of_nothing(lane, seen);
    if (seen->last.n >= lane->last.n) /* torn, the cursor did not become visible; or all is well */
        return seen->last.n;
    /* Below the floor nothing is completed: readers fill from the log, and a previous position at
     * the floor tells them to. */
    return larger(seen->last.n, lane->floor.n);
}

enum lane_verdict lane_judge(struct cursor_lane *lane, const struct lane_seen *seen)
{
    int64_t tail;

    if (seen->stable < seen->high)
        return LANE_HANGING;
    if (seen->other_log)
        return LANE_OTHER_LOG;
    /* The topic was made anew, or a broker lost its end. */
    if (lane->offset.n >= seen->high)
        return LANE_LOST;
    tail = tail_of(lane, seen);
    if (tail < 0)
        return LANE_LOST;
    lane->tail = POSITION(tail);
    if (seen->last.n > 0)
        lane->offset = seen->offset;
    return LANE_FITS;
}
