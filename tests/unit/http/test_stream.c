/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies written from another thread: readers that are slow or gone, writers that pause or fail. */
#include <check.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/http/echo_server.h"
#include "tests/unit/http/raw_client.h"

#define GET "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"

enum {
    MIB = 1024 * 1024,
    IDLE_MS = 400,
};

static struct echo_server echo;
static struct raw_client client;
static struct queue *streams; /* open ones, for the test to write */

static void open_stream(void *arg, struct http_request *r)
{
    static const struct http_header headers[] = {
        {"Content-Type", STR_INIT("application/x-ndjson")}};

    (void)arg;
    if (str_equal(http_request_path(r), STR("/unanswered"))) {
        ck_assert_int_eq(queue_push(streams, r), QUEUE_PUSHED);
        return;
    }
    ck_assert_int_eq(queue_push(streams, http_respond_stream(r, 200, headers, 1)), QUEUE_PUSHED);
}

static void start_with(const struct http_config *config)
{
    streams = queue_new(64);
    echo = (struct echo_server){.handler = open_stream};
    echo_start(&echo, config);
    raw_connect(&client, echo_address(&echo));
}

static void start(void)
{
    struct http_config config = echo_config();

    config.idle_timeout_ms = IDLE_MS;
    start_with(&config);
}

static void stop(void)
{
    raw_close(&client);
    echo_stop(&echo);
    queue_free(streams);
}

static struct http_stream *stream_requested_by(struct raw_client *by)
{
    struct http_stream *stream;

    raw_send(by, STR(GET));
    stream = queue_pop(streams, RAW_WAIT_MS);
    ck_assert_ptr_nonnull(stream);
    return stream;
}

START_TEST(what_is_written_in_pieces_and_pauses_arrives_whole)
{
    struct http_stream *stream;
    struct raw_reply reply;

    start();
    stream = stream_requested_by(&client);
    for (int i = 0; i < 300; i++) {
        ck_assert(http_stream_write(stream, STR("0123456789\n")));
        if (i % 30 == 0)
            raw_read_some(&client); /* so that the connection comes to rest in between */
    }
    http_stream_end(stream, true);
    reply = raw_receive(&client, false);
    ck_assert_int_eq(reply.status, 200);
    ck_assert(reply.whole);
    ck_assert_uint_eq(reply.body.len, 3300);
    ck_assert(str_equal(raw_header(&reply, "Content-Type"), STR("application/x-ndjson")));
    ck_assert_int_eq(raw_request(&client, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), 2);
    stop();
}
END_TEST

START_TEST(an_empty_stream_is_an_empty_body)
{
    struct raw_reply reply;

    start();
    http_stream_end(stream_requested_by(&client), true);
    reply = raw_receive(&client, false);
    ck_assert(reply.whole);
    ck_assert_uint_eq(reply.body.len, 0);
    stop();
}
END_TEST

struct writing {
    struct http_stream *stream;
    struct str bytes;
    atomic_size_t written;
    atomic_bool failed;
};

static void write_all(void *arg)
{
    enum { PIECE = 10000 };
    struct writing *writing = arg;
    struct str rest = writing->bytes;

    while (rest.len > 0) {
        size_t len = rest.len < PIECE ? rest.len : PIECE;

        if (!http_stream_write(writing->stream, str_from(rest.data, len))) {
            atomic_store(&writing->failed, true);
            break;
        }
        atomic_fetch_add(&writing->written, len);
        rest = str_from(rest.data + len, rest.len - len);
    }
    http_stream_end(writing->stream, !atomic_load(&writing->failed));
}

static char *pattern(size_t len)
{
    char *bytes = mem_alloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i ^ i >> 8);
    return bytes;
}

static struct thread *start_writing(struct writing *writing)
{
    struct thread *thread;
    struct error err;

    ck_assert(thread_start(THREAD_QUERY, "writer", write_all, writing, &thread, &err));
    return thread;
}

START_TEST(a_slow_reader_gets_every_byte)
{
    size_t len = 64 * (size_t)MIB;
    char *bytes = pattern(len);
    struct writing writing = {.bytes = str_from(bytes, len)};
    struct thread *thread;
    struct raw_reply reply;

    start();
    writing.stream = stream_requested_by(&client);
    thread = start_writing(&writing);
    while (atomic_load(&writing.written) < MIB)
        sched_yield();
    ck_assert_uint_lt(atomic_load(&writing.written), len);

    reply = raw_receive(&client, false);
    thread_join(thread);
    ck_assert(reply.whole);
    ck_assert(str_equal(reply.body, writing.bytes));
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.last_bytes), len);
    stop();
    mem_free(bytes);
}
END_TEST

START_TEST(a_writer_is_told_when_the_client_reads_nothing)
{
    size_t len = 64 * (size_t)MIB;
    char *bytes = pattern(len);
    struct writing writing = {.bytes = str_from(bytes, len)};
    int64_t begun_ms = clock_monotonic_ms();

    start();
    writing.stream = stream_requested_by(&client);
    thread_join(start_writing(&writing));
    ck_assert(atomic_load(&writing.failed));
    ck_assert_int_ge(clock_monotonic_ms() - begun_ms, IDLE_MS / 2);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), 1);
    ck_assert(!raw_receive(&client, false).whole);
    stop();
    mem_free(bytes);
}
END_TEST

/* It reads, so it is never idle: only its rate tells. */
START_TEST(a_writer_is_not_held_by_a_client_that_crawls)
{
    enum { HEADER_MS = 400, PAUSE_MS = 10 };
    struct http_config config = echo_config();
    size_t len = 64 * (size_t)MIB;
    char *bytes = pattern(len);
    struct writing writing = {.bytes = str_from(bytes, len)};
    struct thread *thread;
    char some[100];

    config.header_timeout_ms = HEADER_MS;
    config.body_rate_min = MIB;
    start_with(&config);
    writing.stream = stream_requested_by(&client);
    thread = start_writing(&writing);
    for (int64_t begun_ms = clock_monotonic_ms(); !atomic_load(&writing.failed);) {
        ck_assert_int_lt(clock_monotonic_ms() - begun_ms, RAW_WAIT_MS);
        ck_assert_int_gt(recv(client.fd, some, sizeof(some), 0), 0);
        poll(NULL, 0, PAUSE_MS);
    }
    thread_join(thread);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    stop();
    mem_free(bytes);
}
END_TEST

START_TEST(a_writer_is_told_when_the_client_is_gone)
{
    struct http_stream *stream;

    start();
    stream = stream_requested_by(&client);
    ck_assert(http_stream_write(stream, STR("first\n")));
    raw_close(&client);
    while (http_stream_write(stream, STR("more\n")))
        sched_yield();
    http_stream_end(stream, true);
    ck_assert(http_server_wait_idle(echo.server, RAW_WAIT_MS));
    ck_assert_uint_eq(atomic_load(&echo.finished), 1);
    raw_connect(&client, echo_address(&echo));
    stop();
}
END_TEST

/* Before it was answered: nobody knows yet. */
START_TEST(a_stream_to_a_connection_that_was_reset_ends)
{
    enum { RESETS = 100 };

    start();
    for (unsigned i = 1; i <= RESETS; i++) {
        struct http_request *r;
        struct http_stream *stream;

        raw_send(&client, STR("GET /unanswered HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        r = queue_pop(streams, RAW_WAIT_MS);
        ck_assert_ptr_nonnull(r);
        raw_reset(&client);
        raw_connect(&client, echo_address(&echo));
        stream = http_respond_stream(r, 200, NULL, 0);
        while (http_stream_write(stream, STR("more\n")))
            sched_yield();
        http_stream_end(stream, true);
        echo_await(&echo.finished, i);
    }
    stop();
}
END_TEST

START_TEST(a_stream_that_fails_is_seen_to_be_truncated)
{
    struct http_stream *stream;
    struct raw_reply reply;

    start();
    stream = stream_requested_by(&client);
    ck_assert(http_stream_write(stream, STR("some\n")));
    http_stream_end(stream, false);
    reply = raw_receive(&client, false);
    ck_assert(!reply.whole || reply.status == 0);
    stop();
}
END_TEST

START_TEST(a_quiet_stream_is_not_the_clients_fault)
{
    struct http_stream *stream;
    struct raw_reply reply;

    start();
    stream = stream_requested_by(&client);
    ck_assert(http_stream_write(stream, STR("before\n")));
    ck_assert(raw_stays_open(&client, 3 * IDLE_MS));
    ck_assert(http_stream_write(stream, STR("after\n")));
    http_stream_end(stream, true);
    reply = raw_receive(&client, false);
    ck_assert(reply.whole);
    ck_assert(str_equal(reply.body, STR("before\nafter\n")));
    stop();
}
END_TEST

START_TEST(head_of_a_stream_ends_it)
{
    struct http_stream *stream;

    start();
    raw_send(&client, STR("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    stream = queue_pop(streams, RAW_WAIT_MS);
    ck_assert_int_eq(raw_receive(&client, true).status, 200);
    while (http_stream_write(stream, STR("x")))
        sched_yield();
    http_stream_end(stream, true);
    ck_assert(raw_ends(&client, RAW_WAIT_MS));
    stop();
}
END_TEST

/* One rests empty, one is full; both writers are told, and may end theirs when all is over. */
START_TEST(stopping_cuts_open_streams)
{
    size_t len = 64 * (size_t)MIB;
    char *bytes = pattern(len);
    struct writing writing = {.bytes = str_from(bytes, len)};
    struct raw_client second;
    struct http_stream *resting;
    struct thread *thread;

    start();
    raw_connect(&second, echo_address(&echo));
    resting = stream_requested_by(&client);
    ck_assert(http_stream_write(resting, STR("x")));
    writing.stream = stream_requested_by(&second);
    thread = start_writing(&writing);
    while (atomic_load(&writing.written) < MIB / 8)
        sched_yield();

    echo_stop(&echo);
    thread_join(thread);
    ck_assert(atomic_load(&writing.failed));
    ck_assert(!http_stream_write(resting, STR("y")));
    http_stream_end(resting, true);
    ck_assert_uint_eq(atomic_load(&echo.finished), 2);
    raw_close(&client);
    raw_close(&second);
    queue_free(streams);
    mem_free(bytes);
}
END_TEST

Suite *http_stream_suite(void);

Suite *http_stream_suite(void)
{
    Suite *suite = suite_create("http_stream");
    TCase *tcase = tcase_create("stream");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_is_written_in_pieces_and_pauses_arrives_whole);
    tcase_add_test(tcase, an_empty_stream_is_an_empty_body);
    tcase_add_test(tcase, a_slow_reader_gets_every_byte);
    tcase_add_test(tcase, a_writer_is_told_when_the_client_reads_nothing);
    tcase_add_test(tcase, a_writer_is_not_held_by_a_client_that_crawls);
    tcase_add_test(tcase, a_writer_is_told_when_the_client_is_gone);
    tcase_add_test(tcase, a_stream_to_a_connection_that_was_reset_ends);
    tcase_add_test(tcase, a_stream_that_fails_is_seen_to_be_truncated);
    tcase_add_test(tcase, a_quiet_stream_is_not_the_clients_fault);
    tcase_add_test(tcase, head_of_a_stream_ends_it);
    tcase_add_test(tcase, stopping_cuts_open_streams);
    suite_add_tcase(suite, tcase);
    return suite;
}
