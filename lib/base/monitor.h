/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mutex and the condition that goes with it, on the monotonic clock: what queue, stop and signal
 * wait on.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_BASE_MONITOR_H
#define DAYBOOK_BASE_MONITOR_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct monitor {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

void monitor_init(struct monitor *monitor);
void monitor_release(struct monitor *monitor);

void monitor_lock(struct monitor *monitor);
void monitor_unlock(struct monitor *monitor);

/* When a wait that begins now ends: TIMEOUT_MS from now, -1: never. */
struct monitor_deadline {
    bool never;
    struct timespec at;
};
struct monitor_deadline monitor_deadline(int64_t timeout_ms);

/* Locked: waits for a change. False: the deadline has passed. */
bool monitor_wait(struct monitor *monitor, const struct monitor_deadline *deadline);
void monitor_notify_one(struct monitor *monitor);
void monitor_notify_all(struct monitor *monitor);

#endif
