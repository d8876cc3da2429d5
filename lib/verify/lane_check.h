/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One partition of a topic against what the log says must be in it: the comparison, without I/O.
 *
 * The log's events come in order (lane_check_expect), the partition's records in the order of their
 * offsets (lane_check_record); whoever drives it hands in records until the lane says that the
 * expected event is settled. An event that is missing at its place is held back for a while: should
 * it come later, it is reordered, not lost.
 *
 * Threads: one owner.
 */
#ifndef DAYBOOK_VERIFY_LANE_CHECK_H
#define DAYBOOK_VERIFY_LANE_CHECK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/units.h"
#include "verify/finding.h"

enum { LANE_MISSING_MAX = 1024 };

/* A record or event, as far as it is compared: fixed size, so that a window of them is bounded. */
struct digest {
    struct position position;
    struct position previous; /* of the partition, as the record has it; an event: not used */
    struct version version;
    uint64_t names; /* hash of id, type, tenant, stream */
    uint64_t data;  /* hash of the bytes */
};

/* What a lane found; the driver knows topic and partition. */
typedef void (*lane_found_fn)(void *arg, enum finding_kind kind, struct position position,
                              const char *text);

struct lane_check {
    lane_found_fn found;
    void *arg;
    struct position gone;  /* what retention or an accepted loss has taken: at or below it */
    struct position last;  /* the highest position that was in its place */
    struct position above; /* records above it are newer than what is looked at */
    /* Expected and not seen yet, rising. */
    struct position missing[LANE_MISSING_MAX];
    size_t missing_count;
};

void lane_check_init(struct lane_check *lane, struct position gone, struct position up_to,
                     lane_found_fn found, void *arg);

enum lane_verdict {
    LANE_TAKE, /* the record is done with: hand in the next one */
    LANE_KEEP, /* it belongs behind the expected event */
};

/* The next record while EXPECTED is the next event of the lane. *ret_settled: EXPECTED is done
 * with, hand in the next one. */
enum lane_verdict lane_check_record(struct lane_check *lane, const struct digest *record,
                                    const struct digest *expected, bool *ret_settled);
/* There is no record any more, and EXPECTED was not seen. */
void lane_check_missing(struct lane_check *lane, const struct digest *expected);
/* A record after the last expected event. */
void lane_check_rest(struct lane_check *lane, const struct digest *record);
/* Nothing comes any more: what is still missing is lost. */
void lane_check_end(struct lane_check *lane);

#endif
