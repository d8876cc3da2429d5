/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/json.h"
#include "tests/support/expect.h"

Suite *base_json_written_suite(void);

static struct json_written in;

static void open_at(const char *text, struct str literal)
{
    json_written_open(&in, str_of(text));
    ck_assert(json_written_take(&in, literal));
}

START_TEST(members_are_read_in_the_order_they_were_written)
{
    struct str text;
    int64_t number;

    open_at("{\"a\":\"x\",\"b\":-7,\"c\":{\"d\":0}}", STR("{"));
    ck_assert(json_written_str(&in, STR("a"), &text));
    EXPECT_STR(text, "x");
    ck_assert(json_written_i64(&in, STR("b"), &number));
    ck_assert_int_eq(number, -7);
    ck_assert(json_written_key(&in, STR("c")));
    ck_assert(json_written_take(&in, STR("{")));
    ck_assert(json_written_i64(&in, STR("d"), &number));
    ck_assert_int_eq(number, 0);
    ck_assert(!json_written_ends(&in));
    ck_assert(json_written_take(&in, STR("}}")));
    ck_assert(json_written_ends(&in));
}
END_TEST

static const char *const no_text[] = {
    "{",
    "{\"a",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":\"",
    "{\"a\":\"x",
    "{,\"a\":\"\"",
    "{\"b\":\"\"",
    "{\"a\" :\"\"",
    "{\"a\": \"\"",
    "{\"a\":null}",
    "{\"a\":\"\\n\"",
    "{\"a\":\"\t\"",
    "{\"a\":\"\xC3\xA9\"",
    "{\"aa\":\"\"",
    "{\"\":\"\"",
    "{a:\"\"",
};

START_TEST(what_is_written_otherwise_is_no_text)
{
    struct str text;

    open_at(no_text[_i], STR("{"));
    ck_assert(!json_written_str(&in, STR("a"), &text));
}
END_TEST

static const char *const no_number[] = {
    "{\"a\":",    "{\"a\":}",      "{\"a\":-}",   "{\"a\":01}",
    "{\"a\":-0}", "{\"a\":\"1\"}", "{\"a\":1-1}", "{\"a\":9223372036854775808}",
};

START_TEST(what_is_written_otherwise_is_no_number)
{
    int64_t number;

    open_at(no_number[_i], STR("{"));
    ck_assert(!json_written_i64(&in, STR("a"), &number));
}
END_TEST

START_TEST(a_member_needs_its_comma_and_something_before_it)
{
    int64_t number;

    open_at("{\"a\":1\"b\":2}", STR("{"));
    ck_assert(json_written_i64(&in, STR("a"), &number));
    ck_assert(!json_written_i64(&in, STR("b"), &number));
    json_written_open(&in, STR("\"a\":1"));
    ck_assert(!json_written_i64(&in, STR("a"), &number));
    json_written_open(&in, STR(""));
    ck_assert(json_written_ends(&in));
    ck_assert(!json_written_key(&in, STR("a")));
}
END_TEST

Suite *base_json_written_suite(void)
{
    Suite *suite = suite_create("base_json_written");
    TCase *tests = tcase_create("all");

    tcase_add_test(tests, members_are_read_in_the_order_they_were_written);
    tcase_add_loop_test(tests, what_is_written_otherwise_is_no_text, 0,
                        sizeof(no_text) / sizeof(no_text[0]));
    tcase_add_loop_test(tests, what_is_written_otherwise_is_no_number, 0,
                        sizeof(no_number) / sizeof(no_number[0]));
    tcase_add_test(tests, a_member_needs_its_comma_and_something_before_it);
    suite_add_tcase(suite, tests);
    return suite;
}
