/* SPDX-License-Identifier: Apache-2.0 */
/* One step at a time; every interleaving of two contenders is in test_lease_model.c. */
#include "resilience/lease.h"

#include <check.h>

#include "tests/support/expect.h"

Suite *resilience_lease_suite(void);

static const struct lease_policy policy = {
    .lease_ms = 10000, .renew_ms = 3000, .margin_ms = 1000, .look_ms = 2000, .retry_ms = 500};

static const struct lease_row free_row = {.mine = false, .epoch = 4, .left_ms = -20};

static struct lease lease;

static void set_up(void)
{
    lease_init(&lease, policy);
}

/* Held with epoch 5, asked for at 0 and answered at 0. */
static void acquire(void)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    lease_saw(&lease, 0, free_row);
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_ACQUIRE);
    lease_answered(&lease, 0, true, 5);
    ck_assert(lease_held(&lease, 0));
}

START_TEST(expired_row_is_taken_at_once)
{
    acquire();
    ck_assert_int_eq(lease_epoch(&lease), 5);
    ck_assert_int_eq(lease_epoch_seen(&lease), 5);
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_WAIT);
    ck_assert_int_eq(lease_wait_ms(&lease, 0), 3000);
}
END_TEST

static const struct {
    int64_t left_ms;
    int64_t wait_ms;
} looks[] = {{1, 1}, {1999, 1999}, {2000, 2000}, {9000, 2000}};

START_TEST(row_of_another_is_looked_at_again_in_time_for_its_end)
{
    struct lease_row row = {.mine = false, .epoch = 4, .left_ms = looks[_i].left_ms};

    ck_assert_int_eq(lease_next(&lease, 100), LEASE_LOOK);
    lease_saw(&lease, 100, row);

    ck_assert(!lease_held(&lease, 100));
    ck_assert_int_eq(lease_wait_ms(&lease, 100), looks[_i].wait_ms);
    ck_assert_int_eq(lease_next(&lease, 100 + looks[_i].wait_ms - 1), LEASE_WAIT);
    ck_assert_int_eq(lease_next(&lease, 100 + looks[_i].wait_ms), LEASE_LOOK);
}
END_TEST

START_TEST(restart_takes_the_row_of_its_own_name_at_once_with_a_new_epoch)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    lease_saw(&lease, 0, (struct lease_row){.mine = true, .epoch = 8, .left_ms = 9000});

    ck_assert(!lease_held(&lease, 0));
    ck_assert(lease_may_take_own(&lease));
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_ACQUIRE);
    ck_assert_int_eq(lease_epoch_seen(&lease), 8); /* the statement's epoch rises above it */
}
END_TEST

START_TEST(race_for_the_free_row_can_be_lost)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    lease_saw(&lease, 0, free_row);
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_ACQUIRE);
    lease_answered(&lease, 10, false, 0);

    ck_assert(!lease_held(&lease, 10));
    ck_assert_int_eq(lease_next(&lease, 10), LEASE_WAIT);
    ck_assert_int_eq(lease_next(&lease, 10 + policy.look_ms), LEASE_LOOK);
}
END_TEST

START_TEST(one_question_at_a_time)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    ck_assert_int_eq(lease_next(&lease, 5000), LEASE_WAIT);
    ck_assert_int_eq(lease_wait_ms(&lease, 5000), INT64_MAX);
}
END_TEST

START_TEST(renewal_counts_from_when_it_was_asked_for)
{
    acquire();
    ck_assert_int_eq(lease_next(&lease, 2999), LEASE_WAIT);
    ck_assert_int_eq(lease_next(&lease, 3000), LEASE_RENEW);
    lease_answered(&lease, 8000, true, 0);

    ck_assert_int_eq(lease_epoch(&lease), 5);
    ck_assert(lease_held(&lease, 3000 + 9000 - 1));
    ck_assert(!lease_held(&lease, 3000 + 9000));
}
END_TEST

START_TEST(holder_stops_a_margin_before_the_end_and_is_told_once)
{
    acquire();
    ck_assert_int_eq(lease_next(&lease, 3000), LEASE_RENEW);
    ck_assert_int_eq(lease_wait_ms(&lease, 3000), 6000);
    ck_assert(lease_held(&lease, 8999));
    ck_assert_int_eq(lease_next(&lease, 8999), LEASE_WAIT);

    ck_assert(!lease_held(&lease, 9000));
    ck_assert_int_eq(lease_next(&lease, 9000), LEASE_STAND_DOWN);
    ck_assert_int_eq(lease_next(&lease, 9000), LEASE_WAIT);
    ck_assert_int_eq(lease_next(&lease, 99999), LEASE_WAIT); /* the answer is outstanding */
}
END_TEST

START_TEST(renewal_answered_after_standing_down_does_not_bring_it_back)
{
    acquire();
    ck_assert_int_eq(lease_next(&lease, 3000), LEASE_RENEW);
    ck_assert_int_eq(lease_next(&lease, 9000), LEASE_STAND_DOWN);
    lease_answered(&lease, 9001, true, 0);

    ck_assert(!lease_held(&lease, 9001));
    ck_assert_int_eq(lease_next(&lease, 9001), LEASE_LOOK);
    lease_saw(&lease, 9002, (struct lease_row){.mine = true, .epoch = 5, .left_ms = 3000});
    ck_assert_int_eq(lease_next(&lease, 9002), LEASE_ACQUIRE);
    lease_answered(&lease, 9003, true, 6);
    ck_assert(lease_held(&lease, 9003));
    ck_assert_int_eq(lease_epoch(&lease), 6);
}
END_TEST

START_TEST(lost_answer_of_a_renewal_is_asked_again_and_moves_no_end)
{
    acquire();
    ck_assert_int_eq(lease_next(&lease, 3000), LEASE_RENEW);
    lease_failed(&lease, 3100);

    ck_assert(lease_held(&lease, 8999));
    ck_assert_int_eq(lease_next(&lease, 3599), LEASE_WAIT);
    ck_assert_int_eq(lease_next(&lease, 3600), LEASE_RENEW);
    lease_failed(&lease, 8000);
    ck_assert_int_eq(lease_next(&lease, 9000), LEASE_STAND_DOWN);
}
END_TEST

START_TEST(lost_answer_of_an_acquisition_is_found_by_looking)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    lease_saw(&lease, 0, free_row);
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_ACQUIRE);
    lease_failed(&lease, 100);

    ck_assert(!lease_held(&lease, 100));
    ck_assert_int_eq(lease_next(&lease, 600), LEASE_LOOK);
    lease_saw(&lease, 600, (struct lease_row){.mine = true, .epoch = 5, .left_ms = 9000});
    ck_assert_int_eq(lease_next(&lease, 600), LEASE_ACQUIRE);
}
END_TEST

START_TEST(acquisition_answered_after_its_own_end_is_not_held)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    lease_saw(&lease, 0, free_row);
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_ACQUIRE);
    lease_answered(&lease, 9000, true, 5);

    ck_assert(!lease_held(&lease, 9000));
    ck_assert_int_eq(lease_next(&lease, 9000), LEASE_LOOK); /* never led: no standing down */
}
END_TEST

START_TEST(refused_renewal_ends_it_at_once_and_own_name_is_no_right_any_more)
{
    acquire();
    ck_assert_int_eq(lease_next(&lease, 3000), LEASE_RENEW);
    lease_answered(&lease, 3001, false, 0);

    ck_assert(!lease_held(&lease, 3001));
    ck_assert_int_eq(lease_wait_ms(&lease, 3001), 0);
    ck_assert_int_eq(lease_next(&lease, 3001), LEASE_STAND_DOWN);

    /* A second process under our name holds it. */
    ck_assert_int_eq(lease_next(&lease, 3001), LEASE_LOOK);
    lease_saw(&lease, 3001, (struct lease_row){.mine = true, .epoch = 6, .left_ms = 9000});
    ck_assert(!lease_may_take_own(&lease));
    ck_assert_int_eq(lease_next(&lease, 3001), LEASE_WAIT);

    /* Its end is still everybody's. */
    ck_assert_int_eq(lease_next(&lease, 5001), LEASE_LOOK);
    lease_saw(&lease, 5001, (struct lease_row){.mine = true, .epoch = 6, .left_ms = 0});
    ck_assert_int_eq(lease_next(&lease, 5001), LEASE_ACQUIRE);
}
END_TEST

START_TEST(epoch_of_a_database_that_went_back_is_passed)
{
    acquire();
    ck_assert_int_eq(lease_next(&lease, 3000), LEASE_RENEW);
    lease_answered(&lease, 3001, false, 0);
    ck_assert_int_eq(lease_next(&lease, 3001), LEASE_STAND_DOWN);
    ck_assert_int_eq(lease_next(&lease, 3001), LEASE_LOOK);
    lease_saw(&lease, 3001, (struct lease_row){.mine = false, .epoch = 2, .left_ms = -1});

    ck_assert_int_eq(lease_next(&lease, 3001), LEASE_ACQUIRE);
    ck_assert_int_eq(lease_epoch_seen(&lease), 5);
}
END_TEST

START_TEST(leaving_gives_back_what_was_held)
{
    acquire();
    lease_leave(&lease, 1000);

    ck_assert(!lease_held(&lease, 1000));
    ck_assert(!lease_left(&lease));
    ck_assert_int_eq(lease_next(&lease, 1000), LEASE_RELEASE);
    ck_assert_int_eq(lease_epoch(&lease), 5);
    lease_answered(&lease, 1001, true, 0);
    ck_assert(lease_left(&lease));
    ck_assert_int_eq(lease_next(&lease, 99999), LEASE_WAIT);
    ck_assert_int_eq(lease_wait_ms(&lease, 99999), INT64_MAX);
}
END_TEST

START_TEST(leaving_waits_for_the_answer_of_an_acquisition_and_gives_it_back)
{
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_LOOK);
    lease_saw(&lease, 0, free_row);
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_ACQUIRE);
    lease_leave(&lease, 1);
    ck_assert(!lease_left(&lease));
    ck_assert_int_eq(lease_next(&lease, 1), LEASE_WAIT);
    lease_answered(&lease, 2, true, 5);

    ck_assert(!lease_held(&lease, 2));
    ck_assert_int_eq(lease_next(&lease, 2), LEASE_RELEASE);
    lease_failed(&lease, 3); /* then it expires */
    ck_assert(lease_left(&lease));
}
END_TEST

START_TEST(leaving_without_the_lease_asks_for_nothing)
{
    lease_leave(&lease, 0);
    ck_assert(lease_left(&lease));
    ck_assert_int_eq(lease_next(&lease, 0), LEASE_WAIT);
}
END_TEST

Suite *resilience_lease_suite(void)
{
    Suite *suite = suite_create("resilience_lease");
    TCase *tcase = tcase_create("steps");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, expired_row_is_taken_at_once);
    tcase_add_loop_test(tcase, row_of_another_is_looked_at_again_in_time_for_its_end, 0,
                        COUNT_OF(looks));
    tcase_add_test(tcase, restart_takes_the_row_of_its_own_name_at_once_with_a_new_epoch);
    tcase_add_test(tcase, race_for_the_free_row_can_be_lost);
    tcase_add_test(tcase, one_question_at_a_time);
    tcase_add_test(tcase, renewal_counts_from_when_it_was_asked_for);
    tcase_add_test(tcase, holder_stops_a_margin_before_the_end_and_is_told_once);
    tcase_add_test(tcase, renewal_answered_after_standing_down_does_not_bring_it_back);
    tcase_add_test(tcase, lost_answer_of_a_renewal_is_asked_again_and_moves_no_end);
    tcase_add_test(tcase, lost_answer_of_an_acquisition_is_found_by_looking);
    tcase_add_test(tcase, acquisition_answered_after_its_own_end_is_not_held);
    tcase_add_test(tcase, refused_renewal_ends_it_at_once_and_own_name_is_no_right_any_more);
    tcase_add_test(tcase, epoch_of_a_database_that_went_back_is_passed);
    tcase_add_test(tcase, leaving_gives_back_what_was_held);
    tcase_add_test(tcase, leaving_waits_for_the_answer_of_an_acquisition_and_gives_it_back);
    tcase_add_test(tcase, leaving_without_the_lease_asks_for_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
