/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher worked by hand: it writes into a log's topics what a torn transaction leaves there,
 * and what a stranger does. Its producer has an id of its own and fences nobody.
 *
 * Threads: the test's. What goes wrong ends the test.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PUBLISHER_HAND_H
#define DAYBOOK_TESTS_INTEGRATION_PUBLISHER_HAND_H
#include <stdint.h>

#include "eventlog/identity.h"
#include "publisher/cursor.h"
#include "tests/integration/publisher/log_fixture.h"

struct hand {
    struct log_fixture *log;
    struct log_identity identity;
    struct kafka_producer *producer;
    struct cursor cursor; /* as Kafka has it, moved along by what is written */
};

/* At the cursor that Kafka has, once it is the database's copy; without one, at the log's start
 * with a topic for "order", which is made. */
void hand_open(struct hand *hand, struct log_fixture *log);
void hand_close(struct hand *hand);

enum { HAND_ALL = -1, HAND_NONE = 0 }; /* of partitions */

/* What one transaction holds of the events behind the hand's cursor. */
struct hand_transaction {
    int64_t up_to;  /* position */
    int partitions; /* whose events are in it: bits */
    bool cursor;
    bool aborted;
};
void hand_write(struct hand *hand, struct hand_transaction wanted);

/* A record at a partition's end that the publisher never wrote. */
struct hand_forgery {
    const char *source; /* NULL: no headers at all */
    const char *id;
    const char *position;
    int count;
};
void hand_forge(struct hand *hand, const char *category, int32_t partition,
                struct hand_forgery forgery);
/* The record under the log's key in the cursor's topic; NULL: a tombstone. */
void hand_write_cursor(struct hand *hand, const char *text);

#endif
