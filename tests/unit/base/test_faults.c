/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "tests/support/expect.h"

Suite *base_faults_suite(void);

START_TEST(none_at_first)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);
    struct faults *faults = faults_new(arena);

    ck_assert_uint_eq(faults_count(faults), 0);
    faults_write(faults, &out);
    EXPECT_STR(buf_str(&out), "[]");
}
END_TEST

START_TEST(all_are_written_in_order)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);
    struct faults *faults = faults_new(arena);
    char message[] = "is \"wrong\"";

    faults_add(faults, "is missing", "/items/%d/sku", 3);
    faults_add(faults, message, "%s", "");
    message[0] = 'X'; /* it was copied */

    ck_assert_uint_eq(faults_count(faults), 2);
    faults_write(faults, &out);
    EXPECT_STR(buf_str(&out), "[{\"pointer\":\"/items/3/sku\",\"message\":\"is missing\"},"
                              "{\"pointer\":\"\",\"message\":\"is \\\"wrong\\\"\"}]");
}
END_TEST

START_TEST(pointers_are_below_the_prefix_of_their_time)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(1000);
    struct faults *faults = faults_new(arena);

    faults_under(faults, "/commands/3/data");
    faults_add(faults, "is missing", "/sku");
    faults_add(faults, "is wrong", "%s", "");
    faults_under(faults, "");
    faults_add(faults, "is unknown", "/more");
    faults_write(faults, &out);
    EXPECT_STR(buf_str(&out), "[{\"pointer\":\"/commands/3/data/sku\",\"message\":\"is missing\"},"
                              "{\"pointer\":\"/commands/3/data\",\"message\":\"is wrong\"},"
                              "{\"pointer\":\"/more\",\"message\":\"is unknown\"}]");
}
END_TEST

START_TEST(the_first_64_are_kept_and_all_are_counted)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100000);
    struct faults *faults = faults_new(arena);
    SCOPED(json_decref) json_t *list = NULL;
    json_t *last;

    for (int i = 0; i < 10000; i++)
        faults_add(faults, "is wrong", "/%d", i);
    ck_assert_uint_eq(faults_count(faults), 10000);

    faults_write(faults, &out);
    list = json_loadb(out.data, out.len, 0, NULL);
    ck_assert_uint_eq(json_array_size(list), 64);
    last = json_array_get(list, 63);
    ck_assert_str_eq(json_string_value(json_object_get(last, "pointer")), "/63");
    ck_assert_uint_lt(arena_bytes(arena), 100000);
}
END_TEST

/* The name of an unknown member is the client's, up to 64 KiB of it. */
START_TEST(a_long_pointer_is_cut_between_characters)
{
    for (size_t shift = 0; shift < 4; shift++) {
        SCOPED(arena_free) struct arena *arena = arena_new(0);
        SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(100000);
        SCOPED_VALUE(buf_release) struct buf name = BUF_INIT(100000);
        struct faults *faults = faults_new(arena);
        SCOPED(json_decref) json_t *list = NULL;

        buf_add(&name, "xxxx", shift);
        for (int i = 0; i < 1000; i++)
            buf_add_cstr(&name, "\xF0\x9F\x98\x80");
        buf_add_char(&name, '\0');
        faults_add(faults, "is not known here", "/%s", name.data);

        faults_write(faults, &out);
        ck_assert_uint_lt(out.len, 700);
        list = json_loadb(out.data, out.len, 0, NULL); /* refuses what is not UTF-8 */
        ck_assert_uint_eq(json_array_size(list), 1);
    }
}
END_TEST

Suite *base_faults_suite(void)
{
    Suite *suite = suite_create("base_faults");
    TCase *tc = tcase_create("faults");

    tcase_add_test(tc, none_at_first);
    tcase_add_test(tc, all_are_written_in_order);
    tcase_add_test(tc, pointers_are_below_the_prefix_of_their_time);
    tcase_add_test(tc, the_first_64_are_kept_and_all_are_counted);
    tcase_add_test(tc, a_long_pointer_is_cut_between_characters);
    suite_add_tcase(suite, tc);
    return suite;
}
