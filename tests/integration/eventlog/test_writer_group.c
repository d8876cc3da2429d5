/* SPDX-License-Identifier: Apache-2.0 */
/* Groups and dry runs on a real PostgreSQL: one transaction, keys, races of several writers. */
#include "base/clock.h"
#include "tests/integration/eventlog/rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

Suite *eventlog_writer_group_suite(void);

enum { WRITERS = 3, ROUNDS = 60 };

static int64_t count(const char *sql)
{
    return database_i64(the_log.database, sql);
}

START_TEST(a_group_is_one_transaction)
{
    struct writer *writer = rig_writer();
    struct write *group = write_group(true);
    char id[16];

    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof(id), "%d", i);
        write_part_open(group, id, "");
        write_part(group, &account_add, id, i);
    }
    RIG_EXPECT(writer, group, WRITE_APPENDED);
    ck_assert_int_eq(count("select count(distinct xmin::text) from events"), 1);
    ck_assert_int_eq(rig_check(), 100);
    writer_stop(writer);
}
END_TEST

/* The answers of a group and of its parts are there with its events, for every writer. */
START_TEST(keys_are_answered_by_every_writer)
{
    struct writer *first = rig_writer();
    struct writer *second = rig_writer();
    struct write *group = write_group(true);
    struct write *again = write_group(true);
    struct write *other = write_group(true);

    write_key(group, "all", "hash");
    write_key(write_part_open(group, "1", ""), "one", "hash");
    write_part(group, &account_add, "1", 5);
    RIG_EXPECT(first, group, WRITE_APPENDED);
    ck_assert_int_eq(count("select count(*) from idempotency_keys"), 2);

    write_key(again, "all", "hash");
    write_part_open(again, "1", "");
    RIG_EXPECT(second, again, WRITE_REPLAYED);

    write_key(write_part_open(other, "1", ""), "one", "hash");
    write_part(other, &account_add, "1", -5);
    rig_write(second, other);
    ck_assert_int_eq(other->outcome, WRITE_APPENDED);
    ck_assert_int_eq(other->parts[0].outcome, WRITE_REPLAYED);
    EXPECT_STR(other->parts[0].answer.body, "{\"version\":1}");
    write_drop(other);
    ck_assert_int_eq(rig_check(), 3);
    writer_stop(first);
    writer_stop(second);
}
END_TEST

START_TEST(a_group_that_fails_leaves_nothing)
{
    struct writer *writer = rig_writer();
    struct write *group = write_group(true);

    write_key(group, "all", "hash");
    write_key(write_part_open(group, "1", ""), "one", "hash");
    write_part(group, &account_add, "1", -1);
    RIG_EXPECT(writer, group, WRITE_REFUSED);
    ck_assert_int_eq(count("select count(*) from idempotency_keys"), 0);
    ck_assert_int_eq(count("select count(*) from streams"), 0);
    ck_assert_int_eq(rig_check(), 0);
    RIG_EXPECT(writer, write_open("1", ""), WRITE_APPENDED);
    writer_stop(writer);
}
END_TEST

START_TEST(a_dry_run_leaves_nothing)
{
    struct writer *writer = rig_writer();
    struct write *group = write_group(false);
    struct write *open = write_open("1", "");
    struct write *append = write_append("note-1", 3, "a b c");

    write_part_open(group, "1", "");
    write_part(group, &account_add, "1", 5);
    write_dry(group);
    write_dry(open);
    write_dry(append);
    RIG_EXPECT(writer, group, WRITE_APPENDED);
    RIG_EXPECT(writer, open, WRITE_APPENDED);
    RIG_EXPECT(writer, append, WRITE_APPENDED);
    ck_assert_int_eq(count("select count(*) from streams"), 0);
    ck_assert_int_eq(count("select count(*) from categories"), 0);
    ck_assert_int_eq(count("select position from log_head"), 0);
    RIG_EXPECT(writer, write_append("note-1", 3, "a b c"), WRITE_APPENDED);
    ck_assert_int_eq(rig_check(), 3);
    writer_stop(writer);
}
END_TEST

/* A client that spends two at a time, or none, and looks at dry runs in between. */
struct spender {
    struct writer *writer;
    struct queue *finished;
    int number;
    int64_t spent;
    int64_t refused;
};

static struct write *carry_out(struct spender *spender, struct write *write)
{
    write->deadline_ms = clock_monotonic_ms() + 30000;
    write_announce(write, spender->finished);
    if (writer_submit(spender->writer, write) != WRITER_TAKEN)
        abort();
    if (queue_pop(spender->finished, 60000) != write)
        abort();
    return write;
}

static void *spend(void *arg)
{
    struct spender *spender = arg;
    char id[32];

    for (int i = 0; i < ROUNDS; i++) {
        struct write *group = write_group(true);
        struct write *dry = write_command(&account_add, "rich", -1);

        snprintf(id, sizeof(id), "%d.%d", spender->number, i);
        write_part_open(group, id, "");
        write_part(group, &account_add, "rich", -1);
        write_part(group, &account_add, id, 1);
        write_part(group, &account_add, "rich", -1);
        carry_out(spender, group);
        if (group->outcome != WRITE_APPENDED && group->outcome != WRITE_REFUSED)
            abort();
        spender->spent += group->outcome == WRITE_APPENDED ? 2 : 0;
        spender->refused += group->outcome == WRITE_REFUSED;
        write_drop(group);
        write_dry(dry);
        write_drop(carry_out(spender, dry));
    }
    return NULL;
}

START_TEST(groups_that_race_spend_all_or_nothing)
{
    enum { RICHES = 101 };
    struct spender spenders[WRITERS];
    pthread_t threads[WRITERS];
    struct writer *writers[WRITERS];
    int64_t spent = 0;
    int64_t refused = 0;

    for (int i = 0; i < WRITERS; i++)
        writers[i] = rig_writer();
    RIG_EXPECT(writers[0], write_open("rich", ""), WRITE_APPENDED);
    RIG_EXPECT(writers[0], write_command(&account_add, "rich", RICHES), WRITE_APPENDED);
    for (int i = 0; i < WRITERS; i++) {
        spenders[i] = (struct spender){.writer = writers[i], .finished = queue_new(1), .number = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, spend, &spenders[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        queue_free(spenders[i].finished);
        spent += spenders[i].spent;
        refused += spenders[i].refused;
        writer_stop(writers[i]);
    }
    ck_assert_int_eq(spent, RICHES - 1);
    ck_assert_int_eq(refused, WRITERS * ROUNDS - spent / 2);
    ck_assert_int_eq(rig_check(), 2 + spent * 2);
    ck_assert_int_eq(count("select count(*) from streams"), 1 + spent / 2);
}
END_TEST

Suite *eventlog_writer_group_suite(void)
{
    Suite *suite = suite_create("eventlog_writer_group");
    TCase *tc = tcase_create("group");

    tcase_add_checked_fixture(tc, rig_set_up, rig_tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_group_is_one_transaction);
    tcase_add_test(tc, keys_are_answered_by_every_writer);
    tcase_add_test(tc, a_group_that_fails_leaves_nothing);
    tcase_add_test(tc, a_dry_run_leaves_nothing);
    tcase_add_test(tc, groups_that_race_spend_all_or_nothing);
    suite_add_tcase(suite, tc);
    return suite;
}
