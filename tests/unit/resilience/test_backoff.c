/* SPDX-License-Identifier: Apache-2.0 */
#include "resilience/backoff.h"

#include <check.h>
#include <limits.h>

#include "tests/support/expect.h"

Suite *resilience_backoff_suite(void);

static const struct backoff_policy policy = {.base_ms = 100, .max_ms = 30000};

static const struct {
    unsigned attempt;
    int64_t ceiling_ms;
} rows[] = {{0, 100},   {1, 200},    {5, 3200},   {8, 25600},
            {9, 30000}, {63, 30000}, {64, 30000}, {UINT_MAX, 30000}};

START_TEST(delay_reaches_but_never_passes_the_ceiling_of_its_attempt)
{
    uint64_t highest_draw = (uint64_t)rows[_i].ceiling_ms;

    ck_assert_int_eq(backoff_delay_ms(policy, rows[_i].attempt, highest_draw), rows[_i].ceiling_ms);
    ck_assert_int_eq(backoff_delay_ms(policy, rows[_i].attempt, highest_draw + 1), 0);
}
END_TEST

START_TEST(jitter_is_full_each_delay_has_its_draw)
{
    for (uint64_t draw = 0; draw <= 100; draw++)
        ck_assert_int_eq(backoff_delay_ms(policy, 0, draw), (int64_t)draw);
}
END_TEST

START_TEST(largest_draw_and_largest_policy_do_not_overflow)
{
    struct backoff_policy endless = {.base_ms = 1, .max_ms = INT64_MAX};
    struct backoff_policy flat = {.base_ms = 7, .max_ms = 7};

    ck_assert_int_ge(backoff_delay_ms(endless, UINT_MAX, UINT64_MAX), 0);
    ck_assert_int_eq(backoff_delay_ms(endless, 62, UINT64_C(1) << 62), INT64_C(1) << 62);
    ck_assert_int_eq(backoff_delay_ms(endless, 63, INT64_MAX), INT64_MAX);
    ck_assert_int_eq(backoff_delay_ms(flat, 3, 7), 7);
    ck_assert_int_eq(backoff_delay_ms(flat, 3, 8), 0);
}
END_TEST

Suite *resilience_backoff_suite(void)
{
    Suite *suite = suite_create("resilience_backoff");
    TCase *tcase = tcase_create("delay");

    tcase_add_loop_test(tcase, delay_reaches_but_never_passes_the_ceiling_of_its_attempt, 0,
                        COUNT_OF(rows));
    tcase_add_test(tcase, jitter_is_full_each_delay_has_its_draw);
    tcase_add_test(tcase, largest_draw_and_largest_policy_do_not_overflow);
    suite_add_tcase(suite, tcase);
    return suite;
}
