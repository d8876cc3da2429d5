/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/subscriptions_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/uuid.h"
#include "resilience/backoff.h"

enum { BEAT_MS = 200, BACKOFF_FIRST_MS = 100, BACKOFF_MAX_MS = 2000 };

static struct metric subscribers = {
    .kind = METRIC_GAUGE,
    .name = "daybook_subscribers",
    .help = "Live readers of the log.",
};

static struct metric ring_bytes = {
    .kind = METRIC_GAUGE,
    .name = "daybook_subscription_ring_bytes",
    .help = "Memory of the newest events, kept once for all live readers.",
};

static struct metric reads_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_subscription_reads_total",
    .help = "Reads of the database for live readers: at the tail once for all, of history for one.",
    .labels = {"source", "result"},
};

static struct metric events_read_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_subscription_events_read_total",
    .help = "Events those reads returned.",
    .labels = {"source"},
};

static struct metric ends_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_subscription_ends_total",
    .help = "Live readers that were ended by this side.",
    .labels = {"reason"},
};

void subscriptions_count_read(const char *source, size_t events)
{
    METRIC_INC(&reads_total, source, events > 0 ? "events" : "none");
    metric_add(METRIC_AT(&events_read_total, source), (double)events);
}

bool subscriptions_rest(struct subscriptions *self, int64_t ms)
{
    struct monitor_deadline deadline = monitor_deadline(ms);
    bool stopping;

    monitor_lock(&self->monitor);
    while (!self->stopping && monitor_wait(&self->monitor, &deadline))
        ;
    stopping = self->stopping;
    monitor_unlock(&self->monitor);
    return !stopping;
}

int64_t subscriptions_backoff_ms(unsigned attempt)
{
    static const struct backoff_policy policy = {.base_ms = BACKOFF_FIRST_MS,
                                                 .max_ms = BACKOFF_MAX_MS};

    return BACKOFF_FIRST_MS / 2 + backoff_delay_ms(policy, attempt, random_u64());
}

void subscriptions_log_replaced(struct subscriptions *self)
{
    monitor_lock(&self->monitor);
    subscription_core_end_all(&self->core, SUBSCRIPTION_LOG_REPLACED);
    subscription_core_stop(&self->core);
    monitor_unlock(&self->monitor);
}

static const char *const end_words[] = {
    [SUBSCRIPTION_GOES_ON] = "none",          [SUBSCRIPTION_LAGGING] = "lagging",
    [SUBSCRIPTION_STOPPING] = "stopping",     [SUBSCRIPTION_LOG_REPLACED] = "log-replaced",
    [SUBSCRIPTION_UNREADABLE] = "unreadable",
};

static void tell_metrics(const struct subscription_core *core, uint64_t told[SUBSCRIPTION_ENDS])
{
    metric_set(METRIC_AT(&ring_bytes), (double)core->ring.bytes);
    for (size_t i = SUBSCRIPTION_LAGGING; i < SUBSCRIPTION_ENDS; i++) {
        metric_add(METRIC_AT(&ends_total, end_words[i]), (double)(core->ends[i] - told[i]));
        told[i] = core->ends[i];
    }
}

static void beat(void *arg)
{
    struct subscriptions *self = arg;
    uint64_t told[SUBSCRIPTION_ENDS] = {0};

    while (subscriptions_rest(self, BEAT_MS)) {
        monitor_lock(&self->monitor);
        subscription_core_tick(&self->core, clock_monotonic_ms());
        tell_metrics(&self->core, told);
        monitor_unlock(&self->monitor);
    }
}

static bool start_threads(struct subscriptions *self, struct error *err)
{
    if (!thread_start(THREAD_QUERY, "tail", subscriptions_tail_run, self, &self->tail, err) ||
        !thread_start(THREAD_QUERY, "beat", beat, self, &self->beat, err))
        return false;
    for (size_t i = 0; i < SUBSCRIPTION_READERS; i++)
        if (!thread_start(THREAD_QUERY, "history", subscriptions_reader_run, self,
                          &self->readers[i], err))
            return false;
    return true;
}

bool subscriptions_start(const struct subscriptions_config *config, struct subscriptions **ret,
                         struct error *err)
{
    struct subscriptions *self = mem_zalloc(sizeof *self);

    self->config = *config;
    monitor_init(&self->monitor);
    subscription_core_init(&self->core, &config->limits, config->wake);
    if (!start_threads(self, err)) {
        subscriptions_stop(self);
        return error_wrap(err, "start the threads of subscriptions");
    }
    *ret = self;
    return true;
}

void subscriptions_stop(struct subscriptions *self)
{
    if (self == NULL)
        return;
    monitor_lock(&self->monitor);
    self->stopping = true;
    monitor_notify_all(&self->monitor);
    monitor_unlock(&self->monitor);
    thread_join(self->tail);
    thread_join(self->beat);
    for (size_t i = 0; i < SUBSCRIPTION_READERS; i++)
        thread_join(self->readers[i]);
    subscription_core_release(&self->core);
    monitor_release(&self->monitor);
    mem_free(self);
}

bool subscriptions_add(struct subscriptions *self, struct subscription *subscription)
{
    bool added;

    monitor_lock(&self->monitor);
    added = subscription_add(&self->core, subscription, clock_monotonic_ms());
    metric_set(METRIC_AT(&subscribers), (double)self->core.count);
    monitor_notify_all(&self->monitor);
    monitor_unlock(&self->monitor);
    return added;
}

void subscriptions_remove(struct subscriptions *self, struct subscription *subscription)
{
    bool ours;

    monitor_lock(&self->monitor);
    ours = subscription_remove(&self->core, subscription);
    metric_set(METRIC_AT(&subscribers), (double)self->core.count);
    monitor_unlock(&self->monitor);
    if (ours)
        self->config.release(subscription);
}

enum subscription_step subscriptions_next(struct subscriptions *self,
                                          struct subscription *subscription)
{
    enum subscription_step step;
    bool fetched;

    monitor_lock(&self->monitor);
    fetched = subscription->state == SUBSCRIPTION_FETCHING;
    step = subscription_next(&self->core, subscription, clock_monotonic_ms());
    if (subscription->state == SUBSCRIPTION_FETCHING && !fetched)
        monitor_notify_all(&self->monitor);
    monitor_unlock(&self->monitor);
    return step;
}

void subscriptions_close(struct subscriptions *self)
{
    monitor_lock(&self->monitor);
    subscription_core_end_all(&self->core, SUBSCRIPTION_STOPPING);
    monitor_unlock(&self->monitor);
}
