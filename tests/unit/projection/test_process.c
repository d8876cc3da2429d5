/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "projection/process.h"

Suite *projection_process_suite(void);

START_TEST(this_process_lives)
{
    char name[PROCESS_NAME_MAX + 1];

    process_name_self(name);
    ck_assert_int_eq(process_look(str_of(name)), PROCESS_LIVES);
}
END_TEST

START_TEST(a_process_that_ended_is_dead)
{
    char name[PROCESS_NAME_MAX + 1] = "";
    int ends[2];
    pid_t child;
    ssize_t len;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        process_name_self(name);
        _exit(write(ends[1], name, sizeof(name)) == sizeof(name) ? 0 : 1);
    }
    len = read(ends[0], name, sizeof(name));
    ck_assert_int_eq(len, sizeof(name));
    waitpid(child, NULL, 0);
    ck_assert_int_eq(process_look(str_of(name)), PROCESS_DEAD);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(another_process_under_its_pid_is_not_it)
{
    char name[PROCESS_NAME_MAX + 1], older[PROCESS_NAME_MAX + 4];
    size_t at;

    process_name_self(name);
    at = strlen(name);
    ck_assert_uint_gt(at, 2);
    snprintf(older, sizeof(older), "%.*s%c", (int)at - 1, name, name[at - 1] == '1' ? '2' : '1');
    ck_assert_int_eq(process_look(str_of(older)), PROCESS_DEAD);
}
END_TEST

START_TEST(what_cannot_be_seen_is_elsewhere)
{
    ck_assert_int_eq(process_look(STR("another-boot pid:[4026531836] 1 17")), PROCESS_ELSEWHERE);
    ck_assert_int_eq(process_look(STR("")), PROCESS_ELSEWHERE);
}
END_TEST

Suite *projection_process_suite(void)
{
    Suite *suite = suite_create("projection_process");
    TCase *tc = tcase_create("process");

    tcase_add_test(tc, this_process_lives);
    tcase_add_test(tc, a_process_that_ended_is_dead);
    tcase_add_test(tc, another_process_under_its_pid_is_not_it);
    tcase_add_test(tc, what_cannot_be_seen_is_elsewhere);
    suite_add_tcase(suite, tc);
    return suite;
}
