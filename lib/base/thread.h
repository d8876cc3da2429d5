/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with a name and a role. State belongs to one thread; thread_assert() checks that a
 * function runs where its header says. A stop signal is awaited with stop_wait, never polled.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_BASE_THREAD_H
#define DAYBOOK_BASE_THREAD_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"

enum thread_role {
    THREAD_MAIN,
    THREAD_HTTP,
    THREAD_WRITER,
    THREAD_QUERY,
    THREAD_PUBLISHER,
    THREAD_POLL,      /* Kafka's consumer poll */
    THREAD_PARTITION, /* applies a partition's records */
    THREAD_UPKEEP,    /* partitions ahead, expiry, heartbeats */
};

typedef void (*thread_fn)(void *arg);

struct thread;

/* Starts FN(ARG) with a 1 MiB stack, all signals blocked. NAME: up to 15 bytes, for the system too.
 */
MUST_CHECK bool thread_start(enum thread_role role, const char *name, thread_fn fn, void *arg,
                             struct thread **ret_thread, struct error *err);
void thread_join(struct thread *thread); /* waits for its end and frees; NULL is fine */

void thread_assert(enum thread_role role); /* also true in a thread thread_start() did not make */

/* A one-way flag that threads wait on: "stop now". */
struct stop;

struct stop *stop_new(void);
void stop_free(struct stop *stop);
SCOPED_DEFINE(struct stop *, stop_free);
void stop_request(struct stop *stop); /* idempotent */
bool stop_requested(const struct stop *stop);
bool stop_wait(struct stop *stop, int64_t timeout_ms); /* true: stop was requested */

/* Wakes whoever waits: a signal with a count, so that none is lost between look and wait. */
struct signal;

struct signal *signal_new(void);
void signal_free(struct signal *signal);
SCOPED_DEFINE(struct signal *, signal_free);
void signal_raise(struct signal *signal);
/* Waits until raised since *SEEN (updated), the time passed, or for at most TIMEOUT_MS. True:
 * raised. */
bool signal_wait(struct signal *signal, uint64_t *seen, int64_t timeout_ms);

#endif
