/* SPDX-License-Identifier: Apache-2.0 */
/* When a connection has had its time, look by look, and that real connections are then ended. */
#include <check.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/timers.h"
#include "tests/unit/http/echo_server.h"
#include "tests/unit/http/raw_client.h"

#define HOST "Host: localhost\r\n"

static const struct http_timer_limits limits = {.header_ms = 10000,
                                                .idle_ms = 60000,
                                                .drain_ms = 1000,
                                                .body_rate_min = 1000,
                                                .hurried_ms = 5000,
                                                .hurried_rate_min = 100000};

static struct http_timer timer;
static struct http_timer_look look;

static void begin(enum timer_stage stage)
{
    timer = (struct http_timer){0};
    look = (struct http_timer_look){.now_ms = 1000000, .stage = stage};
    ck_assert(!http_timer_expired(&timer, &look, &limits));
}

static void enter(enum timer_stage stage)
{
    look.stage = timer_stage_next(look.stage, stage);
}

/* Whether it expires at the last of looks every 500 ms over MS, and at none before. */
static bool expires_after(int64_t ms)
{
    for (int64_t end = look.now_ms + ms; look.now_ms < end;) {
        look.now_ms += 500;
        if (http_timer_expired(&timer, &look, &limits))
            return look.now_ms == end;
    }
    return false;
}

START_TEST(a_connection_that_sends_nothing_has_the_idle_time)
{
    begin(STAGE_BETWEEN);
    ck_assert(expires_after(60000));
}
END_TEST

START_TEST(a_dripped_request_line_has_the_header_time_from_its_first_byte)
{
    begin(STAGE_BETWEEN);
    ck_assert(!expires_after(50000));
    for (int i = 0; i < 20; i++) {
        look.received++;
        look.now_ms += 500;
        ck_assert(!http_timer_expired(&timer, &look, &limits));
    }
    look.received++;
    look.now_ms += 500;
    ck_assert(http_timer_expired(&timer, &look, &limits));
}
END_TEST

START_TEST(the_rest_of_a_header_has_no_new_time)
{
    begin(STAGE_BETWEEN);
    look.received = 4;
    ck_assert(!expires_after(8000));
    enter(STAGE_HEADER);
    ck_assert(expires_after(2500)); /* it began at the first of the 8,000 ms' looks */
}
END_TEST

START_TEST(bytes_before_the_first_look_begin_a_header)
{
    timer = (struct http_timer){0};
    look = (struct http_timer_look){.now_ms = 1, .stage = TIMER_STAGE_FIRST, .received = 1};
    ck_assert(!http_timer_expired(&timer, &look, &limits));
    ck_assert(expires_after(10000));
}
END_TEST

START_TEST(after_a_request_the_idle_time_begins_anew)
{
    begin(STAGE_BETWEEN);
    ck_assert(!expires_after(59000));
    look.received = 100; /* a whole request, answered between two looks */
    enter(STAGE_HEADER);
    enter(STAGE_SENDING);
    enter(STAGE_BETWEEN);
    look.now_ms += 500;
    ck_assert(!http_timer_expired(&timer, &look, &limits));
    ck_assert(expires_after(60000));
}
END_TEST

START_TEST(a_request_before_the_first_look_begins_no_header)
{
    timer = (struct http_timer){0};
    look = (struct http_timer_look){.now_ms = 1, .stage = TIMER_STAGE_FIRST, .received = 100};
    enter(STAGE_HEADER);
    enter(STAGE_SENDING);
    enter(STAGE_BETWEEN);
    ck_assert(!http_timer_expired(&timer, &look, &limits));
    ck_assert(expires_after(60000));
}
END_TEST

START_TEST(a_body_must_keep_its_rate_over_all)
{
    begin(STAGE_HEADER);
    enter(STAGE_BODY);
    for (int i = 0; i < 120; i++) { /* 1,000 bytes a second are enough for ever */
        look.now_ms += 500;
        look.body_bytes += 500;
        ck_assert(!http_timer_expired(&timer, &look, &limits));
    }
    /* Half of that uses up the 10 s of grace, and the half second before the first look, in 21. */
    for (int i = 1; i <= 42; i++) {
        look.now_ms += 500;
        look.body_bytes += 250;
        ck_assert(http_timer_expired(&timer, &look, &limits) == (i == 42));
    }
}
END_TEST

START_TEST(a_body_that_came_fast_must_not_stall_for_ever)
{
    begin(STAGE_HEADER);
    enter(STAGE_BODY);
    look.body_bytes = 2000000; /* worth 2,000 s */
    look.now_ms += 500;
    ck_assert(!http_timer_expired(&timer, &look, &limits));
    ck_assert(expires_after(60000));
}
END_TEST

START_TEST(a_held_request_has_all_the_time)
{
    begin(STAGE_HEADER);
    enter(STAGE_HELD);
    look.client_ended = true; /* it may wait for the answer all the same */
    ck_assert(!expires_after(1000000));
}
END_TEST

START_TEST(a_reader_must_read_something_in_the_idle_time)
{
    begin(STAGE_HEADER);
    enter(STAGE_SENDING);
    look.unsent = true;
    for (int i = 0; i < 10; i++) {
        ck_assert(!expires_after(59500));
        look.acked++;
    }
    ck_assert(expires_after(60500)); /* the first look sees the last byte */
}
END_TEST

START_TEST(a_stream_with_nothing_to_send_waits)
{
    begin(STAGE_HEADER);
    enter(STAGE_SENDING);
    ck_assert(!expires_after(1000000));
    look.unsent = true;
    ck_assert(expires_after(60000));
}
END_TEST

START_TEST(a_stream_must_be_read_at_the_rate_however_much_was_taken_at_first)
{
    begin(STAGE_HEADER);
    enter(STAGE_SENDING);
    look.streams = true;
    look.unsent = true;
    look.acked = 6000000; /* what kernels buffer */
    look.now_ms += 500;
    ck_assert(!http_timer_expired(&timer, &look, &limits));
    for (int i = 0; i < 120; i++) { /* 1,000 bytes a second, two seconds' worth at a time */
        look.now_ms += 500;
        look.acked += i % 4 == 3 ? 2000 : 0;
        ck_assert(!http_timer_expired(&timer, &look, &limits));
    }
    for (int i = 1; i <= 20; i++) { /* a tenth of that */
        look.now_ms += 500;
        look.acked += 50;
        ck_assert(!http_timer_expired(&timer, &look, &limits));
    }
    ck_assert(expires_after(1000));
}
END_TEST

/* Takes BYTES each half second, for so long. */
static void read_on(int64_t ms, uint64_t bytes)
{
    for (int64_t end = look.now_ms + ms; look.now_ms < end;) {
        look.now_ms += 500;
        look.acked += bytes;
        ck_assert(!http_timer_expired(&timer, &look, &limits));
    }
}

static void begin_stream(void)
{
    begin(STAGE_HEADER);
    enter(STAGE_SENDING);
    look.streams = true;
    look.unsent = true;
    read_on(500, 0);
}

START_TEST(a_slow_stream_lasts_until_another_waits_for_its_thread)
{
    begin_stream();
    read_on(600000, 10000); /* 20 kB a second */
    look.hurried = true;
    look.now_ms += 500;
    look.acked += 10000;
    ck_assert(http_timer_expired(&timer, &look, &limits));
}
END_TEST

START_TEST(a_fast_stream_lasts_though_others_wait)
{
    begin_stream();
    look.hurried = true;
    read_on(600000, 50000);
    ck_assert(expires_after(5000));
}
END_TEST

START_TEST(a_stream_whose_client_has_everything_starts_anew)
{
    begin(STAGE_HEADER);
    enter(STAGE_SENDING);
    look.streams = true;
    look.unsent = true;
    ck_assert(!expires_after(9500));
    look.unsent = false;
    ck_assert(!expires_after(100000));
    look.unsent = true;
    ck_assert(expires_after(10000));
}
END_TEST

static const enum timer_stage incoming[] = {STAGE_BETWEEN, STAGE_HEADER, STAGE_BODY};

START_TEST(a_client_that_ended_in_the_middle_is_given_up_at_the_next_look)
{
    begin(STAGE_BETWEEN);
    enter(incoming[_i]);
    look.now_ms += 500;
    look.client_ended = true;
    ck_assert(!http_timer_expired(&timer, &look, &limits));
    ck_assert(expires_after(500));
}
END_TEST

static void begin_drain(void)
{
    begin(STAGE_SENDING);
    look.unsent = true;
    ck_assert(!expires_after(30000)); /* it counts from the drain on */
    look.now_ms += 500;
    look.draining = true;
    ck_assert(!http_timer_expired(&timer, &look, &limits));
}

START_TEST(a_feed_that_is_not_read_does_not_hold_up_a_drain)
{
    begin_drain();
    ck_assert(expires_after(1000));
}
END_TEST

START_TEST(a_feed_that_is_read_ends_in_its_own_time)
{
    begin_drain();
    for (int i = 0; i < 20; i++) {
        look.now_ms += 500;
        look.acked += 100;
        ck_assert(!http_timer_expired(&timer, &look, &limits));
    }
    ck_assert(expires_after(1000));
}
END_TEST

START_TEST(a_feed_whose_client_has_everything_awaits_its_end)
{
    begin_drain();
    look.unsent = false;
    ck_assert(!expires_after(30000));
}
END_TEST

static const struct {
    int64_t header_ms;
    int64_t idle_ms;
    int interval_ms;
    bool draining;
} intervals[] = {{10000, 60000, 500, false},
                 {60000, 800, 100, false},
                 {1, 60000, 10, false},
                 {10000, 60000, 50, true},
                 {160, 60000, 20, true}};

START_TEST(looks_are_as_frequent_as_the_shortest_limit_needs)
{
    struct http_timer_limits some = {
        .header_ms = intervals[_i].header_ms, .idle_ms = intervals[_i].idle_ms, .drain_ms = 400};

    ck_assert_int_eq(http_timer_interval_ms(&some, intervals[_i].draining),
                     intervals[_i].interval_ms);
}
END_TEST

enum { SHORT_MS = 300 };

static struct echo_server echo;
static struct raw_client client;

static void start(int64_t header_ms, int64_t idle_ms, size_t body_rate_min)
{
    struct http_config config = echo_config();

    config.header_timeout_ms = header_ms;
    config.idle_timeout_ms = idle_ms;
    config.body_rate_min = body_rate_min;
    echo = (struct echo_server){0};
    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
}

static void stop(void)
{
    raw_close(&client);
    echo_stop(&echo);
}

/* Sends TEXT again and again, a byte each 10 ms, until the server ends the connection; how long
 * that took. */
static int64_t drip(const char *text)
{
    int64_t begun_ms = clock_monotonic_ms();

    for (size_t i = 0; !raw_ends(&client, 10); i++) {
        raw_send_loosely(&client, str_from(text + i % strlen(text), 1));
        ck_assert_int_lt(clock_monotonic_ms() - begun_ms, RAW_WAIT_MS);
    }
    return clock_monotonic_ms() - begun_ms;
}

static const char *const beginnings[] = {
    "", "GET /echo HTTP/1.1\r\n", "GET /echo HTTP/1.1\r\n" HOST "X: ",
    "GET /echo HTTP/1.1\r\n" HOST "\r\nGET /echo HTTP/1.1\r\n"};

START_TEST(a_dripped_header_is_ended_in_time)
{
    start(SHORT_MS, 60000, 1);
    raw_send(&client, str_of(beginnings[_i]));
    if (_i == 3)
        ck_assert_int_eq(raw_receive(&client, false).status, 200);
    ck_assert_int_ge(drip("a"), SHORT_MS / 2);
    ck_assert_int_eq(raw_receive(&client, false).status, 0);
    ck_assert_uint_eq(atomic_load(&echo.handled), _i == 3 ? 1 : 0);
    stop();
}
END_TEST

START_TEST(an_idle_connection_is_ended_before_and_after_a_request)
{
    struct raw_client fresh;

    start(60000, SHORT_MS, 1);
    raw_connect(&fresh, echo_address(&echo));
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.1\r\n" HOST "\r\n").status, 200);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    ck_assert(raw_ends(&fresh, RAW_WAIT_MS));
    raw_close(&fresh);
    stop();
}
END_TEST

START_TEST(a_crawling_body_is_ended_without_an_answer)
{
    start(SHORT_MS, 60000, 10000);
    raw_send(&client, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n"));
    ck_assert_int_ge(drip("x"), SHORT_MS / 2);
    ck_assert_int_eq(raw_receive(&client, false).status, 0);
    ck_assert_uint_eq(atomic_load(&echo.handled), 0);
    stop();
}
END_TEST

START_TEST(a_dripped_chunked_body_and_its_trailer_are_ended)
{
    start(SHORT_MS, 60000, 10000);
    raw_send(&client, STR("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                          "1\r\nx\r\n0\r\n"));
    ck_assert_int_ge(drip("X: y\r\n"), SHORT_MS / 2);
    ck_assert_int_eq(raw_receive(&client, false).status, 0);
    stop();
}
END_TEST

START_TEST(a_held_request_outlives_every_time_out)
{
    start(SHORT_MS, SHORT_MS, 1);
    raw_send(&client, STR("GET /hold HTTP/1.1\r\n" HOST "\r\n"));
    echo_await(&echo.handled, 1);
    ck_assert(!raw_ends(&client, 3 * SHORT_MS));
    echo_release(&echo, 1);
    ck_assert(str_equal(raw_receive(&client, false).body, STR("released")));
    stop();
}
END_TEST

START_TEST(an_upload_whose_client_is_gone_is_finished_soon)
{
    start(SHORT_MS, 60000, 1);
    raw_send(&client, STR("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nabc"));
    raw_close(&client);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    raw_connect(&client, echo_address(&echo));
    stop();
}
END_TEST

static TCase *looks(void)
{
    TCase *tcase = tcase_create("looks");

    tcase_add_test(tcase, a_connection_that_sends_nothing_has_the_idle_time);
    tcase_add_test(tcase, a_dripped_request_line_has_the_header_time_from_its_first_byte);
    tcase_add_test(tcase, the_rest_of_a_header_has_no_new_time);
    tcase_add_test(tcase, bytes_before_the_first_look_begin_a_header);
    tcase_add_test(tcase, after_a_request_the_idle_time_begins_anew);
    tcase_add_test(tcase, a_request_before_the_first_look_begins_no_header);
    tcase_add_test(tcase, a_body_must_keep_its_rate_over_all);
    tcase_add_test(tcase, a_body_that_came_fast_must_not_stall_for_ever);
    tcase_add_test(tcase, a_held_request_has_all_the_time);
    tcase_add_test(tcase, a_reader_must_read_something_in_the_idle_time);
    tcase_add_test(tcase, a_stream_with_nothing_to_send_waits);
    tcase_add_test(tcase, a_stream_must_be_read_at_the_rate_however_much_was_taken_at_first);
    tcase_add_test(tcase, a_slow_stream_lasts_until_another_waits_for_its_thread);
    tcase_add_test(tcase, a_fast_stream_lasts_though_others_wait);
    tcase_add_test(tcase, a_stream_whose_client_has_everything_starts_anew);
    tcase_add_loop_test(tcase, a_client_that_ended_in_the_middle_is_given_up_at_the_next_look, 0,
                        3);
    tcase_add_loop_test(tcase, looks_are_as_frequent_as_the_shortest_limit_needs, 0, 5);
    tcase_add_test(tcase, a_feed_that_is_not_read_does_not_hold_up_a_drain);
    tcase_add_test(tcase, a_feed_that_is_read_ends_in_its_own_time);
    tcase_add_test(tcase, a_feed_whose_client_has_everything_awaits_its_end);
    return tcase;
}

static TCase *connections(void)
{
    TCase *tcase = tcase_create("connections");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_dripped_header_is_ended_in_time, 0, 4);
    tcase_add_test(tcase, an_idle_connection_is_ended_before_and_after_a_request);
    tcase_add_test(tcase, a_crawling_body_is_ended_without_an_answer);
    tcase_add_test(tcase, a_dripped_chunked_body_and_its_trailer_are_ended);
    tcase_add_test(tcase, a_held_request_outlives_every_time_out);
    tcase_add_test(tcase, an_upload_whose_client_is_gone_is_finished_soon);
    return tcase;
}

Suite *http_timers_suite(void);

Suite *http_timers_suite(void)
{
    Suite *suite = suite_create("http_timers");

    suite_add_tcase(suite, looks());
    suite_add_tcase(suite, connections());
    return suite;
}
