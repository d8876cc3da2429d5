/* SPDX-License-Identifier: Apache-2.0 */
/* What a reader may do wrong with a result; right reading is in tests/integration/postgres. */
#include "postgres/pg_internal.h"

#include <check.h>

#include "postgres/pg_wire_types.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *postgres_pg_rows_suite(void);

/* One row: an int8 of 7, a text that is NULL. */
static struct pg_rows *make_rows(void)
{
    static char name_of_id[] = "id";
    static char name_of_text[] = "text";
    static char seven[] = {0, 0, 0, 0, 0, 0, 0, 7};
    PGresAttDesc columns[] = {
        {.name = name_of_id, .format = 1, .typid = PG_OID_INT8, .typlen = 8},
        {.name = name_of_text, .format = 1, .typid = PG_OID_TEXT, .typlen = -1},
    };
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    ck_assert(PQsetResultAttrs(result, COUNT_OF(columns), columns));
    ck_assert(PQsetvalue(result, 0, 0, seven, sizeof(seven)));
    ck_assert(PQsetvalue(result, 0, 1, NULL, -1));
    return pg_rows_new(result);
}

START_TEST(looking_for_null_counts_as_reading)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = make_rows();

    ck_assert_int_eq(pg_get_i64(rows, 0, 0), 7);
    ck_assert(pg_is_null(rows, 0, 1));
}
END_TEST

START_TEST(skipping_counts_as_reading_all)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = make_rows();

    pg_rows_skip(rows);
}
END_TEST

START_TEST(freeing_nothing_is_fine)
{
    pg_rows_free(NULL);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
static void read_null_as_number(const struct pg_rows *rows)
{
    pg_get_time(rows, 0, 1);
}

static void read_number_as_text(const struct pg_rows *rows)
{
    pg_get_str(rows, 0, 0);
}

static void read_number_as_bool(const struct pg_rows *rows)
{
    pg_get_bool(rows, 0, 0);
}

static void read_text_as_number(const struct pg_rows *rows)
{
    pg_get_i64(rows, 0, 1);
}

static void read_beyond_the_last_row(const struct pg_rows *rows)
{
    pg_get_i64(rows, 1, 0);
}

static void read_beyond_the_last_column(const struct pg_rows *rows)
{
    pg_is_null(rows, 0, 2);
}

static void (*const misreadings[])(const struct pg_rows *rows) = {
    read_null_as_number, read_number_as_text,      read_number_as_bool,
    read_text_as_number, read_beyond_the_last_row, read_beyond_the_last_column,
};

START_TEST(misreading_is_a_bug)
{
    struct pg_rows *rows = make_rows();

    death_expected();
    misreadings[_i](rows);
}
END_TEST
#endif

Suite *postgres_pg_rows_suite(void)
{
    Suite *suite = suite_create("postgres_pg_rows");
    TCase *tcase = tcase_create("reading");

    tcase_add_test(tcase, looking_for_null_counts_as_reading);
    tcase_add_test(tcase, skipping_counts_as_reading_all);
    tcase_add_test(tcase, freeing_nothing_is_fine);
#ifndef DAYBOOK_SANITIZED
    tcase_add_loop_test_raise_signal(tcase, misreading_is_a_bug, SIGABRT, 0, COUNT_OF(misreadings));
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}
