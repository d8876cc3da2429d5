/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/job_core.h"

#include <check.h>

Suite *projection_job_core_suite(void);

START_TEST(names_are_read_back)
{
    for (enum job_state state = JOB_QUEUED; state <= JOB_CANCELLED; state++)
        ck_assert_int_eq(job_state_parse(str_of(job_state_name(state))), state);
}
END_TEST

START_TEST(only_a_queued_or_running_job_has_not_ended)
{
    for (enum job_state state = JOB_QUEUED; state <= JOB_CANCELLED; state++)
        ck_assert(job_has_ended(state) == (state > JOB_RUNNING));
}
END_TEST

START_TEST(a_lease_is_renewed_in_time_and_held_from_when_it_was_asked_for)
{
    struct job_lease lease;

    job_lease_init(&lease, 1000);
    ck_assert(!job_lease_is_due(&lease, 1000 + JOB_RENEW_MS - 1));
    ck_assert(job_lease_is_due(&lease, 1000 + JOB_RENEW_MS));
    job_lease_asked(&lease, 4000);
    ck_assert(!job_lease_is_due(&lease, 4001));
    ck_assert(job_lease_holds(&lease, 1000 + JOB_LEASE_MS - JOB_MARGIN_MS - 1));
    job_lease_answered(&lease, true); /* however late */
    ck_assert(job_lease_holds(&lease, 4000 + JOB_LEASE_MS - JOB_MARGIN_MS - 1));
    ck_assert(!job_lease_holds(&lease, 4000 + JOB_LEASE_MS - JOB_MARGIN_MS));
}
END_TEST

START_TEST(without_an_answer_the_lease_ends_before_the_row_expires)
{
    struct job_lease lease;

    job_lease_init(&lease, 0);
    for (int64_t now = 0; now < 3 * JOB_LEASE_MS; now += 100) {
        if (job_lease_is_due(&lease, now))
            job_lease_asked(&lease, now); /* never answered */
        if (now >= JOB_LEASE_MS - JOB_MARGIN_MS)
            ck_assert(!job_lease_holds(&lease, now));
    }
}
END_TEST

START_TEST(a_lease_that_was_taken_is_lost_for_good)
{
    struct job_lease lease;

    job_lease_init(&lease, 0);
    job_lease_answered(&lease, false);
    ck_assert(!job_lease_holds(&lease, 1));
    ck_assert(!job_lease_is_due(&lease, 100000));
    job_lease_answered(&lease, true);
    ck_assert(!job_lease_holds(&lease, 1));
}
END_TEST

START_TEST(the_rate_is_of_the_window_and_shows_a_standstill)
{
    struct progress progress;
    int64_t now = 0, done = 0;

    progress_init(&progress);
    ck_assert_int_eq(progress_rate(&progress, 5), 0);
    for (; now < 60000; now += 500, done += 5000)
        progress_note(&progress, now, done);
    ck_assert_int_ge(progress_rate(&progress, now), 9000);
    ck_assert_int_le(progress_rate(&progress, now), 10000);
    for (int64_t until = now + 2 * PROGRESS_WINDOW_MS; now < until; now += 500)
        progress_note(&progress, now, done);
    ck_assert_int_eq(progress_rate(&progress, now), 0);
    ck_assert_int_eq(progress_left_ms(&progress, now, done + 1), -1);
}
END_TEST

START_TEST(what_is_left_follows_from_the_rate)
{
    struct progress progress;

    progress_init(&progress);
    progress_note(&progress, 0, 0);
    progress_note(&progress, 1000, 1000);
    ck_assert_int_eq(progress_rate(&progress, 1000), 1000);
    ck_assert_int_eq(progress_left_ms(&progress, 1000, 6000), 5000);
    ck_assert_int_eq(progress_left_ms(&progress, 1000, 500), 0);
    ck_assert_int_eq(progress_left_ms(&progress, 1000, 0), -1);
}
END_TEST

START_TEST(progress_that_goes_back_begins_anew)
{
    struct progress progress;

    progress_init(&progress);
    progress_note(&progress, 0, 9000);
    progress_note(&progress, 1000, 10000);
    progress_note(&progress, 2000, 100); /* another holder, from what was committed */
    ck_assert_int_ge(progress_rate(&progress, 3000), 0);
    progress_note(&progress, 3000, 1100);
    ck_assert_int_eq(progress_rate(&progress, 3000), 1000);
}
END_TEST

START_TEST(a_lag_without_a_new_low_for_half_a_minute_is_stuck)
{
    struct catching_up c;

    catching_up_init(&c);
    ck_assert_int_eq(catching_up_saw(&c, 500, 0), CATCHING_ON);
    ck_assert_int_eq(catching_up_saw(&c, 600, CATCHING_PATIENCE_MS - 1), CATCHING_ON);
    ck_assert_int_eq(catching_up_saw(&c, 500, CATCHING_PATIENCE_MS), CATCHING_STUCK);
    ck_assert_int_eq(catching_up_saw(&c, 499, CATCHING_PATIENCE_MS + 1), CATCHING_ON);
    ck_assert_int_eq(catching_up_saw(&c, 499, CATCHING_PATIENCE_MS + 2), CATCHING_ON);
    ck_assert_int_eq(catching_up_saw(&c, 0, 10 * CATCHING_PATIENCE_MS), CATCHING_ON);
    ck_assert_int_eq(catching_up_saw(&c, 0, 20 * CATCHING_PATIENCE_MS), CATCHING_ON);
}
END_TEST

START_TEST(a_look_that_outlasts_a_lease_is_stuck_and_a_failed_one_is_told)
{
    struct job_watch watch;

    job_watch_init(&watch, 1000);
    ck_assert_int_eq(job_watch_state(&watch, 1000 + JOB_LEASE_MS), JOB_WATCH_WELL);
    ck_assert_int_eq(job_watch_state(&watch, 1001 + JOB_LEASE_MS), JOB_WATCH_STUCK);
    job_watch_looked(&watch, true, 20000);
    ck_assert_int_eq(job_watch_state(&watch, 20000), JOB_WATCH_TROUBLED);
    ck_assert_int_eq(job_watch_state(&watch, 20001 + JOB_LEASE_MS), JOB_WATCH_STUCK);
    job_watch_looked(&watch, false, 40000);
    ck_assert_int_eq(job_watch_state(&watch, 40000), JOB_WATCH_WELL);
}
END_TEST

Suite *projection_job_core_suite(void)
{
    Suite *suite = suite_create("projection_job_core");
    TCase *tc = tcase_create("job_core");

    tcase_add_test(tc, names_are_read_back);
    tcase_add_test(tc, only_a_queued_or_running_job_has_not_ended);
    tcase_add_test(tc, a_lease_is_renewed_in_time_and_held_from_when_it_was_asked_for);
    tcase_add_test(tc, without_an_answer_the_lease_ends_before_the_row_expires);
    tcase_add_test(tc, a_lease_that_was_taken_is_lost_for_good);
    tcase_add_test(tc, a_look_that_outlasts_a_lease_is_stuck_and_a_failed_one_is_told);
    tcase_add_test(tc, the_rate_is_of_the_window_and_shows_a_standstill);
    tcase_add_test(tc, what_is_left_follows_from_the_rate);
    tcase_add_test(tc, progress_that_goes_back_begins_anew);
    tcase_add_test(tc, a_lag_without_a_new_low_for_half_a_minute_is_stuck);
    suite_add_tcase(suite, tc);
    return suite;
}
