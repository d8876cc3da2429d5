/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of the subscriptions share.
 *
 * Threads: as noted; the core under the monitor's lock.
 */
#ifndef DAYBOOK_EVENTLOG_SUBSCRIPTIONS_INTERNAL_H
#define DAYBOOK_EVENTLOG_SUBSCRIPTIONS_INTERNAL_H
#include "base/monitor.h"
#include "base/thread.h"
#include "eventlog/subscriptions.h"

enum { SUBSCRIPTION_READERS = 2 };

struct subscriptions {
    struct subscriptions_config config;
    struct thread *tail;
    struct thread *beat;
    struct thread *readers[SUBSCRIPTION_READERS];
    struct monitor monitor; /* guards what follows; told when somebody comes, asks, or all ends */
    struct subscription_core core;
    bool stopping;
};

/* Each is a thread. */
void subscriptions_tail_run(void *arg);
void subscriptions_reader_run(void *arg);

/* Waits for MS, or until all ends; false: it does. */
bool subscriptions_rest(struct subscriptions *self, int64_t ms);

/* How long to rest after the ATTEMPTth failure in a row. */
int64_t subscriptions_backoff_ms(unsigned attempt);

/* Ends all subscribers there are, and forgets the ring. */
void subscriptions_log_replaced(struct subscriptions *self);

void subscriptions_count_read(const char *source, size_t events);

#endif
