/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing: the plain way, doubts about a producer, torn transactions, who leads. */
#include "publisher/core.h"

#include "tests/unit/publisher/core_fixture.h"

Suite *publisher_core_suite(void);

START_TEST(a_fresh_log_is_published_from_the_first)
{
    publish(35);
    world_append(world, "stock", 3, 5);
    publish(3);
    world_verify(world, 1);
    ck_assert_int_eq(world->copy.position.n, 43);
    ck_assert_int_eq(world->opened, 1);
}
END_TEST

START_TEST(a_new_category_gets_its_topic_before_its_first_record)
{
    publish(1);
    world_append(world, "stock", 1, 1); /* the world refuses records of topics that are not there */
    publish(1);
    ck_assert_ptr_nonnull(cursor_find(&world->copy, STR("stock")));
    world_verify(world, 1);
}
END_TEST

START_TEST(a_successor_goes_on_where_the_cursor_is)
{
    publish(15);
    succeed();
    publish(15);
    world_verify(world, 1);
}
END_TEST

START_TEST(a_copy_left_behind_is_brought_up_at_the_start)
{
    publish(5);
    world_append(world, "order", 7, 5);
    while (process->last_step != PUB_PUBLISH)
        process_step(process);
    ck_assert_int_eq(world->copy.position.n, 5);
    succeed();
    process_settle(process);
    ck_assert_int_eq(world->copy.position.n, 10);
    ck_assert_int_eq(process->published, 0);
}
END_TEST

START_TEST(without_cursor_and_copy_nothing_that_is_there_is_repeated)
{
    publish(15);
    for (int64_t i = 0; i < world->cursors_count; i++)
        world->cursors[i].state = RECORD_ABORTED;
    world->has_copy = false;
    succeed();
    publish(5);
    world_verify(world, 1);
}
END_TEST

START_TEST(transactions_keep_their_distance)
{
    int64_t ended = 0;
    int published = 0;

    world_append(world, "order", 7, 60);
    for (int i = 0; i < 200; i++) {
        process_step(process);
        if (process->published == published)
            continue;
        ck_assert(ended == 0 || world->now_ms - ended >= 2);
        ended = world->now_ms;
        published = process->published;
    }
    ck_assert_int_eq(published, 7); /* pages of 25, transactions of 10 */
}
END_TEST

START_TEST(a_closed_connection_makes_a_new_producer_before_the_next_transaction)
{
    int published;

    publish(5);
    published = process->published;
    process->doubt = true;
    world_append(world, "order", 7, 5);
    while (process->published == published)
        process_step(process);
    ck_assert_int_eq(world->opened, 2);
    process_settle(process);
    world_verify(world, 1);
}
END_TEST

START_TEST(a_connection_closed_while_idle_is_replaced_while_idle)
{
    publish(5);
    process->doubt = true;
    process_settle(process);
    ck_assert_int_eq(world->opened, 2);
    ck_assert_int_eq(process->published, 1);
}
END_TEST

START_TEST(a_late_end_finds_another_producer)
{
    world->fault = PUBLISH_ENDED_TWICE;
    world->fault_at = (size_t)_i;
    publish(25);
    expect_running();
    ck_assert_int_ge(world->opened, 2);
    world_verify(world, 1);
}
END_TEST

START_TEST(a_fault_in_a_transaction_neither_loses_nor_repeats)
{
    publish(3);
    world->fault = (enum publish_fault)(_i / 11);
    world->fault_at = (size_t)(_i % 11);
    publish(25);
    expect_running();
    world_verify(world, 1);
}
END_TEST

START_TEST(a_crash_in_a_transaction_neither_loses_nor_repeats)
{
    publish(3);
    world->fault = (enum publish_fault)(_i / 11);
    world->fault_at = (size_t)(_i % 11);
    world_append(world, "order", 7, 25);
    while (world->fault != PUBLISH_WELL)
        process_step(process);
    succeed();
    expect_running();
    world_verify(world, 1);
}
END_TEST

START_TEST(a_crash_after_any_step_neither_loses_nor_repeats)
{
    world_append(world, "order", 7, 12);
    for (int i = 0; i < _i; i++)
        process_step(process);
    succeed();
    publish(3);
    world_verify(world, 1);
}
END_TEST

START_TEST(an_error_at_any_step_neither_loses_nor_repeats)
{
    world_append(world, "order", 7, 12);
    for (int i = 0; i < _i; i++)
        process_step(process);
    world->fail_next = true;
    publish(3);
    expect_running();
    world_verify(world, 1);
}
END_TEST

START_TEST(visible_events_without_their_cursor_are_not_repeated)
{
    publish(15);
    world_tear_cursor(world);
    world->has_copy = false; /* crashed before it was saved */
    succeed();
    publish(15);
    world_verify(world, 1);
}
END_TEST

START_TEST(aborted_events_under_a_visible_cursor_are_completed)
{
    publish(15);
    world_tear_records(world, "order");
    succeed();
    publish(_i);
    world_verify(world, 1);
}
END_TEST

START_TEST(events_aborted_in_a_partition_s_first_transaction_are_completed)
{
    publish(8);
    world_tear_records(world, "order");
    succeed();
    publish(3);
    world_verify(world, 1);
}
END_TEST

START_TEST(events_aborted_behind_what_retention_took_are_completed)
{
    int64_t first;

    publish(20);
    world_topic(world, "order")->of[0]->low = world_topic(world, "order")->of[0]->high;
    first = world->head + 1;
    publish(8);
    world_tear_records(world, "order");
    succeed();
    publish(3);
    world_verify(world, first);
}
END_TEST

START_TEST(a_completion_that_fails_is_completed_again)
{
    publish(15);
    world_tear_records(world, "order");
    succeed();
    world->fault = _i % 2 == 0 ? PUBLISH_DIES : PUBLISH_ENDED_TWICE;
    world->fault_at = (size_t)_i / 2;
    publish(15);
    expect_running();
    world_verify(world, 1);
}
END_TEST

START_TEST(who_has_no_lease_stands_by_without_a_producer)
{
    publish(5);
    process->lease = 0;
    world_append(world, "order", 7, 5);
    for (int i = 0; i < 20; i++)
        process_step(process);
    ck_assert_int_eq(process_state(process), PUBLISHER_STANDBY);
    ck_assert_int_eq(process->producer_epoch, 0);
    process->lease = 2;
    expect_running();
    world_verify(world, 1);
}
END_TEST

START_TEST(a_fenced_publisher_does_not_duel)
{
    int64_t began;

    publish(5);
    world->fault = PUBLISH_FENCED;
    world_append(world, "order", 7, 5);
    while (world->fault != PUBLISH_WELL)
        process_step(process);
    began = world->now_ms;
    while (process->last_step != PUB_OPEN_PRODUCER)
        process_step(process);
    ck_assert_int_ge(world->now_ms - began, 1000);
}
END_TEST

START_TEST(a_copy_of_a_later_leader_is_not_overwritten)
{
    publish(5);
    world->copy_epoch = 7;
    world_append(world, "order", 7, 5);
    while (process_state(process) != PUBLISHER_RETRYING)
        process_step(process);
    ck_assert_int_eq(process->last_step, PUB_SAVE);
    ck_assert_int_eq(world->copy.position.n, 5);
}
END_TEST

Suite *publisher_core_suite(void)
{
    Suite *suite = suite_create("publisher_core");
    TCase *plain = add_core_case(suite, "plain");
    TCase *doubts = add_core_case(suite, "doubts");
    TCase *torn = add_core_case(suite, "torn");
    TCase *leading = add_core_case(suite, "leading");

    tcase_add_test(plain, a_fresh_log_is_published_from_the_first);
    tcase_add_test(plain, a_new_category_gets_its_topic_before_its_first_record);
    tcase_add_test(plain, a_successor_goes_on_where_the_cursor_is);
    tcase_add_test(plain, a_copy_left_behind_is_brought_up_at_the_start);
    tcase_add_test(plain, without_cursor_and_copy_nothing_that_is_there_is_repeated);
    tcase_add_test(plain, transactions_keep_their_distance);
    tcase_add_test(doubts, a_closed_connection_makes_a_new_producer_before_the_next_transaction);
    tcase_add_test(doubts, a_connection_closed_while_idle_is_replaced_while_idle);
    tcase_add_loop_test(doubts, a_late_end_finds_another_producer, 0, 10);
    tcase_add_loop_test(doubts, a_fault_in_a_transaction_neither_loses_nor_repeats, 0, 66);
    tcase_add_loop_test(doubts, a_crash_in_a_transaction_neither_loses_nor_repeats, 11, 66);
    tcase_add_loop_test(doubts, a_crash_after_any_step_neither_loses_nor_repeats, 0, 25);
    tcase_add_loop_test(doubts, an_error_at_any_step_neither_loses_nor_repeats, 0, 25);
    tcase_add_test(torn, visible_events_without_their_cursor_are_not_repeated);
    tcase_add_loop_test(torn, aborted_events_under_a_visible_cursor_are_completed, 0, 12);
    tcase_add_test(torn, events_aborted_in_a_partition_s_first_transaction_are_completed);
    tcase_add_test(torn, events_aborted_behind_what_retention_took_are_completed);
    tcase_add_loop_test(torn, a_completion_that_fails_is_completed_again, 0, 8);
    tcase_add_test(leading, who_has_no_lease_stands_by_without_a_producer);
    tcase_add_test(leading, a_fenced_publisher_does_not_duel);
    tcase_add_test(leading, a_copy_of_a_later_leader_is_not_overwritten);
    return suite;
}
