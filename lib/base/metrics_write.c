/* SPDX-License-Identifier: Apache-2.0 */
/* The text exposition format 0.0.4 of Prometheus. */
#include "base/metrics_internal.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

struct collector {
    struct collector *next;
    metrics_collect_fn fn;
    void *arg;
};

/* Held while the collectors run: after metrics_off_collect none of them does any more. */
static pthread_mutex_t collectors_lock = PTHREAD_MUTEX_INITIALIZER;
static struct collector *collectors;

void metrics_on_collect(metrics_collect_fn fn, void *arg)
{
    struct collector *collector = mem_alloc(sizeof(*collector));

    pthread_mutex_lock(&collectors_lock);
    *collector = (struct collector){.next = collectors, .fn = fn, .arg = arg};
    collectors = collector;
    pthread_mutex_unlock(&collectors_lock);
}

void metrics_off_collect(metrics_collect_fn fn, void *arg)
{
    struct collector **link = &collectors;
    struct collector *found;

    pthread_mutex_lock(&collectors_lock);
    while (*link != NULL && ((*link)->fn != fn || (*link)->arg != arg))
        link = &(*link)->next;
    found = *link;
    if (found != NULL)
        *link = found->next;
    pthread_mutex_unlock(&collectors_lock);
    mem_free(found);
}

static void collect(void)
{
    pthread_mutex_lock(&collectors_lock);
    for (struct collector *c = collectors; c != NULL; c = c->next)
        c->fn(c->arg);
    pthread_mutex_unlock(&collectors_lock);
}

/* The shortest of 15 and 17 digits that reads back as the same double. */
static void write_number(struct buf *out, double value)
{
    char text[40];

    if (isnan(value)) {
        buf_add_str(out, STR("NaN"));
    } else if (isinf(value)) {
        buf_add_str(out, value > 0 ? STR("+Inf") : STR("-Inf"));
    } else {
        snprintf(text, sizeof(text), "%.15g", value);
        if (strtod(text, NULL) != value)
            snprintf(text, sizeof(text), "%.17g", value);
        buf_add_cstr(out, text);
    }
}

static void write_escaped(struct buf *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            buf_add_str(out, STR("\\\\"));
        else if (*text == '\n')
            buf_add_str(out, STR("\\n"));
        else if (*text == '"' && quotes)
            buf_add_str(out, STR("\\\""));
        else
            buf_add_char(out, *text);
    }
}

/* name_suffix{label="value",...,le="bound"} and a blank; LE is NULL outside of buckets. */
static void write_sample_name(struct buf *out, const struct metric_series *series,
                              const char *suffix, const double *le)
{
    const struct metric *metric = series->metric;
    const char *separator = "{";

    buf_add_cstr(out, metric->name);
    buf_add_cstr(out, suffix);
    for (size_t i = 0; i < METRIC_LABELS_MAX && metric->labels[i] != NULL; i++) {
        buf_add_cstr(out, separator);
        buf_add_cstr(out, metric->labels[i]);
        buf_add_str(out, STR("=\""));
        write_escaped(out, series->values[i], true);
        buf_add_char(out, '"');
        separator = ",";
    }
    if (le != NULL) {
        buf_add_cstr(out, separator);
        buf_add_str(out, STR("le=\""));
        write_number(out, *le);
        buf_add_char(out, '"');
        separator = ",";
    }
    buf_add_str(out, *separator == ',' ? STR("} ") : STR(" "));
}

static void write_count(struct buf *out, const struct metric_series *series, const char *suffix,
                        const double *le, uint64_t count)
{
    write_sample_name(out, series, suffix, le);
    buf_add_u64(out, count);
    buf_add_char(out, '\n');
}

static void write_value(struct buf *out, const struct metric_series *series, const char *suffix)
{
    write_sample_name(out, series, suffix, NULL);
    write_number(out, atomic_load_explicit(&series->value, memory_order_relaxed));
    buf_add_char(out, '\n');
}

static void write_histogram(struct buf *out, const struct metric_series *series)
{
    static const double infinite = INFINITY;
    const struct metric *metric = series->metric;
    uint64_t count = 0;

    for (size_t i = 0; i <= metric->bounds_count; i++) {
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        write_count(out, series, "_bucket",
                    i < metric->bounds_count ? &metric->bounds[i] : &infinite, count);
    }
    write_value(out, series, "_sum");
    write_count(out, series, "_count", NULL, count);
}

static const char *kind_name(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    case METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

static void write_metric(const struct metric *metric, void *arg)
{
    struct buf *out = arg;
    const struct metric_series *series =
        atomic_load_explicit(&metric->series, memory_order_acquire);

    buf_add_str(out, STR("# HELP "));
    buf_add_cstr(out, metric->name);
    buf_add_char(out, ' ');
    write_escaped(out, metric->help, false);
    buf_add_str(out, STR("\n# TYPE "));
    buf_add_cstr(out, metric->name);
    buf_add_char(out, ' ');
    buf_add_cstr(out, kind_name(metric->kind));
    buf_add_char(out, '\n');
    for (; series != NULL; series = series->next) {
        if (metric->kind == METRIC_HISTOGRAM)
            write_histogram(out, series);
        else
            write_value(out, series, "");
    }
}

void metrics_write(struct buf *out)
{
    collect();
    metrics_each(write_metric, out);
}
