/* SPDX-License-Identifier: Apache-2.0 */
/* Generations built, switched and dropped on real PostgreSQL and Kafka. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "projection/job.h"
#include "projection/rebuild_slice.h"
#include "projection/table.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/running.h"
#include "tests/support/await.h"

enum { AWAIT_MS = 30000 };

Suite *projection_rebuild_suite(void);

START_TEST(what_is_built_equals_the_live_one)
{
    struct running r = running_start();
    struct rebuild_asked items = running_rebuild(r.world, &items_projection);
    struct rebuild_asked totals = running_rebuild(r.world, &totals_projection);

    ck_assert_int_eq(items.generation, 2);
    running_done(r.world, items.job);
    running_done(r.world, totals.job);
    world_check_generations(r.world, 2, 2);

    /* and it goes on, as an ordinary one */
    world_append(r.world, 1000, 300, 30);
    world_publish(r.world, WORLD_NONE);
    world_await_i64(r.world,
                    "select count(*) from checkpoints c where generation = 2 and position <"
                    " (select (cursor #>> array['topics', 'item', 'last',"
                    " c.partition::text])::bigint from publisher_cursor)",
                    0);
    world_check_generations(r.world, 2, 2);
    running_stop(&r);
}
END_TEST

static double metric(const char *line)
{
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(4 << 20);
    const char *found;

    metrics_write(&text);
    buf_add_char(&text, '\0');
    found = strstr(text.data, line);
    return found ? strtod(found + strlen(line), NULL) : 0;
}

/* From Kafka or from the log. */
static double applied(void)
{
    return metric("daybook_projection_events_total{projection=\"items\",result=\"applied\"} ") +
           metric("daybook_projection_events_total{projection=\"items\",result=\"filled\"} ");
}

static double visible(void)
{
    return metric("daybook_event_visible_seconds_count{projection=\"items\"} ");
}

/* COUNT events more, in the tables of both generations and counted once. */
static void check_counted_once(struct running *r, int count)
{
    double applied_before = applied();

    world_append(r->world, count, 200, 20);
    world_publish(r->world, WORLD_NONE);
    world_await_i64(r->world,
                    "select count(*) from checkpoints c where projection = 'items' and position <"
                    " (select (cursor #>> array['topics', 'item', 'last',"
                    " c.partition::text])::bigint from publisher_cursor)",
                    0);
    /* A batch is counted behind its commit. */
    for (struct await await = await_for(AWAIT_MS); applied() - applied_before < count;)
        await_more(&await, "the live generation's events are counted");
    ck_assert_int_eq((int)(applied() - applied_before), count);
}

START_TEST(only_the_live_generation_counts_events)
{
    struct running r = running_start();
    struct rebuild_asked items = running_rebuild(r.world, &items_projection);
    double visible_before;

    running_done(r.world, items.job);
    visible_before = visible();
    check_counted_once(&r, 1000);
    ck_assert_int_eq((int)(visible() - visible_before), 1000);
    running_switch(r.world, &items_projection, false);
    /* Another one knows from its first look on who is live. */
    projector_stop(r.projector);
    r.projector = world_start(r.world, "a");
    check_counted_once(&r, 500);
    running_stop(&r);
}
END_TEST

START_TEST(a_second_rebuild_at_once_is_refused)
{
    SCOPED(world_free) struct world *world = world_new();
    struct projector *projector = world_start(world, "a");
    struct rebuild_request request = {.projection = &items_projection, .by = STR("test")};
    struct rebuild_asked asked;
    struct error err = {0};

    world_await_i64(world, "select count(*) from generations", 2);
    running_rebuild(world, &items_projection); /* nobody carries it out */
    ck_assert(!rebuild_request(world->conn, &request, &asked, &err));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, "projection-state");
    ck_assert_int_eq(running_number(world, "select count(*) from jobs"), 1);
    projector_stop(projector);
}
END_TEST

/* A lane of a job that died: some slices are committed. */
static void fill_a_little(struct world *world, int lane, int lanes, struct position target)
{
    SCOPED(table_free) struct table *table = table_new(&items_projection, 2);
    struct pg_conn *conn = database_connect(world->database, PG_PROFILE_BATCH);
    struct log_lane share = {items_projection.categories, lane, lanes};
    struct lane l;
    struct slice_count count;
    struct error err = {0};

    lane_init(&l, conn, table, share, POSITION(0));
    l.events_max = 100;
    ck_assert_int_eq(lane_slice(&l, target, &count, &err), SLICE_DONE);
    ck_assert_int_eq(count.events, 100);

    /* Whoever believes to be at the old place writes nothing. */
    lane_release(&l);
    lane_init(&l, conn, table, share, POSITION(0));
    ck_assert_int_eq(lane_slice(&l, target, &count, &err), SLICE_TAKEN);
    lane_release(&l);
    pg_free(conn);
}

START_TEST(a_fill_goes_on_where_a_dead_process_left_it)
{
    SCOPED(world_free) struct world *world = world_new();
    struct projector *projector = world_start(world, "a");
    SCOPED(table_free) struct table *table = table_new(&items_projection, 2);
    struct job_runner *jobs;
    struct rebuild_asked asked;
    struct error err = {0};

    world_append(world, 2000, 150, 20);
    world_publish(world, WORLD_NONE);
    world_await(world);
    asked = running_rebuild(world, &items_projection);
    ck_ok(pg_script(world->conn, table->create, &err));
    ck_ok(pg_script(world->conn,
                    "insert into generation_lanes (projection, generation, lane, lanes) values"
                    " ('items', 2, 0, 2), ('items', 2, 1, 2);"
                    "update jobs set state = 'running', holder = 'dead', epoch = 7",
                    &err));
    fill_a_little(world, 0, 2, POSITION(2000));
    fill_a_little(world, 1, 2, POSITION(2000));

    jobs = running_jobs(world, "b");
    running_done(world, asked.job);
    ck_assert_int_eq(running_number(world, "select epoch from jobs"), 8);
    ck_assert_int_eq(running_number(world, "select count(*) from generation_lanes where lanes = 2"),
                     2);
    ck_assert_int_eq(running_number(world, "select sum(events)::bigint from generation_lanes"),
                     2000);
    world_check_generations(world, 2, 1);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

/* Appends and publishes until told to stop. */
struct flow {
    struct world *world;
    struct stop *stop;
};

static void let_flow(void *arg)
{
    struct flow *flow = arg;

    while (!stop_wait(flow->stop, 1)) {
        world_append(flow->world, 20, 200, 20);
        world_publish(flow->world, WORLD_NONE);
    }
}

START_TEST(a_switch_while_batches_flow_takes_no_reader_back)
{
    struct running r = running_start();
    struct flow flow = {.stop = stop_new()};
    struct rebuild_asked items = running_rebuild(r.world, &items_projection);
    struct rebuild_asked totals = running_rebuild(r.world, &totals_projection);
    struct world beside = *r.world; /* the flow's, with a connection of its own */
    struct thread *thread;
    struct error err = {0};

    beside.conn = database_connect(r.world->database, PG_PROFILE_UPKEEP);
    flow.world = &beside;
    ck_ok(thread_start(THREAD_MAIN, "flow", let_flow, &flow, &thread, &err));
    running_done(r.world, items.job);
    running_done(r.world, totals.job);
    for (int i = 0; i < 2; i++) {
        running_switch(r.world, &items_projection, i == 1);
        running_switch(r.world, &totals_projection, i == 1);
    }
    running_switch(r.world, &items_projection, false);
    stop_request(flow.stop);
    thread_join(thread);
    pg_free(beside.conn);
    beside.conn = r.world->conn;
    *r.world = beside; /* what was published */

    ck_assert_int_eq(
        running_number(r.world, "select generation from projections where name = 'items'"), 2);
    ck_assert_int_eq(
        running_number(r.world, "select generation from projections where name = 'totals'"), 1);
    world_await_i64(r.world,
                    "select count(*) from checkpoints c where position <"
                    " (select (cursor #>> array['topics', 'item', 'last',"
                    " c.partition::text])::bigint from publisher_cursor)",
                    0);
    world_check_generations(r.world, 1, 1);
    world_check_generations(r.world, 2, 2);
    stop_free(flow.stop);
    running_stop(&r);
}
END_TEST

START_TEST(one_that_can_not_follow_is_not_activated)
{
    struct running r = running_start();
    struct rebuild_asked items = running_rebuild(r.world, &items_projection);
    struct rebuild_asked asked;
    struct error err = {0};

    running_done(r.world, items.job);
    /* Its owner writes no more, as if frozen: its checkpoints stay behind. */
    ck_ok(pg_script(r.world->conn,
                    "update checkpoints set position = 0, epoch = epoch + 1000000"
                    " where projection = 'items' and generation = 2",
                    &err));
    job_runner_stop(r.jobs);
    projector_stop(r.projector);
    r.projector = NULL;
    r.jobs = running_jobs(r.world, "b");
    ck_ok(activation_request(r.world->conn, &items_projection, false, STR("test"), &asked, &err));
    world_await_i64(r.world,
                    "select count(*) from jobs where kind = 'activate' and message like"
                    " 'waits for generation 2: %partition % is at position 0%'",
                    1);
    ck_assert_int_eq(
        running_number(r.world, "select generation from projections where name = 'items'"), 1);
    ck_ok(pg_script(r.world->conn, "update jobs set cancel_requested_by = 'test'", &err));
    running_await(r.world, asked.job, "cancelled");
    ck_assert_int_eq(running_number(r.world, "select count(*) from generations where generation = 2"
                                             " and state = 'ready'"),
                     1);
    running_stop(&r);
}
END_TEST

/* As a program with a bug would, then a fixed one. */
START_TEST(what_can_not_be_folded_is_parked_and_the_rest_is_built)
{
    struct running r = running_start();
    struct rebuild_asked items, totals;

    atomic_store(&items_tolerant, false);
    world_append_one(r.world, "item-s3", "Spoiled", "{}");
    world_append(r.world, 400, 200, 20); /* two of them behind it */
    world_publish(r.world, WORLD_NONE);
    world_await(r.world);
    items = running_rebuild(r.world, &items_projection);
    totals = running_rebuild(r.world, &totals_projection);
    running_done(r.world, items.job);
    running_done(r.world, totals.job);
    ck_assert_int_eq(running_number(r.world,
                                    "select count(*) from parked_keys where generation = 2 and"
                                    " stream = 'item-s3' and version = 16 and last_version = 18"
                                    " and class = 'poison.fold' and event_type = 'Spoiled'"),
                     2);
    ck_assert_int_eq(running_number(r.world, "select count(*) from rm_items_2"), 200);
    ck_assert_int_eq(
        running_number(r.world, "select version from rm_items_2 where stream = 'item-s3'"), 15);

    atomic_store(&items_tolerant, true);
    world_await_i64(r.world, "select count(*) from parked_keys where generation = 2", 0);
    world_check_generations(r.world, 2, 2);
    atomic_store(&items_tolerant, false);
    running_stop(&r);
}
END_TEST

START_TEST(a_program_that_refuses_too_much_builds_nothing)
{
    SCOPED(world_free) struct world *world = world_new();
    struct projector *projector = world_start(world, "a");
    struct job_runner *jobs;
    struct rebuild_asked asked;
    struct error err = {0};

    world_await_i64(world, "select count(*) from generations", 2);
    projector_stop(projector);
    ck_ok(pg_script(world->conn,
                    "select test_append('item-s' || i, 'Spoiled', '{}') from"
                    " generate_series(1, 300) i",
                    &err));
    world_publish(world, WORLD_NONE);
    asked = running_rebuild(world, &items_projection);
    jobs = running_jobs(world, "a");
    running_await(world, asked.job, "failed");
    ck_assert_int_eq(running_number(world, "select count(*) from generations where generation = 2"
                                           " and state = 'failed'"),
                     1);
    job_runner_stop(jobs);
}
END_TEST

START_TEST(a_cancelled_rebuild_leaves_nothing)
{
    SCOPED(world_free) struct world *world = world_new();
    struct projector *projector = world_start(world, "a");
    struct job_runner *jobs;
    struct rebuild_asked asked;
    struct error err = {0};
    bool was_open;

    world_append(world, 100, 10, 5);
    world_publish(world, WORLD_NONE);
    world_await(world);
    asked = running_rebuild(world, &items_projection);
    ck_ok(job_cancel(world->conn, asked.job, STR("test"), &was_open, &err));
    ck_assert(was_open);
    jobs = running_jobs(world, "a");
    running_await(world, asked.job, "cancelled");
    world_await_i64(world,
                    "select count(*) from generations where generation = 2 and state = 'dropped'"
                    " and removed_at is not null",
                    1);
    ck_assert_int_eq(running_number(world, "select count(*) from checkpoints where generation = 2"),
                     0);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

START_TEST(another_activation_drops_what_was_kept_for_rollback)
{
    struct running r = running_start();

    for (int generation = 2; generation <= 3; generation++) {
        struct rebuild_asked asked = running_rebuild(r.world, &totals_projection);

        ck_assert_int_eq(asked.generation, generation);
        running_done(r.world, asked.job);
        running_switch(r.world, &totals_projection, false);
    }
    ck_assert_int_eq(
        running_number(r.world,
                       "select count(*) from generations where projection = 'totals' and"
                       " (generation, state) in ((1, 'dropped'), (2, 'old'), (3, 'live'))"),
        3);
    world_await_i64(r.world, "select (to_regclass('rm_totals_1') is null)::integer", 1);
    world_check_generations(r.world, 1, 3);
    running_stop(&r);
}
END_TEST

START_TEST(a_paused_projection_stands_still_until_it_is_resumed)
{
    struct running r = running_start();
    struct error err = {0};

    ck_ok(projection_set_paused(r.world->conn, &items_projection, true, STR("test"), &err));
    world_await_i64(r.world,
                    "select count(*) from projector_slots where consumer_group like '%.items.1'"
                    " and expires_at > clock_timestamp()",
                    0);
    world_append(r.world, 100, 10, 5);
    world_publish(r.world, WORLD_NONE);
    world_await_i64(r.world,
                    "select (max(position) >= 3050)::integer from checkpoints"
                    " where projection = 'totals'",
                    1);
    ck_assert_int_le(
        running_number(r.world, "select max(position) from checkpoints where projection = 'items'"),
        3000);
    ck_ok(projection_set_paused(r.world->conn, &items_projection, false, STR("test"), &err));
    world_await(r.world);
    world_check(r.world);
    running_stop(&r);
}
END_TEST

Suite *projection_rebuild_suite(void)
{
    Suite *suite = suite_create("projection_rebuild");
    TCase *tc = tcase_create("rebuild");

    tcase_set_timeout(tc, 180);
    tcase_add_test(tc, what_is_built_equals_the_live_one);
    tcase_add_test(tc, only_the_live_generation_counts_events);
    tcase_add_test(tc, a_second_rebuild_at_once_is_refused);
    tcase_add_test(tc, a_fill_goes_on_where_a_dead_process_left_it);
    tcase_add_test(tc, a_switch_while_batches_flow_takes_no_reader_back);
    tcase_add_test(tc, one_that_can_not_follow_is_not_activated);
    tcase_add_test(tc, what_can_not_be_folded_is_parked_and_the_rest_is_built);
    tcase_add_test(tc, a_program_that_refuses_too_much_builds_nothing);
    tcase_add_test(tc, a_cancelled_rebuild_leaves_nothing);
    tcase_add_test(tc, another_activation_drops_what_was_kept_for_rollback);
    tcase_add_test(tc, a_paused_projection_stands_still_until_it_is_resumed);
    suite_add_tcase(suite, tc);
    return suite;
}
