/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/config_internal.h"
#include "base/scope.h"
#include "tests/support/expect.h"

Suite *base_config_units_suite(void);

static const struct {
    const char *text;
    bool ok;
    int64_t ms;
} durations[] = {
    {"0ms", true, 0},
    {"1ms", true, 1},
    {"250ms", true, 250},
    {"5s", true, 5000},
    {"2m", true, 120000},
    {"1h", true, 3600000},
    {"7d", true, 604800000},
    {"9223372036854775807ms", true, INT64_MAX},
    {"106751991167d", true, INT64_C(106751991167) * 86400000},
    {"106751991168d", false, 0}, /* overflows */
    {"9223372036854775807s", false, 0},
    {"9223372036854775808ms", false, 0},
    {"5", false, 0}, /* the unit is required */
    {"0", false, 0},
    {"", false, 0},
    {"s", false, 0},
    {"ms", false, 0},
    {"-5s", false, 0},
    {"+5s", false, 0},
    {"5 s", false, 0},
    {" 5s", false, 0},
    {"5s ", false, 0},
    {"5S", false, 0},
    {"5sec", false, 0},
    {"5us", false, 0},
    {"1.5s", false, 0},
    {"05s", false, 0},
    {"1h30m", false, 0},
    {"5M", false, 0},
};

START_TEST(durations_need_their_unit)
{
    int64_t ms = 4711;

    ck_assert_int_eq(config_parse_duration_ms(str_of(durations[_i].text), &ms), durations[_i].ok);
    if (durations[_i].ok)
        ck_assert_int_eq(ms, durations[_i].ms);
}
END_TEST

static const struct {
    const char *text;
    bool ok;
    int64_t bytes;
} sizes[] = {
    {"0B", true, 0},
    {"10B", true, 10},
    {"1kB", true, 1000},
    {"1KiB", true, 1024},
    {"64KiB", true, 65536},
    {"3MB", true, 3000000},
    {"4MiB", true, 4194304},
    {"2GB", true, 2000000000},
    {"2GiB", true, INT64_C(2147483648)},
    {"8589934591GiB", true, INT64_C(8589934591) << 30},
    {"8589934592GiB", false, 0},
    {"64", false, 0},
    {"64K", false, 0},
    {"64KB", false, 0}, /* of two minds: kB or KiB? */
    {"64kb", false, 0},
    {"64kiB", false, 0},
    {"64kib", false, 0},
    {"64 KiB", false, 0},
    {"64M", false, 0},
    {"1.5MiB", false, 0},
    {"b", false, 0},
    {"10b", false, 0},
    {"1TiB", false, 0},
    {"-1B", false, 0},
};

START_TEST(sizes_need_their_unit)
{
    int64_t bytes = 4711;

    ck_assert_int_eq(config_parse_size_bytes(str_of(sizes[_i].text), &bytes), sizes[_i].ok);
    if (sizes[_i].ok)
        ck_assert_int_eq(bytes, sizes[_i].bytes);
}
END_TEST

static const struct {
    enum setting_type type;
    int64_t number;
    const char *text;
} numbers[] = {
    {SETTING_DURATION, 0, "0ms"},
    {SETTING_DURATION, 250, "250ms"},
    {SETTING_DURATION, 1000, "1s"},
    {SETTING_DURATION, 1500, "1500ms"},
    {SETTING_DURATION, 60000, "1m"},
    {SETTING_DURATION, 90000, "90s"},
    {SETTING_DURATION, 604800000, "7d"},
    {SETTING_SIZE, 0, "0B"},
    {SETTING_SIZE, 1, "1B"},
    {SETTING_SIZE, 1000, "1kB"},
    {SETTING_SIZE, 1024, "1KiB"},
    {SETTING_SIZE, 65536, "64KiB"},
    {SETTING_SIZE, 5000000, "5MB"},
    {SETTING_SIZE, 4194304, "4MiB"},
    {SETTING_SIZE, 4194305, "4194305B"},
    {SETTING_COUNT, -5, "-5"},
    {SETTING_COUNT, 4096, "4096"},
    {SETTING_BOOL, 1, "true"},
    {SETTING_BOOL, 0, "false"},
};

START_TEST(numbers_are_written_in_the_unit_that_fits)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100);
    int64_t back = 4711;

    config_write_number(&out, numbers[_i].type, numbers[_i].number);
    EXPECT_STR(buf_str(&out), numbers[_i].text);
    if (numbers[_i].type == SETTING_DURATION) {
        ck_assert(config_parse_duration_ms(buf_str(&out), &back));
        ck_assert_int_eq(back, numbers[_i].number);
    }
    if (numbers[_i].type == SETTING_SIZE) {
        ck_assert(config_parse_size_bytes(buf_str(&out), &back));
        ck_assert_int_eq(back, numbers[_i].number);
    }
}
END_TEST

/* What a setting takes, and what it says it wanted otherwise. */
static const struct {
    struct setting setting;
    struct str text;
    int64_t number;
    const char *wanted; /* NULL: taken */
} values[] = {
    {{.type = SETTING_TEXT}, STR_INIT(""), 0, NULL},
    {{.type = SETTING_TEXT}, STR_INIT("any text; # \t \xC3\xA9"), 0, NULL},
    {{.type = SETTING_TEXT}, STR_INIT("two\nlines"), 0, "a single line of UTF-8"},
    {{.type = SETTING_TEXT}, STR_INIT("a\0b"), 0, "a single line of UTF-8"},
    {{.type = SETTING_TEXT}, STR_INIT("\x7F"), 0, "a single line of UTF-8"},
    {{.type = SETTING_TEXT}, STR_INIT("\xFF"), 0, "a single line of UTF-8"},
    {{.type = SETTING_CHOICE, .choices = "auto|logfmt|json"}, STR_INIT("auto"), 0, NULL},
    {{.type = SETTING_CHOICE, .choices = "auto|logfmt|json"}, STR_INIT("logfmt"), 0, NULL},
    {{.type = SETTING_CHOICE, .choices = "auto|logfmt|json"}, STR_INIT("json"), 0, NULL},
    {{.type = SETTING_CHOICE, .choices = "auto|logfmt|json"},
     STR_INIT("jso"),
     0,
     "one of auto|logfmt|json"},
    {{.type = SETTING_CHOICE, .choices = "auto|json"},
     STR_INIT("auto|json"),
     0,
     "one of auto|json"},
    {{.type = SETTING_CHOICE, .choices = "auto|json"}, STR_INIT(""), 0, "one of auto|json"},
    {{.type = SETTING_CHOICE, .choices = "auto|json"}, STR_INIT("Auto"), 0, "one of auto|json"},
    {{.type = SETTING_BOOL}, STR_INIT("true"), 1, NULL},
    {{.type = SETTING_BOOL}, STR_INIT("false"), 0, NULL},
    {{.type = SETTING_BOOL}, STR_INIT("yes"), 0, "true or false"},
    {{.type = SETTING_BOOL}, STR_INIT("1"), 0, "true or false"},
    {{.type = SETTING_BOOL}, STR_INIT("True"), 0, "true or false"},
    {{.type = SETTING_COUNT}, STR_INIT("0"), 0, NULL},
    {{.type = SETTING_COUNT}, STR_INIT("9223372036854775807"), INT64_MAX, NULL},
    {{.type = SETTING_COUNT}, STR_INIT("-1"), 0, "a whole number"},
    {{.type = SETTING_COUNT}, STR_INIT("1.0"), 0, "a whole number"},
    {{.type = SETTING_COUNT}, STR_INIT(""), 0, "a whole number"},
    {{.type = SETTING_COUNT, .min = 1, .max = 64}, STR_INIT("1"), 1, NULL},
    {{.type = SETTING_COUNT, .min = 1, .max = 64}, STR_INIT("64"), 64, NULL},
    {{.type = SETTING_COUNT, .min = 1, .max = 64}, STR_INIT("0"), 0, "a whole number from 1 to 64"},
    {{.type = SETTING_COUNT, .min = 1, .max = 64},
     STR_INIT("65"),
     0,
     "a whole number from 1 to 64"},
    {{.type = SETTING_COUNT, .min = -5, .max = 5}, STR_INIT("-5"), -5, NULL},
    {{.type = SETTING_COUNT, .min = -5, .max = 5},
     STR_INIT("-6"),
     0,
     "a whole number from -5 to 5"},
    {{.type = SETTING_DURATION, .min = 1000, .max = 3600000}, STR_INIT("1s"), 1000, NULL},
    {{.type = SETTING_DURATION, .min = 1000, .max = 3600000}, STR_INIT("60m"), 3600000, NULL},
    {{.type = SETTING_DURATION, .min = 1000, .max = 3600000},
     STR_INIT("999ms"),
     0,
     "a duration with its unit (ms, s, m, h, d) from 1s to 1h"},
    {{.type = SETTING_DURATION, .min = 1000, .max = 3600000},
     STR_INIT("60"),
     0,
     "a duration with its unit (ms, s, m, h, d) from 1s to 1h"},
    {{.type = SETTING_DURATION}, STR_INIT("60"), 0, "a duration with its unit (ms, s, m, h, d)"},
    {{.type = SETTING_SIZE, .min = 1024, .max = 1 << 20}, STR_INIT("1MiB"), 1 << 20, NULL},
    {{.type = SETTING_SIZE, .min = 1024, .max = 1 << 20},
     STR_INIT("1GB"),
     0,
     "a size with its unit (B, kB, MB, GB, KiB, MiB, GiB) from 1KiB to 1MiB"},
};

START_TEST(a_setting_takes_what_it_should_and_says_what_it_wanted)
{
    SCOPED_VALUE(buf_release) struct buf wanted = BUF_INIT(1000);
    int64_t number = 4711;
    bool ok = config_value_parse(&values[_i].setting, values[_i].text, &number, &wanted);

    ck_assert_int_eq(ok, values[_i].wanted == NULL);
    EXPECT_STR(buf_str(&wanted), values[_i].wanted);
    if (ok && values[_i].setting.type >= SETTING_BOOL)
        ck_assert_int_eq(number, values[_i].number);
    ck_assert_int_eq(config_value_parse(&values[_i].setting, values[_i].text, &number, NULL), ok);
}
END_TEST

Suite *base_config_units_suite(void)
{
    Suite *suite = suite_create("base_config_units");
    TCase *tc = tcase_create("config_units");

    tcase_add_loop_test(tc, durations_need_their_unit, 0, COUNT_OF(durations));
    tcase_add_loop_test(tc, sizes_need_their_unit, 0, COUNT_OF(sizes));
    tcase_add_loop_test(tc, numbers_are_written_in_the_unit_that_fits, 0, COUNT_OF(numbers));
    tcase_add_loop_test(tc, a_setting_takes_what_it_should_and_says_what_it_wanted, 0,
                        COUNT_OF(values));
    suite_add_tcase(suite, tc);
    return suite;
}
