/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>

#include "http/census.h"

static struct census_address v4(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = 7};

    ck_assert_int_eq(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return http_census_address((const struct sockaddr *)&address);
}

static struct census_address v6(const char *text)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = 9};

    ck_assert_int_eq(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    return http_census_address((const struct sockaddr *)&address);
}

START_TEST(addresses_are_counted_apart_up_to_their_limit)
{
    struct http_census *census = http_census_new(10, 2);
    struct census_address a = v4("10.0.0.1");
    struct census_address b = v6("2001:db8::1");

    ck_assert(http_census_enter(census, &a));
    ck_assert(http_census_enter(census, &a));
    ck_assert(!http_census_enter(census, &a));
    ck_assert(http_census_enter(census, &b));
    http_census_leave(census, &a);
    ck_assert(http_census_enter(census, &a));
    http_census_leave(census, &a);
    http_census_leave(census, &a);
    http_census_leave(census, &b);
    http_census_free(census);
}
END_TEST

START_TEST(all_connections_together_have_a_limit)
{
    struct http_census *census = http_census_new(2, 2);
    struct census_address addresses[] = {v4("10.0.0.1"), v4("10.0.0.2"), v4("10.0.0.3")};

    ck_assert(http_census_enter(census, &addresses[0]));
    ck_assert(http_census_enter(census, &addresses[1]));
    ck_assert(!http_census_enter(census, &addresses[2]));
    http_census_leave(census, &addresses[0]);
    ck_assert(http_census_enter(census, &addresses[2]));
    http_census_leave(census, &addresses[1]);
    http_census_leave(census, &addresses[2]);
    http_census_free(census);
}
END_TEST

START_TEST(an_ipv4_address_is_the_same_in_its_ipv6_form)
{
    struct census_address plain = v4("10.0.0.1");
    struct census_address mapped = v6("::ffff:10.0.0.1");

    ck_assert_mem_eq(&plain, &mapped, sizeof(plain));
}
END_TEST

Suite *http_census_suite(void);

Suite *http_census_suite(void)
{
    Suite *suite = suite_create("http_census");
    TCase *tcase = tcase_create("census");

    tcase_add_test(tcase, addresses_are_counted_apart_up_to_their_limit);
    tcase_add_test(tcase, all_connections_together_have_a_limit);
    tcase_add_test(tcase, an_ipv4_address_is_the_same_in_its_ipv6_form);
    suite_add_tcase(suite, tcase);
    return suite;
}
