/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/status.h"

#include <check.h>

#include "base/arena.h"
#include "tests/support/expect.h"

Suite *projection_status_suite(void);

static const struct {
    const char *states[3];
    const char *sum;
} rows[] = {
    {{"running", "running", "running"}, "running"},
    {{"running", "catching_up", "running"}, "catching_up"},
    {{"starting", "catching_up", "running"}, "starting"},
    {{"running", "paused", "starting"}, "paused"},
    {{"paused", "running", "blocked"}, "blocked"},
    {{"stopped", "stopped", "stopped"}, "stopped"},
    {{"stopped", "running", "running"}, "starting"}, /* nobody has one of them */
    {{"stopped", "blocked", "stopped"}, "blocked"},
};

START_TEST(a_projection_is_as_bad_as_its_worst_partition)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct partition_status partitions[3] = {0};
    struct projection_status status = {.partitions = partitions, .partitions_count = 3};

    for (int i = 0; i < 3; i++)
        partitions[i].state = str_of(rows[_i].states[i]);
    projection_status_sum(&status, arena);
    EXPECT_STR(status.state, rows[_i].sum);
}
END_TEST

START_TEST(the_reason_names_the_partition)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct partition_status partitions[2] = {
        {.topic = STR_INIT("t"), .partition = 0, .state = STR_INIT("running")},
        {.topic = STR_INIT("t"),
         .partition = 1,
         .state = STR_INIT("blocked"),
         .reason = STR_INIT("why"),
         .since_us = 5},
    };
    struct projection_status status = {.partitions = partitions, .partitions_count = 2};

    projection_status_sum(&status, arena);
    EXPECT_STR(status.reason, "'t' partition 1: why");
    ck_assert_int_eq(status.since_us, 5);
}
END_TEST

START_TEST(without_partitions_the_state_stays)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct projection_status status = {.state = STR("stopped")};

    projection_status_sum(&status, arena);
    EXPECT_STR(status.state, "stopped");
}
END_TEST

Suite *projection_status_suite(void)
{
    Suite *suite = suite_create("projection_status");
    TCase *tc = tcase_create("status");

    tcase_add_loop_test(tc, a_projection_is_as_bad_as_its_worst_partition, 0, COUNT_OF(rows));
    tcase_add_test(tc, the_reason_names_the_partition);
    tcase_add_test(tc, without_partitions_the_state_stays);
    suite_add_tcase(suite, tc);
    return suite;
}
