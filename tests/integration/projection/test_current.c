/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/current.h"

#include <check.h>
#include <stdio.h>

#include "base/arena.h"
#include "eventlog/read.h"
#include "projection/install.h"
#include "projection/live.h"
#include "projection/position.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"
#include "tests/support/expect.h"

Suite *projection_current_suite(void);

static struct world *world;
static struct live_tables *live;
static struct arena *arena;
static struct current_row current;

static void setup(void)
{
    world = world_new();
    live = live_tables_new();
    arena = arena_new(0);
    world_append_one(world, "item-a", "Added", "{\"owner\":\"x\",\"n\":1}");
    world_append_one(world, "item-a", "Added", "{\"owner\":\"y\",\"n\":2}");
    world_append_one(world, "item-a", "Noted", "{\"note\":\"7\"}");
}

static void teardown(void)
{
    pg_close(world->conn);
    live_tables_free(live);
    arena_free(arena);
    world_free(world);
}

static void install(void)
{
    struct error err = {0};
    int generation;

    ck_ok(projection_install(world->conn, &items_projection, &world->identity, &generation, &err));
}

static void load(const char *stream)
{
    struct error err = {0};

    ck_ok(row_load_current(world->conn, live, &items_projection, STR("main"), str_of(stream), arena,
                           &current, &err));
}

static void expect_a(void)
{
    load("item-a");
    ck_assert_int_eq(current.result, CURRENT_FOUND);
    ck_assert(current.row.exists);
    EXPECT_STR(current.row.tenant, "main");
    EXPECT_STR(current.row.stream, "item-a");
    ck_assert_int_eq(current.row.version.n, 3);
    EXPECT_STR(current.row.values[0].str, "y");
    ck_assert_int_eq(current.row.values[1].i64, 3);
    EXPECT_STR(current.row.values[3].str, "7");
}

START_TEST(without_a_table_the_log_tells_all)
{
    expect_a();
    load("item-b");
    ck_assert_int_eq(current.result, CURRENT_NOT_FOUND);
}
END_TEST

START_TEST(without_a_row_the_log_tells_all)
{
    install();
    expect_a();
    load("item-b");
    ck_assert_int_eq(current.result, CURRENT_NOT_FOUND);
}
END_TEST

START_TEST(a_row_that_is_behind_is_completed)
{
    struct error err = {0};

    install();
    ck_ok(pg_script(world->conn,
                    "insert into rm_items_1 (tenant, stream, version, owner, n) values"
                    " ('main', 'item-a', 1, 'x', 1)",
                    &err));
    expect_a();
    ck_assert_int_eq(current.head.n, 0);
}
END_TEST

START_TEST(a_row_that_is_there_is_taken)
{
    struct error err = {0};

    install();
    /* Not what the fold gives: so that it shows where it comes from. */
    ck_ok(pg_script(world->conn,
                    "insert into rm_items_1 (tenant, stream, version, owner, n) values"
                    " ('main', 'item-a', 3, 'stored', 99)",
                    &err));
    load("item-a");
    ck_assert_int_eq(current.result, CURRENT_FOUND);
    EXPECT_STR(current.row.values[0].str, "stored");
}
END_TEST

/* In one statement; what took several is of no one head. */
START_TEST(a_row_that_is_there_tells_the_logs_head)
{
    struct error err = {0};
    struct position head;

    install();
    ck_ok(pg_script(world->conn,
                    "insert into rm_items_1 (tenant, stream, version, owner, n) values"
                    " ('main', 'item-a', 3, 'stored', 99)",
                    &err));
    world_append_one(world, "item-c", "Added", "{\"owner\":\"y\",\"n\":2}");
    ck_ok(log_read_head(world->conn, &head, &err));
    load("item-a");
    ck_assert_int_gt(head.n, 0);
    ck_assert_int_eq(current.head.n, head.n);
}
END_TEST

START_TEST(a_row_ahead_of_its_stream_is_not_believed)
{
    struct error err = {0};

    install();
    ck_ok(pg_script(world->conn,
                    "insert into rm_items_1 (tenant, stream, version, owner, n) values"
                    " ('main', 'item-a', 9, 'edited', 99)",
                    &err));
    expect_a();
}
END_TEST

START_TEST(an_event_that_can_not_be_folded_is_named)
{
    world_append_one(world, "item-a", "Spoiled", "{}");
    world_append_one(world, "item-a", "Added", "{\"owner\":\"y\",\"n\":2}");
    load("item-a");
    ck_assert_int_eq(current.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(current.unreadable_version.n, 4);
    ck_assert_uint_eq(current.unreadable_event_id.len, 36);
    ck_assert_int_eq(current.why.class, ERROR_POISON);
}
END_TEST

START_TEST(a_missing_version_is_named)
{
    struct error err = {0};

    ck_ok(pg_script(world->conn, "delete from events where version = 2", &err));
    load("item-a");
    ck_assert_int_eq(current.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(current.unreadable_version.n, 2);
}
END_TEST

START_TEST(a_missing_last_version_is_named)
{
    struct error err = {0};

    ck_ok(pg_script(world->conn, "delete from events where version = 3", &err));
    load("item-a");
    ck_assert_int_eq(current.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(current.unreadable_version.n, 3);
}
END_TEST

START_TEST(a_long_stream_is_read_in_pages)
{
    world_append(world, 2500, 1, 7);
    load("item-s0");
    ck_assert_int_eq(current.result, CURRENT_FOUND);
    ck_assert_int_eq(current.row.version.n, 2500);
    ck_assert_int_eq(current.row.values[1].i64, 2500 * 2501 / 2);
    EXPECT_STR(current.row.values[0].str, "o1");
}
END_TEST

static struct read_position position(void)
{
    struct read_position read;
    struct error err = {0};

    ck_ok(read_position_load(world->conn, &items_projection, &read, &err));
    return read;
}

START_TEST(before_anything_is_published_the_read_position_is_0)
{
    ck_assert_int_eq(position().position.n, 0);
    ck_assert_int_eq(position().head.n, 3);
}
END_TEST

START_TEST(lag_is_the_age_of_the_first_event_behind_it)
{
    struct error err = {0};

    ck_ok(pg_script(world->conn,
                    "update events set recorded_at = clock_timestamp() - interval '40 s'"
                    " where position = 1",
                    &err));
    ck_assert_int_ge(position().lag_ms, 40000);
    ck_assert_int_le(position().lag_ms, 60000);
}
END_TEST

/* One stream, so one partition has entries. */
static void checkpoint_at(int64_t at)
{
    char sql[512];
    struct error err = {0};

    snprintf(sql, sizeof(sql),
             "insert into checkpoints (projection, generation, topic, partition, position) select"
             " 'items', 1, '%s', p, %lld from generate_series(0, 5) p on conflict (projection,"
             " generation, topic, partition) do update set position = excluded.position",
             world->topic, (long long)at);
    ck_ok(pg_script(world->conn, sql, &err));
}

START_TEST(the_read_position_is_the_lowest_of_those_behind)
{
    install();
    world_publish(world, WORLD_NONE);
    ck_assert_int_eq(position().position.n, 0);
    checkpoint_at(2);
    ck_assert_int_eq(position().position.n, 2);
    checkpoint_at(3);
    ck_assert_int_eq(position().position.n, 3);
    ck_assert_int_eq(position().lag_ms, 0);
}
END_TEST

START_TEST(it_is_the_cursors_where_all_have_reached_their_entries)
{
    install();
    world_publish(world, WORLD_NONE);
    checkpoint_at(3);
    /* The cursor goes on with events of another category. */
    world->cursor.position = POSITION(8);
    database_run(world->database, "update publisher_cursor set position = 8");
    ck_assert_int_eq(position().position.n, 8);
}
END_TEST

START_TEST(a_cursor_of_another_log_says_nothing)
{
    install();
    world_publish(world, WORLD_NONE);
    checkpoint_at(3);
    database_run(world->database, "update log_info set id = gen_random_uuid()");
    ck_assert_int_eq(position().position.n, 0);
}
END_TEST

/* As it was. */

static void load_as_of(const char *stream, struct row_moment moment)
{
    struct error err = {0};

    ck_ok(row_load_as_of(world->conn, live, &items_projection, STR("main"), str_of(stream), moment,
                         arena, &current, &err));
}

static int64_t recorded_at(int64_t version)
{
    struct arena *scratch = arena_new(0);
    struct stream_head head;
    struct event_page page;
    struct error err = {0};
    int64_t at;

    ck_ok(stream_read(world->conn, STR("main"), STR("item-a"), VERSION(version), STREAM_FORWARD,
                      STR_NONE, 1, scratch, &head, &page, &err));
    at = page.events[0].recorded_at_us;
    arena_free(scratch);
    return at;
}

static void expect_version(int64_t version, const char *owner, int64_t n)
{
    ck_assert_int_eq(current.result, CURRENT_FOUND);
    ck_assert_int_eq(current.row.version.n, version);
    EXPECT_STR(current.row.values[0].str, owner);
    ck_assert_int_eq(current.row.values[1].i64, n);
}

/* With the table made or not: _i 1 or 0. */
START_TEST(a_row_is_folded_up_to_a_version)
{
    if (_i == 1)
        install();
    load_as_of("item-a", (struct row_moment){.version = VERSION(1)});
    expect_version(1, "x", 1);
    load_as_of("item-a", (struct row_moment){.version = VERSION(2)});
    expect_version(2, "y", 3);
    load_as_of("item-a", (struct row_moment){.version = VERSION(3)});
    expect_version(3, "y", 3);
    load_as_of("item-a", (struct row_moment){.version = VERSION(4)});
    ck_assert_int_eq(current.result, CURRENT_NOT_FOUND);
    load_as_of("item-b", (struct row_moment){.version = VERSION(1)});
    ck_assert_int_eq(current.result, CURRENT_NOT_FOUND);
}
END_TEST

START_TEST(a_row_is_folded_up_to_a_time)
{
    if (_i == 1)
        install();
    load_as_of("item-a", (struct row_moment){.by_time = true, .recorded_at_us = recorded_at(2)});
    expect_version(2, "y", 3);
    load_as_of("item-a",
               (struct row_moment){.by_time = true, .recorded_at_us = recorded_at(2) - 1});
    expect_version(1, "x", 1);
    load_as_of("item-a",
               (struct row_moment){.by_time = true, .recorded_at_us = recorded_at(1) - 1});
    ck_assert_int_eq(current.result, CURRENT_NOT_FOUND);
    load_as_of("item-a", (struct row_moment){.by_time = true, .recorded_at_us = INT64_MAX});
    expect_version(3, "y", 3);
    load_as_of("item-a", (struct row_moment){.by_time = true, .recorded_at_us = 0});
    ck_assert_int_eq(current.result, CURRENT_NOT_FOUND);
}
END_TEST

START_TEST(a_stored_row_serves_versions_from_its_own_on)
{
    struct error err = {0};

    install();
    ck_ok(pg_script(world->conn,
                    "insert into rm_items_1 (tenant, stream, version, owner, n) values"
                    " ('main', 'item-a', 2, 'stored', 50)",
                    &err));
    load_as_of("item-a", (struct row_moment){.version = VERSION(1)});
    expect_version(1, "x", 1);
    load_as_of("item-a", (struct row_moment){.version = VERSION(2)});
    expect_version(2, "stored", 50);
    load_as_of("item-a", (struct row_moment){.version = VERSION(3)});
    expect_version(3, "stored", 50);
    /* What it held at a time it does not tell. */
    load_as_of("item-a", (struct row_moment){.by_time = true, .recorded_at_us = recorded_at(2)});
    expect_version(2, "y", 3);
}
END_TEST

START_TEST(damage_behind_the_moment_does_not_matter)
{
    struct error err = {0};
    int64_t second = recorded_at(2);

    world_append_one(world, "item-a", "Spoiled", "{}");
    world_append_one(world, "item-a", "Added", "{\"owner\":\"y\",\"n\":2}");
    load_as_of("item-a", (struct row_moment){.version = VERSION(3)});
    expect_version(3, "y", 3);
    load_as_of("item-a", (struct row_moment){.version = VERSION(5)});
    ck_assert_int_eq(current.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(current.unreadable_version.n, 4);
    ck_ok(pg_script(world->conn, "delete from events where version = 4", &err));
    load_as_of("item-a", (struct row_moment){.by_time = true, .recorded_at_us = second});
    expect_version(2, "y", 3);
    load_as_of("item-a", (struct row_moment){.by_time = true, .recorded_at_us = INT64_MAX});
    ck_assert_int_eq(current.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(current.unreadable_version.n, 4);
}
END_TEST

enum { LONG_STREAM = 5000, FOLD_BYTES = 4096 };

static bool fold_greedily(struct row *row, const struct event *event, struct arena *fold_arena,
                          struct error *err)
{
    (void)arena_alloc(fold_arena, FOLD_BYTES);
    return items_projection.fold(row, event, fold_arena, err);
}

/* 20 MiB of folding pass through it; what stays is the row. */
START_TEST(a_long_stream_takes_the_memory_of_a_page)
{
    struct projection greedy = items_projection;
    struct row_moment moment = {.version = VERSION(LONG_STREAM - 10)};
    struct error err = {0};

    greedy.fold = fold_greedily;
    world_append(world, LONG_STREAM, 1, LONG_STREAM);
    ck_ok(row_load_as_of(world->conn, live, &greedy, STR("main"), STR("item-s0"), moment, arena,
                         &current, &err));
    ck_assert_int_eq(current.result, CURRENT_FOUND);
    ck_assert_int_eq(current.row.version.n, LONG_STREAM - 10);
    EXPECT_STR(current.row.values[0].str, "o4990");
    ck_assert_uint_lt(arena_bytes(arena), 256 * 1024);
}
END_TEST

Suite *projection_current_suite(void)
{
    Suite *suite = suite_create("projection_current");
    TCase *tc = tcase_create("current");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, without_a_table_the_log_tells_all);
    tcase_add_test(tc, without_a_row_the_log_tells_all);
    tcase_add_test(tc, a_long_stream_takes_the_memory_of_a_page);
    tcase_add_test(tc, a_row_that_is_behind_is_completed);
    tcase_add_test(tc, a_row_that_is_there_is_taken);
    tcase_add_test(tc, a_row_that_is_there_tells_the_logs_head);
    tcase_add_test(tc, a_row_ahead_of_its_stream_is_not_believed);
    tcase_add_test(tc, an_event_that_can_not_be_folded_is_named);
    tcase_add_test(tc, a_missing_version_is_named);
    tcase_add_test(tc, a_missing_last_version_is_named);
    tcase_add_test(tc, a_long_stream_is_read_in_pages);
    tcase_add_test(tc, before_anything_is_published_the_read_position_is_0);
    tcase_add_test(tc, lag_is_the_age_of_the_first_event_behind_it);
    tcase_add_test(tc, the_read_position_is_the_lowest_of_those_behind);
    tcase_add_test(tc, it_is_the_cursors_where_all_have_reached_their_entries);
    tcase_add_test(tc, a_cursor_of_another_log_says_nothing);
    tcase_add_loop_test(tc, a_row_is_folded_up_to_a_version, 0, 2);
    tcase_add_loop_test(tc, a_row_is_folded_up_to_a_time, 0, 2);
    tcase_add_test(tc, a_stored_row_serves_versions_from_its_own_on);
    tcase_add_test(tc, damage_behind_the_moment_does_not_matter);
    suite_add_tcase(suite, tc);
    return suite;
}
