/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions to the log: the threads around the core (subscription_core.h).
 *
 *   tail     reads what is appended, once for all subscribers; only while there are any
 *   readers  read history, a slice for one subscriber, then a slice for the next
 *   beat     heartbeats and slow clients, also while the database does not answer
 *
 * While the database is away subscribers keep what they have and wait. After each reconnect the
 * tail is compared with what was read there: a log that went back, or is another, ends them all.
 *
 * Threads: start and stop from main, the rest from any.
 */
#ifndef DAYBOOK_EVENTLOG_SUBSCRIPTIONS_H
#define DAYBOOK_EVENTLOG_SUBSCRIPTIONS_H
#include "base/error.h"
#include "eventlog/subscription_core.h"
#include "postgres/pg.h"

struct signal;
struct subscriptions;

struct subscriptions_config {
    struct pg_config postgres;
    struct subscription_limits limits;
    int64_t poll_ms;         /* how often to look for events of other processes */
    struct signal *appended; /* this process committed some; NULL: it never does */
    chunk_render_fn render;
    void *render_arg;
    /* Ask subscriptions_next() again; must not call back. */
    void (*wake)(struct subscription *subscription);
    /* A removed subscription is the owner's again. */
    void (*release)(struct subscription *subscription);
};

MUST_CHECK bool subscriptions_start(const struct subscriptions_config *config,
                                    struct subscriptions **ret, struct error *err);
/* All have been removed. NULL is fine. */
void subscriptions_stop(struct subscriptions *self);

/* False: there are too many. */
bool subscriptions_add(struct subscriptions *self, struct subscription *subscription);
/* Nothing is woken any more; `release` follows, at once or when a reader lets go of it. */
void subscriptions_remove(struct subscriptions *self, struct subscription *subscription);
/* As subscription_next(). */
enum subscription_step subscriptions_next(struct subscriptions *self,
                                          struct subscription *subscription);
/* Ends all, and all that come: this process stops. */
void subscriptions_close(struct subscriptions *self);

#endif
