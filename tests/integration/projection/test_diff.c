/* SPDX-License-Identifier: Apache-2.0 */
/* How two generations differ: nothing for what was built from the same log, exactly what was
 * changed. */
#include <check.h>
#include <string.h>

#include "base/arena.h"
#include "projection/diff.h"
#include "tests/integration/projection/items.h"
#include "tests/integration/projection/running.h"
#include "tests/support/expect.h"

Suite *projection_diff_suite(void);

static struct running r;
static struct arena *arena;

static void set_up(void)
{
    arena = arena_new(0);
    r = running_start();
    running_done(r.world, running_rebuild(r.world, &items_projection).job);
    running_done(r.world, running_rebuild(r.world, &totals_projection).job);
}

static void tear_down(void)
{
    running_stop(&r);
    arena_free(arena);
}

/* All pages of KEYS keys, added up; samples are the last page's that had any. */
static struct diff compare(const struct projection *projection, size_t keys)
{
    struct diff sum = {.exact = true, .more = true}, page;
    struct error err = {0};

    do {
        ck_ok(diff_page(r.world->conn, projection, 0, sum.last.count > 0 ? &sum.last : NULL, keys,
                        arena, &page, &err));
        sum.live = page.live;
        sum.other = page.other;
        sum.compared += page.compared;
        sum.different += page.different;
        sum.only_live += page.only_live;
        sum.only_other += page.only_other;
        sum.behind += page.behind;
        sum.exact &= page.exact;
        sum.last = page.last;
        if (page.samples_count > 0) {
            memcpy(sum.samples, page.samples, sizeof(sum.samples));
            sum.samples_count = page.samples_count;
        }
        sum.columns_live_count = page.columns_live_count;
        sum.columns_other_count = page.columns_other_count;
    } while (page.more);
    return sum;
}

static void change(const char *sql)
{
    struct error err = {0};

    ck_ok(pg_script(r.world->conn, sql, &err));
}

START_TEST(of_the_same_log_nothing_differs)
{
    struct diff items = compare(&items_projection, 50);
    struct diff totals = compare(&totals_projection, 1000);

    ck_assert_int_eq(items.live, 1);
    ck_assert_int_eq(items.other, 2);
    ck_assert_int_eq(items.compared, 200);
    ck_assert_int_eq(totals.compared, 20);
    ck_assert(items.exact && totals.exact);
    ck_assert_int_eq(items.different + items.only_live + items.only_other + items.behind, 0);
    ck_assert_int_eq(totals.different + totals.only_live + totals.only_other, 0);
}
END_TEST

START_TEST(what_was_changed_is_what_differs)
{
    struct diff items, totals;

    change("update rm_items_2 set n = n + 1 where stream = 'item-s7';"
           "update rm_items_1 set note = '{\"a\": 1}' where stream = 'item-s8';"
           "update rm_items_2 set note = '{\"a\":  1}' where stream = 'item-s8';"
           "delete from rm_items_2 where stream = 'item-s9';"
           "delete from rm_items_1 where stream = 'item-s10';"
           "update rm_totals_2 set n = n - 1 where owner = 'o3'");
    items = compare(&items_projection, 1000);
    ck_assert_int_eq(items.compared, 200);
    ck_assert_int_eq(items.different, 2);
    ck_assert_int_eq(items.only_live, 1);
    ck_assert_int_eq(items.only_other, 1);
    ck_assert_int_eq(items.behind, 0);
    ck_assert(items.exact);
    ck_assert_uint_eq(items.samples_count, 4);

    totals = compare(&totals_projection, 1000);
    ck_assert_int_eq(totals.different, 1);
    ck_assert_uint_eq(totals.samples_count, 1);
    ck_assert(strstr(totals.samples[0].live.data, "\"owner\":\"o3\""));
    ck_assert(strcmp(totals.samples[0].live.data, totals.samples[0].other.data) != 0);
}
END_TEST

START_TEST(a_lost_event_is_a_difference_not_a_lag)
{
    struct diff items;

    change("update rm_items_2 set version = version - 1 where stream = 'item-s7'");
    items = compare(&items_projection, 1000);
    ck_assert_int_eq(items.different, 1);
    ck_assert_int_eq(items.behind, 0);
}
END_TEST

START_TEST(one_that_stands_still_is_behind_and_the_answer_says_so)
{
    struct diff items, totals;

    projector_stop(r.projector);
    change("update rm_items_1 set version = version + 1 where stream = 'item-s7';"
           "update checkpoints set position = position + 1 where generation = 1");
    items = compare(&items_projection, 1000);
    ck_assert_int_eq(items.behind, 1);
    ck_assert_int_eq(items.different, 0);
    ck_assert(!items.exact);

    change("update rm_totals_1 set n = n + 1 where owner = 'o3'");
    totals = compare(&totals_projection, 1000);
    ck_assert_int_eq(totals.different, 1);
    ck_assert(!totals.exact);
    r.projector = world_start(r.world, "a");
}
END_TEST

START_TEST(columns_of_another_declaration_are_named_and_left_out)
{
    struct diff items;

    change("alter table rm_items_2 drop column note; alter table rm_items_2 add column extra text");
    items = compare(&items_projection, 1000);
    ck_assert_int_eq(items.different, 0);
    ck_assert_uint_eq(items.columns_live_count, 1);
    ck_assert_uint_eq(items.columns_other_count, 1);
}
END_TEST

START_TEST(without_another_generation_there_is_nothing_to_compare)
{
    struct diff page;
    struct error err = {0};

    change("update generations set state = 'dropped' where state = 'ready'");
    ck_assert(!diff_page(r.world->conn, &items_projection, 0, NULL, 10, arena, &page, &err));
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_str_eq(err.code, "projection-state");
}
END_TEST

Suite *projection_diff_suite(void)
{
    Suite *suite = suite_create("projection_diff");
    TCase *tc = tcase_create("diff");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 180);
    tcase_add_test(tc, of_the_same_log_nothing_differs);
    tcase_add_test(tc, what_was_changed_is_what_differs);
    tcase_add_test(tc, a_lost_event_is_a_difference_not_a_lag);
    tcase_add_test(tc, one_that_stands_still_is_behind_and_the_answer_says_so);
    tcase_add_test(tc, columns_of_another_declaration_are_named_and_left_out);
    tcase_add_test(tc, without_another_generation_there_is_nothing_to_compare);
    suite_add_tcase(suite, tc);
    return suite;
}
