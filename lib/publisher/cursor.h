/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor: how far Kafka holds the log. Its truth is a record in the compacted topic
 * <prefix>.cursor, keyed by the log's UUID and written in the transaction of the events it speaks
 * of; the database has a copy, written after every commit in Kafka.
 *
 * Threads: a struct cursor belongs to one thread.
 */
#ifndef DAYBOOK_PUBLISHER_CURSOR_H
#define DAYBOOK_PUBLISHER_CURSOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/name.h"
#include "base/str.h"
#include "base/units.h"
#include "base/uuid.h"

struct buf;
struct pg_conn;

enum { CURSOR_BYTES_MAX = 1 << 20, CURSOR_TOPIC_MAX = 160, CURSOR_PARTITIONS_MAX = 10000 };

struct cursor_lane { /* one partition of a topic */
    /* The entry: position of its last event at or below the cursor; 0: none. */
    struct position last;
    /* What Kafka misses at or below it was accepted as lost: it is in the log only. */
    struct position floor;
    /* Of a record known to be in the partition, the last one at best; -1: none is known. */
    struct kafka_offset offset;
    /* The publisher's own, not stored: the last event that it knows to be in the partition. Other
     * than `last` only while a torn transaction is put right. */
    struct position tail;
};

/* A category, or "dlq.<projection>": the dead letters of each have a topic of their own. */
enum { CURSOR_CATEGORY_MAX = NAME_CATEGORY_MAX + 1 + NAME_CATEGORY_MAX };

struct cursor_topic {
    char category[CURSOR_CATEGORY_MAX + 1];
    char topic[CURSOR_TOPIC_MAX];
    struct cursor_lane *lanes;
    int32_t partitions; /* number of lanes: keys are spread over so many */
};

struct cursor {
    char log_id[UUID_TEXT_LEN + 1];
    struct position position;       /* everything at or below it is in Kafka */
    char event_id[NAME_ID_MAX + 1]; /* of the event at position; "" at 0 */
    struct cursor_topic *topics;
    size_t topics_count;
};

void cursor_init(struct cursor *cursor, const char *log_id);
void cursor_release(struct cursor *cursor);
void cursor_copy(struct cursor *to, const struct cursor *from); /* TO: released or initialised */

/* What the topic of STREAM's events is found by: its category, or OUT for dead letters. */
struct str cursor_category(struct str stream, char out[CURSOR_CATEGORY_MAX + 1]);
bool cursor_is_category(struct str s);
/* Whether the categories that both know have as many partitions in both: keys did not move. */
bool cursor_same_partitions(const struct cursor *a, const struct cursor *b);

/* NULL: that category has no topic yet. Valid until a topic is added. */
struct cursor_topic *cursor_find(const struct cursor *cursor, struct str category);
/* With PARTITIONS lanes at 0. The category must not be there. */
struct cursor_topic *cursor_add(struct cursor *cursor, struct str category, const char *topic,
                                int32_t partitions);

/*
 * JSON: {"log", "position", "event", "topics": {"<category>": {"topic", "last": [...], "floor":
 * [...], "offset": [...]}}}; floor and offset only where there are any. Decoding fails with
 * ERROR_POISON and leaves RET_CURSOR initialised.
 */
void cursor_write(const struct cursor *cursor, struct buf *out);
MUST_CHECK bool cursor_parse(struct str text, struct cursor *ret_cursor, struct error *err);

/* The database's copy. *ret_found is false when nothing was published yet. RET_CURSOR: initialised
 * or released; release it. */
MUST_CHECK bool cursor_load(struct pg_conn *conn, struct cursor *ret_cursor, bool *ret_found,
                            struct error *err);

struct kafka_reader;

/* Kafka's own, the truth, by a committed reader. *ret_found is false if there is none for LOG_ID;
 * a missing topic is the error kafka-no-topic. A commit becomes visible some milliseconds after the
 * publisher was told: an older cursor, or none, may be found. */
MUST_CHECK bool cursor_fetch(struct kafka_reader *reader, const char *prefix, const char *log_id,
                             int64_t deadline_ms, struct cursor *ret_cursor, bool *ret_found,
                             struct error *err);

#endif
