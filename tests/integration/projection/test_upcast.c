/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event types through time, on a real log: a stream that began under the first version of its event
 * is decided on, projected and read as of today, and stays in the log as it came.
 */
#include <check.h>
#include <inttypes.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/queue.h"
#include "eventlog/read.h"
#include "eventlog/writer.h"
#include "projection/apply.h"
#include "projection/current.h"
#include "projection/install.h"
#include "projection/live.h"
#include "projection/table.h"
#include "tests/integration/projection/world.h"
#include "tests/support/expect.h"
#include "tests/support/meters.h"
#include "tests/support/writes.h"

Suite *projection_upcast_suite(void);

enum { EVENTS_MAX = 8, AWAIT_MS = 30000 };

static struct world *world;
static struct pg_conn *conn;
static struct live_tables *live;
static struct arena *arena;
static struct applied applied;
static struct current_row current;

static void setup(void)
{
    struct error err = {0};
    int generation;

    world = world_new();
    conn = database_connect(world->database, PG_PROFILE_BATCH);
    live = live_tables_new();
    arena = arena_new(0);
    ck_ok(projection_install(world->conn, &meters_projection, &world->identity, &generation, &err));
    ck_ok(projection_install(world->conn, &units_projection, &world->identity, &generation, &err));
    world_append_one(world, "meter-1", "MeterRead", "{ \"value\": \"7\" }");
    world_append_one(world, "meter-1", "MeterRead.v2", "{\"value\":8}");
}

static void teardown(void)
{
    pg_free(conn);
    pg_close(world->conn);
    live_tables_free(live);
    arena_free(arena);
    world_free(world);
}

/* All events of the log, in one batch. */
static void apply(const struct projection *projection)
{
    SCOPED(table_free) struct table *table = table_new(projection, 1);
    const struct event *events[EVENTS_MAX];
    struct checkpoint checkpoint = {.topic = "t"};
    struct apply_part part = {.events = events};
    struct causes causes = {0};
    struct parking_rules rules = {.policy = {.attempts_max = 3, .first_ms = 1000, .max_ms = 1000},
                                  .causes = &causes};
    struct event_page page;
    struct error err = {0};

    ck_ok(log_read(world->conn, POSITION(0), POSITION(0), NULL, EVENTS_MAX, arena, &page, &err));
    for (size_t i = 0; i < page.count; i++)
        events[i] = &page.events[i];
    ck_ok(checkpoint_acquire(conn, (struct checkpoint_set){projection->name, 1}, "me", &checkpoint,
                             &err));
    part.count = page.count;
    part.checkpoint = checkpoint;
    part.checkpoint.at.position = POSITION((int64_t)page.count);
    batch_apply(conn, table, &part, 1, &rules, arena, &applied);
}

static void expect_current(int64_t version, int64_t value)
{
    struct error err = {0};

    ck_ok(row_load_current(world->conn, live, &meters_projection, STR("main"), STR("meter-1"),
                           arena, &current, &err));
    ck_assert_int_eq(current.result, CURRENT_FOUND);
    ck_assert_int_eq(current.row.version.n, version);
    ck_assert_int_eq(current.row.values[0].i64, value);
    EXPECT_STR(current.row.values[1].str, "kWh");
}

START_TEST(old_events_are_projected_as_of_today)
{
    apply(&meters_projection);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(database_i64(world->database, "select count(*) from rm_meters_1 where value ="
                                                   " 8 and unit = 'kWh' and version = 2"),
                     1);
    apply(&units_projection);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_int_eq(
        database_i64(world->database, "select reads::bigint from rm_units_1 where unit = 'kWh'"),
        2);
}
END_TEST

START_TEST(a_current_read_folds_them_from_the_log)
{
    expect_current(2, 8);
}
END_TEST

START_TEST(a_failing_upcaster_is_poison)
{
    struct error err = {0};

    world_append_one(world, "meter-1", "MeterRead", "{\"value\":\"seven\"}");
    apply(&meters_projection);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.parked, 1);
    apply(&units_projection);
    ck_assert_int_eq(applied.result, APPLY_DONE);
    ck_assert_uint_eq(applied.parked, 1);
    ck_assert_int_eq(database_i64(world->database, "select count(*) from parked_keys where version"
                                                   " = 3 and class = 'poison.fold'"),
                     2);
    ck_ok(row_load_current(world->conn, live, &meters_projection, STR("main"), STR("meter-1"),
                           arena, &current, &err));
    ck_assert_int_eq(current.result, CURRENT_UNREADABLE);
    ck_assert_int_eq(current.unreadable_version.n, 3);
}
END_TEST

static void write_reading(int64_t value, enum write_outcome outcome)
{
    static const struct domain *const domains[] = {&meters_domain, NULL};
    struct writer_config config = {.postgres = database_config(world->database),
                                   .queue_commands_max = 8,
                                   .batch_commands_max = 8,
                                   .batch_events_max = 100,
                                   .batch_bytes_max = 1 << 20,
                                   .cache_bytes_max = 1 << 20,
                                   .categories_max = 8,
                                   .domains = domains};
    struct queue *finished = queue_new(8);
    struct write *write = write_meter("1", value);
    struct writer *writer;
    struct error err = {0};

    ck_ok(writer_start(&config, &writer, &err));
    write->deadline_ms = clock_monotonic_ms() + AWAIT_MS;
    write_announce(write, finished);
    ck_assert_int_eq(writer_submit(writer, write), WRITER_TAKEN);
    ck_assert_ptr_eq(queue_pop(finished, AWAIT_MS), write);
    ck_assert_msg(write->outcome == outcome, "outcome %d: %s", (int)write->outcome,
                  write->error.text);
    writer_stop(writer);
    write_drop(write);
    queue_free(finished);
}

START_TEST(commands_go_on_where_the_old_events_ended)
{
    struct stream_head head;
    struct event_page page;
    struct error err = {0};

    write_reading(7, WRITE_REFUSED); /* the meter stands at 8 */
    write_reading(9, WRITE_APPENDED);
    expect_current(3, 9);

    /* Nothing stored has changed, and who asks for it gets it as it is. */
    ck_ok(stream_read(world->conn, STR("main"), STR("meter-1"), VERSION(1), STREAM_FORWARD,
                      STR_NONE, EVENTS_MAX, arena, &head, &page, &err));
    ck_assert_uint_eq(page.count, 3);
    EXPECT_STR(page.events[0].type, "MeterRead");
    EXPECT_STR(page.events[0].data, "{ \"value\": \"7\" }");
    EXPECT_STR(page.events[1].type, "MeterRead.v2");
    EXPECT_STR(page.events[2].type, "MeterRead.v3");
    EXPECT_STR(page.events[2].data, "{\"value\":9,\"unit\":\"kWh\"}");
}
END_TEST

Suite *projection_upcast_suite(void)
{
    Suite *suite = suite_create("projection_upcast");
    TCase *tc = tcase_create("upcast");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, old_events_are_projected_as_of_today);
    tcase_add_test(tc, a_current_read_folds_them_from_the_log);
    tcase_add_test(tc, a_failing_upcaster_is_poison);
    tcase_add_test(tc, commands_go_on_where_the_old_events_ended);
    suite_add_tcase(suite, tc);
    return suite;
}
