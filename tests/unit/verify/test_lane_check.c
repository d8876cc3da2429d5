/* SPDX-License-Identifier: Apache-2.0 */
/* A partition's records against the log's events, driven without Kafka. */
#include "verify/lane_check.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

Suite *verify_lane_check_suite(void);

enum { WORDS_BYTES = 4096 };

static struct lane_check lane;
static char words[WORDS_BYTES]; /* what was found: "lost 3, doubled 4" */

static void note(void *arg, enum finding_kind kind, struct position position, const char *text)
{
    size_t len = strlen(words);

    (void)arg;
    ck_assert(text[0] != '\0');
    snprintf(words + len, sizeof(words) - len, "%s%s %lld", len > 0 ? ", " : "",
             finding_kind_name(kind), (long long)position.n);
}

static void begin(void)
{
    words[0] = '\0';
    lane_check_init(&lane, POSITION(0), POSITION(100), note, NULL);
}

/* Hash and version of an event follow from its position. */
static struct digest digest(int64_t position, int64_t previous)
{
    return (struct digest){.position = POSITION(position),
                           .previous = POSITION(previous),
                           .version = VERSION(position),
                           .names = (uint64_t)position * 7,
                           .data = (uint64_t)position * 11};
}

/* Records as they stand, each naming the one before it in the log's order, against the events at
 * the positions EXPECTED; both end with 0. */
static void run(const int64_t *expected, const struct digest *records)
{
    for (; *expected > 0; expected++) {
        struct digest event = digest(*expected, 0);
        bool settled = false;

        while (!settled && records->position.n > 0)
            if (lane_check_record(&lane, records, &event, &settled) == LANE_TAKE)
                records++;
        if (!settled)
            lane_check_missing(&lane, &event);
    }
    for (; records->position.n > 0; records++)
        lane_check_rest(&lane, records);
    lane_check_end(&lane);
}

#define EXPECT(...) ((const int64_t[]){__VA_ARGS__, 0})
#define RECORDS(...) ((const struct digest[]){__VA_ARGS__, {.position = {0}}})

START_TEST(a_whole_partition_is_sound)
{
    run(EXPECT(2, 5, 9), RECORDS(digest(2, 0), digest(5, 2), digest(9, 5)));
    ck_assert_str_eq(words, "");
}
END_TEST

START_TEST(a_missing_record_is_lost)
{
    run(EXPECT(2, 5, 9), RECORDS(digest(2, 0), digest(9, 5)));
    ck_assert_str_eq(words, "lost 5");
}
END_TEST

START_TEST(a_missing_end_is_lost)
{
    run(EXPECT(2, 5, 9), RECORDS(digest(2, 0)));
    ck_assert_str_eq(words, "lost 5, lost 9");
}
END_TEST

START_TEST(a_repeated_record_is_doubled)
{
    run(EXPECT(2, 5), RECORDS(digest(2, 0), digest(2, 0), digest(5, 2), digest(2, 0)));
    ck_assert_str_eq(words, "doubled 2, doubled 2");
}
END_TEST

START_TEST(a_late_record_is_reordered_and_not_lost)
{
    run(EXPECT(2, 5, 9), RECORDS(digest(5, 2), digest(2, 0), digest(9, 5)));
    ck_assert_str_eq(words, "reordered 2");
}
END_TEST

START_TEST(a_late_record_at_the_end_is_reordered)
{
    run(EXPECT(2, 5), RECORDS(digest(5, 2), digest(2, 0)));
    ck_assert_str_eq(words, "reordered 2");
}
END_TEST

START_TEST(a_record_that_the_log_has_not_is_foreign)
{
    run(EXPECT(2, 5), RECORDS(digest(2, 0), digest(3, 2), digest(5, 2), digest(7, 5)));
    ck_assert_str_eq(words, "foreign 3, foreign 7");
}
END_TEST

START_TEST(other_content_has_drifted)
{
    struct digest names = digest(2, 0);
    struct digest version = digest(5, 2);
    struct digest data = digest(9, 5);

    names.names++;
    version.version.n++;
    data.data++;
    run(EXPECT(2, 5, 9), RECORDS(names, version, data));
    ck_assert_str_eq(words, "drifted 2, drifted 5, drifted 9");
}
END_TEST

START_TEST(a_chain_to_what_is_not_there_has_drifted)
{
    run(EXPECT(2, 9), RECORDS(digest(2, 0), digest(9, 5)));
    ck_assert_str_eq(words, "drifted 9");
}
END_TEST

START_TEST(what_is_newer_than_the_look_is_left_alone)
{
    run(EXPECT(2), RECORDS(digest(2, 0), digest(101, 2), digest(102, 101)));
    ck_assert_str_eq(words, "");
}
END_TEST

START_TEST(what_retention_took_is_not_lost)
{
    lane.gone = POSITION(5);
    run(EXPECT(2, 5, 9), RECORDS(digest(9, 5)));
    ck_assert_str_eq(words, "");
}
END_TEST

START_TEST(more_missing_than_are_kept_are_lost_one_by_one)
{
    for (int64_t n = 1; n <= LANE_MISSING_MAX + 3; n++) {
        struct digest event = digest(n, n - 1);

        lane_check_missing(&lane, &event);
    }
    ck_assert_str_eq(words, "lost 1, lost 2, lost 3");
    ck_assert_uint_eq(lane.missing_count, LANE_MISSING_MAX);
}
END_TEST

Suite *verify_lane_check_suite(void)
{
    Suite *suite = suite_create("verify_lane_check");
    TCase *tc = tcase_create("lane");

    tcase_add_checked_fixture(tc, begin, NULL);
    tcase_add_test(tc, a_whole_partition_is_sound);
    tcase_add_test(tc, a_missing_record_is_lost);
    tcase_add_test(tc, a_missing_end_is_lost);
    tcase_add_test(tc, a_repeated_record_is_doubled);
    tcase_add_test(tc, a_late_record_is_reordered_and_not_lost);
    tcase_add_test(tc, a_late_record_at_the_end_is_reordered);
    tcase_add_test(tc, a_record_that_the_log_has_not_is_foreign);
    tcase_add_test(tc, other_content_has_drifted);
    tcase_add_test(tc, a_chain_to_what_is_not_there_has_drifted);
    tcase_add_test(tc, what_is_newer_than_the_look_is_left_alone);
    tcase_add_test(tc, what_retention_took_is_not_lost);
    tcase_add_test(tc, more_missing_than_are_kept_are_lost_one_by_one);
    suite_add_tcase(suite, tc);
    return suite;
}
