/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One world and one publisher process in it: what the tests of the core start from.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_TESTS_UNIT_PUBLISHER_CORE_FIXTURE_H
#define DAYBOOK_TESTS_UNIT_PUBLISHER_CORE_FIXTURE_H
#include <check.h>

#include "tests/unit/publisher/process.h"
#include "tests/unit/publisher/world.h"

extern struct world *world;
extern struct process *process;

/* A case whose tests find both anew. */
TCase *add_core_case(Suite *suite, const char *name);

/* Publishes COUNT events of category "order" and settles. */
void publish(int count);
/* Another process takes over; the old one is gone. */
void succeed(void);

/* Each settles first. */
void expect_running(void);
void expect_stopped(const char *reason);

#endif
