/* SPDX-License-Identifier: Apache-2.0 */
#include "http/address.h"

#include "tests/support/expect.h"

#include <check.h>

static const struct {
    const char *listen;
    bool valid;
    bool loopback;
} rows[] = {
    {"127.0.0.1:8080", true, true},
    {"127.255.0.1:0", true, true},
    {"localhost:80", true, true},
    {"LocalHost:80", true, true},
    {"[::1]:8080", true, true},
    {"0.0.0.0:8080", true, false},
    {"[::]:8080", true, false},
    {"10.0.0.1:80", true, false},
    {"127.example.com:80", true, false},
    {"localhost.example.com:80", true, false},
    {"[::ffff:10.0.0.1]:80", true, false},
    {"127.0.0.1", false, false},
    {"127.0.0.1:", false, false},
    {":8080", false, false},
    {"127.0.0.1:65536", false, false},
    {"127.0.0.1:-1", false, false},
    {"127.0.0.1:http", false, false},
    {"::1:80", false, false},
    {"", false, false},
};

START_TEST(only_what_this_machine_alone_reaches_is_loopback)
{
    ck_assert_int_eq(http_address_is_valid(rows[_i].listen), rows[_i].valid);
    ck_assert_int_eq(http_address_is_loopback(rows[_i].listen), rows[_i].loopback);
}
END_TEST

Suite *http_address_suite(void);
Suite *http_address_suite(void)
{
    Suite *suite = suite_create("http_address");
    TCase *tc = tcase_create("address");

    tcase_add_loop_test(tc, only_what_this_machine_alone_reaches_is_loopback, 0, COUNT_OF(rows));
    suite_add_tcase(suite, tc);
    return suite;
}
