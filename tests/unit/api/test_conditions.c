/* SPDX-License-Identifier: Apache-2.0 */
#include "api/conditions.h"

#include "tests/support/expect.h"
#include "tests/unit/api/api_fixture.h"

#include "base/arena.h"

#include <check.h>
#include <string.h>

static struct api_fixture fixture;

static void serve_expectation(struct call *call)
{
    struct expectation expected;

    if (conditions_expectation(call, &expected))
        answer_text(call, arena_printf(call->arena, "%d %lld", (int)expected.kind,
                                       (long long)expected.version.n));
}

/* "<key>|<hash in hex>", "none" without a key */
static void serve_key(struct call *call)
{
    struct write write = {0};
    struct buf out = BUF_INIT(1024);

    if (!conditions_idempotency(call, &write))
        return;
    if (write.idempotency_key.data == NULL) {
        answer_text(call, STR("none"));
        return;
    }
    buf_printf(&out, STR_FMT "|", STR_ARG(write.idempotency_key));
    for (size_t i = 0; i < write.request_hash.len; i++)
        buf_printf(&out, "%02x", (unsigned char)write.request_hash.data[i]);
    answer_text(call, arena_dup(call->arena, buf_str(&out)));
    buf_release(&out);
}

static void serve_plain(struct call *call)
{
    answer_text(call, STR("served"));
}

static const struct route routes[] = {
    {.method = HTTP_POST,
     .pattern = "/expect",
     .serve = serve_expectation,
     .plumbing = true,
     .takes_conditions = true},
    {.method = HTTP_POST, .pattern = "/plain", .serve = serve_plain, .plumbing = true},
    {.method = HTTP_GET, .pattern = "/plain", .serve = serve_plain, .plumbing = true},
    {.method = HTTP_POST,
     .pattern = "/hinted",
     .serve = serve_plain,
     .plumbing = true,
     .instead_of_conditions = "use 'expected'"},
    {.method = HTTP_POST, .pattern = "/key", .serve = serve_key, .plumbing = true},
    {.method = HTTP_PATCH, .pattern = "/key", .serve = serve_key, .plumbing = true},
    {.method = HTTP_POST, .pattern = "/key/{other}", .serve = serve_key, .plumbing = true},
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
    const char *headers;
    enum expect kind;
    long long version;
} good[] = {
    {"", EXPECT_ANY, 0},
    {"If-Match: \"7\"\r\n", EXPECT_EXACT, 7},
    {"If-Match:   \"7\"  \r\n", EXPECT_EXACT, 7},
    {"If-Match: \"9223372036854775807\"\r\n", EXPECT_EXACT, INT64_MAX},
    {"If-Match: *\r\n", EXPECT_EXISTS, 0},
    {"If-None-Match: *\r\n", EXPECT_NONE, 0},
};

START_TEST(a_condition_is_an_expectation)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /expect", good[_i].headers, "");
    struct str wanted =
        arena_printf(fixture.api.arena, "%d %lld", (int)good[_i].kind, good[_i].version);

    EXPECT_STR(reply.body, wanted.data);
}
END_TEST

static const char *const bad[] = {
    "If-Match: 7\r\n",
    "If-Match: \"0\"\r\n",
    "If-Match: \"-1\"\r\n",
    "If-Match: \"07\"\r\n",
    "If-Match: \"1.0\"\r\n",
    "If-Match: \"9223372036854775808\"\r\n",
    "If-Match: \"7\r\n",
    "If-Match: \"\"\r\n",
    "If-Match: \r\n",
    "If-Match: W/\"7\"\r\n",
    "If-Match: \"7\", \"8\"\r\n",
    "If-Match: \"7\"\r\nIf-Match: \"7\"\r\n",
    "If-Match: \"7\"\r\nIf-None-Match: *\r\n",
    "If-None-Match: \"7\"\r\n",
};

START_TEST(a_malformed_condition_is_refused)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /expect", bad[_i], "");

    EXPECT_STR(reply_slug(&reply), "bad-request");
}
END_TEST

static const struct {
    const char *line;
    const char *headers;
    const char *tells;
} unfit[] = {
    {"POST /plain", "If-Match: \"7\"\r\n", "If-Match is not taken here: what this request"},
    {"POST /plain", "If-None-Match: *\r\n", "If-None-Match is not taken here"},
    {"POST /plain", "If-Match: nonsense\r\n", "send it without"},
    {"POST /hinted", "if-match: *\r\n", "If-Match is not taken here: use 'expected'"},
};

START_TEST(a_condition_that_a_write_does_not_take_is_refused)
{
    struct raw_reply reply = api_fixture_ask(&fixture, unfit[_i].line, unfit[_i].headers, "");

    EXPECT_STR(reply_slug(&reply), "bad-request");
    ck_assert_msg(reply_has(&reply, unfit[_i].tells), STR_FMT, STR_ARG(reply.body));
}
END_TEST

START_TEST(writes_without_conditions_and_reads_are_served)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /hinted", "", "");

    EXPECT_STR(reply.body, "served");
    reply = api_fixture_ask(&fixture, "GET /plain", "If-None-Match: \"7\"\r\n", "");
    EXPECT_STR(reply.body, "served");
}
END_TEST

START_TEST(without_a_key_there_is_no_hash)
{
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /key", "", "");

    EXPECT_STR(reply.body, "none");
}
END_TEST

static struct str ask_key(const char *line, const char *key, const char *body)
{
    struct str header = arena_printf(fixture.api.arena, "Idempotency-Key: %s\r\n", key);
    struct raw_reply reply = api_fixture_ask(&fixture, line, header.data, body);

    ck_assert_int_eq(reply.status, 200);
    return arena_dup(fixture.api.arena, reply.body);
}

START_TEST(quoted_and_bare_are_the_same_key)
{
    struct str bare = ask_key("POST /key", "k 1", "{}");

    ck_assert(str_starts_with(bare, STR("k 1|")));
    ck_assert_uint_eq(bare.len, 4 + 32);
    ck_assert(str_equal(ask_key("POST /key", "\"k 1\"", "{}"), bare));
}
END_TEST

START_TEST(method_path_query_and_body_make_the_hash)
{
    struct str first = ask_key("POST /key", "k", "{}");
    struct str others[] = {
        ask_key("PATCH /key", "k", "{}"),    ask_key("POST /key/x", "k", "{}"),
        ask_key("POST /key?a=1", "k", "{}"), ask_key("POST /key", "k", "{ }"),
        ask_key("POST /key", "k", ""),
    };

    ck_assert(str_equal(ask_key("POST /key", "k", "{}"), first));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert(!str_equal(others[i], first));
}
END_TEST

static const char *const bad_keys[] = {"", "\"\"", "\"open", "a\"b", "a\\b", "a\"", "\xc3\xa4"};

START_TEST(a_malformed_key_is_refused)
{
    struct str header = arena_printf(fixture.api.arena, "Idempotency-Key: %s\r\n", bad_keys[_i]);
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /key", header.data, "");

    EXPECT_STR(reply_slug(&reply), "bad-request");
}
END_TEST

START_TEST(a_key_has_at_most_255_characters)
{
    char key[257];

    memset(key, 'k', sizeof key);
    key[255] = '\0';
    ck_assert_uint_eq(ask_key("POST /key", key, "").len, 255 + 1 + 32);
    key[255] = 'k';
    key[256] = '\0';
    struct str header = arena_printf(fixture.api.arena, "Idempotency-Key: %s\r\n", key);
    struct raw_reply reply = api_fixture_ask(&fixture, "POST /key", header.data, "");
    EXPECT_STR(reply_slug(&reply), "bad-request");
}
END_TEST

START_TEST(two_keys_are_refused)
{
    struct raw_reply reply =
        api_fixture_ask(&fixture, "POST /key", "Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "");

    EXPECT_STR(reply_slug(&reply), "bad-request");
}
END_TEST

Suite *api_conditions_suite(void);
Suite *api_conditions_suite(void)
{
    Suite *suite = suite_create("api_conditions");
    TCase *tc = tcase_create("conditions");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_condition_is_an_expectation, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, a_malformed_condition_is_refused, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, a_condition_that_a_write_does_not_take_is_refused, 0, COUNT_OF(unfit));
    tcase_add_test(tc, writes_without_conditions_and_reads_are_served);
    tcase_add_test(tc, without_a_key_there_is_no_hash);
    tcase_add_test(tc, quoted_and_bare_are_the_same_key);
    tcase_add_test(tc, method_path_query_and_body_make_the_hash);
    tcase_add_loop_test(tc, a_malformed_key_is_refused, 0, COUNT_OF(bad_keys));
    tcase_add_test(tc, a_key_has_at_most_255_characters);
    tcase_add_test(tc, two_keys_are_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
