/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log, a database and a Kafka in memory, for the publisher's core: with transactions that can be
 * torn, answers that are lost, EndTxn requests that arrive late, foreign records, lost topics, and
 * a log that went back.
 *
 * The broker is the worst that there is: it does not verify that a produced record belongs to an
 * open transaction (KIP-890), so a late EndTxn leaves records open that nobody will ever end.
 */
#ifndef DAYBOOK_TESTS_UNIT_PUBLISHER_WORLD_H
#define DAYBOOK_TESTS_UNIT_PUBLISHER_WORLD_H
#include <check.h>

#include "publisher/core.h"

enum {
    WORLD_EVENTS_MAX = 4000,
    WORLD_PARTITIONS = 3,
    WORLD_TOPICS_MAX = 4,
    WORLD_RECORDS_MAX = 4000,
    WORLD_TEXT = 64,
};

enum record_state { RECORD_OPEN, RECORD_COMMITTED, RECORD_ABORTED };
enum record_maker { MADE_BY_US, MADE_BY_A_STRANGER, MADE_BY_ANOTHER_LOG };

struct world_record {
    enum record_state state;
    enum record_maker maker;
    int64_t position;
    int64_t previous;
    char id[WORLD_TEXT];
};

struct world_partition {
    struct world_record records[WORLD_RECORDS_MAX];
    int64_t low;
    int64_t high;
    bool added; /* to the coordinator's open transaction */
};

struct world_topic {
    bool exists;
    char name[CURSOR_TOPIC_MAX];
    char bad_settings[WORLD_TEXT];
    int32_t partitions;
    struct world_partition *of[WORLD_PARTITIONS];
};

enum publish_fault {
    PUBLISH_WELL,
    PUBLISH_DIES,         /* after fault_at records: the connection is gone, nobody ends it */
    PUBLISH_NOT_ENDED,    /* all records are there, EndTxn never arrives */
    PUBLISH_ANSWER_LOST,  /* committed, but the caller gets an error */
    PUBLISH_MARKERS_LOST, /* committed, but some partitions never hear of it */
    PUBLISH_ENDED_TWICE,  /* well, after a reconnect: the first EndTxn is still on its way */
    PUBLISH_FENCED,       /* another one opened in between */
};

struct world {
    /* the log */
    struct event events[WORLD_EVENTS_MAX];
    char ids[WORLD_EVENTS_MAX][WORLD_TEXT];
    char streams[WORLD_EVENTS_MAX][WORLD_TEXT];
    int64_t head;
    int generation; /* of event ids */
    char log_id[WORLD_TEXT];

    /* the database */
    bool has_copy;
    struct cursor copy;
    int64_t copy_epoch;
    char stop_reason[WORLD_TEXT];
    char stop_detail[PUBLISHER_DETAIL_MAX];
    bool paused;
    uint64_t connects;
    struct str categories[WORLD_TOPICS_MAX];
    size_t categories_count;

    /* Kafka */
    struct world_topic topics[WORLD_TOPICS_MAX];
    size_t topics_count;
    bool cursor_topic; /* exists */
    bool cursor_is_junk;
    bool cursor_hanging;
    struct cursor_record {
        enum record_state state;
        struct cursor cursor;
    } cursors[WORLD_RECORDS_MAX];
    int64_t cursors_count;
    bool cursor_added;
    int epoch;          /* of the transactional id */
    bool late_end;      /* an EndTxn is on its way ... */
    int late_end_epoch; /* ... of this epoch ... */
    size_t late_end_at; /* ... and arrives after so many records of a transaction */
    int opened;         /* producers made */

    /* what happens next */
    enum publish_fault fault;
    size_t fault_at;
    size_t lost_markers; /* a bit for each partition, then for the cursor */
    bool fail_next;      /* the next step that can fail */
    int64_t now_ms;
};

struct world *world_new(void);
void world_free(struct world *world);
void world_append(struct world *world, const char *category, int streams, int count);
/* The log ends at POSITION again; what is appended later has other ids. */
void world_log_back(struct world *world, int64_t position);
struct world_topic *world_topic(struct world *world, const char *category);
/* Behind the end of a partition. */
void world_put(struct world *world, const char *category, int32_t partition,
               enum record_maker maker, int64_t position, enum record_state state);
void world_retention(struct world *world, const char *category); /* empties all partitions */
void world_delete_topic(struct world *world, const char *category, bool make_anew);
/* The records of the last transaction in one partition become aborted: cursor visible, they not. */
void world_tear_records(struct world *world, const char *category);
/* The last cursor becomes aborted: its events visible, it not. */
void world_tear_cursor(struct world *world);

/* Fails unless a committed reader finds each event of the log exactly once, in order within its
 * partition, each naming the one before, and nothing is left open. FROM: the first position that
 * must be there. */
void world_verify(const struct world *world, int64_t from);

#endif
