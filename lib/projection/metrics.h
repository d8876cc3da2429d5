/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What projections count (product.md section 5).
 *
 * Threads: any.
 */
#ifndef DAYBOOK_PROJECTION_METRICS_H
#define DAYBOOK_PROJECTION_METRICS_H
#include <stddef.h>
#include <stdint.h>

enum projection_result {
    PROJECTION_APPLIED,   /* from Kafka */
    PROJECTION_FILLED,    /* from the log */
    PROJECTION_DUPLICATE, /* at or below the checkpoint */
    PROJECTION_SKIPPED,   /* in the row already */
    PROJECTION_PARKED,    /* could not be applied */
    PROJECTION_QUEUED,    /* behind one that could not */
    PROJECTION_RELEASED,  /* applied after all, with what was behind it */
    PROJECTION_FOREIGN,   /* records that are not ours */
};

void projection_count(const char *projection, enum projection_result result, size_t events);
/* From recorded_at to the commit that made it readable. */
void projection_visible(const char *projection, int64_t recorded_at_us, int64_t now_us);
/* Streams that wait, and letters nobody has dealt with, in all processes. */
void projection_parked(const char *projection, int64_t keys, int64_t letters);
/* Jobs that this process carries out, and when it looked after them last. */
void projection_jobs(size_t running, int64_t looked_us);
void projection_lag(const char *projection, int64_t events, int64_t lag_ms);

#endif
