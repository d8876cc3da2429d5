/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_buf_suite(void);

START_TEST(starts_empty_without_memory)
{
    struct buf buf = BUF_INIT(10);

    ck_assert_uint_eq(buf_str(&buf).len, 0);
    ck_assert_ptr_null(buf.data);
    ck_assert(!buf.failed);
    buf_release(&buf);
}
END_TEST

START_TEST(appends_in_order)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(1000);

    buf_add(&buf, "ab", 2);
    buf_add_str(&buf, STR("cd"));
    buf_add_cstr(&buf, "ef");
    buf_add_char(&buf, 'g');
    buf_printf(&buf, "%d-%s", 12, "x");
    EXPECT_STR(buf_str(&buf), "abcdefg12-x");
}
END_TEST

START_TEST(adding_nothing_is_nothing)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(10);

    buf_add(&buf, NULL, 0);
    buf_add_str(&buf, STR_NONE);
    buf_add_cstr(&buf, "");
    buf_printf(&buf, "%s", "");
    ck_assert_uint_eq(buf.len, 0);
    ck_assert(!buf.failed);
}
END_TEST

START_TEST(bytes_are_kept_as_they_are)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(10);

    buf_add(&buf, "a\0b\xFF", 4);
    ck_assert_uint_eq(buf.len, 4);
    ck_assert_mem_eq(buf.data, "a\0b\xFF", 4);
}
END_TEST

START_TEST(the_maximum_itself_fits)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(5);

    buf_add_cstr(&buf, "12345");
    ck_assert(!buf.failed);
    EXPECT_STR(buf_str(&buf), "12345");
}
END_TEST

START_TEST(one_byte_beyond_fails_and_nothing_follows)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(5);

    buf_add_cstr(&buf, "1234");
    buf_add_cstr(&buf, "56");
    ck_assert(buf.failed);
    buf_add_char(&buf, '5'); /* would fit, but the text has a hole by now */
    buf_printf(&buf, "6");
    ck_assert_ptr_null(buf_reserve(&buf, 1));
    EXPECT_STR(buf_str(&buf), "1234");
    ck_assert_uint_le(buf.capacity, 5);
}
END_TEST

START_TEST(a_length_that_would_overflow_fails)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(100);

    buf_add_cstr(&buf, "x");
    ck_assert_ptr_null(buf_reserve(&buf, SIZE_MAX));
    ck_assert(buf.failed);
}
END_TEST

START_TEST(printf_fits_exactly_or_fails)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(5);

    buf_printf(&buf, "%s", "12345");
    ck_assert(!buf.failed);
    EXPECT_STR(buf_str(&buf), "12345");
    buf_clear(&buf);
    buf_printf(&buf, "%s", "123456");
    ck_assert(buf.failed);
    ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(printf_grows_as_far_as_it_must)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(100000);
    char expected[5001];

    memset(expected, 'x', 5000);
    expected[5000] = '\0';
    buf_printf(&buf, "%s", expected);
    EXPECT_STR(buf_str(&buf), expected);
}
END_TEST

/* Each boundary between "fits what is there" and "must grow" is passed. */
START_TEST(printf_of_any_length_is_whole)
{
    for (int len = 0; len < 600; len++) {
        SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(2000);

        buf_add_char(&buf, '<');
        buf_printf(&buf, "%*d", len, 7);
        buf_add_char(&buf, '>');
        ck_assert_uint_eq(buf.len, (size_t)(len > 1 ? len : 1) + 2);
        ck_assert_int_eq(buf.data[buf.len - 2], '7');
        ck_assert_int_eq(buf.data[buf.len - 1], '>');
    }
}
END_TEST

START_TEST(grows_by_doubling)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(1 << 20);
    size_t moves = 0;

    for (int i = 0; i < 1 << 20; i++) {
        size_t before = buf.capacity;

        buf_add_char(&buf, (char)i);
        moves += buf.capacity != before;
    }
    ck_assert(!buf.failed);
    ck_assert_uint_le(moves, 13);
    for (int i = 0; i < 1 << 20; i++) {
        if (buf.data[i] != (char)i)
            ck_abort_msg("byte %d is wrong", i);
    }
}
END_TEST

START_TEST(a_large_maximum_is_no_problem)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(SIZE_MAX / 2);

    buf_add_cstr(&buf, "x");
    ck_assert(!buf.failed);
    EXPECT_STR(buf_str(&buf), "x");
}
END_TEST

START_TEST(reserve_and_commit_take_what_was_used)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(100);
    char *room = buf_reserve(&buf, 50);

    memcpy(room, "hello", 5);
    buf_commit(&buf, 5);
    EXPECT_STR(buf_str(&buf), "hello");
    room = buf_reserve(&buf, 95);
    ck_assert_ptr_nonnull(room);
    buf_commit(&buf, 0);
    EXPECT_STR(buf_str(&buf), "hello");
}
END_TEST

START_TEST(clear_forgets_the_failure_and_keeps_the_memory)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(5);
    char *data;

    buf_add_cstr(&buf, "123");
    data = buf.data;
    buf_add_cstr(&buf, "456");
    buf_clear(&buf);
    ck_assert(!buf.failed);
    buf_add_cstr(&buf, "12345");
    EXPECT_STR(buf_str(&buf), "12345");
    ck_assert_ptr_eq(buf.data, data);
}
END_TEST

START_TEST(release_can_be_followed_by_use)
{
    SCOPED_VALUE(buf_release) struct buf buf;

    buf_init(&buf, 5);
    buf_add_cstr(&buf, "123");
    buf_release(&buf);
    ck_assert_ptr_null(buf.data);
    buf_release(&buf);
    buf_add_cstr(&buf, "12345");
    ck_assert(!buf.failed);
    buf_add_char(&buf, '6');
    ck_assert(buf.failed);
}
END_TEST

static const int64_t integers[] = {0,   1,         -1,        9,         10,        -10,  99,
                                   100, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, -999, 4711};

START_TEST(integers_are_written_as_printf_writes_them)
{
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(100);
    char expected[32];

    buf_add_i64(&buf, integers[_i]);
    snprintf(expected, sizeof(expected), "%lld", (long long)integers[_i]);
    EXPECT_STR(buf_str(&buf), expected);

    buf_clear(&buf);
    buf_add_u64(&buf, (uint64_t)integers[_i]);
    snprintf(expected, sizeof(expected), "%llu", (unsigned long long)integers[_i]);
    EXPECT_STR(buf_str(&buf), expected);
}
END_TEST

START_TEST(big_endian_integers)
{
    static const unsigned char expected[] = {0x12, 0x34, 0xDE, 0xAD, 0xBE, 0xEF, 0x01,
                                             0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
    SCOPED_VALUE(buf_release) struct buf buf = BUF_INIT(100);

    buf_add_be16(&buf, 0x1234);
    buf_add_be32(&buf, 0xDEADBEEF);
    buf_add_be64(&buf, 0x0123456789ABCDEF);
    ck_assert_uint_eq(buf.len, sizeof(expected));
    ck_assert_mem_eq(buf.data, expected, sizeof(expected));
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(committing_more_than_there_is_room_is_a_bug)
{
    struct buf buf = BUF_INIT(100000);

    death_expected();
    buf_reserve(&buf, 10);
    buf_commit(&buf, 10000);
}
END_TEST
#endif

Suite *base_buf_suite(void)
{
    Suite *suite = suite_create("base_buf");
    TCase *tc = tcase_create("buf");

    tcase_add_test(tc, starts_empty_without_memory);
    tcase_add_test(tc, appends_in_order);
    tcase_add_test(tc, adding_nothing_is_nothing);
    tcase_add_test(tc, bytes_are_kept_as_they_are);
    tcase_add_test(tc, the_maximum_itself_fits);
    tcase_add_test(tc, one_byte_beyond_fails_and_nothing_follows);
    tcase_add_test(tc, a_length_that_would_overflow_fails);
    tcase_add_test(tc, printf_fits_exactly_or_fails);
    tcase_add_test(tc, printf_grows_as_far_as_it_must);
    tcase_add_test(tc, printf_of_any_length_is_whole);
    tcase_add_test(tc, grows_by_doubling);
    tcase_add_test(tc, a_large_maximum_is_no_problem);
    tcase_add_test(tc, reserve_and_commit_take_what_was_used);
    tcase_add_test(tc, clear_forgets_the_failure_and_keeps_the_memory);
    tcase_add_test(tc, release_can_be_followed_by_use);
    tcase_add_loop_test(tc, integers_are_written_as_printf_writes_them, 0, COUNT_OF(integers));
    tcase_add_test(tc, big_endian_integers);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, committing_more_than_there_is_room_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
