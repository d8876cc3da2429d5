/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pg_internal.h"

#include <check.h>
#include <string.h>

#include "tests/support/expect.h"

Suite *postgres_pg_dsn_suite(void);

static struct error err;

static const char *value_of(const struct pg_dsn *dsn, const char *keyword)
{
    const char *const *keywords = pg_dsn_keywords(dsn);

    for (size_t i = 0; keywords[i]; i++)
        if (strcmp(keywords[i], keyword) == 0)
            return pg_dsn_values(dsn)[i];
    return "(none)";
}

START_TEST(url_and_key_value_pairs_are_read)
{
    SCOPED(pg_dsn_free) struct pg_dsn *url = NULL;
    SCOPED(pg_dsn_free) struct pg_dsn *pairs = NULL;

    ck_assert(pg_dsn_parse("postgresql://u:p%40ss@h:5433/d?sslmode=require", &url, &err));
    ck_assert(pg_dsn_parse("host=h port=5433 user=u password=p@ss", &pairs, &err));

    ck_assert_str_eq(value_of(url, "host"), "h");
    ck_assert_str_eq(value_of(url, "port"), "5433");
    ck_assert_str_eq(value_of(url, "password"), "p@ss");
    ck_assert_str_eq(value_of(url, "sslmode"), "require");
    ck_assert_str_eq(value_of(pairs, "password"), "p@ss");
    ck_assert_str_eq(value_of(pairs, "dbname"), "(none)");
}
END_TEST

START_TEST(preset_gives_way_and_set_does_not)
{
    SCOPED(pg_dsn_free) struct pg_dsn *dsn = NULL;

    ck_assert(
        pg_dsn_parse("postgresql://h/d?keepalives_idle=60&client_encoding=LATIN1", &dsn, &err));
    pg_dsn_preset(dsn, "keepalives_idle", "10");
    pg_dsn_preset(dsn, "keepalives_count", "3");
    pg_dsn_set(dsn, "client_encoding", "UTF8");

    ck_assert_str_eq(value_of(dsn, "keepalives_idle"), "60");
    ck_assert_str_eq(value_of(dsn, "keepalives_count"), "3");
    ck_assert_str_eq(value_of(dsn, "client_encoding"), "UTF8");
}
END_TEST

static const struct {
    const char *url;
    unsigned first;
    unsigned hosts;
    const char *host, *hostaddr, *port;
} rotations[] = {
    {"postgresql:///d", 0, 0, "(none)", "(none)", "(none)"},
    {"postgresql://a/d", 0, 1, "a", "(none)", "(none)"},
    {"postgresql://a:1,b:2,c:3/d", 0, 3, "a,b,c", "(none)", "1,2,3"},
    {"postgresql://a:1,b:2,c:3/d", 1, 3, "b,c,a", "(none)", "2,3,1"},
    {"postgresql://a:1,b:2,c:3/d", 2, 3, "c,a,b", "(none)", "3,1,2"},
    {"host=a,b port=7", 1, 2, "b,a", "(none)", "7"},
    {"host=a,b hostaddr=1.1.1.1,2.2.2.2 port=7,8", 1, 2, "b,a", "2.2.2.2,1.1.1.1", "8,7"},
    {"hostaddr=1.1.1.1,2.2.2.2", 1, 2, "(none)", "2.2.2.2,1.1.1.1", "(none)"},
    {"host=,b port=,8", 1, 2, "b,", "(none)", "8,"},
};

START_TEST(hosts_go_round_with_their_addresses_and_ports)
{
    SCOPED(pg_dsn_free) struct pg_dsn *dsn = NULL;

    ck_assert(pg_dsn_parse(rotations[_i].url, &dsn, &err));
    ck_assert_uint_eq(pg_dsn_hosts(dsn), rotations[_i].hosts);
    pg_dsn_rotate(dsn, rotations[_i].first);

    ck_assert_str_eq(value_of(dsn, "host"), rotations[_i].host);
    ck_assert_str_eq(value_of(dsn, "hostaddr"), rotations[_i].hostaddr);
    ck_assert_str_eq(value_of(dsn, "port"), rotations[_i].port);
}
END_TEST

/* Each hides "s3cret" where a password that was not encoded may come to lie. */
static const char *const bad_urls[] = {
    "postgresql://u:pa/s3cret@h/d",  "postgresql://u:s3cret/x@h/d",
    "postgresql://u:pa@s3cret@h/d",  "postgresql://u:s3cret@x@h:5432/d",
    "postgresql://u:%zs3cret@h/d",   "postgresql://u:p@h/d?s3cret",
    "postgresql://u:p@h/d?s3cret=1", "postgresql://u:p@h:s3cret/d",
    "host=h password='s3cret",       "s3cret",
    "http://u:s3cret@h/d",
};

START_TEST(bad_string_is_refused_without_repeating_any_of_it)
{
    struct pg_dsn *dsn = NULL;

    ck_assert(!pg_dsn_parse(bad_urls[_i], &dsn, &err));
    ck_assert_ptr_null(dsn);
    ck_assert_int_eq(err.class, ERROR_REFUSED);
    ck_assert_ptr_null(strstr(err.text, "s3cret"));
    ck_assert_ptr_null(strstr(err.hint, "s3cret"));
    ck_assert_str_ne(err.hint, "");
}
END_TEST

START_TEST(abstract_socket_is_no_misplaced_password)
{
    SCOPED(pg_dsn_free) struct pg_dsn *dsn = NULL;

    ck_assert(pg_dsn_parse("host=@daybook", &dsn, &err));
    ck_assert_str_eq(value_of(dsn, "host"), "@daybook");
}
END_TEST

Suite *postgres_pg_dsn_suite(void)
{
    Suite *suite = suite_create("postgres_pg_dsn");
    TCase *tcase = tcase_create("strings");

    tcase_add_test(tcase, url_and_key_value_pairs_are_read);
    tcase_add_test(tcase, preset_gives_way_and_set_does_not);
    tcase_add_loop_test(tcase, hosts_go_round_with_their_addresses_and_ports, 0,
                        COUNT_OF(rotations));
    tcase_add_loop_test(tcase, bad_string_is_refused_without_repeating_any_of_it, 0,
                        COUNT_OF(bad_urls));
    tcase_add_test(tcase, abstract_socket_is_no_misplaced_password);
    suite_add_tcase(suite, tcase);
    return suite;
}
