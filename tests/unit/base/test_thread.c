/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_thread_suite(void);

static struct thread *start(enum thread_role role, const char *name, thread_fn fn, void *arg)
{
    struct thread *thread;
    struct error err;

    ck_assert(thread_start(role, name, fn, arg, &thread, &err));
    return thread;
}

static void set_to_one(void *arg)
{
    *(int *)arg = 1;
}

START_TEST(a_thread_runs_its_function_and_join_waits_for_it)
{
    int done = 0;

    thread_join(start(THREAD_WRITER, "writer", set_to_one, &done));
    ck_assert_int_eq(done, 1);
}
END_TEST

static void read_name(void *arg)
{
    pthread_getname_np(pthread_self(), arg, 16);
}

static const char *const names[] = {"writer", "", "fifteen-letters", "p 0/1"};

START_TEST(the_system_knows_its_name)
{
    char name[16] = "?";

    thread_join(start(THREAD_WRITER, names[_i], read_name, name));
    ck_assert_str_eq(name, names[_i]);
}
END_TEST

static void read_signals(void *arg)
{
    pthread_sigmask(SIG_BLOCK, NULL, arg);
}

START_TEST(its_signals_are_blocked_and_ours_are_as_before)
{
    sigset_t before;
    sigset_t within;
    sigset_t after;

    pthread_sigmask(SIG_BLOCK, NULL, &before);
    thread_join(start(THREAD_HTTP, "signals", read_signals, &within));
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    ck_assert(sigismember(&within, SIGTERM));
    ck_assert(sigismember(&within, SIGINT));
    ck_assert(sigismember(&within, SIGHUP));
    ck_assert(sigismember(&within, SIGPIPE));
    for (int signo = 1; signo < 32; signo++)
        ck_assert_int_eq(sigismember(&before, signo), sigismember(&after, signo));
    ck_assert(!sigismember(&after, SIGTERM));
}
END_TEST

static void read_stack(void *arg)
{
    pthread_attr_t attributes;

    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, arg);
    pthread_attr_destroy(&attributes);
}

START_TEST(its_stack_is_one_mebibyte)
{
    size_t bytes = 0;

    thread_join(start(THREAD_HTTP, "stack", read_stack, &bytes));
    ck_assert_uint_ge(bytes, 1024 * 1024);
    ck_assert_uint_le(bytes, 1024 * 1024 + 256 * 1024); /* a sanitizer adds its own */
}
END_TEST

static void assert_writer(void *arg)
{
    thread_assert(THREAD_WRITER);
    *(int *)arg = 1;
}

START_TEST(a_role_passes_in_its_own_thread)
{
    int done = 0;

    thread_join(start(THREAD_WRITER, "writer", assert_writer, &done));
    ck_assert_int_eq(done, 1);
}
END_TEST

static void *assert_all(void *arg)
{
    for (int role = THREAD_MAIN; role <= THREAD_UPKEEP; role++)
        thread_assert((enum thread_role)role);
    return arg;
}

START_TEST(any_role_passes_in_a_thread_of_somebody_else)
{
    pthread_t foreign;

    assert_all(NULL);
    ck_assert_int_eq(pthread_create(&foreign, NULL, assert_all, NULL), 0);
    ck_assert_int_eq(pthread_join(foreign, NULL), 0);
}
END_TEST

static void start_inner(void *arg)
{
    thread_join(start(THREAD_WRITER, "inner", assert_writer, arg));
    thread_assert(THREAD_HTTP);
}

START_TEST(each_thread_has_its_own_role)
{
    int done = 0;

    thread_join(start(THREAD_HTTP, "outer", start_inner, &done));
    ck_assert_int_eq(done, 1);
}
END_TEST

START_TEST(join_of_null_is_fine)
{
    thread_join(NULL);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
/* No more address space: the stack cannot be had. */
START_TEST(a_thread_that_cannot_be_made_is_a_transient_error)
{
    const struct rlimit none = {4096, 4096};
    struct thread *thread = NULL;
    struct error err = {0};
    int done = 0;

    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    ck_assert(!thread_start(THREAD_WRITER, "writer", set_to_one, &done, &thread, &err));
    ck_assert_ptr_null(thread);
    ck_assert_int_eq(err.class, ERROR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(err.text, "start thread 'writer': "));
    ck_assert_int_eq(done, 0);
}
END_TEST

START_TEST(a_role_in_anothers_thread_is_a_bug)
{
    int done = 0;

    death_expected();
    thread_join(start(THREAD_HTTP, "http", assert_writer, &done));
}
END_TEST

START_TEST(the_first_role_is_a_role_too)
{
    int done = 0;

    death_expected();
    thread_join(start(THREAD_MAIN, "main", assert_writer, &done));
}
END_TEST

START_TEST(a_name_too_long_is_a_bug)
{
    int done = 0;

    death_expected();
    thread_join(start(THREAD_HTTP, "sixteen-letters-", set_to_one, &done));
}
END_TEST
#endif

Suite *base_thread_suite(void)
{
    Suite *suite = suite_create("base_thread");
    TCase *tc = tcase_create("thread");

    tcase_add_test(tc, a_thread_runs_its_function_and_join_waits_for_it);
    tcase_add_loop_test(tc, the_system_knows_its_name, 0, COUNT_OF(names));
    tcase_add_test(tc, its_signals_are_blocked_and_ours_are_as_before);
    tcase_add_test(tc, its_stack_is_one_mebibyte);
    tcase_add_test(tc, a_role_passes_in_its_own_thread);
    tcase_add_test(tc, any_role_passes_in_a_thread_of_somebody_else);
    tcase_add_test(tc, each_thread_has_its_own_role);
    tcase_add_test(tc, join_of_null_is_fine);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test(tc, a_thread_that_cannot_be_made_is_a_transient_error);
    tcase_add_test_raise_signal(tc, a_role_in_anothers_thread_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tc, the_first_role_is_a_role_too, SIGABRT);
    tcase_add_test_raise_signal(tc, a_name_too_long_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
