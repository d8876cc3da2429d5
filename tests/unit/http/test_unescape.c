/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "base/arena.h"
#include "http/server.h"

static const struct {
    struct str raw;
    bool plus_is_space;
    struct str plain;
} good[] = {
    {STR_INIT(""), false, STR_INIT("")},
    {STR_INIT("abc"), false, STR_INIT("abc")},
    {STR_INIT("%61%62C"), false, STR_INIT("abC")},
    {STR_INIT("a+b%2Bc"), true, STR_INIT("a b+c")},
    {STR_INIT("a+b"), false, STR_INIT("a+b")},
    {STR_INIT("%c3%A9"), false, STR_INIT("\xc3\xa9")},
    {STR_INIT("%0A%7f%25"), false, STR_INIT("\n\x7f%")},
    {STR_INIT("%2e%2E%2f"), false, STR_INIT("../")},
};

START_TEST(escapes_are_undone)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str plain;

    ck_assert(http_unescape(arena, good[_i].raw, good[_i].plus_is_space, &plain));
    ck_assert(str_equal(plain, good[_i].plain));
    ck_assert_int_eq(plain.data[plain.len], '\0');
}
END_TEST

static const struct str bad[] = {
    STR_INIT("%"),    STR_INIT("a%"),     STR_INIT("a%4"),          STR_INIT("%zz"),
    STR_INIT("%4g"),  STR_INIT("%-1"),    STR_INIT("% 41"),         STR_INIT("%00"),
    STR_INIT("a\0b"), STR_INIT("%c0%af"), STR_INIT("%ed%a0%80"),    STR_INIT("%ff"),
    STR_INIT("\xc3"), STR_INIT("%c3%"),   STR_INIT("%f4%90%80%80"), STR_INIT("%%41"),
};

START_TEST(bad_escapes_nul_and_bad_utf_8_are_refused)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct str plain = STR("untouched");

    ck_assert(!http_unescape(arena, bad[_i], false, &plain));
    ck_assert(str_equal(plain, STR("untouched")));
}
END_TEST

Suite *http_unescape_suite(void);

Suite *http_unescape_suite(void)
{
    Suite *suite = suite_create("http_unescape");
    TCase *tcase = tcase_create("unescape");

    tcase_add_loop_test(tcase, escapes_are_undone, 0, sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tcase, bad_escapes_nul_and_bad_utf_8_are_refused, 0,
                        sizeof(bad) / sizeof(bad[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}
