/* SPDX-License-Identifier: Apache-2.0 */
/* Letters as people meet them; no projector runs. */
#include "projection/dead_letter.h"

#include <check.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/thread.h"
#include "eventlog/audit.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/world.h"
#include "tests/support/expect.h"

Suite *projection_dead_letter_suite(void);

enum { LETTERS = 20, THREADS = 4 };

static struct world *world;
static struct arena *arena;

/* Letter i is of stream item-s<i>, version 2 of 4; every second one has another code; one record.
 */
static void setup(void)
{
    struct error err = {0};

    world = world_new();
    arena = arena_new(0);
    ck_ok(projection_install_all(world->conn, items_projections, &err));
    world_append(world, LETTERS * 4, LETTERS, 3);
    database_run(
        world->database,
        "insert into dead_letters (projection, generation, topic, partition, kind, tenant, stream,"
        " version, position, event_id, event_type, class, code, message, attempts)"
        " select 'items', 1, 't', 0, 'event', s.tenant, s.name, 2, e.position, e.id, e.type,"
        "  'poison.fold', case when e.position % 2 = 0 then 'even' else 'odd' end, 'why', 3"
        " from streams s join events e on e.stream_id = s.id where e.version = 2"
        " order by e.position;"
        "insert into parked_keys (projection, generation, tenant, stream, topic, partition, state,"
        " version, last_version, position, letter)"
        " select projection, generation, tenant, stream, topic, partition, 'dead', 2, 4, position,"
        "  id from dead_letters;"
        "insert into dead_letters (projection, generation, topic, partition, kafka_offset, kind,"
        " digest, value, value_bytes, class, code, message, attempts)"
        " values ('items', 1, 't', 0, 7, 'record', 1, 'raw', 3, 'poison.foreign', 'foreign',"
        "  'why', 1)");
}

static void teardown(void)
{
    arena_free(arena);
    world_free(world);
}

static struct letter *list(const struct letter_filter *filter, int64_t before, size_t limit,
                           size_t *ret_count)
{
    struct letter *letters;
    struct error err = {0};

    ck_ok(letters_list(world->conn, filter, before, limit, arena, &letters, ret_count, &err));
    return letters;
}

static struct letter_requested ask(const struct letter_filter *filter, enum letter_verb verb,
                                   size_t limit, bool dry_run)
{
    struct letter_request request = {.verb = verb,
                                     .by = STR("me"),
                                     .reason = STR("because"),
                                     .limit = limit,
                                     .dry_run = dry_run};
    struct letter_requested requested;
    struct error err = {0};

    ck_ok(letters_request(world->conn, filter, &request, arena, &requested, &err));
    return requested;
}

static int64_t number(const char *sql)
{
    return database_i64(world->database, sql);
}

START_TEST(pages_go_by_id_and_miss_nothing)
{
    int64_t before = 0, last = INT64_MAX;
    size_t count, seen = 0;

    do {
        struct letter *letters = list(&(struct letter_filter){0}, before, 6, &count);

        for (size_t i = 0; i < count; i++) {
            ck_assert_int_lt(letters[i].id, last);
            last = before = letters[i].id;
        }
        seen += count;
    } while (count == 6);
    ck_assert_uint_eq(seen, LETTERS + 1);
}
END_TEST

START_TEST(each_member_of_a_filter_counts)
{
    const struct {
        struct letter_filter filter;
        size_t count;
    } rows[] = {
        {{.projection = STR("items")}, LETTERS + 1},
        {{.projection = STR("totals")}, 0},
        {{.code = STR("odd")}, LETTERS / 2},
        {{.class = STR("poison.foreign")}, 1},
        {{.tenant = STR("main")}, LETTERS},
        {{.stream = STR("item-s3")}, 1},
        {{.event_type = STR("Added")}, LETTERS},
        {{.state = STR("open")}, LETTERS + 1},
        {{.state = STR("resolved")}, 0},
        {{.id = 5}, 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t count;

        list(&rows[i].filter, 0, 100, &count);
        ck_assert_msg(count == rows[i].count, "filter %zu: %zu", i, count);
    }
    /* Letters of a generation that is not live are somebody else's business; records are not. */
    database_run(world->database, "update projections set generation = 2 where name = 'items'");
    for (int any = 0; any < 2; any++) {
        struct letter_filter filter = {.any_generation = any == 1};
        size_t count;

        list(&filter, 0, 100, &count);
        ck_assert_uint_eq(count, any ? LETTERS + 1 : 1);
    }
}
END_TEST

START_TEST(groups_are_causes_the_most_frequent_first)
{
    struct letter_group *groups;
    struct error err = {0};
    size_t count;

    database_run(world->database, "update dead_letters set code = 'odd' where id = 2");
    ck_ok(letters_group(world->conn, &(struct letter_filter){0}, arena, &groups, &count, &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(groups[0].letters + groups[1].letters, LETTERS);
    ck_assert_int_ge(groups[0].letters, groups[1].letters);
    ck_assert_int_eq(groups[0].queued_behind, 2 * groups[0].letters);
    EXPECT_STR(groups[0].event_type, "Added");
    EXPECT_STR(groups[2].class, "poison.foreign");
    ck_assert(!groups[2].event_type.data);
}
END_TEST

START_TEST(a_letter_shows_its_event_the_queue_and_the_last_good_one)
{
    struct letter_shown shown;
    struct error err = {0};
    bool found;

    ck_ok(letter_show(world->conn, 1, arena, &shown, &found, &err));
    ck_assert(found && shown.has_event);
    ck_assert_int_eq(shown.event.version.n, 2);
    ck_assert(str_equal(shown.event.id, shown.letter.event_id));
    ck_assert_int_eq(shown.letter.queued_behind, 2);
    ck_assert_uint_eq(shown.queue_count, 2);
    ck_assert_int_eq(shown.queue[0].version.n, 3);
    ck_assert_int_eq(shown.queue[1].version.n, 4);
    /* All streams are parked from version 2 on: the last good one is a first one. */
    ck_assert(shown.has_last_good);
    ck_assert_int_eq(shown.last_good.position.n, LETTERS);
    ck_ok(letter_show(world->conn, 4711, arena, &shown, &found, &err));
    ck_assert(!found);
}
END_TEST

START_TEST(a_record_shows_its_bytes)
{
    struct letter_shown shown;
    struct error err = {0};
    bool found;

    ck_ok(letter_show(world->conn, LETTERS + 1, arena, &shown, &found, &err));
    ck_assert(found && shown.letter.is_record && !shown.has_event);
    EXPECT_STR(shown.value, "raw");
    ck_assert_int_eq(shown.value_bytes, 3);
    ck_assert_int_eq(shown.letter.offset.n, 7);
}
END_TEST

START_TEST(a_dry_run_counts_and_writes_nothing)
{
    struct letter_requested r =
        ask(&(struct letter_filter){.code = STR("odd")}, LETTER_REDRIVE, 7, true);

    ck_assert_uint_eq(r.matched, 7);
    ck_assert_uint_eq(r.requested, 7);
    ck_assert_int_eq(r.batch, 0);
    ck_assert_int_eq(number("select count(*) from dead_letter_requests"), 0);
    ck_assert_int_eq(number("select count(*) from audit"), 0);
}
END_TEST

START_TEST(one_letter_is_asked_for_once)
{
    struct letter_requested r = ask(&(struct letter_filter){.id = 3}, LETTER_REDRIVE, 1, false);

    ck_assert_uint_eq(r.requested, 1);
    ck_assert_int_eq(number("select count(*) from dead_letters where state = 'redriving'"), 1);
    r = ask(&(struct letter_filter){.id = 3}, LETTER_DISCARD, 1, false);
    ck_assert_uint_eq(r.requested, 0);
    ck_assert_uint_eq(r.busy, 1);
    ck_assert_int_eq(number("select count(*) from audit where action = 'dlq.redrive' and actor ="
                            " 'me' and reason = 'because' and subject = 'letter 3'"),
                     1);
}
END_TEST

START_TEST(a_letter_that_fails_again_and_again_needs_force)
{
    struct letter_request request = {
        .verb = LETTER_REDRIVE, .by = STR("me"), .limit = 10, .force = true};
    struct letter_filter one = {.id = 3};
    struct letter_requested r;
    struct error err = {0};

    database_run(world->database, "update dead_letters set redrives = 3 where id = 3");
    r = ask(&one, LETTER_REDRIVE, 10, false);
    ck_assert_uint_eq(r.guarded, 1);
    ck_assert_uint_eq(r.requested, 0);
    ck_ok(letters_request(world->conn, &one, &request, arena, &r, &err));
    ck_assert_uint_eq(r.requested, 1);
}
END_TEST

START_TEST(a_rate_spreads_the_requests)
{
    struct letter_request request = {.verb = LETTER_REDRIVE,
                                     .by = STR("me"),
                                     .limit = 100,
                                     .rate = {.per_second = 2, .capacity = 4}};
    struct letter_requested r;
    struct error err = {0};

    ck_ok(letters_request(world->conn, &(struct letter_filter){.tenant = STR("main")}, &request,
                          arena, &r, &err));
    ck_assert_uint_eq(r.requested, LETTERS);
    ck_assert_int_eq(r.until_ms, (LETTERS - 4) * 500);
    ck_assert_int_eq(number("select count(*) from dead_letter_requests"
                            " where not_before <= requested_at + interval '1 ms'"),
                     4);
    ck_assert_int_eq(number("select extract(epoch from max(not_before) - min(not_before))::bigint"
                            " from dead_letter_requests"),
                     (LETTERS - 4) / 2);
}
END_TEST

START_TEST(records_are_discarded_at_once_and_never_redriven)
{
    struct letter_filter records = {.class = STR("poison.foreign")};
    struct letter_requested r = ask(&records, LETTER_REDRIVE, 10, false);
    struct letter_batch batch;
    struct error err = {0};

    ck_assert_uint_eq(r.records, 1);
    ck_assert_uint_eq(r.requested, 0);
    r = ask(&records, LETTER_DISCARD, 10, false);
    ck_assert_uint_eq(r.requested, 1);
    ck_assert_int_eq(number("select count(*) from dead_letters where state = 'discarded' and"
                            " reason = 'because' and closed_by = 'me'"),
                     1);
    ck_ok(letter_batch_find(world->conn, r.batch, &batch, &err));
    ck_assert_int_eq(batch.total, 1);
    ck_assert_int_eq(batch.discarded, 1);
}
END_TEST

START_TEST(a_batch_can_be_cancelled)
{
    struct letter_requested r =
        ask(&(struct letter_filter){.tenant = STR("main")}, LETTER_REDRIVE, 100, false);
    struct letter_batch batch;
    struct error err = {0};
    size_t cancelled;

    database_run(world->database, "update dead_letter_requests set done_at = now(), outcome ="
                                  " 'failed' where letter = 1");
    database_run(world->database, "update dead_letters set state = 'open' where id = 1");
    ck_ok(letter_batch_cancel(world->conn, r.batch, STR("me"), &cancelled, &err));
    ck_assert_uint_eq(cancelled, LETTERS - 1);
    ck_assert_int_eq(number("select count(*) from dead_letters where state = 'redriving'"), 0);
    ck_ok(letter_batch_find(world->conn, r.batch, &batch, &err));
    ck_assert_int_eq(batch.done, LETTERS);
    ck_assert_int_eq(batch.cancelled, LETTERS - 1);
    ck_assert_int_eq(batch.failed, 1);
}
END_TEST

static void ask_for_all(void *arg)
{
    struct letter_requested *ret = arg;
    SCOPED(arena_free) struct arena *mine = arena_new(0);
    struct pg_conn *conn = database_connect(world->database, PG_PROFILE_QUERY);
    struct letter_request request = {.verb = LETTER_REDRIVE, .by = STR("me"), .limit = 100};
    struct error err = {0};

    ck_ok(letters_request(conn, &(struct letter_filter){.tenant = STR("main")}, &request, mine, ret,
                          &err));
    pg_free(conn);
}

START_TEST(several_at_once_share_the_letters_and_ask_once_for_each)
{
    struct letter_requested results[THREADS];
    struct thread *threads[THREADS];
    struct error err = {0};
    size_t requested = 0, busy = 0;

    for (int i = 0; i < THREADS; i++)
        ck_ok(thread_start(THREAD_PARTITION, "ask", ask_for_all, &results[i], &threads[i], &err));
    for (int i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        requested += results[i].requested;
        busy += results[i].busy;
    }
    ck_assert_uint_eq(requested, LETTERS);
    ck_assert_uint_eq(busy, (THREADS - 1) * LETTERS);
    ck_assert_int_eq(number("select count(*) from dead_letter_requests"), LETTERS);
}
END_TEST

START_TEST(closed_letters_are_kept_for_a_month)
{
    struct error err = {0};

    database_run(world->database,
                 "update dead_letters set state = 'resolved', closed_at = now() - interval '31"
                 " days', announced_at = now() where id <= 5;"
                 "update dead_letters set state = 'resolved', closed_at = now() - interval '29"
                 " days', announced_at = now() where id = 6;"
                 "update dead_letters set state = 'resolved', closed_at = now() - interval '31"
                 " days' where id = 7"); /* nobody was told of it yet */
    ck_ok(letters_forget(world->conn, &err));
    ck_assert_int_eq(number("select count(*) from dead_letters"), LETTERS + 1 - 5);
    ck_assert_int_eq(number("select min(id) from dead_letters"), 6);
}
END_TEST

START_TEST(counts_are_of_the_live_table)
{
    struct letter_counts counts;
    struct error err = {0};

    ck_ok(letter_counts_load(world->conn, STR("items"), &counts, &err));
    ck_assert_int_eq(counts.parked_keys, LETTERS);
    ck_assert_int_eq(counts.dead, LETTERS);
    ck_assert_int_eq(counts.letters, LETTERS + 1);
    ck_ok(letter_counts_load(world->conn, STR("totals"), &counts, &err));
    ck_assert_int_eq(counts.parked_keys + counts.letters, 0);
}
END_TEST

START_TEST(the_audit_is_listed_newest_first)
{
    struct audit_entry *entries;
    struct error err = {0};
    size_t count;

    ask(&(struct letter_filter){.id = 1}, LETTER_REDRIVE, 1, false);
    ask(&(struct letter_filter){.code = STR("odd")}, LETTER_DISCARD, 3, false);
    ck_ok(audit_list(world->conn, STR_NONE, 0, 10, arena, &entries, &count, &err));
    ck_assert_uint_eq(count, 2);
    EXPECT_STR(entries[0].action, "dlq.discard");
    EXPECT_STR(entries[1].subject, "letter 1");
    ck_ok(audit_list(world->conn, STR("dlq.redrive"), entries[0].id, 10, arena, &entries, &count,
                     &err));
    ck_assert_uint_eq(count, 1);
}
END_TEST

Suite *projection_dead_letter_suite(void)
{
    Suite *suite = suite_create("projection_dead_letter");
    TCase *tc = tcase_create("letters");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pages_go_by_id_and_miss_nothing);
    tcase_add_test(tc, each_member_of_a_filter_counts);
    tcase_add_test(tc, groups_are_causes_the_most_frequent_first);
    tcase_add_test(tc, a_letter_shows_its_event_the_queue_and_the_last_good_one);
    tcase_add_test(tc, a_record_shows_its_bytes);
    tcase_add_test(tc, a_dry_run_counts_and_writes_nothing);
    tcase_add_test(tc, one_letter_is_asked_for_once);
    tcase_add_test(tc, a_letter_that_fails_again_and_again_needs_force);
    tcase_add_test(tc, a_rate_spreads_the_requests);
    tcase_add_test(tc, records_are_discarded_at_once_and_never_redriven);
    tcase_add_test(tc, a_batch_can_be_cancelled);
    tcase_add_test(tc, several_at_once_share_the_letters_and_ask_once_for_each);
    tcase_add_test(tc, closed_letters_are_kept_for_a_month);
    tcase_add_test(tc, counts_are_of_the_live_table);
    tcase_add_test(tc, the_audit_is_listed_newest_first);
    suite_add_tcase(suite, tc);
    return suite;
}
