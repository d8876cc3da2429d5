/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A partition assigned to this process, as its poll thread and its worker share it: a bounded queue
 * of messages between them, and what the worker shows to others.
 *
 * Threads: as said at each field. Held by both; the last partition_drop() frees it.
 */
#ifndef DAYBOOK_PROJECTION_PARTITION_H
#define DAYBOOK_PROJECTION_PARTITION_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "projection/partition_core.h"

struct kafka_message;
struct parked_set;
struct queue;

enum { PARTITION_TOPIC_MAX = 249 }; /* Kafka's limit */

struct partition_limits {
    size_t batch_max;       /* records */
    size_t queue_max;       /* records */
    size_t queue_bytes_max; /* of keys and values; one record more is fine */
};

/* What people see of a partition. */
struct partition_view {
    struct place at;
    int64_t epoch;
    const char *word;
    char reason[ERROR_TEXT_MAX];
    int64_t since_us; /* wall */
};

struct partition {
    /* of both; fixed */
    char topic[PARTITION_TOPIC_MAX + 1];
    int32_t number;
    struct partition_limits limits;

    /* poll thread to worker */
    struct queue *arrived; /* messages */
    atomic_size_t arrived_bytes;
    atomic_bool revoked; /* nothing of it may be begun any more */
    atomic_uint holders;

    /* the poll thread's */
    bool started; /* a worker asked for messages */
    bool paused;  /* because the queue is full */

    /* the worker's */
    struct partition_core core;
    struct kafka_message **hand; /* taken from the queue, not committed yet */
    size_t hand_count;
    struct position stop_at; /* 0, or the event that ended the last batch */
    struct error stop_why;
    struct position refused_at; /* 0, or the event that the database refused: to be parked */
    struct error refused_why;
    struct kafka_offset forged; /* -1, or a record that the log does not have */
    struct parked_set *parked;  /* as the database has them, from acquire on */
    bool unannounced;           /* it may have letters that are not announced */
    uint64_t reported;          /* hash of what the database was told */

    pthread_mutex_t view_mutex;
    struct partition_view view; /* guarded by view_mutex */
};

/* Held twice: by the poll thread and by the worker. */
struct partition *partition_new(const char *topic, int32_t number, struct partition_limits limits,
                                int64_t now_ms);
void partition_hold(struct partition *partition); /* once more */
/* Frees the hand and the queue when the last holder drops it. */
void partition_drop(struct partition *partition);
bool partition_is(const struct partition *partition, const char *topic, int32_t number);

/* Poll thread: hands MESSAGE over. False: the queue is full; MESSAGE stays the caller's. */
bool partition_push(struct partition *partition, struct kafka_message *message);
/* Poll thread: pause at full, resume at half. */
bool partition_is_full(const struct partition *partition);
bool partition_is_half_empty(const struct partition *partition);

/* Worker: fills the hand up to the batch's limit; returns how many came. */
size_t partition_take(struct partition *partition);
/* Worker: the first COUNT of the hand are done with. */
void partition_done(struct partition *partition, size_t count);
/* Worker: everything in hand and queue is dropped. */
void partition_clear(struct partition *partition);

/* Worker: shows what its core says; returns true if the word changed. */
bool partition_show(struct partition *partition, const char *word, const char *reason,
                    int64_t wall_us);
/* Any thread. */
void partition_look(struct partition *partition, struct partition_view *ret);

#endif
