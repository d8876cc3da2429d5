/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/core.h"

#include "tests/unit/publisher/world.h"

#include <stdio.h>
#include <string.h>

Suite *publisher_core_suite(void);

static struct world *world;
static struct process *process;

static void setup(void)
{
    world = world_new();
    process = process_new(world, 1);
}

static void teardown(void)
{
    process_free(process);
    world_free(world);
}

/* Publishes COUNT events of category "order" and settles. */
static void publish(int count)
{
    world_append(world, "order", 7, count);
    process_settle(process);
}

/* Another process takes over; the old one is gone. */
static void succeed(void)
{
    int64_t lease = process->lease + 1;

    process_free(process);
    process = process_new(world, lease);
}

static void expect_running(void)
{
    process_settle(process);
    ck_assert_msg(process_state(process) == PUBLISHER_RUNNING, "%s %s",
                  publisher_state_name(process_state(process)), process_reason(process));
}

static void expect_stopped(const char *reason)
{
    process_settle(process);
    ck_assert_msg(process_state(process) == PUBLISHER_STOPPED, "%s",
                  publisher_state_name(process_state(process)));
    ck_assert_str_eq(process_reason(process), reason);
    ck_assert_int_eq(process->producer_epoch, 0); /* stands in nobody's way */
}

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

static void accept(enum accept_kind kind, int64_t position, bool current)
{
    struct pub_request request = {
        .kind = PUB_ACCEPT,
        .accept = kind,
        .current = current,
        .position = POSITION(position),
        .prefix = STR("fresh"),
    };

    process_request(process, &request);
}

START_TEST(a_new_log_is_published_from_the_first_again)
{
    publish(10);
    world_log_back(world, 7);
    expect_stopped("log-behind");
    accept(ACCEPT_NEW_LOG, 0, true);
    publish(5);
    ck_assert_str_eq(world->copy.log_id, world->log_id);
    world_verify(world, 1);
}
END_TEST

START_TEST(a_stop_outlives_its_leader_until_retry_is_accepted)
{
    publish(10);
    world_topic(world, "order")->partitions = 2;
    succeed();
    expect_stopped("topic-changed");
    world_topic(world, "order")->partitions = 3;
    succeed();
    expect_stopped("topic-changed");
    accept(ACCEPT_RETRY, 0, true);
    publish(5);
    world_verify(world, 1);
}
END_TEST

START_TEST(retry_without_a_repair_stops_again)
{
    publish(10);
    world_topic(world, "order")->partitions = 2;
    succeed();
    expect_stopped("topic-changed");
    accept(ACCEPT_RETRY, 0, true);
    expect_stopped("topic-changed");
}
END_TEST

/* Each partition's first record names the last event of the log that is not there. */
static void expect_hole(void)
{
    const struct world_topic *topic = world_topic(world, "order");
    const struct cursor_topic *known = cursor_find(&world->copy, STR("order"));

    for (int32_t p = 0; p < topic->partitions; p++)
        if (topic->of[p]->high > 0)
            ck_assert_int_eq(topic->of[p]->records[0].previous, known->lanes[p].floor.n);
}

START_TEST(a_loss_goes_on_behind_the_named_position)
{
    publish(30);
    world_delete_topic(world, "order", true);
    succeed();
    expect_stopped("topic-lost");
    accept(ACCEPT_LOSS, _i, true);
    publish(20);
    ck_assert_int_eq(world->copy.position.n, 50);
    expect_hole();
    world_verify(world, _i + 1);
}
END_TEST

START_TEST(a_loss_with_another_number_of_partitions_counts_by_the_new_one)
{
    publish(30);
    world_delete_topic(world, "order", true);
    world_topic(world, "order")->partitions = 2;
    succeed();
    expect_stopped("topic-changed");
    accept(ACCEPT_LOSS, 30, true);
    publish(20);
    ck_assert_int_eq(cursor_find(&world->copy, STR("order"))->partitions, 2);
    expect_hole();
    world_verify(world, 31);
}
END_TEST

START_TEST(an_accepted_loss_is_not_completed_at_the_next_start)
{
    publish(30);
    world_delete_topic(world, "order", true);
    succeed();
    expect_stopped("topic-lost");
    accept(ACCEPT_LOSS, 30, true);
    succeed();
    publish(4);
    succeed();
    publish(4);
    world_verify(world, 31);
}
END_TEST

START_TEST(a_loss_interrupted_at_any_step_is_asked_for_again)
{
    struct pub_request request = {
        .kind = PUB_ACCEPT, .accept = ACCEPT_LOSS, .current = true, .position = POSITION(30)};

    publish(30);
    world_delete_topic(world, "order", true);
    succeed();
    expect_stopped("topic-lost");
    pub_request(process->core, &request);
    for (int i = 0; i < _i; i++)
        process_step(process);
    succeed();
    process_settle(process);
    if (process_state(process) == PUBLISHER_STOPPED)
        accept(ACCEPT_LOSS, 30, true);
    publish(10);
    world_verify(world, 31);
}
END_TEST

START_TEST(a_lost_cursor_is_made_anew_without_repeating_what_is_there)
{
    publish(30);
    for (int64_t i = 0; i < world->cursors_count; i++)
        world->cursors[i].state = RECORD_ABORTED;
    succeed();
    expect_stopped("cursor-lost");
    accept(ACCEPT_LOSS, 12, true);
    publish(10);
    world_verify(world, 1);
}
END_TEST

START_TEST(what_does_not_answer_the_stop_is_refused)
{
    publish(10);
    world_log_back(world, 7);
    expect_stopped("log-behind");
    accept(ACCEPT_LOSS, 5, true);
    ck_assert_str_eq(process->outcome, "refused: it does not answer the present state");
    expect_stopped("log-behind");
    accept(ACCEPT_NEW_LOG, 0, false);
    ck_assert_str_eq(process->outcome, "refused: it does not answer the present state");
    expect_stopped("log-behind");
}
END_TEST

START_TEST(a_loss_beyond_the_head_is_refused)
{
    publish(10);
    world_delete_topic(world, "order", false);
    succeed();
    expect_stopped("topic-lost");
    accept(ACCEPT_LOSS, 11, true);
    ck_assert_str_eq(process->outcome, "refused: position 11 is beyond the log's head 10");
    expect_stopped("topic-lost");
}
END_TEST

START_TEST(nothing_can_be_accepted_while_it_runs)
{
    publish(5);
    accept(ACCEPT_RETRY, 0, true);
    ck_assert_str_eq(process->outcome, "refused: it does not answer the present state");
    publish(5);
    world_verify(world, 1);
}
END_TEST

static const struct {
    const char *reason;
    bool retry, new_log, loss;
} allowed[] = {
    {"log-behind", true, true, false},           {"log-differs", true, true, false},
    {"cursor-lost", true, false, true},          {"cursor-behind", true, false, true},
    {"topic-lost", true, false, true},           {"topic-changed", true, false, true},
    {"topic-settings", true, false, false},      {"topic-foreign", true, true, false},
    {"hanging-transaction", true, false, false}, {"", false, false, false},
};

START_TEST(each_reason_allows_what_answers_it)
{
    struct str reason = str_of(allowed[_i].reason);

    ck_assert_int_eq(pub_reason_allows(reason, ACCEPT_RETRY), allowed[_i].retry);
    ck_assert_int_eq(pub_reason_allows(reason, ACCEPT_NEW_LOG), allowed[_i].new_log);
    ck_assert_int_eq(pub_reason_allows(reason, ACCEPT_LOSS), allowed[_i].loss);
}
END_TEST

START_TEST(a_pause_outlives_its_leader)
{
    struct pub_request request = {.kind = PUB_PAUSE};

    publish(5);
    process_request(process, &request);
    ck_assert_int_eq(process_state(process), PUBLISHER_PAUSED);
    ck_assert_int_eq(process->producer_epoch, 0);
    succeed();
    world_append(world, "order", 7, 5);
    process_settle(process);
    ck_assert_int_eq(process_state(process), PUBLISHER_PAUSED);
    ck_assert_int_eq(world->copy.position.n, 5);
    request.kind = PUB_RESUME;
    process_request(process, &request);
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

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, setup, teardown);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_publishing(Suite *suite)
{
    TCase *plain = add_case(suite, "plain");
    TCase *doubts = add_case(suite, "doubts");
    TCase *torn = add_case(suite, "torn");

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
}

static void add_stops(Suite *suite)
{
    TCase *strangers = add_case(suite, "strangers");
    TCase *lost = add_case(suite, "lost");
    TCase *log = add_case(suite, "log");

    tcase_add_test(strangers, foreign_records_behind_ours_are_passed_over);
    tcase_add_test(strangers, a_topic_with_another_log_s_records_is_refused);
    tcase_add_test(strangers, an_open_transaction_is_waited_for);
    tcase_add_loop_test(strangers, a_transaction_that_never_ends_stops_it, 0, 2);
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
}

static void add_operators(Suite *suite)
{
    TCase *words = add_case(suite, "words");
    TCase *leading = add_case(suite, "leading");

    tcase_add_test(words, a_new_log_is_published_from_the_first_again);
    tcase_add_test(words, a_stop_outlives_its_leader_until_retry_is_accepted);
    tcase_add_test(words, retry_without_a_repair_stops_again);
    tcase_add_loop_test(words, a_loss_goes_on_behind_the_named_position, 0, 31);
    tcase_add_test(words, a_loss_with_another_number_of_partitions_counts_by_the_new_one);
    tcase_add_test(words, an_accepted_loss_is_not_completed_at_the_next_start);
    tcase_add_loop_test(words, a_loss_interrupted_at_any_step_is_asked_for_again, 0, 14);
    tcase_add_test(words, a_lost_cursor_is_made_anew_without_repeating_what_is_there);
    tcase_add_test(words, what_does_not_answer_the_stop_is_refused);
    tcase_add_test(words, a_loss_beyond_the_head_is_refused);
    tcase_add_test(words, nothing_can_be_accepted_while_it_runs);
    tcase_add_loop_test(words, each_reason_allows_what_answers_it, 0,
                        (int)(sizeof(allowed) / sizeof(allowed[0])));
    tcase_add_test(words, a_pause_outlives_its_leader);
    tcase_add_test(leading, who_has_no_lease_stands_by_without_a_producer);
    tcase_add_test(leading, a_fenced_publisher_does_not_duel);
    tcase_add_test(leading, a_copy_of_a_later_leader_is_not_overwritten);
}

Suite *publisher_core_suite(void)
{
    Suite *suite = suite_create("publisher_core");

    add_publishing(suite);
    add_stops(suite);
    add_operators(suite);
    return suite;
}
