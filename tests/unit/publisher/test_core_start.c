/* SPDX-License-Identifier: Apache-2.0 */
/* What the core finds in Kafka and the log, and what stops it. */
#include "publisher/core.h"

#include "tests/unit/publisher/core_fixture.h"

#include <stdio.h>

Suite *publisher_core_start_suite(void);

START_TEST(foreign_records_behind_ours_are_passed_over)
{
    publish(5);
    for (int32_t p = 0; p < WORLD_PARTITIONS; p++) {
        world_put(world, "order", p, MADE_BY_A_STRANGER, 0, RECORD_COMMITTED);
        world_put(world, "order", p, MADE_BY_US, 3, RECORD_ABORTED);
        /* says that it is ours; the log has another event there */
        world_put(world, "order", p, MADE_BY_US, 5000, RECORD_COMMITTED);
    }
    succeed();
    world_append(world, "order", 7, 5);
    expect_running();
    for (int32_t p = 0; p < WORLD_PARTITIONS; p++)
        for (int64_t i = 0; i < world_topic(world, "order")->of[p]->high; i++)
            if (world_topic(world, "order")->of[p]->records[i].position == 5000)
                world_topic(world, "order")->of[p]->records[i].maker = MADE_BY_A_STRANGER;
    world_verify(world, 1);
}
END_TEST

START_TEST(a_topic_with_another_log_s_records_is_refused)
{
    world_put(world, "order", 1, MADE_BY_ANOTHER_LOG, 3, RECORD_COMMITTED);
    world_append(world, "order", 7, 5);
    expect_stopped("topic-foreign");
    ck_assert_int_eq(process->published, 0);
}
END_TEST

START_TEST(an_open_transaction_is_waited_for)
{
    int64_t began = world->now_ms;

    publish(5);
    world_put(world, "order", 0, MADE_BY_A_STRANGER, 0, RECORD_OPEN);
    succeed();
    for (int i = 0; i < 100; i++)
        process_step(process);
    ck_assert_int_eq(process_state(process), PUBLISHER_STARTING);
    ck_assert_int_lt(world->now_ms - began, 40000);
    world_topic(world, "order")
        ->of[0]
        ->records[world_topic(world, "order")->of[0]->high - 1]
        .state = RECORD_ABORTED;
    publish(5);
    world_verify(world, 1);
}
END_TEST

START_TEST(a_transaction_that_never_ends_stops_it)
{
    publish(5);
    if (_i == 0)
        world_put(world, "order", 0, MADE_BY_A_STRANGER, 0, RECORD_OPEN);
    else
        world->cursor_hanging = true;
    succeed();
    expect_stopped("hanging-transaction");
}
END_TEST

/* One partition, all of them, the cursor, everything; with the commit's answer and without. */
static const size_t lost_markers[] = {1, 0xfff, 1 << 12, 0x1fff};

START_TEST(what_hangs_of_its_own_is_ended)
{
    int64_t began;

    publish(30);
    world->fault = PUBLISH_MARKERS_LOST;
    world->fault_at = (size_t)_i % 2;
    world->lost_markers = lost_markers[_i / 2];
    world_append(world, "order", 7, 30);
    began = world->now_ms;
    expect_running();
    ck_assert_int_lt(world->now_ms - began, 40000);
    world_verify(world, 1);
    ck_assert_int_eq(world->copy.position.n, world->head);
}
END_TEST

START_TEST(a_lost_cursor_stops_it)
{
    publish(5);
    for (int64_t i = 0; i < world->cursors_count; i++)
        world->cursors[i].state = RECORD_ABORTED;
    succeed();
    expect_stopped("cursor-lost");
}
END_TEST

START_TEST(junk_in_the_cursor_s_place_stops_it)
{
    world->cursor_is_junk = true;
    world_append(world, "order", 7, 5);
    expect_stopped("cursor-lost");
}
END_TEST

START_TEST(a_cursor_behind_its_copy_stops_it)
{
    publish(5);
    publish(5);
    world_tear_cursor(world);
    succeed();
    expect_stopped("cursor-behind");
}
END_TEST

START_TEST(a_deleted_topic_stops_it)
{
    publish(5);
    world_delete_topic(world, "order", _i == 1);
    succeed();
    expect_stopped("topic-lost");
}
END_TEST

START_TEST(a_topic_made_anew_and_filled_by_strangers_stops_it)
{
    publish(30);
    world_delete_topic(world, "order", true);
    for (int i = 0; i < 3; i++)
        for (int32_t p = 0; p < WORLD_PARTITIONS; p++)
            world_put(world, "order", p, MADE_BY_A_STRANGER, 0, RECORD_COMMITTED);
    succeed();
    expect_stopped("topic-lost");
}
END_TEST

START_TEST(a_topic_that_lost_its_end_stops_it)
{
    struct world_partition *partition;

    publish(30);
    partition = world_topic(world, "order")->of[1];
    partition->high -= 2;
    succeed();
    expect_stopped("topic-lost");
}
END_TEST

START_TEST(another_number_of_partitions_stops_it)
{
    publish(5);
    world_topic(world, "order")->partitions = 2;
    succeed();
    expect_stopped("topic-changed");
}
END_TEST

START_TEST(settings_that_lose_events_stop_it)
{
    publish(5);
    snprintf(world_topic(world, "order")->bad_settings, WORLD_TEXT, "compact");
    succeed();
    expect_stopped("topic-settings");
}
END_TEST

START_TEST(partitions_emptied_by_retention_are_no_loss)
{
    publish(30);
    world_retention(world, "order");
    succeed();
    publish(10);
    world_verify(world, 31);
}
END_TEST

START_TEST(a_log_that_went_back_stops_it)
{
    publish(10);
    world_log_back(world, 7);
    expect_stopped("log-behind");
}
END_TEST

START_TEST(a_log_with_another_event_at_the_cursor_stops_it)
{
    publish(10);
    world_log_back(world, 7);
    world_append(world, "order", 7, 20);
    expect_stopped("log-differs");
}
END_TEST

START_TEST(events_read_before_a_failover_are_not_published_after_it)
{
    publish(5);
    world_append(world, "order", 7, 20);
    while (process->last_step != PUB_READ)
        process_step(process);
    world_log_back(world, 5); /* the standby has what was published, and nothing of the rest */
    world_append(world, "order", 7, 3);
    process_settle(process);
    ck_assert_int_eq(world->copy.position.n, 8);
    world_verify(world, 1);
}
END_TEST

Suite *publisher_core_start_suite(void)
{
    Suite *suite = suite_create("publisher_core_start");
    TCase *strangers = add_core_case(suite, "strangers");
    TCase *lost = add_core_case(suite, "lost");
    TCase *log = add_core_case(suite, "log");

    tcase_add_test(strangers, foreign_records_behind_ours_are_passed_over);
    tcase_add_test(strangers, a_topic_with_another_log_s_records_is_refused);
    tcase_add_test(strangers, an_open_transaction_is_waited_for);
    tcase_add_loop_test(strangers, a_transaction_that_never_ends_stops_it, 0, 2);
    tcase_add_loop_test(strangers, what_hangs_of_its_own_is_ended, 0, 8);
    tcase_add_test(lost, a_lost_cursor_stops_it);
    tcase_add_test(lost, junk_in_the_cursor_s_place_stops_it);
    tcase_add_test(lost, a_cursor_behind_its_copy_stops_it);
    tcase_add_loop_test(lost, a_deleted_topic_stops_it, 0, 2);
    tcase_add_test(lost, a_topic_made_anew_and_filled_by_strangers_stops_it);
    tcase_add_test(lost, a_topic_that_lost_its_end_stops_it);
    tcase_add_test(lost, another_number_of_partitions_stops_it);
    tcase_add_test(lost, settings_that_lose_events_stop_it);
    tcase_add_test(lost, partitions_emptied_by_retention_are_no_loss);
    tcase_add_test(log, a_log_that_went_back_stops_it);
    tcase_add_test(log, a_log_with_another_event_at_the_cursor_stops_it);
    tcase_add_test(log, events_read_before_a_failover_are_not_published_after_it);
    return suite;
}
