/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transactional producer that is thrown away at the first doubt.
 *
 * Life: new, init (fences whoever had the id before, aborts what it left), then begin, produce,
 * commit, any number of times while kafka_producer_doubt() says nothing; then free. There is no
 * abort-and-continue: an open transaction is aborted by the next producer's init. Why: a delayed
 * EndTxn may end a later transaction of the same producer (KAFKA-17754).
 *
 * Errors: every call answers one error class. TRANSIENT and FATAL: throw this producer away and
 * make another, after a backoff. FENCED: somebody else has the transactional id; he is the
 * publisher now. outcome_unknown is set when a commit may have happened.
 *
 * Threads: one owner. Every call ends at its deadline (monotonic ms).
 */
#ifndef DAYBOOK_KAFKA_PRODUCER_H
#define DAYBOOK_KAFKA_PRODUCER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/str.h"
#include "base/units.h"
#include "kafka/config.h"

struct kafka_producer;
struct stop;

struct kafka_producer_config {
    const struct kafka_config *kafka;
    const char *transactional_id;
    int transaction_timeout_ms; /* after it the broker aborts what hangs */
    size_t message_bytes_max;
    struct stop *stop; /* requested: waits end soon, as if at their deadline; may be NULL */
};

/* Makes the client; no network yet. */
MUST_CHECK bool kafka_producer_new(const struct kafka_producer_config *config,
                                   struct kafka_producer **ret_producer, struct error *err);
/* Closes at once; what is in flight is given up. */
void kafka_producer_free(struct kafka_producer *producer);
SCOPED_DEFINE(struct kafka_producer *, kafka_producer_free);

MUST_CHECK bool kafka_producer_init(struct kafka_producer *producer, int64_t deadline_ms,
                                    struct error *err);

/* Asks for a topic's metadata. Before a topic's first record: without it the first transaction
 * waits a second for it. */
MUST_CHECK bool kafka_producer_prepare(struct kafka_producer *producer, const char *topic,
                                       int64_t deadline_ms, struct error *err);

enum { KAFKA_HEADERS_MAX = 24 };

struct kafka_header {
    const char *name;
    struct str value;
};

struct kafka_record {
    const char *topic;
    int32_t partition;
    struct str key;
    struct str value; /* data NULL: a tombstone */
    const struct kafka_header *headers;
    size_t headers_count;
    /* Set when the broker has it: its offset, -1 before. Must live until commit or free; NULL:
     * nobody asks. */
    struct kafka_offset *delivered;
};

MUST_CHECK bool kafka_producer_begin(struct kafka_producer *producer, struct error *err);
/* Copies the record. Waits while librdkafka's queue is full. */
MUST_CHECK bool kafka_producer_produce(struct kafka_producer *producer,
                                       const struct kafka_record *record, int64_t deadline_ms,
                                       struct error *err);
/* All records are delivered when it is true; the transaction stays open. */
MUST_CHECK bool kafka_producer_flush(struct kafka_producer *producer, int64_t deadline_ms,
                                     struct error *err);
/* Flushes and commits. All records are delivered and visible when it is true. */
MUST_CHECK bool kafka_producer_commit(struct kafka_producer *producer, int64_t deadline_ms,
                                      struct error *err);

/* Serves callbacks (while idle, so that doubts show); waits up to TIMEOUT_MS for one. */
void kafka_producer_poll(struct kafka_producer *producer, int64_t timeout_ms);

/* What happened since init: any of it is a reason to throw the producer away. */
struct kafka_doubt {
    unsigned closed_sockets; /* by closesocket_cb: error_cb is silent for repeats */
    unsigned errors;         /* of librdkafka, of records, of calls */
};
struct kafka_doubt kafka_producer_doubt(const struct kafka_producer *producer);

#endif
