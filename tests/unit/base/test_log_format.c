/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log_internal.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "tests/support/expect.h"

Suite *base_log_format_suite(void);

#define TIME_US INT64_C(1795497728123456)
#define HEAD_LOGFMT "time=2026-11-24T05:22:08.123456Z level=info msg="
#define HEAD_JSON "{\"time\":\"2026-11-24T05:22:08.123456Z\",\"level\":\"info\",\"msg\":"

static char line[LOG_LINE_MAX];

static struct str format_one(enum log_format format, const char *sentence, struct log_field field)
{
    return str_from(line, log_format_line(line, format, LOG_INFO, TIME_US, sentence, &field, 1));
}

START_TEST(a_sentence_without_fields)
{
    struct str logfmt = str_from(line, log_format_line(line, LOG_FORMAT_LOGFMT, LOG_INFO, TIME_US,
                                                       "projection resumed", NULL, 0));
    EXPECT_STR(logfmt, HEAD_LOGFMT "\"projection resumed\"\n");
    EXPECT_STR(str_from(line, log_format_line(line, LOG_FORMAT_JSON, LOG_INFO, TIME_US,
                                              "projection resumed", NULL, 0)),
               HEAD_JSON "\"projection resumed\"}\n");
}
END_TEST

static const struct {
    enum log_level level;
    const char *name;
} levels[] = {
    {LOG_DEBUG, "debug"},           {LOG_INFO, "info"}, {LOG_WARN, "warn"}, {LOG_ERROR, "error"},
    {(enum log_level)9, "unknown"},
};

START_TEST(levels_have_names)
{
    char expected[100];
    size_t len = log_format_line(line, LOG_FORMAT_LOGFMT, levels[_i].level, 0, "x", NULL, 0);

    snprintf(expected, sizeof(expected), "time=1970-01-01T00:00:00Z level=%s msg=x\n",
             levels[_i].name);
    EXPECT_STR(str_from(line, len), expected);
}
END_TEST

/* A value, as it stands behind "k=" and behind "\"k\":". */
static const struct {
    struct str value;
    const char *logfmt;
    const char *json;
} strings[] = {
    {STR_INIT("plain"), "plain", "\"plain\""},
    {STR_INIT(""), "\"\"", "\"\""},
    {{NULL, 0}, "\"\"", "\"\""},
    {STR_INIT("two words"), "\"two words\"", "\"two words\""},
    {STR_INIT("a=b"), "\"a=b\"", "\"a=b\""},
    {STR_INIT("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
    {STR_INIT("C:\\x"), "\"C:\\\\x\"", "\"C:\\\\x\""},
    {STR_INIT("https://h:1/p?q#f"), "https://h:1/p?q#f", "\"https://h:1/p?q#f\""},
    /* a forged line */
    {STR_INIT("x\nlevel=error"), "\"x\\nlevel=error\"", "\"x\\nlevel=error\""},
    {STR_INIT("x\r\n"), "\"x\\r\\n\"", "\"x\\r\\n\""},
    {STR_INIT("a\tb"), "\"a\\tb\"", "\"a\\tb\""},
    {STR_INIT("a\0b"), "\"a\\u0000b\"", "\"a\\u0000b\""},
    /* escape sequences, by C0 and by C1 */
    {STR_INIT("\x1B[31m"), "\"\\u001b[31m\"", "\"\\u001b[31m\""},
    {STR_INIT("\xC2\x9B"
              "31m"),
     "\"\\u009b31m\"", "\"\\u009b31m\""},
    {STR_INIT("\x7F"), "\"\\u007f\"", "\"\\u007f\""},
    /* as bytes: a literal with them is refused by compilers that mind what it could hide */
    {{(const char[]){'\xE2', '\x80', '\xA8', '\xE2', '\x80', '\xAE', '\xE2', '\x81', '\xA6'}, 9},
     "\"\\u2028\\u202e\\u2066\"",
     "\"\\u2028\\u202e\\u2066\""},
    {STR_INIT("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\"",
     "\"\xC3\xA9\xF0\x9F\x98\x80\""},
    /* what is not UTF-8, byte by byte */
    {STR_INIT("a\xFF\x80z"), "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"", "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\""},
    {STR_INIT("cut\xE2\x82"), "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\"", "\"cut\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {STR_INIT("%n%s"), "%n%s", "\"%n%s\""},
};

START_TEST(values_are_quoted_as_needed_and_escaped)
{
    char expected[300];

    snprintf(expected, sizeof(expected), HEAD_LOGFMT "x k=%s\n", strings[_i].logfmt);
    EXPECT_STR(format_one(LOG_FORMAT_LOGFMT, "x", LOG_STR("k", strings[_i].value)), expected);
    snprintf(expected, sizeof(expected), HEAD_JSON "\"x\",\"k\":%s}\n", strings[_i].json);
    EXPECT_STR(format_one(LOG_FORMAT_JSON, "x", LOG_STR("k", strings[_i].value)), expected);
}
END_TEST

START_TEST(a_missing_c_string_is_an_empty_one)
{
    EXPECT_STR(format_one(LOG_FORMAT_LOGFMT, "x", LOG_CSTR("k", NULL)), HEAD_LOGFMT "x k=\"\"\n");
}
END_TEST

static const struct {
    struct log_field field;
    const char *logfmt;
    const char *json;
} others[] = {
    {{.key = "k", .kind = LOG_FIELD_I64, .i64 = 0}, "0", "0"},
    {{.key = "k", .kind = LOG_FIELD_I64, .i64 = INT64_MIN},
     "-9223372036854775808",
     "-9223372036854775808"},
    {{.key = "k", .kind = LOG_FIELD_I64, .i64 = INT64_MAX},
     "9223372036854775807",
     "9223372036854775807"},
    {{.key = "k", .kind = LOG_FIELD_F64, .f64 = 0.25}, "0.25", "0.25"},
    {{.key = "k", .kind = LOG_FIELD_F64, .f64 = -1e300}, "-1e+300", "-1e+300"},
    {{.key = "k", .kind = LOG_FIELD_F64, .f64 = NAN}, "NaN", "\"NaN\""},
    {{.key = "k", .kind = LOG_FIELD_F64, .f64 = INFINITY}, "+Inf", "\"+Inf\""},
    {{.key = "k", .kind = LOG_FIELD_F64, .f64 = -INFINITY}, "-Inf", "\"-Inf\""},
    {{.key = "k", .kind = LOG_FIELD_BOOL, .i64 = 1}, "true", "true"},
    {{.key = "k", .kind = LOG_FIELD_BOOL, .i64 = 0}, "false", "false"},
};

START_TEST(numbers_and_truths_are_bare)
{
    char expected[200];

    snprintf(expected, sizeof(expected), HEAD_LOGFMT "x k=%s\n", others[_i].logfmt);
    EXPECT_STR(format_one(LOG_FORMAT_LOGFMT, "x", others[_i].field), expected);
    snprintf(expected, sizeof(expected), HEAD_JSON "\"x\",\"k\":%s}\n", others[_i].json);
    EXPECT_STR(format_one(LOG_FORMAT_JSON, "x", others[_i].field), expected);
}
END_TEST

START_TEST(an_error_becomes_several_fields)
{
    struct error err = {
        .class = ERROR_TRANSIENT,
        .code = "dependency-down",
        .sqlstate = "08006",
        .text = "append: connection lost",
        .hint = "Is PostgreSQL up?",
        .file = "lib/postgres/pg.c",
        .line = 42,
    };

    EXPECT_STR(format_one(LOG_FORMAT_LOGFMT, "x", LOG_ERR(&err)),
               HEAD_LOGFMT "x error=\"append: connection lost\" error_class=transient "
                           "error_code=dependency-down sqlstate=08006 hint=\"Is PostgreSQL up?\" "
                           "error_at=lib/postgres/pg.c:42\n");
}
END_TEST

START_TEST(an_error_says_no_more_than_it_knows)
{
    struct error err = {.class = ERROR_FATAL, .text = "broken"};

    EXPECT_STR(format_one(LOG_FORMAT_JSON, "x", LOG_ERR(&err)),
               HEAD_JSON "\"x\",\"error\":\"broken\",\"error_class\":\"fatal\"}\n");
}
END_TEST

START_TEST(fields_keep_their_order)
{
    const struct log_field fields[] = {LOG_I64("b", 1), LOG_CSTR("a", "x"), LOG_BOOL("c", true)};
    size_t len =
        log_format_line(line, LOG_FORMAT_LOGFMT, LOG_INFO, TIME_US, "x", fields, COUNT_OF(fields));

    EXPECT_STR(str_from(line, len), HEAD_LOGFMT "x b=1 a=x c=true\n");
}
END_TEST

/* A text of LEN bytes on the heap of this test. */
static struct str repeated(const char *unit, size_t times)
{
    static char text[100000];
    size_t len = strlen(unit);

    ck_assert_uint_lt(len * times, sizeof(text));
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * len, unit, len);
    return str_from(text, len * times);
}

/* Escaped, one byte becomes up to six: it is the written length that counts. */
static const char *const units[] = {"x", " ", "\n", "\x01", "\xFF", "\xC3\xA9", "\xF0\x9F\x98\x80"};

START_TEST(a_long_value_is_cut_and_says_so)
{
    const enum log_format formats[] = {LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON};

    for (int f = 0; f < 2; f++) {
        struct str text = format_one(formats[f], "x", LOG_STR("k", repeated(units[_i], 5000)));

        ck_assert_uint_lt(text.len, LOG_VALUE_MAX + 200);
        ck_assert_uint_gt(text.len, LOG_VALUE_MAX - 10);
        ck_assert(str_is_utf8(text, NULL));
        ck_assert_ptr_nonnull(memmem(text.data, text.len, "...\"", 4));
        ck_assert_ptr_null(memmem(text.data, text.len, "truncated", 9));
    }
}
END_TEST

START_TEST(a_value_of_the_longest_length_is_whole)
{
    struct str text = repeated("x", LOG_VALUE_MAX);
    struct str written = format_one(LOG_FORMAT_JSON, "x", LOG_STR("k", text));

    ck_assert_uint_eq(written.len, strlen(HEAD_JSON "\"x\",\"k\":\"\"}\n") + LOG_VALUE_MAX);
    written = format_one(LOG_FORMAT_LOGFMT, "x", LOG_STR("k", text));
    ck_assert_uint_eq(written.len, strlen(HEAD_LOGFMT "x k=\n") + LOG_VALUE_MAX);
}
END_TEST

/* Whatever the length of the field before, the one that does not fit is gone as a whole. */
START_TEST(a_line_too_long_drops_whole_fields_and_says_so)
{
    for (size_t len = 0; len < 700; len++) {
        struct str filler = repeated("y", LOG_VALUE_MAX);
        const struct log_field fields[] = {
            LOG_STR("a", filler),
            LOG_STR("b", filler),
            LOG_STR("c", filler),
            LOG_STR("d", str_from(filler.data, 1500 + len)),
            LOG_CSTR("tail", "0123456789012345678901234567890123456789"),
            LOG_I64("last", 1),
        };
        size_t written = log_format_line(line, LOG_FORMAT_JSON, LOG_WARN, TIME_US, "x", fields,
                                         COUNT_OF(fields));
        SCOPED(json_decref) json_t *object = json_loadb(line, written, 0, NULL);
        json_t *tail = json_object_get(object, "tail");

        ck_assert_msg(object != NULL, "%zu: not JSON", len);
        ck_assert_uint_le(written, LOG_LINE_MAX);
        ck_assert_int_eq(line[written - 1], '\n');
        if (tail != NULL)
            ck_assert_uint_eq(json_string_length(tail), 40);
        ck_assert_int_eq(json_is_true(json_object_get(object, "truncated")),
                         json_object_get(object, "last") == NULL);
    }
}
END_TEST

START_TEST(what_follows_a_field_that_did_not_fit_is_left_out_too)
{
    struct str filler = repeated("y", LOG_VALUE_MAX);
    const struct log_field fields[] = {
        LOG_STR("a", filler), LOG_STR("b", filler), LOG_STR("c", filler),
        LOG_STR("d", filler), LOG_I64("small", 1),
    };
    struct str text = str_from(line, log_format_line(line, LOG_FORMAT_LOGFMT, LOG_WARN, TIME_US,
                                                     "x", fields, COUNT_OF(fields)));

    ck_assert_ptr_null(memmem(text.data, text.len, "small", 5));
    ck_assert_ptr_null(memmem(text.data, text.len, " d=", 3));
    ck_assert(str_equal(str_from(text.data + text.len - 16, 16), STR(" truncated=true\n")) ||
              str_equal(str_from(text.data + text.len - 15, 15), STR("truncated=true\n")));
}
END_TEST

START_TEST(a_sentence_can_fill_no_line)
{
    static char sentence[20000];
    size_t len;

    memset(sentence, '\n', sizeof(sentence) - 1);
    len = log_format_line(line, LOG_FORMAT_JSON, LOG_INFO, TIME_US, sentence, NULL, 0);
    ck_assert_uint_lt(len, LOG_VALUE_MAX + 200);
    ck_assert_int_eq(line[len - 1], '\n');
}
END_TEST

START_TEST(any_bytes_give_one_line_of_json)
{
    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[64];
        size_t len = random_u64() % sizeof(bytes);
        struct str text;
        SCOPED(json_decref) json_t *object = NULL;

        random_bytes(bytes, sizeof(bytes));
        text = format_one(LOG_FORMAT_JSON, "x", LOG_STR("k", str_from((const char *)bytes, len)));
        object = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
        ck_assert_ptr_nonnull(object);
        ck_assert_uint_eq(str_index(text, '\n'), text.len - 1);

        text = format_one(LOG_FORMAT_LOGFMT, "x", LOG_STR("k", str_from((const char *)bytes, len)));
        ck_assert_uint_eq(str_index(text, '\n'), text.len - 1);
        ck_assert(str_is_utf8(text, NULL));
    }
}
END_TEST

Suite *base_log_format_suite(void)
{
    Suite *suite = suite_create("base_log_format");
    TCase *tc = tcase_create("log_format");

    tcase_add_test(tc, a_sentence_without_fields);
    tcase_add_loop_test(tc, levels_have_names, 0, COUNT_OF(levels));
    tcase_add_loop_test(tc, values_are_quoted_as_needed_and_escaped, 0, COUNT_OF(strings));
    tcase_add_test(tc, a_missing_c_string_is_an_empty_one);
    tcase_add_loop_test(tc, numbers_and_truths_are_bare, 0, COUNT_OF(others));
    tcase_add_test(tc, an_error_becomes_several_fields);
    tcase_add_test(tc, an_error_says_no_more_than_it_knows);
    tcase_add_test(tc, fields_keep_their_order);
    tcase_add_loop_test(tc, a_long_value_is_cut_and_says_so, 0, COUNT_OF(units));
    tcase_add_test(tc, a_value_of_the_longest_length_is_whole);
    tcase_add_test(tc, a_line_too_long_drops_whole_fields_and_says_so);
    tcase_add_test(tc, what_follows_a_field_that_did_not_fit_is_left_out_too);
    tcase_add_test(tc, a_sentence_can_fill_no_line);
    tcase_add_test(tc, any_bytes_give_one_line_of_json);
    suite_add_tcase(suite, tc);
    return suite;
}
