/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a worker share: worker.c has its loop, worker_take.c makes partitions ours and
 * finds where they begin, worker_fill.c applies slices of the log, worker_read.c applies batches
 * from Kafka, worker_park.c deals with parked keys between batches, worker_show.c tells people.
 *
 * Threads: the worker's, but for the notices and `trouble`.
 */
#ifndef DAYBOOK_PROJECTION_WORKER_INTERNAL_H
#define DAYBOOK_PROJECTION_WORKER_INTERNAL_H
#include <pthread.h>

#include "base/log.h"
#include "projection/apply.h"
#include "projection/metrics.h"
#include "projection/partition.h"
#include "projection/worker.h"
#include "publisher/cursor.h"

struct notice;

struct worker {
    struct worker_config config;
    struct thread *thread;
    struct stop *stop;
    struct signal *wake;

    pthread_mutex_t notices_mutex;
    struct notice *notices;      /* guarded by notices_mutex; the oldest first */
    struct notice **notices_end; /* guarded by it, too: where the next one goes */

    /* the thread's own */
    struct pg_conn *conn;
    uint64_t checked_connects; /* the connection whose log was compared with Kafka's cursor */
    unsigned connect_attempts;
    int64_t connect_at_ms;
    struct cursor cursor; /* the database's copy, as last seen */
    int64_t cursor_seen_ms;
    struct arena *arena; /* of a batch */
    struct partition **partitions;
    struct partition **filling; /* room for those of a slice */
    size_t partitions_count, partitions_room;
    size_t turn; /* which partition comes first in the next batch */
    struct log_gate gate;
    struct log_gate letters_gate;
    struct causes causes;   /* of all its partitions */
    int64_t requests_at_ms; /* when to look for what people asked */
    int64_t letters_at_ms;  /* when to look for letters that are not announced */

    pthread_mutex_t trouble_mutex;
    struct error trouble; /* guarded by trouble_mutex */
};

/* Each does what is due of its phase; true: something was done, look again at once. */
bool worker_take_due(struct worker *worker, int64_t now_ms);
bool worker_fill_due(struct worker *worker, int64_t now_ms);
bool worker_read_due(struct worker *worker, int64_t now_ms);
bool worker_park_due(struct worker *worker, int64_t now_ms);
/* When worker_park_due() has something to do by itself. */
int64_t worker_park_at_ms(const struct worker *worker);

/* Brings the copy of the cursor up to date. */
bool worker_see_cursor(struct worker *worker, struct error *err);
/* What the cursor says of a partition; count 0: nothing yet. */
struct position worker_entry(const struct worker *worker, const struct partition *partition);
int32_t worker_partitions_count(const struct worker *worker, const struct partition *partition);
struct str worker_category(const struct worker *worker, const struct partition *partition);

/* Tells the partition's core of an error of a statement. */
void worker_failed(struct worker *worker, struct partition *partition, const struct error *err,
                   size_t records, int64_t now_ms);
/* The next batch makes no sense: blocked, with the event's place. */
void worker_block(struct worker *worker, struct partition *partition, const char *code,
                  struct position position, const char *reason);
/* What ended the last batch is first now: blocks or waits. */
void worker_stopped_at(struct worker *worker, struct partition *partition, int64_t now_ms);

/* Applies PARTS, which belong to PARTITIONS in the same order, and tells their cores of any
 * failure; RECORDS[i] is how many records (events) part i holds. True: committed. */
bool worker_apply(struct worker *worker, struct partition *const *partitions,
                  const struct apply_part *parts, const size_t *records, size_t count,
                  int64_t now_ms, struct applied *ret);

/* Takes over what a committed batch made of parked keys; after the cores were told. */
void worker_keep_keys(struct worker *worker, struct partition *const *partitions,
                      const struct applied *applied);

void worker_show(struct worker *worker, int64_t now_ms);

/* Counts events of the live generation; what is built beside it, or kept for rollback, would count
 * each of them again. */
void worker_count(const struct worker *worker, enum projection_result result, size_t events);
/* EVENTS can be read now. */
void worker_visible(const struct worker *worker, const struct event *const *events, size_t count);

#endif
