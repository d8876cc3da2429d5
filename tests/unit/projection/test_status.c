/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/status.h"

#include <check.h>
#include <string.h>

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

/* What the processes of two instances say while partition 0 is a's and partition 1 is b's. */
static const struct {
    const char *partitions[2];
    const char *a, *b; /* NULL: it has no trouble, or there is none */
    const char *heard[2];
    const char *sum;
    const char *reason;
} hearings[] = {
    /* Kafka is away: what the checkpoints say is of another day */
    {{"running", "catching_up"}, "paused", "paused", {"paused", "paused"}, "paused", "a's"},
    {{"running", "running"}, NULL, "paused", {"running", "paused"}, "paused", "b's"},
    {{"running", "running"}, NULL, "starting", {"running", "starting"}, "starting", "b's"},
    /* nobody has one: not "stopped", as somebody is at it */
    {{"stopped", "stopped"}, "starting", "paused", {"stopped", "stopped"}, "paused", "b's"},
    {{"stopped", "stopped"}, "blocked", NULL, {"stopped", "stopped"}, "blocked", "a's"},
    {{"stopped", "stopped"}, NULL, NULL, {"stopped", "stopped"}, "stopped", ""},
    {{"stopped", "running"}, "paused", NULL, {"stopped", "running"}, "starting", "nobody"},
    /* a blocked partition stays what it is */
    {{"blocked", "running"}, "paused", NULL, {"blocked", "running"}, "blocked", ""},
};

START_TEST(a_living_process_knows_more_than_its_checkpoints)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct partition_status partitions[2] = {
        {.topic = STR_INIT("t"), .partition = 0, .owner = STR_INIT("g.1.0@a")},
        {.topic = STR_INIT("t"), .partition = 1, .owner = STR_INIT("g.1.1@b@c")},
    };
    struct projection_status status = {
        .state = STR("stopped"), .partitions = partitions, .partitions_count = 2};
    struct projection_said said[2];
    size_t count = 0;

    for (int i = 0; i < 2; i++)
        partitions[i].state = str_of(hearings[_i].partitions[i]);
    if (hearings[_i].a)
        said[count++] = (struct projection_said){STR("a"), str_of(hearings[_i].a), STR("a's"), 1};
    if (hearings[_i].b)
        said[count++] = (struct projection_said){STR("b@c"), str_of(hearings[_i].b), STR("b's"), 2};
    projection_status_hear(&status, said, count, arena);
    for (int i = 0; i < 2; i++)
        EXPECT_STR(partitions[i].state, hearings[_i].heard[i]);
    EXPECT_STR(status.state, hearings[_i].sum);
    ck_assert_msg(strstr(arena_cstr(arena, status.reason), hearings[_i].reason) != NULL, STR_FMT,
                  STR_ARG(status.reason));
}
END_TEST

START_TEST(without_partitions_the_worst_word_counts)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct projection_status status = {.state = STR("stopped")};
    struct projection_said said[] = {{STR_INIT("a"), STR_INIT("starting"), STR_INIT(""), 1},
                                     {STR_INIT("b"), STR_INIT("blocked"), STR_INIT("why"), 2}};

    projection_status_hear(&status, said, 2, arena);
    EXPECT_STR(status.state, "blocked");
    EXPECT_STR(status.reason, "why");
    ck_assert_int_eq(status.since_us, 2);
}
END_TEST

Suite *projection_status_suite(void)
{
    Suite *suite = suite_create("projection_status");
    TCase *tc = tcase_create("status");

    tcase_add_loop_test(tc, a_projection_is_as_bad_as_its_worst_partition, 0, COUNT_OF(rows));
    tcase_add_test(tc, the_reason_names_the_partition);
    tcase_add_test(tc, without_partitions_the_state_stays);
    tcase_add_loop_test(tc, a_living_process_knows_more_than_its_checkpoints, 0,
                        COUNT_OF(hearings));
    tcase_add_test(tc, without_partitions_the_worst_word_counts);
    suite_add_tcase(suite, tc);
    return suite;
}
