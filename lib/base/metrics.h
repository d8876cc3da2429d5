/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters, gauges and histograms in the text exposition format 0.0.4 of Prometheus.
 *
 * A metric is declared once, at file scope of the module it belongs to, with METRIC_*; it
 * registers itself at its first use. Label values form a bounded set (METRIC_SERIES_MAX per
 * metric, unless it says otherwise); what goes beyond is counted in a series labelled "other", so
 * nothing grows.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_BASE_METRICS_H
#define DAYBOOK_BASE_METRICS_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum { METRIC_SERIES_MAX = 128, METRIC_LABELS_MAX = 3 };

struct metric_series; /* one combination of label values */

struct metric {
    enum metric_kind kind;
    const char *name; /* with the prefix daybook_ */
    const char *help;
    const char *labels[METRIC_LABELS_MAX]; /* names, NULL at the end */
    const double *bounds;                  /* a histogram's upper bounds, rising */
    size_t bounds_count;
    size_t series_max; /* 0: METRIC_SERIES_MAX */
    _Atomic(struct metric_series *) series;
    _Atomic int registered;
    struct metric *next;
};

/* The series of these label values (as many as labels), made at first use. Lives for ever: hot
 * paths keep the pointer. */
struct metric_series *metric_series(struct metric *metric, const char *const *label_values);

void metric_add(struct metric_series *series, double amount); /* counter: amount >= 0; gauge: any */
void metric_set(struct metric_series *series, double value);  /* gauge */
void metric_observe(struct metric_series *series, double value); /* histogram */
double metric_value(const struct metric_series *series); /* counter, gauge; histogram: its count */

/* Shorthand: METRIC_INC(&commands_total, "order.pay", "ok"); METRIC_INC(&batches_total) */
#define METRIC_AT_(metric, ...) metric_series((metric), (const char *const[]){__VA_ARGS__})
#define METRIC_AT(...) METRIC_AT_(__VA_ARGS__, NULL)
#define METRIC_INC(...) metric_add(METRIC_AT(__VA_ARGS__), 1)

/* Writes all registered metrics, in the order of their names. */
void metrics_write(struct buf *out);

/* Called by metrics_write before it writes, so that gauges can be brought up to date. */
typedef void (*metrics_collect_fn)(void *arg);
void metrics_on_collect(metrics_collect_fn fn, void *arg);
void metrics_off_collect(metrics_collect_fn fn, void *arg);

/* For .bounds and .bounds_count of a histogram. */
enum { METRIC_BOUNDS_SECONDS = 15, METRIC_BOUNDS_COUNT = 13 };
extern const double metric_bounds_seconds[METRIC_BOUNDS_SECONDS]; /* 0.5 ms ... 30 s */
extern const double metric_bounds_count[METRIC_BOUNDS_COUNT];     /* 1 2 4 8 ... 4096 */

#endif
