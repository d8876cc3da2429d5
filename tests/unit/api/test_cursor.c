/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cursor.h"

#include "base/arena.h"
#include "base/uuid.h"
#include "tests/support/expect.h"

#include <check.h>
#include <ctype.h>

enum { LIST = 77 };

static struct arena *arena;

static void setup(void)
{
    arena = arena_new(0);
}

static void teardown(void)
{
    arena_free(arena);
}

static const struct row_key keys[] = {
    {.value = {.i64 = 0}, .stream = STR_INIT("order-1")},
    {.value = {.i64 = 1700000000000000}, .stream = STR_INIT("order-0198f3b2")},
    {.value = {.i64 = -1}, .stream = STR_INIT("stock-a")},
    {.value = {.i64 = INT64_MIN}, .stream = STR_INIT("a-~.:@_-Z9")},
    {.value = {.i64 = INT64_MAX}, .stream = STR_INIT("order-12")},
    {.value = {.null = true}, .stream = STR_INIT("order-123")},
};

START_TEST(a_cursor_comes_back_as_the_key_it_was_made_of)
{
    struct str text = cursor_encode(arena, LIST, &keys[_i]);
    struct row_key key;

    ck_assert(cursor_decode(arena, text, LIST, &key));
    ck_assert_int_eq(key.value.null, keys[_i].value.null);
    ck_assert_int_eq(key.value.i64, keys[_i].value.i64);
    ck_assert(str_equal(key.stream, keys[_i].stream));
}
END_TEST

START_TEST(a_cursor_needs_no_escaping_in_a_query)
{
    struct str text = cursor_encode(arena, UINT64_MAX, &keys[_i]);

    for (size_t i = 0; i < text.len; i++)
        ck_assert(text.data[i] == '-' || text.data[i] == '_' ||
                  isalnum((unsigned char)text.data[i]));
}
END_TEST

START_TEST(the_cursor_of_another_list_is_none_of_this_one)
{
    struct row_key key;

    ck_assert(!cursor_decode(arena, cursor_encode(arena, LIST, &keys[0]), LIST + 1, &key));
}
END_TEST

START_TEST(a_cut_cursor_is_none)
{
    struct str text = cursor_encode(arena, LIST, &keys[0]);
    struct row_key key;

    /* All but the last character, which cuts the stream's name: that is another name, as any. */
    for (size_t len = 0; len < 25; len++)
        ck_assert(!cursor_decode(arena, str_from(text.data, len), LIST, &key));
}
END_TEST

static const char *const made_up[] = {"", "!!", "AAAA", "a b", "AAAA=", "\x80", "%41"};

START_TEST(what_a_client_makes_up_is_refused)
{
    struct row_key key;

    ck_assert(!cursor_decode(arena, str_of(made_up[_i]), LIST, &key));
}
END_TEST

START_TEST(a_name_that_is_no_stream_is_refused)
{
    struct row_key bad = {.value = {.i64 = 1}, .stream = STR("no stream")};
    struct row_key key;

    ck_assert(!cursor_decode(arena, cursor_encode(arena, LIST, &bad), LIST, &key));
}
END_TEST

START_TEST(any_text_is_survived)
{
    char bytes[256];
    struct row_key key;

    random_bytes(bytes, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++)
        ck_assert(!cursor_decode(arena, str_from(bytes, len), LIST, &key));
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = "ABCabc019-_"[(unsigned char)bytes[i] % 11];
    for (size_t len = 0; len <= sizeof bytes; len++)
        ck_assert(!cursor_decode(arena, str_from(bytes, len), LIST, &key));
}
END_TEST

Suite *api_cursor_suite(void);
Suite *api_cursor_suite(void)
{
    Suite *suite = suite_create("api_cursor");
    TCase *tc = tcase_create("cursor");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_cursor_comes_back_as_the_key_it_was_made_of, 0, COUNT_OF(keys));
    tcase_add_loop_test(tc, a_cursor_needs_no_escaping_in_a_query, 0, COUNT_OF(keys));
    tcase_add_test(tc, the_cursor_of_another_list_is_none_of_this_one);
    tcase_add_test(tc, a_cut_cursor_is_none);
    tcase_add_loop_test(tc, what_a_client_makes_up_is_refused, 0, COUNT_OF(made_up));
    tcase_add_test(tc, a_name_that_is_no_stream_is_refused);
    tcase_add_test(tc, any_text_is_survived);
    suite_add_tcase(suite, tc);
    return suite;
}
