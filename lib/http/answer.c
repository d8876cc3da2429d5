/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way out. */
#include <assert.h>

#include "base/arena.h"
#include "http/http_internal.h"

enum { PROBLEM_BYTES_MAX = 16 * 1024 };

static bool is_printable(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];

        if (c < ' ' || c == 0x7f)
            return false;
    }
    return value.len > 0;
}

static void store_headers(struct http_request *r, const struct http_header *headers, size_t count)
{
    struct answer_header *copies = ARENA_ARRAY(r->arena, struct answer_header, count);

    for (size_t i = 0; i < count; i++) {
        assert(is_printable(headers[i].value));
        copies[i].name = headers[i].name;
        copies[i].value = arena_cstr(r->arena, headers[i].value);
    }
    r->answer.headers = copies;
    r->answer.headers_count = count;
}

void http_answer_store(struct http_request *r, const struct http_response *response)
{
    assert(r->answer.status == 0); /* answered once */
    assert(response->status >= 200 && response->status <= 599);

    r->answer.status = response->status;
    r->answer.close = response->close;
    r->answer.body = response->body_in_arena ? response->body : arena_dup(r->arena, response->body);
    store_headers(r, response->headers, response->headers_count);
}

void http_answer_deliver(struct http_request *r)
{
    struct http_worker *worker = r->connection->worker;
    struct http_server *server = worker->server;

    if (!http_receive_answered(r))
        http_worker_push_ready(worker, r);
    /* The worker may finish the request at any moment. The server waits for this count. */
    atomic_fetch_sub(&server->held, 1);
}

void http_hand_back(struct http_request *r, http_handler_fn fn, void *arg)
{
    struct http_worker *worker = r->connection->worker;
    struct http_server *server = worker->server;

    r->next = fn;
    r->next_arg = arg;
    /* The request's own count may be gone as soon as the worker has it. */
    atomic_fetch_add(&server->held, 1);
    http_worker_push_ready(worker, r);
    atomic_fetch_sub(&server->held, 1);
}

void http_respond(struct http_request *r, const struct http_response *response)
{
    http_answer_store(r, response);
    http_answer_deliver(r);
}

static struct MHD_Response *plain_response(const struct http_answer *answer)
{
    /* The arena outlives it: libmicrohttpd sends before it tells us that the request is finished.
     * It takes a pointer to what it will not change. */
    union {
        const char *in;
        void *out;
    } body = {.in = answer->body.data};

    return MHD_create_response_from_buffer(answer->body.len, body.out, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *response_of(const struct http_answer *answer)
{
    if (answer->feed != NULL)
        return http_feed_response(answer->feed);
    return answer->stream != NULL ? http_stream_response(answer->stream) : plain_response(answer);
}

enum MHD_Result http_answer_queue(struct http_request *r)
{
    const struct http_answer *answer = &r->answer;
    bool close = answer->close || atomic_load(&r->connection->worker->server->draining);
    struct MHD_Response *response = response_of(answer);
    enum MHD_Result queued = MHD_YES;

    r->connection->worker->goes_on = true; /* it goes out in the next round */
    if (response == NULL)
        return MHD_NO;
    for (size_t i = 0; i < answer->headers_count && queued == MHD_YES; i++)
        queued =
            MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    if (close && queued == MHD_YES)
        queued = MHD_add_response_header(response, "Connection", "close");
    if (queued == MHD_YES) {
        http_connection_set_stage(r->connection, STAGE_SENDING);
        r->state = REQUEST_SENDING;
        queued = MHD_queue_response(r->connection->mhd, (unsigned)answer->status, response);
    }
    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result http_refuse(struct http_request *r, const struct http_refusal *refusal)
{
    static const struct http_header headers[] = {
        {"Content-Type", STR_INIT("application/problem+json")},
        {"Retry-After", STR_INIT("1")},
    };
    const struct http_config *config = &r->connection->worker->server->config;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(PROBLEM_BYTES_MAX);
    struct http_response response = {
        .status = refusal->status,
        .headers = headers,
        .headers_count = refusal->status == 503 ? 2 : 1,
        .close = true,
    };

    config->refuse(config->arg, r, refusal->status, refusal->slug, refusal->detail, &body);
    response.body = buf_str(&body);
    http_answer_store(r, &response);
    r->state = REQUEST_ANSWERED;
    return http_answer_queue(r);
}
