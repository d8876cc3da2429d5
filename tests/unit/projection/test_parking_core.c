/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/parking_core.h"

#include <check.h>
#include <string.h>

#include "tests/support/expect.h"

Suite *projection_parking_core_suite(void);

enum { NOW = 100000 };

static const struct parking_policy policy = {
    .attempts_max = 3, .first_ms = 1000, .max_ms = 60000, .deadline_ms = 600000};

static struct parked_key parked(enum parked_state state)
{
    struct parked_key key =
        parking_first(STR("main"), STR("item-a"), VERSION(5), VERSION(9), &policy, NOW);

    key.state = state;
    if (state == PARKED_DEAD) {
        key.due_ms = INT64_MAX;
        key.letter = 77;
        key.attempts = 3;
    }
    if (state == PARKED_RELEASING) {
        key.due_ms = NOW;
        key.attempts = 0;
    }
    return key;
}

static struct parking_outcome outcome(int64_t applied, bool failed, bool more)
{
    return (struct parking_outcome){.applied = VERSION(applied), .failed = failed, .more = more};
}

START_TEST(the_first_failure_waits_the_first_delay)
{
    struct parked_key key = parked(PARKED_RETRYING);

    ck_assert_int_eq(key.attempts, 1);
    ck_assert_int_eq(key.due_ms, NOW + 1000);
    ck_assert_int_eq(parking_task_due(&key, &policy, NOW + 999), PARKING_NOTHING);
    ck_assert_int_eq(parking_task_due(&key, &policy, NOW + 1000), PARKING_TRY);
}
END_TEST

START_TEST(delays_double_up_to_their_ceiling)
{
    static const int64_t delays[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct parking_policy patient = policy;
    struct parked_key key;
    int64_t now_ms = NOW;

    patient.attempts_max = 1000;
    key = parking_first(STR("main"), STR("item-a"), VERSION(1), VERSION(1), &patient, now_ms);
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct parking_outcome failed = outcome(0, true, false);
        struct parking_change change;

        ck_assert_int_eq(key.due_ms - now_ms, delays[i]);
        now_ms = key.due_ms;
        change = parking_after(&key, PARKING_TRY, &failed, &patient, now_ms);
        ck_assert_int_eq(change.letter, PARKING_LETTER_NONE);
        key = change.key;
    }
}
END_TEST

START_TEST(the_last_attempt_makes_a_letter)
{
    struct parked_key key = parked(PARKED_RETRYING);
    struct parking_outcome failed = outcome(4, true, false);
    struct parking_change change = parking_after(&key, PARKING_TRY, &failed, &policy, NOW + 1000);

    ck_assert_int_eq(change.key.state, PARKED_RETRYING);
    ck_assert_int_eq(change.key.attempts, 2);
    ck_assert_int_eq(change.key.due_ms, NOW + 3000);
    change = parking_after(&change.key, PARKING_TRY, &failed, &policy, NOW + 3000);
    ck_assert_int_eq(change.key.state, PARKED_DEAD);
    ck_assert_int_eq(change.key.attempts, 3);
    ck_assert_int_eq(change.letter, PARKING_LETTER_NEW);
    ck_assert_int_eq(parking_task_due(&change.key, &policy, INT64_MAX - 1), PARKING_NOTHING);
}
END_TEST

START_TEST(no_attempt_begins_after_the_deadline)
{
    struct parking_policy short_one = policy;
    struct parked_key key = parked(PARKED_RETRYING);
    struct parking_outcome failed = outcome(4, true, false);

    short_one.deadline_ms = 2500;
    ck_assert_int_eq(parking_after(&key, PARKING_TRY, &failed, &short_one, NOW + 1000).key.state,
                     PARKED_DEAD);
}
END_TEST

START_TEST(a_policy_of_one_attempt_gives_up_by_a_transaction_of_its_own)
{
    struct parking_policy one = policy;
    struct parking_outcome failed = outcome(4, true, false);
    struct parking_change change;
    struct parked_key key;

    one.attempts_max = 1;
    key = parking_first(STR("main"), STR("item-a"), VERSION(5), VERSION(5), &one, NOW);
    ck_assert_int_eq(key.due_ms, NOW);
    ck_assert_int_eq(parking_task_due(&key, &one, NOW), PARKING_GIVE_UP);
    change = parking_after(&key, PARKING_GIVE_UP, &failed, &one, NOW);
    ck_assert_int_eq(change.letter, PARKING_LETTER_NEW);
    ck_assert_int_eq(change.key.attempts, 1);
}
END_TEST

/* What a task and its outcome make of a key. */
static const struct {
    enum parked_state before;
    enum parking_task task;
    int64_t applied; /* 4: not even the first */
    bool failed, more;
    bool gone;
    enum parked_state after;
    int64_t version;
    int attempts;
    enum parking_letter letter;
} steps[] = {
    {PARKED_RETRYING, PARKING_TRY, 9, false, false, true, 0, 0, 0, PARKING_LETTER_NONE},
    {PARKED_RETRYING, PARKING_TRY, 7, false, true, false, PARKED_RELEASING, 8, 0,
     PARKING_LETTER_NONE},
    {PARKED_RETRYING, PARKING_TRY, 6, true, false, false, PARKED_RETRYING, 7, 1,
     PARKING_LETTER_NONE},
    {PARKED_RETRYING, PARKING_TRY, 4, false, true, false, PARKED_RETRYING, 5, 1,
     PARKING_LETTER_NONE},
    {PARKED_RELEASING, PARKING_RELEASE, 9, false, false, true, 0, 0, 0, PARKING_LETTER_NONE},
    {PARKED_RELEASING, PARKING_RELEASE, 4, false, false, true, 0, 0, 0, PARKING_LETTER_NONE},
    {PARKED_RELEASING, PARKING_RELEASE, 8, false, true, false, PARKED_RELEASING, 9, 0,
     PARKING_LETTER_NONE},
    {PARKED_RELEASING, PARKING_RELEASE, 4, true, false, false, PARKED_RETRYING, 5, 1,
     PARKING_LETTER_NONE},
    {PARKED_RELEASING, PARKING_RELEASE, 6, true, false, false, PARKED_RETRYING, 7, 1,
     PARKING_LETTER_NONE},
    {PARKED_DEAD, PARKING_REDRIVE, 9, false, false, true, 0, 0, 0, PARKING_LETTER_RESOLVED},
    {PARKED_DEAD, PARKING_REDRIVE, 5, false, true, false, PARKED_RELEASING, 6, 0,
     PARKING_LETTER_RESOLVED},
    {PARKED_DEAD, PARKING_REDRIVE, 5, true, false, false, PARKED_RETRYING, 6, 1,
     PARKING_LETTER_RESOLVED},
    {PARKED_DEAD, PARKING_REDRIVE, 4, true, false, false, PARKED_DEAD, 5, 4, PARKING_LETTER_FAILED},
    {PARKED_DEAD, PARKING_REDRIVE, 4, false, true, false, PARKED_DEAD, 5, 3, PARKING_LETTER_NONE},
    {PARKED_DEAD, PARKING_DISCARD, 5, false, false, true, 0, 0, 0, PARKING_LETTER_DISCARDED},
    {PARKED_DEAD, PARKING_DISCARD, 7, false, true, false, PARKED_RELEASING, 8, 0,
     PARKING_LETTER_DISCARDED},
    {PARKED_DEAD, PARKING_DISCARD, 5, true, false, false, PARKED_RETRYING, 6, 1,
     PARKING_LETTER_DISCARDED},
};

START_TEST(each_outcome_of_each_task_leads_to_one_state)
{
    struct parked_key key = parked(steps[_i].before);
    struct parking_outcome came = outcome(steps[_i].applied, steps[_i].failed, steps[_i].more);
    struct parking_change change = parking_after(&key, steps[_i].task, &came, &policy, NOW + 5000);

    ck_assert_int_eq(change.letter, steps[_i].letter);
    ck_assert_int_eq(change.gone, steps[_i].gone);
    if (change.gone)
        return;
    ck_assert_int_eq(change.key.state, steps[_i].after);
    ck_assert_int_eq(change.key.version.n, steps[_i].version);
    ck_assert_int_eq(change.key.attempts, steps[_i].attempts);
    ck_assert_int_ge(change.key.last.n, change.key.version.n);
    ck_assert_int_eq(change.key.state == PARKED_DEAD, change.key.due_ms == INT64_MAX);
    ck_assert_int_eq(change.key.state == PARKED_DEAD, change.key.letter == 77);
}
END_TEST

START_TEST(a_request_is_only_for_the_letter_the_key_has)
{
    struct parked_key dead = parked(PARKED_DEAD);
    struct parked_key alive = parked(PARKED_RETRYING);

    ck_assert_int_eq(parking_task_asked(&dead, 77, PARKING_VERB_REDRIVE), PARKING_REDRIVE);
    ck_assert_int_eq(parking_task_asked(&dead, 77, PARKING_VERB_DISCARD), PARKING_DISCARD);
    ck_assert_int_eq(parking_task_asked(&dead, 76, PARKING_VERB_REDRIVE), PARKING_GONE);
    ck_assert_int_eq(parking_task_asked(&alive, 0, PARKING_VERB_DISCARD), PARKING_GONE);
    ck_assert_int_eq(parking_task_asked(NULL, 77, PARKING_VERB_REDRIVE), PARKING_GONE);
}
END_TEST

/* Causes. */

static bool fail_times(struct causes *causes, int times, const char *code)
{
    bool ours = false;

    for (int i = 0; i < times && !ours; i++)
        ours = causes_failed(causes, "poison.fold", code);
    return ours;
}

static void apply_times(struct causes *causes, int times)
{
    for (int i = 0; i < times; i++)
        causes_applied(causes);
}

START_TEST(a_few_failures_are_never_a_bug_of_ours)
{
    struct causes causes = {0};

    ck_assert(!fail_times(&causes, CAUSES_MIN - 1, "a"));
    ck_assert(causes_failed(&causes, "poison.fold", "a"));
}
END_TEST

START_TEST(half_with_one_cause_is_not_more_than_half)
{
    struct causes causes = {0};

    apply_times(&causes, 500);
    ck_assert(!fail_times(&causes, 500, "a"));
    ck_assert(causes_failed(&causes, "poison.fold", "a")); /* pushes an applied one out */
}
END_TEST

START_TEST(many_causes_are_many_bad_events)
{
    struct causes causes = {0};

    for (int i = 0; i < 2000; i++)
        ck_assert(!causes_failed(&causes, "poison.fold",
                                 i % 3 == 0   ? "a"
                                 : i % 3 == 1 ? "b"
                                              : "c"));
}
END_TEST

START_TEST(what_is_out_of_the_window_is_forgotten)
{
    struct causes causes = {0};

    fail_times(&causes, CAUSES_MIN - 1, "a");
    apply_times(&causes, CAUSES_WINDOW);
    ck_assert_uint_eq(causes.failed, 0);
    ck_assert(!fail_times(&causes, 500, "a"));
    ck_assert(causes_failed(&causes, "poison.fold", "a"));
}
END_TEST

Suite *projection_parking_core_suite(void)
{
    Suite *suite = suite_create("projection_parking_core");
    TCase *tc = tcase_create("core");

    tcase_add_test(tc, the_first_failure_waits_the_first_delay);
    tcase_add_test(tc, delays_double_up_to_their_ceiling);
    tcase_add_test(tc, the_last_attempt_makes_a_letter);
    tcase_add_test(tc, no_attempt_begins_after_the_deadline);
    tcase_add_test(tc, a_policy_of_one_attempt_gives_up_by_a_transaction_of_its_own);
    tcase_add_loop_test(tc, each_outcome_of_each_task_leads_to_one_state, 0, COUNT_OF(steps));
    tcase_add_test(tc, a_request_is_only_for_the_letter_the_key_has);
    tcase_add_test(tc, a_few_failures_are_never_a_bug_of_ours);
    tcase_add_test(tc, half_with_one_cause_is_not_more_than_half);
    tcase_add_test(tc, many_causes_are_many_bad_events);
    tcase_add_test(tc, what_is_out_of_the_window_is_forgotten);
    suite_add_tcase(suite, tc);
    return suite;
}
