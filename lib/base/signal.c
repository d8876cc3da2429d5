/* SPDX-License-Identifier: Apache-2.0 */
/* What threads wait on beside queues: "stop now", and "look again". */
#include "base/thread.h"

#include "base/mem.h"
#include "base/monitor.h"

struct stop {
    struct monitor monitor;
    atomic_bool requested; /* written under the monitor, read anywhere */
};

struct stop *stop_new(void)
{
    struct stop *stop = mem_zalloc(sizeof(*stop));

    monitor_init(&stop->monitor);
    atomic_init(&stop->requested, false);
    return stop;
}

void stop_free(struct stop *stop)
{
    if (stop == NULL)
        return;
    monitor_release(&stop->monitor);
    mem_free(stop);
}

void stop_request(struct stop *stop)
{
    monitor_lock(&stop->monitor);
    atomic_store(&stop->requested, true);
    monitor_notify_all(&stop->monitor);
    monitor_unlock(&stop->monitor);
}

bool stop_requested(const struct stop *stop)
{
    return atomic_load(&stop->requested);
}

bool stop_wait(struct stop *stop, int64_t timeout_ms)
{
    struct monitor_deadline deadline = monitor_deadline(timeout_ms);
    bool requested;

    monitor_lock(&stop->monitor);
    while (!atomic_load(&stop->requested)) {
        if (!monitor_wait(&stop->monitor, &deadline))
            break;
    }
    requested = atomic_load(&stop->requested);
    monitor_unlock(&stop->monitor);
    return requested;
}

struct signal {
    struct monitor monitor;
    uint64_t raised; /* how often; guarded by the monitor */
};

struct signal *signal_new(void)
{
    struct signal *signal = mem_zalloc(sizeof(*signal));

    monitor_init(&signal->monitor);
    return signal;
}

void signal_free(struct signal *signal)
{
    if (signal == NULL)
        return;
    monitor_release(&signal->monitor);
    mem_free(signal);
}

void signal_raise(struct signal *signal)
{
    monitor_lock(&signal->monitor);
    signal->raised++;
    monitor_notify_all(&signal->monitor);
    monitor_unlock(&signal->monitor);
}

bool signal_wait(struct signal *signal, uint64_t *seen, int64_t timeout_ms)
{
    struct monitor_deadline deadline = monitor_deadline(timeout_ms);
    bool raised;

    monitor_lock(&signal->monitor);
    while (signal->raised == *seen) {
        if (!monitor_wait(&signal->monitor, &deadline))
            break;
    }
    raised = signal->raised != *seen;
    *seen = signal->raised;
    monitor_unlock(&signal->monitor);
    return raised;
}
