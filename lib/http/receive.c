/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way in: target, head, body, handler. libmicrohttpd calls http_receive for each. */
#include <assert.h>

#include "base/arena.h"
#include "http/http_internal.h"
#include "http/layout.h"

enum {
    /* Read past a body's limit only so that the client hears why. */
    DISCARD_BYTES_MAX = 1024 * 1024,
};

static const struct http_refusal hidden_bytes = {
    400, "bad-request",
    "the header has bare line feeds, folded lines, a NUL or superfluous blanks"};
static const struct http_refusal body_too_large = {413, "payload-too-large",
                                                   "the body is larger than allowed here"};
static const struct http_refusal server_stops = {503, "overloaded", "the server is stopping"};

/* The call of the handler that this thread is in. */
static _Thread_local struct {
    const struct http_request *request;
    bool answered;
} handling;

void *http_receive_target(void *worker, const char *target, struct MHD_Connection *mhd)
{
    struct http_request *r = &http_connection_of(mhd)->request;

    (void)worker;
    http_request_begin(r, target);
    return r;
}

/* Copies TEXT to AT; returns what is behind it. */
static char *keep(struct str *text, char *at)
{
    if (text->len > 0)
        memcpy(at, text->data, text->len);
    *text = str_from(at, text->len);
    return at + text->len;
}

struct field_collector {
    struct http_field *fields;
    size_t count;
};

static enum MHD_Result collect_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
    struct field_collector *into = cls;

    (void)kind;
    into->fields[into->count++] =
        (struct http_field){str_from(name, name_len), str_from(value, value_len)};
    return MHD_YES;
}

static void collect_fields(struct http_request *r, struct MHD_Connection *mhd)
{
    int count = MHD_get_connection_values(mhd, MHD_HEADER_KIND, NULL, NULL);
    struct field_collector into = {0};

    into.fields = ARENA_ARRAY(r->arena, struct http_field, (size_t)count);
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, collect_field, &into);
    r->fields = into.fields;
    r->fields_count = into.count;
}

/* To where they stay, whatever becomes of the connection. */
static void keep_texts(struct http_request *r)
{
    size_t bytes = r->method_text.len;
    char *at;

    for (size_t i = 0; i < r->fields_count; i++)
        bytes += r->fields[i].name.len + r->fields[i].value.len;
    at = arena_alloc(r->arena, bytes);
    at = keep(&r->method_text, at);
    for (size_t i = 0; i < r->fields_count; i++) {
        at = keep(&r->fields[i].name, at);
        at = keep(&r->fields[i].value, at);
    }
}

static size_t head_bytes(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info != NULL ? info->header_size : 0;
}

static const struct http_refusal *check_head(struct http_request *r, const char *method,
                                             const char *version, size_t bytes)
{
    struct http_head head = {
        .method = r->method_text,
        .version = str_of(version),
        .target = r->target,
        .fields = r->fields,
        .fields_count = r->fields_count,
        .bytes = bytes,
    };
    struct http_layout layout = {
        .method = method,
        .target = r->target_raw,
        .version = version,
        .target_len = r->target.len,
        .fields = r->fields,
        .fields_count = r->fields_count,
        .bytes = bytes,
    };
    const struct http_refusal *refusal = http_head_check(&head, &r->facts);

    if (refusal == NULL && r->connection->worker->server->check_layout &&
        !http_layout_is_plain(&layout))
        return &hidden_bytes;
    return refusal;
}

static enum MHD_Result expect_body(struct http_request *r)
{
    const struct http_config *config = &r->connection->worker->server->config;

    r->body_max = config->body_max(config->arg, r);
    if (r->facts.content_length > r->body_max)
        return http_refuse(r, &body_too_large);
    r->body.max = r->body_max;
    http_connection_set_stage(r->connection, STAGE_BODY);
    return MHD_YES;
}

static enum MHD_Result receive_head(struct http_request *r, const char *method, const char *version)
{
    struct MHD_Connection *mhd = r->connection->mhd;
    const struct http_refusal *refusal;

    r->head_seen = true;
    atomic_fetch_add(&r->connection->worker->server->in_flight, 1);
    r->method_text = str_of(method);
    collect_fields(r, mhd);

    refusal = check_head(r, method, version, head_bytes(mhd));
    keep_texts(r);
    if (refusal != NULL)
        return http_refuse(r, refusal);
    if (r->facts.chunked || r->facts.content_length > 0)
        return expect_body(r);
    return MHD_YES;
}

/* False: there is too much of it even to be read past. */
static bool receive_body(struct http_request *r, const char *data, size_t len)
{
    r->body_seen += len;

    if (r->body_seen <= r->body_max) {
        buf_add(&r->body, data, len);
        return true;
    }
    /* libmicrohttpd takes no answer in the middle of a body. */
    r->discarding = true;
    return r->body_seen - r->body_max <= DISCARD_BYTES_MAX;
}

bool http_receive_answered(const struct http_request *r)
{
    if (handling.request != r)
        return false;
    handling.answered = true;
    return true;
}

/* True: it was answered meanwhile, else it is kept. */
static bool give(struct http_request *r, http_handler_fn fn, void *arg)
{
    r->state = REQUEST_HELD;
    handling.request = r;
    handling.answered = false;
    fn(arg, r);
    handling.request = NULL;
    if (handling.answered)
        r->state = REQUEST_ANSWERED;
    return handling.answered;
}

bool http_receive_returned(struct http_request *r)
{
    http_handler_fn next = r->next;

    assert(r->state == REQUEST_RETURNED);
    r->next = NULL;
    return give(r, next, r->next_arg);
}

/* Behind its owner's call. */
static enum MHD_Result answer_or_hold(struct http_request *r, bool answered)
{
    if (answered)
        return http_answer_queue(r);
    http_hold(r);
    return MHD_YES;
}

static enum MHD_Result give_to_handler(struct http_request *r)
{
    struct http_server *server = r->connection->worker->server;

    /* Counted before it looks, as http_server_stop says so before it counts: one sees the other. */
    atomic_fetch_add(&server->held, 1);
    if (atomic_load(&server->stopping)) {
        atomic_fetch_sub(&server->held, 1);
        return http_refuse(r, &server_stops);
    }
    http_connection_set_stage(r->connection, STAGE_HELD);
    return answer_or_hold(r, give(r, server->config.handler, server->config.arg));
}

enum MHD_Result http_receive(void *worker, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, const char *data,
                             size_t *data_len, void **request)
{
    struct http_request *r = *request;

    (void)mhd;
    (void)url; /* decoded, and cut at %00 */

    if (r->state == REQUEST_HELD) {
        http_hold_on(r);
        return MHD_YES;
    }
    if (r->state == REQUEST_RETURNED)
        return answer_or_hold(r, http_receive_returned(r));
    if (r->state == REQUEST_ANSWERED)
        return http_answer_queue(r);
    assert(r->state == REQUEST_RECEIVING);

    ((struct http_worker *)worker)->quiet_rounds = 0;
    if (!r->head_seen)
        return receive_head(r, method, version);
    if (*data_len > 0) {
        bool readable = receive_body(r, data, *data_len);

        *data_len = 0;
        return readable ? MHD_YES : MHD_NO;
    }
    return r->discarding ? http_refuse(r, &body_too_large) : give_to_handler(r);
}
