/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/windows.h"

#include "tests/support/expect.h"

#include <check.h>
#include <string.h>

enum { PARTITIONS_MAX = 64 };

static struct lane_seen seen[PARTITIONS_MAX];
static struct kafka_range ranges[PARTITIONS_MAX];
static struct windows windows;

static bool all(const void *arg, int32_t partition)
{
    (void)arg;
    (void)partition;
    return true;
}

static bool second_alone(const void *arg, int32_t partition)
{
    (void)arg;
    return partition == 1;
}

static void open_windows(int32_t partitions, int64_t low, int64_t high)
{
    memset(seen, 0, sizeof seen);
    for (int32_t p = 0; p < partitions; p++) {
        seen[p].low = low;
        seen[p].high = high;
    }
    windows_open(&windows, "topic", seen, ranges, partitions);
}

static int64_t offsets_of_round(int32_t partitions)
{
    int64_t sum = 0;

    for (int32_t p = 0; p < partitions; p++)
        sum += ranges[p].to - ranges[p].from;
    return sum;
}

static const struct {
    int32_t partitions;
    int64_t low;
    int64_t high;
} topics[] = {
    {1, 0, 0},          {1, 5, 6},        {3, 0, 64},
    {3, 7, 72},         {6, 0, 65},       {1, 0, 10000000},
    {6, 123, 10000000}, {64, 0, 2000000}, {1, 0, 64 + 512 + 4096 + 32768},
};

START_TEST(everything_is_read_once_from_the_end_in_bounded_rounds)
{
    int32_t partitions = topics[_i].partitions;
    int64_t read_to = topics[_i].high;

    open_windows(partitions, topics[_i].low, topics[_i].high);
    while (windows_next(&windows, all, NULL)) {
        ck_assert_int_le(offsets_of_round(partitions), WINDOWS_OFFSETS_MAX);
        for (int32_t p = 0; p < partitions; p++) {
            ck_assert_int_eq(ranges[p].partition, p);
            ck_assert_int_eq(ranges[p].to, read_to);
            ck_assert_int_lt(ranges[p].from, read_to);
        }
        read_to = ranges[0].from;
    }
    ck_assert_int_eq(read_to, topics[_i].low);
    ck_assert_int_eq(offsets_of_round(partitions), 0);
}
END_TEST

START_TEST(the_first_round_is_small)
{
    open_windows(3, 0, 10000000);
    ck_assert(windows_next(&windows, all, NULL));
    ck_assert_int_le(offsets_of_round(3), 1000);
}
END_TEST

START_TEST(what_is_not_wanted_is_not_read)
{
    open_windows(3, 0, 1000);
    while (windows_next(&windows, second_alone, NULL)) {
        ck_assert_int_eq(ranges[0].from, ranges[0].to);
        ck_assert_int_eq(ranges[2].from, ranges[2].to);
    }
    ck_assert_int_eq(ranges[0].from, 1000);
    ck_assert_int_eq(ranges[1].from, 0);
}
END_TEST

Suite *publisher_windows_suite(void);
Suite *publisher_windows_suite(void)
{
    Suite *suite = suite_create("publisher_windows");
    TCase *tc = tcase_create("windows");

    tcase_add_loop_test(tc, everything_is_read_once_from_the_end_in_bounded_rounds, 0,
                        COUNT_OF(topics));
    tcase_add_test(tc, the_first_round_is_small);
    tcase_add_test(tc, what_is_not_wanted_is_not_read);
    suite_add_tcase(suite, tc);
    return suite;
}
