/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/plan.h"

#include <check.h>
#include <stdio.h>

#include "kafka/partition.h"
#include "tests/support/expect.h"

Suite *publisher_plan_suite(void);

enum { EVENTS = 12, PARTITIONS = 3 };

static const struct plan_limits roomy = {.records_max = 100, .bytes_max = 1 << 20};

static struct event events[EVENTS];
static char streams[EVENTS][32];
static char ids[EVENTS][16];
static struct cursor cursor;
static struct plan plan;

static void setup(void)
{
    cursor_init(&cursor, "log");
    cursor_add(&cursor, STR("order"), "daybook.order", PARTITIONS);
    plan = (struct plan){0};
    for (int i = 0; i < EVENTS; i++) {
        snprintf(streams[i], sizeof(streams[i]), "order-%d", i % 5);
        snprintf(ids[i], sizeof(ids[i]), "id%d", i + 1);
        events[i] = (struct event){
            .position = POSITION(i + 1),
            .id = str_of(ids[i]),
            .tenant = STR("main"),
            .stream = str_of(streams[i]),
            .data = STR("{\"a\":1}"),
        };
    }
}

static void teardown(void)
{
    plan_release(&plan);
    cursor_release(&cursor);
}

static void make(enum plan_mode mode, int from, struct plan_limits limits)
{
    plan_make(&plan, mode, &cursor, events + from, (size_t)(EVENTS - from), limits);
}

START_TEST(all_go_to_their_key_s_partition_and_name_the_one_before)
{
    int64_t last[PARTITIONS] = {0};

    make(PLAN_FORWARD, 0, roomy);
    ck_assert_uint_eq(plan.count, EVENTS);
    ck_assert_uint_eq(plan.events_taken, EVENTS);
    for (size_t i = 0; i < plan.count; i++) {
        const struct plan_record *record = &plan.records[i];
        char key[64];

        snprintf(key, sizeof(key), "main/%s", streams[i]);
        ck_assert_ptr_eq(record->event, &events[i]);
        ck_assert_int_eq(record->partition, kafka_partition_of(str_of(key), PARTITIONS));
        ck_assert_int_eq(record->previous.n, last[record->partition]);
        last[record->partition] = events[i].position.n;
    }
    for (int p = 0; p < PARTITIONS; p++)
        ck_assert_int_eq(cursor.topics[0].lanes[p].last.n, last[p]);
    ck_assert_int_eq(cursor.position.n, EVENTS);
    ck_assert_str_eq(cursor.event_id, "id12");
}
END_TEST

START_TEST(what_a_partition_has_already_is_skipped)
{
    for (int p = 0; p < PARTITIONS; p++)
        cursor.topics[0].lanes[p].tail = POSITION(EVENTS - 2);
    make(PLAN_FORWARD, 0, roomy);
    ck_assert_uint_eq(plan.count, 2);
    ck_assert_int_eq(plan.records[0].event->position.n, EVENTS - 1);
    ck_assert_int_eq(cursor.position.n, EVENTS);
}
END_TEST

START_TEST(a_batch_ends_at_its_limits)
{
    make(PLAN_FORWARD, 0, (struct plan_limits){.records_max = 5, .bytes_max = 1 << 20});
    ck_assert_uint_eq(plan.count, 5);
    ck_assert_uint_eq(plan.events_taken, 5);
    ck_assert_int_eq(cursor.position.n, 5);
    make(PLAN_FORWARD, 5,
         (struct plan_limits){.records_max = 100, .bytes_max = 3 * (PLAN_RECORD_OVERHEAD + 7)});
    ck_assert_uint_eq(plan.count, 3);
    ck_assert_int_eq(cursor.position.n, 8);
    make(PLAN_FORWARD, 8, (struct plan_limits){.records_max = 100, .bytes_max = 1});
    ck_assert_uint_eq(plan.count, 1); /* one always fits */
}
END_TEST

START_TEST(an_event_without_topic_ends_the_batch_before_it)
{
    events[4].stream = STR("stock-1");
    make(PLAN_FORWARD, 0, roomy);
    ck_assert_uint_eq(plan.count, 4);
    ck_assert_int_eq(cursor.position.n, 4);
    EXPECT_STR(plan.missing_category, "stock");
    make(PLAN_FORWARD, 4, roomy);
    ck_assert_uint_eq(plan.events_taken, 0);
    cursor_add(&cursor, STR("stock"), "daybook.stock", 1);
    make(PLAN_FORWARD, 4, roomy);
    ck_assert_uint_eq(plan.count, EVENTS - 4);
    ck_assert_ptr_null(plan.missing_category.data);
}
END_TEST

START_TEST(completing_publishes_what_is_between_tail_and_entry_only)
{
    int behind = kafka_partition_of(STR("main/order-0"), PARTITIONS);

    make(PLAN_FORWARD, 0, roomy);
    cursor.topics[0].lanes[behind].tail = POSITION(1);
    make(PLAN_COMPLETE, 0, roomy);
    ck_assert_uint_gt(plan.count, 0);
    for (size_t i = 0; i < plan.count; i++) {
        ck_assert_int_eq(plan.records[i].partition, behind);
        ck_assert_int_gt(plan.records[i].event->position.n, 1);
    }
    ck_assert_int_eq(plan.records[0].previous.n, 1);
    ck_assert_int_eq(cursor.topics[0].lanes[behind].tail.n, cursor.topics[0].lanes[behind].last.n);
    ck_assert_int_eq(cursor.position.n, EVENTS);
}
END_TEST

START_TEST(counting_publishes_nothing)
{
    make(PLAN_COUNT, 0, roomy);
    ck_assert_uint_eq(plan.count, 0);
    ck_assert_uint_eq(plan.events_taken, EVENTS);
    ck_assert_int_eq(cursor.position.n, EVENTS);
    ck_assert_int_eq(
        cursor.topics[0].lanes[kafka_partition_of(STR("main/order-1"), PARTITIONS)].last.n == 12,
        true);
}
END_TEST

START_TEST(dead_letters_go_to_their_projection_s_topic)
{
    struct cursor_topic *topic;

    events[0].stream = STR("dlq-orders");
    make(PLAN_FORWARD, 0, roomy);
    ck_assert_uint_eq(plan.count, 0);
    EXPECT_STR(plan.missing_category, "dlq.orders");
    topic = cursor_add(&cursor, plan.missing_category, "daybook.dlq.orders", PARTITIONS);
    plan_make(&plan, PLAN_FORWARD, &cursor, events, 1, roomy);
    ck_assert_uint_eq(plan.count, 1);
    ck_assert_ptr_eq(plan.records[0].topic, topic);
}
END_TEST

Suite *publisher_plan_suite(void)
{
    Suite *suite = suite_create("publisher_plan");
    TCase *tcase = tcase_create("plan");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, all_go_to_their_key_s_partition_and_name_the_one_before);
    tcase_add_test(tcase, what_a_partition_has_already_is_skipped);
    tcase_add_test(tcase, a_batch_ends_at_its_limits);
    tcase_add_test(tcase, an_event_without_topic_ends_the_batch_before_it);
    tcase_add_test(tcase, completing_publishes_what_is_between_tail_and_entry_only);
    tcase_add_test(tcase, counting_publishes_nothing);
    tcase_add_test(tcase, dead_letters_go_to_their_projection_s_topic);
    suite_add_tcase(suite, tcase);
    return suite;
}
