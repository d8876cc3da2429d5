/* SPDX-License-Identifier: Apache-2.0 */
/* A served connection: limits, bodies, several requests one after another, starting and stopping.
 */
#include <check.h>
#include <stdio.h>

#include "base/mem.h"
#include "tests/unit/http/echo_server.h"
#include "tests/unit/http/raw_client.h"

#define HOST "Host: localhost\r\n"
#define MIB (1024 * 1024)

static struct echo_server echo;
static struct raw_client client;

static void start_with(struct http_config config)
{
    echo = (struct echo_server){0};
    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
}

static void start(void)
{
    start_with(echo_config());
}

static void stop(void)
{
    raw_close(&client);
    echo_stop(&echo);
}

/* A request of BYTES in fields of 1,000 and one that fills up. */
static struct str head_of(struct buf *head, size_t bytes)
{
    char filler[2000];

    memset(filler, 'a', sizeof(filler));
    buf_init(head, bytes);
    buf_add_cstr(head, "GET /echo HTTP/1.1\r\n" HOST);
    while (head->len < bytes - 2) {
        size_t left = bytes - 2 - head->len;
        size_t field = left > 2000 ? 1000 : left;

        buf_add_cstr(head, "X-A:");
        buf_add(head, filler, field - 6);
        buf_add_cstr(head, "\r\n");
    }
    buf_add_cstr(head, "\r\n");
    ck_assert(!head->failed && head->len == bytes);
    return buf_str(head);
}

static int status_of(struct str request)
{
    raw_send_loosely(&client, request);
    return raw_receive(&client, false).status;
}

START_TEST(a_header_of_16_kib_is_served_and_one_byte_more_refused)
{
    SCOPED_VALUE(buf_release) struct buf head = BUF_INIT(0);

    start();
    ck_assert_int_eq(status_of(head_of(&head, 16 * 1024)), 200);
    buf_release(&head);
    ck_assert_int_eq(status_of(head_of(&head, 16 * 1024 + 1)), 431);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
}
END_TEST

/* libmicrohttpd's own limit; its answer is not ours. */
START_TEST(a_header_without_end_is_refused)
{
    SCOPED_VALUE(buf_release) struct buf head = BUF_INIT(0);

    start();
    ck_assert_int_eq(status_of(head_of(&head, 200 * 1024)), 431);
    stop();
}
END_TEST

static struct str fields_of(struct buf *head, size_t count)
{
    buf_clear(head);
    buf_add_cstr(head, "GET /echo HTTP/1.1\r\n" HOST);
    for (size_t i = 1; i < count; i++)
        buf_printf(head, "X-A:%zu\r\n", i);
    buf_add_cstr(head, "\r\n");
    return buf_str(head);
}

START_TEST(a_hundred_fields_are_served_and_one_more_refused)
{
    SCOPED_VALUE(buf_release) struct buf head = BUF_INIT(MIB);

    start();
    ck_assert_int_eq(status_of(fields_of(&head, 100)), 200);
    ck_assert_int_eq(status_of(fields_of(&head, 101)), 431);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
}
END_TEST

static struct str target_of(struct buf *head, size_t bytes)
{
    buf_clear(head);
    buf_add_cstr(head, "GET /");
    for (size_t i = 1; i < bytes; i++)
        buf_add_char(head, 'a');
    buf_add_cstr(head, " HTTP/1.1\r\n" HOST "\r\n");
    return buf_str(head);
}

START_TEST(a_target_of_8_kib_is_served_and_one_byte_more_refused)
{
    SCOPED_VALUE(buf_release) struct buf head = BUF_INIT(MIB);

    start();
    ck_assert_int_eq(status_of(target_of(&head, 8 * 1024)), 200);
    ck_assert_int_eq(status_of(target_of(&head, 8 * 1024 + 1)), 414);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
}
END_TEST

static void send_chunks(size_t bytes)
{
    enum { CHUNK = 16 * 1024 };
    static char chunk[CHUNK];

    memset(chunk, 'x', sizeof(chunk));
    while (bytes > 0) {
        size_t len = bytes < CHUNK ? bytes : CHUNK;
        char size[32];

        snprintf(size, sizeof(size), "%zx\r\n", len);
        raw_send_loosely(&client, str_of(size));
        raw_send_loosely(&client, str_from(chunk, len));
        raw_send_loosely(&client, STR("\r\n"));
        bytes -= len;
    }
    raw_send_loosely(&client, STR("0\r\n\r\n"));
}

START_TEST(a_body_as_large_as_its_route_allows_is_served)
{
    start();
    raw_send(&client, STR("POST /small HTTP/1.1\r\n" HOST "Content-Length: 256\r\n\r\n"));
    for (int i = 0; i < 256; i++)
        raw_send(&client, STR("x"));
    ck_assert(str_equal(raw_receive(&client, false).body, STR("POST /small? 256")));

    raw_send(&client, STR("POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    send_chunks(256);
    ck_assert(str_equal(raw_receive(&client, false).body, STR("POST /small? 256")));
    stop();
}
END_TEST

START_TEST(a_content_length_over_the_limit_is_refused_before_its_body)
{
    start();
    ck_assert_int_eq(
        raw_request(&client, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 257\r\n\r\n").status,
        413);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.handled), 0);
    stop();
}
END_TEST

/* What it sends is not read, so its connection is reset behind the answer. */
START_TEST(a_client_in_the_middle_of_too_large_a_body_hears_why)
{
    static const char body[MIB];

    start();
    raw_send(&client, STR("POST /small HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n"));
    raw_send_loosely(&client, str_from(body, sizeof(body)));
    ck_assert_int_eq(raw_receive(&client, false).status, 413);
    stop();
}
END_TEST

START_TEST(chunks_over_the_limit_are_read_past_and_refused)
{
    start();
    raw_send(&client, STR("POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    send_chunks(MIB);
    ck_assert_int_eq(raw_receive(&client, false).status, 413);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.handled), 0);
    stop();
}
END_TEST

START_TEST(chunks_far_over_the_limit_end_the_connection)
{
    start();
    raw_send(&client, STR("POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"));
    send_chunks(8 * MIB);
    ck_assert_int_eq(raw_receive(&client, false).status, 0);
    ck_assert_uint_eq(atomic_load(&echo.handled), 0);
    stop();
}
END_TEST

START_TEST(a_large_body_comes_back_byte_for_byte)
{
    size_t len = 2 * MIB;
    char *sent = mem_alloc(len);
    struct raw_reply reply;

    for (size_t i = 0; i < len; i++)
        sent[i] = (char)(i * 31 >> 3);
    start();
    raw_send(&client, STR("POST /body HTTP/1.1\r\n" HOST "Content-Length: 2097152\r\n\r\n"));
    raw_send(&client, str_from(sent, len));
    reply = raw_receive(&client, false);
    ck_assert(str_equal(reply.body, str_from(sent, len)));
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n").status, 200);
    stop();
    mem_free(sent);
}
END_TEST

START_TEST(an_expectation_of_continue_is_met)
{
    start();
    ck_assert_int_eq(raw_request(&client, "POST /echo HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
                         .status,
                     100);
    ck_assert(str_equal(raw_request(&client, "abc").body, STR("POST /echo? 3")));
    stop();
}
END_TEST

START_TEST(head_has_the_headers_of_get_and_no_body)
{
    struct raw_reply reply;

    start();
    raw_send(&client, STR("HEAD /echo HTTP/1.1\r\n" HOST "\r\n"));
    reply = raw_receive(&client, true);
    ck_assert_int_eq(reply.status, 200);
    ck_assert(str_equal(raw_header(&reply, "Content-Length"), STR("13"))); /* HEAD /echo? 0 */
    ck_assert(str_equal(raw_request(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n").body,
                        STR("GET /echo? 0")));
    stop();
}
END_TEST

START_TEST(an_answer_has_its_headers_and_date_and_closes_when_told)
{
    struct raw_reply reply;

    start();
    reply = raw_request(&client, "GET /other HTTP/1.1\r\n" HOST "\r\n");
    ck_assert_int_eq(reply.status, 201);
    ck_assert(str_equal(reply.body, STR("made")));
    ck_assert(str_equal(raw_header(&reply, "ETag"), STR("\"7\"")));
    ck_assert(str_equal(raw_header(&reply, "Location"), STR("/v1/orders/x")));
    ck_assert_uint_eq(raw_header(&reply, "Date").len, strlen("Sun, 06 Nov 1994 08:49:37 GMT"));
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
    ck_assert_int_eq(atomic_load(&echo.last_status), 201);
    ck_assert_uint_eq(atomic_load(&echo.last_bytes), 4);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    enum { COUNT = 200 };
    struct buf requests = BUF_INIT(MIB);

    start();
    for (int i = 0; i < COUNT; i++) {
        buf_printf(&requests, "POST /%s?%d HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx",
                   i % 3 == 0 ? "later" : "echo", i);
    }
    raw_send(&client, buf_str(&requests));
    for (int i = 0; i < COUNT; i++) {
        char expected[32];

        snprintf(expected, sizeof(expected), i % 3 == 0 ? "later" : "POST /echo?%d 1", i);
        ck_assert(str_equal(raw_receive(&client, false).body, str_of(expected)));
    }
    stop();
    buf_release(&requests);
    ck_assert_uint_eq(atomic_load(&echo.finished), COUNT);
}
END_TEST

START_TEST(http_1_0_closes_unless_asked_to_stay)
{
    start();
    ck_assert_int_eq(
        raw_request(&client, "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").status, 200);
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.0\r\n\r\n").status, 200);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
}
END_TEST

START_TEST(connections_beyond_the_limit_are_turned_away_until_one_ends)
{
    struct http_config config = echo_config();
    struct raw_client second;

    config.connections_max = 1;
    start_with(config);
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n").status, 200);
    raw_connect(&second, echo_address(&echo));
    ck_assert_int_eq(raw_receive(&second, false).status, 503);
    ck_assert(raw_ends(&second, RAW_WAIT_MS));
    raw_close(&second);

    raw_close(&client);
    do { /* until the server has seen it */
        raw_connect(&client, echo_address(&echo));
        raw_send_loosely(&client, STR("GET /echo HTTP/1.1\r\n" HOST "\r\n"));
        if (raw_receive(&client, false).status == 200)
            break;
        raw_close(&client);
    } while (true);
    stop();
}
END_TEST

START_TEST(connections_of_one_address_are_limited_for_it_alone)
{
    struct http_config config = echo_config();
    struct raw_client same;
    struct raw_client other;

    config.connections_per_address_max = 1;
    start_with(config);
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n").status, 200);
    raw_connect(&same, echo_address(&echo));
    ck_assert_int_eq(raw_receive(&same, false).status, 503);
    raw_connect_from(&other, echo_address(&echo), "127.0.0.2");
    ck_assert_int_eq(raw_request(&other, "GET /echo HTTP/1.1\r\n" HOST "\r\n").status, 200);
    raw_close(&same);
    raw_close(&other);
    stop();
}
END_TEST

/* The thread is kept busy until all have asked, so that it finds exactly 128 events: then
 * libmicrohttpd would wait for more of them; see worker.c. */
START_TEST(as_many_clients_at_once_as_an_event_array_holds_do_not_stand_still)
{
    enum { CLIENTS = 128 };
    static struct raw_client many[CLIENTS];

    start();
    for (int i = 0; i < CLIENTS; i++) {
        raw_connect(&many[i], echo_address(&echo));
        ck_assert_int_eq(raw_request(&many[i], "GET /later HTTP/1.1\r\n" HOST "\r\n").status, 200);
    }

    raw_send(&client, STR("GET /block HTTP/1.1\r\n" HOST "\r\n"));
    echo_await(&echo.handled, CLIENTS + 1);
    for (int i = 0; i < CLIENTS; i++)
        raw_send(&many[i], STR("GET /later HTTP/1.1\r\n" HOST "\r\n"));
    atomic_store(&echo.unblocked, true);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(raw_receive(&many[i], false).status, 200);
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&many[i]);
    stop();
    ck_assert_uint_eq(atomic_load(&echo.finished), 2 * CLIENTS + 1);
}
END_TEST

START_TEST(a_thousand_connections_stay_open_and_served_by_two_threads)
{
    enum { CLIENTS = 1000, ROUNDS = 3 };
    static struct raw_client many[CLIENTS];
    struct http_config config = echo_config();

    config.threads = 2;
    start_with(config);
    for (int i = 0; i < CLIENTS; i++)
        raw_connect(&many[i], echo_address(&echo));
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            raw_send(&many[i], i % 2 == 0 ? STR("GET /echo HTTP/1.1\r\n" HOST "\r\n")
                                          : STR("GET /later HTTP/1.1\r\n" HOST "\r\n"));
        for (int i = 0; i < CLIENTS; i++)
            ck_assert_int_eq(raw_receive(&many[i], false).status, 200);
    }
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&many[i]);
    stop();
    ck_assert_uint_eq(atomic_load(&echo.finished), CLIENTS * ROUNDS);
}
END_TEST

START_TEST(a_draining_server_answers_what_is_open_and_lets_nobody_in)
{
    struct raw_reply reply;

    start();
    raw_send(&client, STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    echo_await(&echo.handled, 1);
    http_server_drain(echo.server);
    ck_assert(!raw_connects(echo_address(&echo)));
    ck_assert(!http_server_wait_idle(echo.server, 0));

    echo_release(&echo, 1);
    reply = raw_receive(&client, false);
    ck_assert_int_eq(reply.status, 200);
    ck_assert(str_equal(raw_header(&reply, "Connection"), STR("close")));
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    stop();
}
END_TEST

START_TEST(an_address_that_is_taken_is_an_error_that_says_so)
{
    struct http_config config = echo_config();
    struct http_server *second;
    struct error err;

    start();
    config.listen = echo_address(&echo) + strlen("http://");
    ck_assert(!http_server_start(&config, &second, &err));
    ck_assert_int_eq(err.class, ERROR_FATAL);
    ck_assert_ptr_nonnull(strstr(err.text, "Address already in use"));
    ck_assert_ptr_nonnull(strstr(err.hint, "http.listen"));
    stop();
}
END_TEST

static const char *const no_addresses[] = {"",        "8080",        "localhost:", ":80",
                                           "::1:80",  "[::1]80",     "h:65536",    "h:-1",
                                           "h:80:90", "127.0.0.1:x", "h:080"};

START_TEST(what_is_no_address_is_refused)
{
    struct http_config config = echo_config();
    struct http_server *server;
    struct error err;

    config.listen = no_addresses[_i];
    ck_assert(!http_server_start(&config, &server, &err));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
}
END_TEST

START_TEST(an_ipv6_address_is_listened_on)
{
    struct http_config config = echo_config();
    struct http_server *server;
    struct error err;

    config.listen = "[::1]:0";
    ck_assert_msg(http_server_start(&config, &server, &err), "%s", err.text);
    ck_assert(str_starts_with(str_of(http_server_address(server)), STR("http://[::1]:")));
    http_server_stop(server);
}
END_TEST

Suite *http_server_suite(void);

Suite *http_server_suite(void)
{
    Suite *suite = suite_create("http_server");
    TCase *tcase = tcase_create("server");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_header_of_16_kib_is_served_and_one_byte_more_refused);
    tcase_add_test(tcase, a_header_without_end_is_refused);
    tcase_add_test(tcase, a_hundred_fields_are_served_and_one_more_refused);
    tcase_add_test(tcase, a_target_of_8_kib_is_served_and_one_byte_more_refused);
    tcase_add_test(tcase, a_body_as_large_as_its_route_allows_is_served);
    tcase_add_test(tcase, a_content_length_over_the_limit_is_refused_before_its_body);
    tcase_add_loop_test(tcase, a_client_in_the_middle_of_too_large_a_body_hears_why, 0, 20);
    tcase_add_test(tcase, chunks_over_the_limit_are_read_past_and_refused);
    tcase_add_test(tcase, chunks_far_over_the_limit_end_the_connection);
    tcase_add_test(tcase, a_large_body_comes_back_byte_for_byte);
    tcase_add_test(tcase, an_expectation_of_continue_is_met);
    tcase_add_test(tcase, head_has_the_headers_of_get_and_no_body);
    tcase_add_test(tcase, an_answer_has_its_headers_and_date_and_closes_when_told);
    tcase_add_test(tcase, pipelined_requests_are_answered_in_order);
    tcase_add_test(tcase, http_1_0_closes_unless_asked_to_stay);
    tcase_add_test(tcase, connections_beyond_the_limit_are_turned_away_until_one_ends);
    tcase_add_test(tcase, connections_of_one_address_are_limited_for_it_alone);
    tcase_add_test(tcase, as_many_clients_at_once_as_an_event_array_holds_do_not_stand_still);
    tcase_add_test(tcase, a_thousand_connections_stay_open_and_served_by_two_threads);
    tcase_add_test(tcase, a_draining_server_answers_what_is_open_and_lets_nobody_in);
    tcase_add_test(tcase, an_address_that_is_taken_is_an_error_that_says_so);
    tcase_add_loop_test(tcase, what_is_no_address_is_refused, 0,
                        sizeof(no_addresses) / sizeof(no_addresses[0]));
    tcase_add_test(tcase, an_ipv6_address_is_listened_on);
    suite_add_tcase(suite, tcase);
    return suite;
}
