/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <check.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "tests/support/expect.h"

Suite *base_json_slices_suite(void);

START_TEST(members_come_in_order_as_raw_bytes)
{
    struct str text =
        STR(" { \"a\" : 1.50 ,\"b\":\"x\\n\",\"c\":{ \"d\" : [1, 2] }\t, \"e\":null } ");
    struct json_cursor cursor;
    struct str key;
    struct str raw;

    ck_assert(json_open(text, &cursor));
    ck_assert(json_next(&cursor, &key, &raw));
    EXPECT_STR(key, "a");
    EXPECT_STR(raw, "1.50");
    ck_assert(json_next(&cursor, &key, &raw));
    EXPECT_STR(key, "b");
    EXPECT_STR(raw, "\"x\\n\"");
    ck_assert(json_next(&cursor, &key, &raw));
    EXPECT_STR(key, "c");
    EXPECT_STR(raw, "{ \"d\" : [1, 2] }");
    ck_assert(json_next(&cursor, &key, &raw));
    EXPECT_STR(key, "e");
    EXPECT_STR(raw, "null");
    ck_assert(!json_next(&cursor, &key, &raw));
    ck_assert(!json_next(&cursor, &key, &raw));
}
END_TEST

START_TEST(items_have_no_key)
{
    struct json_cursor cursor;
    struct str key = STR("untouched");
    struct str raw;

    ck_assert(json_open(STR("[ 1 , [2,3] , \"]\" , {\"a\":\"}\"} ]"), &cursor));
    ck_assert(!cursor.in_object);
    ck_assert(json_next(&cursor, &key, &raw));
    ck_assert_uint_eq(key.len, 0);
    EXPECT_STR(raw, "1");
    ck_assert(json_next(&cursor, NULL, &raw));
    EXPECT_STR(raw, "[2,3]");
    ck_assert(json_next(&cursor, NULL, &raw));
    EXPECT_STR(raw, "\"]\"");
    ck_assert(json_next(&cursor, NULL, &raw));
    EXPECT_STR(raw, "{\"a\":\"}\"}");
    ck_assert(!json_next(&cursor, NULL, &raw));
}
END_TEST

START_TEST(slices_point_into_the_text)
{
    struct str text = STR("{\"data\":{\"x\":1}}");
    struct str raw;

    ck_assert(json_member(text, "data", &raw));
    ck_assert_ptr_eq(raw.data, text.data + 8);
}
END_TEST

START_TEST(brackets_and_quotes_within_strings_mean_nothing)
{
    struct str raw;

    ck_assert(json_member(STR("{\"a\":{\"k\":\"}]{[\\\"}\\\\\"},\"b\":2}"), "b", &raw));
    EXPECT_STR(raw, "2");
    ck_assert(json_member(STR("{\"}\":1,\"b\":2}"), "b", &raw));
    EXPECT_STR(raw, "2");
    ck_assert(json_member(STR("{\"\\\"\":1,\"\\\\\":0,\"b\":2}"), "b", &raw));
    EXPECT_STR(raw, "2");
}
END_TEST

START_TEST(empty_containers_have_no_members)
{
    static const char *const texts[] = {"{}", "[]", " { } ", "[\n]"};

    for (int i = 0; i < COUNT_OF(texts); i++) {
        struct json_cursor cursor;
        struct str raw;

        ck_assert(json_open(str_of(texts[i]), &cursor));
        ck_assert(!json_next(&cursor, NULL, &raw));
    }
}
END_TEST

START_TEST(only_containers_open)
{
    static const struct str texts[] = {
        STR_INIT("1"), STR_INIT("\"{}\""), STR_INIT("true"), STR_INIT(""), STR_INIT(" "), {NULL, 0},
    };

    for (int i = 0; i < COUNT_OF(texts); i++) {
        struct json_cursor cursor = {.at = "untouched"};
        struct str raw;

        ck_assert(!json_open(texts[i], &cursor));
        ck_assert_str_eq(cursor.at, "untouched");
        ck_assert(!json_member(texts[i], "a", &raw));
    }
}
END_TEST

START_TEST(an_array_has_no_members)
{
    struct str raw;

    ck_assert(!json_member(STR("[\"a\",1]"), "a", &raw));
}
END_TEST

/* Members of inner objects, keys that only begin alike, and values are not found. */
START_TEST(a_member_is_found_by_its_whole_name_on_its_own_level)
{
    struct str text = STR("{\"x\":{\"a\":0},\"aa\":0,\"\":9,\"v\":\"a\",\"a\":1,\"b\":2}");
    struct str raw;

    ck_assert(json_member(text, "a", &raw));
    EXPECT_STR(raw, "1");
    ck_assert(json_member(text, "", &raw));
    EXPECT_STR(raw, "9");
    raw = STR("untouched");
    ck_assert(!json_member(text, "ab", &raw));
    ck_assert(!json_member(text, "z", &raw));
    EXPECT_STR(raw, "untouched");
}
END_TEST

/* The parser undoes escapes in keys; slices that did not would miss what it sees. */
static const struct {
    struct str text;
    const char *key;
    bool found;
} escaped_keys[] = {
    {STR_INIT("{\"d\\u0061ta\":7}"), "data", true},
    {STR_INIT("{\"\\u0064\\u0061\\u0074\\u0061\":7}"), "data", true},
    {STR_INIT("{\"dat\\u0061\":7}"), "data", true},
    {STR_INIT("{\"a\\/b\":7}"), "a/b", true},
    {STR_INIT("{\"a\\\"b\":7}"), "a\"b", true},
    {STR_INIT("{\"a\\\\b\":7}"), "a\\b", true},
    {STR_INIT("{\"a\\u002Fb\":7}"), "a/b", true},
    {STR_INIT("{\"a\\u002fb\":7}"), "a/b", true},
    {STR_INIT("{\"dat\\u0062\":7}"), "data", false},
    {STR_INIT("{\"data\\u0061\":7}"), "data", false},
    {STR_INIT("{\"\\u0064\":7}"), "data", false},
    {STR_INIT("{\"a\\nb\":7}"), "anb", false},
    {STR_INIT("{\"\\u0161\":7}"), "a", false}, /* U+0161 ends in the byte of an a */
    {STR_INIT("{\"\\ud83d\\ude00\":7}"), "data", false},
    {STR_INIT("{\"\xC3\xA9\":7}"), "e", false},
    {STR_INIT("{\"\\u006g\":7}"), "f", false}, /* no JSON at all */
};

START_TEST(escapes_in_keys_are_undone)
{
    SCOPED(json_decref)
    json_t *value = json_loadb(escaped_keys[_i].text.data, escaped_keys[_i].text.len, 0, NULL);
    struct str raw = STR_NONE;

    ck_assert_int_eq(json_member(escaped_keys[_i].text, escaped_keys[_i].key, &raw),
                     escaped_keys[_i].found);
    ck_assert_int_eq(json_object_get(value, escaped_keys[_i].key) != NULL, escaped_keys[_i].found);
    EXPECT_STR(raw, escaped_keys[_i].found ? "7" : "");
}
END_TEST

/* Takes all that can be taken, at all levels. */
static size_t walk(struct str text)
{
    struct json_cursor cursor;
    size_t count = 1;
    struct str raw;

    if (!json_open(text, &cursor))
        return count;
    while (json_next(&cursor, NULL, &raw)) {
        ck_assert(raw.data >= text.data);
        ck_assert(raw.data + raw.len <= text.data + text.len);
        count += walk(raw);
    }
    return count;
}

START_TEST(all_values_at_all_levels_are_found)
{
    ck_assert_uint_eq(walk(STR("[{\"a\":[1,2,{}]},[[]],\"x\",-1e5,true]")), 11);
}
END_TEST

/* Not checked by json_check, so perhaps read wrong, but never beyond the end (a copy on the heap of
 * exactly the length shows that to the sanitizer) and never for ever. */
START_TEST(broken_texts_end)
{
    struct str whole = STR("{\"a\":[1,-2.5e+3,\"x\\u00e9\\\\\",{\"b\":null}],\"c\":true}");
    static const char bytes[] = "{}[]:,\"\\ua0 \0";
    struct str raw;

    for (size_t len = 0; len <= whole.len; len++) {
        char *copy = malloc(len > 0 ? len : 1);

        memcpy(copy, whole.data, len);
        walk(str_from(copy, len));
        json_member(str_from(copy, len), "c", &raw);
        free(copy);
    }
    for (int round = 0; round < 20000; round++) {
        char *copy = malloc(whole.len);
        uint64_t draw = random_u64();

        memcpy(copy, whole.data, whole.len);
        for (int i = 0; i < 3; i++, draw >>= 16)
            copy[draw % whole.len] = bytes[(draw >> 8) % (sizeof(bytes) - 1)];
        walk(str_from(copy, whole.len));
        json_member(str_from(copy, whole.len), "c", &raw);
        free(copy);
    }
}
END_TEST

START_TEST(a_value_left_out_ends_the_walk)
{
    static const char *const texts[] = {
        "[,1]", "{\"a\":,\"b\":1}", "{\"a\" 1}", "{1:2}", "{\"a\":}", "{\"a", "{\"a\":", "[1 2]"};

    for (int i = 0; i < COUNT_OF(texts); i++)
        ck_assert_uint_le(walk(str_of(texts[i])), 2);
}
END_TEST

Suite *base_json_slices_suite(void)
{
    Suite *suite = suite_create("base_json_slices");
    TCase *tc = tcase_create("json_slices");

    tcase_add_test(tc, members_come_in_order_as_raw_bytes);
    tcase_add_test(tc, items_have_no_key);
    tcase_add_test(tc, slices_point_into_the_text);
    tcase_add_test(tc, brackets_and_quotes_within_strings_mean_nothing);
    tcase_add_test(tc, empty_containers_have_no_members);
    tcase_add_test(tc, only_containers_open);
    tcase_add_test(tc, an_array_has_no_members);
    tcase_add_test(tc, a_member_is_found_by_its_whole_name_on_its_own_level);
    tcase_add_loop_test(tc, escapes_in_keys_are_undone, 0, COUNT_OF(escaped_keys));
    tcase_add_test(tc, all_values_at_all_levels_are_found);
    tcase_add_test(tc, broken_texts_end);
    tcase_add_test(tc, a_value_left_out_ends_the_walk);
    suite_add_tcase(suite, tc);
    return suite;
}
