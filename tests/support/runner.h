/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test runner is made of: the table of its suites, generated from the names of its files.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_RUNNER_H
#define DAYBOOK_TESTS_SUPPORT_RUNNER_H
#include <check.h>

struct runner_suite {
    const char *name;
    Suite *(*make)(void);
};

extern const struct runner_suite runner_suites[]; /* ends with one without a name */
#endif
