/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "base/scope.h"
#include "tests/support/expect.h"

Suite *base_metrics_write_suite(void);

/* Lines of the scrape about NAME (its HELP, TYPE and samples), as one text. */
static struct str scrape(const char *name)
{
    static char found[16384];
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1 << 20);
    struct str rest;
    size_t len = 0;

    metrics_write(&out);
    ck_assert(!out.failed);
    rest = buf_str(&out);
    while (rest.len > 0) {
        struct str line = str_split(rest, '\n', &rest);

        if (memmem(line.data, line.len, name, strlen(name)) == NULL)
            continue;
        ck_assert_uint_lt(len + line.len + 1, sizeof(found));
        memcpy(found + len, line.data, line.len);
        len += line.len;
        found[len++] = '\n';
    }
    return str_from(found, len);
}

START_TEST(a_counter_has_help_type_and_value)
{
    static struct metric metric = {
        .kind = METRIC_COUNTER, .name = "write_plain_total", .help = "Things done."};

    METRIC_INC(&metric);
    EXPECT_STR(scrape("write_plain_total"), "# HELP write_plain_total Things done.\n"
                                            "# TYPE write_plain_total counter\n"
                                            "write_plain_total 1\n");
}
END_TEST

START_TEST(a_metric_never_used_is_not_written)
{
    static struct metric metric = {
        .kind = METRIC_COUNTER, .name = "write_unused_total", .help = "x"};

    ck_assert_int_eq(atomic_load(&metric.registered), 0);
    EXPECT_STR(scrape("write_unused_total"), "");
}
END_TEST

START_TEST(labels_are_written_in_their_order_and_escaped)
{
    static struct metric metric = {.kind = METRIC_GAUGE,
                                   .name = "write_escaped",
                                   .help = "a \\ and\na \"quote\"",
                                   .labels = {"one", "two", "three"}};

    metric_set(METRIC_AT(&metric, "a\\b", "c\"d", "e\nf{}=,"), 2);
    EXPECT_STR(scrape("write_escaped"),
               "# HELP write_escaped a \\\\ and\\na \"quote\"\n"
               "# TYPE write_escaped gauge\n"
               "write_escaped{one=\"a\\\\b\",two=\"c\\\"d\",three=\"e\\nf{}=,\"} 2\n");
}
END_TEST

START_TEST(a_histogram_has_cumulated_buckets_sum_and_count)
{
    static const double bounds[] = {0.005, 0.5, 10};
    static struct metric metric = {.kind = METRIC_HISTOGRAM,
                                   .name = "write_seconds",
                                   .help = "x",
                                   .bounds = bounds,
                                   .bounds_count = 3,
                                   .labels = {"route"}};
    static const double values[] = {0.001, 0.005, 0.25, 10, 10.5, 100};

    for (int i = 0; i < COUNT_OF(values); i++)
        metric_observe(METRIC_AT(&metric, "r"), values[i]);
    EXPECT_STR(scrape("write_seconds"), "# HELP write_seconds x\n"
                                        "# TYPE write_seconds histogram\n"
                                        "write_seconds_bucket{route=\"r\",le=\"0.005\"} 2\n"
                                        "write_seconds_bucket{route=\"r\",le=\"0.5\"} 3\n"
                                        "write_seconds_bucket{route=\"r\",le=\"10\"} 4\n"
                                        "write_seconds_bucket{route=\"r\",le=\"+Inf\"} 6\n"
                                        "write_seconds_sum{route=\"r\"} 120.756\n"
                                        "write_seconds_count{route=\"r\"} 6\n");
}
END_TEST

START_TEST(a_histogram_without_labels_has_only_the_bound)
{
    static const double bounds[] = {1};
    static struct metric metric = {.kind = METRIC_HISTOGRAM,
                                   .name = "write_bare",
                                   .help = "x",
                                   .bounds = bounds,
                                   .bounds_count = 1};

    metric_observe(METRIC_AT(&metric), 1);
    EXPECT_STR(scrape("write_bare"), "# HELP write_bare x\n"
                                     "# TYPE write_bare histogram\n"
                                     "write_bare_bucket{le=\"1\"} 1\n"
                                     "write_bare_bucket{le=\"+Inf\"} 1\n"
                                     "write_bare_sum 1\n"
                                     "write_bare_count 1\n");
}
END_TEST

static const struct {
    double value;
    const char *written;
} numbers[] = {
    {0, "write_number 0\n"},
    {-1.5, "write_number -1.5\n"},
    {0.1, "write_number 0.1\n"},
    {1e6, "write_number 1000000\n"},
    {9007199254740993.0, "write_number 9007199254740992\n"},
    {123456789012345680.0, "write_number 1.2345678901234568e+17\n"},
    {0.1 + 0.2, "write_number 0.30000000000000004\n"},
    {1e-7, "write_number 1e-07\n"},
    {INFINITY, "write_number +Inf\n"},
    {-INFINITY, "write_number -Inf\n"},
    {NAN, "write_number NaN\n"},
};

START_TEST(numbers_read_back_as_the_same_number)
{
    static struct metric metric = {.kind = METRIC_GAUGE, .name = "write_number", .help = "x"};
    struct str text;

    metric_set(METRIC_AT(&metric), numbers[_i].value);
    text = scrape("write_number");
    str_split(text, '\n', &text);
    str_split(text, '\n', &text);
    EXPECT_STR(text, numbers[_i].written);
}
END_TEST

START_TEST(metrics_are_sorted_by_name)
{
    static struct metric b = {.kind = METRIC_GAUGE, .name = "sorted_b", .help = "x"};
    static struct metric c = {.kind = METRIC_GAUGE, .name = "sorted_c", .help = "x"};
    static struct metric a = {.kind = METRIC_GAUGE, .name = "sorted_a", .help = "x"};

    metric_set(METRIC_AT(&b), 2);
    metric_set(METRIC_AT(&c), 3);
    metric_set(METRIC_AT(&a), 1);
    metric_set(METRIC_AT(&a), 1); /* registered once only */
    EXPECT_STR(scrape("sorted_"), "# HELP sorted_a x\n# TYPE sorted_a gauge\nsorted_a 1\n"
                                  "# HELP sorted_b x\n# TYPE sorted_b gauge\nsorted_b 2\n"
                                  "# HELP sorted_c x\n# TYPE sorted_c gauge\nsorted_c 3\n");
}
END_TEST

static struct metric collected = {.kind = METRIC_GAUGE, .name = "collected", .help = "x"};

static void collect(void *arg)
{
    int *calls = arg;

    metric_set(METRIC_AT(&collected), ++*calls);
}

START_TEST(collectors_run_before_each_scrape)
{
    int calls = 0;
    int other_calls = 10;

    metrics_on_collect(collect, &calls);
    EXPECT_STR(scrape("collected"), "# HELP collected x\n# TYPE collected gauge\ncollected 1\n");
    scrape("collected");
    ck_assert_int_eq(calls, 2);

    metrics_on_collect(collect, &other_calls);
    metrics_off_collect(collect, &calls);
    scrape("collected");
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(other_calls, 11);

    metrics_off_collect(collect, &other_calls);
    metrics_off_collect(collect, &other_calls); /* taken off already */
    scrape("collected");
    ck_assert_int_eq(other_calls, 11);
}
END_TEST

START_TEST(the_shared_bounds_rise)
{
    for (int i = 1; i < METRIC_BOUNDS_SECONDS; i++)
        ck_assert(metric_bounds_seconds[i] > metric_bounds_seconds[i - 1]);
    for (int i = 1; i < METRIC_BOUNDS_COUNT; i++)
        ck_assert(metric_bounds_count[i] == 2 * metric_bounds_count[i - 1]);
    ck_assert_double_eq(metric_bounds_seconds[0], 0.0005);
    ck_assert_double_eq(metric_bounds_seconds[METRIC_BOUNDS_SECONDS - 1], 30);
    ck_assert_double_eq(metric_bounds_count[METRIC_BOUNDS_COUNT - 1], 4096);
}
END_TEST

START_TEST(a_scrape_too_long_for_its_buffer_fails_it)
{
    static struct metric metric = {.kind = METRIC_GAUGE, .name = "write_long", .help = "x"};
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(10);

    metric_set(METRIC_AT(&metric), 1);
    metrics_write(&out);
    ck_assert(out.failed);
}
END_TEST

Suite *base_metrics_write_suite(void)
{
    Suite *suite = suite_create("base_metrics_write");
    TCase *tc = tcase_create("metrics_write");

    tcase_add_test(tc, a_counter_has_help_type_and_value);
    tcase_add_test(tc, a_metric_never_used_is_not_written);
    tcase_add_test(tc, labels_are_written_in_their_order_and_escaped);
    tcase_add_test(tc, a_histogram_has_cumulated_buckets_sum_and_count);
    tcase_add_test(tc, a_histogram_without_labels_has_only_the_bound);
    tcase_add_loop_test(tc, numbers_read_back_as_the_same_number, 0, COUNT_OF(numbers));
    tcase_add_test(tc, metrics_are_sorted_by_name);
    tcase_add_test(tc, collectors_run_before_each_scrape);
    tcase_add_test(tc, the_shared_bounds_rise);
    tcase_add_test(tc, a_scrape_too_long_for_its_buffer_fails_it);
    suite_add_tcase(suite, tc);
    return suite;
}
