/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/buf.h"
#include "base/json.h"
#include "tests/support/expect.h"

Suite *base_json_write_suite(void);

static const struct {
    struct str text;
    const char *written;
} strings[] = {
    {STR_INIT(""), "\"\""},
    {{NULL, 0}, "\"\""},
    {STR_INIT("plain"), "\"plain\""},
    {STR_INIT("a\"b"), "\"a\\\"b\""},
    {STR_INIT("\""), "\"\\\"\""},
    {STR_INIT("a\\b"), "\"a\\\\b\""},
    {STR_INIT("\\n"), "\"\\\\n\""},
    {STR_INIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {STR_INIT("\x01\x1F"), "\"\\u0001\\u001f\""},
    {STR_INIT("a\0b"), "\"a\\u0000b\""},
    {STR_INIT("/"), "\"/\""},
    {STR_INIT("\x7F"), "\"\x7F\""},
    {STR_INIT("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\""},
    {STR_INIT("</script><b>&"), "\"</script><b>&\""},
    {STR_INIT("%n%s"), "\"%n%s\""},
};

START_TEST(strings_are_quoted_and_escaped)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);

    json_write_str(&out, strings[_i].text);
    EXPECT_STR(buf_str(&out), strings[_i].written);
}
END_TEST

START_TEST(every_character_comes_back_through_the_parser)
{
    for (unsigned c = 1; c < 128; c++) {
        SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);
        char text[3] = {'<', (char)c, '>'};
        SCOPED(json_decref) json_t *value = NULL;

        json_write_str(&out, str_from(text, 3));
        value = json_loadb(out.data, out.len, JSON_DECODE_ANY, NULL);
        ck_assert_msg(value != NULL, "%u", c);
        ck_assert(str_equal(str_from(json_string_value(value), json_string_length(value)),
                            str_from(text, 3)));
    }
}
END_TEST

START_TEST(a_c_string_is_written_as_one)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);

    json_write_cstr(&out, "it's \"x\"");
    EXPECT_STR(buf_str(&out), "\"it's \\\"x\\\"\"");
}
END_TEST

START_TEST(a_time_is_quoted)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);

    json_write_time(&out, 1500000);
    EXPECT_STR(buf_str(&out), "\"1970-01-01T00:00:01.5Z\"");
}
END_TEST

START_TEST(keys_bring_their_commas)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);

    buf_add_char(&out, '{');
    json_write_key(&out, "a");
    buf_add_i64(&out, 1);
    json_write_key(&out, "b");
    buf_add_cstr(&out, "[{");
    json_write_key(&out, "c");
    json_write_cstr(&out, "{"); /* ends in a quote, not in the brace */
    json_write_key(&out, "d");
    buf_add_cstr(&out, "{}}]");
    json_write_key(&out, "e\"");
    buf_add_cstr(&out, "null}");
    EXPECT_STR(buf_str(&out), "{\"a\":1,\"b\":[{\"c\":\"{\",\"d\":{}}],\"e\\\"\":null}");
}
END_TEST

START_TEST(a_key_begins_a_fragment_without_a_comma)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);

    json_write_key(&out, "a");
    EXPECT_STR(buf_str(&out), "\"a\":");
}
END_TEST

START_TEST(a_full_buffer_fails_and_keeps_quiet)
{
    for (size_t max = 0; max < 20; max++) {
        SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(max);

        json_write_key(&out, "key");
        json_write_str(&out, STR("a\x01\"long\" string"));
        json_write_time(&out, 0);
        ck_assert(out.failed);
        ck_assert_uint_le(out.len, max);
    }
}
END_TEST

Suite *base_json_write_suite(void)
{
    Suite *suite = suite_create("base_json_write");
    TCase *tc = tcase_create("json_write");

    tcase_add_loop_test(tc, strings_are_quoted_and_escaped, 0, COUNT_OF(strings));
    tcase_add_test(tc, every_character_comes_back_through_the_parser);
    tcase_add_test(tc, a_c_string_is_written_as_one);
    tcase_add_test(tc, a_time_is_quoted);
    tcase_add_test(tc, keys_bring_their_commas);
    tcase_add_test(tc, a_key_begins_a_fragment_without_a_comma);
    tcase_add_test(tc, a_full_buffer_fails_and_keeps_quiet);
    suite_add_tcase(suite, tc);
    return suite;
}
