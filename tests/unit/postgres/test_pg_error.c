/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pg_error.h"

#include <check.h>
#include <string.h>

#include "tests/support/expect.h"

Suite *postgres_pg_error_suite(void);

static const struct {
    struct pg_fault fault;
    enum error_class class;
    const char *code;
    bool closes;
} rows[] = {
    /* the connection, the server's state */
    {{"08006", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"57P01", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"57P02", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"57P03", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"57P05", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"25006", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"25P03", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"25P04", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"26000", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    {{"42P05", NULL, NULL}, ERROR_TRANSIENT, "dependency-down", true},
    /* passes by itself, on the same connection */
    {{"40001", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"40P01", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"53100", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"53200", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"55P03", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"57014", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"58030", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"XX000", NULL, NULL}, ERROR_TRANSIENT, "", false},
    {{"0A000", "RevalidateCachedQuery", NULL}, ERROR_TRANSIENT, "", false},
    {{"54000", "GetNewTransactionId", NULL}, ERROR_TRANSIENT, "", false},
    {{"54000", "GetNewMultiXactId", NULL}, ERROR_TRANSIENT, "", false},
    {{"23514", "ExecFindPartition", NULL}, ERROR_TRANSIENT, "no-partition", false},
    {{"23514", "ExecFindPartition", ""}, ERROR_TRANSIENT, "no-partition", false},
    /* the data's fault */
    {{"22021", NULL, NULL}, ERROR_POISON, "", false},
    {{"22P02", NULL, NULL}, ERROR_POISON, "", false},
    {{"22P05", NULL, NULL}, ERROR_POISON, "", false},
    {{"23505", NULL, "streams_pkey"}, ERROR_POISON, "", false},
    {{"23514", NULL, "log_head_position_check"}, ERROR_POISON, "", false},
    {{"54000", NULL, NULL}, ERROR_POISON, "", false},
    {{"54000", "index_form_tuple", NULL}, ERROR_POISON, "", false},
    {{"P0001", NULL, NULL}, ERROR_POISON, "", false},
    /* ours */
    {{"0A000", NULL, NULL}, ERROR_FATAL, "", false},
    {{"0A000", "transformStmt", NULL}, ERROR_FATAL, "", false},
    {{"21000", NULL, NULL}, ERROR_POISON, "", false},
    {{"22P03", NULL, NULL}, ERROR_FATAL, "", false},
    {{"25P02", NULL, NULL}, ERROR_FATAL, "", false},
    {{"42601", NULL, NULL}, ERROR_FATAL, "", false},
    {{"42P01", NULL, NULL}, ERROR_FATAL, "", false},
    {{"42501", NULL, NULL}, ERROR_FATAL, "", false},
    {{"XX001", NULL, NULL}, ERROR_FATAL, "", false},
    {{"XX002", NULL, NULL}, ERROR_FATAL, "", false},
    {{"F0000", NULL, NULL}, ERROR_FATAL, "", false},
    {{"ZZZZZ", NULL, NULL}, ERROR_FATAL, "", false},
};

START_TEST(sqlstate_decides_class_code_and_whether_the_session_is_over)
{
    struct pg_verdict verdict = pg_classify(rows[_i].fault);

    ck_assert_msg(verdict.class == rows[_i].class, "%s is %s, not %s", rows[_i].fault.sqlstate,
                  error_class_name(verdict.class), error_class_name(rows[_i].class));
    ck_assert_str_eq(verdict.code, rows[_i].code);
    ck_assert_int_eq(verdict.closes, rows[_i].closes);
}
END_TEST

static const struct {
    const char *sqlstate;
    const char *hint_has;
} connects[] = {
    {"28P01", "password"}, {"28000", "pg_hba.conf"},     {"3D000", "createdb"},
    {"42501", "CONNECT"},  {"53300", "max_connections"}, {"57P03", "starting"},
    {"", "host and port"}, {"08001", "host and port"},
};

START_TEST(failed_connection_may_be_mended_and_says_how)
{
    struct pg_verdict verdict = pg_classify_connect(connects[_i].sqlstate);

    ck_assert_int_eq(verdict.class, ERROR_TRANSIENT);
    ck_assert_str_eq(verdict.code, "dependency-down");
    ck_assert_ptr_nonnull(strstr(verdict.hint, connects[_i].hint_has));
}
END_TEST

static const struct {
    const char *message;
    const char *sqlstate;
} messages[] = {
    {"connection to server at \"::1\", port 5432 failed: FATAL:  28P01: password authentication "
     "failed for user \"x\"\nLOCATION:  auth_failed, auth.c:338\n",
     "28P01"},
    {"connection to server at \"a\" (::1), port 1 failed: Connection refused\n\tIs the server?\n"
     "connection to server at \"b\" (::1), port 2 failed: FATAL:  3D000: database \"x\" does not",
     "3D000"},
    {"... failed: FATALER FEHLER:  57P03: das Datenbanksystem startet", "57P03"},
    {"... failed: FATAL:  database \"x\" does not exist", ""},
    {"... failed: x:  abcde: y", ""},
    {"... failed: x:  3D0", ""},
    {"... failed: :  1234 : :  12345: z", "12345"},
    {"", ""},
};

START_TEST(sqlstate_is_found_in_a_verbose_message)
{
    char sqlstate[6];

    pg_sqlstate_of_message(messages[_i].message, sqlstate);
    ck_assert_str_eq(sqlstate, messages[_i].sqlstate);
}
END_TEST

Suite *postgres_pg_error_suite(void)
{
    Suite *suite = suite_create("postgres_pg_error");
    TCase *tcase = tcase_create("classes");

    tcase_add_loop_test(tcase, sqlstate_decides_class_code_and_whether_the_session_is_over, 0,
                        COUNT_OF(rows));
    tcase_add_loop_test(tcase, failed_connection_may_be_mended_and_says_how, 0, COUNT_OF(connects));
    tcase_add_loop_test(tcase, sqlstate_is_found_in_a_verbose_message, 0, COUNT_OF(messages));
    suite_add_tcase(suite, tcase);
    return suite;
}
