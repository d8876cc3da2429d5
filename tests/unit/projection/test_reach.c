/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/reach.h"

#include <check.h>
#include <stdio.h>

#include "kafka/partition.h"
#include "tests/support/expect.h"

static const char *const both[] = {"order", "stock", NULL};
static const char *const stocks[] = {"stock", NULL};
static const struct projection orders = {.name = "orders", .categories = both};
static const struct projection stock = {.name = "stock", .categories = stocks};

/* Two partitions of order, three of stock, each where the test puts it. */
static struct reach_lane lanes[] = {
    {STR_INIT("orders"), STR_INIT("order"), 0, {50}, {0}},
    {STR_INIT("orders"), STR_INIT("order"), 1, {60}, {0}},
    {STR_INIT("orders"), STR_INIT("stock"), 0, {10}, {0}},
    {STR_INIT("orders"), STR_INIT("stock"), 1, {0}, {0}},
    {STR_INIT("orders"), STR_INIT("stock"), 2, {70}, {0}},
};

static struct reach reach_at(int64_t order0, int64_t order1, int64_t stock0, int64_t stock1,
                             int64_t stock2)
{
    int64_t at[] = {order0, order1, stock0, stock1, stock2};

    for (size_t i = 0; i < COUNT_OF(lanes); i++)
        lanes[i].reached = POSITION(at[i]);
    return (struct reach){
        .head = {100}, .published = {70}, .lanes = lanes, .lanes_count = COUNT_OF(lanes)};
}

/* A stream of CATEGORY that belongs to PARTITION of COUNT. */
static struct written_at stream_in(const char *category, int32_t partition, int32_t count,
                                   int64_t last)
{
    static char keys[8][32];
    static size_t used;
    char *key = keys[used++ % 8];
    int n = 0;

    do
        snprintf(key, 32, "main/%s-%d", category, n++);
    while (kafka_partition_of(str_of(key), count) != partition);
    return (struct written_at){.category = str_of(category), .key = str_of(key), .last = {last}};
}

static bool holds(const struct reach *reach, const struct projection *projection,
                  struct written_at *streams, size_t count)
{
    struct written written = {
        .first = {1}, .last = {100}, .streams = streams, .streams_count = count};

    return reach_holds(reach, projection, &written);
}

START_TEST(a_write_is_held_when_its_partition_has_passed_it)
{
    struct written_at order = stream_in("order", 1, 2, 60);
    struct reach reach = reach_at(0, 59, 0, 0, 0);

    ck_assert(!holds(&reach, &orders, &order, 1));
    reach = reach_at(0, 60, 0, 0, 0);
    ck_assert(holds(&reach, &orders, &order, 1));
    reach = reach_at(99, 59, 99, 99, 99);
    ck_assert_msg(!holds(&reach, &orders, &order, 1), "other partitions say nothing of it");
}
END_TEST

START_TEST(every_partition_of_the_write_must_have_passed_it)
{
    struct written_at streams[] = {stream_in("order", 0, 2, 50), stream_in("stock", 0, 3, 10),
                                   stream_in("stock", 2, 3, 70)};
    struct reach reach = reach_at(50, 0, 10, 0, 70);

    ck_assert(holds(&reach, &orders, streams, 3));
    reach = reach_at(49, 0, 10, 0, 70);
    ck_assert(!holds(&reach, &orders, streams, 3));
    reach = reach_at(50, 0, 9, 0, 70);
    ck_assert(!holds(&reach, &orders, streams, 3));
    reach = reach_at(50, 0, 10, 0, 69);
    ck_assert(!holds(&reach, &orders, streams, 3));
}
END_TEST

START_TEST(categories_that_are_not_read_do_not_count)
{
    struct written_at note = stream_in("note", 0, 2, 99);
    struct reach reach = reach_at(0, 0, 0, 0, 0);

    ck_assert(holds(&reach, &orders, &note, 1));
    ck_assert_msg(holds(&reach, &orders, NULL, 0), "a write without events is always held");
}
END_TEST

START_TEST(what_was_never_published_or_made_holds_nothing)
{
    struct written_at order = stream_in("order", 0, 2, 1);
    struct written_at sku = stream_in("stock", 0, 3, 1);
    struct reach reach = reach_at(99, 99, 99, 99, 99);

    ck_assert_msg(!holds(&reach, &stock, &sku, 1), "there is no such projection");
    reach.lanes += 2;
    reach.lanes_count -= 2;
    ck_assert_msg(!holds(&reach, &orders, &order, 1), "the category has no topic");
    ck_assert(holds(&reach, &orders, &sku, 1));
}
END_TEST

static bool holds_whole(const struct reach *reach, const struct projection *projection,
                        int64_t last)
{
    struct written written = {.first = {1}, .last = {last}, .whole = true};

    return reach_holds(reach, projection, &written);
}

START_TEST(a_wide_range_needs_all_partitions_as_far_as_they_go)
{
    struct reach reach = reach_at(50, 60, 10, 0, 70);

    ck_assert(holds_whole(&reach, &orders, 70));
    ck_assert_msg(!holds_whole(&reach, &orders, 71), "not published");
    ck_assert_msg(!holds_whole(&reach, &stock, 1), "never made");
    reach = reach_at(50, 60, 10, 0, 65);
    ck_assert(!holds_whole(&reach, &orders, 70));
    ck_assert_msg(holds_whole(&reach, &orders, 65), "what is missing lies behind it");
}
END_TEST

Suite *projection_reach_suite(void);
Suite *projection_reach_suite(void)
{
    Suite *suite = suite_create("projection_reach");
    TCase *tc = tcase_create("reach");

    tcase_add_test(tc, a_write_is_held_when_its_partition_has_passed_it);
    tcase_add_test(tc, every_partition_of_the_write_must_have_passed_it);
    tcase_add_test(tc, categories_that_are_not_read_do_not_count);
    tcase_add_test(tc, what_was_never_published_or_made_holds_nothing);
    tcase_add_test(tc, a_wide_range_needs_all_partitions_as_far_as_they_go);
    suite_add_tcase(suite, tc);
    return suite;
}
