/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/expect.h"
#include "tests/unit/api/api_fixture.h"

#include "base/arena.h"
#include "base/name.h"

#include <check.h>
#include <string.h>

static struct api_fixture fixture;

/* "id|request|correlation|causation|traceparent" */
static void serve_ids(struct call *call)
{
    answer_text(call,
                arena_printf(call->arena, STR_FMT "|" STR_FMT "|" STR_FMT "|" STR_FMT,
                             STR_ARG(call_path_parameter(call, "id")),
                             STR_ARG(call->origin.request_id), STR_ARG(call->origin.correlation_id),
                             STR_ARG(call->origin.causation_id)));
}

static const char *const colours[] = {"red", "green", NULL};

static void serve_query(struct call *call)
{
    int64_t number = 50;
    int64_t time = -1;
    size_t colour = 9;
    struct str text = STR("none");

    (void)call_query_str(call, "text", &text);
    call_query_number(call, "n", 1, 500, &number);
    call_query_time(call, "t", &time);
    call_query_choice(call, "colour", colours, &colour);
    if (call_query_done(call))
        answer_text(call, arena_printf(call->arena, STR_FMT "|%lld|%lld|%zu", STR_ARG(text),
                                       (long long)number, (long long)time, colour));
}

static void serve_version(struct call *call)
{
    if (!call_not_modified(call, VERSION(7)))
        answer_text(call, STR("body"));
}

static const struct route routes[] = {
    {.method = HTTP_GET, .pattern = "/ids/{id}", .serve = serve_ids, .plumbing = true},
    {.method = HTTP_GET, .pattern = "/query", .serve = serve_query, .plumbing = true},
    {.method = HTTP_GET, .pattern = "/version", .serve = serve_version, .plumbing = true},
    {.method = HTTP_POST, .pattern = "/query", .serve = serve_query, .plumbing = true},
    {.method = HTTP_DELETE, .pattern = "/only", .serve = serve_query, .plumbing = true},
    {.method = HTTP_GET, .pattern = "/needs-database", .serve = serve_query},
};

static void setup(void)
{
    api_fixture_start(&fixture, "127.0.0.1:0", "", routes, COUNT_OF(routes));
}

static void teardown(void)
{
    api_fixture_stop(&fixture);
}

static struct raw_reply get(const char *line, const char *headers)
{
    return api_fixture_ask(&fixture, line, headers, "");
}

START_TEST(ids_of_a_request_are_taken_and_returned)
{
    struct raw_reply reply =
        get("GET /ids/x%3A1", "X-Request-Id: r-1\r\nX-Correlation-Id: c-1\r\nX-Causation-Id: z\r\n"
                              "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"
                              "\r\n");

    EXPECT_STR(reply.body, "x:1|r-1|c-1|z");
    EXPECT_STR(raw_header(&reply, "X-Request-Id"), "r-1");
    EXPECT_STR(raw_header(&reply, "X-Correlation-Id"), "c-1");
    EXPECT_STR(raw_header(&reply, "X-Causation-Id"), "z");
    EXPECT_STR(raw_header(&reply, "traceparent"),
               "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00");
}
END_TEST

START_TEST(ids_that_are_absent_are_made)
{
    struct raw_reply reply = get("GET /ids/x", "");
    char first[64] = "";
    struct str id = raw_header(&reply, "X-Request-Id");

    ck_assert_uint_eq(id.len, 36);
    ck_assert(str_equal(raw_header(&reply, "X-Correlation-Id"), id));
    ck_assert(str_equal(raw_header(&reply, "X-Causation-Id"), id));
    memcpy(first, id.data, id.len);
    reply = get("GET /ids/x", "");
    ck_assert(!str_equal(raw_header(&reply, "X-Request-Id"), str_of(first)));
}
END_TEST

static const char *const bad_traces[] = {
    "traceparent: 00-00000000000000000000000000000000-0123456789abcdef-00\r\n",
    "traceparent: 00-0123456789abcdef0123456789abcdef-0000000000000000-00\r\n",
    "traceparent: 00-0123456789ABCDEF0123456789abcdef-0123456789abcdef-00\r\n",
    "traceparent: 01-0123456789abcdef0123456789abcdef-0123456789abcdef-00\r\n",
    "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-0g\r\n",
    "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef\r\n",
    "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00-x\r\n",
    "traceparent: x\r\n",
    ("traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00\r\n"
     "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-00\r\n"),
};

START_TEST(a_malformed_trace_is_replaced)
{
    struct raw_reply reply = get("GET /ids/x", bad_traces[_i]);
    struct str made = raw_header(&reply, "traceparent");

    ck_assert_uint_eq(made.len, 55);
    ck_assert(memmem(made.data, made.len, "0123456789abcdef", 16) == NULL);
}
END_TEST

START_TEST(malformed_ids_are_replaced)
{
    struct raw_reply reply = get("GET /ids/x", "X-Request-Id: a b\r\nX-Correlation-Id: <>\r\n");

    ck_assert_uint_eq(raw_header(&reply, "X-Request-Id").len, 36);
    ck_assert_uint_eq(raw_header(&reply, "X-Correlation-Id").len, 36);
}
END_TEST

START_TEST(an_unknown_path_is_404)
{
    struct raw_reply reply = get("GET /nothing", "");

    EXPECT_STR(reply_slug(&reply), "not-found");
    ck_assert(reply_has(&reply, "\"instance\":\"/nothing\""));
}
END_TEST

static const struct {
    const char *line;
    const char *allow;
} not_allowed[] = {
    {"PUT /query", "GET, POST, HEAD"},
    {"PATCH /query", "GET, POST, HEAD"},
    {"GET /only", "DELETE"},
    {"HEAD /only", "DELETE"},
};

START_TEST(another_method_is_405_with_allow)
{
    struct raw_reply reply = get(not_allowed[_i].line, "");

    ck_assert_int_eq(reply.status, 405);
    EXPECT_STR(raw_header(&reply, "Allow"), not_allowed[_i].allow);
}
END_TEST

START_TEST(until_the_database_is_known_only_plumbing_is_served)
{
    struct raw_reply reply = get("GET /needs-database", "");

    EXPECT_STR(reply_slug(&reply), "dependency-down");
    EXPECT_STR(raw_header(&reply, "Retry-After"), "1");
    reply = get("GET /query", "");
    ck_assert_int_eq(reply.status, 200);
}
END_TEST

static const struct {
    const char *line;
    const char *body;
} queries[] = {
    {"GET /query", "none|50|-1|9"},
    {"GET /query?", "none|50|-1|9"},
    {"GET /query?text=a+b%2Bc", "a b+c|50|-1|9"},
    {"GET /query?text=", "|50|-1|9"},
    {"GET /query?text", "|50|-1|9"},
    {"GET /query?n=1&colour=green", "none|1|-1|1"},
    {"GET /query?n=500&colour=red&t=1970-01-01T00:00:01Z", "none|500|1000000|0"},
};

START_TEST(parameters_are_read)
{
    struct raw_reply reply = get(queries[_i].line, "");

    EXPECT_STR(reply.body, queries[_i].body);
}
END_TEST

static const struct {
    const char *line;
    const char *slug;
    const char *tells;
} bad_queries[] = {
    {"GET /query?n=0", "validation-failed", "\"?n\""},
    {"GET /query?n=501", "validation-failed", "\"?n\""},
    {"GET /query?n=-1", "validation-failed", "\"?n\""},
    {"GET /query?n=1.0", "validation-failed", "\"?n\""},
    {"GET /query?n=", "validation-failed", "\"?n\""},
    {"GET /query?n=99999999999999999999", "validation-failed", "\"?n\""},
    {"GET /query?t=now", "validation-failed", "\"?t\""},
    {"GET /query?colour=blue", "validation-failed", "\"?colour\""},
    {"GET /query?unknown=1", "validation-failed", "\"?unknown\""},
    {"GET /query?N=1", "validation-failed", "\"?N\""},
    {"GET /query?n=1&n=1", "bad-request", "repeats"},
    {"GET /query?text=%zz", "bad-request", "malformed"},
    {"GET /query?text=%ff", "bad-request", "malformed"},
    {"GET /query?a=1&b=1&c=1&d=1&e=1&f=1&g=1&h=1&i=1&j=1&k=1&l=1&m=1&n=1&o=1&p=1&q=1",
     "bad-request", "16"},
};

START_TEST(a_parameter_that_may_not_be_is_refused)
{
    struct raw_reply reply = get(bad_queries[_i].line, "");

    EXPECT_STR(reply_slug(&reply), bad_queries[_i].slug);
    ck_assert_msg(reply_has(&reply, bad_queries[_i].tells), STR_FMT, STR_ARG(reply.body));
}
END_TEST

START_TEST(all_faults_are_told_at_once)
{
    struct raw_reply reply = get("GET /query?n=x&t=y&colour=z&more=1", "");

    ck_assert(reply_has(&reply, "\"?n\"") && reply_has(&reply, "\"?t\""));
    ck_assert(reply_has(&reply, "\"?colour\"") && reply_has(&reply, "\"?more\""));
    ck_assert(reply_has(&reply, "4 faults"));
}
END_TEST

static const struct {
    const char *header;
    int status;
} matches[] = {
    {"", 200},
    {"If-None-Match: \"7\"\r\n", 304},
    {"If-None-Match: W/\"7\"\r\n", 304},
    {"If-None-Match: \"6\", \"7\"\r\n", 304},
    {"If-None-Match: *\r\n", 304},
    {"If-None-Match: \"8\"\r\n", 200},
    {"If-None-Match: 7\r\n", 200},
};

START_TEST(a_version_the_client_has_is_not_sent_again)
{
    struct raw_reply reply = get("GET /version", matches[_i].header);

    ck_assert_int_eq(reply.status, matches[_i].status);
    EXPECT_STR(raw_header(&reply, "ETag"), "\"7\"");
    EXPECT_STR(reply.body, reply.status == 304 ? "" : "body");
}
END_TEST

Suite *api_call_suite(void);
Suite *api_call_suite(void)
{
    Suite *suite = suite_create("api_call");
    TCase *tc = tcase_create("call");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ids_of_a_request_are_taken_and_returned);
    tcase_add_test(tc, ids_that_are_absent_are_made);
    tcase_add_loop_test(tc, a_malformed_trace_is_replaced, 0, COUNT_OF(bad_traces));
    tcase_add_test(tc, malformed_ids_are_replaced);
    tcase_add_test(tc, an_unknown_path_is_404);
    tcase_add_loop_test(tc, another_method_is_405_with_allow, 0, COUNT_OF(not_allowed));
    tcase_add_test(tc, until_the_database_is_known_only_plumbing_is_served);
    tcase_add_loop_test(tc, parameters_are_read, 0, COUNT_OF(queries));
    tcase_add_loop_test(tc, a_parameter_that_may_not_be_is_refused, 0, COUNT_OF(bad_queries));
    tcase_add_test(tc, all_faults_are_told_at_once);
    tcase_add_loop_test(tc, a_version_the_client_has_is_not_sent_again, 0, COUNT_OF(matches));
    suite_add_tcase(suite, tc);
    return suite;
}
