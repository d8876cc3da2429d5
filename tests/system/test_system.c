/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs each tests/system/test_*.py as one test, so that all tests end in one count. A script tells
 * by its exit status; what it prints goes to the terminal as it comes. CK_RUN_CASE=test_x.py runs
 * one.
 */
#include <check.h>
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* For a hung script; the longest one kills and restarts processes for minutes. */
static const double script_seconds_max = 900;

static glob_t scripts;

Suite *system_suite(void);

static int run_script(const char *path)
{
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        execlp("python3", "python3", "-u", path, (char *)NULL);
        fprintf(stderr, "cannot run python3: %s\n", strerror(errno));
        _exit(127);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(script_succeeds)
{
    const char *path = scripts.gl_pathv[_i];
    int status;

    fprintf(stderr, "%s\n", path);
    status = run_script(path);
    ck_assert_msg(!WIFSIGNALED(status), "%s ended by signal %d", path, WTERMSIG(status));
    ck_assert_msg(WEXITSTATUS(status) == 0, "%s ended with %d", path, WEXITSTATUS(status));
}
END_TEST

Suite *system_suite(void)
{
    Suite *suite = suite_create("system");

    if (glob("tests/system/test_*.py", 0, NULL, &scripts) != 0)
        return suite; /* none: the runner fails when no test ran */
    for (size_t i = 0; i < scripts.gl_pathc; i++) {
        TCase *script = tcase_create(basename(scripts.gl_pathv[i]));

        tcase_set_timeout(script, script_seconds_max);
        tcase_add_loop_test(script, script_succeeds, (int)i, (int)i + 1);
        suite_add_tcase(suite, script);
    }
    return suite;
}
