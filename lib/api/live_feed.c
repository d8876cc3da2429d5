/* SPDX-License-Identifier: Apache-2.0 */
#include "api/live_feed.h"

#include "api/log_id.h"
#include "api/sse.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "eventlog/cloud_event.h"
#include "eventlog/subscriptions.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    OWN_BYTES_MAX = 512,
    RETRY_MS = 1000, /* at least; and at most twice that: not all come back at once */
};

struct live_feed {
    struct subscription subscription;
    struct api *api;
    struct http_feed *http;
    struct arena *arena; /* the filter's texts */

    /* The http thread's. */
    struct buf own;        /* what goes out before `event_left` */
    struct str own_left;   /* of it */
    struct str event_left; /* of an event's text, in its chunk */
    int64_t told_id;       /* the last id that was sent */
    bool taking;           /* events from the chunk in hand */
    bool ended;
};

/* What is sent. */

static void begin_own(struct live_feed *feed)
{
    buf_clear(&feed->own);
}

static void end_own(struct live_feed *feed)
{
    assert(!feed->own.failed);
    feed->own_left = buf_str(&feed->own);
}

static void write_id(struct live_feed *feed, int64_t id)
{
    if (id == feed->told_id)
        return;
    feed->told_id = id;
    sse_write_id(&feed->own, id);
}

static bool is_of_stream(const struct live_feed *feed)
{
    return feed->subscription.filter.stream.data != NULL;
}

static void write_caught_up(struct live_feed *feed)
{
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(OWN_BYTES_MAX / 4);
    int64_t id = feed->subscription.id;

    buf_printf(&data, "{\"%s\":%" PRId64 "}", is_of_stream(feed) ? "version" : "position", id);
    begin_own(feed);
    write_id(feed, id);
    sse_write_event(&feed->own, STR("caught-up"), buf_str(&data));
    end_own(feed);
}

/* The id goes out as well: who connects again need not look again at what did not fit. */
static void write_heartbeat(struct live_feed *feed)
{
    begin_own(feed);
    write_id(feed, feed->subscription.id);
    sse_write_comment(&feed->own, "heartbeat");
    end_own(feed);
}

static int64_t retry_ms(void)
{
    return RETRY_MS + (int64_t)(random_u64() % RETRY_MS);
}

static void write_end(struct live_feed *feed)
{
    struct buf *out = &feed->own;

    begin_own(feed);
    switch (atomic_load(&feed->subscription.end)) {
    case SUBSCRIPTION_LAGGING:
        sse_write_event(out, STR("lagging"),
                        STR("{\"reason\":\"the client reads more slowly than events come\"}"));
        break;
    case SUBSCRIPTION_STOPPING:
        sse_write_event(out, STR("closing"), STR("{\"reason\":\"stopping\"}"));
        break;
    case SUBSCRIPTION_LOG_REPLACED:
        sse_write_event(out, STR("closing"), STR("{\"reason\":\"log-replaced\"}"));
        break;
    case SUBSCRIPTION_UNREADABLE:
        sse_write_event(out, STR("closing"), STR("{\"reason\":\"unreadable\"}"));
        break;
    case SUBSCRIPTION_GOES_ON:
    case SUBSCRIPTION_ENDS:
        break;
    }
    sse_write_retry(out, retry_ms());
    end_own(feed);
    feed->ended = true;
}

static void write_event(struct live_feed *feed, const struct chunk_event *event)
{
    begin_own(feed);
    write_id(feed, is_of_stream(feed) ? event->version.n : event->position.n);
    end_own(feed);
    feed->event_left = event->text;
}

/* The http thread asks. */

/* Something more to send; false: nothing now. */
static bool refill(struct live_feed *feed)
{
    const struct chunk_event *event = feed->taking ? subscription_event(&feed->subscription) : NULL;

    if (event != NULL) {
        write_event(feed, event);
        return true;
    }
    feed->taking = false;
    switch (subscriptions_next(feed->api->subscriptions, &feed->subscription)) {
    case STEP_EVENTS:
        feed->taking = true;
        return true;
    case STEP_CAUGHT_UP:
        write_caught_up(feed);
        return true;
    case STEP_HEARTBEAT:
        write_heartbeat(feed);
        return true;
    case STEP_END:
        write_end(feed);
        return true;
    case STEP_WAIT:
        break;
    }
    return false;
}

static size_t take(struct str *left, char *out, size_t max)
{
    size_t len = left->len < max ? left->len : max;

    if (len == 0)
        return 0;
    memcpy(out, left->data, len);
    *left = str_from(left->data + len, left->len - len);
    return len;
}

static size_t read_feed(void *arg, char *out, size_t max, bool *ret_ended)
{
    struct live_feed *feed = arg;
    size_t len = 0;

    subscription_took(&feed->subscription, clock_monotonic_ms());
    for (;;) {
        len += take(&feed->own_left, out + len, max - len);
        len += take(&feed->event_left, out + len, max - len);
        if (len == max)
            return len;
        if (feed->ended || !refill(feed))
            break;
    }
    *ret_ended = feed->ended;
    return len;
}

static void close_feed(void *arg)
{
    struct live_feed *feed = arg;

    subscriptions_remove(feed->api->subscriptions, &feed->subscription);
}

/* Its life. */

static struct str keep(struct arena *arena, struct str s)
{
    return s.data != NULL ? arena_dup(arena, s) : STR_NONE;
}

static struct live_feed *feed_of(struct subscription *subscription)
{
    return subscription->owner;
}

void live_feed_wake(struct subscription *subscription)
{
    http_feed_wake(feed_of(subscription)->http);
}

void live_feed_release(struct subscription *subscription)
{
    struct live_feed *feed = feed_of(subscription);

    buf_release(&feed->own);
    arena_free(feed->arena);
    mem_free(feed);
}

void live_feed_render(void *arg, const struct event *event, struct buf *out)
{
    struct api *api = arg;
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(CHUNK_EVENT_BYTES_MAX);
    char id[UUID_TEXT_LEN + 1];
    char source[16 + UUID_TEXT_LEN];

    uuid_format(log_id_get(api), id);
    snprintf(source, sizeof source, "/daybook/%s", id);
    cloud_event_write(event, str_of(source), &data);
    sse_write_event(out, event->type, buf_str(&data));
}

struct live_feed *live_feed_new(struct api *api, struct http_request *request,
                                const struct subscription_filter *filter,
                                const struct live_begin *begin)
{
    static const struct http_feed_source source = {.read = read_feed, .closed = close_feed};
    struct live_feed *feed = mem_zalloc(sizeof *feed);

    feed->api = api;
    feed->arena = arena_new(0);
    buf_init(&feed->own, OWN_BYTES_MAX);
    feed->http = http_feed_new(request, &source, feed);
    feed->subscription.filter =
        (struct subscription_filter){.tenant = keep(feed->arena, filter->tenant),
                                     .stream = keep(feed->arena, filter->stream),
                                     .category = keep(feed->arena, filter->category),
                                     .type = keep(feed->arena, filter->type),
                                     .correlation_id = keep(feed->arena, filter->correlation_id)};
    feed->subscription.at = begin->at;
    feed->subscription.seen = begin->seen;
    feed->subscription.head = begin->head;
    feed->subscription.owner = feed;
    feed->told_id = -1; /* who began at the head must know where that was */
    sse_write_retry(&feed->own, retry_ms());
    end_own(feed);
    if (subscriptions_add(api->subscriptions, &feed->subscription))
        return feed;
    http_feed_free(feed->http);
    live_feed_release(&feed->subscription);
    return NULL;
}

void live_feed_respond(struct live_feed *feed, const struct http_header *headers,
                       size_t headers_count)
{
    http_respond_feed(feed->http, 200, headers, headers_count);
}
