/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/publisher/core_fixture.h"

struct world *world;
struct process *process;

static void set_up(void)
{
    world = world_new();
    process = process_new(world, 1);
}

static void tear_down(void)
{
    process_free(process);
    world_free(world);
}

void publish(int count)
{
    world_append(world, "order", 7, count);
    process_settle(process);
}

void succeed(void)
{
    int64_t lease = process->lease + 1;

    process_free(process);
    process = process_new(world, lease);
}

void expect_running(void)
{
    process_settle(process);
    ck_assert_msg(process_state(process) == PUBLISHER_RUNNING, "%s %s",
                  publisher_state_name(process_state(process)), process_reason(process));
}

void expect_stopped(const char *reason)
{
    process_settle(process);
    ck_assert_msg(process_state(process) == PUBLISHER_STOPPED, "%s",
                  publisher_state_name(process_state(process)));
    ck_assert_str_eq(process_reason(process), reason);
    ck_assert_int_eq(process->producer_epoch, 0); /* stands in nobody's way */
}

TCase *add_core_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    suite_add_tcase(suite, tcase);
    return tcase;
}
