/* SPDX-License-Identifier: Apache-2.0 */
/* Parked keys with a real owner: attempts, letters, announcements, redrive, discard, faults. */
#include "projection/dead_letter.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "projection/current.h"
#include "projection/live.h"
#include "tests/integration/projection/child.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"
#include "tests/support/expect.h"

Suite *projection_parking_suite(void);

static struct world *world;
static struct projector *projector;
static struct arena *arena;

static void setup(void)
{
    world = world_new();
    projector = NULL;
    arena = arena_new(0);
    atomic_store(&items_tolerant, false);
}

static void teardown(void)
{
    projector_stop(projector);
    arena_free(arena);
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

static void more(int count)
{
    world_append(world, count, 50, 7);
    world_publish(world, WORLD_NONE);
}

static void spoil(const char *stream)
{
    world_append_one(world, stream, "Spoiled", "{}");
}

#define KEYS(where) "select count(*) from parked_keys where " where
#define LETTERS(where) "select count(*) from dead_letters where " where

static struct letter_requested ask(const struct letter_filter *filter, enum letter_verb verb)
{
    struct letter_request request = {
        .verb = verb, .by = STR("me"), .reason = STR("because"), .limit = 1000};
    struct letter_requested requested;
    struct error err = {0};

    ck_ok(letters_request(world->conn, filter, &request, arena, &requested, &err));
    return requested;
}

/* Poison in two streams, amid others and more behind it; both projections have it. */
static void begin_with_poison(void)
{
    start();
    more(100);
    spoil("item-s7");
    spoil("item-s8");
    more(200);
    world_await_i64(world, LETTERS("state = 'open'"), 4);
    world_await_i64(world, KEYS("state = 'dead' and version = 3 and last_version = 7"), 4);
}

START_TEST(poison_stops_its_stream_only_and_dies_after_its_attempts)
{
    begin_with_poison();
    world_await_i64(world, "select count(*) from rm_items_1 where version = 6", 48);
    world_await_i64(world,
                    "select count(*) from rm_items_1 where version = 2 and stream in ('item-s7',"
                    " 'item-s8')",
                    2);
    world_await_i64(world, "select sum(events)::bigint from rm_totals_1", 300 - 8);
    world_await_i64(world,
                    LETTERS("attempts = 3 and class = 'poison.fold' and code = 'unknown-type' and"
                            " kafka_offset >= 0 and failed_at > parked_at + interval '0.29 s'"),
                    4);
    world_await_i64(world, "select count(*) from checkpoints where state = 'running'",
                    2 * WORLD_PARTITIONS);
}
END_TEST

START_TEST(letters_are_announced_once_in_their_tenants_stream)
{
    begin_with_poison();
    world_await_i64(world, LETTERS("announced_at is not null"), 4);
    world_await_i64(world,
                    "select count(*) from events e join streams s on s.id = e.stream_id where"
                    " s.category = 'dlq' and s.name in ('dlq-items', 'dlq-totals') and s.tenant ="
                    " 'main' and e.type = 'EventDeadLettered' and e.data #>> '{event,type}' ="
                    " 'Spoiled' and convert_from(decode(e.data ->> 'value', 'base64'), 'UTF8') ="
                    " '{}' and e.data ->> 'class' = 'poison.fold' and e.data ->> 'failed_at' is"
                    " not null and e.metadata ->> '__dlq.errors.delivery.count' = '3' and"
                    " e.metadata ->> '__dlq.errors.offset' is not null and e.metadata ->>"
                    " '__dlq.errors.message' = 'unknown event type ''Spoiled'''",
                    4);
    /* The log is whole: positions, versions, head, category. */
    world_await_i64(
        world, "select count(*) from events where position = (select position from log_head)", 1);
    world_await_i64(world, "select count(*) - max(position) from events", 0);
    world_await_i64(world,
                    "select count(*) from streams s where version <> (select count(*) from events"
                    " where stream_id = s.id) or last_position <> (select max(position) from events"
                    " where stream_id = s.id)",
                    0);
    world_await_i64(world, "select count(*) from categories where name = 'dlq'", 1);
}
END_TEST

START_TEST(redrive_applies_the_event_and_then_its_queue)
{
    begin_with_poison();
    atomic_store(&items_tolerant, true);
    ck_assert_uint_eq(ask(&(struct letter_filter){0}, LETTER_REDRIVE).requested, 4);
    world_await_i64(world, LETTERS("state = 'resolved' and closed_by = 'me'"), 4);
    world_await_i64(world, KEYS("true"), 0);
    world_await_i64(world, "select count(*) from dead_letter_requests where outcome = 'resolved'",
                    4);
    world_await_i64(world, "select count(*) from rm_items_1 where version = 7", 2);
    world_check(world);
}
END_TEST

START_TEST(redrive_without_a_fix_opens_the_letter_again)
{
    struct letter_filter one = {.projection = STR("items"), .stream = STR("item-s7")};

    begin_with_poison();
    for (int i = 1; i <= LETTER_REDRIVES_MAX; i++) {
        char sql[128];

        ck_assert_uint_eq(ask(&one, LETTER_REDRIVE).requested, 1);
        snprintf(sql, sizeof(sql), LETTERS("state = 'open' and redrives = %d and attempts = %d"), i,
                 3 + i);
        world_await_i64(world, sql, 1);
    }
    ck_assert_uint_eq(ask(&one, LETTER_REDRIVE).guarded, 1);
    world_await_i64(world, KEYS("state = 'dead' and last_version = 7"), 4);
    world_await_i64(world, "select count(*) from dead_letter_requests where outcome = 'failed'", 3);
    /* Announced once, when it died. */
    world_await_i64(world, "select count(*) from events where type = 'EventDeadLettered'", 4);
}
END_TEST

START_TEST(discard_skips_the_event_and_the_next_is_no_gap)
{
    begin_with_poison();
    ask(&(struct letter_filter){0}, LETTER_DISCARD);
    world_await_i64(world, LETTERS("state = 'discarded' and reason = 'because'"), 4);
    world_await_i64(world, KEYS("true"), 0);
    world_await_i64(world, "select count(*) from skipped_versions where version = 3", 4);
    world_await_i64(world, "select count(*) from rm_items_1 where version = 7", 2);
    world_await_i64(world, "select sum(events)::bigint from rm_totals_1", 300);
    more(50);
    world_await_i64(world, "select count(*) from rm_items_1 where version = 8", 2);
    world_await(world);
    world_check(world);
}
END_TEST

static struct current_row current_of(const char *stream)
{
    SCOPED(live_tables_free) struct live_tables *live = live_tables_new();
    struct pg_conn *conn = database_connect(world->database, PG_PROFILE_QUERY);
    struct current_row row;
    struct error err = {0};

    ck_ok(row_load_current(conn, live, &items_projection, STR("main"), str_of(stream), arena, &row,
                           &err));
    pg_free(conn);
    return row;
}

START_TEST(one_row_is_read_past_a_parked_event_only_when_it_was_discarded)
{
    struct current_row row;

    begin_with_poison();
    row = current_of("item-s7");
    ck_assert_int_eq(row.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(row.unreadable_version.n, 3);
    ask(&(struct letter_filter){0}, LETTER_DISCARD);
    world_await_i64(world, KEYS("true"), 0);
    stop();
    more(50); /* the row is behind now, and completed from the log */
    row = current_of("item-s7");
    ck_assert_int_eq(row.result, CURRENT_FOUND);
    ck_assert_int_eq(row.row.version.n, 8);
    /* Without its row all of it comes from the log. */
    database_run(world->database, "delete from rm_items_1 where stream = 'item-s8'");
    row = current_of("item-s8");
    ck_assert_int_eq(row.result, CURRENT_FOUND);
    ck_assert_int_eq(row.row.version.n, 8);
}
END_TEST

START_TEST(discard_of_a_first_event_leaves_no_gap_either)
{
    start();
    spoil("item-new");
    world_publish(world, WORLD_NONE);
    world_await_i64(world, LETTERS("state = 'open'"), 2);
    ask(&(struct letter_filter){0}, LETTER_DISCARD);
    world_await_i64(world, LETTERS("state = 'discarded'"), 2);
    world_append_one(world, "item-new", "Added", "{\"owner\":\"x\",\"n\":5}");
    world_publish(world, WORLD_NONE);
    world_await_i64(world,
                    "select count(*) from rm_items_1 where stream = 'item-new' and version = 2 and"
                    " n = 5",
                    1);
    world_await_i64(world, KEYS("true"), 0);
}
END_TEST

START_TEST(poison_behind_poison_is_a_letter_of_its_own)
{
    start();
    world_append(world, 1, 1, 1);
    spoil("item-s0");
    world_append(world, 1, 1, 1);
    spoil("item-s0");
    world_append(world, 1, 1, 1);
    world_publish(world, WORLD_NONE);
    world_await_i64(world, LETTERS("state = 'open' and version = 2"), 2);
    ask(&(struct letter_filter){0}, LETTER_DISCARD);
    world_await_i64(world, LETTERS("state = 'open' and version = 4"), 2);
    world_await_i64(world, "select count(*) from rm_items_1 where version = 3", 1);
    ask(&(struct letter_filter){0}, LETTER_DISCARD);
    world_await_i64(world, KEYS("true"), 0);
    world_await_i64(world, "select n from rm_items_1 where version = 5", 3);
    world_await_i64(world, "select n::bigint from rm_totals_1", 3);
}
END_TEST

START_TEST(a_long_queue_is_released_in_slices_while_more_comes)
{
    start();
    spoil("item-s0");
    world_append(world, 3000, 1, 1);
    world_publish(world, WORLD_NONE);
    world_await_i64(world, KEYS("state = 'dead' and last_version = 3001"), 2);
    atomic_store(&items_tolerant, true);
    ask(&(struct letter_filter){0}, LETTER_REDRIVE);
    for (int i = 0; i < 10; i++) {
        world_append(world, 100, 1, 1);
        world_publish(world, WORLD_NONE);
    }
    world_await_i64(world, KEYS("true"), 0);
    world_await_i64(world, "select version from rm_items_1", 4001);
    world_check(world);
}
END_TEST

START_TEST(a_request_about_a_letter_that_is_closed_is_gone)
{
    begin_with_poison();
    stop();
    ask(&(struct letter_filter){.projection = STR("items")}, LETTER_REDRIVE);
    database_run(world->database, "delete from parked_keys where projection = 'items'");
    start();
    world_await_i64(world, "select count(*) from dead_letter_requests where outcome = 'gone'", 2);
    world_await_i64(world, LETTERS("projection = 'items' and state = 'resolved'"), 2);
}
END_TEST

START_TEST(a_letter_without_its_key_is_taken_over)
{
    begin_with_poison();
    stop();
    database_run(world->database, "delete from parked_keys where stream = 'item-s7'");
    spoil("item-s7");
    world_publish(world, WORLD_NONE);
    start();
    /* The rows lack version 3 still: it is parked again, and dies as the letter there was. */
    world_await_i64(world, KEYS("stream = 'item-s7' and state = 'dead' and letter is not null"), 2);
    world_await_i64(world, LETTERS("stream = 'item-s7' and state = 'open'"), 2);
    world_await_i64(world, "select count(*) from checkpoints where state = 'running'",
                    2 * WORLD_PARTITIONS);
}
END_TEST

START_TEST(keys_outlive_their_owner)
{
    begin_with_poison();
    stop();
    more(100);
    atomic_store(&items_tolerant, true);
    ask(&(struct letter_filter){0}, LETTER_REDRIVE);
    start();
    world_await_i64(world, KEYS("true"), 0);
    world_await(world);
    world_check(world);
}
END_TEST

START_TEST(letters_of_a_generation_that_is_not_live_are_announced_when_it_is)
{
    begin_with_poison();
    world_await_i64(world, LETTERS("announced_at is not null"), 4);
    database_run(world->database,
                 "update dead_letters set announced_at = null where projection = 'items';"
                 "update projections set generation = 2 where name = 'items'");
    spoil("item-s9");
    world_publish(world, WORLD_NONE);
    world_await_i64(world, LETTERS("stream = 'item-s9'"), 2);
    world_await_i64(world, LETTERS("projection = 'totals' and announced_at is null"), 0);
    world_await_i64(world, LETTERS("projection = 'items' and announced_at is null"), 3);
    database_run(world->database, "update projections set generation = 1 where name = 'items'");
    world_await_i64(world, LETTERS("announced_at is null"), 0);
}
END_TEST

/* Kills. */

START_TEST(killed_again_and_again_it_parks_redrives_and_announces_once)
{
    struct child child;
    int64_t letters;

    for (int i = 0; i < 100; i++) {
        char stream[32];

        snprintf(stream, sizeof(stream), "item-s%d", i % 50);
        world_append(world, 20, 50, 7);
        if (i < 40)
            spoil(stream);
    }
    world_publish(world, WORLD_NONE);
    child_start(&child, world, "k");
    for (int64_t seen = 4; seen <= 80; seen += 12) {
        char sql[128];

        snprintf(sql, sizeof(sql), "select (count(*) >= %lld)::int::bigint from dead_letters",
                 (long long)seen);
        world_await_i64(world, sql, 1);
        child_kill(&child);
        child_start(&child, world, "k");
    }
    world_await_i64(world, LETTERS("announced_at is not null"), 80);
    world_await_i64(world, "select count(*) from events where type = 'EventDeadLettered'", 80);
    world_await_i64(world,
                    "select count(distinct data ->> 'letter') from events where type ="
                    " 'EventDeadLettered'",
                    80);
    for (letters = 80; letters > 0; letters -= 16) {
        char sql[128];

        ask(&(struct letter_filter){0}, LETTER_DISCARD);
        snprintf(sql, sizeof(sql),
                 "select (count(*) < %lld)::int::bigint from dead_letters where state = 'open'",
                 (long long)letters);
        world_await_i64(world, sql, 1);
        child_kill(&child);
        child_start(&child, world, "k");
    }
    world_await_i64(world, KEYS("true"), 0);
    world_await_i64(world, "select sum(events)::bigint from rm_totals_1", 2000);
    world_await_i64(world, "select sum(n)::bigint from rm_items_1", 100 * (20 * 21 / 2));
    world_await_i64(world, "select sum(n)::bigint from rm_totals_1", 100 * (20 * 21 / 2));
    child_stop(&child);
}
END_TEST

Suite *projection_parking_suite(void)
{
    Suite *suite = suite_create("projection_parking");
    TCase *tc = tcase_create("parking");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, poison_stops_its_stream_only_and_dies_after_its_attempts);
    tcase_add_test(tc, letters_are_announced_once_in_their_tenants_stream);
    tcase_add_test(tc, redrive_applies_the_event_and_then_its_queue);
    tcase_add_test(tc, redrive_without_a_fix_opens_the_letter_again);
    tcase_add_test(tc, discard_skips_the_event_and_the_next_is_no_gap);
    tcase_add_test(tc, one_row_is_read_past_a_parked_event_only_when_it_was_discarded);
    tcase_add_test(tc, discard_of_a_first_event_leaves_no_gap_either);
    tcase_add_test(tc, poison_behind_poison_is_a_letter_of_its_own);
    tcase_add_test(tc, a_long_queue_is_released_in_slices_while_more_comes);
    tcase_add_test(tc, a_request_about_a_letter_that_is_closed_is_gone);
    tcase_add_test(tc, a_letter_without_its_key_is_taken_over);
    tcase_add_test(tc, keys_outlive_their_owner);
    tcase_add_test(tc, letters_of_a_generation_that_is_not_live_are_announced_when_it_is);
    tcase_add_test(tc, killed_again_and_again_it_parks_redrives_and_announces_once);
    suite_add_tcase(suite, tc);
    return suite;
}
