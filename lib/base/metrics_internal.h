/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What metrics.c counts in and metrics_write.c prints.
 *
 * Threads: any; a series is only added to, its values are atomic.
 */
#ifndef DAYBOOK_BASE_METRICS_INTERNAL_H
#define DAYBOOK_BASE_METRICS_INTERNAL_H
#include "base/metrics.h"

struct metric_series {
    const struct metric *metric;
    struct metric_series *next;
    char *values[METRIC_LABELS_MAX]; /* as many as the metric has labels */
    _Atomic double value;            /* a histogram's sum */
    /* A histogram's observations by bound, one more for those above all; not cumulated. The count
     * is their sum, so that no scrape sees buckets and count disagree. */
    _Atomic uint64_t *buckets;
};

/* All registered metrics in the order of their names, under the registry's lock. */
void metrics_each(void (*visit)(const struct metric *metric, void *arg), void *arg);

#endif
