/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_fields_suite(void);

static struct arena *arena;
static struct faults *faults;
static struct fields fields;
static json_t *object;

static void setup(void)
{
    arena = arena_new(0);
    faults = faults_new(arena);
    object = NULL;
}

static void teardown(void)
{
    json_decref(object);
    arena_free(arena);
}

static bool open_text(const char *text, const char *prefix)
{
    object = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(object);
    return fields_open(&fields, object, prefix, arena, faults);
}

/* All faults as "POINTER MESSAGE; ". */
static struct str told(void)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100000);
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(100000);
    SCOPED(json_decref) json_t *list = NULL;
    json_t *fault;
    size_t i;

    faults_write(faults, &out);
    list = json_loadb(out.data, out.len, 0, NULL);
    json_array_foreach(list, i, fault)
    {
        buf_printf(&text, "%s %s; ", json_string_value(json_object_get(fault, "pointer")),
                   json_string_value(json_object_get(fault, "message")));
    }
    return arena_dup(arena, buf_str(&text));
}

START_TEST(a_good_object_has_no_faults)
{
    struct str s;
    int64_t i;
    int64_t time;
    bool b;
    json_t *array;
    json_t *any;

    ck_assert(open_text("{\"s\":\"text\",\"i\":7,\"b\":true,\"t\":\"1970-01-01T00:00:01Z\","
                        "\"a\":[1,2],\"any\":null}",
                        ""));
    ck_assert(fields_str(&fields, "s", FIELD_REQUIRED, 10, &s));
    ck_assert(fields_i64(&fields, "i", FIELD_REQUIRED, 1, 7, &i));
    ck_assert(fields_bool(&fields, "b", FIELD_REQUIRED, &b));
    ck_assert(fields_time(&fields, "t", FIELD_REQUIRED, &time));
    ck_assert(fields_array(&fields, "a", FIELD_REQUIRED, 1, 2, &array));
    ck_assert(fields_any(&fields, "any", FIELD_REQUIRED, &any));
    fields_done(&fields);

    EXPECT_STR(told(), "");
    EXPECT_STR(s, "text");
    ck_assert_int_eq(i, 7);
    ck_assert(b);
    ck_assert_int_eq(time, 1000000);
    ck_assert_uint_eq(json_array_size(array), 2);
    ck_assert(json_is_null(any));
}
END_TEST

static const char *const no_objects[] = {"[]", "1", "\"x\"", "null", "true"};

START_TEST(what_is_no_object_is_a_fault_at_its_own_pointer)
{
    ck_assert(!open_text(no_objects[_i], "/items/0"));
    EXPECT_STR(told(), "/items/0 must be an object; ");
}
END_TEST

START_TEST(required_members_that_are_missing_are_all_named)
{
    struct str s;
    int64_t i;
    bool b;
    json_t *value;

    ck_assert(open_text("{}", "/o"));
    ck_assert(!fields_str(&fields, "s", FIELD_REQUIRED, 10, &s));
    ck_assert(!fields_i64(&fields, "i", FIELD_REQUIRED, 0, 1, &i));
    ck_assert(!fields_bool(&fields, "b", FIELD_REQUIRED, &b));
    ck_assert(!fields_time(&fields, "t", FIELD_REQUIRED, &i));
    ck_assert(!fields_array(&fields, "a", FIELD_REQUIRED, 0, 1, &value));
    ck_assert(!fields_any(&fields, "y", FIELD_REQUIRED, &value));
    fields_done(&fields);
    EXPECT_STR(told(), "/o/s is missing; /o/i is missing; /o/b is missing; /o/t is missing; "
                       "/o/a is missing; /o/y is missing; ");
}
END_TEST

START_TEST(optional_members_may_be_absent_and_leave_the_result_alone)
{
    struct str s = STR("preset");
    int64_t i = 42;
    bool b = true;
    json_t *value = object;

    ck_assert(open_text("{}", ""));
    ck_assert(!fields_str(&fields, "s", FIELD_OPTIONAL, 10, &s));
    ck_assert(!fields_i64(&fields, "i", FIELD_OPTIONAL, 0, 1, &i));
    ck_assert(!fields_bool(&fields, "b", FIELD_OPTIONAL, &b));
    ck_assert(!fields_time(&fields, "t", FIELD_OPTIONAL, &i));
    ck_assert(!fields_array(&fields, "a", FIELD_OPTIONAL, 0, 1, &value));
    ck_assert(!fields_any(&fields, "y", FIELD_OPTIONAL, &value));
    fields_done(&fields);
    EXPECT_STR(told(), "");
    EXPECT_STR(s, "preset");
    ck_assert_int_eq(i, 42);
    ck_assert(b);
}
END_TEST

START_TEST(null_is_not_absent)
{
    struct str s;
    int64_t i;

    ck_assert(open_text("{\"s\":null,\"i\":null}", ""));
    ck_assert(!fields_str(&fields, "s", FIELD_OPTIONAL, 10, &s));
    ck_assert(!fields_i64(&fields, "i", FIELD_OPTIONAL, 0, 9, &i));
    EXPECT_STR(told(), "/s must be a string; /i must be an integer from 0 to 9; ");
}
END_TEST

/* Each wrong value against each reader: faults, and nothing stored. */
static const struct {
    const char *value;
    const char *str, *i64, *boolean, *time, *array; /* NULL: accepted */
} kinds[] = {
#define NO_STR "/k must be a string; "
#define NO_I64 "/k must be an integer from -5 to 5; "
#define NO_BOOL "/k must be true or false; "
#define NO_TIME "/k must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z; "
#define NO_ARRAY "/k must be an array of 1 to 2 items; "
    {"\"abc\"", NULL, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"\"\"", NULL, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"\"1\"", NULL, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"\"abcdefghijklmnopqrstu\"", "/k must be at most 20 bytes long; ", NO_I64, NO_BOOL, NO_TIME,
     NO_ARRAY},
    {"\"1970-01-01T00:00:00Z\"", NULL, NO_I64, NO_BOOL, NULL, NO_ARRAY},
    {"5", NO_STR, NULL, NO_BOOL, NO_TIME, NO_ARRAY},
    {"-5", NO_STR, NULL, NO_BOOL, NO_TIME, NO_ARRAY},
    {"6", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"-6", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"9223372036854775807", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"1.0", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"1e0", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"true", NO_STR, NO_I64, NULL, NO_TIME, NO_ARRAY},
    {"false", NO_STR, NO_I64, NULL, NO_TIME, NO_ARRAY},
    {"null", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"{}", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"[]", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
    {"[1]", NO_STR, NO_I64, NO_BOOL, NO_TIME, NULL},
    {"[1,2]", NO_STR, NO_I64, NO_BOOL, NO_TIME, NULL},
    {"[1,2,3]", NO_STR, NO_I64, NO_BOOL, NO_TIME, NO_ARRAY},
};

static void expect_kind(bool ok, const char *fault)
{
    ck_assert_int_eq(ok, fault == NULL);
    EXPECT_STR(told(), fault != NULL ? fault : "");
    faults = faults_new(arena);
    fields.faults = faults;
    fields.known_count = 0;
}

START_TEST(each_kind_takes_its_own_values_only)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1000);
    struct str s = STR("untouched");
    int64_t i = 4711;
    bool b = false;
    int64_t time = 4711;
    json_t *array = NULL;

    buf_printf(&text, "{\"k\":%s}", kinds[_i].value);
    buf_add_char(&text, '\0');
    ck_assert(open_text(text.data, ""));

    expect_kind(fields_str(&fields, "k", FIELD_REQUIRED, 20, &s), kinds[_i].str);
    expect_kind(fields_i64(&fields, "k", FIELD_REQUIRED, -5, 5, &i), kinds[_i].i64);
    expect_kind(fields_bool(&fields, "k", FIELD_OPTIONAL, &b), kinds[_i].boolean);
    expect_kind(fields_time(&fields, "k", FIELD_REQUIRED, &time), kinds[_i].time);
    expect_kind(fields_array(&fields, "k", FIELD_OPTIONAL, 1, 2, &array), kinds[_i].array);

    if (kinds[_i].str != NULL)
        EXPECT_STR(s, "untouched");
    if (kinds[_i].i64 != NULL)
        ck_assert_int_eq(i, 4711);
    if (kinds[_i].time != NULL)
        ck_assert_int_eq(time, 4711);
    ck_assert_int_eq(array != NULL, kinds[_i].array == NULL);
}
END_TEST

START_TEST(unknown_members_are_all_named)
{
    struct str s;

    ck_assert(open_text("{\"version\":1,\"s\":\"x\",\"tenant\":\"t\"}", "/commands/3/data"));
    ck_assert(fields_str(&fields, "s", FIELD_REQUIRED, 10, &s));
    fields_done(&fields);
    EXPECT_STR(told(), "/commands/3/data/version is not known here; "
                       "/commands/3/data/tenant is not known here; ");
}
END_TEST

START_TEST(pointers_are_escaped)
{
    ck_assert(open_text("{\"a/b\":1,\"~\":2,\"~1/~0\":3,\"\":4,\"\\u00e9%s\":5}", ""));
    fields_done(&fields);
    EXPECT_STR(told(), "/a~1b is not known here; /~0 is not known here; /~01~1~00 is not known "
                       "here; / is not known here; /\xC3\xA9%s is not known here; ");
}
END_TEST

START_TEST(strings_outlive_the_parsed_value)
{
    struct str s;

    ck_assert(open_text("{\"s\":\"text\"}", ""));
    ck_assert(fields_str(&fields, "s", FIELD_REQUIRED, 4, &s));
    json_decref(object);
    object = NULL;
    EXPECT_STR(s, "text");
    ck_assert_int_eq(s.data[s.len], '\0');
}
END_TEST

START_TEST(lengths_are_bytes)
{
    struct str s;

    ck_assert(open_text("{\"a\":\"\xC3\xA9\xC3\xA9\",\"b\":\"\xC3\xA9\xC3\xA9\"}", ""));
    ck_assert(fields_str(&fields, "a", FIELD_REQUIRED, 4, &s));
    ck_assert(!fields_str(&fields, "b", FIELD_REQUIRED, 3, &s));
    EXPECT_STR(told(), "/b must be at most 3 bytes long; ");
}
END_TEST

START_TEST(an_object_may_have_24_members)
{
    static char keys[24][16];
    json_t *value;

    ck_assert(open_text("{}", ""));
    for (int i = 0; i < 24; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        fields_any(&fields, keys[i], FIELD_OPTIONAL, &value);
    }
    ck_assert_uint_eq(fields.known_count, 24);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(a_schema_with_more_members_is_a_bug)
{
    json_t *value;

    death_expected();
    ck_assert(open_text("{}", ""));
    for (int i = 0; i < 25; i++)
        fields_any(&fields, "k", FIELD_OPTIONAL, &value);
}
END_TEST
#endif

Suite *base_fields_suite(void)
{
    Suite *suite = suite_create("base_fields");
    TCase *tc = tcase_create("fields");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_good_object_has_no_faults);
    tcase_add_loop_test(tc, what_is_no_object_is_a_fault_at_its_own_pointer, 0,
                        COUNT_OF(no_objects));
    tcase_add_test(tc, required_members_that_are_missing_are_all_named);
    tcase_add_test(tc, optional_members_may_be_absent_and_leave_the_result_alone);
    tcase_add_test(tc, null_is_not_absent);
    tcase_add_loop_test(tc, each_kind_takes_its_own_values_only, 0, COUNT_OF(kinds));
    tcase_add_test(tc, unknown_members_are_all_named);
    tcase_add_test(tc, pointers_are_escaped);
    tcase_add_test(tc, strings_outlive_the_parsed_value);
    tcase_add_test(tc, lengths_are_bytes);
    tcase_add_test(tc, an_object_may_have_24_members);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, a_schema_with_more_members_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
