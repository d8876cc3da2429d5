/* SPDX-License-Identifier: Apache-2.0 */
#include "base/monitor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A day: longer waits are cut, their callers look again. Keeps the sums below from overflowing. */
#define TIMEOUT_MS_MAX INT64_C(86400000)

/* What fails here is a bug or a broken system: a mutex destroyed or held by the caller already. */
static void must(int status, const char *call)
{
    if (status == 0)
        return;
    fprintf(stderr, "%s: %s\n", call, strerror(status));
    abort();
}

void monitor_init(struct monitor *monitor)
{
    pthread_condattr_t attributes;

    must(pthread_condattr_init(&attributes), "pthread_condattr_init");
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "pthread_condattr_setclock");
    must(pthread_cond_init(&monitor->changed, &attributes), "pthread_cond_init");
    must(pthread_condattr_destroy(&attributes), "pthread_condattr_destroy");
    must(pthread_mutex_init(&monitor->mutex, NULL), "pthread_mutex_init");
}

void monitor_release(struct monitor *monitor)
{
    must(pthread_cond_destroy(&monitor->changed), "pthread_cond_destroy");
    must(pthread_mutex_destroy(&monitor->mutex), "pthread_mutex_destroy");
}

void monitor_lock(struct monitor *monitor)
{
    must(pthread_mutex_lock(&monitor->mutex), "pthread_mutex_lock");
}

void monitor_unlock(struct monitor *monitor)
{
    must(pthread_mutex_unlock(&monitor->mutex), "pthread_mutex_unlock");
}

struct monitor_deadline monitor_deadline(int64_t timeout_ms)
{
    struct monitor_deadline deadline = {.never = timeout_ms < 0};

    if (deadline.never)
        return deadline;
    if (timeout_ms > TIMEOUT_MS_MAX)
        timeout_ms = TIMEOUT_MS_MAX;
    clock_gettime(CLOCK_MONOTONIC, &deadline.at);
    deadline.at.tv_sec += timeout_ms / 1000;
    deadline.at.tv_nsec += timeout_ms % 1000 * 1000000;
    if (deadline.at.tv_nsec >= 1000000000) {
        deadline.at.tv_nsec -= 1000000000;
        deadline.at.tv_sec++;
    }
    return deadline;
}

bool monitor_wait(struct monitor *monitor, const struct monitor_deadline *deadline)
{
    int status;

    if (deadline->never) {
        must(pthread_cond_wait(&monitor->changed, &monitor->mutex), "pthread_cond_wait");
        return true;
    }
    status = pthread_cond_timedwait(&monitor->changed, &monitor->mutex, &deadline->at);
    if (status == ETIMEDOUT)
        return false;
    must(status, "pthread_cond_timedwait");
    return true;
}

void monitor_notify_one(struct monitor *monitor)
{
    must(pthread_cond_signal(&monitor->changed), "pthread_cond_signal");
}

void monitor_notify_all(struct monitor *monitor)
{
    must(pthread_cond_broadcast(&monitor->changed), "pthread_cond_broadcast");
}
