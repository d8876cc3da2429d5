/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_arena_suite(void);

START_TEST(everything_is_aligned_to_16_bytes)
{
    SCOPED(arena_free) struct arena *arena = arena_new(64);

    for (size_t bytes = 0; bytes < 200; bytes++)
        ck_assert_uint_eq((uintptr_t)arena_alloc(arena, bytes) % 16, 0);
}
END_TEST

START_TEST(allocations_do_not_overlap)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    unsigned char *parts[500];

    for (size_t i = 0; i < 500; i++) {
        parts[i] = arena_alloc(arena, i % 97 + 1);
        memset(parts[i], (int)(i % 251), i % 97 + 1);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t k = 0; k < i % 97 + 1; k++)
            ck_assert_uint_eq(parts[i][k], i % 251);
    }
}
END_TEST

START_TEST(zeroed_means_zeroed_also_in_reused_memory)
{
    static const char zeros[1000];
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    memset(arena_alloc(arena, 1000), 'x', 1000);
    arena_clear(arena);
    ck_assert_mem_eq(arena_zalloc(arena, 1000), zeros, 1000);
    arena_clear(arena);
    ck_assert_mem_eq(arena_calloc(arena, 100, 10), zeros, 1000);
    ck_assert_uint_eq(ARENA_NEW(arena, uint64_t)[0], 0);
    ck_assert_uint_eq(ARENA_ARRAY(arena, uint64_t, 3)[2], 0);
}
END_TEST

START_TEST(clear_gives_the_same_memory_again)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    void *first = arena_alloc(arena, 100);
    size_t bytes = arena_bytes(arena);

    for (int round = 0; round < 100; round++) {
        arena_clear(arena);
        ck_assert_ptr_eq(arena_alloc(arena, 100), first);
    }
    ck_assert_uint_eq(arena_bytes(arena), bytes);
}
END_TEST

START_TEST(clear_of_an_empty_arena_is_fine)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    arena_clear(arena);
    arena_clear(arena);
    ck_assert_uint_eq(arena_bytes(arena), 0);
}
END_TEST

START_TEST(clear_keeps_no_more_than_a_quarter_of_a_mebibyte)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    arena_alloc(arena, 8 * 1024 * 1024);
    for (int i = 0; i < 10000; i++)
        arena_alloc(arena, 100);
    ck_assert_uint_gt(arena_bytes(arena), 9 * 1024 * 1024);
    arena_clear(arena);
    ck_assert_uint_le(arena_bytes(arena), 256 * 1024);
}
END_TEST

START_TEST(many_small_allocations_take_few_chunks)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    size_t used = 0;

    for (int i = 0; i < 10000; i++) {
        arena_alloc(arena, 16);
        used += 16;
    }
    ck_assert_uint_ge(arena_bytes(arena), used);
    ck_assert_uint_le(arena_bytes(arena), 4 * used);
}
END_TEST

/* A request with one large body must not leave a chunk behind for each small thing after it. */
START_TEST(a_large_allocation_does_not_end_the_chunk_being_filled)
{
    SCOPED(arena_free) struct arena *arena = arena_new(4096);
    char *before = arena_alloc(arena, 16);
    char *after;
    size_t bytes;

    arena_alloc(arena, 100000);
    bytes = arena_bytes(arena);
    after = arena_alloc(arena, 16);
    ck_assert_uint_eq(arena_bytes(arena), bytes);
    ck_assert_int_le(after - before, 4096);
    ck_assert_int_gt(after - before, 0);
}
END_TEST

START_TEST(a_spare_chunk_too_small_is_passed_over)
{
    SCOPED(arena_free) struct arena *arena = arena_new(64);
    char *large;

    arena_alloc(arena, 10);
    arena_clear(arena);
    large = arena_alloc(arena, 5000);
    memset(large, 'x', 5000);
    ck_assert_uint_ge(arena_bytes(arena), 5000 + 64);
}
END_TEST

START_TEST(copies_end_in_a_nul)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str copy = arena_dup(arena, str_from("abcdef", 3));

    EXPECT_STR(copy, "abc");
    ck_assert_int_eq(copy.data[3], '\0');
    ck_assert_str_eq(arena_cstr(arena, STR("xyz")), "xyz");
    ck_assert_str_eq(arena_cstr(arena, STR_NONE), "");
    EXPECT_STR(arena_dup(arena, STR_NONE), "");
    ck_assert_ptr_nonnull(arena_dup(arena, STR_NONE).data);
}
END_TEST

START_TEST(copies_keep_nul_bytes)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    ck_assert(str_equal(arena_dup(arena, STR("a\0b")), STR("a\0b")));
}
END_TEST

START_TEST(printf_formats_and_terminates)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str text = arena_printf(arena, "%s-%d", "order", 7);

    EXPECT_STR(text, "order-7");
    ck_assert_int_eq(text.data[text.len], '\0');
    EXPECT_STR(arena_printf(arena, "%s", ""), "");
    ck_assert_uint_eq(arena_printf(arena, "%*d", 10000, 1).len, 10000);
}
END_TEST

START_TEST(an_arena_may_be_freed_when_null)
{
    arena_free(NULL);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 64, SIZE_MAX / 2};

START_TEST(absurd_sizes_abort)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    death_expected();
    memset(arena_alloc(arena, absurd[_i]), 0, 16);
}
END_TEST

START_TEST(an_array_whose_size_overflows_aborts)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);

    death_expected();
    memset(arena_calloc(arena, SIZE_MAX / 4, 8), 0, 16);
}
END_TEST
#endif

Suite *base_arena_suite(void)
{
    Suite *suite = suite_create("base_arena");
    TCase *tc = tcase_create("arena");

    tcase_add_test(tc, everything_is_aligned_to_16_bytes);
    tcase_add_test(tc, allocations_do_not_overlap);
    tcase_add_test(tc, zeroed_means_zeroed_also_in_reused_memory);
    tcase_add_test(tc, clear_gives_the_same_memory_again);
    tcase_add_test(tc, clear_of_an_empty_arena_is_fine);
    tcase_add_test(tc, clear_keeps_no_more_than_a_quarter_of_a_mebibyte);
    tcase_add_test(tc, many_small_allocations_take_few_chunks);
    tcase_add_test(tc, a_large_allocation_does_not_end_the_chunk_being_filled);
    tcase_add_test(tc, a_spare_chunk_too_small_is_passed_over);
    tcase_add_test(tc, copies_end_in_a_nul);
    tcase_add_test(tc, copies_keep_nul_bytes);
    tcase_add_test(tc, printf_formats_and_terminates);
    tcase_add_test(tc, an_arena_may_be_freed_when_null);
#ifndef DAYBOOK_SANITIZED
    tcase_add_loop_test_raise_signal(tc, absurd_sizes_abort, SIGABRT, 0, COUNT_OF(absurd));
    tcase_add_test_raise_signal(tc, an_array_whose_size_overflows_aborts, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
