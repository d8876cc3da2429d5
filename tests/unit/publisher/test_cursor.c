/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/cursor.h"

#include <check.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/scope.h"
#include "tests/support/expect.h"

Suite *publisher_cursor_suite(void);

static void fill(struct cursor *cursor)
{
    struct cursor_topic *topic;

    cursor_init(cursor, "0198c0de-0000-7000-8000-000000000001");
    cursor->position = POSITION(42);
    snprintf(cursor->event_id, sizeof(cursor->event_id), "an \"id\"");
    topic = cursor_add(cursor, STR("order"), "daybook.order", 2);
    topic->lanes[0].last = POSITION(41);
    topic->lanes[1].last = POSITION(42);
    topic->lanes[1].offset.n = 17;
    topic = cursor_add(cursor, STR("stock"), "daybook.stock", 1);
    topic->lanes[0].last = POSITION(7);
    topic->lanes[0].floor = POSITION(7);
}

START_TEST(it_is_written_as_documented)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(4096);
    SCOPED_VALUE(cursor_release) struct cursor cursor;

    fill(&cursor);
    cursor_write(&cursor, &out);
    EXPECT_STR(buf_str(&out),
               "{\"log\":\"0198c0de-0000-7000-8000-000000000001\",\"position\":42,"
               "\"event\":\"an \\\"id\\\"\",\"topics\":{"
               "\"order\":{\"topic\":\"daybook.order\",\"last\":[41,42],\"offset\":[-1,17]},"
               "\"stock\":{\"topic\":\"daybook.stock\",\"last\":[7],\"floor\":[7]}}}");
}
END_TEST

START_TEST(what_was_written_is_read_back)
{
    SCOPED_VALUE(buf_release) struct buf once = BUF_INIT(4096);
    SCOPED_VALUE(buf_release) struct buf twice = BUF_INIT(4096);
    SCOPED_VALUE(cursor_release) struct cursor cursor;
    SCOPED_VALUE(cursor_release) struct cursor back;
    SCOPED_VALUE(cursor_release) struct cursor copy;
    struct error err = {0};

    fill(&cursor);
    cursor_write(&cursor, &once);
    ck_assert_msg(cursor_parse(buf_str(&once), &back, &err), "%s", err.text);
    cursor_init(&copy, "");
    cursor_copy(&copy, &back);
    cursor_write(&copy, &twice);
    ck_assert(str_equal(buf_str(&once), buf_str(&twice)));
    ck_assert_int_eq(cursor_find(&back, STR("order"))->lanes[1].offset.n, 17);
    ck_assert_int_eq(cursor_find(&back, STR("stock"))->lanes[0].offset.n, -1);
    ck_assert_ptr_null(cursor_find(&back, STR("feed")));
}
END_TEST

static const char *const malformed[] = {
    "",
    "7",
    "[]",
    "{}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\"}",
    "{\"log\":\"x\",\"position\":-1,\"event\":\"e\",\"topics\":{}}",
    "{\"log\":\"x\",\"position\":\"1\",\"event\":\"e\",\"topics\":{}}",
    "{\"log\":7,\"position\":1,\"event\":\"e\",\"topics\":{}}",
    "{\"log\":\"0123456789012345678901234567890123456\",\"position\":1,\"event\":\"e\",\"topics\":{"
    "}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":7}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{\"topic\":\"t\",\"last\":"
    "[]}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"Or/"
    "\":{\"topic\":\"t\",\"last\":[1]}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{\"topic\":\"t\",\"last\":"
    "[2]}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{\"topic\":\"t\",\"last\":"
    "[-1]}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{\"topic\":\"t\",\"last\":"
    "[1.0]}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{\"topic\":\"t\",\"last\":"
    "[1],\"floor\":[]}}}",
    "{\"log\":\"x\",\"position\":1,\"event\":\"e\",\"topics\":{\"order\":{\"topic\":\"t\",\"last\":"
    "[1],\"offset\":[1,2]}}}",
};

START_TEST(what_is_no_cursor_is_refused)
{
    struct cursor cursor;
    struct error err = {0};

    ck_assert(!cursor_parse(str_of(malformed[_i]), &cursor, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_str_eq(err.code, "bad-cursor");
    ck_assert_uint_eq(cursor.topics_count, 0);
}
END_TEST

static const struct {
    const char *stream;
    const char *category;
} categories[] = {
    {"order-1", "order"},
    {"dlq-orders", "dlq.orders"},
    {"dlq-Orders", "dlq"}, /* no projection: nothing of the engine's */
    {"dlq-a.b", "dlq"},
};

START_TEST(dead_letters_are_found_by_their_projection)
{
    char out[CURSOR_CATEGORY_MAX + 1];

    EXPECT_STR(cursor_category(str_of(categories[_i].stream), out), categories[_i].category);
    ck_assert(cursor_is_category(str_of(categories[_i].category)));
}
END_TEST

START_TEST(a_category_is_a_name_or_that_of_dead_letters)
{
    ck_assert(!cursor_is_category(STR("dlq.")));
    ck_assert(!cursor_is_category(STR("dlq.a.b")));
    ck_assert(!cursor_is_category(STR("order.items")));
    ck_assert(!cursor_is_category(STR("dlq.A")));
}
END_TEST

START_TEST(partitions_differ_only_where_both_know_a_category)
{
    struct cursor a, b;

    cursor_init(&a, "x");
    cursor_init(&b, "x");
    ck_assert(cursor_same_partitions(&a, &b));
    cursor_add(&a, STR("order"), "d.order", 3);
    cursor_add(&a, STR("stock"), "d.stock", 3);
    ck_assert(cursor_same_partitions(&a, &b));
    cursor_add(&b, STR("stock"), "d.stock", 3);
    cursor_add(&b, STR("parcel"), "d.parcel", 5);
    ck_assert(cursor_same_partitions(&a, &b));
    cursor_add(&b, STR("order"), "d.order", 5);
    ck_assert(!cursor_same_partitions(&a, &b));
    ck_assert(!cursor_same_partitions(&b, &a));
    cursor_release(&a);
    cursor_release(&b);
}
END_TEST

Suite *publisher_cursor_suite(void)
{
    Suite *suite = suite_create("publisher_cursor");
    TCase *tcase = tcase_create("cursor");

    tcase_add_test(tcase, it_is_written_as_documented);
    tcase_add_test(tcase, what_was_written_is_read_back);
    tcase_add_test(tcase, partitions_differ_only_where_both_know_a_category);
    tcase_add_loop_test(tcase, what_is_no_cursor_is_refused, 0, COUNT_OF(malformed));
    tcase_add_loop_test(tcase, dead_letters_are_found_by_their_projection, 0, COUNT_OF(categories));
    tcase_add_test(tcase, a_category_is_a_name_or_that_of_dead_letters);
    suite_add_tcase(suite, tcase);
    return suite;
}
