/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/busy_internal.h"
#include "eventlog/write.h"

#include <check.h>

Suite *eventlog_busy_suite(void);

static struct write with_key(const char *tenant, const char *credential, const char *key)
{
    return (struct write){
        .tenant = str_of(tenant), .credential = str_of(credential), .idempotency_key = str_of(key)};
}

START_TEST(a_key_is_busy_until_its_write_leaves)
{
    struct busy_keys busy;
    struct write first = with_key("main", "", "k");
    struct write second = with_key("main", "", "k");

    busy_keys_init(&busy);
    ck_assert(busy_keys_enter(&busy, &first));
    ck_assert(!busy_keys_enter(&busy, &second));
    busy_keys_leave(&busy, &first);
    ck_assert(busy_keys_enter(&busy, &second));
    busy_keys_leave(&busy, &second);
    busy_keys_release(&busy);
}
END_TEST

START_TEST(keys_of_others_are_other_keys)
{
    struct busy_keys busy;
    struct write writes[] = {with_key("main", "", "k"), with_key("shop", "", "k"),
                             with_key("main", "x", "k"), with_key("main", "", "l"),
                             with_key("main", "xk", "")};

    busy_keys_init(&busy);
    for (int i = 0; i < 5; i++)
        ck_assert(busy_keys_enter(&busy, &writes[i]));
    for (int i = 0; i < 5; i++)
        busy_keys_leave(&busy, &writes[i]);
    busy_keys_release(&busy);
}
END_TEST

START_TEST(writes_without_a_key_are_never_busy)
{
    struct busy_keys busy;
    struct write write = with_key("main", "", NULL);

    busy_keys_init(&busy);
    ck_assert(busy_keys_enter(&busy, &write));
    ck_assert(busy_keys_enter(&busy, &write));
    busy_keys_leave(&busy, &write);
    busy_keys_release(&busy);
}
END_TEST

START_TEST(a_groups_parts_are_tried_one_by_one)
{
    struct busy_keys busy;
    struct write first = with_key("main", "", "k");
    struct write parts[] = {with_key("main", "", "k"), with_key("main", "", "l"),
                            with_key("main", "", "l")};
    struct write group = {.kind = WRITE_GROUP, .parts = parts, .parts_count = 3};
    struct write late = with_key("main", "", "l");

    busy_keys_init(&busy);
    ck_assert(busy_keys_enter(&busy, &first));
    ck_assert(busy_keys_enter(&busy, &group));
    ck_assert(parts[0].key_busy);
    ck_assert(!parts[1].key_busy);
    ck_assert(parts[2].key_busy);
    ck_assert(!busy_keys_enter(&busy, &late));
    busy_keys_leave(&busy, &group);
    ck_assert(!busy_keys_enter(&busy, &parts[0]));
    ck_assert(busy_keys_enter(&busy, &late));
    busy_keys_leave(&busy, &late);
    busy_keys_leave(&busy, &first);
    busy_keys_release(&busy);
}
END_TEST

START_TEST(a_group_whose_own_key_is_busy_takes_none)
{
    struct busy_keys busy;
    struct write first = with_key("main", "", "k");
    struct write part = with_key("main", "", "l");
    struct write group = with_key("main", "", "k");
    struct write late = with_key("main", "", "l");

    group.parts = &part;
    group.parts_count = 1;
    busy_keys_init(&busy);
    ck_assert(busy_keys_enter(&busy, &first));
    ck_assert(!busy_keys_enter(&busy, &group));
    ck_assert(busy_keys_enter(&busy, &late));
    busy_keys_leave(&busy, &late);
    busy_keys_leave(&busy, &first);
    busy_keys_release(&busy);
}
END_TEST

Suite *eventlog_busy_suite(void)
{
    Suite *suite = suite_create("eventlog_busy");
    TCase *tc = tcase_create("busy");

    tcase_add_test(tc, a_key_is_busy_until_its_write_leaves);
    tcase_add_test(tc, keys_of_others_are_other_keys);
    tcase_add_test(tc, a_groups_parts_are_tried_one_by_one);
    tcase_add_test(tc, a_group_whose_own_key_is_busy_takes_none);
    tcase_add_test(tc, writes_without_a_key_are_never_busy);
    suite_add_tcase(suite, tc);
    return suite;
}
