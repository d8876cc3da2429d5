/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_json_check_suite(void);

static const struct json_limits limits = {
    .depth_max = 32,
    .values_max = 100,
    .string_bytes_max = 64,
};

/* On the heap, exactly as long as it is, so that the sanitizer sees a byte read beyond. */
static bool check(struct str text, struct error *err)
{
    char *copy = malloc(text.len > 0 ? text.len : 1);
    bool ok;

    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    ok = json_check(str_from(copy, text.len), limits, err);
    free(copy);
    return ok;
}

static const struct str accepted[] = {
    STR_INIT("{}"),
    STR_INIT("[]"),
    STR_INIT("0"),
    STR_INIT("-0"),
    STR_INIT("true"),
    STR_INIT("false"),
    STR_INIT("null"),
    STR_INIT("\"\""),
    STR_INIT(" \t\r\n[ \t\r\n] \t\r\n"),
    STR_INIT("{\"a\":1}"),
    STR_INIT("{ \"a\" : 1 , \"b\" : [ ] }"),
    STR_INIT("{\"a\":{\"b\":{\"c\":[1,[2,[3]],{}]}}}"),
    STR_INIT("[[],{},\"\",0,true,false,null]"),
    STR_INIT("{\"\":0}"),
    STR_INIT("{\"a\":1,\"a\":2}"), /* the parser's work */
    STR_INIT("9223372036854775807"),
    STR_INIT("-9223372036854775808"),
    STR_INIT("1.5"),
    STR_INIT("-1.5e10"),
    STR_INIT("1E+2"),
    STR_INIT("1e-2"),
    STR_INIT("0.0"),
    STR_INIT("-0.0"),
    STR_INIT("0e5"),
    STR_INIT("0e-999999999"),
    STR_INIT("0.000e-400"),
    STR_INIT("1e308"),
    STR_INIT("1.7976931348623157e308"),
    STR_INIT("2.2250738585072014e-308"),
    STR_INIT("5e-324"), /* the least a double holds */
    STR_INIT("12345678901234567890.0"),
    STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    STR_INIT("\"\\u0041\\u00e9\\u20AC\""),
    STR_INIT("\"\\ud83d\\ude00\""),
    STR_INIT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""),
    STR_INIT("\"\\ufeff\""),
    STR_INIT("\"\\uffff\""),
    STR_INIT("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""),
    STR_INIT("\"\xEF\xBB\xBF\""), /* a byte order mark within a string is a character */
    STR_INIT("\"\x7F\""),
    STR_INIT("\"\\u001f\""),
    STR_INIT("\"null, true, NaN // /* ] }\""),
};

START_TEST(json_is_accepted)
{
    struct error err = {0};
    bool ok = check(accepted[_i], &err);

    ck_assert_msg(ok, STR_FMT ": %s", STR_ARG(accepted[_i]), err.text);
    ck_assert_int_eq(err.class, ERROR_NONE);
}
END_TEST

static const struct {
    struct str text;
    size_t at;
} malformed[] = {
    {STR_INIT(" "), 1},
    {STR_INIT("\n\t "), 3},
    {STR_INIT("{"), 1},
    {STR_INIT("["), 1},
    {STR_INIT("}"), 0},
    {STR_INIT("]"), 0},
    {STR_INIT(","), 0},
    {STR_INIT(":"), 0},
    {STR_INIT("[1"), 2},
    {STR_INIT("[1,"), 3},
    {STR_INIT("[1,]"), 3},
    {STR_INIT("[,1]"), 1},
    {STR_INIT("[1 2]"), 3},
    {STR_INIT("[1}"), 2},
    {STR_INIT("[}"), 1},
    {STR_INIT("{]"), 1},
    {STR_INIT("[1]]"), 3},
    {STR_INIT("{}}"), 2},
    {STR_INIT("{\"a\"}"), 4},
    {STR_INIT("{\"a\" 1}"), 5},
    {STR_INIT("{\"a\":}"), 5},
    {STR_INIT("{\"a\":1,}"), 7},
    {STR_INIT("{\"a\":1"), 6},
    {STR_INIT("{\"a\":1]"), 6},
    {STR_INIT("{\"a\":1 \"b\":2}"), 7},
    {STR_INIT("{a:1}"), 1},
    {STR_INIT("{'a':1}"), 1},
    {STR_INIT("{1:1}"), 1},
    {STR_INIT("{null:1}"), 1},
    {STR_INIT("{,}"), 1},
    {STR_INIT("{\"a\":[1,{\"b\":2}}"), 15},
    {STR_INIT("1 2"), 2},
    {STR_INIT("{} {}"), 3},
    {STR_INIT("{}x"), 2},
    {STR_INIT("[]\0"), 2}, /* the literal's own NUL is not counted, this one is */
    {STR_INIT("\0"), 0},
    {STR_INIT("tru"), 0},
    {STR_INIT("True"), 0},
    {STR_INIT("trueish"), 4},
    {STR_INIT("nul"), 0},
    {STR_INIT("nulll"), 4},
    {STR_INIT("fals"), 0},
    {STR_INIT("undefined"), 0},
    {STR_INIT("NaN"), 0},
    {STR_INIT("Infinity"), 0},
    {STR_INIT("-Infinity"), 1},
    {STR_INIT("[NaN]"), 1},
    {STR_INIT("// comment\n1"), 0},
    {STR_INIT("/* comment */ 1"), 0},
    {STR_INIT("1 // comment"), 2},
    {STR_INIT("# comment"), 0},
    {STR_INIT("-"), 1},
    {STR_INIT("+1"), 0},
    {STR_INIT("--1"), 1},
    {STR_INIT("01"), 1},
    {STR_INIT("-01"), 2},
    {STR_INIT("00"), 1},
    {STR_INIT("1."), 2},
    {STR_INIT(".5"), 0},
    {STR_INIT("1.e5"), 2},
    {STR_INIT("1e"), 2},
    {STR_INIT("1e+"), 3},
    {STR_INIT("1ex"), 2},
    {STR_INIT("0x10"), 1},
    {STR_INIT("1_000"), 1},
    {STR_INIT("1.5.5"), 3},
    {STR_INIT("\""), 0},
    {STR_INIT("\"abc"), 0},
    {STR_INIT("\"abc\\\""), 0},
    {STR_INIT("\"\\"), 1},
    {STR_INIT("\"\\x41\""), 1},
    {STR_INIT("\"\\a\""), 1},
    {STR_INIT("\"\\'\""), 1},
    {STR_INIT("\"\\U0041\""), 1},
    {STR_INIT("\"\\u\""), 1},
    {STR_INIT("\"\\u004\""), 1},
    {STR_INIT("\"\\u004"), 1},
    {STR_INIT("\"\\u00g1\""), 1},
    {STR_INIT("\"\\u 041\""), 1},
    {STR_INIT("\"\\ud800\""), 1},
    {STR_INIT("\"\\udbff\""), 1},
    {STR_INIT("\"\\udc00\""), 1},
    {STR_INIT("\"\\udfff\""), 1},
    {STR_INIT("\"\\ud800\\ud800\""), 1},
    {STR_INIT("\"\\udc00\\ud800\""), 1},
    {STR_INIT("\"\\ud800x\""), 1},
    {STR_INIT("\"\\ud800\\n\""), 1},
    {STR_INIT("\"\\ud800\\u0041\""), 1},
    {STR_INIT("\"\\ud800\\udc0\""), 1},
    {STR_INIT("\"\\ud800\\u"), 1},
    {STR_INIT("\"a\nb\""), 2},
    {STR_INIT("\"a\tb\""), 2},
    {STR_INIT("\"a\0b\""), 2},
    {STR_INIT("\"\x1F\""), 1},
    {STR_INIT("'a'"), 0},
    {STR_INIT("\"\x80\""), 1},
    {STR_INIT("\"\xFF\""), 1},
    {STR_INIT("\"\xC3\""), 1},
    {STR_INIT("\"\xC0\x80\""), 1},
    {STR_INIT("\"\xE2\x82"), 1},
    {STR_INIT("\"ab\xED\xA0\x80\""), 3},
    {STR_INIT("\"\xF4\x90\x80\x80\""), 1},
    {STR_INIT("{\"\xFF\":1}"), 2},
    {STR_INIT("\xEF\xBB\xBF{}"), 0},
    {STR_INIT("\xFF\xFE{\0}\0"), 0},
    {STR_INIT("{\0}\0"), 1}, /* UTF-16, little end first, without its mark */
    {STR_INIT("\0{\0}"), 0},
    {STR_INIT("\xC2\xA0{}"), 0}, /* a blank to Unicode, not to JSON */
    {STR_INIT("{}\x0B"), 2},
    {STR_INIT("{}\x0C"), 2},
};

START_TEST(what_is_not_json_is_malformed_at_its_byte)
{
    struct error err = {0};
    char place[32];
    bool ok = check(malformed[_i].text, &err);

    snprintf(place, sizeof(place), " at byte %zu", malformed[_i].at);
    ck_assert_msg(!ok, STR_FMT, STR_ARG(malformed[_i].text));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, "malformed-json");
    ck_assert_msg(strlen(err.text) > strlen(place) &&
                      strcmp(err.text + strlen(err.text) - strlen(place), place) == 0,
                  STR_FMT ": '%s' does not end in '%s'", STR_ARG(malformed[_i].text), err.text,
                  place);
}
END_TEST

START_TEST(an_empty_text_is_malformed)
{
    struct error err = {0};

    ck_assert(!json_check(STR_NONE, limits, &err));
    ck_assert_str_eq(err.code, "malformed-json");
    ck_assert(!json_check(STR(""), limits, &err));
    ck_assert_str_eq(err.code, "malformed-json");
}
END_TEST

/* Each prefix of a text with everything in it is malformed, never accepted, never read beyond. */
START_TEST(every_truncation_is_malformed)
{
    struct str whole = STR("{\"a\":[1,-2.5e+3,\"x\\u00e9\\ud83d\\ude00\xC3\xA9\",{\"b\":null}],"
                           "\"c\":true,\"d\":false}");
    struct error err = {0};

    ck_assert(check(whole, &err));
    for (size_t len = 0; len < whole.len; len++) {
        ck_assert_msg(!check(str_from(whole.data, len), &err), "%zu bytes", len);
        ck_assert_str_eq(err.code, "malformed-json");
    }
}
END_TEST

static const struct {
    struct str text;
    const char *code;
} refused[] = {
    {STR_INIT("9223372036854775808"), "json-limits"},
    {STR_INIT("-9223372036854775809"), "json-limits"},
    {STR_INIT("18446744073709551616"), "json-limits"},
    {STR_INIT("[1,100000000000000000000]"), "json-limits"},
    {STR_INIT("1e400"), "json-limits"},
    {STR_INIT("-1e400"), "json-limits"},
    {STR_INIT("1e309"), "json-limits"},
    {STR_INIT("1.8e308"), "json-limits"},
    {STR_INIT("123456789e301"), "json-limits"},
    {STR_INIT("1e99999999999999999999"), "json-limits"},
    {STR_INIT("1e-400"), "json-limits"},
    {STR_INIT("1E-400"), "json-limits"},
    {STR_INIT("-1e-400"), "json-limits"},
    {STR_INIT("0.0001e-330"), "json-limits"},
    {STR_INIT("0.10e-330"), "json-limits"},
    {STR_INIT("2e-324"), "json-limits"},
    {STR_INIT("{\"a\":1e-99999999999999999999}"), "json-limits"},
    {STR_INIT("\"\\u0000\""), "not-storable"},
    {STR_INIT("\"abc\\u0000def\""), "not-storable"},
    {STR_INIT("{\"\\u0000\":1}"), "not-storable"},
    {STR_INIT("[\"\\u0001\\u0000\"]"), "not-storable"},
};

START_TEST(what_cannot_be_kept_is_refused)
{
    struct error err = {0};

    ck_assert_msg(!check(refused[_i].text, &err), STR_FMT, STR_ARG(refused[_i].text));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, refused[_i].code);
    ck_assert_ptr_nonnull(strstr(err.text, "at byte"));
}
END_TEST

/* A value inside N brackets, of which every second one is an object's. */
static void write_nested(struct buf *out, unsigned depth, bool objects)
{
    for (unsigned i = 0; i < depth; i++)
        buf_add_cstr(out, objects && i % 2 ? "{\"k\":" : "[");
    buf_add_cstr(out, "1");
    for (unsigned i = depth; i-- > 0;)
        buf_add_char(out, objects && i % 2 ? '}' : ']');
}

START_TEST(depth_is_limited_exactly)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(10000);
    struct error err = {0};

    for (unsigned depth = 0; depth <= 32; depth++) {
        buf_clear(&text);
        write_nested(&text, depth, true);
        ck_assert_msg(check(buf_str(&text), &err), "%u: %s", depth, err.text);
    }
    for (unsigned depth = 33; depth < 100; depth++) {
        buf_clear(&text);
        write_nested(&text, depth, depth % 2);
        ck_assert(!check(buf_str(&text), &err));
        ck_assert_str_eq(err.code, "json-limits");
    }
}
END_TEST

START_TEST(the_deepest_stack_there_is_can_be_used)
{
    const struct json_limits deepest = {64, 1000, 64};
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(10000);
    struct error err = {0};

    write_nested(&text, 64, true);
    ck_assert(json_check(buf_str(&text), deepest, &err));
    buf_clear(&text);
    write_nested(&text, 65, true);
    ck_assert(!json_check(buf_str(&text), deepest, &err));
    ck_assert_str_eq(err.code, "json-limits");
}
END_TEST

/* A bit that stays set from an object before would let ] close what { opened. */
START_TEST(brackets_are_remembered_at_each_depth)
{
    struct error err = {0};

    ck_assert(check(STR("[{\"a\":1},[2],{\"b\":[{}]},[[]],{}]"), &err));
    ck_assert(!check(STR("[{\"a\":1},[2}]"), &err));
    ck_assert(!check(STR("[[1],{\"a\":1]]"), &err));
    ck_assert(!check(STR("[{\"a\":1},[\"b\":2]]"), &err));
}
END_TEST

START_TEST(a_million_open_brackets_end_at_the_limit)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(2000000);
    struct error err = {0};

    for (int i = 0; i < 1000000; i++)
        buf_add_char(&text, '[');
    ck_assert(!json_check(buf_str(&text), limits, &err));
    ck_assert_str_eq(err.code, "json-limits");
    ck_assert_str_eq(err.text, "nesting too deep at byte 32");
}
END_TEST

/* An array of N - 1 items is N values. */
START_TEST(values_are_limited_exactly)
{
    for (int count = 99; count <= 101; count++) {
        SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(10000);
        struct error err = {0};

        buf_add_char(&text, '[');
        for (int i = 1; i < count; i++)
            buf_add_cstr(&text, i == 1 ? "0" : i % 3 ? ",{}" : ",\"s\"");
        buf_add_char(&text, ']');
        ck_assert_int_eq(check(buf_str(&text), &err), count <= 100);
        if (count > 100)
            ck_assert_str_eq(err.code, "json-limits");
    }
}
END_TEST

START_TEST(keys_are_no_values)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(10000);
    struct error err = {0};

    for (int i = 0; i < 99; i++)
        buf_printf(&text, "%s\"k%d\":1", i == 0 ? "{" : ",", i);
    buf_add_char(&text, '}');
    ck_assert(check(buf_str(&text), &err));
}
END_TEST

/* One character, as written and in how many bytes of UTF-8 it ends. */
static const struct {
    const char *written;
    size_t bytes;
} characters[] = {
    {"x", 1},        {"\\n", 1},          {"\\u0041", 1},
    {"\\u00e9", 2},  {"\\u20ac", 3},      {"\\ud83d\\ude00", 4},
    {"\xC3\xA9", 2}, {"\xE2\x82\xAC", 3}, {"\xF0\x9F\x98\x80", 4},
};

static void write_string(struct buf *out, const char *character, size_t times)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < times; i++)
        buf_add_cstr(out, character);
    buf_add_char(out, '"');
}

START_TEST(strings_are_measured_as_they_will_be_stored)
{
    size_t fitting = limits.string_bytes_max / characters[_i].bytes;
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(10000);
    struct error err = {0};

    write_string(&text, characters[_i].written, fitting);
    ck_assert(check(buf_str(&text), &err));

    buf_clear(&text);
    write_string(&text, characters[_i].written, fitting + 1);
    ck_assert(!check(buf_str(&text), &err));
    ck_assert_str_eq(err.code, "json-limits");
    ck_assert_str_eq(err.text, "a string too long at byte 0");
}
END_TEST

START_TEST(keys_are_limited_as_strings_are)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(10000);
    struct error err = {0};

    buf_add_char(&text, '{');
    write_string(&text, "k", 65);
    buf_add_cstr(&text, ":1}");
    ck_assert(!check(buf_str(&text), &err));
    ck_assert_str_eq(err.code, "json-limits");
}
END_TEST

static bool check_number(const char *head, size_t zeros, const char *tail, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(1000000);

    buf_add_cstr(&text, head);
    for (size_t i = 0; i < zeros; i++)
        buf_add_char(&text, '0');
    buf_add_cstr(&text, tail);
    return check(buf_str(&text), err);
}

START_TEST(a_number_of_any_length_is_answered)
{
    struct error err = {0};

    ck_assert(check_number("1", 308, ".0", &err));
    ck_assert(check_number("0.", 300, "1", &err));
    ck_assert(check_number("1.", 398, "", &err)); /* 400 bytes */
    ck_assert(!check_number("1.", 399, "", &err));
    ck_assert_str_eq(err.code, "json-limits");
    ck_assert(!check_number("1", 309, ".0", &err));
    ck_assert_str_eq(err.code, "json-limits");
    ck_assert(!check_number("0.", 330, "1", &err));
    ck_assert_str_eq(err.code, "json-limits");
    ck_assert(!check_number("1", 500000, "", &err));
    ck_assert_str_eq(err.code, "json-limits");
    ck_assert(!check_number("0.", 500000, "1", &err));
    ck_assert_str_eq(err.code, "json-limits");
}
END_TEST

/*
 * Whatever passes must be what jansson takes, and nothing that jansson takes may be malformed:
 * texts with one byte changed, inserted or removed, 20,000 of them.
 */
START_TEST(jansson_agrees_about_texts_with_one_fault)
{
    static const char whole[] =
        "{\"a\":[1,-2.5e+3,\"x\\u00e9\\ud83d\\ude00\xC3\xA9\",{\"b\":null}],"
        "\"c\":true,\"d\":[false,0,\"\\n\"]}";
    static const char bytes[] = "{}[]:,\"\\ue0919.-+EtrufalsnN \n\x01\x80\xFF/d8";

    for (int round = 0; round < 20000; round++) {
        char text[sizeof(whole) + 1];
        size_t len = sizeof(whole) - 1;
        uint64_t draw = random_u64();
        size_t at = (size_t)(draw >> 32) % len;
        char byte = bytes[(draw >> 8) % (sizeof(bytes) - 1)];
        struct error err = {0};
        bool ok;
        json_t *value;

        memcpy(text, whole, sizeof(whole));
        if (draw % 3 == 0) {
            text[at] = byte;
        } else if (draw % 3 == 1) {
            memmove(text + at + 1, text + at, len - at);
            text[at] = byte;
            len++;
        } else {
            memmove(text + at, text + at + 1, len - at - 1);
            len--;
        }

        ok = check(str_from(text, len), &err);
        value = json_loadb(text, len, JSON_DECODE_ANY, NULL);
        if (ok != (value != NULL) && strcmp(err.code, "malformed-json") == 0)
            ck_abort_msg("jansson takes '%.*s', but: %s", (int)len, text, err.text);
        if (ok && value == NULL)
            ck_abort_msg("jansson refuses '%.*s'", (int)len, text);
        json_decref(value);
    }
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(a_limit_deeper_than_the_stack_is_a_bug)
{
    const struct json_limits deeper = {65, 1, 1};
    struct error err = {0};

    death_expected();
    ck_assert(json_check(STR("1"), deeper, &err));
}
END_TEST
#endif

Suite *base_json_check_suite(void)
{
    Suite *suite = suite_create("base_json_check");
    TCase *tc = tcase_create("json_check");

    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, json_is_accepted, 0, COUNT_OF(accepted));
    tcase_add_loop_test(tc, what_is_not_json_is_malformed_at_its_byte, 0, COUNT_OF(malformed));
    tcase_add_test(tc, an_empty_text_is_malformed);
    tcase_add_test(tc, every_truncation_is_malformed);
    tcase_add_loop_test(tc, what_cannot_be_kept_is_refused, 0, COUNT_OF(refused));
    tcase_add_test(tc, depth_is_limited_exactly);
    tcase_add_test(tc, the_deepest_stack_there_is_can_be_used);
    tcase_add_test(tc, brackets_are_remembered_at_each_depth);
    tcase_add_test(tc, a_million_open_brackets_end_at_the_limit);
    tcase_add_test(tc, values_are_limited_exactly);
    tcase_add_test(tc, keys_are_no_values);
    tcase_add_loop_test(tc, strings_are_measured_as_they_will_be_stored, 0, COUNT_OF(characters));
    tcase_add_test(tc, keys_are_limited_as_strings_are);
    tcase_add_test(tc, a_number_of_any_length_is_answered);
    tcase_add_test(tc, jansson_agrees_about_texts_with_one_fault);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, a_limit_deeper_than_the_stack_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
