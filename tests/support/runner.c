/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main function of every test runner: runs all its suites, or the one named in CK_RUN_SUITE.
 * Check prints its count last. With --list it prints the suites' names instead.
 */
#include "tests/support/runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static SRunner *runner_new(void)
{
    SRunner *runner = srunner_create(NULL);

    for (size_t i = 0; runner_suites[i].name != NULL; i++)
        srunner_add_suite(runner, runner_suites[i].make());
#ifdef DAYBOOK_SANITIZED
    /* One process, so that leaks and races are seen across a whole test. */
    srunner_set_fork_status(runner, CK_NOFORK);
#endif
    return runner;
}

static void list_suites(void)
{
    for (size_t i = 0; runner_suites[i].name != NULL; i++)
        puts(runner_suites[i].name);
}

int main(int argc, char **argv)
{
    SRunner *runner;
    int run;
    int failed;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_suites();
        return EXIT_SUCCESS;
    }
    runner = runner_new();
    srunner_run_all(runner, CK_ENV);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);

    /* A misspelt CK_RUN_SUITE would pass otherwise. */
    if (run == 0) {
        fprintf(stderr, "no test ran; is CK_RUN_SUITE a suite's name?\n");
        return EXIT_FAILURE;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
