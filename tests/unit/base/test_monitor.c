/* SPDX-License-Identifier: Apache-2.0 */
#include "base/monitor.h"

#include <check.h>

#include "base/clock.h"
#include "base/thread.h"
#include "tests/support/expect.h"

Suite *base_monitor_suite(void);

static struct monitor monitor;
static int turns; /* guarded by the monitor */

static void setup(void)
{
    monitor_init(&monitor);
    turns = 0;
}

static void teardown(void)
{
    monitor_release(&monitor);
}

static int64_t deadline_us(struct monitor_deadline deadline)
{
    return (int64_t)deadline.at.tv_sec * 1000000 + deadline.at.tv_nsec / 1000;
}

static const int64_t timeouts_ms[] = {0, 1, 999, 1000, 1001, 123456, 86400000};

START_TEST(a_deadline_is_as_far_as_the_timeout)
{
    int64_t before_us = clock_monotonic_us();
    struct monitor_deadline deadline = monitor_deadline(timeouts_ms[_i]);
    int64_t after_us = clock_monotonic_us();

    ck_assert(!deadline.never);
    ck_assert_int_ge(deadline_us(deadline), before_us + timeouts_ms[_i] * 1000);
    ck_assert_int_le(deadline_us(deadline), after_us + timeouts_ms[_i] * 1000);
    ck_assert_int_ge(deadline.at.tv_nsec, 0);
    ck_assert_int_lt(deadline.at.tv_nsec, 1000000000);
}
END_TEST

START_TEST(a_negative_timeout_never_ends)
{
    ck_assert(monitor_deadline(-1).never);
    ck_assert(monitor_deadline(INT64_MIN).never);
}
END_TEST

START_TEST(the_longest_timeout_does_not_overflow)
{
    struct monitor_deadline deadline = monitor_deadline(INT64_MAX);

    ck_assert(!deadline.never);
    ck_assert_int_gt(deadline_us(deadline), clock_monotonic_us() + INT64_C(3600) * 1000000);
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline_and_not_before)
{
    struct monitor_deadline deadline = monitor_deadline(30);
    int64_t begin_us = clock_monotonic_us();

    monitor_lock(&monitor);
    while (monitor_wait(&monitor, &deadline))
        continue; /* woken without reason, as conditions may be */
    monitor_unlock(&monitor);
    ck_assert_int_ge(clock_monotonic_us() - begin_us, 29900);
}
END_TEST

START_TEST(a_deadline_in_the_past_ends_at_once)
{
    struct monitor_deadline deadline = {.never = false};

    monitor_lock(&monitor);
    ck_assert(!monitor_wait(&monitor, &deadline));
    monitor_unlock(&monitor);
}
END_TEST

/* Two that only move in turn: every move needs the other's notification. */
static void take_turns(void *arg)
{
    const struct monitor_deadline never = monitor_deadline(-1);
    int parity = *(int *)arg;

    monitor_lock(&monitor);
    while (turns < 2000) {
        if (turns % 2 != parity) {
            monitor_wait(&monitor, &never);
            continue;
        }
        turns++;
        monitor_notify_one(&monitor);
    }
    monitor_notify_one(&monitor);
    monitor_unlock(&monitor);
}

START_TEST(a_notification_wakes_the_one_who_waits)
{
    int parities[] = {0, 1};
    struct thread *threads[2];
    struct error err;

    for (int i = 0; i < 2; i++)
        ck_assert(thread_start(THREAD_QUERY, "turns", take_turns, &parities[i], &threads[i], &err));
    for (int i = 0; i < 2; i++)
        thread_join(threads[i]);
    ck_assert_int_eq(turns, 2000);
}
END_TEST

static void wait_for_start(void *arg)
{
    const struct monitor_deadline never = monitor_deadline(-1);

    (void)arg;
    monitor_lock(&monitor);
    turns++;
    monitor_notify_all(&monitor);
    while (turns >= 0)
        monitor_wait(&monitor, &never);
    monitor_unlock(&monitor);
}

START_TEST(all_who_wait_are_woken)
{
    const struct monitor_deadline never = monitor_deadline(-1);
    struct thread *threads[4];
    struct error err;

    for (int i = 0; i < COUNT_OF(threads); i++)
        ck_assert(thread_start(THREAD_QUERY, "all", wait_for_start, NULL, &threads[i], &err));
    monitor_lock(&monitor);
    while (turns < COUNT_OF(threads))
        monitor_wait(&monitor, &never);
    turns = -1; /* all of them are waiting: each gave the lock back */
    monitor_notify_all(&monitor);
    monitor_unlock(&monitor);
    for (int i = 0; i < COUNT_OF(threads); i++)
        thread_join(threads[i]);
}
END_TEST

Suite *base_monitor_suite(void)
{
    Suite *suite = suite_create("base_monitor");
    TCase *tc = tcase_create("monitor");

    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_deadline_is_as_far_as_the_timeout, 0, COUNT_OF(timeouts_ms));
    tcase_add_test(tc, a_negative_timeout_never_ends);
    tcase_add_test(tc, the_longest_timeout_does_not_overflow);
    tcase_add_test(tc, a_wait_ends_at_its_deadline_and_not_before);
    tcase_add_test(tc, a_deadline_in_the_past_ends_at_once);
    tcase_add_test(tc, a_notification_wakes_the_one_who_waits);
    tcase_add_test(tc, all_who_wait_are_woken);
    suite_add_tcase(suite, tc);
    return suite;
}
