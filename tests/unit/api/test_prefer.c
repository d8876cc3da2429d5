/* SPDX-License-Identifier: Apache-2.0 */
#include "api/prefer.h"

#include "tests/support/expect.h"

#include <check.h>

static const struct {
    const char *header;
    bool given;
    int64_t seconds;
} rows[] = {
    {"wait=10", true, 10},
    {"wait=0", true, 0},
    {"WAIT=7", true, 7},
    {" respond-async , wait = 5 ", true, 5},
    {"wait=\"3\"", true, 3},
    {"wait=4; foo=bar, wait=9", true, 4},
    {"return=minimal;wait=2", false, 0}, /* a parameter of another preference */
    {"", false, 0},
    {"wait", false, 0},
    {"wait=", false, 0},
    {"wait=-1", false, 0},
    {"wait=1.5", false, 0},
    {"wait=1s", false, 0},
    {"wait=99999999999999999999", false, 0},
    {"await=10", false, 0},
    {"respond-async", false, 0},
};

START_TEST(the_wait_is_found_among_preferences)
{
    int64_t seconds = 0;

    ck_assert_int_eq(prefer_wait(str_of(rows[_i].header), &seconds), rows[_i].given);
    ck_assert_int_eq(seconds, rows[_i].seconds);
}
END_TEST

Suite *api_prefer_suite(void);
Suite *api_prefer_suite(void)
{
    Suite *suite = suite_create("api_prefer");
    TCase *tc = tcase_create("prefer");

    tcase_add_loop_test(tc, the_wait_is_found_among_preferences, 0, COUNT_OF(rows));
    suite_add_tcase(suite, tc);
    return suite;
}
