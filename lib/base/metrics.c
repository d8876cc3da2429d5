/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/mem.h"

const double metric_bounds_seconds[METRIC_BOUNDS_SECONDS] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
const double metric_bounds_count[METRIC_BOUNDS_COUNT] = {1,   2,   4,   8,    16,   32,  64,
                                                         128, 256, 512, 1024, 2048, 4096};

/* A label value longer than this was not meant to be one. */
enum { LABEL_BYTES_MAX = 128 };

/* Guards the list of metrics and the making of series; finding and adding take no lock. */
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registry;

static size_t labels_count(const struct metric *metric)
{
    size_t count = 0;

    while (count < METRIC_LABELS_MAX && metric->labels[count] != NULL)
        count++;
    return count;
}

static struct metric_series *find(const struct metric *metric, const char *const *values,
                                  size_t values_count)
{
    struct metric_series *series = atomic_load_explicit(&metric->series, memory_order_acquire);

    for (; series != NULL; series = series->next) {
        size_t i = 0;

        while (i < values_count && strcmp(series->values[i], values[i]) == 0)
            i++;
        if (i == values_count)
            return series;
    }
    return NULL;
}

static size_t series_max(const struct metric *metric)
{
    return metric->series_max > 0 ? metric->series_max : METRIC_SERIES_MAX;
}

static size_t series_count(const struct metric *metric)
{
    size_t count = 0;

    for (struct metric_series *s = atomic_load(&metric->series); s != NULL; s = s->next)
        count++;
    return count;
}

/* Sorted by name, so that two scrapes can be compared. Locked. */
static void enlist(struct metric *metric)
{
    struct metric **link = &registry;

    if (atomic_load(&metric->registered))
        return;
    while (*link != NULL && strcmp((*link)->name, metric->name) < 0)
        link = &(*link)->next;
    metric->next = *link;
    *link = metric;
    atomic_store(&metric->registered, 1);
}

/* Locked. */
static struct metric_series *series_new(struct metric *metric, const char *const *values,
                                        size_t values_count)
{
    struct metric_series *series = mem_zalloc(sizeof(*series));

    series->metric = metric;
    for (size_t i = 0; i < values_count; i++)
        series->values[i] = mem_strdup(values[i]);
    if (metric->kind == METRIC_HISTOGRAM)
        series->buckets = mem_calloc(metric->bounds_count + 1, sizeof(series->buckets[0]));
    series->next = atomic_load(&metric->series);
    atomic_store_explicit(&metric->series, series, memory_order_release);
    return series;
}

static bool values_fit(const char *const *values, size_t values_count)
{
    for (size_t i = 0; i < values_count; i++) {
        struct str value = str_of(values[i]);

        if (value.len > LABEL_BYTES_MAX || !str_is_utf8(value, NULL))
            return false;
    }
    return true;
}

/* Locked: another thread may have made it meanwhile. */
static struct metric_series *find_or_make(struct metric *metric, const char *const *values,
                                          size_t values_count)
{
    static const char *const other[METRIC_LABELS_MAX] = {"other", "other", "other"};
    struct metric_series *series = find(metric, values, values_count);

    if (series != NULL)
        return series;
    /* The last place is kept for "other". */
    if (values_count > 0 &&
        (!values_fit(values, values_count) || series_count(metric) >= series_max(metric) - 1)) {
        values = other;
        series = find(metric, values, values_count);
    }
    return series != NULL ? series : series_new(metric, values, values_count);
}

struct metric_series *metric_series(struct metric *metric, const char *const *label_values)
{
    size_t count = labels_count(metric);
    struct metric_series *series;

    for (size_t i = 0; i < count; i++)
        assert(label_values[i] != NULL);

    series = find(metric, label_values, count);
    if (series != NULL)
        return series;
    pthread_mutex_lock(&registry_lock);
    enlist(metric);
    series = find_or_make(metric, label_values, count);
    pthread_mutex_unlock(&registry_lock);
    return series;
}

static void add(_Atomic double *target, double amount)
{
    double old = atomic_load_explicit(target, memory_order_relaxed);

    while (!atomic_compare_exchange_weak_explicit(target, &old, old + amount, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

void metric_add(struct metric_series *series, double amount)
{
    assert(series->metric->kind != METRIC_HISTOGRAM);
    assert(series->metric->kind == METRIC_GAUGE || amount >= 0);

    add(&series->value, amount);
}

void metric_set(struct metric_series *series, double value)
{
    assert(series->metric->kind == METRIC_GAUGE);

    atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

void metric_observe(struct metric_series *series, double value)
{
    const struct metric *metric = series->metric;
    size_t bucket = 0;

    assert(metric->kind == METRIC_HISTOGRAM);

    while (bucket < metric->bounds_count && value > metric->bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&series->buckets[bucket], 1, memory_order_relaxed);
    add(&series->value, value);
}

double metric_value(const struct metric_series *series)
{
    uint64_t count = 0;

    if (series->metric->kind != METRIC_HISTOGRAM)
        return atomic_load_explicit(&series->value, memory_order_relaxed);
    for (size_t i = 0; i <= series->metric->bounds_count; i++)
        count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
    return (double)count;
}

void metrics_each(void (*visit)(const struct metric *metric, void *arg), void *arg)
{
    pthread_mutex_lock(&registry_lock);
    for (const struct metric *metric = registry; metric != NULL; metric = metric->next)
        visit(metric, arg);
    pthread_mutex_unlock(&registry_lock);
}
