/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/gauges.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

static struct metric position_gauge = {
    .kind = METRIC_GAUGE,
    .name = "daybook_publisher_position",
    .help = "Position up to which this leader has published the log to Kafka.",
};
static struct metric lag_gauge = {
    .kind = METRIC_GAUGE,
    .name = "daybook_publisher_lag_seconds",
    .help = "Age of the oldest event that this leader has read and not yet published.",
};
static struct metric transactions = {
    .kind = METRIC_COUNTER,
    .name = "daybook_publisher_transactions_total",
    .help = "Kafka transactions ended.",
    .labels = {"result"},
};
static struct metric producers = {
    .kind = METRIC_COUNTER,
    .name = "daybook_publisher_producers_total",
    .help = "Producers made: one at each start, one for each that was thrown away for a doubt.",
};

static _Atomic int64_t pending_us;

static void collect(void *arg)
{
    int64_t since_us = atomic_load(&pending_us);
    int64_t lag_us = since_us > 0 ? clock_wall_us() - since_us : 0;

    (void)arg;
    metric_set(METRIC_AT(&lag_gauge), lag_us > 0 ? (double)lag_us / 1e6 : 0);
}

static void watch(void)
{
    metrics_on_collect(collect, NULL);
}

void gauges_position(struct position position)
{
    metric_set(METRIC_AT(&position_gauge), (double)position.n);
}

void gauges_pending(int64_t recorded_us)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch);
    atomic_store(&pending_us, recorded_us);
}

void gauges_transaction(bool committed)
{
    METRIC_INC(&transactions, committed ? "committed" : "failed");
}

void gauges_producer(void)
{
    METRIC_INC(&producers);
}
