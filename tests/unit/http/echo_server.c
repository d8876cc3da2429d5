/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/echo_server.h"

#include <check.h>
#include <sched.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"

enum { QUEUE_MAX = 8192 };

void echo_answer(struct http_request *r, int status, struct str body)
{
    static const struct http_header headers[] = {{"Content-Type", STR_INIT("text/plain")}};
    struct http_response response = {
        .status = status, .headers = headers, .headers_count = 1, .body = body};

    http_respond(r, &response);
}

static void answer_other(struct http_request *r)
{
    static const struct http_header headers[] = {
        {"Content-Type", STR_INIT("text/plain")},
        {"ETag", STR_INIT("\"7\"")},
        {"Location", STR_INIT("/v1/orders/x")},
    };
    struct http_response response = {.status = 201,
                                     .headers = headers,
                                     .headers_count = 3,
                                     .body = arena_dup(http_request_arena(r), STR("made")),
                                     .body_in_arena = true,
                                     .close = true};

    http_respond(r, &response);
}

static void answer_echo(struct http_request *r)
{
    struct str method = http_request_method_text(r);
    struct str path = http_request_path(r);
    struct str query = http_request_query(r);

    echo_answer(r, http_request_method(r) == HTTP_OTHER_KNOWN ? 405 : 200,
                arena_printf(http_request_arena(r), STR_FMT " " STR_FMT "?" STR_FMT " %zu",
                             STR_ARG(method), STR_ARG(path), STR_ARG(query),
                             http_request_body(r).len));
}

static void push(struct queue *queue, struct http_request *r)
{
    ck_assert_int_eq(queue_push(queue, r), QUEUE_PUSHED);
}

static void race(struct echo_server *echo, struct http_request *r)
{
    unsigned before = atomic_load(&echo->raced);

    push(echo->later, r);
    /* One race at a time: with several the counter may be another's. */
    while (atomic_load(&echo->raced) == before)
        sched_yield();
}

static void handle(void *arg, struct http_request *r)
{
    struct echo_server *echo = arg;
    struct str path = http_request_path(r);

    atomic_fetch_add(&echo->handled, 1);
    if (str_equal(path, STR("/later")) || str_equal(path, STR("/back")) ||
        str_equal(path, STR("/rounds")))
        push(echo->later, r);
    else if (str_equal(path, STR("/race")))
        race(echo, r);
    else if (str_equal(path, STR("/hold")))
        push(echo->held, r);
    else if (str_equal(path, STR("/block"))) {
        while (!atomic_load(&echo->unblocked))
            sched_yield();
        answer_echo(r);
    } else if (str_equal(path, STR("/release"))) {
        echo_release(echo, 1);
        answer_echo(r);
    } else if (str_equal(path, STR("/body")))
        echo_answer(r, 200, http_request_body(r));
    else if (str_equal(path, STR("/other")))
        answer_other(r);
    else if (echo->handler != NULL && !str_equal(path, STR("/echo")))
        echo->handler(arg, r);
    else
        answer_echo(r);
}

/* On the http thread. */
static void go_round_again(void *arg, struct http_request *r)
{
    struct echo_server *echo = arg;

    if (str_equal(http_request_path(r), STR("/back"))) {
        answer_echo(r);
        return;
    }
    http_request_set_data(r, echo);
    push(echo->later, r);
}

static bool is_to_be_handed_back(const struct http_request *r)
{
    return str_equal(http_request_path(r), STR("/back")) ||
           (str_equal(http_request_path(r), STR("/rounds")) && http_request_data(r) == NULL);
}

static void answer_later(void *arg)
{
    struct echo_server *echo = arg;
    struct http_request *r;

    while ((r = queue_pop(echo->later, -1)) != NULL) {
        bool racing = str_equal(http_request_path(r), STR("/race"));

        if (is_to_be_handed_back(r)) {
            http_hand_back(r, go_round_again, echo);
            continue;
        }
        echo_answer(r, 200, STR("later"));
        if (racing)
            atomic_fetch_add(&echo->raced, 1);
    }
}

static size_t body_max(void *arg, const struct http_request *r)
{
    struct str path = http_request_path(r);

    (void)arg;
    if (str_equal(path, STR("/small")))
        return ECHO_SMALL_MAX;
    return str_equal(path, STR("/body")) ? ECHO_LARGE_MAX : ECHO_BODY_MAX;
}

static void refuse(void *arg, const struct http_request *r, int status, const char *slug,
                   const char *detail, struct buf *out)
{
    (void)arg;
    ck_assert_ptr_nonnull(r);
    buf_printf(out, "{\"type\":\"/docs/errors/%s\",\"status\":%d,\"detail\":\"%s\"}", slug, status,
               detail);
}

static void note_finished(void *arg, struct http_request *r, int status, size_t body_bytes)
{
    struct echo_server *echo = arg;

    ck_assert_int_gt((int)http_request_target(r).len, 0);
    atomic_store(&echo->last_status, status);
    atomic_store(&echo->last_bytes, body_bytes);
    atomic_fetch_add(&echo->finished, 1);
}

struct http_config echo_config(void)
{
    return (struct http_config){
        .listen = "127.0.0.1:0",
        .threads = 1,
        .connections_max = 4096,
        .connections_per_address_max = 4096,
        .header_timeout_ms = 60000,
        .idle_timeout_ms = 60000,
        .body_rate_min = 1,
        .handler = handle,
        .body_max = body_max,
        .refuse = refuse,
    };
}

void echo_start(struct echo_server *echo, const struct http_config *config)
{
    struct http_config own = *config;
    struct error err;

    echo->later = queue_new(QUEUE_MAX);
    echo->held = queue_new(QUEUE_MAX);
    own.arg = echo;
    ck_assert_msg(http_server_start(&own, &echo->server, &err), "%s", err.text);
    http_server_on_finished(echo->server, note_finished, echo);
    ck_assert(thread_start(THREAD_QUERY, "answerer", answer_later, echo, &echo->answerer, &err));
}

void echo_stop(struct echo_server *echo)
{
    http_server_stop(echo->server);
    queue_close(echo->later);
    thread_join(echo->answerer);
    queue_free(echo->later);
    queue_free(echo->held);
    ck_assert_uint_ge(atomic_load(&echo->finished), atomic_load(&echo->handled));
}

const char *echo_address(const struct echo_server *echo)
{
    return http_server_address(echo->server);
}

void echo_release(struct echo_server *echo, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct http_request *r = queue_pop(echo->held, 10000);

        ck_assert_ptr_nonnull(r);
        echo_answer(r, 200, STR("released"));
    }
}

void echo_await(atomic_uint *counter, unsigned value)
{
    int64_t deadline_ms = clock_monotonic_ms() + 10000;

    while (atomic_load(counter) < value) {
        ck_assert_msg(clock_monotonic_ms() < deadline_ms, "waited too long");
        sched_yield();
    }
}
