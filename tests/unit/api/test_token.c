/* SPDX-License-Identifier: Apache-2.0 */
#include "api/token.h"

#include "base/arena.h"
#include "tests/support/expect.h"

#include <check.h>
#include <ctype.h>

static struct arena *arena;

static void setup(void)
{
    arena = arena_new(0);
}

static void teardown(void)
{
    arena_free(arena);
}

#define LOG_ID \
    { \
        .bytes = { 1, 2, 3, 4, 0, 0xff, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } \
    }

static const struct consistency_token tokens[] = {
    {LOG_ID, {0}, {0}},         {LOG_ID, {1}, {1}},
    {LOG_ID, {1}, {2}},         {LOG_ID, {127}, {128}},
    {LOG_ID, {128}, {16384}},   {LOG_ID, {1000000}, {1000999}},
    {LOG_ID, {1}, {INT64_MAX}}, {LOG_ID, {INT64_MAX}, {INT64_MAX}},
    {{{0}}, {77}, {78}},
};

START_TEST(a_token_comes_back_as_what_it_was_made_of)
{
    struct consistency_token token;

    ck_assert_ptr_null(token_parse(token_format(arena, &tokens[_i]), &token));
    ck_assert_mem_eq(&token.log, &tokens[_i].log, sizeof token.log);
    ck_assert_int_eq(token.first.n, tokens[_i].first.n);
    ck_assert_int_eq(token.last.n, tokens[_i].last.n);
}
END_TEST

START_TEST(a_token_is_short_and_needs_no_quotes_in_a_header)
{
    struct str text = token_format(arena, &tokens[_i]);

    ck_assert_uint_le(text.len, 52);
    for (size_t i = 0; i < text.len; i++)
        ck_assert(text.data[i] == '-' || text.data[i] == '_' ||
                  isalnum((unsigned char)text.data[i]));
}
END_TEST

START_TEST(a_cut_or_longer_token_is_none)
{
    struct str text = token_format(arena, &tokens[_i]);
    struct consistency_token token;
    char longer[80];

    for (size_t len = 0; len < text.len; len++)
        ck_assert_ptr_nonnull(token_parse(str_from(text.data, len), &token));
    memcpy(longer, text.data, text.len);
    for (size_t len = text.len; len < sizeof longer; len++) {
        longer[len] = 'A';
        ck_assert_ptr_nonnull(token_parse(str_from(longer, len + 1), &token));
    }
}
END_TEST

/* The last character may carry bits that stand for nothing. */
START_TEST(one_other_character_is_another_token_or_none)
{
    struct str text = token_format(arena, &tokens[5]);
    struct consistency_token token;
    unsigned taken = 0;

    for (size_t i = 0; i + 1 < text.len; i++) {
        char *copy = arena_cstr(arena, text);

        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        taken += token_parse(str_from(copy, text.len), &token) == NULL;
    }
    ck_assert_uint_eq(taken, 0);
}
END_TEST

static const struct {
    const char *text;
    const char *why;
} wrong[] = {
    {"", "it is empty"},
    {"2AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "it has a version that is not known here"},
    {"1", "it is not as it was handed out"},
    {"1AAAA", "it is not as it was handed out"},
    {"1 not base64 at all", "it is not as it was handed out"},
    {"1\x80", "it is not as it was handed out"},
};

START_TEST(what_is_wrong_is_said)
{
    struct consistency_token token;

    ck_assert_str_eq(token_parse(str_of(wrong[_i].text), &token), wrong[_i].why);
}
END_TEST

START_TEST(any_text_is_survived)
{
    unsigned char bytes[128];
    struct consistency_token token;

    for (int round = 0; round < 1000; round++) {
        random_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (unsigned char)"ABCabc019-_"[bytes[i] % 11];
        bytes[0] = '1';
        for (size_t len = 0; len <= sizeof bytes; len++)
            (void)token_parse(str_from((const char *)bytes, len), &token);
    }
}
END_TEST

Suite *api_token_suite(void);
Suite *api_token_suite(void)
{
    Suite *suite = suite_create("api_token");
    TCase *tc = tcase_create("token");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, a_token_comes_back_as_what_it_was_made_of, 0, COUNT_OF(tokens));
    tcase_add_loop_test(tc, a_token_is_short_and_needs_no_quotes_in_a_header, 0, COUNT_OF(tokens));
    tcase_add_loop_test(tc, a_cut_or_longer_token_is_none, 0, COUNT_OF(tokens));
    tcase_add_test(tc, one_other_character_is_another_token_or_none);
    tcase_add_loop_test(tc, what_is_wrong_is_said, 0, COUNT_OF(wrong));
    tcase_add_test(tc, any_text_is_survived);
    suite_add_tcase(suite, tc);
    return suite;
}
