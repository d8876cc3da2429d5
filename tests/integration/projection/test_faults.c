/* SPDX-License-Identifier: Apache-2.0 */
/* What Kafka, the log and events may do to a projector in this process. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "projection/position.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"
#include "tests/support/await.h"
#include "tests/support/expect.h"

Suite *projection_faults_suite(void);

static struct world *world;
static struct projector *projector;

static void setup(void)
{
    world = world_new();
    projector = NULL;
    atomic_store(&items_tolerant, false);
}

static void teardown(void)
{
    projector_stop(projector);
    world_free(world);
}

static void start(void)
{
    projector = world_start(world, "a");
}

static void stop(void)
{
    projector_stop(projector);
    projector = NULL;
}

static void more(int count, enum world_fault fault)
{
    world_append(world, count, 50, 7);
    world_publish(world, fault);
}

static void settle(void)
{
    world_await(world);
    world_check(world);
}

START_TEST(an_old_log_that_kafka_has_lost_is_read_from_the_log)
{
    more(12000, WORLD_LOSE);
    more(300, WORLD_NONE);
    start();
    settle();
    more(300, WORLD_NONE);
    settle();
}
END_TEST

START_TEST(repeated_records_count_once)
{
    start();
    more(500, WORLD_REPEAT);
    settle();
    more(500, WORLD_REPEAT);
    settle();
}
END_TEST

START_TEST(a_hole_is_filled_from_the_log)
{
    start();
    more(500, WORLD_NONE);
    settle();
    more(500, WORLD_LOSE);
    more(500, WORLD_NONE);
    settle();
}
END_TEST

START_TEST(a_loss_that_nothing_follows_is_filled_too)
{
    start();
    more(500, WORLD_NONE);
    settle();
    more(500, WORLD_LOSE);
    settle();
}
END_TEST

START_TEST(a_copy_of_the_cursor_that_is_late_loses_nothing)
{
    more(500, WORLD_NONE);
    more(500, WORLD_FORGET_COPY);
    start();
    more(10, WORLD_NONE);
    settle();
}
END_TEST

START_TEST(a_topic_made_anew_is_read_again_from_its_start)
{
    start();
    more(500, WORLD_NONE);
    settle();
    world_recreate_topic(world);
    more(500, WORLD_NONE);
    settle();
}
END_TEST

START_TEST(an_offset_of_another_life_of_the_topic_misleads_nobody)
{
    start();
    more(600, WORLD_NONE);
    settle();
    stop();
    world_recreate_topic(world);
    /* More than before: the old offset is a place in the middle now. */
    more(2000, WORLD_NONE);
    start();
    settle();
}
END_TEST

static const struct {
    const char *header;
    const char *value;
} forgeries[] = {
    {"ce_source", "/daybook/somebody-else"},
    {"ce_source", NULL},
    {"ce_globalposition", "-1"},
    {"ce_globalposition", "1x"},
    {"ce_previousposition", "999999"},
    {"ce_streamversion", "0"},
    {"ce_subject", "item-another-stream"},
    {"ce_subject", "order-1"},
    {"ce_tenantid", "Main"},
    {"ce_recordedtime", "yesterday"},
    {"ce_id", ""},
    {"ce_specversion", "0.3"},
};

/* The state of the partition of the log's first event, and how many have another. */
#define IN_STATE(word) \
    "select count(*) from checkpoints where projection = 'items' and state = '" word "'"

START_TEST(a_foreign_record_becomes_a_letter_and_stops_nothing)
{
    start();
    more(100, WORLD_NONE);
    settle();
    world_forge(world, 1, forgeries[_i].header, forgeries[_i].value);
    more(300, WORLD_NONE);
    settle();
    world_await_i64(world,
                    "select count(*) from dead_letters where kind = 'record' and projection ="
                    " 'items' and kafka_offset >= 0 and json_array_length(headers) > 5 and message"
                    " <> '' and state = 'open'",
                    1);
    world_await_i64(world, IN_STATE("running"), WORLD_PARTITIONS);
    /* Read again from its start, the topic has the same record: the same letter. */
    stop();
    database_run(world->database, "update checkpoints set kafka_offset = 1000000");
    start();
    more(100, WORLD_NONE);
    settle();
    world_await_i64(world, "select count(*) from dead_letters where projection = 'items'", 1);
}
END_TEST

/* Events that can not be applied: test_parking.c has what becomes of them. */

START_TEST(poison_in_a_fill_is_parked_too)
{
    more(100, WORLD_LOSE);
    world_append_one(world, "item-s7", "Spoiled", "{}");
    more(100, WORLD_LOSE);
    start();
    world_await_i64(world,
                    "select count(*) from parked_keys where stream = 'item-s7' and state = 'dead'"
                    " and last_version > version",
                    2);
    world_await_i64(world, "select sum(events)::bigint from rm_totals_1", 198);
    world_await_i64(world, IN_STATE("running"), WORLD_PARTITIONS);
}
END_TEST

START_TEST(what_the_database_refuses_is_parked_and_nothing_else)
{
    start();
    more(100, WORLD_NONE);
    world_append_one(world, "item-s7", "Noted", "{\"note\":\"no json\"}");
    more(100, WORLD_NONE);
    world_await_i64(world,
                    "select count(*) from dead_letters where stream = 'item-s7' and class ="
                    " 'poison.constraint' and code = '22P02' and attempts = 3",
                    1);
    world_await_i64(world, "select count(*) from rm_items_1 where version = 4", 49);
    /* What came before it in its stream is there; the roll-up does not look at it. */
    world_await_i64(world,
                    "select count(*) from rm_items_1 where version = 2 and stream = 'item-s7'", 1);
    world_await_i64(world, "select sum(events)::bigint from rm_totals_1", 200);
    world_await_i64(world, IN_STATE("running"), WORLD_PARTITIONS);
}
END_TEST

START_TEST(a_table_that_is_gone_blocks_the_projection)
{
    start();
    more(100, WORLD_NONE);
    settle();
    database_run(world->database, "drop table rm_items_1");
    more(300, WORLD_NONE);
    world_await_i64(world, IN_STATE("blocked"), WORLD_PARTITIONS);
    world_await_i64(world, "select sum(events)::bigint from rm_totals_1", 400);
}
END_TEST

static void cut_connections(void)
{
    database_run(world->database, "select pg_terminate_backend(pid) from pg_stat_activity where"
                                  " pid <> pg_backend_pid() and datname = current_database()");
}

static void await_word(const char *word)
{
    for (struct await await = await_for(WORLD_TIMEOUT_MS);;) {
        SCOPED(arena_free) struct arena *arena = arena_new(0);
        struct projection_status *status;
        size_t count;

        projector_status(projector, arena, &status, &count);
        if (str_equal(status[0].state, str_of(word)))
            return;
        await_more(&await, STR_FMT ": " STR_FMT, STR_ARG(status[0].state),
                   STR_ARG(status[0].reason));
    }
}

START_TEST(a_log_that_went_back_is_waited_for)
{
    start();
    more(100, WORLD_NONE);
    settle();
    world_append(world, 1, 1, 1);
    world_publish(world, WORLD_NONE);
    settle();
    /* As after a failover to a standby that lacks the last event: log, rows and checkpoints. */
    database_run(world->database, "create table kept as select * from events where position = 101;"
                                  "delete from events where position = 101;"
                                  "update log_head set position = 100");
    cut_connections();
    await_word("paused");
    database_run(world->database, "insert into events select * from kept;"
                                  "update log_head set position = 101");
    await_word("running");
    settle();
}
END_TEST

START_TEST(another_event_at_the_cursors_position_is_not_believed)
{
    start();
    more(100, WORLD_NONE);
    settle();
    database_run(world->database, "update events set id = 'x' || id where position = 100");
    cut_connections();
    await_word("paused");
    database_run(world->database, "update events set id = substr(id, 2) where position = 100");
    await_word("running");
}
END_TEST

START_TEST(records_ahead_of_the_head_are_held_back)
{
    start();
    more(100, WORLD_NONE);
    settle();
    stop();
    world_append(world, 1, 1, 1);
    world_publish(world, WORLD_FORGET_CURSOR);
    database_run(world->database, "create table kept as select * from events where position = 101;"
                                  "delete from events where position = 101;"
                                  "update log_head set position = 100");
    start();
    world_await_i64(world,
                    "select count(*) from checkpoints where projection = 'items' and state ="
                    " 'paused' and reason like '%101%'",
                    1);
    world_await_i64(world, "select count(*) from checkpoints where position > 100", 0);
    database_run(world->database, "insert into events select * from kept;"
                                  "update log_head set position = 101");
    world_await_i64(world, "select count(*) from checkpoints where position = 101", 2);
    world_check(world);
}
END_TEST

START_TEST(another_log_in_the_database_is_projected_anew)
{
    start();
    more(100, WORLD_NONE);
    settle();
    database_run(world->database, "update log_info set id = gen_random_uuid()");
    cut_connections();
    world_await_i64(world, "select count(*) from projections where generation = 2", 2);
}
END_TEST

Suite *projection_faults_suite(void)
{
    Suite *suite = suite_create("projection_faults");
    TCase *tc = tcase_create("faults");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, an_old_log_that_kafka_has_lost_is_read_from_the_log);
    tcase_add_test(tc, repeated_records_count_once);
    tcase_add_test(tc, a_hole_is_filled_from_the_log);
    tcase_add_test(tc, a_loss_that_nothing_follows_is_filled_too);
    tcase_add_test(tc, a_copy_of_the_cursor_that_is_late_loses_nothing);
    tcase_add_test(tc, a_topic_made_anew_is_read_again_from_its_start);
    tcase_add_test(tc, an_offset_of_another_life_of_the_topic_misleads_nobody);
    tcase_add_loop_test(tc, a_foreign_record_becomes_a_letter_and_stops_nothing, 0,
                        COUNT_OF(forgeries));
    tcase_add_test(tc, poison_in_a_fill_is_parked_too);
    tcase_add_test(tc, what_the_database_refuses_is_parked_and_nothing_else);
    tcase_add_test(tc, a_table_that_is_gone_blocks_the_projection);
    tcase_add_test(tc, a_log_that_went_back_is_waited_for);
    tcase_add_test(tc, another_event_at_the_cursors_position_is_not_believed);
    tcase_add_test(tc, records_ahead_of_the_head_are_held_back);
    tcase_add_test(tc, another_log_in_the_database_is_projected_anew);
    suite_add_tcase(suite, tc);
    return suite;
}
