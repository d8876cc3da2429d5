/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/clock.h"
#include "base/thread.h"
#include "tests/support/expect.h"

Suite *base_signal_suite(void);

static struct thread *start(thread_fn fn, void *arg)
{
    struct thread *thread;
    struct error err;

    ck_assert(thread_start(THREAD_UPKEEP, "signal-test", fn, arg, &thread, &err));
    return thread;
}

START_TEST(stop_is_not_requested_at_first)
{
    SCOPED(stop_free) struct stop *stop = stop_new();
    int64_t begin_us = clock_monotonic_us();

    ck_assert(!stop_requested(stop));
    ck_assert(!stop_wait(stop, 0));
    ck_assert(!stop_wait(stop, 20));
    ck_assert_int_ge(clock_monotonic_us() - begin_us, 19900);
}
END_TEST

START_TEST(stop_stays_requested)
{
    SCOPED(stop_free) struct stop *stop = stop_new();

    stop_request(stop);
    stop_request(stop);
    for (int i = 0; i < 3; i++) {
        ck_assert(stop_requested(stop));
        ck_assert(stop_wait(stop, 0));
        ck_assert(stop_wait(stop, -1));
    }
}
END_TEST

static void wait_for_stop(void *arg)
{
    ck_assert(stop_wait(arg, -1));
}

START_TEST(stop_wakes_all_who_wait)
{
    SCOPED(stop_free) struct stop *stop = stop_new();
    struct thread *threads[4];

    for (int i = 0; i < COUNT_OF(threads); i++)
        threads[i] = start(wait_for_stop, stop);
    stop_request(stop);
    for (int i = 0; i < COUNT_OF(threads); i++)
        thread_join(threads[i]);
}
END_TEST

/* A loop that only looks sees it as well. */
static void spin_until_stop(void *arg)
{
    while (!stop_requested(arg))
        continue;
}

START_TEST(stop_can_be_looked_at_without_waiting)
{
    SCOPED(stop_free) struct stop *stop = stop_new();
    struct thread *thread = start(spin_until_stop, stop);

    stop_request(stop);
    thread_join(thread);
}
END_TEST

START_TEST(a_signal_not_raised_is_waited_for)
{
    SCOPED(signal_free) struct signal *signal = signal_new();
    uint64_t seen = 0;
    int64_t begin_us = clock_monotonic_us();

    ck_assert(!signal_wait(signal, &seen, 20));
    ck_assert_int_ge(clock_monotonic_us() - begin_us, 19900);
    ck_assert(!signal_wait(signal, &seen, 0));
}
END_TEST

START_TEST(a_signal_raised_before_the_wait_is_not_lost)
{
    SCOPED(signal_free) struct signal *signal = signal_new();
    uint64_t seen = 0;

    signal_raise(signal);
    ck_assert(signal_wait(signal, &seen, -1));
    ck_assert(!signal_wait(signal, &seen, 0));
}
END_TEST

START_TEST(several_signals_are_seen_as_one)
{
    SCOPED(signal_free) struct signal *signal = signal_new();
    uint64_t seen = 0;

    for (int i = 0; i < 3; i++)
        signal_raise(signal);
    ck_assert(signal_wait(signal, &seen, -1));
    ck_assert(!signal_wait(signal, &seen, 0));
    signal_raise(signal);
    ck_assert(signal_wait(signal, &seen, 0));
}
END_TEST

START_TEST(each_listener_sees_it_for_itself)
{
    SCOPED(signal_free) struct signal *signal = signal_new();
    uint64_t a = 0;
    uint64_t b = 0;

    signal_raise(signal);
    ck_assert(signal_wait(signal, &a, 0));
    ck_assert(signal_wait(signal, &b, 0));
    ck_assert_uint_eq(a, b);
}
END_TEST

/* Each raise waits for its echo: a lost one would hang both. */
struct echo {
    struct signal *there;
    struct signal *back;
};

static void echo(void *arg)
{
    struct echo *pair = arg;
    uint64_t seen = 0;

    for (int i = 0; i < 5000; i++) {
        ck_assert(signal_wait(pair->there, &seen, -1));
        signal_raise(pair->back);
    }
}

START_TEST(an_echo_loses_none)
{
    struct echo pair = {signal_new(), signal_new()};
    struct thread *thread = start(echo, &pair);
    uint64_t seen = 0;

    for (int i = 0; i < 5000; i++) {
        signal_raise(pair.there);
        ck_assert(signal_wait(pair.back, &seen, -1));
    }
    thread_join(thread);
    signal_free(pair.there);
    signal_free(pair.back);
}
END_TEST

START_TEST(free_of_null_is_fine)
{
    stop_free(NULL);
    signal_free(NULL);
}
END_TEST

Suite *base_signal_suite(void)
{
    Suite *suite = suite_create("base_signal");
    TCase *tc = tcase_create("signal");

    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, stop_is_not_requested_at_first);
    tcase_add_test(tc, stop_stays_requested);
    tcase_add_test(tc, stop_wakes_all_who_wait);
    tcase_add_test(tc, stop_can_be_looked_at_without_waiting);
    tcase_add_test(tc, a_signal_not_raised_is_waited_for);
    tcase_add_test(tc, a_signal_raised_before_the_wait_is_not_lost);
    tcase_add_test(tc, several_signals_are_seen_as_one);
    tcase_add_test(tc, each_listener_sees_it_for_itself);
    tcase_add_test(tc, an_echo_loses_none);
    tcase_add_test(tc, free_of_null_is_fine);
    suite_add_tcase(suite, tc);
    return suite;
}
