/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/expect.h"
#include "tests/unit/api/api_fixture.h"

#include <check.h>
#include <string.h>

static void serve(struct call *call)
{
    answer_text(call, STR("served"));
}

static const struct route routes[] = {
    {.method = HTTP_GET, .pattern = "/x", .serve = serve, .plumbing = true},
};

static struct raw_reply ask(const char *listen, const char *hosts, const char *headers)
{
    static struct api_fixture fixture;
    static char body[1024];

    api_fixture_start(&fixture, listen, hosts, routes, COUNT_OF(routes));
    struct raw_reply reply = api_fixture_ask(&fixture, "GET /x", headers, "");
    ck_assert_uint_lt(reply.body.len, sizeof body);
    memcpy(body, reply.body.data, reply.body.len);
    reply.body.data = body;
    reply.head = STR("");
    api_fixture_stop(&fixture);
    return reply;
}

static const struct {
    const char *hosts;
    const char *headers;
    int status;
} on_loopback[] = {
    {"", "", 200},
    {"", "Host: localhost\r\n", 200},
    {"", "Host: LOCALHOST:8080\r\n", 200},
    {"", "Host: 127.0.0.1:1\r\n", 200},
    {"", "Host: [::1]:8080\r\n", 200},
    {"", "Host: [::1]\r\n", 200},
    {"", "Host: evil.example\r\n", 403},
    {"", "Host: localhost.evil.example\r\n", 403},
    {"", "Host: 127.0.0.1.evil.example:80\r\n", 403},
    {"", "Host: 10.0.0.1\r\n", 403},
    {"daybook.internal, other", "Host: daybook.internal:80\r\n", 200},
    {"daybook.internal, other", "Host: other\r\n", 200},
    {"daybook.internal, other", "Host: daybook.internal.evil\r\n", 403},
    {"", "Origin: http://localhost:3000\r\n", 200},
    {"", "Origin: https://127.0.0.1\r\n", 200},
    {"", "Origin: http://evil.example\r\n", 403},
    {"", "Origin: https://127.0.0.1.evil.example\r\n", 403},
    {"", "Origin: null\r\n", 403},
    {"", "Origin: file://\r\n", 403},
    {"", "Origin: \r\n", 403},
    {"app.example", "Origin: https://app.example\r\n", 200},
};

START_TEST(on_loopback_only_our_names_are_served)
{
    struct raw_reply reply = ask("127.0.0.1:0", on_loopback[_i].hosts, on_loopback[_i].headers);

    ck_assert_msg(reply.status == on_loopback[_i].status, "%s -> %d", on_loopback[_i].headers,
                  reply.status);
    ck_assert_int_eq(reply_has(&reply, "forbidden"), reply.status == 403);
}
END_TEST

static const struct {
    const char *hosts;
    const char *headers;
    int status;
} in_public[] = {
    {"", "Host: anything.example\r\n", 200},
    {"", "Host: daybook:8080\r\nOrigin: http://daybook:8080\r\n", 200},
    {"", "Host: daybook:8080\r\nOrigin: http://localhost:3000\r\n", 200},
    {"", "Host: daybook:8080\r\nOrigin: http://evil.example\r\n", 403},
    {"", "Host: daybook:8080\r\nOrigin: http://daybook\r\n", 403},
    {"", "Host: daybook:8080\r\nOrigin: null\r\n", 403},
    {"daybook", "Host: daybook:8080\r\n", 200},
    {"daybook", "Host: evil.example\r\n", 403},
    {"daybook", "Host: 127.0.0.1\r\n", 200},
};

START_TEST(in_public_names_count_where_they_are_given_and_pages_always)
{
    struct raw_reply reply = ask("0.0.0.0:0", in_public[_i].hosts, in_public[_i].headers);

    ck_assert_msg(reply.status == in_public[_i].status, "%s -> %d", in_public[_i].headers,
                  reply.status);
}
END_TEST

Suite *api_guard_suite(void);
Suite *api_guard_suite(void)
{
    Suite *suite = suite_create("api_guard");
    TCase *tc = tcase_create("guard");

    tcase_add_loop_test(tc, on_loopback_only_our_names_are_served, 0, COUNT_OF(on_loopback));
    tcase_add_loop_test(tc, in_public_names_count_where_they_are_given_and_pages_always, 0,
                        COUNT_OF(in_public));
    suite_add_tcase(suite, tc);
    return suite;
}
