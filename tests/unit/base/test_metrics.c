/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <check.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/scope.h"
#include "base/thread.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_metrics_suite(void);

/* Metrics live for ever, and under the sanitizers all tests share a process: each has its own. */

START_TEST(a_counter_adds)
{
    static struct metric metric = {
        .kind = METRIC_COUNTER, .name = "test_counter_total", .help = "x"};

    ck_assert_double_eq(metric_value(METRIC_AT(&metric)), 0);
    METRIC_INC(&metric);
    metric_add(METRIC_AT(&metric), 2.5);
    metric_add(METRIC_AT(&metric), 0);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric)), 3.5);
}
END_TEST

START_TEST(a_gauge_goes_both_ways)
{
    static struct metric metric = {.kind = METRIC_GAUGE, .name = "test_gauge", .help = "x"};
    struct metric_series *series = METRIC_AT(&metric);

    metric_set(series, 5);
    metric_add(series, -7);
    ck_assert_double_eq(metric_value(series), -2);
    metric_set(series, 1e300);
    ck_assert_double_eq(metric_value(series), 1e300);
}
END_TEST

START_TEST(a_histogram_counts_its_observations)
{
    static const double bounds[] = {1, 2};
    static struct metric metric = {.kind = METRIC_HISTOGRAM,
                                   .name = "test_histogram",
                                   .help = "x",
                                   .bounds = bounds,
                                   .bounds_count = 2};

    ck_assert_double_eq(metric_value(METRIC_AT(&metric)), 0);
    metric_observe(METRIC_AT(&metric), 0.5);
    metric_observe(METRIC_AT(&metric), 99);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric)), 2);
}
END_TEST

START_TEST(label_values_make_series)
{
    static struct metric metric = {.kind = METRIC_COUNTER,
                                   .name = "test_labels_total",
                                   .help = "x",
                                   .labels = {"command", "result"}};

    METRIC_INC(&metric, "order.pay", "ok");
    METRIC_INC(&metric, "order.pay", "ok");
    METRIC_INC(&metric, "order.pay", "refused");
    METRIC_INC(&metric, "order.ship", "ok");
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "order.pay", "ok")), 2);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "order.pay", "refused")), 1);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "order.ship", "ok")), 1);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "ok", "order.ship")), 0);
}
END_TEST

START_TEST(the_same_labels_are_the_same_series_for_ever)
{
    static struct metric metric = {
        .kind = METRIC_COUNTER, .name = "test_same_total", .help = "x", .labels = {"a", "b", "c"}};
    char value[] = "one";
    struct metric_series *series = METRIC_AT(&metric, value, "two", "three");

    value[0] = 'X'; /* it was copied */
    ck_assert_ptr_eq(METRIC_AT(&metric, "one", "two", "three"), series);
    ck_assert_ptr_ne(METRIC_AT(&metric, value, "two", "three"), series);
}
END_TEST

START_TEST(too_many_label_values_are_counted_as_other)
{
    static struct metric metric = {
        .kind = METRIC_COUNTER, .name = "test_many_total", .help = "x", .labels = {"a", "b"}};
    struct metric_series *other;
    char value[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(value, sizeof(value), "v%d", i);
        METRIC_INC(&metric, value, "x");
    }
    other = METRIC_AT(&metric, "other", "other");
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "v0", "x")), 1);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "v126", "x")), 1);
    ck_assert_ptr_eq(METRIC_AT(&metric, "v127", "x"), other);
    ck_assert_double_eq(metric_value(other), 1000 - (METRIC_SERIES_MAX - 1));
}
END_TEST

START_TEST(label_values_that_would_break_a_scrape_are_counted_as_other)
{
    static struct metric metric = {
        .kind = METRIC_COUNTER, .name = "test_bad_total", .help = "x", .labels = {"a"}};
    char long_value[130];

    memset(long_value, 'x', 129);
    long_value[129] = '\0';
    METRIC_INC(&metric, long_value);
    METRIC_INC(&metric, "\xFF");
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "other")), 2);
    long_value[128] = '\0';
    METRIC_INC(&metric, long_value);
    ck_assert_double_eq(metric_value(METRIC_AT(&metric, "other")), 2);
}
END_TEST

/* Adds from several threads, half of them to series made meanwhile. */
enum { THREADS = 4, ADDS = 20000 };

static struct metric shared_counter = {
    .kind = METRIC_COUNTER, .name = "test_shared_total", .help = "x", .labels = {"n"}};
static const double shared_bounds[] = {0.5, 1.5, 2.5};
static struct metric shared_histogram = {.kind = METRIC_HISTOGRAM,
                                         .name = "test_shared",
                                         .help = "x",
                                         .bounds = shared_bounds,
                                         .bounds_count = 3};

static void add_often(void *arg)
{
    static const char *const values[] = {"0", "1", "2", "3", "4", "5", "6", "7"};

    (void)arg;
    for (int i = 0; i < ADDS; i++) {
        metric_add(METRIC_AT(&shared_counter, values[i % 8]), 0.5);
        metric_observe(METRIC_AT(&shared_histogram), i % 4);
    }
}

static void scrape_often(void *arg)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1 << 20);

    (void)arg;
    for (int i = 0; i < 50; i++) {
        buf_clear(&out);
        metrics_write(&out);
    }
}

START_TEST(no_add_is_lost_between_threads)
{
    struct thread *threads[THREADS + 1];
    struct error err;
    double sum = 0;

    for (int i = 0; i < THREADS; i++)
        ck_assert(thread_start(THREAD_HTTP, "adds", add_often, NULL, &threads[i], &err));
    ck_assert(thread_start(THREAD_HTTP, "scrapes", scrape_often, NULL, &threads[THREADS], &err));
    for (int i = 0; i <= THREADS; i++)
        thread_join(threads[i]);

    for (int i = 0; i < 8; i++) {
        char value[2] = {(char)('0' + i), '\0'};

        sum += metric_value(METRIC_AT(&shared_counter, value));
    }
    ck_assert_double_eq(sum, 0.5 * THREADS * ADDS);
    ck_assert_double_eq(metric_value(METRIC_AT(&shared_histogram)), THREADS * ADDS);
}
END_TEST

/* Two threads find the same series missing at the same moment: one of them may make it. They spin
 * for each other, because threads that sleep are woken one after the other. */
enum { PAIR = 2, FRESH = 120 };

static struct metric fresh_counter = {
    .kind = METRIC_COUNTER, .name = "test_fresh_total", .help = "x", .labels = {"n"}};
static _Atomic int fresh_arrived;

static void add_to_fresh(void *arg)
{
    (void)arg;
    for (int i = 0; i < FRESH; i++) {
        char value[16];

        snprintf(value, sizeof(value), "%d", i);
        atomic_fetch_add(&fresh_arrived, 1);
        while (atomic_load(&fresh_arrived) < PAIR * (i + 1))
            continue;
        METRIC_INC(&fresh_counter, value);
    }
}

START_TEST(a_series_is_made_once)
{
    struct thread *threads[PAIR];
    struct error err;

    for (int i = 0; i < PAIR; i++)
        ck_assert(thread_start(THREAD_HTTP, "fresh", add_to_fresh, NULL, &threads[i], &err));
    for (int i = 0; i < PAIR; i++)
        thread_join(threads[i]);
    for (int i = 0; i < FRESH; i++) {
        char value[16];

        snprintf(value, sizeof(value), "%d", i);
        ck_assert_double_eq(metric_value(METRIC_AT(&fresh_counter, value)), PAIR);
    }
}
END_TEST

#ifndef DAYBOOK_SANITIZED
static struct metric death_counter = {
    .kind = METRIC_COUNTER, .name = "test_death_total", .help = "x", .labels = {"a"}};

START_TEST(a_counter_never_goes_down)
{
    death_expected();
    metric_add(METRIC_AT(&death_counter, "x"), -1);
}
END_TEST

START_TEST(a_counter_is_not_set)
{
    death_expected();
    metric_set(METRIC_AT(&death_counter, "x"), 1);
}
END_TEST

START_TEST(a_counter_observes_nothing)
{
    death_expected();
    metric_observe(METRIC_AT(&death_counter, "x"), 1);
}
END_TEST

START_TEST(a_missing_label_value_is_a_bug)
{
    death_expected();
    METRIC_INC(&death_counter);
}
END_TEST
#endif

Suite *base_metrics_suite(void)
{
    Suite *suite = suite_create("base_metrics");
    TCase *tc = tcase_create("metrics");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_counter_adds);
    tcase_add_test(tc, a_gauge_goes_both_ways);
    tcase_add_test(tc, a_histogram_counts_its_observations);
    tcase_add_test(tc, label_values_make_series);
    tcase_add_test(tc, the_same_labels_are_the_same_series_for_ever);
    tcase_add_test(tc, too_many_label_values_are_counted_as_other);
    tcase_add_test(tc, label_values_that_would_break_a_scrape_are_counted_as_other);
    tcase_add_test(tc, no_add_is_lost_between_threads);
    tcase_add_test(tc, a_series_is_made_once);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, a_counter_never_goes_down, SIGABRT);
    tcase_add_test_raise_signal(tc, a_counter_is_not_set, SIGABRT);
    tcase_add_test_raise_signal(tc, a_counter_observes_nothing, SIGABRT);
    tcase_add_test_raise_signal(tc, a_missing_label_value_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
