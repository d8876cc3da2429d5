/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from another thread, at whatever moment they come, and what becomes of them when client
 * or server go. */
#include <check.h>
#include <sched.h>

#include "tests/unit/http/echo_server.h"
#include "tests/unit/http/raw_client.h"

#define HOST "Host: localhost\r\n"

static struct echo_server echo;
static struct raw_client client;

static void start_with_threads(unsigned threads)
{
    struct http_config config = echo_config();

    config.threads = threads;
    echo = (struct echo_server){0};
    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
}

static void stop(void)
{
    raw_close(&client);
    echo_stop(&echo);
}

static void request_so_many(const char *request, unsigned count, struct str body)
{
    for (unsigned i = 0; i < count; i++) {
        struct raw_reply reply = raw_request(&client, request);

        ck_assert_int_eq(reply.status, 200);
        ck_assert(str_equal(reply.body, body));
    }
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.handled), count);
    ck_assert_uint_eq(atomic_load(&echo.finished), count);
    ck_assert_uint_eq(atomic_load(&echo.last_bytes), body.len);
}

static void request_many(const char *request, unsigned count)
{
    request_so_many(request, count, STR("later"));
}

START_TEST(an_answer_may_come_after_the_handler_has_returned)
{
    start_with_threads(1);
    request_many("GET /later HTTP/1.1\r\n" HOST "\r\n", 2000);
    stop();
}
END_TEST

START_TEST(an_answer_may_come_before_the_handler_has_returned)
{
    start_with_threads(1);
    request_many("GET /race HTTP/1.1\r\n" HOST "\r\n", 2000);
    stop();
}
END_TEST

START_TEST(a_request_that_is_handed_back_is_answered_on_its_thread)
{
    start_with_threads(1);
    request_so_many("GET /back HTTP/1.1\r\n" HOST "\r\n", 2000, STR("GET /back? 0"));
    stop();
}
END_TEST

START_TEST(a_request_that_was_handed_back_may_be_kept_anew)
{
    start_with_threads(1);
    request_many("GET /rounds HTTP/1.1\r\n" HOST "\r\n", 2000);
    stop();
}
END_TEST

START_TEST(a_body_is_there_when_another_thread_answers)
{
    start_with_threads(1);
    request_many("POST /later HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde", 500);
    stop();
}
END_TEST

START_TEST(many_connections_and_threads_mix_answers_of_all_kinds)
{
    enum { CLIENTS = 64, ROUNDS = 100 };
    static const char *const requests[] = {
        "GET /later HTTP/1.1\r\n" HOST "\r\n", "GET /echo HTTP/1.1\r\n" HOST "\r\n",
        "GET //refused HTTP/1.1\r\n" HOST "\r\n", "GET /rounds HTTP/1.1\r\n" HOST "\r\n",
        "GET /back HTTP/1.1\r\n" HOST "\r\n"};
    static struct raw_client many[CLIENTS];

    start_with_threads(3);
    for (int i = 0; i < CLIENTS; i++)
        raw_connect(&many[i], echo_address(&echo));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            raw_send(&many[i], str_of(requests[(i + round) % 5]));
        for (int i = 0; i < CLIENTS; i++) {
            bool refused = (i + round) % 5 == 2;

            ck_assert_int_eq(raw_receive(&many[i], false).status, refused ? 400 : 200);
            if (refused) {
                raw_close(&many[i]);
                raw_connect(&many[i], echo_address(&echo));
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&many[i]);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), CLIENTS * ROUNDS);
    stop();
}
END_TEST

START_TEST(a_request_whose_client_is_gone_is_finished_once_answered)
{
    start_with_threads(1);
    raw_send(&client, STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    echo_await(&echo.handled, 1);
    raw_close(&client);
    ck_assert(!http_server_wait_idle(echo.server, 20));
    echo_release(&echo, 1);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), 1);
    ck_assert_int_eq(atomic_load(&echo.last_status), 200);
    raw_connect(&client, echo_address(&echo));
    stop();
}
END_TEST

/* Whatever it is at: with its owner, on its way back, kept anew, being sent. */
START_TEST(a_request_that_goes_rounds_outlives_a_connection_that_is_reset)
{
    enum { RESETS = 500 };
    static const char *const requests[] = {"GET /back HTTP/1.1\r\n" HOST "\r\n",
                                           "GET /rounds HTTP/1.1\r\n" HOST "\r\n"};

    start_with_threads(2);
    for (unsigned i = 1; i <= RESETS; i++) {
        raw_send(&client, str_of(requests[i % 2]));
        echo_await(&echo.handled, i);
        raw_reset(&client);
        raw_connect(&client, echo_address(&echo));
    }
    echo_await(&echo.finished, RESETS);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), RESETS);
    stop();
}
END_TEST

/* The connection may end before the answer comes, or as it is being sent. */
START_TEST(a_request_outlives_a_connection_that_is_reset)
{
    enum { RESETS = 200 };

    start_with_threads(1);
    for (unsigned i = 1; i <= RESETS; i++) {
        raw_send(&client, STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
        echo_await(&echo.handled, i);
        raw_reset(&client);
        raw_connect(&client, echo_address(&echo));
        echo_release(&echo, 1);
        echo_await(&echo.finished, i);
        ck_assert_int_eq(atomic_load(&echo.last_status), 200);
    }
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), RESETS);
    stop();
}
END_TEST

START_TEST(requests_held_for_long_are_answered_among_short_ones)
{
    enum { HELD = 50, SHORT = 300 }; /* more than are called for before they are suspended */
    static struct raw_client many[HELD];

    start_with_threads(1);
    for (int i = 0; i < HELD; i++) {
        raw_connect(&many[i], echo_address(&echo));
        raw_send(&many[i], STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    }
    echo_await(&echo.handled, HELD);
    for (int i = 0; i < SHORT; i++)
        ck_assert_int_eq(raw_request(&client, "GET /later HTTP/1.1\r\n" HOST "\r\n").status, 200);
    echo_release(&echo, HELD);
    for (int i = 0; i < HELD; i++) {
        ck_assert_int_eq(raw_receive(&many[i], false).status, 200);
        ck_assert_int_eq(raw_request(&many[i], "GET /later HTTP/1.1\r\n" HOST "\r\n").status, 200);
        raw_close(&many[i]);
    }
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    stop();
}
END_TEST

/* A large head is not read at once, and nothing but the head tells the server to read on. */
START_TEST(a_large_head_is_read_while_a_request_is_held)
{
    enum { LARGE = 15000 };
    struct raw_client second;
    struct buf request = BUF_INIT(LARGE + 200);

    start_with_threads(1);
    raw_send(&client, STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    echo_await(&echo.handled, 1);
    buf_add_cstr(&request, "GET /echo HTTP/1.1\r\n" HOST "X-Large: ");
    while (request.len < LARGE)
        buf_add_char(&request, 'x');
    buf_add_str(&request, STR("\r\n\r\n"));
    raw_connect(&second, echo_address(&echo));
    raw_send(&second, buf_str(&request));
    ck_assert_int_eq(raw_receive(&second, false).status, 200);
    echo_release(&echo, 1);
    ck_assert_int_eq(raw_receive(&client, false).status, 200);
    raw_close(&second);
    buf_release(&request);
    stop();
}
END_TEST

START_TEST(a_request_that_never_arrives_whole_reaches_nobody)
{
    start_with_threads(1);
    raw_send(&client, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc"));
    raw_close(&client);
    raw_connect(&client, echo_address(&echo));
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n").status, 200);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.handled), 1);
    ck_assert_uint_eq(atomic_load(&echo.finished), 1);
    stop();
}
END_TEST

/* Answers go out and requests come in while the server stops; each that was handled is finished. */
START_TEST(stopping_under_load_finishes_every_request_once)
{
    enum { CLIENTS = 32, PIPELINED = 50 };
    static const char *const requests[] = {"GET /later HTTP/1.1\r\n" HOST "\r\n",
                                           "GET /back HTTP/1.1\r\n" HOST "\r\n",
                                           "GET /rounds HTTP/1.1\r\n" HOST "\r\n"};
    static struct raw_client many[CLIENTS];

    start_with_threads(2);
    for (int i = 0; i < CLIENTS; i++) {
        raw_connect(&many[i], echo_address(&echo));
        for (int j = 0; j < PIPELINED; j++)
            raw_send(&many[i], str_of(requests[j % 3]));
    }
    echo_await(&echo.handled, CLIENTS * PIPELINED / (2 + (unsigned)_i));
    raw_close(&client);
    echo_stop(&echo);
    ck_assert_uint_ge(atomic_load(&echo.finished), atomic_load(&echo.handled));
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&many[i]);
}
END_TEST

START_TEST(a_handler_may_answer_another_request_than_its_own)
{
    struct raw_client second;

    start_with_threads(1);
    raw_connect(&second, echo_address(&echo));
    raw_send(&client, STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    echo_await(&echo.handled, 1);
    ck_assert_int_eq(raw_request(&second, "GET /release HTTP/1.1\r\n" HOST "\r\n").status, 200);
    ck_assert(str_equal(raw_receive(&client, false).body, STR("released")));
    raw_close(&second);
    stop();
}
END_TEST

Suite *http_answer_suite(void);

Suite *http_answer_suite(void)
{
    Suite *suite = suite_create("http_answer");
    TCase *tcase = tcase_create("answer");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_answer_may_come_after_the_handler_has_returned);
    tcase_add_test(tcase, an_answer_may_come_before_the_handler_has_returned);
    tcase_add_test(tcase, a_request_that_is_handed_back_is_answered_on_its_thread);
    tcase_add_test(tcase, a_request_that_was_handed_back_may_be_kept_anew);
    tcase_add_test(tcase, a_body_is_there_when_another_thread_answers);
    tcase_add_test(tcase, many_connections_and_threads_mix_answers_of_all_kinds);
    tcase_add_test(tcase, a_request_whose_client_is_gone_is_finished_once_answered);
    tcase_add_test(tcase, a_request_outlives_a_connection_that_is_reset);
    tcase_add_test(tcase, a_request_that_goes_rounds_outlives_a_connection_that_is_reset);
    tcase_add_test(tcase, requests_held_for_long_are_answered_among_short_ones);
    tcase_add_test(tcase, a_large_head_is_read_while_a_request_is_held);
    tcase_add_test(tcase, a_request_that_never_arrives_whole_reaches_nobody);
    tcase_add_loop_test(tcase, stopping_under_load_finishes_every_request_once, 0, 8);
    tcase_add_test(tcase, a_handler_may_answer_another_request_than_its_own);
    suite_add_tcase(suite, tcase);
    return suite;
}
