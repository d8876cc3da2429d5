/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/table_internal.h"

#include <check.h>
#include <stdlib.h>

Suite *eventlog_table_suite(void);

enum { ITEMS = 2000 };

static bool int_equal(const void *item, const void *key)
{
    return *(const int *)item == *(const int *)key;
}

/* Few different hashes: long runs of neighbours, over the table's end as well. */
static uint64_t clashing_hash(int value)
{
    return (uint64_t)(value % 7) * 977 - 3;
}

START_TEST(items_are_found_among_clashes_and_after_removals)
{
    struct table table;
    int *items = calloc(ITEMS, sizeof(int));

    table_init(&table);
    ck_assert_ptr_null(table_find(&table, 0, int_equal, items));
    for (int i = 0; i < ITEMS; i++) {
        items[i] = i;
        table_add(&table, clashing_hash(i), &items[i]);
    }
    for (int i = 0; i < ITEMS; i += 3)
        table_remove(&table, clashing_hash(i), &items[i]);
    for (int i = 0; i < ITEMS; i++)
        ck_assert_ptr_eq(table_find(&table, clashing_hash(i), int_equal, &i),
                         i % 3 == 0 ? NULL : &items[i]);
    ck_assert_uint_eq(table.count, ITEMS - (ITEMS + 2) / 3);
    for (int i = 0; i < ITEMS; i++) {
        if (i % 3 != 0)
            table_remove(&table, clashing_hash(i), &items[i]);
    }
    ck_assert_uint_eq(table.count, 0);
    table_release(&table);
    free(items);
}
END_TEST

START_TEST(each_item_comes_once)
{
    struct table table;
    int items[100] = {0};
    size_t at = 0;
    int *item;

    table_init(&table);
    ck_assert_ptr_null(table_next(&table, &at));
    for (int i = 0; i < 100; i++)
        table_add(&table, (uint64_t)i, &items[i]);
    at = 0;
    while ((item = table_next(&table, &at)) != NULL)
        ++*item;
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(items[i], 1);
    table_release(&table);
}
END_TEST

START_TEST(a_cleared_table_is_empty_and_gives_much_memory_back)
{
    struct table table;
    int *items = calloc(ITEMS * 10, sizeof(int));

    table_init(&table);
    for (int i = 0; i < ITEMS * 10; i++)
        table_add(&table, (uint64_t)i, &items[i]);
    table_clear(&table);
    ck_assert_uint_eq(table.count, 0);
    ck_assert_ptr_null(table_find(&table, 5, int_equal, &items[5]));
    table_add(&table, 5, &items[5]);
    table_clear(&table);
    ck_assert_uint_eq(table.capacity, 0); /* one huge batch, then small ones */
    table_release(&table);
    free(items);
}
END_TEST

START_TEST(hashes_of_parts_depend_on_where_they_part)
{
    ck_assert_uint_eq(table_hash(STR("ab")), table_hash(STR("ab")));
    ck_assert_uint_ne(table_hash_more(table_hash(STR("a")), STR("bc")),
                      table_hash_more(table_hash(STR("ab")), STR("c")));
}
END_TEST

Suite *eventlog_table_suite(void)
{
    Suite *suite = suite_create("eventlog_table");
    TCase *tc = tcase_create("table");

    tcase_add_test(tc, items_are_found_among_clashes_and_after_removals);
    tcase_add_test(tc, each_item_comes_once);
    tcase_add_test(tc, a_cleared_table_is_empty_and_gives_much_memory_back);
    tcase_add_test(tc, hashes_of_parts_depend_on_where_they_part);
    suite_add_tcase(suite, tc);
    return suite;
}
