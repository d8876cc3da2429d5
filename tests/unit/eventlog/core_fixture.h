/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One log, one session on it, and the writes given to it: what most tests of the core start from.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_TESTS_UNIT_EVENTLOG_CORE_FIXTURE_H
#define DAYBOOK_TESTS_UNIT_EVENTLOG_CORE_FIXTURE_H
#include <check.h>

#include "base/arena.h"
#include "tests/support/expect.h"
#include "tests/support/writes.h"
#include "tests/unit/eventlog/fake_log.h"

extern struct fake_log *the_log;
extern struct fake_session the_session;

void core_set_up(void);
void core_tear_down(void);
void core_restart(const struct core_config *config); /* another session instead */

/* Hands a write over; it stays the fixture's. Returns it. */
struct write *give(struct write *write);
/* Hands it over and runs until all is quiet. */
struct write *run_one(struct write *write);
/* A finished write is taken from the core at once, and may not finish twice. */
bool is_finished(const struct write *write);

#define EXPECT_OUTCOME(finished_write, wanted) \
    do { \
        const struct write *write_ = (finished_write); \
        ck_assert_msg(is_finished(write_), "%s is not finished", #finished_write); \
        ck_assert_int_eq(write_->outcome, (wanted)); \
    } while (0)

#endif
