/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <check.h>

#include "base/buf.h"
#include "tests/support/expect.h"

Suite *base_json_suite(void);

static const struct json_limits limits = {
    .depth_max = 32,
    .values_max = 10000,
    .string_bytes_max = 64 * 1024,
};

START_TEST(a_parsed_value_is_the_callers)
{
    SCOPED(json_decref) json_t *value = NULL;
    struct error err = {0};

    ck_assert(json_parse(STR("{\"a\":[1,\"x\"],\"b\":1.5}"), limits, &value, &err));
    ck_assert_int_eq(json_integer_value(json_array_get(json_object_get(value, "a"), 0)), 1);
    ck_assert_double_eq(json_real_value(json_object_get(value, "b")), 1.5);
}
END_TEST

START_TEST(the_text_ends_where_its_length_says)
{
    SCOPED(json_decref) json_t *value = NULL;
    struct error err = {0};

    ck_assert(json_parse(str_from("[1]garbage", 3), limits, &value, &err));
    ck_assert_uint_eq(json_array_size(value), 1);
}
END_TEST

START_TEST(a_value_of_any_kind_may_stand_alone)
{
    static const char *const texts[] = {"1", "-0", "1.5", "true", "null", "\"x\"", "[]", "{}"};

    for (int i = 0; i < COUNT_OF(texts); i++) {
        SCOPED(json_decref) json_t *value = NULL;
        struct error err = {0};

        ck_assert_msg(json_parse(str_of(texts[i]), limits, &value, &err), "%s: %s", texts[i],
                      err.text);
    }
}
END_TEST

/* The door's verdict comes first; the parser adds only duplicate keys. */
static const struct {
    const char *text;
    const char *code;
} refused[] = {
    {"", "malformed-json"},
    {"{", "malformed-json"},
    {"[1,]", "malformed-json"},
    {"NaN", "malformed-json"},
    {"1e400", "json-limits"},
    {"1e-400", "json-limits"},
    {"9223372036854775808", "json-limits"},
    {"\"\\u0000\"", "not-storable"},
    {"{\"a\":1,\"a\":1}", "not-storable"},
    {"{\"a\":1,\"b\":{\"c\":1,\"d\":2,\"c\":3}}", "not-storable"},
    {"[{\"a\":1},{\"\":1,\"\":2}]", "not-storable"},
    {"{\"a\":1,\"\\u0061\":2}", "not-storable"}, /* the same key, written in two ways */
    {"{\"\xC3\xA9\":1,\"\\u00e9\":2}", "not-storable"},
};

START_TEST(refusals_carry_their_slug_and_leave_the_result_alone)
{
    json_t *value = json_null();
    struct error err = {0};

    ck_assert(!json_parse(str_of(refused[_i].text), limits, &value, &err));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, refused[_i].code);
    ck_assert_str_ne(err.text, "");
    ck_assert(json_is_null(value));
}
END_TEST

START_TEST(a_duplicate_is_told_without_its_text)
{
    json_t *value = NULL;
    struct error err = {0};

    ck_assert(!json_parse(STR("{\"secret\":1,\"secret\":2}"), limits, &value, &err));
    ck_assert_ptr_null(strstr(err.text, "secret"));
    ck_assert_ptr_nonnull(strstr(err.text, "at byte"));
}
END_TEST

START_TEST(equal_keys_in_different_objects_are_fine)
{
    SCOPED(json_decref) json_t *value = NULL;
    struct error err = {0};

    ck_assert(json_parse(STR("[{\"a\":{\"a\":1}},{\"a\":2}]"), limits, &value, &err));
}
END_TEST

START_TEST(numbers_at_the_ends_of_their_range_come_back_exactly)
{
    SCOPED(json_decref) json_t *value = NULL;
    struct error err = {0};

    ck_assert(
        json_parse(STR("[9223372036854775807,-9223372036854775808,5e-324]"), limits, &value, &err));
    ck_assert(json_integer_value(json_array_get(value, 0)) == INT64_MAX);
    ck_assert(json_integer_value(json_array_get(value, 1)) == INT64_MIN);
    ck_assert(json_real_value(json_array_get(value, 2)) > 0);
}
END_TEST

START_TEST(what_the_log_holds_is_parsed)
{
    SCOPED(json_decref) json_t *value = NULL;
    struct error err = {0};

    ck_assert(json_parse_stored(STR("{\"sku\":\"cd\",\"quantity\":3}"), &value, &err));
    ck_assert_int_eq(json_integer_value(json_object_get(value, "quantity")), 3);
}
END_TEST

START_TEST(what_the_log_holds_may_be_as_deep_as_any_route_lets_in)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1000);
    SCOPED(json_decref) json_t *value = NULL;
    struct error err = {0};

    for (int i = 0; i < 64; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < 64; i++)
        buf_add_char(&text, ']');
    ck_assert(json_parse_stored(buf_str(&text), &value, &err));
}
END_TEST

/* A row edited by hand, a record of a foreign producer. */
START_TEST(anything_else_in_the_log_is_poison)
{
    json_t *value = NULL;
    struct error err = {0};

    ck_assert(!json_parse_stored(str_of(refused[_i].text), &value, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_str_eq(err.code, refused[_i].code);
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(a_bomb_in_the_log_is_poison_before_it_is_expanded)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(2 * 1024 * 1024);
    json_t *value = NULL;
    struct error err = {0};

    buf_add_char(&text, '[');
    for (int i = 0; i < 300000; i++)
        buf_add_cstr(&text, "{},");
    buf_add_cstr(&text, "{}]");
    ck_assert(!json_parse_stored(buf_str(&text), &value, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_str_eq(err.code, "json-limits");
}
END_TEST

Suite *base_json_suite(void)
{
    Suite *suite = suite_create("base_json");
    TCase *tc = tcase_create("json");

    tcase_add_unchecked_fixture(tc, json_setup, NULL);
    tcase_add_test(tc, a_parsed_value_is_the_callers);
    tcase_add_test(tc, the_text_ends_where_its_length_says);
    tcase_add_test(tc, a_value_of_any_kind_may_stand_alone);
    tcase_add_loop_test(tc, refusals_carry_their_slug_and_leave_the_result_alone, 0,
                        COUNT_OF(refused));
    tcase_add_test(tc, a_duplicate_is_told_without_its_text);
    tcase_add_test(tc, equal_keys_in_different_objects_are_fine);
    tcase_add_test(tc, numbers_at_the_ends_of_their_range_come_back_exactly);
    tcase_add_test(tc, what_the_log_holds_is_parsed);
    tcase_add_test(tc, what_the_log_holds_may_be_as_deep_as_any_route_lets_in);
    tcase_add_loop_test(tc, anything_else_in_the_log_is_poison, 0, COUNT_OF(refused));
    tcase_add_test(tc, a_bomb_in_the_log_is_poison_before_it_is_expanded);
    suite_add_tcase(suite, tc);
    return suite;
}
