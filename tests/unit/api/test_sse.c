/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sse.h"

#include "base/buf.h"
#include "tests/support/expect.h"

#include <check.h>
#include <stdio.h>

static struct buf out;

static void setup(void)
{
    buf_init(&out, 1 << 20);
}

static void teardown(void)
{
    buf_release(&out);
}

static void ck_out(const char *text)
{
    ck_assert_msg(str_equal(buf_str(&out), str_of(text)), STR_FMT, STR_ARG(buf_str(&out)));
}

static const struct {
    const char *data;
    const char *lines;
} rows[] = {
    {"{}", "data: {}\n"},
    {"", "data: \n"},
    {"{\n}", "data: {\ndata: }\n"},
    {"{\r\n}", "data: {\ndata: }\n"},
    {"{\r}", "data: {\ndata: }\n"},
    {"{\n\r}", "data: {\ndata: \ndata: }\n"},
    {"{\r\r\n\n}", "data: {\ndata: \ndata: \ndata: }\n"},
    {"\n1", "data: \ndata: 1\n"},
    {": 1", "data: : 1\n"},
};

/* A line that began otherwise would be another field, or none; a blank one would end the event. */
START_TEST(each_line_of_data_is_a_field)
{
    char expected[200];

    snprintf(expected, sizeof expected, "event: T\n%s\n", rows[_i].lines);
    sse_write_event(&out, STR("T"), str_of(rows[_i].data));
    ck_out(expected);
}
END_TEST

START_TEST(ids_comments_and_retries_are_lines)
{
    sse_write_id(&out, INT64_MAX);
    sse_write_comment(&out, "heartbeat");
    sse_write_retry(&out, 1500);
    ck_out("id: 9223372036854775807\n: heartbeat\n\nretry: 1500\n\n");
}
END_TEST

Suite *api_sse_suite(void);
Suite *api_sse_suite(void)
{
    Suite *suite = suite_create("api_sse");
    TCase *tc = tcase_create("sse");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, each_line_of_data_is_a_field, 0, COUNT_OF(rows));
    tcase_add_test(tc, ids_comments_and_retries_are_lines);
    suite_add_tcase(suite, tc);
    return suite;
}
