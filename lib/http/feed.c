/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body that is asked for: whenever the client can take bytes, its source is called for them on
 * the http thread. Nothing is kept in between, so an idle feed costs its connection and no more.
 *
 * A source that has nothing is asked again after http_feed_wake(). A wake may come while it is
 * being asked: it is noted, and the source is asked once more instead of suspending. The feed's
 * lock is never held while the source is called, which may hold locks of its own when it wakes.
 */
#include <assert.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/http_internal.h"

enum {
    BLOCK_BYTES = 4 * 1024, /* libmicrohttpd's buffer for a client of HTTP/1.0 */
    /* What the kernel may hold for a client that reads slowly; it takes twice as much memory. */
    SEND_BUFFER_BYTES = 16 * 1024,
};

struct http_feed {
    struct http_connection *connection;
    const struct http_feed_source *source;
    void *arg;
    size_t taken; /* in all; the http thread's */

    pthread_mutex_t lock; /* guards what follows */
    bool suspended;       /* the connection waits for a wake */
    bool woken;           /* since the source was asked last */
    bool cut;             /* to be ended without its end */
};

struct http_feed *http_feed_new(struct http_request *r, const struct http_feed_source *source,
                                void *arg)
{
    struct http_feed *feed = mem_zalloc(sizeof(*feed));

    feed->connection = r->connection;
    feed->source = source;
    feed->arg = arg;
    pthread_mutex_init(&feed->lock, NULL);
    return feed;
}

void http_feed_free(struct http_feed *feed)
{
    pthread_mutex_destroy(&feed->lock);
    mem_free(feed);
}

void http_respond_feed(struct http_feed *feed, int status, const struct http_header *headers,
                       size_t headers_count)
{
    struct http_request *r = &feed->connection->request;
    struct http_response response = {
        .status = status, .headers = headers, .headers_count = headers_count, .close = true};

    assert(r->facts.method != HTTP_HEAD); /* there is nothing to ask for */
    http_answer_store(r, &response);
    r->answer.feed = feed;
    http_answer_deliver(r);
}

/* Locked. */
static void resume(struct http_feed *feed)
{
    feed->suspended = false;
    http_worker_push_ready(feed->connection->worker, &feed->connection->request);
}

void http_feed_wake(struct http_feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    if (feed->suspended)
        resume(feed);
    else
        feed->woken = true;
    pthread_mutex_unlock(&feed->lock);
}

void http_feed_cut(struct http_feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->cut = true;
    if (feed->suspended)
        resume(feed);
    pthread_mutex_unlock(&feed->lock);
}

/* True: ask the source. */
static bool begin(struct http_feed *feed)
{
    bool cut;

    pthread_mutex_lock(&feed->lock);
    feed->woken = false;
    cut = feed->cut;
    pthread_mutex_unlock(&feed->lock);
    return !cut;
}

/* False: something happened since begin(). */
static bool suspend(struct http_feed *feed)
{
    bool suspended;

    pthread_mutex_lock(&feed->lock);
    suspended = !feed->woken && !feed->cut;
    if (suspended) {
        feed->suspended = true;
        MHD_suspend_connection(feed->connection->mhd);
    }
    pthread_mutex_unlock(&feed->lock);
    return suspended;
}

static ssize_t read_source(struct http_feed *feed, char *out, size_t max)
{
    while (begin(feed)) {
        bool ended = false;
        size_t len = feed->source->read(feed->arg, out, max, &ended);

        assert(len <= max);
        feed->taken += len;
        if (len > 0)
            return (ssize_t)len;
        if (ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (suspend(feed))
            return 0;
    }
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_for_client(void *cls, uint64_t position, char *out, size_t max)
{
    struct http_feed *feed = cls;
    ssize_t result = read_source(feed, out, max);

    (void)position;
    feed->connection->worker->goes_on |= result != 0;
    return result;
}

struct MHD_Response *http_feed_response(struct http_feed *feed)
{
    const int bytes = SEND_BUFFER_BYTES;

    (void)setsockopt(feed->connection->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_for_client, feed,
                                             NULL);
}

size_t http_feed_detach(struct http_feed *feed)
{
    size_t taken = feed->taken;

    feed->source->closed(feed->arg); /* nobody wakes it any more */
    http_feed_free(feed);
    return taken;
}
