/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/expect.h"
#include "tests/unit/api/api_fixture.h"

#include "base/arena.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "Content-Type: application/json\r\n"

static struct api_fixture fixture;

static void echo(struct call *call, bool optional)
{
    SCOPED(json_decref) json_t *body = NULL;

    if (!call_body(call, optional, &body))
        return;
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    struct str copy = arena_dup(call->arena, str_of(text));
    free(text);
    answer_text(call, copy);
}

static void serve_body(struct call *call)
{
    echo(call, false);
}

static void serve_optional(struct call *call)
{
    echo(call, true);
}

static void serve_json(struct call *call)
{
    if (call_accepts(call, "application/json"))
        answer_text(call, call_prefers(call, "application/json") ? STR("named") : STR("accepted"));
}

static const struct route routes[] = {
    {.method = HTTP_POST, .pattern = "/body", .serve = serve_body, .plumbing = true},
    {.method = HTTP_POST, .pattern = "/optional", .serve = serve_optional, .plumbing = true},
    {.method = HTTP_POST, .pattern = "/bulk", .serve = serve_body, .plumbing = true, .bulk = true},
    {.method = HTTP_GET, .pattern = "/json", .serve = serve_json, .plumbing = true},
};

static void setup(void)
{
    api_fixture_start(&fixture, "127.0.0.1:0", "", routes, COUNT_OF(routes));
}

static void teardown(void)
{
    api_fixture_stop(&fixture);
}

static const struct {
    const char *header;
    int status;
} types[] = {
    {JSON_TYPE, 200},
    {"Content-Type: APPLICATION/JSON\r\n", 200},
    {"Content-Type: application/json; charset=utf-8\r\n", 200},
    {"Content-Type: application/json;charset=\"UTF-8\"\r\n", 200},
    {JSON_TYPE "Content-Encoding: identity\r\n", 200},
    {"", 415},
    {"Content-Type: text/plain\r\n", 415},
    {"Content-Type: application/jsonp\r\n", 415},
    {"Content-Type: application/json; charset=utf-16\r\n", 415},
    {"Content-Type: application/json; charset=utf-8; x=y\r\n", 415},
    {"Content-Type: application/x-www-form-urlencoded\r\n", 415},
    {JSON_TYPE "Content-Encoding: gzip\r\n", 415},
};

START_TEST(only_json_in_utf8_is_a_body)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /body", types[_i].header, "{}");

    ck_assert_int_eq(reply.status, types[_i].status);
    if (reply.status == 415)
        ck_assert(reply_has(&reply, "Content-")); /* its detail gives the header to send */
}
END_TEST

static const struct {
    const char *body;
    const char *slug;
} bodies[] = {
    {"", "malformed-json"},
    {"{", "malformed-json"},
    {"{} {}", "malformed-json"},
    {"{'a':1}", "malformed-json"},
    {"{\"a\":NaN}", "malformed-json"},
    {"\xef\xbb\xbf{}", "malformed-json"},
    {"{\"a\":\"\xff\"}", "malformed-json"},
    {"{\"a\":1e400}", "json-limits"},
    {"{\"a\":9223372036854775808}", "json-limits"},
    {"{\"a\":1,\"a\":2}", "not-storable"},
    {"{\"a\":\"\\u0000\"}", "not-storable"},
};

START_TEST(what_is_no_storable_json_is_told_apart)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /body", JSON_TYPE, bodies[_i].body);

    EXPECT_STR(reply_slug(&reply), bodies[_i].slug);
}
END_TEST

static struct str nested(unsigned depth)
{
    char *text = arena_alloc(fixture.api.arena, 2 * depth + 1);

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return str_of(text);
}

START_TEST(depth_is_limited)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /body", JSON_TYPE, nested(32).data);

    ck_assert_int_eq(reply.status, 200);
    reply = api_fixture_ask(&fixture, "POST /body", JSON_TYPE, nested(33).data);
    EXPECT_STR(reply_slug(&reply), "json-limits");
}
END_TEST

START_TEST(values_are_counted_and_bulk_may_have_more)
{
    enum { COUNT = 10001 };
    char *text = arena_alloc(fixture.api.arena, 2 * COUNT + 2);

    text[0] = '[';
    for (size_t i = 0; i < COUNT; i++)
        memcpy(text + 1 + 2 * i, i + 1 < COUNT ? "0," : "0]", 2);
    text[2 * COUNT + 1] = '\0';
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /body", JSON_TYPE, text);
    EXPECT_STR(reply_slug(&reply), "json-limits");
    reply = api_fixture_ask(&fixture, "POST /bulk", JSON_TYPE, text);
    ck_assert_int_eq(reply.status, 200);
}
END_TEST

START_TEST(a_body_that_may_be_absent_is_then_an_empty_object)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /optional", "", "");

    EXPECT_STR(reply.body, "{}");
    reply = api_fixture_ask(&fixture, "POST /optional", JSON_TYPE, "{\"a\":1}");
    EXPECT_STR(reply.body, "{\"a\":1}");
    reply = api_fixture_ask(&fixture, "POST /optional", "", "{\"a\":1}");
    EXPECT_STR(reply_slug(&reply), "unsupported-media-type");
}
END_TEST

static const struct {
    const char *header;
    const char *body; /* NULL: 406 */
} accepts[] = {
    {"", "accepted"},
    {"Accept: */*\r\n", "accepted"},
    {"Accept: application/*\r\n", "accepted"},
    {"Accept: application/json\r\n", "named"},
    {"Accept: Application/JSON;q=0.5\r\n", "named"},
    {"Accept: text/html, application/json;q=0.9\r\n", "named"},
    {"Accept: text/html, */*;q=0.1\r\n", "accepted"},
    {"Accept: text/html\r\n", NULL},
    {"Accept: text/*\r\n", NULL},
    {"Accept: application/xml\r\n", NULL},
    {"Accept: application/json;q=0\r\n", NULL},
    {"Accept: application/json;q=0.000\r\n", NULL},
    {"Accept: application/json;q=0, */*\r\n", NULL},
    {"Accept: application/*;q=0, */*\r\n", NULL},
};

START_TEST(accept_is_heeded)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "GET /json", accepts[_i].header, "");

    if (accepts[_i].body != NULL)
        EXPECT_STR(reply.body, accepts[_i].body);
    else
        EXPECT_STR(reply_slug(&reply), "not-acceptable");
}
END_TEST

Suite *api_call_body_suite(void);
Suite *api_call_body_suite(void)
{
    Suite *suite = suite_create("api_call_body");
    TCase *tc = tcase_create("call_body");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, only_json_in_utf8_is_a_body, 0, COUNT_OF(types));
    tcase_add_loop_test(tc, what_is_no_storable_json_is_told_apart, 0, COUNT_OF(bodies));
    tcase_add_test(tc, depth_is_limited);
    tcase_add_test(tc, values_are_counted_and_bulk_may_have_more);
    tcase_add_test(tc, a_body_that_may_be_absent_is_then_an_empty_object);
    tcase_add_loop_test(tc, accept_is_heeded, 0, COUNT_OF(accepts));
    suite_add_tcase(suite, tc);
    return suite;
}
