/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/apply.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/thread.h"
#include "eventlog/read.h"
#include "projection/install.h"
#include "projection/parked_set.h"
#include "projection/parking_store.h"
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
static struct causes causes;
static struct parking_rules rules;

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
    causes = (struct causes){0};
    rules = (struct parking_rules){
        .policy = {.attempts_max = 3, .first_ms = 1000, .max_ms = 60000, .deadline_ms = 600000},
        .causes = &causes};
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
    batch_apply(conn, table, &one, 1, &rules, arena, &applied);
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
    batch_apply(conn, items, parts, 2, &rules, arena, &applied);
    ck_assert_int_eq(applied.result, APPLY_FENCED);
    ck_assert_uint_eq(applied.part, 1);
    ck_assert_int_eq(number(ROWS), 0);
    ck_assert_int_eq(number(CHECKPOINT), 0);
}
END_TEST

#define PARKED(what) "select " what " from parked_keys"

START_TEST(an_event_that_can_not_be_folded_parks_its_key_and_no_other)
{
    const struct table *tables[] = {items, totals};
    const char *sums[] = {"select sum(n)::bigint from rm_items_1",
                          "select sum(n)::bigint from rm_totals_1"};
    const struct table *table = tables[_i];

    world_append(world, 3, 3, 2); /* s1 s2 s0 */
    world_append_one(world, "item-s1", "Spoiled", "{}");
    world_append(world, 3, 3, 2);
    load_events();
    apply(table, part(0, take(conn, table, 0), 0, events_count));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.parked, 1);
    ck_assert_uint_eq(applied.queued, 1);
    ck_assert_uint_eq(applied.changes_count, 1);
    ck_assert_int_eq(applied.changes[0].key.version.n, 2);
    ck_assert_int_eq(applied.changes[0].key.last.n, 3);
    ck_assert_int_eq(number(sums[_i]), 1 + 2 + 3 + 2 + 3);
    ck_assert_int_eq(number("select sum(position)::bigint from checkpoints"), 7);
    ck_assert_int_eq(
        number(PARKED(
            "count(*)") " where stream = 'item-s1' and state = 'retrying' and version = 2 and"
                        " last_version = 3 and position = 4 and attempts = 1 and class ="
                        " 'poison.fold' and code = 'unknown-type' and event_type = 'Spoiled'"
                        " and next_attempt_at > clock_timestamp()"),
        1);
}
END_TEST

START_TEST(a_parked_key_s_later_events_are_only_counted)
{
    SCOPED(parked_set_free) struct parked_set *parked = parked_set_new();
    int64_t epoch = take(conn, items, 0);
    struct apply_part later;
    struct error err = {0};

    world_append_one(world, "item-a", "Spoiled", "{}");
    world_append_one(world, "item-a", "Added", "{\"owner\":\"x\",\"n\":5}");
    world_append_one(world, "item-b", "Added", "{\"owner\":\"x\",\"n\":6}");
    world_append_one(world, "item-a", "Spoiled", "{}");
    load_events();
    apply(items, part(0, epoch, 0, 1));
    ck_ok(parked_load(conn, (struct checkpoint_set){"items", 1}, "t", 0, 0, parked, &err));
    ck_assert_uint_eq(parked_set_count(parked), 1);
    later = part(0, epoch, 1, 3);
    later.parked = parked;
    apply(items, later);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.queued, 2);
    ck_assert_uint_eq(applied.parked, 0);
    ck_assert_int_eq(number("select sum(n)::bigint from rm_items_1"), 6);
    ck_assert_int_eq(number(PARKED("count(*)") " where version = 1 and last_version = 3"), 1);
}
END_TEST

START_TEST(what_kafka_says_wrongly_and_the_log_rightly_is_applied)
{
    struct kafka_offset offset = {101};
    struct event spoiled;
    struct apply_part one;

    world_append(world, 1, 1, 1);
    load_events();
    spoiled = *events[0];
    spoiled.data = STR("{}");
    events[0] = &spoiled;
    one = part(0, take(conn, items, 0), 0, 1);
    one.offsets = &offset;
    apply(items, one);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.folded, 1);
    ck_assert_int_eq(number("select n from rm_items_1"), 1);
}
END_TEST

START_TEST(what_fails_and_is_not_in_the_log_is_forged)
{
    struct kafka_offset offset = {101};
    struct event forged;
    struct apply_part one;

    world_append(world, 1, 1, 1);
    load_events();
    forged = *events[0];
    forged.id = STR("another");
    forged.type = STR("Spoiled");
    events[0] = &forged;
    one = part(0, take(conn, items, 0), 0, 1);
    one.offsets = &offset;
    apply(items, one);
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_str_eq(applied.err.code, "forged-record");
    ck_assert_int_eq(number(PARKED("count(*)")), 0);
    ck_assert_int_eq(number(CHECKPOINT), 0);
}
END_TEST

START_TEST(an_event_the_database_refused_is_parked_with_what_it_said)
{
    struct error why;
    struct apply_part one;

    world_append_one(world, "item-a", "Noted", "{\"note\":\"no json\"}");
    load_events();
    one = part(0, take(conn, items, 0), 0, 1);
    apply(items, one);
    ck_assert_int_eq(applied.result, APPLY_FAILED);
    why = applied.err;
    one.refused_at = events[0]->position;
    one.refused_why = &why;
    apply(items, one);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(number(PARKED("count(*)") " where class = 'poison.constraint' and code ="
                                               " '22P02' and message <> ''"),
                     1);
    ck_assert_int_eq(number(ROWS), 0);
}
END_TEST

START_TEST(one_cause_too_often_is_a_bug_of_ours_and_parks_nothing)
{
    for (int i = 0; i < EVENTS_MAX; i++)
        world_append_one(world, "item-a", "Spoiled", "{}");
    load_events();
    /* Each of a stream of its own, as far as the batch can tell. */
    for (size_t i = 0; i < events_count; i++) {
        struct event *copy = ARENA_NEW(arena, struct event);

        *copy = *events[i];
        copy->stream = arena_printf(arena, "item-%zu", i);
        copy->version = VERSION(1);
        events[i] = copy;
    }
    apply(items, part(0, take(conn, items, 0), 0, events_count));
    ck_assert_int_eq(applied.result, APPLY_BLOCKED);
    ck_assert_uint_eq(applied.cut, CAUSES_MIN - 1);
    ck_assert_int_eq(number(PARKED("count(*)")), 0);
    ck_assert_int_eq(number(CHECKPOINT), 0);
    /* What was rolled back is not counted. */
    ck_assert_uint_eq(causes.count, 0);
}
END_TEST

START_TEST(records_that_are_not_ours_become_letters_once)
{
    static const char garbage[] = "\xff\0\x01";
    struct foreign records[] = {
        {.offset = {7},
         .key = STR("k"),
         .value = str_from(garbage, sizeof(garbage)),
         .headers = STR("[[\"a\",\"AA==\"]]"),
         .fault = "bad \xff text"},
        {.offset = {8}, .headers = STR("[]"), .fault = "no value"},
    };
    struct apply_part one = part(0, take(conn, items, 0), 0, 0);

    one.checkpoint.at = (struct place){{0}, {9}};
    one.foreign = records;
    one.foreign_count = 2;
    apply(items, one);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    apply(items, one);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(number("select count(*) from dead_letters"), 2);
    ck_assert_int_eq(number("select count(*) from dead_letters where kafka_offset = 7 and value ="
                            " '\\xff000100' and value_bytes = 4 and message = 'bad ? text' and"
                            " headers #>> '{0,0}' = 'a'"),
                     1);
    ck_assert_int_eq(number("select count(*) from dead_letters where kafka_offset = 8 and value is"
                            " null and value_bytes = -1 and class = 'poison.foreign'"),
                     1);
}
END_TEST

START_TEST(what_was_discarded_before_is_skipped_in_a_new_generation)
{
    SCOPED(table_free) struct table *second = table_new(&items_projection, 2);
    struct checkpoint checkpoint = {.topic = "t", .partition = 0};
    struct error err = {0};

    world_append(world, 1, 1, 1);
    world_append_one(world, "item-s0", "Spoiled", "{}");
    world_append(world, 1, 1, 1);
    load_events();
    database_run(world->database,
                 "insert into skipped_versions (projection, generation, tenant, stream, version,"
                 " position, skipped_by, reason) values ('items', 1, 'main', 'item-s0', 2, 2, 'me',"
                 " 'because')");
    ck_ok(pg_script(world->conn, second->create, &err));
    ck_ok(checkpoint_acquire(conn, (struct checkpoint_set){"items", 2}, "me", &checkpoint, &err));
    apply(second, part(0, checkpoint.epoch, 0, 3));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.parked, 0);
    ck_assert_int_eq(number("select n from rm_items_2 where version = 3"), 2);
    ck_assert_int_eq(number("select count(*) from skipped_versions where generation = 2 and"
                            " skipped_by = 'me' and reason = 'because'"),
                     1);
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
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.parked, 1);
    ck_assert_uint_eq(applied.queued, 1);
    ck_assert_int_eq(number(ROWS), 0);
    ck_assert_int_eq(number(PARKED("count(*)") " where class = 'poison.gap' and version = 1"), 1);
}
END_TEST

START_TEST(a_version_beyond_its_stream_is_forged)
{
    struct kafka_offset offsets[] = {{1}, {2}, {3}};
    struct event forged;
    struct apply_part all;

    world_append(world, 3, 1, 2);
    load_events();
    forged = *events[2];
    forged.version.n = 9;
    events[2] = &forged;
    all = part(0, take(conn, items, 0), 0, 3);
    all.offsets = offsets;
    apply(items, all);
    ck_assert_int_eq(applied.result, APPLY_CUT);
    ck_assert_uint_eq(applied.cut, 2);
    ck_assert_str_eq(applied.err.code, "forged-record");
}
END_TEST

START_TEST(a_gap_is_filled_without_what_was_discarded)
{
    world_append(world, 1, 1, 1);
    world_append_one(world, "item-s0", "Spoiled", "{}");
    world_append(world, 2, 1, 1);
    load_events();
    database_run(world->database,
                 "insert into skipped_versions (projection, generation, tenant, stream, version,"
                 " position, skipped_by, reason) values ('items', 1, 'main', 'item-s0', 2, 2, 'me',"
                 " 'because')");
    apply(items, part(0, take(conn, items, 0), 3, 1));
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.parked, 0);
    ck_assert_int_eq(number("select n from rm_items_1 where version = 4"), 1 + 1 + 2);
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
    struct causes seen = {0};
    struct parking_rules own = {.policy = rules.policy, .causes = &seen};

    for (int i = 0; i < ROUNDS; i++) {
        struct apply_part one = part(*index, epoch, 0, events_count);
        struct applied result;

        batch_apply(mine, totals, &one, 1, &own, batch, &result);
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
    tcase_add_loop_test(tc, an_event_that_can_not_be_folded_parks_its_key_and_no_other, 0, 2);
    tcase_add_test(tc, a_parked_key_s_later_events_are_only_counted);
    tcase_add_test(tc, what_kafka_says_wrongly_and_the_log_rightly_is_applied);
    tcase_add_test(tc, what_fails_and_is_not_in_the_log_is_forged);
    tcase_add_test(tc, an_event_the_database_refused_is_parked_with_what_it_said);
    tcase_add_test(tc, one_cause_too_often_is_a_bug_of_ours_and_parks_nothing);
    tcase_add_test(tc, records_that_are_not_ours_become_letters_once);
    tcase_add_test(tc, what_was_discarded_before_is_skipped_in_a_new_generation);
    tcase_add_test(tc, a_gap_is_filled_without_what_was_discarded);
    tcase_add_test(tc, an_event_beyond_the_head_cuts_the_batch);
    tcase_add_test(tc, what_a_row_has_is_skipped);
    tcase_add_test(tc, a_gap_in_a_row_is_filled_from_the_log);
    tcase_add_test(tc, a_gap_the_log_has_too_is_poison);
    tcase_add_test(tc, a_version_beyond_its_stream_is_forged);
    tcase_add_test(tc, what_the_database_refuses_is_the_datas_fault);
    tcase_add_test(tc, a_batch_of_duplicates_moves_the_checkpoint_only);
    tcase_add_test(tc, partitions_that_touch_the_same_rows_lose_nothing);
    tcase_add_test(tc, sums_may_pass_64_bits);
    suite_add_tcase(suite, tc);
    return suite;
}
