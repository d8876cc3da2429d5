/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/snapshot_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "eventlog/writer_core.h"
#include "tests/support/accounts.h"

#include <check.h>
#include <string.h>

Suite *eventlog_snapshot_suite(void);

static struct snapshot the_snapshot;
static struct buf the_bytes;
static struct core_snapshot_row the_row;

static void set_up(void)
{
    void *state;
    struct error err;

    ck_assert(account_type.state_parse(STR("12 ada."), &state, &err));
    the_snapshot = (struct snapshot){.stream_id = 7,
                                     .version = VERSION(500),
                                     .position = POSITION(9000),
                                     .recorded_at_us = 1234567,
                                     .type = &account_type,
                                     .state = state};
    buf_init(&the_bytes, 2 * SNAPSHOT_BYTES_MAX);
    buf_add_cstr(&the_bytes, "before ");
    the_row = (struct core_snapshot_row){
        .version = VERSION(500), .position = POSITION(9000), .recorded_at_us = 1234567};
    ck_assert(snapshot_write(&the_snapshot, &the_bytes, &the_row.hash));
    the_row.state = str_from(the_bytes.data + 7, the_bytes.len - 7);
}

static void tear_down(void)
{
    snapshot_release(&the_snapshot);
    buf_release(&the_bytes);
}

/* Refuses, and leaves what it should. */
static void expect_refused(const struct aggregate_type *type, int64_t stream_id)
{
    void *state = &the_row;
    struct error err;

    ck_assert(!snapshot_parse(type, stream_id, &the_row, &state, &err));
    ck_assert_int_eq(err.class, ERROR_POISON);
    ck_assert_ptr_eq(state, &the_row);
}

START_TEST(what_was_written_comes_back)
{
    struct snapshot back = the_snapshot;
    struct buf again = BUF_INIT(1000);
    int64_t hash;
    struct error err;

    ck_assert(str_equal(buf_str(&the_bytes), STR("before 12 ada.")));
    ck_assert(snapshot_parse(&account_type, 7, &the_row, &back.state, &err));
    ck_assert(snapshot_write(&back, &again, &hash));
    ck_assert(str_equal(buf_str(&again), the_row.state));
    ck_assert_int_eq(hash, the_row.hash);
    buf_release(&again);
    snapshot_release(&back);
}
END_TEST

/* Stored rows outlive programs and machines: this number must never change. */
START_TEST(the_hash_is_the_same_for_ever)
{
    ck_assert_int_eq(the_row.hash, INT64_C(-1480951710403999533));
}
END_TEST

START_TEST(a_row_that_is_not_as_written_is_refused)
{
    struct aggregate_type other_schema = account_type;
    struct core_snapshot_row good = the_row;

    other_schema.state_schema++;
    expect_refused(&other_schema, 7);
    expect_refused(&account_type, 8);
    the_row.version.n++;
    expect_refused(&account_type, 7);
    the_row = good;
    the_row.position.n++;
    expect_refused(&account_type, 7);
    the_row = good;
    the_row.recorded_at_us++;
    expect_refused(&account_type, 7);
    the_row = good;
    the_row.hash++;
    expect_refused(&account_type, 7);
}
END_TEST

START_TEST(a_state_that_is_not_as_written_is_refused)
{
    for (size_t i = 0; i < the_row.state.len; i++) {
        the_bytes.data[7 + i] ^= 1;
        expect_refused(&account_type, 7);
        the_bytes.data[7 + i] ^= 1;
    }
    the_row.state.len--;
    expect_refused(&account_type, 7);
    the_row.state = STR("");
    expect_refused(&account_type, 7);
}
END_TEST

static void write_too_much(const void *state, struct buf *out)
{
    static const char kib[1024] = "x";

    (void)state;
    for (size_t i = 0; i <= SNAPSHOT_BYTES_MAX / sizeof(kib); i++)
        buf_add(out, kib, sizeof(kib));
}

START_TEST(too_large_a_state_is_not_written)
{
    struct aggregate_type large = account_type;
    struct snapshot s = the_snapshot;
    size_t before = the_bytes.len;
    int64_t hash = 17;

    large.state_write = write_too_much;
    s.type = &large;
    ck_assert(!snapshot_write(&s, &the_bytes, &hash));
    ck_assert_uint_eq(the_bytes.len, before);
    the_bytes.max = before + 100; /* nor one for which there is no room any more */
    ck_assert(!snapshot_write(&s, &the_bytes, &hash));
    ck_assert_uint_eq(the_bytes.len, before);
    ck_assert(!the_bytes.failed);
    ck_assert_int_eq(hash, 17);
}
END_TEST

Suite *eventlog_snapshot_suite(void)
{
    Suite *suite = suite_create("eventlog_snapshot");
    TCase *tc = tcase_create("snapshots");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, what_was_written_comes_back);
    tcase_add_test(tc, the_hash_is_the_same_for_ever);
    tcase_add_test(tc, a_row_that_is_not_as_written_is_refused);
    tcase_add_test(tc, a_state_that_is_not_as_written_is_refused);
    tcase_add_test(tc, too_large_a_state_is_not_written);
    suite_add_tcase(suite, tc);
    return suite;
}
