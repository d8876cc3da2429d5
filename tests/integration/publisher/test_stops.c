/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kafka lost or changed under a publisher: it stops, says what it saw, and goes on at an
 * operator's word.
 */
#include <stdio.h>
#include <string.h>

#include "publisher/control.h"
#include "tests/integration/kafka/operator.h"
#include "tests/integration/publisher/hand.h"
#include "tests/integration/publisher/log_verify.h"
#include "tests/support/await.h"
#include "tests/support/expect.h"

Suite *publisher_stops_suite(void);

enum { FIRST = 60, MORE = 40, PARTITIONS = 3 };

static struct log_fixture logs;
static struct publisher *publisher;
static char topic[CURSOR_TOPIC_MAX];
static char cursor_topic[CURSOR_TOPIC_MAX];

static void setup(void)
{
    log_fixture_open(&logs);
    log_fixture_publish(&logs, FIRST);
    log_fixture_topic(&logs, "order", topic);
    log_fixture_topic(&logs, "cursor", cursor_topic);
}

static void teardown(void)
{
    publisher_stop(publisher);
    publisher = NULL;
    log_fixture_close(&logs);
}

static void make_topic(const char *name, int32_t partitions)
{
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct kafka_new_topic wanted = {.name = name, .partitions = partitions, .replication = 1};
    struct error err = {0};
    bool existed;

    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_create(admin, &wanted, fixture_deadline(), &existed, &err));
    ck_assert(!existed);
}

static int32_t partitions_of(const char *name)
{
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct error err = {0};
    int32_t count;

    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_partitions(admin, name, fixture_deadline(), &count, &err));
    return count;
}

static void start_and_stop_for(const char *reason)
{
    publisher = log_fixture_start(&logs, "two");
    log_fixture_await_state(&logs, "stopped", reason);
    log_fixture_append(&logs, "order", 20, MORE);
}

static void accept(enum accept_kind kind, int64_t position)
{
    struct accept_request request = {
        .kind = kind, .position = POSITION(position), .by = STR("somebody")};
    struct error err = {0};

    ck_ok(publisher_accept(logs.conn, &request, &err));
}

/* Everything behind the position is in Kafka, and stays so over a restart. */
static void goes_on_behind(int64_t position)
{
    log_fixture_await(&logs);
    publisher_stop(publisher);
    publisher = NULL;
    log_verify_from(&logs, "order", position + 1);
    log_fixture_publish(&logs, MORE);
    log_verify_from(&logs, "order", position + 1);
}

static void recreate(void)
{
    fixture_delete_topic(topic);
    make_topic(topic, PARTITIONS);
}

static void delete_it(void)
{
    fixture_delete_topic(topic);
}

static void recreate_with_another_count(void)
{
    fixture_delete_topic(topic);
    make_topic(topic, PARTITIONS + 2);
}

static void grow(void)
{
    operator_grow(topic, PARTITIONS + 2);
}

static void delete_cursor(void)
{
    fixture_delete_topic(cursor_topic);
}

static void write_cursor(const char *text)
{
    struct hand hand;

    hand_open(&hand, &logs);
    hand_write_cursor(&hand, text);
    hand_close(&hand);
}

static void bury_cursor(void)
{
    write_cursor(NULL);
}

static void garble_cursor(void)
{
    write_cursor("{\"position\":\"sixty\"}");
}

/* As Kafka restored from an older copy has it. */
static void turn_cursor_back(void)
{
    struct hand hand;

    hand_open(&hand, &logs);
    hand.cursor.position = POSITION(FIRST / 2);
    snprintf(hand.cursor.event_id, sizeof(hand.cursor.event_id), "event-%d", FIRST / 2);
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (hand.cursor.topics[0].lanes[p].last.n > FIRST / 2)
            hand.cursor.topics[0].lanes[p].last = POSITION(0);
    hand_write(&hand, (struct hand_transaction){.up_to = FIRST / 2, .cursor = true});
    hand_close(&hand);
}

/* Whether read models were told to begin again, because keys moved to other partitions. */
static bool is_outdated(void)
{
    return log_fixture_number(&logs, "select count(*) from projections p cross join log_info i"
                                     " where p.log_id <> i.id") == 1;
}

static const struct {
    void (*happens)(void);
    const char *reason;
    int64_t accepted;  /* as lost, up to */
    int64_t goes_from; /* what Kafka holds completely afterwards begins behind it */
} losses[] = {
    {recreate, "topic-lost", FIRST, FIRST},
    {recreate, "topic-lost", FIRST / 2, FIRST / 2}, /* and publishes the rest again */
    {recreate, "topic-lost", 0, 0},
    {delete_it, "topic-lost", FIRST, FIRST},
    {delete_it, "topic-lost", 0, 0},
    {recreate_with_another_count, "topic-changed", FIRST, FIRST},
    {recreate_with_another_count, "topic-changed", 0, 0},
    {grow, "topic-changed", FIRST, FIRST},
    {delete_cursor, "cursor-lost", FIRST, 0},
    {delete_cursor, "cursor-lost", FIRST / 2, 0}, /* what is there is not repeated */
    {delete_cursor, "cursor-lost", 0, 0},
    {bury_cursor, "cursor-lost", FIRST, 0},
    {garble_cursor, "cursor-lost", FIRST, 0},
    {turn_cursor_back, "cursor-behind", FIRST, 0},
    {turn_cursor_back, "cursor-behind", FIRST / 2, 0},
};

START_TEST(a_loss_stops_it_until_it_is_accepted)
{
    database_run(logs.database, "insert into projections (name, generation, declaration, log_id)"
                                " select 'orders', 1, '', id from log_info");
    losses[_i].happens();
    start_and_stop_for(losses[_i].reason);
    accept(ACCEPT_LOSS, losses[_i].accepted);
    goes_on_behind(losses[_i].goes_from);
    ck_assert_int_eq(is_outdated(), strcmp(losses[_i].reason, "topic-changed") == 0);
}
END_TEST

/* A person finds what was thought lost: nothing needs to be accepted as lost. */
START_TEST(a_cause_removed_by_hand_needs_a_retry_only)
{
    struct hand hand;

    hand_open(&hand, &logs);
    hand_write_cursor(&hand, NULL);
    start_and_stop_for("cursor-lost");
    hand_write(&hand, (struct hand_transaction){.up_to = FIRST, .cursor = true});
    hand_close(&hand);
    accept(ACCEPT_RETRY, 0);
    goes_on_behind(0);
}
END_TEST

START_TEST(a_retry_without_a_cure_stops_again)
{
    recreate();
    start_and_stop_for("topic-lost");
    accept(ACCEPT_RETRY, 0);
    for (struct await await = await_for(FIXTURE_TIMEOUT_MS);
         log_fixture_number(&logs, "select stops from publisher_state") < 2;)
        await_more(&await, "it did not stop a second time");
    log_fixture_await_state(&logs, "stopped", "topic-lost");
    ck_assert_int_eq(log_visible(&logs, "order"), 0);
}
END_TEST

/* Only the end of the request and the next stop are written. */
START_TEST(a_stop_is_told_though_the_report_before_it_failed)
{
    recreate();
    start_and_stop_for("topic-lost");
    database_run(logs.database,
                 "create function refuse() returns trigger language plpgsql as"
                 " $$begin raise exception 'refused'; end$$;"
                 "create trigger refuse before update on publisher_state for each row"
                 " when (new.state <> 'stopped' and new.handled = old.handled)"
                 " execute function refuse()");
    accept(ACCEPT_RETRY, 0);
    for (struct await await = await_for(FIXTURE_TIMEOUT_MS);
         log_fixture_number(&logs, "select stops from publisher_state") < 2;)
        await_more(&await, "the second stop was not told");
    log_fixture_await_state(&logs, "stopped", "topic-lost");
}
END_TEST

/* The stop is in the database: who leads next reads it there and publishes nothing. */
START_TEST(a_stop_outlives_its_leader)
{
    bury_cursor();
    start_and_stop_for("cursor-lost");
    publisher_stop(publisher);
    publisher = log_fixture_start(&logs, "three");
    log_fixture_await_state(&logs, "stopped", "cursor-lost");
    ck_assert_int_eq(log_visible(&logs, "order"), FIRST);
    accept(ACCEPT_LOSS, FIRST);
    goes_on_behind(0);
}
END_TEST

/* Before any event: the number of partitions is whatever the topic has. */
START_TEST(a_topic_made_beforehand_keeps_its_partitions)
{
    char name[CURSOR_TOPIC_MAX];

    log_fixture_topic(&logs, "stock", name);
    make_topic(name, PARTITIONS + 2);
    publisher = log_fixture_start(&logs, "two");
    log_fixture_append(&logs, "stock", 20, MORE);
    log_fixture_await(&logs);
    ck_assert_int_eq(partitions_of(name), PARTITIONS + 2);
    log_verify(&logs, "order stock");
}
END_TEST

Suite *publisher_stops_suite(void)
{
    Suite *suite = suite_create("publisher_stops");
    TCase *tcase = tcase_create("stops");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, a_loss_stops_it_until_it_is_accepted, 0, COUNT_OF(losses));
    tcase_add_test(tcase, a_cause_removed_by_hand_needs_a_retry_only);
    tcase_add_test(tcase, a_retry_without_a_cure_stops_again);
    tcase_add_test(tcase, a_stop_outlives_its_leader);
    tcase_add_test(tcase, a_topic_made_beforehand_keeps_its_partitions);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("told");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_stop_is_told_though_the_report_before_it_failed);
    suite_add_tcase(suite, tcase);
    return suite;
}
