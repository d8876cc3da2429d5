/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's word: accept, pause and resume. */
#include "publisher/core.h"

#include "tests/unit/publisher/core_fixture.h"

Suite *publisher_core_control_suite(void);

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

Suite *publisher_core_control_suite(void)
{
    Suite *suite = suite_create("publisher_core_control");
    TCase *words = add_core_case(suite, "words");

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
    return suite;
}
