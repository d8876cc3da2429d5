/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells of dead letters: an event `EventDeadLettered` each, of category dlq, in stream
 * dlq-<projection> of the failed event's tenant, from where the publisher takes it to the topic
 * <prefix>.dlq.<projection>.
 *
 * The letter's announced_at and the event are one transaction under the partition's epoch, so it
 * happens exactly once. Letters of a generation that is not live wait until it is.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_ANNOUNCE_H
#define DAYBOOK_PROJECTION_ANNOUNCE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "projection/checkpoint.h"

struct arena;
struct pg_conn;

enum {
    ANNOUNCE_LETTERS = 50,           /* in one transaction, */
    ANNOUNCE_BYTES = 4 << 20,        /* and of events in it, about */
    ANNOUNCE_VALUE_MAX = 128 * 1024, /* bytes of an event's data that go along */
};

enum announce_result {
    ANNOUNCE_DONE,
    ANNOUNCE_FENCED,
    ANNOUNCE_FAILED, /* *err */
};

struct announcing {
    struct checkpoint_set set;
    struct checkpoint checkpoint; /* of the partition, not moved */
    const char *group;            /* the projection's consumer group */
};

/* *ret_count: how many there were; less than ANNOUNCE_LETTERS and not *ret_more: all of them. */
enum announce_result letters_announce(struct pg_conn *conn, const struct announcing *announcing,
                                      struct arena *arena, size_t *ret_count, bool *ret_more,
                                      struct error *err);

#endif
