/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a partition holds, against what the cursor says of it: where publishing goes on in it.
 *
 * A transaction can be torn both ways, so neither the cursor nor the partition is the truth alone.
 *
 * Threads: any; no I/O.
 */
#ifndef DAYBOOK_PUBLISHER_LANE_H
#define DAYBOOK_PUBLISHER_LANE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "base/units.h"
#include "publisher/cursor.h"

/* A record's claim to be ours, from its headers. */
enum lane_record {
    LANE_RECORD_OURS,      /* of this log; the log must still know its position and id */
    LANE_RECORD_FOREIGN,   /* somebody else's, or malformed: passed over */
    LANE_RECORD_OTHER_LOG, /* another Daybook log's: positions would mix */
};

/* SOURCE and SEQUENCE are the headers ce_source and ce_globalposition; data NULL: absent. */
enum lane_record lane_record_judge(struct str source, struct str sequence, const char *our_source,
                                   struct position *ret_position);

struct lane_seen {
    int64_t low;          /* the first offset there is */
    int64_t stable;       /* the last stable offset */
    int64_t high;         /* behind the last record */
    struct position last; /* of our last committed record, which the log knows; 0: there is none */
    struct kafka_offset offset; /* of that record */
    /* There is no committed record of ours, but an aborted one with a position up to the cursor's
     * entry: the event before the first such. */
    bool aborted;
    struct position before_aborted;
    bool other_log;
};

enum lane_verdict {
    LANE_FITS,      /* lane->tail is set; below lane->last: to be completed */
    LANE_HANGING,   /* a transaction is open: nobody can say what is in it */
    LANE_OTHER_LOG, /* holds records of another log */
    LANE_LOST,      /* what was there is gone, and not by retention */
};

/* LANE: as the cursor has it. Sets lane->tail and lane->offset if it fits. */
enum lane_verdict lane_judge(struct cursor_lane *lane, const struct lane_seen *seen);

bool lane_is_behind(const struct cursor_lane *lane);

#endif
