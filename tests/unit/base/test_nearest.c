/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/config.h"
#include "tests/support/expect.h"

Suite *base_nearest_suite(void);

static const char *const words[] = {"http.listen", "http.threads", "serve",   "publish",
                                    "project",     "up",           "migrate", "ls"};

static const struct {
    const char *word;
    const char *nearest;
} rows[] = {
    {"serve", "serve"},
    {"sevre", "serve"}, /* two neighbours swapped */
    {"serv", "serve"},
    {"servee", "serve"},
    {"sarve", "serve"},
    {"xserve", "serve"},
    {"sv", NULL},
    {"publsih", "publish"},
    {"pubilsh", "publish"},
    {"publ", NULL},
    {"projct", "project"},
    {"htpp.lisetn", "http.listen"},
    {"http.lisen", "http.listen"},
    {"http.thread", "http.threads"},
    {"http.threats", "http.threads"},
    {"listen", NULL}, /* five away */
    {"pu", "up"},
    {"l", "ls"},
    {"x", NULL}, /* a whole word away is no neighbour */
    {"", NULL},
    {"nothing like it", NULL},
    {"migrat", "migrate"},
    {"MIGRATE", NULL},
};

START_TEST(a_near_word_is_found_and_a_far_one_is_not)
{
    const char *nearest = nearest_word(str_of(rows[_i].word), words, COUNT_OF(words));

    if (rows[_i].nearest == NULL)
        ck_assert_msg(nearest == NULL, "'%s' for '%s'", nearest, rows[_i].word);
    else
        ck_assert_pstr_eq(nearest, rows[_i].nearest);
}
END_TEST

START_TEST(the_nearest_of_several_wins_and_the_first_of_equals)
{
    static const char *const alike[] = {"retention", "retries", "retry"};
    static const char *const equals[] = {"cat", "bat", "rat"};

    ck_assert_pstr_eq(nearest_word(STR("retris"), alike, 3), "retries");
    ck_assert_pstr_eq(nearest_word(STR("retrx"), alike, 3), "retry");
    ck_assert_pstr_eq(nearest_word(STR("hat"), equals, 3), "cat");
}
END_TEST

START_TEST(long_words_have_no_neighbours)
{
    static const char long_word[] =
        "0123456789012345678901234567890123456789012345678901234567890123"
        "4";
    const char *const candidates[] = {long_word};
    const char *const longest[] = {long_word + 1};

    ck_assert_ptr_null(nearest_word(str_of(long_word), candidates, 1));
    ck_assert_ptr_null(nearest_word(str_of(long_word + 1), candidates, 1));
    ck_assert_ptr_eq(nearest_word(str_of(long_word + 1), longest, 1), long_word + 1);
}
END_TEST

START_TEST(no_words_no_neighbour)
{
    ck_assert_ptr_null(nearest_word(STR("x"), NULL, 0));
}
END_TEST

START_TEST(a_view_is_not_read_beyond_its_end)
{
    ck_assert_pstr_eq(nearest_word(str_from("serveXXXXXXX", 5), words, COUNT_OF(words)), "serve");
}
END_TEST

Suite *base_nearest_suite(void)
{
    Suite *suite = suite_create("base_nearest");
    TCase *tc = tcase_create("nearest");

    tcase_add_loop_test(tc, a_near_word_is_found_and_a_far_one_is_not, 0, COUNT_OF(rows));
    tcase_add_test(tc, the_nearest_of_several_wins_and_the_first_of_equals);
    tcase_add_test(tc, long_words_have_no_neighbours);
    tcase_add_test(tc, no_words_no_neighbour);
    tcase_add_test(tc, a_view_is_not_read_beyond_its_end);
    suite_add_tcase(suite, tc);
    return suite;
}
