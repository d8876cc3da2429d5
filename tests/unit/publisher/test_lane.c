/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/lane.h"

#include <check.h>

#include "tests/support/expect.h"

Suite *publisher_lane_suite(void);

/* The table of docs/publisher.md. */
static const struct {
    int64_t entry, floor, copy_offset;            /* the cursor's */
    int64_t low, stable, high, last, last_offset; /* seen */
    bool aborted;
    int64_t before_aborted;
    bool other_log;
    enum lane_verdict verdict;
    int64_t tail, offset; /* where it goes on, if it fits */
} rows[] = {
    /* nothing was ever there */
    {0, 0, -1, 0, 0, 0, 0, 0, false, 0, false, LANE_FITS, 0, -1},
    /* all is well */
    {9, 0, 4, 0, 6, 6, 9, 4, false, 0, false, LANE_FITS, 9, 4},
    /* events visible, cursor not */
    {9, 0, 4, 0, 8, 8, 12, 6, false, 0, false, LANE_FITS, 12, 6},
    /* the same in a partition's first transaction */
    {0, 0, -1, 0, 3, 3, 2, 1, false, 0, false, LANE_FITS, 2, 1},
    /* cursor visible, events not */
    {9, 0, 2, 0, 6, 6, 5, 2, false, 0, false, LANE_FITS, 5, 2},
    /* the same, in a first transaction */
    {9, 0, -1, 0, 6, 6, 0, 0, true, 0, false, LANE_FITS, 0, -1},
    /* the same, behind what retention took */
    {9, 0, 3, 5, 9, 9, 0, 0, true, 7, false, LANE_FITS, 7, 3},
    /* emptied by retention */
    {9, 0, 4, 6, 6, 6, 0, 0, false, 0, false, LANE_FITS, 9, 4},
    {9, 0, 4, 6, 8, 8, 0, 0, false, 0, false, LANE_FITS, 9, 4},
    /* made anew, empty or filled by others */
    {9, 0, 4, 0, 0, 0, 0, 0, false, 0, false, LANE_LOST, 0, 0},
    {9, 0, -1, 0, 0, 0, 0, 0, false, 0, false, LANE_LOST, 0, 0},
    {9, 0, -1, 0, 7, 7, 0, 0, false, 0, false, LANE_LOST, 0, 0},
    /* lost its end */
    {9, 0, 4, 0, 4, 4, 5, 2, false, 0, false, LANE_LOST, 0, 0},
    /* an accepted loss: nothing below the floor is completed, and the hole is shown */
    {9, 9, -1, 0, 0, 0, 0, 0, false, 0, false, LANE_FITS, 9, -1},
    {9, 9, -1, 0, 4, 4, 5, 2, false, 0, false, LANE_FITS, 9, 2},
    {9, 7, -1, 0, 4, 4, 5, 2, false, 0, false, LANE_FITS, 7, 2},
    {9, 7, -1, 0, 4, 4, 0, 0, true, 5, false, LANE_FITS, 7, -1},
    {9, 9, -1, 0, 4, 4, 12, 3, false, 0, false, LANE_FITS, 12, 3},
    /* open transactions and other logs */
    {9, 0, 4, 0, 5, 6, 9, 4, false, 0, false, LANE_HANGING, 0, 0},
    {9, 0, 4, 0, 6, 6, 9, 4, false, 0, true, LANE_OTHER_LOG, 0, 0},
};

START_TEST(a_partition_goes_on_where_the_table_says)
{
    struct cursor_lane lane = {
        .last = POSITION(rows[_i].entry),
        .floor = POSITION(rows[_i].floor),
        .offset = {rows[_i].copy_offset},
    };
    struct lane_seen seen = {
        .low = rows[_i].low,
        .stable = rows[_i].stable,
        .high = rows[_i].high,
        .last = POSITION(rows[_i].last),
        .offset = {rows[_i].last_offset},
        .aborted = rows[_i].aborted,
        .before_aborted = POSITION(rows[_i].before_aborted),
        .other_log = rows[_i].other_log,
    };

    ck_assert_int_eq(lane_judge(&lane, &seen), rows[_i].verdict);
    if (rows[_i].verdict != LANE_FITS)
        return;
    ck_assert_int_eq(lane.tail.n, rows[_i].tail);
    ck_assert_int_eq(lane.offset.n, rows[_i].offset);
    ck_assert_int_eq(lane_is_behind(&lane), rows[_i].tail < rows[_i].entry);
}
END_TEST

static const struct {
    const char *source, *position;
    enum lane_record verdict;
} records[] = {
    {"/daybook/me", "7", LANE_RECORD_OURS},
    {"/daybook/me", "9223372036854775807", LANE_RECORD_OURS},
    {"/daybook/me", "0", LANE_RECORD_FOREIGN},
    {"/daybook/me", "-7", LANE_RECORD_FOREIGN},
    {"/daybook/me", "007", LANE_RECORD_FOREIGN},
    {"/daybook/me", "9223372036854775808", LANE_RECORD_FOREIGN},
    {"/daybook/me", "", LANE_RECORD_FOREIGN},
    {"/daybook/me", NULL, LANE_RECORD_FOREIGN},
    {"/daybook/you", "7", LANE_RECORD_OTHER_LOG},
    {"/daybook/", "7", LANE_RECORD_OTHER_LOG},
    {"/shop", "7", LANE_RECORD_FOREIGN},
    {"", "7", LANE_RECORD_FOREIGN},
    {NULL, "7", LANE_RECORD_FOREIGN},
};

START_TEST(a_record_is_ours_by_source_and_position)
{
    struct position position = POSITION(-1);

    ck_assert_int_eq(lane_record_judge(str_of(records[_i].source), str_of(records[_i].position),
                                       "/daybook/me", &position),
                     records[_i].verdict);
    ck_assert_int_eq(position.n != -1, records[_i].verdict == LANE_RECORD_OURS);
}
END_TEST

Suite *publisher_lane_suite(void)
{
    Suite *suite = suite_create("publisher_lane");
    TCase *tcase = tcase_create("lane");

    tcase_add_loop_test(tcase, a_partition_goes_on_where_the_table_says, 0, COUNT_OF(rows));
    tcase_add_loop_test(tcase, a_record_is_ours_by_source_and_position, 0, COUNT_OF(records));
    suite_add_tcase(suite, tcase);
    return suite;
}
