/* SPDX-License-Identifier: Apache-2.0 */
/* What bytes on the socket are answered with: each row is sent on a connection of its own. */
#include <check.h>
#include <string.h>

#include "tests/unit/http/echo_server.h"
#include "tests/unit/http/raw_client.h"

#define HOST "Host: localhost\r\n"
#define GET "GET /echo HTTP/1.1\r\n" HOST
#define POST "POST /echo HTTP/1.1\r\n" HOST
#define CHUNKED "Transfer-Encoding: chunked\r\n"

enum { ENDED = 0 }; /* the connection ends without an answer: libmicrohttpd's doing */

struct row {
    struct str bytes;
    int status;
    const char *slug; /* NULL: the answer is libmicrohttpd's own */
};

#define OURS(bytes_, status_, slug_) \
    { \
        .bytes = STR_INIT(bytes_), .status = (status_), .slug = (slug_) \
    }
#define BAD(bytes_) OURS(bytes_, 400, "bad-request")
#define THEIRS(bytes_, status_) OURS(bytes_, status_, NULL)

static const struct row refused[] = {
    /* What frames the body. */
    BAD(POST "Content-Length: 3\r\n" CHUNKED "\r\n0\r\n\r\n"),
    BAD(POST CHUNKED "Content-Length: 0\r\n\r\n0\r\n\r\n"),
    BAD(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    BAD(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    BAD(POST "Content-Length: 9223372036854775808\r\n\r\n"),
    BAD(POST "Content-Length: 03\r\n\r\nabc"),
    THEIRS(POST "Content-Length: 5, 6\r\n\r\nabcdef", 400),
    THEIRS(POST "Content-Length: +5\r\n\r\nabcde", 400),
    THEIRS(POST "Content-Length: -1\r\n\r\n", 400),
    THEIRS(POST "Content-Length: 0x5\r\n\r\nabcde", 400),
    THEIRS(POST "Content-Length: 5 5\r\n\r\nabcde", 400),
    THEIRS(POST "Content-Length:\r\n\r\nabcde", 400),
    THEIRS(POST "Content-Length: 99999999999999999999\r\n\r\n", 413),
    BAD(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    BAD(POST "Transfer-Encoding: identity\r\n\r\n"),
    BAD(POST "Transfer-Encoding: gzip\r\n\r\n"),
    BAD(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    BAD(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    BAD(POST CHUNKED CHUNKED "\r\n0\r\n\r\n"),
    BAD(POST "Transfer-Encoding:\x0b chunked\r\n\r\n0\r\n\r\n"),
    BAD(POST "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"),
    BAD(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    BAD(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    BAD("POST /echo HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n"),
    OURS(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "not-implemented"),
    THEIRS(POST CHUNKED "\r\n+5\r\nabcde\r\n0\r\n\r\n", 400),
    THEIRS(POST CHUNKED "\r\n0x5\r\nabcde\r\n0\r\n\r\n", 400),
    THEIRS(POST CHUNKED "\r\n1_0\r\nabcde\r\n0\r\n\r\n", 400),
    THEIRS(POST CHUNKED "\r\n5\r\nabcdeX0\r\n\r\n", 400),
    THEIRS(POST CHUNKED "\r\nfffffffffffffffff\r\n", 413),
    THEIRS(POST CHUNKED "\r\n;ext\r\nabc\r\n", 400),
    /* Fields. */
    BAD(GET "X-A : 1\r\n\r\n"),
    BAD(GET "X\tA: 1\r\n\r\n"),
    BAD(GET ": 1\r\n\r\n"),
    BAD(GET "X(A: 1\r\n\r\n"),
    BAD(GET "X-A: 1\r\n folded\r\n\r\n"),
    BAD(GET "X-A: 1\r\n\tfolded\r\nX-B: 2\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\n X-A: 1\r\n" HOST "\r\n"),
    BAD(GET "X-A: a\0b\r\n\r\n"),
    BAD(GET "X-A: a\rb\r\n\r\n"),
    BAD(GET "X-A: a\x01\r\n\r\n"),
    BAD(GET "X-A: a\x7f\r\n\r\n"),
    BAD(GET "X-A: a\r\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\n" HOST "\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost: localhost\n\r\n"),
    BAD(GET "X-A: 1\nX-B: 2\r\n\r\n"),
    BAD(GET "X-A: 1\r\n\n"),
    THEIRS(GET "no colon\r\n\r\n", 400),
    THEIRS(GET "X\0A: 1\r\n\r\n", 400),
    /* Host. */
    BAD("GET /echo HTTP/1.1\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\n" HOST HOST "\r\n"),
    BAD("GET /echo HTTP/1.0\r\n" HOST HOST "\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost: localhost/x\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost: user@localhost\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost: localhost:8x\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    BAD("GET /echo HTTP/1.1\r\nHost:\r\n\r\n"),
    BAD("GET http://other/echo HTTP/1.1\r\n" HOST "\r\n"),
    /* Version and request line. */
    OURS("GET /echo HTTP/1.2\r\n" HOST "\r\n", 505, "version-not-supported"),
    THEIRS("GET /echo HTTP/2.0\r\n" HOST "\r\n", 505),
    THEIRS("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    THEIRS("GET /echo HTTP/0.9\r\n" HOST "\r\n", 505),
    THEIRS("GET /echo http/1.1\r\n" HOST "\r\n", 400),
    THEIRS("GET /echo\r\n\r\n", 400),
    THEIRS("GET\t/echo\tHTTP/1.1\r\n" HOST "\r\n", ENDED),
    THEIRS("GET /echo HTTP/1.1 \r\n" HOST "\r\n", 400),
    BAD("GET /echo  HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /ec ho HTTP/1.1\r\n" HOST "\r\n"),
    THEIRS("garbage\r\n\r\n", ENDED),
    BAD("GET  /echo HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /ec\0ho HTTP/1.1\r\n" HOST "\r\n"),
    /* Method and expectation. */
    OURS("BREW /echo HTTP/1.1\r\n" HOST "\r\n", 501, "not-implemented"),
    OURS("get /echo HTTP/1.1\r\n" HOST "\r\n", 501, "not-implemented"),
    OURS(POST "Expect: a-wonder\r\nContent-Length: 1\r\n\r\n", 417, "expectation-failed"),
    /* Target. */
    BAD("GET /%00 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a%zz HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a%4 HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a%c0%af HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /\xc0\xaf HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /%2e%2e/x HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /../x HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a/. HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET //x HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a\\b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a%5cb HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET echo HTTP/1.1\r\n" HOST "\r\n"),
    BAD("GET * HTTP/1.1\r\n" HOST "\r\n"),
};

static const struct {
    struct str bytes;
    int status;
    const char *body;
} served[] = {
    {STR_INIT(GET "\r\n"), 200, "GET /echo? 0"},
    {STR_INIT("\r\n" GET "\r\n"), 200, "GET /echo? 0"},
    {STR_INIT("GET /echo?a=1&b=%2F&c HTTP/1.1\r\n" HOST "\r\n"), 200, "GET /echo?a=1&b=%2F&c 0"},
    {STR_INIT("GET http://localhost/echo?q HTTP/1.1\r\n" HOST "\r\n"), 200, "GET /echo?q 0"},
    {STR_INIT("GET http://LOCALHOST:80?q HTTP/1.1\r\nHost: localhost:80\r\n\r\n"), 200,
     "GET /?q 0"},
    {STR_INIT("GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), 200, "GET /echo? 0"},
    {STR_INIT("GET /%C3%A9/x%20y HTTP/1.1\r\n" HOST "\r\n"), 200, "GET /%C3%A9/x%20y? 0"},
    {STR_INIT("GET /echo HTTP/1.1\r\nHOST:localhost\r\nX-Empty:\r\nX-A:\t a b \t\r\n\r\n"), 200,
     "GET /echo? 0"},
    {STR_INIT("GET /echo HTTP/1.0\r\n\r\n"), 200, "GET /echo? 0"},
    {STR_INIT(GET "X-A: \xc3\xa9\r\nCookie: a=b; c\r\n\r\n"), 200, "GET /echo? 0"},
    {STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 200, "OPTIONS *? 0"},
    {STR_INIT("TRACE /echo HTTP/1.1\r\n" HOST "\r\n"), 405, "TRACE /echo? 0"},
    {STR_INIT("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n"), 405, "CONNECT localhost:80? 0"},
    {STR_INIT("DELETE /echo HTTP/1.1\r\n" HOST "\r\n"), 200, "DELETE /echo? 0"},
    {STR_INIT(POST "Content-Length: 5\r\n\r\nabcde"), 200, "POST /echo? 5"},
    {STR_INIT(POST "Content-Length: 0\r\n\r\n"), 200, "POST /echo? 0"},
    {STR_INIT("PATCH /echo HTTP/1.1\r\n" HOST "content-LENGTH: 2\r\n\r\n{}"), 200,
     "PATCH /echo? 2"},
    {STR_INIT(POST CHUNKED "\r\n5\r\nabcde\r\n3;a=b\r\nfgh\r\n0\r\n\r\n"), 200, "POST /echo? 8"},
    {STR_INIT(POST "Transfer-Encoding: CHUNKED\r\n\r\na\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"), 200,
     "POST /echo? 10"},
};

static void check_refused(const struct row *row, const struct raw_reply *reply)
{
    ck_assert_msg(reply->status == row->status, "%d to " STR_FMT, reply->status,
                  STR_ARG(row->bytes));
    if (row->slug == NULL)
        return;
    ck_assert(str_equal(raw_header(reply, "Content-Type"), STR("application/problem+json")));
    ck_assert(str_equal(raw_header(reply, "Connection"), STR("close")));
    ck_assert_ptr_nonnull(memmem(reply->body.data, reply->body.len, row->slug, strlen(row->slug)));
}

START_TEST(ambiguous_and_forbidden_bytes_are_refused_and_the_connection_closed)
{
    struct http_config config = echo_config();
    struct echo_server echo = {0};
    struct raw_client client;
    struct raw_reply reply;

    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
    raw_send(&client, refused[_i].bytes);
    reply = raw_receive(&client, false);
    check_refused(&refused[_i], &reply);
    raw_skip(&client);
    raw_close(&client);
    ck_assert_uint_eq(atomic_load(&echo.handled), 0);
    echo_stop(&echo);
}
END_TEST

START_TEST(legal_bytes_reach_the_handler)
{
    struct http_config config = echo_config();
    struct echo_server echo = {0};
    struct raw_client client;
    struct raw_reply reply;

    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
    raw_send(&client, served[_i].bytes);
    reply = raw_receive(&client, false);
    ck_assert_int_eq(reply.status, served[_i].status);
    ck_assert_msg(str_equal(reply.body, str_of(served[_i].body)), "'" STR_FMT "'",
                  STR_ARG(reply.body));
    raw_close(&client);
    echo_stop(&echo);
}
END_TEST

/* However the bytes are cut, the memory that http_layout_is_plain looks at is the same. */
START_TEST(bytes_that_come_one_by_one_are_the_same_request)
{
    struct http_config config = echo_config();
    struct echo_server echo = {0};
    struct raw_client client;
    struct str bytes = served[_i].bytes;
    struct raw_reply reply;

    echo_start(&echo, &config);
    raw_connect(&client, echo_address(&echo));
    for (size_t i = 0; i < bytes.len; i++)
        raw_send(&client, str_from(bytes.data + i, 1));
    reply = raw_receive(&client, false);
    ck_assert_int_eq(reply.status, served[_i].status);
    ck_assert(str_equal(reply.body, str_of(served[_i].body)));
    raw_close(&client);
    echo_stop(&echo);
}
END_TEST

Suite *http_framing_suite(void);

Suite *http_framing_suite(void)
{
    Suite *suite = suite_create("http_framing");
    TCase *tcase = tcase_create("framing");

    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, ambiguous_and_forbidden_bytes_are_refused_and_the_connection_closed,
                        0, sizeof(refused) / sizeof(refused[0]));
    tcase_add_loop_test(tcase, legal_bytes_reach_the_handler, 0,
                        sizeof(served) / sizeof(served[0]));
    tcase_add_loop_test(tcase, bytes_that_come_one_by_one_are_the_same_request, 0,
                        sizeof(served) / sizeof(served[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
