/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body that one thread writes while an http thread sends it: a ring of bytes between the two.
 *
 * libmicrohttpd asks for bytes; where there are none, the connection is suspended, and the next
 * write has it resumed. Both happen under the stream's lock, so no wake-up is lost. Once the
 * connection is done with the stream (http_stream_detach), the writer touches nothing but the
 * stream.
 */
#include <assert.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/monitor.h"
#include "http/http_internal.h"

enum {
    RING_BYTES = 256 * 1024,
    BLOCK_BYTES = 32 * 1024, /* libmicrohttpd's buffer for a client of HTTP/1.0 */
};

struct http_stream {
    struct http_connection *connection; /* until detached */
    int64_t idle_ms;
    struct monitor monitor; /* guards what follows; told when the client took bytes or is gone */
    unsigned owners;        /* the writer and the connection */
    bool detached;          /* the connection is done with it */
    bool cut;               /* to be ended without its end */
    bool ended;             /* by the writer */
    bool suspended;         /* the connection waits for bytes */
    size_t head;            /* where the oldest byte is */
    size_t len;
    size_t taken; /* in all */
    char *ring;
};

static struct http_stream *stream_new(struct http_request *r)
{
    struct http_stream *stream = mem_zalloc(sizeof(*stream));

    stream->connection = r->connection;
    stream->idle_ms = r->connection->worker->server->config.idle_timeout_ms;
    monitor_init(&stream->monitor);
    stream->owners = 2;
    stream->ring = mem_alloc(RING_BYTES);
    return stream;
}

/* Unlocks, and frees if nobody is left. */
static void disown(struct http_stream *stream)
{
    bool last = --stream->owners == 0;

    monitor_unlock(&stream->monitor);
    if (!last)
        return;
    monitor_release(&stream->monitor);
    mem_free(stream->ring);
    mem_free(stream);
}

static bool is_alive(const struct http_stream *stream)
{
    return !stream->detached && !stream->cut;
}

static void resume(struct http_stream *stream)
{
    if (!stream->suspended)
        return;
    stream->suspended = false;
    http_worker_push_ready(stream->connection->worker, &stream->connection->request);
}

struct http_stream *http_respond_stream(struct http_request *r, int status,
                                        const struct http_header *headers, size_t headers_count)
{
    struct http_stream *stream = stream_new(r);
    struct http_response response = {
        .status = status, .headers = headers, .headers_count = headers_count};

    http_answer_store(r, &response);
    r->answer.stream = stream;
    http_answer_deliver(r);
    return stream;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* As much as lies in one piece. */
static size_t ring_take(struct http_stream *stream, char *out, size_t max)
{
    size_t len = smaller(smaller(max, stream->len), RING_BYTES - stream->head);

    memcpy(out, stream->ring + stream->head, len);
    stream->head = (stream->head + len) % RING_BYTES;
    stream->len -= len;
    /* From the start again, so that a stream of small pieces does not touch the whole ring. */
    if (stream->len == 0)
        stream->head = 0;
    return len;
}

static size_t ring_put(struct http_stream *stream, struct str bytes)
{
    size_t at = (stream->head + stream->len) % RING_BYTES;
    size_t len = smaller(smaller(bytes.len, RING_BYTES - stream->len), RING_BYTES - at);

    memcpy(stream->ring + at, bytes.data, len);
    stream->len += len;
    return len;
}

static ssize_t read_for_client(void *cls, uint64_t position, char *out, size_t max)
{
    struct http_stream *stream = cls;
    ssize_t result = 0;

    (void)position;
    monitor_lock(&stream->monitor);
    if (stream->cut) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (stream->len > 0) {
        size_t len = ring_take(stream, out, max);

        stream->taken += len;
        result = (ssize_t)len;
        monitor_notify_all(&stream->monitor);
    } else if (stream->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection->mhd);
    }
    stream->connection->worker->goes_on |= result != 0;
    monitor_unlock(&stream->monitor);
    return result;
}

struct MHD_Response *http_stream_response(struct http_stream *stream)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_for_client, stream, NULL);

    /* To a HEAD libmicrohttpd would send the last chunk. As to HTTP/1.0: no chunks, then the end.
     */
    if (response != NULL && stream->connection->request.facts.method == HTTP_HEAD)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    return response;
}

size_t http_stream_detach(struct http_stream *stream)
{
    size_t taken;

    monitor_lock(&stream->monitor);
    stream->detached = true;
    taken = stream->taken;
    monitor_notify_all(&stream->monitor);
    disown(stream);
    return taken;
}

static void cut(struct http_stream *stream)
{
    stream->cut = true;
    monitor_notify_all(&stream->monitor);
    resume(stream);
}

void http_stream_cut(struct http_stream *stream)
{
    monitor_lock(&stream->monitor);
    cut(stream);
    monitor_unlock(&stream->monitor);
}

/* Waits for room; false: none came for idle_ms, or nobody is there to make any. */
static bool wait_for_room(struct http_stream *stream)
{
    size_t taken = stream->taken;
    struct monitor_deadline deadline = monitor_deadline(stream->idle_ms);

    while (is_alive(stream) && stream->taken == taken) {
        if (monitor_wait(&stream->monitor, &deadline))
            continue;
        /* Not detached, so the connection still has its descriptor. */
        if (is_alive(stream) && stream->taken == taken) {
            shutdown(stream->connection->fd, SHUT_RDWR);
            cut(stream);
        }
    }
    return is_alive(stream);
}

bool http_stream_write(struct http_stream *stream, struct str bytes)
{
    bool alive;

    monitor_lock(&stream->monitor);
    assert(!stream->ended);
    while ((alive = is_alive(stream)) && bytes.len > 0) {
        if (stream->len == RING_BYTES) {
            wait_for_room(stream);
        } else {
            size_t len = ring_put(stream, bytes);

            bytes = str_from(bytes.data + len, bytes.len - len);
            resume(stream);
        }
    }
    monitor_unlock(&stream->monitor);
    return alive;
}

void http_stream_end(struct http_stream *stream, bool ok)
{
    monitor_lock(&stream->monitor);
    stream->ended = true;
    if (!stream->detached) {
        if (!ok)
            cut(stream);
        resume(stream);
    }
    disown(stream);
}
