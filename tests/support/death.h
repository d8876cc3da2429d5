/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests that end in abort(), by an assert or for want of memory. They run in a process of their
 * own, so not under the sanitizers: put them between #ifndef DAYBOOK_SANITIZED and #endif, and add
 * them with tcase_add_test_raise_signal(tc, test, SIGABRT).
 */
#ifndef DAYBOOK_TESTS_SUPPORT_DEATH_H
#define DAYBOOK_TESTS_SUPPORT_DEATH_H
#include <signal.h>

/* The first call of such a test: its last words stay out of the output, and no core is left. */
void death_expected(void);

#endif
