/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/scope.h"
#include "tests/support/expect.h"

Suite *base_clock_suite(void);

#define SECOND INT64_C(1000000)
#define DAY (86400 * SECOND)

static int64_t must_parse(const char *text)
{
    int64_t wall_us = INT64_MIN;

    ck_assert_msg(clock_parse_rfc3339(str_of(text), &wall_us), "'%s' was refused", text);
    return wall_us;
}

/* Values from `date -u -d TEXT +%s`. Read and written they are the same text. */
static const struct {
    const char *text;
    int64_t wall_us;
} moments[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00.000001Z", 1},
    {"1970-01-01T00:00:01Z", SECOND},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"1969-12-31T23:59:59Z", -SECOND},
    {"1969-12-31T23:59:58.5Z", -SECOND - SECOND / 2},
    {"2026-11-24T05:22:08.123456Z", INT64_C(1795497728123456)},
    {"2000-02-29T12:00:00Z", INT64_C(951825600) * SECOND},
    {"2000-03-01T00:00:00Z", INT64_C(951868800) * SECOND},
    {"2024-02-29T23:59:59Z", INT64_C(1709251199) * SECOND},
    {"2100-02-28T23:59:59Z", INT64_C(4107542399) * SECOND},
    {"2100-03-01T00:00:00Z", INT64_C(4107542400) * SECOND},
    {"1900-03-01T00:00:00Z", INT64_C(-2203891200) * SECOND},
    {"1900-02-28T00:00:00Z", INT64_C(-2203977600) * SECOND},
    {"1600-02-29T00:00:00Z", INT64_C(-11670998400) * SECOND},
    {"0001-01-01T00:00:00Z", INT64_C(-62135596800) * SECOND},
    {"0001-01-01T00:00:00.000001Z", INT64_C(-62135596800) * SECOND + 1},
    {"0001-12-31T23:59:59Z", INT64_C(-62104060801) * SECOND},
    {"0004-02-29T00:00:00Z", INT64_C(-62035891200) * SECOND},
    {"0400-02-29T00:00:00Z", INT64_C(-49539340800) * SECOND},
    {"9999-12-31T23:59:59Z", INT64_C(253402300799) * SECOND},
    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300800) * SECOND - 1},
    {"2038-01-19T03:14:08Z", INT64_C(2147483648) * SECOND},
    {"2026-01-01T00:00:00.1Z", INT64_C(1767225600) * SECOND + 100000},
    {"2026-01-01T00:00:00.01Z", INT64_C(1767225600) * SECOND + 10000},
    {"2026-01-01T00:00:00.100001Z", INT64_C(1767225600) * SECOND + 100001},
};

START_TEST(a_moment_is_read_and_written_as_the_same_text)
{
    char text[CLOCK_RFC3339_MAX];
    size_t len = clock_format_rfc3339(moments[_i].wall_us, text);

    ck_assert_str_eq(text, moments[_i].text);
    ck_assert_uint_eq(len, strlen(text));
    ck_assert_int_eq(must_parse(moments[_i].text), moments[_i].wall_us);
}
END_TEST

/* Other ways to write a moment: offset, small letters, fractions. */
static const struct {
    const char *text;
    const char *same;
} others[] = {
    {"2026-11-24t05:22:08z", "2026-11-24T05:22:08Z"},
    {"2026-11-24T05:22:08+00:00", "2026-11-24T05:22:08Z"},
    {"2026-11-24T05:22:08-00:00", "2026-11-24T05:22:08Z"},
    {"2026-11-24T07:22:08+02:00", "2026-11-24T05:22:08Z"},
    {"2026-11-23T21:22:08-08:00", "2026-11-24T05:22:08Z"},
    {"2026-11-24T10:52:08.5+05:30", "2026-11-24T05:22:08.5Z"},
    {"2026-01-01T01:00:00+02:00", "2025-12-31T23:00:00Z"},
    {"2025-12-31T23:00:00-02:00", "2026-01-01T01:00:00Z"},
    {"2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"},
    {"1970-01-01T00:00:00+23:59", "1969-12-31T00:01:00Z"},
    {"1969-12-31T00:00:00-23:59", "1969-12-31T23:59:00Z"},
    {"2026-11-24T05:22:08.1234567Z", "2026-11-24T05:22:08.123456Z"}, /* cut, not rounded */
    {"2026-11-24T05:22:08.999999999Z", "2026-11-24T05:22:08.999999Z"},
    {"2026-11-24T05:22:08.000000001Z", "2026-11-24T05:22:08Z"},
    {"1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"},
    {"2026-11-24T05:22:08.10Z", "2026-11-24T05:22:08.1Z"},
    {"2026-11-24T05:22:08.000Z", "2026-11-24T05:22:08Z"},
    {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"}, /* leap seconds there were */
    {"2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00Z"},
    {"1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00Z"},
    {"2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.25Z"},
    {"1969-12-31T23:59:60Z", "1970-01-01T00:00:00Z"},
    {"0001-01-01T02:00:00+02:00", "0001-01-01T00:00:00Z"},
    {"9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59Z"},
};

START_TEST(other_ways_to_write_a_moment_are_read)
{
    char text[CLOCK_RFC3339_MAX];

    clock_format_rfc3339(must_parse(others[_i].text), text);
    ck_assert_str_eq(text, others[_i].same);
}
END_TEST

static const char *const refused[] = {
    "",
    "now",
    "2026",
    "2026-11-24",
    "2026-11-24T",
    "2026-11-24T05:22",
    "2026-11-24T05:22Z",
    "2026-11-24T05:22:08",
    "2026-11-24 05:22:08Z",
    "2026-11-24T05:22:08 Z",
    " 2026-11-24T05:22:08Z",
    "2026-11-24T05:22:08Z ",
    "2026-11-24T05:22:08ZZ",
    "2026-11-24T05:22:08Z+00:00",
    "2026-11-24T05:22:08.Z",
    "2026-11-24T05:22:08.1234567890Z", /* ten digits */
    "2026-11-24T05:22:08,5Z",
    "2026-11-24T05:22:08+02",
    "2026-11-24T05:22:08+0200",
    "2026-11-24T05:22:08+2:00",
    "2026-11-24T05:22:08+02:60",
    "2026-11-24T05:22:08+24:00",
    "2026-11-24T05:22:08+02:0",
    "2026-11-24T05:22:08+",
    "2026-11-24T05:22:08*02:00",
    "2026-00-24T05:22:08Z",
    "2026-13-24T05:22:08Z",
    "2026-11-00T05:22:08Z",
    "2026-11-31T05:22:08Z",
    "2026-01-32T05:22:08Z",
    "2026-04-31T05:22:08Z",
    "2025-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2024-02-30T00:00:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T05:60:08Z",
    "2026-11-24T05:22:61Z",
    "2026-11-24T05:22:60Z",      /* no end of a day */
    "2016-12-31T23:59:60+01:00", /* 22:59:60 UTC */
    "2016-12-31T22:59:60Z",
    "9999-12-31T23:59:60Z", /* would be the year 10000 */
    "0000-01-01T00:00:00Z",
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00+00:01", /* leads to the year 0 */
    "9999-12-31T23:59:59-00:01", /* to the year 10000 */
    "10000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "+026-11-24T05:22:08Z",
    "2026-1-24T05:22:08Z",
    "2026-11-4T05:22:08Z",
    "2026-11-24T5:22:08Z",
    "2026-11-24T05:22:8Z",
    "2026/11/24T05:22:08Z",
    "20261124T052208Z",
    "2026-11-24T05-22-08Z",
    "2026-11-24T0x:22:08Z",
    "2026-11-24T05:22:08\xC2\xA0Z",
    "Tue, 24 Nov 2026 05:22:08 GMT",
    "1795497728",
};

START_TEST(anything_else_is_refused)
{
    int64_t wall_us = 4711;

    ck_assert_msg(!clock_parse_rfc3339(str_of(refused[_i]), &wall_us), "'%s' was read",
                  refused[_i]);
    ck_assert_int_eq(wall_us, 4711);
}
END_TEST

START_TEST(a_text_that_ends_early_is_refused_wherever_it_ends)
{
    struct str whole = STR("2026-11-24T05:22:08.123456+02:00");

    for (size_t len = 0; len < whole.len; len++) {
        int64_t wall_us = 4711;

        /* A copy on the heap of exactly this length, so that reading on would be seen. */
        char *copy = malloc(len > 0 ? len : 1);
        memcpy(copy, whole.data, len);
        ck_assert(!clock_parse_rfc3339(str_from(copy, len), &wall_us));
        free(copy);
    }
}
END_TEST

START_TEST(a_nul_byte_is_no_end)
{
    int64_t wall_us;

    ck_assert(!clock_parse_rfc3339(STR("2026-11-24T05:22:08Z\0"), &wall_us));
    ck_assert(!clock_parse_rfc3339(STR_NONE, &wall_us));
}
END_TEST

static void expect_day(int year, int month, int day, int64_t wall_us)
{
    char expected[64];
    char text[CLOCK_RFC3339_MAX];
    int64_t back;

    snprintf(expected, sizeof(expected), "%04d-%02d-%02dT00:00:00Z", year, month, day);
    clock_format_rfc3339(wall_us, text);
    if (strcmp(text, expected) != 0)
        ck_abort_msg("%s, not %s", text, expected);
    if (!clock_parse_rfc3339(str_of(expected), &back) || back != wall_us)
        ck_abort_msg("%s was read wrong", expected);
}

/* The first and last day of every month from year 1 to 9999, against a calendar that counts on. */
START_TEST(every_month_of_9999_years_comes_back)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t wall_us = INT64_C(-62135596800) * SECOND;

    for (int year = 1; year <= 9999; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

        for (int month = 1; month <= 12; month++) {
            int length = lengths[month - 1] + (month == 2 && leap);

            expect_day(year, month, 1, wall_us);
            expect_day(year, month, length, wall_us + (length - 1) * DAY);
            wall_us += length * DAY;
        }
    }
    ck_assert_int_eq(wall_us, INT64_C(253402300800) * SECOND);
}
END_TEST

START_TEST(moments_agree_with_the_c_library)
{
    /* A step that is prime walks through all hours, months and leap years; 1900 to 2100. */
    for (int64_t second = INT64_C(-2208988800); second < INT64_C(4102444800); second += 7654321) {
        time_t when = (time_t)second;
        struct tm parts;
        char expected[64];
        char text[CLOCK_RFC3339_MAX];

        gmtime_r(&when, &parts);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &parts);
        clock_format_rfc3339(second * SECOND, text);
        ck_assert_str_eq(text, expected);
    }
}
END_TEST

/* PostgreSQL's 'infinity', and what somebody typed into a row. */
static const struct {
    int64_t wall_us;
    const char *text;
} beyond[] = {
    {INT64_MAX, "9999-12-31T23:59:59.999999Z"},
    {INT64_C(253402300800) * SECOND, "9999-12-31T23:59:59.999999Z"},
    {INT64_MIN, "0001-01-01T00:00:00Z"},
    {INT64_C(-62135596800) * SECOND - 1, "0001-01-01T00:00:00Z"},
};

START_TEST(what_cannot_be_written_is_shown_as_the_nearest_moment)
{
    char text[CLOCK_RFC3339_MAX];

    clock_format_rfc3339(beyond[_i].wall_us, text);
    ck_assert_str_eq(text, beyond[_i].text);
}
END_TEST

START_TEST(a_buffer_takes_a_time)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100);

    buf_add_cstr(&out, "at ");
    buf_add_rfc3339(&out, SECOND / 4);
    EXPECT_STR(buf_str(&out), "at 1970-01-01T00:00:00.25Z");
}
END_TEST

START_TEST(wall_time_is_that_of_the_system)
{
    int64_t before = (int64_t)time(NULL);
    int64_t now = clock_wall_us();
    int64_t after = (int64_t)time(NULL);

    ck_assert_int_ge(now / SECOND, before);
    ck_assert_int_le(now / SECOND, after + 1);
}
END_TEST

START_TEST(monotonic_time_never_runs_backwards)
{
    int64_t last_us = clock_monotonic_us();

    for (int i = 0; i < 100000; i++) {
        int64_t now_us = clock_monotonic_us();

        if (now_us < last_us)
            ck_abort_msg("from %lld to %lld", (long long)last_us, (long long)now_us);
        last_us = now_us;
    }
    ck_assert_int_ge(clock_monotonic_ms(), last_us / 1000);
    ck_assert_int_le(clock_monotonic_ms(), last_us / 1000 + 60000);
}
END_TEST

Suite *base_clock_suite(void)
{
    Suite *suite = suite_create("base_clock");
    TCase *tc = tcase_create("clock");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_moment_is_read_and_written_as_the_same_text, 0, COUNT_OF(moments));
    tcase_add_loop_test(tc, other_ways_to_write_a_moment_are_read, 0, COUNT_OF(others));
    tcase_add_loop_test(tc, anything_else_is_refused, 0, COUNT_OF(refused));
    tcase_add_test(tc, a_text_that_ends_early_is_refused_wherever_it_ends);
    tcase_add_test(tc, a_nul_byte_is_no_end);
    tcase_add_test(tc, every_month_of_9999_years_comes_back);
    tcase_add_test(tc, moments_agree_with_the_c_library);
    tcase_add_loop_test(tc, what_cannot_be_written_is_shown_as_the_nearest_moment, 0,
                        COUNT_OF(beyond));
    tcase_add_test(tc, a_buffer_takes_a_time);
    tcase_add_test(tc, wall_time_is_that_of_the_system);
    tcase_add_test(tc, monotonic_time_never_runs_backwards);
    suite_add_tcase(suite, tc);
    return suite;
}
