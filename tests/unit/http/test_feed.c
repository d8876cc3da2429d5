/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that are asked for: sources that pause, clients that are slow, gone or half gone. */
#include <check.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "base/queue.h"
#include "base/thread.h"
#include "tests/unit/http/echo_server.h"
#include "tests/unit/http/raw_client.h"

#define GET "GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define GET_OLD "GET /feed HTTP/1.0\r\n\r\n"

enum { IDLE_MS = 400 };

/* Gives `allowed` bytes, all 'x', then nothing; or its end. */
struct source {
    struct http_feed *feed;
    atomic_size_t allowed;
    atomic_size_t given;
    atomic_bool ended;
    atomic_uint asked;
    atomic_uint closed;
    bool answers_late; /* by the test */
};

static struct echo_server echo;
static struct raw_client client;
static struct source source;
static struct queue *opened;

static size_t read_source(void *arg, char *out, size_t max, bool *ret_ended)
{
    struct source *s = arg;
    size_t left = atomic_load(&s->allowed) - atomic_load(&s->given);
    size_t len = left < max ? left : max;

    memset(out, 'x', len);
    atomic_fetch_add(&s->given, len);
    *ret_ended = len == 0 && atomic_load(&s->ended);
    atomic_fetch_add(&s->asked, 1);
    return len;
}

static void close_source(void *arg)
{
    struct source *s = arg;

    atomic_fetch_add(&s->closed, 1);
}

static const struct http_feed_source source_calls = {.read = read_source, .closed = close_source};
static const struct http_header headers[] = {{"Content-Type", STR_INIT("text/event-stream")}};

static void open_feed(void *arg, struct http_request *r)
{
    (void)arg;
    source.feed = http_feed_new(r, &source_calls, &source);
    if (!source.answers_late)
        http_respond_feed(source.feed, 200, headers, 1);
    ck_assert_int_eq(queue_push(opened, &source), QUEUE_PUSHED);
}

static void start_with(int64_t idle_ms)
{
    struct http_config config = echo_config();

    config.idle_timeout_ms = idle_ms;
    opened = queue_new(4);
    source = (struct source){0};
    echo = (struct echo_server){.handler = open_feed};
    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
}

static void start(void)
{
    start_with(IDLE_MS);
}

static void ask(const char *request)
{
    raw_send(&client, str_of(request));
    ck_assert_ptr_nonnull(queue_pop(opened, RAW_WAIT_MS));
}

static void stop(void)
{
    raw_close(&client);
    echo_await(&source.closed, 1);
    echo_stop(&echo);
    ck_assert_uint_eq(atomic_load(&source.closed), 1);
    queue_free(opened);
}

static void allow(size_t bytes)
{
    atomic_fetch_add(&source.allowed, bytes);
    http_feed_wake(source.feed);
}

static void end(void)
{
    atomic_store(&source.ended, true);
    http_feed_wake(source.feed);
}

START_TEST(what_comes_in_pieces_arrives_whole_and_closes)
{
    struct raw_reply reply;

    start();
    ask(GET);
    for (int i = 0; i < 200; i++) {
        allow(11);
        if (i % 20 == 0)
            raw_read_some(&client); /* so that the connection comes to rest in between */
    }
    end();
    reply = raw_receive(&client, false);
    ck_assert_int_eq(reply.status, 200);
    ck_assert(reply.whole);
    ck_assert_uint_eq(reply.body.len, 2200);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
}
END_TEST

START_TEST(a_client_of_http_1_0_has_its_end_by_the_connection)
{
    start();
    ask(GET_OLD);
    allow(100000);
    end();
    raw_skip(&client);
    ck_assert_uint_eq(atomic_load(&source.given), 100000);
    stop();
}
END_TEST

START_TEST(a_wake_before_the_answer_is_not_lost)
{
    struct raw_reply reply;

    start();
    source.answers_late = true;
    ask(GET);
    allow(5);
    end();
    http_respond_feed(source.feed, 200, headers, 1);
    reply = raw_receive(&client, false);
    ck_assert(reply.whole);
    ck_assert_uint_eq(reply.body.len, 5);
    stop();
}
END_TEST

START_TEST(a_feed_to_a_connection_that_was_reset_closes)
{
    enum { RESETS = 100 };

    start();
    source.answers_late = true;
    for (unsigned i = 1; i <= RESETS; i++) {
        ask(GET);
        raw_reset(&client);
        raw_connect(&client, echo_address(&echo));
        http_respond_feed(source.feed, 200, headers, 1);
        echo_await(&source.closed, i);
    }
    atomic_store(&source.closed, 1);
    stop();
}
END_TEST

static void wake_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++)
        allow(1);
    end();
}

START_TEST(wakes_from_another_thread_are_never_lost)
{
    struct thread *thread;
    struct raw_reply reply;
    struct error err;

    start();
    ask(GET);
    ck_assert(thread_start(THREAD_QUERY, "waker", wake_often, NULL, &thread, &err));
    reply = raw_receive(&client, false);
    thread_join(thread);
    ck_assert(reply.whole);
    ck_assert_uint_eq(reply.body.len, 20000);
    stop();
}
END_TEST

START_TEST(a_client_that_reads_nothing_is_cut)
{
    start();
    ask(GET);
    allow((size_t)1 << 30);
    echo_await(&source.closed, 1);
    ck_assert_uint_lt(atomic_load(&source.given), 32 << 20);
    stop();
}
END_TEST

START_TEST(an_idle_feed_is_not_cut)
{
    start();
    ask(GET);
    allow(3);
    ck_assert(raw_stays_open(&client, 3 * IDLE_MS));
    ck_assert_uint_eq(atomic_load(&source.closed), 0);
    end();
    ck_assert(raw_receive(&client, false).whole);
    stop();
}
END_TEST

START_TEST(a_client_that_is_gone_ends_an_idle_feed)
{
    start();
    ask(GET);
    allow(3);
    raw_read_some(&client);
    raw_close(&client);
    echo_await(&source.closed, 1); /* without any wake */
    raw_connect(&client, echo_address(&echo));
    stop();
}
END_TEST

START_TEST(a_client_that_sends_no_more_counts_as_gone)
{
    start();
    ask(GET);
    allow(3);
    raw_read_some(&client);
    ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
    echo_await(&source.closed, 1);
    stop();
}
END_TEST

START_TEST(a_client_that_reads_nothing_does_not_hold_up_a_drain)
{
    start_with(3 * RAW_WAIT_MS);
    ask(GET);
    allow((size_t)1 << 30);
    echo_await(&source.asked, 8); /* the kernel's buffers are full, or will be */
    http_server_drain(echo.server);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    stop();
}
END_TEST

START_TEST(a_client_that_reads_has_the_rest_of_its_feed_in_a_drain)
{
    struct raw_reply reply;

    start();
    ask(GET);
    http_server_drain(echo.server);
    for (int i = 0; i < 5; i++) {
        allow(11);
        raw_read_some(&client);
    }
    ck_assert(raw_stays_open(&client, IDLE_MS)); /* it has all there is: only its source ends it */
    end();
    reply = raw_receive(&client, false);
    ck_assert(reply.whole);
    ck_assert_uint_eq(reply.body.len, 55);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    stop();
}
END_TEST

START_TEST(stopping_the_server_ends_a_feed)
{
    start();
    ask(GET);
    allow(3);
    raw_read_some(&client);
    echo_stop(&echo);
    ck_assert_uint_eq(atomic_load(&source.closed), 1);
    raw_close(&client);
    queue_free(opened);
}
END_TEST

Suite *http_feed_suite(void);
Suite *http_feed_suite(void)
{
    Suite *suite = suite_create("http_feed");
    TCase *tc = tcase_create("feed");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, what_comes_in_pieces_arrives_whole_and_closes);
    tcase_add_test(tc, a_client_of_http_1_0_has_its_end_by_the_connection);
    tcase_add_test(tc, a_wake_before_the_answer_is_not_lost);
    tcase_add_test(tc, a_feed_to_a_connection_that_was_reset_closes);
    tcase_add_test(tc, wakes_from_another_thread_are_never_lost);
    tcase_add_test(tc, a_client_that_reads_nothing_is_cut);
    tcase_add_test(tc, an_idle_feed_is_not_cut);
    tcase_add_test(tc, a_client_that_is_gone_ends_an_idle_feed);
    tcase_add_test(tc, a_client_that_sends_no_more_counts_as_gone);
    tcase_add_test(tc, a_client_that_reads_nothing_does_not_hold_up_a_drain);
    tcase_add_test(tc, a_client_that_reads_has_the_rest_of_its_feed_in_a_drain);
    tcase_add_test(tc, stopping_the_server_ends_a_feed);
    suite_add_tcase(suite, tc);
    return suite;
}
