/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/thread.h"
#include "tests/support/expect.h"

Suite *base_log_suite(void);

/* Standard error while a test runs: a file in memory, or the terminal end of a pair. */
static int captured = -1;
static int original = -1;

static void redirect(int fd)
{
    original = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void capture(void)
{
    captured = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(captured, 0);
    /* Linux guards the position of an opened file between threads, but not that of a memfd. */
    ck_assert_int_eq(fcntl(captured, F_SETFL, O_APPEND), 0);
    redirect(captured);
}

static void restore(void)
{
    if (original >= 0) {
        dup2(original, STDERR_FILENO);
        close(original);
    }
    if (captured >= 0)
        close(captured);
    original = captured = -1;
    log_init(LOG_INFO, LOG_FORMAT_AUTO);
}

static struct str written(void)
{
    static char text[4 * 1024 * 1024];
    ssize_t len = pread(captured, text, sizeof(text), 0);

    ck_assert_int_ge(len, 0);
    return str_from(text, (size_t)len);
}

static size_t lines(void)
{
    struct str rest = written();
    size_t count = 0;

    while (rest.len > 0) {
        str_split(rest, '\n', &rest);
        count++;
    }
    return count;
}

START_TEST(each_level_lets_through_itself_and_what_is_worse)
{
    capture();
    log_init((enum log_level)_i, LOG_FORMAT_JSON);
    log_debug("d");
    log_info("i");
    log_warn("w");
    log_error("e");
    ck_assert_uint_eq(lines(), 4 - (size_t)_i);
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
        ck_assert_int_eq(log_enabled((enum log_level)level), level >= _i);
}
END_TEST

START_TEST(the_level_can_change_at_any_time)
{
    capture();
    log_init(LOG_ERROR, LOG_FORMAT_JSON);
    log_info("held back");
    log_set_level(LOG_DEBUG);
    log_debug("let through");
    ck_assert_uint_eq(lines(), 1);
}
END_TEST

static int evaluated(void)
{
    static int count;

    return ++count;
}

START_TEST(fields_of_a_line_held_back_are_not_evaluated)
{
    int before = evaluated();

    capture();
    log_init(LOG_ERROR, LOG_FORMAT_JSON);
    log_info("x", LOG_I64("n", evaluated()));
    ck_assert_int_eq(evaluated(), before + 1);
}
END_TEST

START_TEST(fields_of_a_line_let_through_are_evaluated_once)
{
    int before = evaluated();

    capture();
    log_init(LOG_INFO, LOG_FORMAT_JSON);
    log_info("x", LOG_I64("n", evaluated()));
    ck_assert_int_eq(evaluated(), before + 2);
}
END_TEST

START_TEST(a_line_written_directly_obeys_the_level_too)
{
    capture();
    log_init(LOG_WARN, LOG_FORMAT_JSON);
    log_write(LOG_INFO, "x", NULL, 0);
    ck_assert_uint_eq(written().len, 0);
}
END_TEST

START_TEST(without_a_terminal_lines_are_json)
{
    SCOPED(json_decref) json_t *object = NULL;

    capture();
    log_init(LOG_INFO, LOG_FORMAT_AUTO);
    log_info("order placed", LOG_CSTR("order", "o-1"), LOG_I64("lines", 2));
    object = json_loadb(written().data, written().len, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(object, "msg")), "order placed");
    ck_assert_str_eq(json_string_value(json_object_get(object, "order")), "o-1");
    ck_assert_int_eq(json_integer_value(json_object_get(object, "lines")), 2);
    ck_assert_str_eq(json_string_value(json_object_get(object, "level")), "info");
    ck_assert_uint_eq(json_object_size(object), 5);
}
END_TEST

START_TEST(before_log_init_the_terminal_decides_as_well)
{
    capture();
    log_warn("early");
    ck_assert_int_eq(written().data[0], '{');
}
END_TEST

START_TEST(logfmt_can_be_asked_for)
{
    capture();
    log_init(LOG_INFO, LOG_FORMAT_LOGFMT);
    log_info("order placed", LOG_CSTR("order", "o-1"));
    ck_assert(str_starts_with(written(), STR("time=")));
    ck_assert_ptr_nonnull(
        memmem(written().data, written().len, " msg=\"order placed\" order=o-1\n", 30));
}
END_TEST

START_TEST(on_a_terminal_lines_are_logfmt)
{
    char text[512];
    ssize_t len;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    int slave;

    ck_assert_int_ge(master, 0);
    ck_assert_int_eq(grantpt(master), 0);
    ck_assert_int_eq(unlockpt(master), 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(slave, 0);

    redirect(slave);
    log_init(LOG_INFO, LOG_FORMAT_AUTO);
    log_info("hello");
    len = read(master, text, sizeof(text));
    restore();
    close(slave);
    close(master);
    ck_assert_int_gt(len, 0);
    ck_assert(str_starts_with(str_from(text, (size_t)len), STR("time=")));
}
END_TEST

START_TEST(a_log_that_nobody_can_read_stops_nothing)
{
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    redirect(ends[1]);
    close(ends[1]);
    log_init(LOG_INFO, LOG_FORMAT_JSON);
    for (int i = 0; i < 2000; i++) /* more than a pipe holds */
        log_info("into a full pipe", LOG_I64("i", i));
    restore();
    close(ends[0]);
}
END_TEST

enum { THREADS = 4, LINES = 500 };

static void write_lines(void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info("line of a thread", LOG_CSTR("thread", arg), LOG_I64("i", i));
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    static char names[THREADS][2] = {"a", "b", "c", "d"};
    struct thread *threads[THREADS];
    int seen[THREADS] = {0};
    struct error err;
    struct str rest;

    capture();
    log_init(LOG_INFO, LOG_FORMAT_JSON);
    for (int i = 0; i < THREADS; i++)
        ck_assert(thread_start(THREAD_HTTP, names[i], write_lines, names[i], &threads[i], &err));
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);

    rest = written();
    while (rest.len > 0) {
        struct str one = str_split(rest, '\n', &rest);
        SCOPED(json_decref) json_t *object = json_loadb(one.data, one.len, 0, NULL);
        int thread;

        ck_assert_msg(object != NULL, STR_FMT, STR_ARG(one));
        thread = json_string_value(json_object_get(object, "thread"))[0] - 'a';
        ck_assert_int_eq(json_integer_value(json_object_get(object, "i")), seen[thread]);
        seen[thread]++;
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(seen[i], LINES);
}
END_TEST

START_TEST(a_gate_opens_for_the_first)
{
    struct log_gate gate = {0};
    unsigned held_back = 99;

    ck_assert(log_gate_open(&gate, STR("x"), 0, 1000, &held_back));
    ck_assert_uint_eq(held_back, 0);
}
END_TEST

START_TEST(a_gate_opens_for_an_empty_text_too)
{
    struct log_gate gate = {0};
    unsigned held_back;

    ck_assert(log_gate_open(&gate, STR_NONE, 0, 1000, &held_back));
}
END_TEST

START_TEST(a_gate_holds_back_what_repeats_until_its_period_is_over)
{
    struct log_gate gate = {0};
    unsigned held_back = 99;

    ck_assert(log_gate_open(&gate, STR("x"), 5000, 1000, &held_back));
    ck_assert(!log_gate_open(&gate, STR("x"), 5000, 1000, &held_back));
    ck_assert(!log_gate_open(&gate, STR("x"), 5500, 1000, &held_back));
    ck_assert(!log_gate_open(&gate, STR("x"), 5999, 1000, &held_back));
    ck_assert(log_gate_open(&gate, STR("x"), 6000, 1000, &held_back));
    ck_assert_uint_eq(held_back, 3);
    ck_assert(!log_gate_open(&gate, STR("x"), 6999, 1000, &held_back));
    ck_assert(log_gate_open(&gate, STR("x"), 7000, 1000, &held_back));
    ck_assert_uint_eq(held_back, 1);
}
END_TEST

START_TEST(a_gate_opens_for_every_change)
{
    struct log_gate gate = {0};
    unsigned held_back;

    ck_assert(log_gate_open(&gate, STR("down"), 0, 1000, &held_back));
    ck_assert(!log_gate_open(&gate, STR("down"), 1, 1000, &held_back));
    ck_assert(log_gate_open(&gate, STR("up"), 2, 1000, &held_back));
    ck_assert_uint_eq(held_back, 1);
    ck_assert(log_gate_open(&gate, STR("down"), 3, 1000, &held_back));
    ck_assert_uint_eq(held_back, 0);
}
END_TEST

Suite *base_log_suite(void)
{
    Suite *suite = suite_create("base_log");
    TCase *tc = tcase_create("log");

    tcase_add_checked_fixture(tc, NULL, restore);
    tcase_add_loop_test(tc, each_level_lets_through_itself_and_what_is_worse, 0, LOG_ERROR + 1);
    tcase_add_test(tc, the_level_can_change_at_any_time);
    tcase_add_test(tc, fields_of_a_line_held_back_are_not_evaluated);
    tcase_add_test(tc, fields_of_a_line_let_through_are_evaluated_once);
    tcase_add_test(tc, a_line_written_directly_obeys_the_level_too);
    tcase_add_test(tc, without_a_terminal_lines_are_json);
    tcase_add_test(tc, before_log_init_the_terminal_decides_as_well);
    tcase_add_test(tc, logfmt_can_be_asked_for);
    tcase_add_test(tc, on_a_terminal_lines_are_logfmt);
    tcase_add_test(tc, a_log_that_nobody_can_read_stops_nothing);
    tcase_add_test(tc, lines_of_several_threads_do_not_mix);
    tcase_add_test(tc, a_gate_opens_for_the_first);
    tcase_add_test(tc, a_gate_opens_for_an_empty_text_too);
    tcase_add_test(tc, a_gate_holds_back_what_repeats_until_its_period_is_over);
    tcase_add_test(tc, a_gate_opens_for_every_change);
    suite_add_tcase(suite, tc);
    return suite;
}
