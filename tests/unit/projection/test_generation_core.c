/* SPDX-License-Identifier: Apache-2.0 */
/* States of generations, and a switch driven through every interleaving with batches of both. */
#include "projection/generation_core.h"

#include <check.h>

Suite *projection_generation_core_suite(void);

#define AT(position) POSITION(position)

START_TEST(what_is_read_was_complete_before)
{
    for (enum generation_state from = GENERATION_FILLING; from <= GENERATION_DROPPED; from++)
        for (enum generation_state to = GENERATION_FILLING; to <= GENERATION_DROPPED; to++)
            if (generation_may_become(from, to) && generation_is_readable(to))
                ck_assert(from == GENERATION_READY || generation_is_readable(from));
}
END_TEST

START_TEST(what_is_read_runs)
{
    for (enum generation_state state = GENERATION_FILLING; state <= GENERATION_DROPPED; state++)
        ck_assert(!generation_is_readable(state) || generation_runs(state));
    ck_assert(!generation_runs(GENERATION_FILLING));
    ck_assert(!generation_runs(GENERATION_DROPPED));
}
END_TEST

START_TEST(the_live_one_is_never_dropped)
{
    ck_assert(!generation_may_become(GENERATION_LIVE, GENERATION_DROPPED));
    ck_assert(!generation_may_become(GENERATION_LIVE, GENERATION_FAILED));
    ck_assert(!generation_may_become(GENERATION_DROPPED, GENERATION_LIVE));
    ck_assert(!generation_may_become(GENERATION_FILLING, GENERATION_LIVE));
    ck_assert(!generation_may_become(GENERATION_CATCHING_UP, GENERATION_LIVE));
}
END_TEST

START_TEST(names_are_read_back)
{
    for (enum generation_state state = GENERATION_FILLING; state <= GENERATION_DROPPED; state++)
        ck_assert_int_eq(generation_state_parse(str_of(generation_state_name(state))), state);
}
END_TEST

START_TEST(one_that_is_there_is_switched_at_once)
{
    struct activation_lane lanes[] = {{AT(7), AT(7)}, {AT(3), AT(9)}};
    struct activation a;

    activation_init(&a);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_LOCK_OLD);
    activation_done(&a, 100);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_LOOK);
    activation_saw(&a, lanes, 2, 100);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_LOCK_NEW);
    activation_done(&a, 101);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_CONFIRM);
    activation_saw(&a, lanes, 2, 101);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_SWITCH);
    activation_done(&a, 102);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_DONE);
}
END_TEST

START_TEST(one_that_stays_behind_is_waited_for_a_second)
{
    struct activation_lane lane = {AT(8), AT(7)};
    struct activation a;
    int64_t now_ms = 50;

    activation_init(&a);
    activation_done(&a, now_ms);
    while (activation_next(&a) == ACTIVATION_LOOK) {
        activation_saw(&a, &lane, 1, now_ms);
        if (activation_next(&a) != ACTIVATION_PAUSE)
            break;
        now_ms += ACTIVATION_LOOK_MS;
        activation_done(&a, now_ms);
    }
    ck_assert_int_eq(activation_next(&a), ACTIVATION_RELEASE);
    ck_assert_int_ge(now_ms, 50 + ACTIVATION_WAIT_MS - ACTIVATION_LOOK_MS);
    ck_assert_int_le(now_ms, 50 + ACTIVATION_WAIT_MS + ACTIVATION_LOOK_MS);
}
END_TEST

START_TEST(a_checkpoint_set_back_by_hand_is_not_switched_to)
{
    struct activation_lane lane = {AT(8), AT(8)};
    struct activation a;

    activation_init(&a);
    activation_done(&a, 0);
    activation_saw(&a, &lane, 1, 0);
    activation_done(&a, 1); /* the new ones are locked */
    lane.new_at = AT(2);
    activation_saw(&a, &lane, 1, 1);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_RELEASE);
}
END_TEST

START_TEST(without_partitions_nothing_is_behind)
{
    struct activation a;

    activation_init(&a);
    activation_done(&a, 0);
    activation_saw(&a, NULL, 0, 0);
    ck_assert_int_eq(activation_next(&a), ACTIVATION_LOCK_NEW);
}
END_TEST

/* Every interleaving of a switch with batches of both. */

enum { LANES = 2, HEAD = 2 };

struct world {
    struct activation activation;
    int64_t old_at[LANES];
    int64_t new_at[LANES];
    int64_t now_ms;
    bool old_locked;
    bool new_locked;
    bool switched;
};

static void look(struct world *w)
{
    struct activation_lane lanes[LANES];

    for (int i = 0; i < LANES; i++)
        lanes[i] = (struct activation_lane){AT(w->old_at[i]), AT(w->new_at[i])};
    activation_saw(&w->activation, lanes, LANES, w->now_ms);
}

/* What a reader sees may not go back by the switch, in any partition. */
static void switch_over(struct world *w)
{
    ck_assert(w->old_locked && w->new_locked);
    for (int i = 0; i < LANES; i++)
        ck_assert_int_ge(w->new_at[i], w->old_at[i]);
    w->switched = true;
}

static void step_activation(struct world *w)
{
    switch (activation_next(&w->activation)) {
    case ACTIVATION_LOCK_OLD:
        w->old_locked = true;
        break;
    case ACTIVATION_LOOK:
    case ACTIVATION_CONFIRM:
        look(w);
        return;
    case ACTIVATION_PAUSE:
        w->now_ms += ACTIVATION_WAIT_MS / 2; /* two looks a second keep the tree small */
        break;
    case ACTIVATION_LOCK_NEW:
        w->new_locked = true;
        break;
    case ACTIVATION_SWITCH:
        switch_over(w);
        break;
    case ACTIVATION_DONE:
    case ACTIVATION_RELEASE:
        return;
    }
    activation_done(&w->activation, w->now_ms);
}

static bool has_ended(const struct world *w)
{
    enum activation_step step = activation_next(&w->activation);

    return step == ACTIVATION_DONE || step == ACTIVATION_RELEASE;
}

static unsigned switched, released;

/* From W on: the activation steps, or some partition of either generation commits a batch. */
static void explore(struct world w)
{
    if (has_ended(&w)) {
        ck_assert(w.switched == (activation_next(&w.activation) == ACTIVATION_DONE));
        switched += w.switched;
        released += !w.switched;
        return;
    }
    for (int i = 0; i < LANES; i++) {
        struct world next = w;

        if (!w.old_locked && next.old_at[i]++ < HEAD)
            explore(next);
        next = w;
        if (!w.new_locked && next.new_at[i]++ < HEAD)
            explore(next);
    }
    step_activation(&w);
    explore(w);
}

START_TEST(no_interleaving_with_batches_takes_a_reader_back)
{
    struct world world = {0};

    switched = released = 0;
    activation_init(&world.activation);
    explore(world);
    ck_assert_uint_gt(switched, 100);
    ck_assert_uint_gt(released, 100);
}
END_TEST

Suite *projection_generation_core_suite(void)
{
    Suite *suite = suite_create("projection_generation_core");
    TCase *tc = tcase_create("generation_core");

    tcase_add_test(tc, what_is_read_was_complete_before);
    tcase_add_test(tc, what_is_read_runs);
    tcase_add_test(tc, the_live_one_is_never_dropped);
    tcase_add_test(tc, names_are_read_back);
    tcase_add_test(tc, one_that_is_there_is_switched_at_once);
    tcase_add_test(tc, one_that_stays_behind_is_waited_for_a_second);
    tcase_add_test(tc, a_checkpoint_set_back_by_hand_is_not_switched_to);
    tcase_add_test(tc, without_partitions_nothing_is_behind);
    tcase_add_test(tc, no_interleaving_with_batches_takes_a_reader_back);
    suite_add_tcase(suite, tc);
    return suite;
}
