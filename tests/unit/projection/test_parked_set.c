/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/parked_set.h"

#include <check.h>
#include <stdio.h>

Suite *projection_parked_set_suite(void);

enum { STREAMS = 300, STEPS = 20000 };

static struct parked_key key_of(const char *stream, int64_t due_ms)
{
    return (struct parked_key){.tenant = STR("main"),
                               .stream = str_of(stream),
                               .state = PARKED_RETRYING,
                               .version = VERSION(1),
                               .last = VERSION(1),
                               .due_ms = due_ms};
}

START_TEST(names_are_copied_and_tenants_told_apart)
{
    SCOPED(parked_set_free) struct parked_set *set = parked_set_new();
    char stream[] = "item-a";
    struct parked_key key = key_of(stream, 5);

    parked_set_put(set, &key);
    stream[5] = 'b';
    ck_assert(parked_set_find(set, STR("main"), STR("item-a")));
    ck_assert(!parked_set_find(set, STR("main"), STR("item-b")));
    ck_assert(!parked_set_find(set, STR("other"), STR("item-a")));
}
END_TEST

START_TEST(a_key_that_is_put_again_takes_its_place)
{
    SCOPED(parked_set_free) struct parked_set *set = parked_set_new();
    struct parked_key key = key_of("item-a", 5);

    parked_set_put(set, &key);
    key.last = VERSION(7);
    parked_set_put(set, &key);
    ck_assert_uint_eq(parked_set_count(set), 1);
    ck_assert_int_eq(parked_set_at(set, 0)->last.n, 7);
    /* Its own entry may be what is put. */
    parked_set_put(set, parked_set_at(set, 0));
    ck_assert_int_eq(parked_set_at(set, 0)->last.n, 7);
}
END_TEST

/* Everything at once, against an array. */
START_TEST(it_holds_what_was_put_and_not_removed)
{
    SCOPED(parked_set_free) struct parked_set *set = parked_set_new();
    int64_t due[STREAMS] = {0}; /* 0: not there */
    uint64_t random = 88172645463325252u + (uint64_t)_i;
    size_t count = 0;

    for (int step = 0; step < STEPS; step++) {
        int64_t first = INT64_MAX;
        char stream[32];
        size_t n;

        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        n = random % STREAMS;
        snprintf(stream, sizeof(stream), "item-%zu", n);
        if (due[n] && random % 5 < 2) {
            parked_set_remove(set, STR("main"), str_of(stream));
            due[n] = 0;
            count--;
        } else {
            struct parked_key key = key_of(stream, (int64_t)(random % 1000) + 1);

            count += due[n] == 0;
            due[n] = key.due_ms;
            parked_set_put(set, &key);
        }
        if (step % 50 != 0)
            continue;
        ck_assert_uint_eq(parked_set_count(set), count);
        for (size_t i = 0; i < STREAMS; i++) {
            const struct parked_key *key;

            snprintf(stream, sizeof(stream), "item-%zu", i);
            key = parked_set_find(set, STR("main"), str_of(stream));
            if ((key ? key->due_ms : 0) != due[i])
                ck_abort_msg("step %d: stream %zu", step, i);
            if (due[i] && due[i] < first)
                first = due[i];
        }
        ck_assert_int_eq(parked_set_due_ms(set), first);
    }
}
END_TEST

Suite *projection_parked_set_suite(void)
{
    Suite *suite = suite_create("projection_parked_set");
    TCase *tc = tcase_create("set");

    tcase_add_test(tc, names_are_copied_and_tenants_told_apart);
    tcase_add_test(tc, a_key_that_is_put_again_takes_its_place);
    tcase_add_loop_test(tc, it_holds_what_was_put_and_not_removed, 0, 5);
    suite_add_tcase(suite, tc);
    return suite;
}
