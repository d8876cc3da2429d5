/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions of which a part is visible, made by hand on a real broker: events without their
 * cursor, a cursor without some of its events, and both with what retention took meanwhile. The
 * next start finds out what is there, repeats nothing and leaves nothing out.
 */
#include "tests/integration/kafka/operator.h"
#include "tests/integration/publisher/hand.h"
#include "tests/integration/publisher/log_verify.h"
#include "tests/support/expect.h"

Suite *publisher_torn_suite(void);

/* FIRST events are published whole, TORN is the head when something tears, then MORE follow. */
enum { FIRST = 60, MIDDLE = 75, TORN = 100, MORE = 20, PARTITIONS = 3 };

static struct log_fixture logs;
static struct hand hand;

static void setup(void)
{
    log_fixture_open(&logs);
    log_fixture_publish(&logs, FIRST);
    log_fixture_append(&logs, "order", 20, TORN - FIRST);
    hand_open(&hand, &logs);
}

static void setup_unpublished(void)
{
    log_fixture_open(&logs);
    log_fixture_append(&logs, "order", 20, TORN);
    hand_open(&hand, &logs);
}

static void teardown(void)
{
    hand_close(&hand);
    log_fixture_close(&logs);
}

/* A transaction that was torn from here on: a new publisher makes it whole and goes on. */
static void go_on(void)
{
    struct publisher *publisher = log_fixture_start(&logs, "two");

    log_fixture_append(&logs, "order", 20, MORE);
    log_fixture_await(&logs);
    publisher_stop(publisher);
}

static const struct {
    int64_t up_to;
    int partitions;
} visible[] = {
    {TORN, HAND_ALL}, {MIDDLE, HAND_ALL}, {TORN, 1 << 0}, {MIDDLE, 1 << 1}, {TORN, 1 << 1 | 1 << 2},
};

START_TEST(events_visible_without_their_cursor_are_not_repeated)
{
    hand_write(&hand, (struct hand_transaction){.up_to = visible[_i].up_to,
                                                .partitions = visible[_i].partitions});
    ck_assert_int_gt(log_visible(&logs, "order"), FIRST);
    go_on();
    log_verify(&logs, "order");
}
END_TEST

START_TEST(events_of_a_first_transaction_without_any_cursor_are_not_repeated)
{
    hand_write(&hand, (struct hand_transaction){.up_to = visible[_i].up_to,
                                                .partitions = visible[_i].partitions});
    go_on();
    log_verify(&logs, "order");
}
END_TEST

static const struct {
    int64_t up_to; /* so far all events are there, of these partitions the rest too */
    int partitions;
} missing[] = {
    {FIRST, HAND_NONE},  {FIRST, 1 << 0},  {FIRST, 1 << 1 | 1 << 2},
    {MIDDLE, HAND_NONE}, {MIDDLE, 1 << 2},
};

START_TEST(a_cursor_visible_without_some_events_is_completed)
{
    hand_write(&hand,
               (struct hand_transaction){.up_to = missing[_i].up_to, .partitions = HAND_ALL});
    hand_write(&hand, (struct hand_transaction){
                          .up_to = TORN, .partitions = missing[_i].partitions, .cursor = true});
    ck_assert_int_lt(log_visible(&logs, "order"), TORN);
    go_on();
    log_verify(&logs, "order");
}
END_TEST

/* Nothing committed is in any partition, but what was aborted tells that it was never whole. */
START_TEST(a_cursor_whose_events_were_all_aborted_is_completed)
{
    hand_write(&hand,
               (struct hand_transaction){.up_to = TORN, .partitions = HAND_ALL, .aborted = true});
    hand_write(&hand, (struct hand_transaction){.up_to = TORN, .cursor = true});
    ck_assert_int_eq(log_visible(&logs, "order"), 0);
    go_on();
    log_verify(&logs, "order");
}
END_TEST

/* One transaction left a part behind, the next one was aborted as a whole, and the cursor passed
 * them both. */
START_TEST(a_completion_that_tears_is_completed_too)
{
    hand_write(&hand, (struct hand_transaction){.up_to = MIDDLE, .partitions = 1 << 0});
    hand_write(&hand, (struct hand_transaction){
                          .up_to = TORN, .partitions = 1 << 0 | 1 << 1, .aborted = true});
    hand_close(&hand);
    hand_open(&hand, &logs);
    hand_write(&hand, (struct hand_transaction){.up_to = TORN, .cursor = true});
    go_on();
    log_verify(&logs, "order");
}
END_TEST

static void empty(int32_t partition)
{
    char topic[CURSOR_TOPIC_MAX];

    log_fixture_topic(&logs, "order", topic);
    operator_delete_records(topic, partition, OPERATOR_TO_THE_END);
}

START_TEST(partitions_that_retention_emptied_go_on_behind_their_entries)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (_i == PARTITIONS || _i == p)
            empty(p);
    go_on();
    log_verify_from(&logs, "order", FIRST + 1);
}
END_TEST

/* What retention took was there: only what is missing in the others is completed. */
START_TEST(a_cursor_ahead_is_completed_but_for_what_retention_took)
{
    hand_write(&hand,
               (struct hand_transaction){.up_to = TORN, .partitions = 1 << 0, .cursor = true});
    empty(0);
    go_on();
    log_verify_only(&logs, "order", 1, 1 << 1 | 1 << 2);
    log_verify_from(&logs, "order", TORN + 1);
}
END_TEST

static int64_t end_of(const char *topic, int32_t partition)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    struct kafka_range range = {.topic = topic, .partition = partition};
    struct error err = {0};

    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_UNCOMMITTED, &reader, &err));
    ck_ok(kafka_reader_bounds(reader, &range, fixture_deadline(), &err));
    return range.to;
}

/* No committed record of ours is left to go on from, only aborted ones. */
START_TEST(aborted_events_are_completed_after_retention_took_what_was_before)
{
    char topic[CURSOR_TOPIC_MAX];
    int64_t ends[PARTITIONS];

    log_fixture_topic(&logs, "order", topic);
    for (int32_t p = 0; p < PARTITIONS; p++)
        ends[p] = end_of(topic, p);
    hand_write(&hand,
               (struct hand_transaction){.up_to = TORN, .partitions = HAND_ALL, .aborted = true});
    hand_write(&hand, (struct hand_transaction){.up_to = TORN, .cursor = true});
    for (int32_t p = 0; p < PARTITIONS; p++)
        operator_delete_records(topic, p, ends[p]);
    go_on();
    log_verify_from(&logs, "order", FIRST + 1);
}
END_TEST

Suite *publisher_torn_suite(void)
{
    Suite *suite = suite_create("publisher_torn");
    TCase *tcase = tcase_create("torn");
    TCase *first = tcase_create("first");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, events_visible_without_their_cursor_are_not_repeated, 0,
                        COUNT_OF(visible));
    tcase_add_loop_test(tcase, a_cursor_visible_without_some_events_is_completed, 0,
                        COUNT_OF(missing));
    tcase_add_test(tcase, a_completion_that_tears_is_completed_too);
    tcase_add_loop_test(tcase, partitions_that_retention_emptied_go_on_behind_their_entries, 0,
                        PARTITIONS + 1);
    tcase_add_test(tcase, a_cursor_ahead_is_completed_but_for_what_retention_took);
    tcase_add_test(tcase, aborted_events_are_completed_after_retention_took_what_was_before);
    suite_add_tcase(suite, tcase);

    tcase_add_checked_fixture(first, setup_unpublished, teardown);
    tcase_set_timeout(first, 240);
    tcase_add_loop_test(first, events_of_a_first_transaction_without_any_cursor_are_not_repeated, 0,
                        COUNT_OF(visible));
    tcase_add_test(first, a_cursor_whose_events_were_all_aborted_is_completed);
    suite_add_tcase(suite, first);
    return suite;
}
