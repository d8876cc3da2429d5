/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/apply.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/thread.h"
#include "eventlog/read.h"
#include "projection/install.h"
#include "projection/table.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"

Suite *projection_apply_suite(void);

enum { EVENTS_MAX = 64, THREADS = 4, ROUNDS = 150 };

static struct world *world;
static struct pg_conn *conn;
static struct arena *arena;
static struct table *items;
static struct table *totals;
static const struct event *events[EVENTS_MAX];
static size_t events_count;
static struct applied applied;

static void setup(void)
{
    struct error err = {0};
    int generation;

    world = world_new();
    conn = database_connect(world->database, PG_PROFILE_BATCH);
    arena = arena_new(0);
    for (int i = 0; items_projections[i]; i++)
        ck_ok(projection_install(world->conn, items_projections[i], &world->identity, &generation,
                                 &err));
    items = table_new(&items_projection, 1);
    totals = table_new(&totals_projection, 1);
}

static void teardown(void)
{
    pg_free(conn);
    table_free(items);
    table_free(totals);
    arena_free(arena);
    world_free(world);
}

/* All events of the log. */
static void load_events(void)
{
    struct event_page page;
    struct error err = {0};

    ck_ok(log_read(world->conn, POSITION(0), POSITION(0), &(struct log_filter){0}, EVENTS_MAX,
                   arena, &page, &err));
    events_count = page.count;
    for (size_t i = 0; i < page.count; i++)
        events[i] = &page.events[i];
}

static int64_t take(struct pg_conn *with, const struct table *table, int32_t partition)
{
    struct checkpoint checkpoint = {.topic = "t", .partition = partition};
    struct error err = {0};

    ck_ok(checkpoint_acquire(with, (struct checkpoint_set){table->projection->name, 1}, "me",
                             &checkpoint, &err));
    return checkpoint.epoch;
}

static struct apply_part part(int32_t partition, int64_t epoch, size_t first, size_t count)
{
    int64_t position = count > 0 ? events[first + count - 1]->position.n : 0;

    return (struct apply_part){
        .checkpoint = {.topic = "t",
                       .partition = partition,
                       .epoch = epoch,
                       .at = {{position}, {100 + position}}},
        .events = &events[first],
        .count = count,
    };
}

static void apply(const struct table *table, struct apply_part one)
{
    batch_apply(conn, table, &one, 1, arena, &applied);
    ck_assert(!pg_in_transaction(conn));
}

static int64_t number(const char *sql)
{
    return database_i64(world->database, sql);
}

#define ROWS "select count(*) from rm_items_1"
#define CHECKPOINT "select position from checkpoints where partition = 0 and projection = 'items'"

START_TEST(rows_and_checkpoint_are_written_together)
{
    world_append(world, 10, 3, 2);
    load_events();
    apply(items, part(0, take(conn, items, 0), 0, 10));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.folded, 10);
    ck_assert_int_eq(number(CHECKPOINT), 10);
    ck_assert_int_eq(number("select kafka_offset from checkpoints where projection = 'items'"),
                     110);
    apply(totals, part(0, take(conn, totals, 0), 0, 10));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    world_check(world);
}
END_TEST

START_TEST(an_old_epoch_writes_nothing)
{
    int64_t epoch;

    world_append(world, 10, 3, 2);
    load_events();
    epoch = take(conn, items, 0);
    ck_assert_int_eq(take(world->conn, items, 0), epoch + 1);
    apply(items, part(0, epoch, 0, 10));
    ck_assert_int_eq(applied.result, APPLY_FENCED);
    ck_assert_int_eq(number(ROWS), 0);
    ck_assert_int_eq(number(CHECKPOINT), 0);
}
END_TEST

START_TEST(one_fenced_partition_holds_back_the_whole_batch_and_is_named)
{
    struct apply_part parts[2];

    world_append(world, 10, 3, 2);
    load_events();
    parts[0] = part(0, take(conn, items, 0), 0, 5);
    parts[1] = part(1, take(conn, items, 1) - 1, 5, 5);
    batch_apply(conn, items, parts, 2, arena, &applied);
    ck_assert_int_eq(applied.result, APPLY_FENCED);
    ck_assert_uint_eq(applied.part, 1);
    ck_assert_int_eq(number(ROWS), 0);
    ck_assert_int_eq(number(CHECKPOINT), 0);
}
END_TEST

START_TEST(an_event_that_can_not_be_folded_cuts_the_batch)
{
    const struct table *tables[] = {items, totals};
    const struct table *table = tables[_i];

    world_append(world, 3, 3, 2);
    world_append_one(world, "item-s1", "Spoiled", "{}");
    world_append(world, 3, 3, 2);
    load_events();
    apply(table, part(0, take(conn, table, 0), 0, events_count));
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_uint_eq(applied.part, 0);
    ck_assert_uint_eq(applied.cut, 3);
    ck_assert_int_eq(applied.err.class, ERROR_POISON);
    ck_assert_int_eq(number(ROWS), 0);
    ck_assert_int_eq(number("select sum(position)::bigint from checkpoints"), 0);
}
END_TEST

START_TEST(an_event_beyond_the_head_cuts_the_batch)
{
    struct event ahead;

    world_append(world, 5, 3, 2);
    load_events();
    ahead = *events[4];
    ahead.position.n = 6;
    events[4] = &ahead;
    apply(items, part(0, take(conn, items, 0), 0, 5));
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_uint_eq(applied.cut, 4);
    ck_assert_int_eq(applied.err.class, ERROR_TRANSIENT);
    ck_assert_str_eq(applied.err.code, "log-behind");
}
END_TEST

START_TEST(what_a_row_has_is_skipped)
{
    int64_t epoch = take(conn, items, 0);

    world_append(world, 10, 3, 2);
    load_events();
    apply(items, part(0, epoch, 0, 8));
    apply(items, part(0, epoch, 0, 10));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.folded, 2);
    ck_assert_uint_eq(applied.skipped, 8);
    ck_assert_int_eq(number("select sum(n)::bigint from rm_items_1"), 55);
}
END_TEST

START_TEST(a_gap_in_a_row_is_filled_from_the_log)
{
    world_append(world, 9, 1, 2);
    load_events();
    apply(items, part(0, take(conn, items, 0), 7, 2));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(number("select n from rm_items_1"), 45);
    ck_assert_int_eq(number("select version from rm_items_1"), 9);
}
END_TEST

START_TEST(a_gap_the_log_has_too_is_poison)
{
    world_append(world, 9, 1, 2);
    load_events();
    database_run(world->database, "delete from events where version = 4");
    apply(items, part(0, take(conn, items, 0), 7, 2));
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_uint_eq(applied.cut, 0);
    ck_assert_int_eq(applied.err.class, ERROR_POISON);
    ck_assert_int_eq(number(ROWS), 0);
}
END_TEST

START_TEST(a_version_beyond_its_stream_is_poison)
{
    struct event forged;

    world_append(world, 3, 1, 2);
    load_events();
    forged = *events[2];
    forged.version.n = 9;
    events[2] = &forged;
    apply(items, part(0, take(conn, items, 0), 0, 3));
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_uint_eq(applied.cut, 2);
    ck_assert_int_eq(applied.err.class, ERROR_POISON);
}
END_TEST

START_TEST(what_the_database_refuses_is_the_datas_fault)
{
    world_append_one(world, "item-a", "Noted", "{\"note\":\"no json\"}");
    load_events();
    apply(items, part(0, take(conn, items, 0), 0, 1));
    ck_assert_int_eq(applied.result, APPLY_FAILED);
    ck_assert_int_eq(applied.err.class, ERROR_POISON);
    ck_assert_int_eq(number(CHECKPOINT), 0);
}
END_TEST

START_TEST(a_batch_of_duplicates_moves_the_checkpoint_only)
{
    struct apply_part empty;

    empty = part(0, take(conn, items, 0), 0, 0);
    empty.checkpoint.at = (struct place){{0}, {77}};
    apply(items, empty);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(number("select kafka_offset from checkpoints where projection = 'items'"), 77);
}
END_TEST

static void add_rounds(void *arg)
{
    const int *index = arg;
    SCOPED(arena_free) struct arena *batch = arena_new(0);
    struct pg_conn *mine = database_connect(world->database, PG_PROFILE_BATCH);
    int64_t epoch = take(mine, totals, *index);

    for (int i = 0; i < ROUNDS; i++) {
        struct apply_part one = part(*index, epoch, 0, events_count);
        struct applied result;

        batch_apply(mine, totals, &one, 1, batch, &result);
        ck_assert_msg(result.result == APPLY_DONE, "%d %s", result.result, result.err.text);
        arena_clear(batch);
    }
    pg_free(mine);
}

START_TEST(partitions_that_touch_the_same_rows_lose_nothing)
{
    struct thread *threads[THREADS];
    int indexes[THREADS];
    struct error err = {0};
    char sql[128];

    world_append(world, 40, 40, 7);
    load_events();
    for (int i = 0; i < THREADS; i++) {
        indexes[i] = i;
        ck_ok(thread_start(THREAD_PARTITION, "add", add_rounds, &indexes[i], &threads[i], &err));
    }
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    snprintf(sql, sizeof(sql), "select sum(events)::bigint from rm_totals_1");
    ck_assert_int_eq(number(sql), THREADS * ROUNDS * 40);
    snprintf(sql, sizeof(sql), "select sum(n)::bigint from rm_totals_1");
    ck_assert_int_eq(number(sql), (int64_t)THREADS * ROUNDS * 40 * 41 / 2);
}
END_TEST

START_TEST(sums_may_pass_64_bits)
{
    int64_t epoch = take(conn, totals, 0);

    world_append_one(world, "item-a", "Added", "{\"owner\":\"x\",\"n\":9223372036854775807}");
    world_append_one(world, "item-a", "Added", "{\"owner\":\"x\",\"n\":9223372036854775807}");
    load_events();
    /* Two do not fit into one batch; the table takes both. */
    apply(totals, part(0, epoch, 0, 2));
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_uint_eq(applied.cut, 1);
    ck_assert_int_eq(applied.err.class, ERROR_NONE);
    apply(totals, part(0, epoch, 0, 1));
    apply(totals, part(0, epoch, 1, 1));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(number("select (n = 18446744073709551614)::int from rm_totals_1"), 1);
}
END_TEST

Suite *projection_apply_suite(void)
{
    Suite *suite = suite_create("projection_apply");
    TCase *tc = tcase_create("apply");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, rows_and_checkpoint_are_written_together);
    tcase_add_test(tc, an_old_epoch_writes_nothing);
    tcase_add_test(tc, one_fenced_partition_holds_back_the_whole_batch_and_is_named);
    tcase_add_loop_test(tc, an_event_that_can_not_be_folded_cuts_the_batch, 0, 2);
    tcase_add_test(tc, an_event_beyond_the_head_cuts_the_batch);
    tcase_add_test(tc, what_a_row_has_is_skipped);
    tcase_add_test(tc, a_gap_in_a_row_is_filled_from_the_log);
    tcase_add_test(tc, a_gap_the_log_has_too_is_poison);
    tcase_add_test(tc, a_version_beyond_its_stream_is_poison);
    tcase_add_test(tc, what_the_database_refuses_is_the_datas_fault);
    tcase_add_test(tc, a_batch_of_duplicates_moves_the_checkpoint_only);
    tcase_add_test(tc, partitions_that_touch_the_same_rows_lose_nothing);
    tcase_add_test(tc, sums_may_pass_64_bits);
    suite_add_tcase(suite, tc);
    return suite;
}
