/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes are those PostgreSQL 15 sends for the same values (COPY ... WITH (FORMAT binary)). */
#include "postgres/pg_internal.h"

#include <check.h>
#include <stdlib.h>

#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *postgres_pg_params_suite(void);

static struct pg_params params;

static void set_up(void)
{
    pg_params_init(&params);
}

static void tear_down(void)
{
    pg_params_release(&params);
}

static void expect_bytes(size_t index, const char *bytes, size_t len)
{
    struct pg_wire_params wire;
    struct error err = {0};

    ck_assert(pg_params_wire(&params, &wire, &err));
    ck_assert_uint_lt(index, (size_t)wire.count);
    ck_assert_int_eq(wire.formats[index], 1);
    ck_assert_int_eq(wire.lengths[index], (int)len);
    ck_assert_ptr_nonnull(wire.values[index]);
    ck_assert_mem_eq(wire.values[index], bytes, len);
}
#define EXPECT_BYTES(index, literal) expect_bytes((index), (literal), sizeof(literal) - 1)

START_TEST(numbers_are_big_endian)
{
    pg_add_i64(&params, 0x0102030405060708);
    pg_add_i64(&params, -2);
    pg_add_i32(&params, -3);
    pg_add_bool(&params, true);
    pg_add_bool(&params, false);

    EXPECT_BYTES(0, "\1\2\3\4\5\6\7\10");
    EXPECT_BYTES(1, "\xff\xff\xff\xff\xff\xff\xff\xfe");
    EXPECT_BYTES(2, "\xff\xff\xff\xfd");
    EXPECT_BYTES(3, "\1");
    EXPECT_BYTES(4, "\0");
}
END_TEST

START_TEST(times_and_dates_count_from_the_year_2000)
{
    pg_add_time(&params, INT64_C(946684800000000));
    pg_add_time(&params, INT64_C(946684800000000) - 1);
    pg_add_time(&params, 0);
    pg_add_date(&params, 10957);
    pg_add_date(&params, 0);

    EXPECT_BYTES(0, "\0\0\0\0\0\0\0\0");
    EXPECT_BYTES(1, "\xff\xff\xff\xff\xff\xff\xff\xff");
    EXPECT_BYTES(2, "\xff\xfc\xa2\xfe\xc4\xc8\x20\x00");
    EXPECT_BYTES(3, "\0\0\0\0");
    EXPECT_BYTES(4, "\xff\xff\xd5\x33");
}
END_TEST

START_TEST(texts_are_their_bytes_and_an_empty_one_is_not_null)
{
    pg_add_str(&params, STR("gr\xc3\xbc\xc3\x9f"));
    pg_add_str(&params, STR(""));
    pg_add_bytes(&params, STR("\0\1"));

    EXPECT_BYTES(0, "gr\xc3\xbc\xc3\x9f");
    EXPECT_BYTES(1, "");
    EXPECT_BYTES(2, "\0\1");
}
END_TEST

START_TEST(single_empty_text_is_not_null_even_without_a_buffer)
{
    pg_add_str(&params, STR(""));
    EXPECT_BYTES(0, "");
}
END_TEST

START_TEST(uuid_is_its_sixteen_bytes)
{
    struct uuid uuid;

    ck_assert(uuid_parse(STR("00112233-4455-6677-8899-aabbccddeeff"), &uuid));
    pg_add_uuid(&params, uuid);
    EXPECT_BYTES(0, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff");
}
END_TEST

START_TEST(null_has_no_bytes)
{
    struct pg_wire_params wire;
    struct error err = {0};

    pg_add_null(&params);
    pg_add_str(&params, STR_NONE);
    pg_add_bytes(&params, STR_NONE);
    pg_add_i32(&params, 7);

    ck_assert(pg_params_wire(&params, &wire, &err));
    ck_assert_int_eq(wire.count, 4);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(wire.values[i]);
    EXPECT_BYTES(3, "\0\0\0\7");
}
END_TEST

START_TEST(array_has_dimension_null_flag_element_type_length_and_lower_bound)
{
    pg_array_open(&params, PG_INT8);
    pg_array_i64(&params, 1);
    pg_array_i64(&params, -1);
    pg_array_close(&params);

    EXPECT_BYTES(0, "\0\0\0\1"
                    "\0\0\0\0"
                    "\0\0\0\x14"
                    "\0\0\0\2"
                    "\0\0\0\1"
                    "\0\0\0\x8\0\0\0\0\0\0\0\1"
                    "\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xff");
}
END_TEST

START_TEST(null_element_sets_the_flag_and_has_length_minus_one)
{
    pg_array_open(&params, PG_TEXT);
    pg_array_str(&params, STR("a"));
    pg_array_str(&params, STR_NONE);
    pg_array_str(&params, STR(""));
    pg_array_null(&params);
    pg_array_close(&params);

    EXPECT_BYTES(0, "\0\0\0\1"
                    "\0\0\0\1"
                    "\0\0\0\x19"
                    "\0\0\0\4"
                    "\0\0\0\1"
                    "\0\0\0\1a"
                    "\xff\xff\xff\xff"
                    "\0\0\0\0"
                    "\xff\xff\xff\xff");
}
END_TEST

START_TEST(null_flag_does_not_outlive_its_array)
{
    pg_array_open(&params, PG_BOOL);
    pg_array_null(&params);
    pg_array_close(&params);
    pg_array_open(&params, PG_BOOL);
    pg_array_bool(&params, true);
    pg_array_close(&params);

    EXPECT_BYTES(1, "\0\0\0\1"
                    "\0\0\0\0"
                    "\0\0\0\x10"
                    "\0\0\0\1"
                    "\0\0\0\1"
                    "\0\0\0\1\1");
}
END_TEST

START_TEST(empty_array_has_no_dimension_and_leaves_the_next_one_its_place)
{
    pg_array_open(&params, PG_UUID);
    pg_array_close(&params);
    pg_add_i32(&params, 9);

    EXPECT_BYTES(0, "\0\0\0\0"
                    "\0\0\0\0"
                    "\0\0\x0b\x86");
    EXPECT_BYTES(1, "\0\0\0\x9");
}
END_TEST

static const struct {
    enum pg_type type;
    int64_t value;
    const char *oid;
    const char *element;
    size_t element_len;
} numbers[] = {
    {PG_INT4, -5, "\0\0\0\x17", "\0\0\0\4\xff\xff\xff\xfb", 8},
    {PG_INT8, -5, "\0\0\0\x14", "\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xfb", 12},
    {PG_DATE, 10958, "\0\0\x04\x3a", "\0\0\0\4\0\0\0\1", 8},
    {PG_TIMESTAMPTZ, INT64_C(946684800000002), "\0\0\x04\xa0", "\0\0\0\x8\0\0\0\0\0\0\0\2", 12},
};

START_TEST(numbers_in_arrays_have_their_types_oid_and_width)
{
    struct pg_wire_params wire;
    struct error err = {0};

    pg_array_open(&params, numbers[_i].type);
    pg_array_i64(&params, numbers[_i].value);
    pg_array_close(&params);

    ck_assert(pg_params_wire(&params, &wire, &err));
    ck_assert_mem_eq(wire.values[0] + 8, numbers[_i].oid, 4);
    ck_assert_int_eq(wire.lengths[0], (int)(20 + numbers[_i].element_len));
    ck_assert_mem_eq(wire.values[0] + 20, numbers[_i].element, numbers[_i].element_len);
}
END_TEST

START_TEST(clear_makes_it_as_new)
{
    pg_add_i64(&params, 1);
    pg_array_open(&params, PG_TEXT); /* abandoned */
    pg_params_clear(&params);
    pg_add_i32(&params, 2);

    ck_assert_uint_eq(params.count, 1);
    EXPECT_BYTES(0, "\0\0\0\2");
}
END_TEST

START_TEST(no_parameters_are_none)
{
    struct pg_wire_params wire = {.count = 5};
    struct error err = {0};

    ck_assert(pg_params_wire(NULL, &wire, &err));
    ck_assert_int_eq(wire.count, 0);
}
END_TEST

START_TEST(too_many_bytes_are_poison_when_they_are_to_be_sent)
{
    static char block[1 << 20];
    struct pg_wire_params wire;
    struct error err = {0};

    pg_params_release(&params);
    pg_params_init(&params);
    params.bytes.max = 3 << 20;
    pg_array_open(&params, PG_BYTEA);
    for (int i = 0; i < 3; i++)
        pg_array_str(&params, str_from(block, sizeof(block)));
    pg_array_close(&params);

    ck_assert(!pg_params_wire(&params, &wire, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_str_eq(err.text, "a statement's parameters exceed 256 MiB");
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(one_parameter_too_many_is_a_bug)
{
    death_expected();
    for (int i = 0; i <= PG_PARAMS_MAX; i++)
        pg_add_null(&params);
}
END_TEST

START_TEST(element_of_another_type_is_a_bug)
{
    death_expected();
    pg_array_open(&params, PG_TEXT);
    pg_array_i64(&params, 1);
}
END_TEST

START_TEST(int4_element_beyond_its_range_is_a_bug)
{
    death_expected();
    pg_array_open(&params, PG_INT4);
    pg_array_i64(&params, INT64_C(1) << 31);
}
END_TEST

START_TEST(open_array_can_not_be_sent)
{
    struct pg_wire_params wire;
    struct error err = {0};

    death_expected();
    pg_array_open(&params, PG_TEXT);
    ck_assert(pg_params_wire(&params, &wire, &err));
}
END_TEST
#endif

Suite *postgres_pg_params_suite(void)
{
    Suite *suite = suite_create("postgres_pg_params");
    TCase *tcase = tcase_create("encoding");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, numbers_are_big_endian);
    tcase_add_test(tcase, times_and_dates_count_from_the_year_2000);
    tcase_add_test(tcase, texts_are_their_bytes_and_an_empty_one_is_not_null);
    tcase_add_test(tcase, single_empty_text_is_not_null_even_without_a_buffer);
    tcase_add_test(tcase, uuid_is_its_sixteen_bytes);
    tcase_add_test(tcase, null_has_no_bytes);
    tcase_add_test(tcase, array_has_dimension_null_flag_element_type_length_and_lower_bound);
    tcase_add_test(tcase, null_element_sets_the_flag_and_has_length_minus_one);
    tcase_add_test(tcase, null_flag_does_not_outlive_its_array);
    tcase_add_test(tcase, empty_array_has_no_dimension_and_leaves_the_next_one_its_place);
    tcase_add_loop_test(tcase, numbers_in_arrays_have_their_types_oid_and_width, 0,
                        COUNT_OF(numbers));
    tcase_add_test(tcase, clear_makes_it_as_new);
    tcase_add_test(tcase, no_parameters_are_none);
    tcase_add_test(tcase, too_many_bytes_are_poison_when_they_are_to_be_sent);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tcase, one_parameter_too_many_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, element_of_another_type_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, int4_element_beyond_its_range_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tcase, open_array_can_not_be_sent, SIGABRT);
#endif
    suite_add_tcase(suite, tcase);
    return suite;
}
