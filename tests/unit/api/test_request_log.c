/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request_log.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "tests/support/expect.h"

Suite *api_request_log_suite(void);

enum { TEXT_BYTES_MAX = 16 << 20 };

static const char requests[] = "daybook_http_requests_total{";
static const char seconds_count[] = "daybook_http_request_duration_seconds_count{";

static size_t count_lines(struct str text, const char *begin, const char *with)
{
    size_t count = 0;

    while (text.len > 0) {
        struct str line = str_split(text, '\n', &text);

        count += str_starts_with(line, str_of(begin)) &&
                 memmem(line.data, line.len, with, strlen(with)) != NULL;
    }
    return count;
}

START_TEST(whatever_is_asked_every_series_is_a_routes)
{
    static char patterns[ROUTES_MAX][24];
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    for (int status = 200; status < 600; status++)
        for (enum http_method method = HTTP_GET; method <= HTTP_OTHER_KNOWN; method++) {
            request_log_count(NULL, method, status, 0.001);
            for (int i = 0; i < ROUTES_MAX && status % 100 < 3; i++) {
                struct route route = {.method = HTTP_POST, .pattern = patterns[i]};

                snprintf(patterns[i], sizeof(patterns[i]), "/v1/r%d/{id}", i);
                request_log_count(&route, method, status, 0.001);
            }
        }
    metrics_write(&text);
    ck_assert(!text.failed);
    ck_assert_uint_eq(count_lines(buf_str(&text), requests, ""),
                      (ROUTES_MAX + HTTP_OTHER_KNOWN + 1) * 4);
    ck_assert_uint_eq(count_lines(buf_str(&text), seconds_count, ""), ROUTES_MAX + 1);
    ck_assert_uint_eq(count_lines(buf_str(&text), requests, "route=\"other\""), 0);
    /* HEAD counts for the route that answers it. */
    ck_assert_uint_eq(count_lines(buf_str(&text), requests, "{method=\"HEAD\",route=\"/v1/r"), 0);
    ck_assert_uint_eq(count_lines(buf_str(&text), seconds_count, "\"other\""), 0);
}
END_TEST

Suite *api_request_log_suite(void)
{
    Suite *suite = suite_create("api_request_log");
    TCase *tc = tcase_create("metrics");

    tcase_add_test(tc, whatever_is_asked_every_series_is_a_routes);
    suite_add_tcase(suite, tc);
    return suite;
}
