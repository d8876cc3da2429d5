/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_mem_suite(void);

START_TEST(nothing_is_a_valid_size)
{
    void *p = mem_alloc(0);
    void *q = mem_zalloc(0);
    void *r = mem_calloc(0, 8);
    void *s = mem_dup(NULL, 0);

    ck_assert(p && q && r && s);
    p = mem_realloc(p, 0);
    ck_assert_ptr_nonnull(p);
    mem_free(p);
    mem_free(q);
    mem_free(r);
    mem_free(s);
}
END_TEST

START_TEST(free_of_null_is_fine)
{
    mem_free(NULL);
}
END_TEST

START_TEST(zeroed_memory_is_zero)
{
    static const char zeros[512];
    char *p = mem_zalloc(sizeof(zeros));
    char *q = mem_calloc(sizeof(zeros) / 8, 8);

    ck_assert_mem_eq(p, zeros, sizeof(zeros));
    ck_assert_mem_eq(q, zeros, sizeof(zeros));
    mem_free(p);
    mem_free(q);
}
END_TEST

START_TEST(copies_are_equal_and_apart)
{
    char text[] = "a text";
    char *copy = mem_strdup(text);
    char *bytes = mem_dup(text, 3);
    char *from_str = mem_strdup_str(str_from(text, 3));
    char *empty = mem_strdup_str(STR_NONE);

    text[0] = 'X';
    ck_assert_str_eq(copy, "a text");
    ck_assert_mem_eq(bytes, "a t", 3);
    ck_assert_str_eq(from_str, "a t");
    ck_assert_str_eq(empty, "");
    mem_free(copy);
    mem_free(bytes);
    mem_free(from_str);
    mem_free(empty);
}
END_TEST

START_TEST(realloc_keeps_what_was_there)
{
    char *p = mem_dup("1234", 4);

    p = mem_realloc(p, 4096);
    ck_assert_mem_eq(p, "1234", 4);
    mem_free(p);
}
END_TEST

START_TEST(grow_doubles_and_keeps_the_elements)
{
    size_t capacity = 0;
    int *numbers = NULL;
    size_t moves = 0;

    for (size_t i = 0; i < 1000; i++) {
        size_t before = capacity;

        numbers = mem_grow(numbers, &capacity, i + 1, sizeof(*numbers));
        moves += capacity != before;
        ck_assert_uint_gt(capacity, i);
        numbers[i] = (int)i;
    }
    ck_assert_uint_eq(capacity, 1024);
    ck_assert_uint_eq(moves, 8); /* 8, 16, ... 1024 */
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(numbers[i], i);
    mem_free(numbers);
}
END_TEST

START_TEST(grow_leaps_to_what_is_needed)
{
    size_t capacity = 0;
    char *p = mem_grow(NULL, &capacity, 100, 1);

    ck_assert_uint_eq(capacity, 128);
    ck_assert_ptr_eq(mem_grow(p, &capacity, 128, 1), p);
    mem_free(p);
}
END_TEST

START_TEST(grow_of_nothing_gives_memory)
{
    size_t capacity = 0;
    void *p = mem_grow(NULL, &capacity, 0, 8);

    ck_assert_ptr_nonnull(p);
    ck_assert_uint_ge(capacity, 1);
    mem_free(p);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(a_size_that_overflows_aborts)
{
    death_expected();
    mem_free(mem_calloc(SIZE_MAX / 8, 16));
}
END_TEST

START_TEST(a_growth_that_overflows_aborts)
{
    size_t capacity = 0;

    death_expected();
    mem_free(mem_grow(NULL, &capacity, SIZE_MAX / 4, 16));
}
END_TEST

START_TEST(memory_that_does_not_exist_aborts)
{
    death_expected();
    mem_free(mem_alloc(SIZE_MAX / 2));
}
END_TEST

START_TEST(a_growth_of_memory_that_does_not_exist_aborts)
{
    death_expected();
    mem_free(mem_realloc(NULL, SIZE_MAX / 2));
}
END_TEST
#endif

Suite *base_mem_suite(void)
{
    Suite *suite = suite_create("base_mem");
    TCase *tc = tcase_create("mem");

    tcase_add_test(tc, nothing_is_a_valid_size);
    tcase_add_test(tc, free_of_null_is_fine);
    tcase_add_test(tc, zeroed_memory_is_zero);
    tcase_add_test(tc, copies_are_equal_and_apart);
    tcase_add_test(tc, realloc_keeps_what_was_there);
    tcase_add_test(tc, grow_doubles_and_keeps_the_elements);
    tcase_add_test(tc, grow_leaps_to_what_is_needed);
    tcase_add_test(tc, grow_of_nothing_gives_memory);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, a_size_that_overflows_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, a_growth_that_overflows_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, memory_that_does_not_exist_aborts, SIGABRT);
    tcase_add_test_raise_signal(tc, a_growth_of_memory_that_does_not_exist_aborts, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
