/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in memory for subscribers: event N is of stream "<letter>-<number>", and what is rendered
 * of it is its position.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_UNIT_EVENTLOG_SUBSCRIBED_LOG_H
#define DAYBOOK_TESTS_UNIT_EVENTLOG_SUBSCRIBED_LOG_H
#include "eventlog/subscription_core.h"

enum { SUBSCRIBED_EVENTS_MAX = 5000, SUBSCRIBED_STREAMS = 6 };

struct subscribed_log {
    struct event events[SUBSCRIBED_EVENTS_MAX]; /* at position - 1 */
    int64_t head;
    int64_t versions[SUBSCRIBED_STREAMS];
};

/* One more event, of stream number STREAM. */
void subscribed_append(struct subscribed_log *log, unsigned stream);
struct str subscribed_stream(unsigned stream); /* its name */

/* What is in (after, to], all of it, at most so many events. */
struct chunk *subscribed_chunk(const struct subscribed_log *log, int64_t after, int64_t to,
                               size_t events_max);
/* The same as a reader of history does it: only what fits the filter, or the stream's. */
struct chunk *subscribed_history(const struct subscribed_log *log, const struct subscription *s);

/* Whether event N is one that S should get. */
bool subscribed_fits(const struct subscribed_log *log, const struct subscription_filter *filter,
                     int64_t position);

#endif
