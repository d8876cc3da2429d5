/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The idempotency keys whose first request still runs in this process. So no key is twice in a
 * batch; what other processes do is found under the head lock.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_EVENTLOG_BUSY_INTERNAL_H
#define DAYBOOK_EVENTLOG_BUSY_INTERNAL_H
#include <pthread.h>
#include <stdbool.h>

#include "eventlog/table_internal.h"

struct write;

struct busy_keys {
    pthread_mutex_t mutex; /* guards writes */
    struct table writes;   /* by tenant, credential and key */
};

void busy_keys_init(struct busy_keys *busy);
void busy_keys_release(struct busy_keys *busy); /* must be empty */

/* Both do nothing for a write without a key. Keys of a group's parts are tried one by one: a busy
 * one is told by the part's key_busy. */
bool busy_keys_enter(struct busy_keys *busy, struct write *write); /* false: its own key is busy */
void busy_keys_leave(struct busy_keys *busy, struct write *write);

#endif
