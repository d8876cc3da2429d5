/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name.h"

#include <check.h>

#include "tests/support/expect.h"

Suite *base_name_suite(void);

typedef bool (*is_fn)(struct str s);

/* The grammar again, as sets of characters: each name has a first one and then others. */
static const struct grammar {
    is_fn is;
    const char *first;
    const char *rest;
    size_t len_max;
} grammars[] = {
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"
    {name_is_category, LOWER, LOWER DIGIT, 32},
    {name_is_projection, LOWER, LOWER DIGIT, 32},
    {name_is_tenant, LOWER DIGIT, LOWER DIGIT "-", 63},
    {name_is_id, LOWER UPPER DIGIT "._~:@-", LOWER UPPER DIGIT "._~:@-", 128},
    {name_is_event_type, LOWER UPPER, LOWER UPPER DIGIT "._-", 128},
};

static bool contains(const char *set, int c)
{
    return c != 0 && strchr(set, c) != NULL;
}

START_TEST(every_byte_is_allowed_first_or_refused_as_the_grammar_says)
{
    for (int c = 0; c < 256; c++) {
        char text[1] = {(char)c};

        ck_assert_int_eq(grammars[_i].is(str_from(text, 1)), contains(grammars[_i].first, c));
    }
}
END_TEST

START_TEST(every_byte_is_allowed_later_or_refused_as_the_grammar_says)
{
    for (int c = 0; c < 256; c++) {
        char second[2] = {'a', (char)c};
        char middle[3] = {'a', (char)c, 'b'};

        ck_assert_int_eq(grammars[_i].is(str_from(second, 2)), contains(grammars[_i].rest, c));
        ck_assert_int_eq(grammars[_i].is(str_from(middle, 3)), contains(grammars[_i].rest, c));
    }
}
END_TEST

START_TEST(the_longest_name_fits_and_one_more_does_not)
{
    char text[256];
    size_t max = grammars[_i].len_max;

    memset(text, 'a', sizeof(text));
    ck_assert(grammars[_i].is(str_from(text, max)));
    ck_assert(!grammars[_i].is(str_from(text, max + 1)));
    text[max - 1] = '/';
    ck_assert(!grammars[_i].is(str_from(text, max)));
    ck_assert(!grammars[_i].is(str_from(text, 0)));
    ck_assert(!grammars[_i].is(STR_NONE));
}
END_TEST

static const struct {
    const char *stream;
    bool ok;
    const char *category;
    const char *id;
} streams[] = {
    {"order-1", true, "order", "1"},
    {"order-0198f3ab-cdef-7001-800f-ff001020304a", true, "order",
     "0198f3ab-cdef-7001-800f-ff001020304a"},
    {"stock-cd~1:a@b._-", true, "stock", "cd~1:a@b._-"},
    {"a--", true, "a", "-"},
    {"a1-x", true, "a1", "x"},
    {"order-", false, "order", ""},
    {"order", false, "order", ""},
    {"-1", false, "", "1"},
    {"-", false, "", ""},
    {"", false, "", ""},
    {"Order-1", false, "Order", "1"},
    {"1order-1", false, "1order", "1"},
    {"or.der-1", false, "or.der", "1"},
    {"order-1/2", false, "order", "1/2"},
    {"order- 1", false, "order", " 1"},
    {"order-\xC3\xA9", false, "order", "\xC3\xA9"},
};

START_TEST(a_stream_is_a_category_and_an_id)
{
    struct str stream = str_of(streams[_i].stream);

    ck_assert_int_eq(name_is_stream(stream), streams[_i].ok);
    EXPECT_STR(name_category(stream), streams[_i].category);
    EXPECT_STR(name_stream_id(stream), streams[_i].id);
}
END_TEST

START_TEST(the_longest_stream_has_the_stated_length)
{
    char text[NAME_STREAM_MAX + 1];

    memset(text, 'a', sizeof(text));
    text[NAME_CATEGORY_MAX] = '-';
    ck_assert(name_is_stream(str_from(text, NAME_STREAM_MAX)));
    ck_assert(!name_is_stream(str_from(text, NAME_STREAM_MAX + 1)));
    text[NAME_CATEGORY_MAX] = 'a';
    text[NAME_CATEGORY_MAX + 1] = '-';
    ck_assert(!name_is_stream(str_from(text, NAME_STREAM_MAX)));
}
END_TEST

START_TEST(categories_that_name_topics_of_ours_are_reserved)
{
    ck_assert(name_is_reserved(STR("dlq")));
    ck_assert(name_is_reserved(STR("cursor")));
    ck_assert(!name_is_reserved(STR("order")));
    ck_assert(!name_is_reserved(STR("dlqs")));
    ck_assert(!name_is_reserved(STR_NONE));
}
END_TEST

Suite *base_name_suite(void)
{
    Suite *suite = suite_create("base_name");
    TCase *tc = tcase_create("name");
    int count = COUNT_OF(grammars);

    tcase_add_loop_test(tc, every_byte_is_allowed_first_or_refused_as_the_grammar_says, 0, count);
    tcase_add_loop_test(tc, every_byte_is_allowed_later_or_refused_as_the_grammar_says, 0, count);
    tcase_add_loop_test(tc, the_longest_name_fits_and_one_more_does_not, 0, count);
    tcase_add_loop_test(tc, a_stream_is_a_category_and_an_id, 0, COUNT_OF(streams));
    tcase_add_test(tc, the_longest_stream_has_the_stated_length);
    tcase_add_test(tc, categories_that_name_topics_of_ours_are_reserved);
    suite_add_tcase(suite, tc);
    return suite;
}
