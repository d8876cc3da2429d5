/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/metrics.h"

#include "base/metrics.h"

static struct metric events_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_projection_events_total",
    .help = "Events a projection has dealt with, by result.",
    .labels = {"projection", "result"},
};
static struct metric lag_events = {
    .kind = METRIC_GAUGE,
    .name = "daybook_projection_lag_events",
    .help = "Positions between the head of the log and the read position.",
    .labels = {"projection"},
};
static struct metric lag_seconds = {
    .kind = METRIC_GAUGE,
    .name = "daybook_projection_lag_seconds",
    .help = "Age of the first event behind the read position.",
    .labels = {"projection"},
};
static struct metric parked_keys = {
    .kind = METRIC_GAUGE,
    .name = "daybook_projection_parked_keys",
    .help = "Streams whose next event could not be applied.",
    .labels = {"projection"},
};
static struct metric dlq_entries = {
    .kind = METRIC_GAUGE,
    .name = "daybook_dlq_entries",
    .help = "Dead letters that nobody has dealt with.",
    .labels = {"projection"},
};
static struct metric jobs_running = {
    .kind = METRIC_GAUGE,
    .name = "daybook_jobs_running",
    .help = "Jobs that this process carries out.",
};
static struct metric jobs_looked = {
    .kind = METRIC_GAUGE,
    .name = "daybook_jobs_looked_timestamp_seconds",
    .help = "When this process last looked after its jobs and for free ones, whatever it found.",
};
static struct metric visible_seconds = {
    .kind = METRIC_HISTOGRAM,
    .name = "daybook_event_visible_seconds",
    .help = "From an event's append to its being readable in the projection.",
    .labels = {"projection"},
    .bounds = metric_bounds_seconds,
    .bounds_count = METRIC_BOUNDS_SECONDS,
};

void projection_count(const char *projection, enum projection_result result, size_t events)
{
    static const char *const names[] = {
        [PROJECTION_APPLIED] = "applied",     [PROJECTION_FILLED] = "filled",
        [PROJECTION_DUPLICATE] = "duplicate", [PROJECTION_SKIPPED] = "skipped",
        [PROJECTION_PARKED] = "parked",       [PROJECTION_QUEUED] = "queued",
        [PROJECTION_RELEASED] = "released",   [PROJECTION_FOREIGN] = "foreign"};

    if (events > 0)
        metric_add(METRIC_AT(&events_total, projection, names[result]), (double)events);
}

void projection_visible(const char *projection, int64_t recorded_at_us, int64_t now_us)
{
    /* Clocks of two machines may differ by more than the event's age. */
    int64_t age_us = now_us > recorded_at_us ? now_us - recorded_at_us : 0;

    metric_observe(METRIC_AT(&visible_seconds, projection), (double)age_us / 1e6);
}

void projection_lag(const char *projection, int64_t events, int64_t lag_ms)
{
    metric_set(METRIC_AT(&lag_events, projection), (double)events);
    metric_set(METRIC_AT(&lag_seconds, projection), (double)lag_ms / 1000);
}

void projection_parked(const char *projection, int64_t keys, int64_t letters)
{
    metric_set(METRIC_AT(&parked_keys, projection), (double)keys);
    metric_set(METRIC_AT(&dlq_entries, projection), (double)letters);
}

void projection_jobs(size_t running, int64_t looked_us)
{
    metric_set(METRIC_AT(&jobs_running), (double)running);
    metric_set(METRIC_AT(&jobs_looked), (double)looked_us / 1e6);
}
