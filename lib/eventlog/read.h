/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the log and its streams. Every read is one statement on a fresh snapshot; long reads are
 * done in slices by the caller (no transaction of ours lives longer than 2 s).
 *
 * Threads: the connection's owner only. Strings of a page live in the ARENA given.
 */
#ifndef DAYBOOK_EVENTLOG_READ_H
#define DAYBOOK_EVENTLOG_READ_H
#include "base/error.h"
#include "eventlog/event.h"

struct arena;
struct pg_conn;

enum { LOG_SLICE_EVENTS_MAX = 5000, LOG_SLICE_BYTES_MAX = 16 << 20 };

struct event_page {
    struct event *events;
    size_t count;
    struct position head; /* of the log in the same snapshot; log_read only */
    /* log_read: everything up to here was looked at (filters may have dropped it); go on after it.
     */
    struct position read_to;
};

struct log_filter { /* data NULL / 0: any */
    struct str tenant;
    struct str category;
    struct str type;
    struct str correlation_id;
    int64_t since_us; /* recorded_at >= */
    int64_t until_us; /* recorded_at < */
};

/* Events with position > AFTER and <= UP_TO (0: the head), in order, at most LIMIT and, but for
 * the last of them, LOG_SLICE_BYTES_MAX of data and metadata. Complete: positions are gapless and
 * in commit order. */
MUST_CHECK bool log_read(struct pg_conn *conn, struct position after, struct position up_to,
                         const struct log_filter *filter, size_t limit, struct arena *arena,
                         struct event_page *ret_page, struct error *err);

/* Which streams: those of CATEGORIES (ends with NULL) whose number falls to LANE of LANES, so that
 * several readers share the log and each has all events of its streams. */
struct log_lane {
    const char *const *categories;
    int lane;
    int lanes;
};

enum { LOG_LANE_EVENTS_MAX = 50000 };

/* As log_read, of one lane; UP_TO is not beyond the head. ret_page->head is not set. */
MUST_CHECK bool log_read_lane(struct pg_conn *conn, struct position after, struct position up_to,
                              const struct log_lane *lane, size_t limit, struct arena *arena,
                              struct event_page *ret_page, struct error *err);
/* How many events of CATEGORIES the log has: the sum of their streams' versions. */
MUST_CHECK bool log_count(struct pg_conn *conn, const char *const *categories, int64_t *ret_count,
                          struct error *err);
/* How many events after AFTER up to UP_TO fit FILTER (correlation_id is not looked at). One
 * statement: ask for some LOG_COUNT_POSITIONS at once. */
enum { LOG_COUNT_POSITIONS = 200000 };
MUST_CHECK bool log_count_slice(struct pg_conn *conn, struct position after, struct position up_to,
                                const struct log_filter *filter, int64_t *ret_count,
                                struct error *err);
MUST_CHECK bool log_read_head(struct pg_conn *conn, struct position *ret_head, struct error *err);
MUST_CHECK bool log_find_event(struct pg_conn *conn, struct position position, struct arena *arena,
                               struct event *ret_event, bool *ret_found, struct error *err);

/* Events of this id in streams of TENANT, or in STREAM alone (data NULL: any), at most LIMIT: an id
 * is unique in its stream only. */
MUST_CHECK bool events_find(struct pg_conn *conn, struct str tenant, struct str id,
                            struct str stream, size_t limit, struct arena *arena,
                            struct event_page *ret_page, struct error *err);

struct stream_head {
    int64_t id;
    struct version version; /* 0: the stream does not exist */
    struct position first_position;
    struct position last_position;
};

MUST_CHECK bool stream_find(struct pg_conn *conn, struct str tenant, struct str stream,
                            struct stream_head *ret_head, struct error *err);

enum stream_direction { STREAM_FORWARD, STREAM_BACKWARD };

/* Events from version FROM on (inclusive) in DIRECTION. TYPE data NULL: all. ret_head in the same
 * snapshot. */
MUST_CHECK bool stream_read(struct pg_conn *conn, struct str tenant, struct str stream,
                            struct version from, enum stream_direction direction, struct str type,
                            size_t limit, struct arena *arena, struct stream_head *ret_head,
                            struct event_page *ret_page, struct error *err);

/* A part of a stream: versions above AFTER, up to UP_TO. */
struct stream_span {
    int64_t id;
    struct position first_position; /* the stream's */
    struct version after;
    struct version up_to;
};

/* Events of several streams in one statement, span by span, each in order of version; at most LIMIT
 * of them. ret_spans[i] is the number of the span of event i. What the log lacks is left out: the
 * caller looks at the versions. */
MUST_CHECK bool spans_read(struct pg_conn *conn, const struct stream_span *spans, size_t count,
                           size_t limit, struct arena *arena, struct event_page *ret_page,
                           size_t **ret_spans, struct error *err);

struct stream_info {
    struct str stream;
    struct version version;
    struct position last_position;
};
/* Streams whose name begins with PREFIX, after AFTER (exclusive; data NULL: from the first), by
 * name. */
MUST_CHECK bool streams_list(struct pg_conn *conn, struct str tenant, struct str prefix,
                             struct str after, size_t limit, struct arena *arena,
                             struct stream_info **ret, size_t *ret_count, struct error *err);

#endif
