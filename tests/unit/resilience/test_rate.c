/* SPDX-License-Identifier: Apache-2.0 */
#include "resilience/rate.h"

#include <check.h>

#include "tests/support/expect.h"

Suite *resilience_rate_suite(void);

static struct rate rate;

START_TEST(a_full_bucket_is_had_at_once_and_then_the_refill_rules)
{
    rate_init(&rate, (struct rate_policy){.per_second = 10, .capacity = 3}, 1000);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(rate_reserve(&rate, 1000), 0);
    for (int i = 1; i <= 20; i++)
        ck_assert_int_eq(rate_reserve(&rate, 1000), i * 100);
}
END_TEST

START_TEST(what_was_reserved_ahead_is_paid_off_by_time)
{
    rate_init(&rate, (struct rate_policy){.per_second = 2, .capacity = 1}, 0);
    ck_assert_int_eq(rate_reserve(&rate, 0), 0);
    ck_assert_int_eq(rate_reserve(&rate, 0), 500);
    ck_assert_int_eq(rate_reserve(&rate, 400), 600);
    ck_assert_int_eq(rate_reserve(&rate, 1500), 0);
}
END_TEST

START_TEST(a_bucket_never_holds_more_than_its_capacity)
{
    rate_init(&rate, (struct rate_policy){.per_second = 1000, .capacity = 2}, 0);
    ck_assert_int_eq(rate_reserve(&rate, 60000), 0);
    ck_assert_int_eq(rate_reserve(&rate, 60000), 0);
    ck_assert_int_eq(rate_reserve(&rate, 60000), 1);
}
END_TEST

START_TEST(without_a_rate_all_is_at_once)
{
    rate_init(&rate, (struct rate_policy){0}, 0);
    for (int i = 0; i < 100000; i++)
        ck_assert_int_eq(rate_reserve(&rate, 0), 0);
}
END_TEST

START_TEST(a_wait_is_rounded_up_and_bounded)
{
    rate_init(&rate, (struct rate_policy){.per_second = 3, .capacity = 1}, 0);
    ck_assert_int_eq(rate_reserve(&rate, 0), 0);
    ck_assert_int_eq(rate_reserve(&rate, 0), 334);
    rate_init(&rate, (struct rate_policy){.per_second = 1e-300, .capacity = 1}, 0);
    ck_assert_int_eq(rate_reserve(&rate, 0), 0);
    ck_assert_int_eq(rate_reserve(&rate, 0), INT64_C(1000000000000000));
}
END_TEST

Suite *resilience_rate_suite(void)
{
    Suite *suite = suite_create("resilience_rate");
    TCase *tcase = tcase_create("bucket");

    tcase_add_test(tcase, a_full_bucket_is_had_at_once_and_then_the_refill_rules);
    tcase_add_test(tcase, what_was_reserved_ahead_is_paid_off_by_time);
    tcase_add_test(tcase, a_bucket_never_holds_more_than_its_capacity);
    tcase_add_test(tcase, without_a_rate_all_is_at_once);
    tcase_add_test(tcase, a_wait_is_rounded_up_and_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}
