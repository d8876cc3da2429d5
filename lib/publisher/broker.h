/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the leading publisher does in Kafka: the core's steps, carried out.
 *
 * Threads: owner only. Every call ends at its own deadline, or soon after the stop was requested.
 */
#ifndef DAYBOOK_PUBLISHER_BROKER_H
#define DAYBOOK_PUBLISHER_BROKER_H
#include "base/error.h"
#include "base/scope.h"
#include "eventlog/identity.h"
#include "kafka/config.h"
#include "publisher/core.h"
#include "publisher/tails.h"
#include "publisher/topics.h"

struct arena;
struct broker;
struct stop;

struct broker_config {
    const struct kafka_config *kafka;
    struct topics_config topics;
    int64_t call_timeout_ms; /* of producing, committing, making topics */
    struct stop *stop;
    tails_known_fn known; /* looks into the log */
    void *arg;
};

/* Makes no connection. */
struct broker *broker_new(const struct broker_config *config);
void broker_free(struct broker *broker);
SCOPED_DEFINE(struct broker *, broker_free);

/* Closes everything; the next step connects anew. */
void broker_close(struct broker *broker);

/* Throws the producer away, makes another and fences with it. IDENTITY: of the log from now on. */
MUST_CHECK bool broker_open_producer(struct broker *broker, const struct log_identity *identity,
                                     struct error *err);
/* Whether the producer lost a connection or saw an error; serves its callbacks. */
bool broker_in_doubt(struct broker *broker);

/* RET_CURSOR: initialised or released; SEEN borrows from it. */
MUST_CHECK bool broker_fetch_cursor(struct broker *broker, bool with_settings,
                                    struct cursor *ret_cursor, struct pub_cursor_seen *ret_seen,
                                    struct error *err);

/* *ret_topics: one for each of the cursor's, in ARENA. */
MUST_CHECK bool broker_inspect(struct broker *broker, const struct cursor *cursor,
                               bool with_settings, struct arena *arena,
                               struct pub_topic_seen **ret_topics, struct error *err);

/* TOPIC's (NULL: the cursor's) open transaction gets a marker of one of ours, if it is of our
 * transactional id. In an events' topic an aborted one, written when the next producer opens: what
 * it aborts is completed from the log. The cursor's is committed, with COPY as the newest cursor:
 * no event of it is missing in Kafka, and what Kafka has beyond it is seen at the start. */
MUST_CHECK bool broker_end_hanging(struct broker *broker, const char *topic,
                                   const struct cursor *copy, struct error *err);

MUST_CHECK bool broker_make_topic(struct broker *broker, struct str category, struct arena *arena,
                                  char ret_topic[CURSOR_TOPIC_MAX], struct pub_topic_seen *ret_seen,
                                  struct error *err);

/* The plan's records and the cursor in one transaction. *ret_offsets: one for each record, valid
 * until the next call. */
MUST_CHECK bool broker_publish(struct broker *broker, const struct plan *plan,
                               const struct cursor *cursor, const struct kafka_offset **ret_offsets,
                               struct error *err);

#endif
