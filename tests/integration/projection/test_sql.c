/* SPDX-License-Identifier: Apache-2.0 */
/* Projections that were brought as files, on real PostgreSQL and Kafka. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "eventlog/read.h"
#include "projection/apply.h"
#include "projection/diff.h"
#include "projection/events_json.h"
#include "projection/install.h"
#include "projection/job_runner.h"
#include "projection/rebuild_job.h"
#include "projection/sql_category.h"
#include "projection/sql_file.h"
#include "projection/table.h"
#include "tests/integration/projection/running.h"
#include "tests/integration/projection/world.h"

Suite *projection_sql_suite(void);

#define HEADER(kind) \
    "-- name: spend\n" \
    "-- categories: item\n" \
    "-- kind: " kind "\n"

/* By owner and, as a key that is no text, by month. */
static const char spend[] = HEADER("roll-up") //
    "create table {table} (tenant text, month date, owner text, events bigint not null,"
    " n bigint not null, primary key (tenant, month, owner));\n"
    "insert into {table} as t select e.tenant, date_trunc('month', e.occurred_at)::date,"
    " e.data ->> 'owner', count(*), sum((e.data ->> 'n')::bigint) from {events} e"
    " where e.type = 'Added' group by 1, 2, 3"
    " on conflict (tenant, month, owner) do update set events = t.events + excluded.events,"
    " n = t.n + excluded.n;\n";

/* The same with another column. */
static const char spend_more[] = HEADER("roll-up") //
    "create table {table} (tenant text, month date, owner text, most bigint not null,"
    " events bigint not null, n bigint not null, primary key (tenant, month, owner));\n"
    "insert into {table} as t select e.tenant, date_trunc('month', e.occurred_at)::date,"
    " e.data ->> 'owner', max((e.data ->> 'n')::bigint), count(*), sum((e.data ->> 'n')::bigint)"
    " from {events} e where e.type = 'Added' group by 1, 2, 3"
    " on conflict (tenant, month, owner) do update set events = t.events + excluded.events,"
    " n = t.n + excluded.n, most = greatest(t.most, excluded.most);\n";

/* A row a stream, that keeps every n in the order in which it came; some are refused. */
static const char lists[] = HEADER("by stream") //
    "create table {table} (tenant text, stream text, ns text not null,"
    " constraint wanted check (ns not like '%-1%'), primary key (tenant, stream));\n"
    "insert into {table} as t select e.tenant, e.stream,"
    " string_agg(e.data ->> 'n', ',' order by e.position) from {events} e group by 1, 2"
    " on conflict (tenant, stream) do update set ns = t.ns || ',' || excluded.ns;\n";

/* One row at a time: two events of a stream in a batch are refused together, never alone. */
static const char last[] = HEADER("by stream") //
    "create table {table} (tenant text, stream text, n bigint, primary key (tenant, stream));\n"
    "insert into {table} as t select e.tenant, e.stream, (e.data ->> 'n')::bigint from {events} e"
    " on conflict (tenant, stream) do update set n = excluded.n;\n";

static const char wrong[] = HEADER("roll-up") //
    "create table {table} (id text primary key);\n"
    "insert into {table} select no_such_function(e.id) from {events} e;\n";

/* A type that there is not, and one whose length PostgreSQL finds out of range as it would data. */
static const char unknown_type[] = "-- name: unknown\n-- categories: item\n-- kind: roll-up\n"
                                   "create table {table} (id text primary key, n biggint);\n"
                                   "insert into {table} select e.id from {events} e;\n";
static const char absurd_type[] = "-- name: absurd\n-- categories: item\n-- kind: roll-up\n"
                                  "create table {table} (id varchar(99999999) primary key);\n"
                                  "insert into {table} select e.id from {events} e;\n";

#define SPEND_OF_LOG \
    "(select s.tenant, date_trunc('month', e.occurred_at)::date as month," \
    " e.data ->> 'owner' as owner, count(*) as events, sum((e.data ->> 'n')::bigint)::bigint as n" \
    " from events e join streams s on s.id = e.stream_id where e.type = 'Added' group by 1, 2, 3)"
#define LISTS_OF_LOG \
    "(select s.tenant, s.name as stream," \
    " string_agg(e.data ->> 'n', ',' order by e.position) as ns" \
    " from events e join streams s on s.id = e.stream_id group by 1, 2)"

static struct world *world;
static struct arena *arena;

static void set_up(void)
{
    world = world_new();
    arena = arena_new(0);
}

static void tear_down(void)
{
    arena_free(arena);
    world_free(world);
}

static const struct projection *parse_file(const char *path, const char *text)
{
    static const struct projection *const none[] = {NULL};
    SCOPED_VALUE(buf_release) struct buf faults = BUF_INIT(1 << 16);
    const struct projection *parsed = NULL;

    ck_assert_msg(sql_file_parse(path, str_of(text), none, arena, &faults, &parsed), STR_FMT,
                  STR_ARG(buf_str(&faults)));
    return parsed;
}

static const struct projection *const *parse(const char *text)
{
    const struct projection **all = ARENA_ARRAY(arena, const struct projection *, 2);

    all[0] = parse_file("spend.sql", text);
    return all;
}

static struct projector *start(const struct projection *const *projections,
                               struct parking_policy policy)
{
    struct projector_config config = world_projector(world->database, fixture_kafka(), "a");
    struct projector *projector;
    struct error err = {0};

    config.projections = projections;
    config.parking = policy;
    ck_ok(projector_start(&config, &projector, &err));
    return projector;
}

static struct projector *start_patient(const struct projection *const *projections)
{
    return start(projections, (struct parking_policy){1000, 100, 100, 600000});
}

static struct job_runner *start_jobs(const struct projection *const *projections)
{
    static const struct job_kind *const kinds[] = {&rebuild_kind, &activate_kind, &rollback_kind,
                                                   NULL};
    struct job_config config = {.postgres = database_config(world->database),
                                .kafka = *fixture_kafka(),
                                .instance = "a",
                                .projections = projections,
                                .kinds = kinds,
                                .fill_lanes = 3};
    struct job_runner *runner;
    struct error err = {0};

    ck_ok(job_runner_start(&config, &runner, &err));
    return runner;
}

/* All that is published is applied by that generation. */
static void await_generation(int generation)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "select count(*) from generate_series(0, 5) p left join checkpoints c on"
             " c.partition = p and c.projection = 'spend' and c.generation = %d"
             " where coalesce(c.position, 0) < coalesce((select (cursor #>> array['topics',"
             " 'item', 'last', p::text])::bigint from publisher_cursor), 0)",
             generation);
    world_await_i64(world, sql, 0);
}

static void same(const char *table, const char *of_log)
{
    char sql[2048];

    snprintf(sql, sizeof(sql),
             "select count(*) from (select * from %s) a natural full join %s b"
             " where a.tenant is null or b.tenant is null",
             table, of_log);
    ck_assert_msg(running_number(world, sql) == 0, "'%s' is not as the log", table);
    snprintf(sql, sizeof(sql), "select count(*) from %s", table);
    ck_assert_int_gt(running_number(world, sql), 0);
}

static void rebuild(const struct projection *projection, int expected)
{
    struct rebuild_asked asked = running_rebuild(world, projection);

    ck_assert_int_eq(asked.generation, expected);
    running_done(world, asked.job);
}

START_TEST(every_event_is_counted_once_through_restarts)
{
    const struct projection *const *projections = parse(spend);

    world_append(world, 2000, 200, 20);
    world_publish(world, WORLD_NONE);
    for (int round = 0; round < 3; round++) {
        struct projector *projector = start_patient(projections);

        world_append(world, 500, 200, 20);
        world_publish(world, round == 1 ? WORLD_REPEAT : WORLD_NONE);
        await_generation(1);
        projector_stop(projector);
        same("rm_spend", SPEND_OF_LOG);
    }
}
END_TEST

START_TEST(what_the_database_refuses_parks_its_stream_and_follows_in_order)
{
    struct projector *projector = start_patient(parse(lists));
    struct error err = {0};

    world_append(world, 600, 30, 5);
    world_append_one(world, "item-s7", "Added", "{\"owner\":\"o\",\"n\":-1}");
    world_append(world, 600, 30, 5);
    world_publish(world, WORLD_NONE);
    await_generation(1);
    ck_assert_int_eq(running_number(world, "select count(*) from parked_keys"), 1);
    ck_assert_int_eq(running_number(world,
                                    "select count(*) from parked_keys where stream = 'item-s7'"
                                    " and code = '23514'"),
                     1);
    same("rm_spend where stream <> 'item-s7'",
         "(select * from " LISTS_OF_LOG " l where stream <> 'item-s7')");
    ck_assert_int_eq(running_number(world, "select count(*) from rm_spend where stream = 'item-s7'"
                                           " and array_length(string_to_array(ns, ','), 1) = 20"),
                     1);

    ck_ok(pg_script(world->conn, "alter table rm_spend_1 drop constraint wanted", &err));
    world_await_i64(world, "select count(*) from parked_keys", 0);
    same("rm_spend", LISTS_OF_LOG);
    projector_stop(projector);
}
END_TEST

START_TEST(events_that_can_not_share_a_statement_are_applied_alone)
{
    struct projector *projector = start_patient(parse(last));

    world_append(world, 60, 3, 5);
    world_publish(world, WORLD_NONE);
    await_generation(1);
    projector_stop(projector);
    ck_assert_int_eq(running_number(world, "select count(*) from parked_keys"), 0);
    same("rm_spend", "(select distinct on (s.id) s.tenant, s.name as stream,"
                     " (e.data ->> 'n')::bigint as n from events e join streams s on"
                     " s.id = e.stream_id order by s.id, e.position desc)");
}
END_TEST

START_TEST(a_rebuild_parks_what_its_table_refuses)
{
    const struct projection *const *projections = parse(lists);
    struct projector *projector = start_patient(projections);
    struct job_runner *jobs = start_jobs(projections);
    struct error err = {0};

    world_append(world, 600, 30, 5);
    world_append_one(world, "item-s7", "Added", "{\"owner\":\"o\",\"n\":-1}");
    world_append(world, 600, 30, 5);
    world_publish(world, WORLD_NONE);
    await_generation(1);
    rebuild(projections[0], 2);
    same("rm_spend_2 where stream <> 'item-s7'",
         "(select * from " LISTS_OF_LOG " l where stream <> 'item-s7')");
    world_await_i64(world,
                    "select count(*) from parked_keys where generation = 2"
                    " and stream = 'item-s7' and code = '23514'",
                    1);
    ck_ok(pg_script(world->conn, "alter table rm_spend_2 drop constraint wanted", &err));
    world_await_i64(world, "select count(*) from parked_keys where generation = 2", 0);
    same("rm_spend_2", LISTS_OF_LOG);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

/* 40 MB between small events: slices and batches hold more than one parameter may. */
START_TEST(a_batch_too_large_for_one_parameter_is_cut)
{
    enum { EVENTS = 100, PADDING = 400 * 1024 };
    const struct projection *const *projections = parse(spend);
    SCOPED_VALUE(buf_release) struct buf data = BUF_INIT(PADDING + 100);
    struct projector *projector;
    struct job_runner *jobs;

    buf_add_cstr(&data, "{\"owner\":\"o\",\"n\":3,\"padding\":\"");
    memset(buf_reserve(&data, PADDING), 'x', PADDING);
    buf_commit(&data, PADDING);
    buf_add_cstr(&data, "\"}");
    buf_add_char(&data, '\0');
    for (int i = 0; i < EVENTS; i++)
        world_append_one(world, "item-s1", "Added", data.data);
    world_append(world, 50, 5, 5);
    world_publish(world, WORLD_NONE);
    projector = start_patient(projections);
    jobs = start_jobs(projections);
    await_generation(1);
    same("rm_spend", SPEND_OF_LOG);
    rebuild(projections[0], 2);
    same("rm_spend_2", SPEND_OF_LOG);
    ck_assert_int_eq(running_number(world, "select n from rm_spend_2 where owner = 'o'"),
                     3 * EVENTS);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

/* As a worker does, but for its queues, which hold less than a parameter. */
static void apply_from(struct pg_conn *conn, const struct table *table,
                       struct checkpoint *checkpoint, const struct event *const *events,
                       size_t count, struct applied *applied)
{
    struct causes causes = {0};
    struct parking_rules rules = {.policy = {3, 1000, 60000, 600000}, .causes = &causes};
    struct apply_part part = {.checkpoint = *checkpoint, .events = events, .count = count};

    part.checkpoint.at = (struct place){events[count - 1]->position, {100}};
    batch_apply(conn, table, &part, 1, &rules, arena, applied);
    ck_assert(!pg_in_transaction(conn));
}

START_TEST(what_a_cut_leaves_out_comes_with_the_next_batch)
{
    enum { EVENTS = 25, PADDING = 400 * 1024, FIT = EVENTS_JSON_BYTES_MAX / PADDING };
    const struct projection *projection = parse(spend)[0];
    SCOPED(table_free) struct table *table = table_new(projection, 1);
    SCOPED(pg_free)
    struct pg_conn *conn = database_connect(world->database, PG_PROFILE_BATCH);
    struct checkpoint checkpoint = {.topic = "t", .partition = 0};
    const struct event *all[EVENTS];
    struct event_page page;
    struct applied applied;
    struct error err = {0};
    char *padding = arena_alloc(arena, PADDING);
    int generation, batches = 0;

    memset(padding, 'x', PADDING);
    for (int i = 1; i <= EVENTS; i++)
        world_append_one(world, "item-s1", "Added", "{}");
    ck_ok(log_read(world->conn, POSITION(0), POSITION(0), &(struct log_filter){0}, EVENTS, arena,
                   &page, &err));
    for (int i = 0; i < EVENTS; i++) {
        page.events[i].data = arena_printf(arena, "{\"owner\":\"o\",\"n\":%d,\"padding\":\"%.*s\"}",
                                           i + 1, PADDING, padding);
        all[i] = &page.events[i];
    }
    ck_ok(projection_install(world->conn, projection, &world->identity, &generation, &err));
    ck_ok(checkpoint_acquire(conn, (struct checkpoint_set){"spend", 1}, "me", &checkpoint, &err));
    for (size_t from = 0; from < EVENTS; batches++) {
        apply_from(conn, table, &checkpoint, all + from, EVENTS - from, &applied);
        if (applied.result == APPLY_DONE)
            break;
        ck_assert_int_eq(applied.result, APPLY_CUT);
        ck_assert_int_eq(applied.err.class, ERROR_NONE);
        ck_assert_uint_le(applied.cut, FIT);
        apply_from(conn, table, &checkpoint, all + from, applied.cut, &applied);
        ck_assert_int_eq(applied.result, APPLY_DONE);
        from += applied.folded;
    }
    ck_assert_int_eq(batches, EVENTS / FIT);
    ck_assert_int_eq(running_number(world, "select n from rm_spend_1"), EVENTS * (EVENTS + 1) / 2);
    ck_assert_int_eq(running_number(world, "select position from checkpoints"), EVENTS);
}
END_TEST

START_TEST(wrong_sql_blocks_and_says_why)
{
    struct projector *projector = start_patient(parse(wrong));

    world_append(world, 60, 30, 5);
    world_publish(world, WORLD_NONE);
    world_await_i64(world,
                    "select least(count(*), 1) from checkpoints where state = 'blocked'"
                    " and reason like '%function no_such_function(text) does not exist%'",
                    1);
    projector_stop(projector);
    ck_assert_int_eq(running_number(world, "select count(*) from parked_keys"), 0);
    ck_assert_int_eq(running_number(world, "select coalesce(max(position), 0) from checkpoints"),
                     0);
}
END_TEST

static void blocked(const struct projection_status *status, const char *file, const char *fault)
{
    ck_assert_msg(str_equal(status->state, STR("blocked")), STR_FMT ": " STR_FMT,
                  STR_ARG(status->state), STR_ARG(status->reason));
    ck_assert_ptr_nonnull(strstr(arena_cstr(arena, status->reason), file));
    ck_assert_ptr_nonnull(strstr(arena_cstr(arena, status->reason), fault));
}

START_TEST(a_table_that_can_not_be_made_blocks_its_file_alone)
{
    const struct projection *const projections[] = {parse_file("unknown.sql", unknown_type),
                                                    parse_file("absurd.sql", absurd_type),
                                                    parse(spend)[0], NULL};
    struct projection_status *status;
    struct projector *projector;
    struct error err = {0};
    size_t count;

    ck_ok(projection_install_all(world->conn, projections, &err));
    ck_assert_int_eq(running_number(world, "select count(*) from projections"), 1);
    world_append(world, 600, 30, 5);
    world_publish(world, WORLD_NONE);
    projector = start_patient(projections);
    await_generation(1);
    projector_status(projector, arena, &status, &count);
    ck_assert_uint_eq(count, 3);
    blocked(&status[0], "unknown.sql", "type \"biggint\" does not exist");
    blocked(&status[1], "absurd.sql", "length for type varchar cannot exceed");
    projector_stop(projector);
    same("rm_spend", SPEND_OF_LOG);
}
END_TEST

START_TEST(a_category_that_nothing_is_of_comes_with_its_nearest)
{
    static const char *const built_in_categories[] = {"stock", NULL};
    static const struct projection built_in = {.name = "b", .categories = built_in_categories};
    const struct projection *const projections[] = {
        &built_in, parse_file("typo.sql", "-- name: typo\n-- categories: items, item, stok, stock,"
                                          " elephant\n-- kind: roll-up\n"
                                          "create table {table} (id text primary key);\n"
                                          "insert into {table} select e.id from {events} e;\n")};
    struct sql_category_doubt *doubts;
    struct error err = {0};
    size_t count;

    ck_ok(pg_script(world->conn, "insert into categories (name) values ('item')", &err));
    ck_ok(sql_categories_doubt(world->conn, projections[1], projections, 2, arena, &doubts, &count,
                               &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(doubts[0].category, "items");
    ck_assert_str_eq(doubts[0].nearest, "item");
    ck_assert_str_eq(doubts[1].category, "stok");
    ck_assert_str_eq(doubts[1].nearest, "stock");
    ck_assert_str_eq(doubts[2].category, "elephant");
    ck_assert_ptr_null(doubts[2].nearest);
}
END_TEST

START_TEST(another_file_waits_for_its_rebuild_and_is_switched_to)
{
    const struct projection *const *before = parse(spend);
    const struct projection *const *after = parse(spend_more);
    struct projector *projector = start_patient(before);
    struct job_runner *jobs;

    world_append(world, 2000, 200, 20);
    world_publish(world, WORLD_NONE);
    await_generation(1);
    projector_stop(projector);

    projector = start_patient(after);
    jobs = start_jobs(after);
    world_append(world, 500, 200, 20);
    world_publish(world, WORLD_NONE);
    rebuild(after[0], 2);
    ck_assert_int_eq(running_number(world, "select sum(events)::bigint from rm_spend"), 2000);
    same("rm_spend_2", SPEND_OF_LOG);

    running_switch(world, after[0], false);
    same("rm_spend", SPEND_OF_LOG);
    ck_assert_int_eq(running_number(world, "select max(most) from rm_spend"), 2000);
    world_append(world, 500, 200, 20);
    world_publish(world, WORLD_NONE);
    await_generation(2);
    same("rm_spend", SPEND_OF_LOG);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

START_TEST(a_rollback_wants_the_file_of_before_first)
{
    const struct projection *const *before = parse(spend);
    const struct projection *const *after = parse(spend_more);
    struct projector *projector = start_patient(before);
    struct job_runner *jobs;
    struct rebuild_asked asked;
    struct error err = {0};

    world_append(world, 600, 30, 5);
    world_publish(world, WORLD_NONE);
    await_generation(1);
    projector_stop(projector);
    projector = start_patient(after);
    jobs = start_jobs(after);
    rebuild(after[0], 2);
    running_switch(world, after[0], false);
    world_append(world, 600, 30, 5);
    world_publish(world, WORLD_NONE);
    await_generation(2);

    ck_assert(!activation_request(world->conn, after[0], true, STR("test"), &asked, &err));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, "projection-state");
    ck_assert_ptr_nonnull(strstr(err.text, "generation 1 of projection 'spend' is of another"));
    ck_assert_ptr_nonnull(strstr(err.text, "put the file of before back and restart"));
    ck_assert_int_eq(running_number(world, "select count(*) from jobs where kind = 'rollback'"), 0);
    job_runner_stop(jobs);
    projector_stop(projector);

    projector = start_patient(before);
    jobs = start_jobs(before);
    running_switch(world, before[0], true);
    same("rm_spend", SPEND_OF_LOG);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

START_TEST(a_rebuild_is_compared_activated_and_rolled_back)
{
    const struct projection *const *projections = parse(spend);
    struct projector *projector = start_patient(projections);
    struct job_runner *jobs = start_jobs(projections);
    struct error err = {0};
    struct diff diff;

    world_append(world, 2000, 200, 20);
    world_publish(world, WORLD_NONE);
    await_generation(1);
    rebuild(projections[0], 2);
    ck_ok(diff_page(world->conn, projections[0], 0, NULL, 1000, arena, &diff, &err));
    ck_assert_int_eq(diff.compared, 20);
    ck_assert_int_eq(diff.different + diff.only_live + diff.only_other, 0);
    ck_assert(diff.exact);

    ck_ok(pg_script(world->conn,
                    "update rm_spend_2 set n = n + 1 where owner = 'o3';"
                    "delete from rm_spend_2 where owner = 'o7'",
                    &err));
    ck_ok(diff_page(world->conn, projections[0], 0, NULL, 10, arena, &diff, &err));
    ck_assert_int_eq(diff.different, 1);
    ck_assert_int_eq(diff.only_live, 1);
    running_switch(world, projections[0], false);
    ck_assert_int_eq(running_number(world, "select count(*) from rm_spend"), 19);
    running_switch(world, projections[0], true);
    same("rm_spend", SPEND_OF_LOG);
    job_runner_stop(jobs);
    projector_stop(projector);
}
END_TEST

Suite *projection_sql_suite(void)
{
    Suite *suite = suite_create("projection_sql");
    TCase *tc = tcase_create("sql");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, every_event_is_counted_once_through_restarts);
    tcase_add_test(tc, what_the_database_refuses_parks_its_stream_and_follows_in_order);
    tcase_add_test(tc, events_that_can_not_share_a_statement_are_applied_alone);
    tcase_add_test(tc, a_rebuild_parks_what_its_table_refuses);
    tcase_add_test(tc, a_batch_too_large_for_one_parameter_is_cut);
    tcase_add_test(tc, what_a_cut_leaves_out_comes_with_the_next_batch);
    tcase_add_test(tc, wrong_sql_blocks_and_says_why);
    tcase_add_test(tc, a_table_that_can_not_be_made_blocks_its_file_alone);
    tcase_add_test(tc, a_category_that_nothing_is_of_comes_with_its_nearest);
    tcase_add_test(tc, another_file_waits_for_its_rebuild_and_is_switched_to);
    tcase_add_test(tc, a_rollback_wants_the_file_of_before_first);
    tcase_add_test(tc, a_rebuild_is_compared_activated_and_rolled_back);
    suite_add_tcase(suite, tc);
    return suite;
}
