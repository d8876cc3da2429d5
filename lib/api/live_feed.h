/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscription as the body of an answer: server-sent events, one per event of the log, and those
 * of its own: "caught-up", "lagging", "closing".
 *
 * Threads: made on a query thread; then the connection's http thread, and whoever wakes it.
 */
#ifndef DAYBOOK_API_LIVE_FEED_H
#define DAYBOOK_API_LIVE_FEED_H
#include "api/api_internal.h"
#include "eventlog/subscription_core.h"

struct live_feed;

struct live_begin { /* as in a subscription */
    struct position at;
    struct version seen;
    struct position head;
};

/* FILTER's texts are copied. NULL: there are too many. */
struct live_feed *live_feed_new(struct api *api, struct http_request *request,
                                const struct subscription_filter *filter,
                                const struct live_begin *begin);
/* The feed is the server's from here on. */
void live_feed_respond(struct live_feed *feed, const struct http_header *headers,
                       size_t headers_count);

/* What subscriptions call (subscriptions.h). */
void live_feed_wake(struct subscription *subscription);
void live_feed_release(struct subscription *subscription);
void live_feed_render(void *arg, const struct event *event, struct buf *out);

#endif
