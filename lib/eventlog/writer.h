/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: one thread per log in a process that turns queued commands into one transaction.
 *
 * It takes what waits (1..N), loads missing aggregates in at most two queries, decides each command
 * in order in memory, re-checks under the head lock what it decided on, appends, commits, answers
 * everyone. See docs/writer.md for its states and the faults it is built against, and writer_core.h
 * for the part without I/O.
 *
 * Threads: writer_submit from any; the rest from the program's main thread.
 */
#ifndef DAYBOOK_EVENTLOG_WRITER_H
#define DAYBOOK_EVENTLOG_WRITER_H
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "eventlog/upkeep.h"
#include "eventlog/write.h"
#include "postgres/pg.h"

struct signal;
struct writer;

struct writer_config {
    struct pg_config postgres;
    size_t queue_commands_max;
    size_t batch_commands_max;
    size_t batch_events_max;
    size_t batch_bytes_max; /* of event data; 16 MiB */
    size_t cache_bytes_max;
    size_t categories_max;
    unsigned snapshot_every;             /* events of a stream between its snapshots; 0: none */
    struct upkeep_config upkeep;         /* for a partition that is missing */
    const struct domain *const *domains; /* ends with NULL; live longer */
    struct signal *committed;            /* raised after each COMMIT with events; may be NULL */
};

MUST_CHECK bool writer_start(const struct writer_config *config, struct writer **ret_writer,
                             struct error *err);
/* Refuses new writes from now on, answers all it has (at most until their deadlines), ends the
 * thread. Idempotent. Threads that still submit get WRITER_STOPPING until writer_stop(). */
void writer_close(struct writer *writer);
/* Closes it and frees: nobody may submit any more. NULL is fine. */
void writer_stop(struct writer *writer);

enum writer_submit {
    WRITER_TAKEN,
    WRITER_FULL,     /* 503 overloaded */
    WRITER_KEY_BUSY, /* 409 idempotency-in-progress */
    WRITER_STOPPING, /* 503 */
};

/* WRITER_TAKEN: `done` will be called, perhaps before this returns. Else the write stays the
 * caller's. */
enum writer_submit writer_submit(struct writer *writer, struct write *write);

struct writer_status {
    bool connected;
    struct position head; /* last known */
    size_t queued;
    int64_t last_commit_ms; /* monotonic; 0: none yet */
    struct error last_error;
};
void writer_status(struct writer *writer, struct writer_status *ret);

#endif
