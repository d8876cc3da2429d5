/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers through history, the switch, and live; slow ones; who comes and goes meanwhile. */
#include "eventlog/subscription_core.h"

#include "base/mem.h"
#include "tests/support/expect.h"
#include "tests/unit/eventlog/subscribed_log.h"

#include <check.h>

enum { LAG_MS = 1000, BEAT_MS = 500, CHUNK_EVENTS = 20 };

static struct subscribed_log history;
static struct subscription_core core;
static int64_t now_ms;
static unsigned wakes;

static void wake(struct subscription *s)
{
    (void)s;
    wakes++;
}

/* Room for two chunks, whatever they take in this build. */
static size_t ring_bytes(void)
{
    struct chunk *chunk;
    size_t bytes;

    for (unsigned i = 0; i < CHUNK_EVENTS; i++)
        subscribed_append(&history, i % SUBSCRIBED_STREAMS);
    chunk = subscribed_chunk(&history, 0, history.head, CHUNK_EVENTS);
    bytes = 2 * chunk->bytes + chunk->bytes / 2;
    chunk_unref(chunk);
    history = (struct subscribed_log){0};
    return bytes;
}

static void setup(void)
{
    struct subscription_limits limits = {
        .subscribers_max = 40, .lag_ms = LAG_MS, .heartbeat_ms = BEAT_MS};

    history = (struct subscribed_log){0};
    now_ms = 100000;
    wakes = 0;
    limits.ring_bytes_max = ring_bytes();
    subscription_core_init(&core, &limits, wake);
}

static void teardown(void)
{
    subscription_core_release(&core);
}

static void append(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        subscribed_append(&history, (unsigned)history.head % SUBSCRIBED_STREAMS);
}

/* Appends, and the hub reads them. */
static void push(unsigned count)
{
    append(count);
    while (core.ring.tail.n < history.head)
        subscription_core_push(
            &core, subscribed_chunk(&history, core.ring.tail.n, history.head, CHUNK_EVENTS),
            now_ms);
}

static struct subscription *add(int64_t at)
{
    struct subscription *s = mem_zalloc(sizeof *s);

    s->at.n = at;
    ck_assert(subscription_add(&core, s, now_ms));
    return s;
}

static void leave(struct subscription *s)
{
    ck_assert(subscription_remove(&core, s));
    mem_free(s);
}

static enum subscription_step next(struct subscription *s)
{
    return subscription_next(&core, s, now_ms);
}

/* Takes what is in hand: positions FIRST to LAST, all of them. */
static void takes(struct subscription *s, int64_t first, int64_t last)
{
    const struct chunk_event *event;

    while ((event = subscription_event(s)) != NULL)
        ck_assert_int_eq(event->position.n, first++);
    ck_assert_int_eq(first, last + 1);
}

static void fetch(struct subscription *s)
{
    ck_assert_ptr_eq(subscription_fetch(&core), s);
    ck_assert(!subscription_fetched(&core, s, subscribed_history(&history, s), now_ms));
}

START_TEST(one_at_the_head_is_live_at_once_and_gets_what_comes)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(10));
    s = add(10);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(s->id, 10);
    ck_assert_int_eq(next(s), STEP_WAIT);
    push(2);
    ck_assert_uint_eq(wakes, 1);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 11, 12);
    ck_assert_int_eq(next(s), STEP_WAIT);
    ck_assert_ptr_null(subscription_fetch(&core));
    leave(s);
}
END_TEST

START_TEST(one_far_behind_goes_through_history_into_the_ring)
{
    struct subscription *s;

    append(40);
    subscription_core_start(&core, POSITION(40));
    push(5);
    s = add(10);
    ck_assert_int_eq(next(s), STEP_WAIT);
    fetch(s); /* 16 events */
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 11, 26);
    ck_assert_int_eq(next(s), STEP_WAIT);
    fetch(s); /* 19 that are left: the slice has doubled; what is in the ring, too, is no matter */
    push(1);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 27, 45);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 46, 46);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s), STEP_WAIT);
    leave(s);
}
END_TEST

START_TEST(what_fits_nobody_wakes_nobody)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(0));
    s = add(0);
    s->filter.category = STR("z");
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s), STEP_WAIT);
    push(100);
    ck_assert_uint_eq(wakes, 0);
    ck_assert_int_eq(s->at.n, 100); /* it needs no history when it reconnects */
    leave(s);
}
END_TEST

START_TEST(one_ahead_of_the_tail_gets_nothing_twice)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(4));
    s = add(8); /* it has read them elsewhere; the hub has not yet */
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s), STEP_WAIT);
    push(0);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 9, 10);
    leave(s);
}
END_TEST

START_TEST(what_the_log_had_when_one_came_is_before_caught_up)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(4)); /* the hub has not read the rest yet */
    s = add(0);
    s->head.n = 10;
    ck_assert_int_eq(next(s), STEP_WAIT);
    ck_assert_ptr_eq(subscription_fetch(&core), s);
    ck_assert(!subscription_fetched(&core, s, subscribed_chunk(&history, 0, 4, 4), now_ms));
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 1, 4);
    ck_assert_int_eq(next(s), STEP_WAIT);
    ck_assert_ptr_null(subscription_fetch(&core));
    push(2);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 5, 12);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s), STEP_WAIT);
    leave(s);
}
END_TEST

START_TEST(one_that_waits_for_the_head_is_told_though_nothing_fits)
{
    struct subscription *s;

    append(30);
    subscription_core_start(&core, POSITION(4));
    s = add(4);
    s->head.n = 30;
    s->filter.category = STR("z");
    ck_assert_int_eq(next(s), STEP_WAIT);
    ck_assert(!s->live);
    subscription_core_push(&core, subscribed_chunk(&history, 4, 29, 25), now_ms);
    ck_assert_uint_eq(wakes, 0);
    subscription_core_push(&core, subscribed_chunk(&history, 29, 30, 1), now_ms);
    ck_assert_uint_eq(wakes, 1);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(s->id, 30);
    ck_assert_int_eq(next(s), STEP_WAIT);
    leave(s);
}
END_TEST

START_TEST(before_the_tail_is_known_one_waits)
{
    struct subscription *s;

    append(3);
    s = add(3);
    ck_assert_int_eq(next(s), STEP_WAIT);
    subscription_core_start(&core, POSITION(3));
    ck_assert_uint_eq(wakes, 1);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    leave(s);
}
END_TEST

START_TEST(one_that_falls_out_of_the_ring_goes_back_to_history)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(0));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s), STEP_WAIT);
    push(200);
    ck_assert_int_gt(core.ring.floor.n, 0);
    ck_assert_uint_le(core.ring.bytes, core.limits.ring_bytes_max);
    ck_assert_int_eq(next(s), STEP_WAIT);
    fetch(s);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 1, 16);
    ck_assert_int_eq(next(s), STEP_WAIT);
    leave(s);
}
END_TEST

START_TEST(a_chunk_in_hand_outlives_the_ring)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(0));
    s = add(0);
    push(20);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    push(200);
    ck_assert_int_gt(core.ring.floor.n, 20);
    takes(s, 1, 20);
    leave(s);
}
END_TEST

START_TEST(history_goes_round_by_turns)
{
    struct subscription *s[3];

    append(300);
    subscription_core_start(&core, POSITION(300));
    for (int i = 0; i < 3; i++) {
        s[i] = add(0);
        ck_assert_int_eq(next(s[i]), STEP_WAIT);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 3; i++) {
            fetch(s[i]);
            ck_assert_int_eq(next(s[i]), STEP_EVENTS);
            while (subscription_event(s[i]) != NULL)
                ;
            ck_assert_int_eq(next(s[i]), STEP_WAIT);
        }
    for (int i = 0; i < 3; i++)
        leave(s[i]);
    ck_assert_ptr_null(subscription_fetch(&core));
}
END_TEST

START_TEST(a_slice_without_a_fit_is_followed_by_the_next_without_a_wake)
{
    struct subscription *s;

    append(300);
    subscription_core_start(&core, POSITION(300));
    s = add(0);
    s->filter.category = STR("z");
    ck_assert_int_eq(next(s), STEP_WAIT);
    for (int i = 0; i < 7; i++) {
        fetch(s);
        ck_assert_uint_eq(wakes, 0);
    }
    fetch(s);
    ck_assert_uint_eq(wakes, 1);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    leave(s);
}
END_TEST

START_TEST(history_that_can_not_be_read_is_asked_for_again)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(10));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_WAIT);
    ck_assert_ptr_eq(subscription_fetch(&core), s);
    ck_assert(!subscription_fetched(&core, s, NULL, now_ms));
    ck_assert_int_eq(next(s), STEP_WAIT);
    fetch(s);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 1, 10);
    leave(s);
}
END_TEST

START_TEST(one_that_leaves_while_a_reader_has_it_is_given_back_by_the_reader)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(10));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_WAIT);
    ck_assert_ptr_eq(subscription_fetch(&core), s);
    ck_assert(!subscription_remove(&core, s));
    ck_assert(subscription_fetched(&core, s, subscribed_history(&history, s), now_ms));
    mem_free(s);
}
END_TEST

START_TEST(one_that_leaves_while_queued_is_not_fetched_for)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(10));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_WAIT);
    leave(s);
    ck_assert_ptr_null(subscription_fetch(&core));
}
END_TEST

START_TEST(an_idle_one_has_its_heartbeats)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(7));
    s = add(7);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s), STEP_WAIT);
    for (int i = 0; i < 3; i++) {
        now_ms += BEAT_MS - 1;
        subscription_core_tick(&core, now_ms);
        ck_assert_uint_eq(wakes, (unsigned)i);
        now_ms += 1;
        subscription_core_tick(&core, now_ms);
        subscription_core_tick(&core, now_ms);
        ck_assert_uint_eq(wakes, (unsigned)i + 1);
        ck_assert_int_eq(next(s), STEP_HEARTBEAT);
        ck_assert_int_eq(s->id, 7);
        ck_assert_int_eq(next(s), STEP_WAIT);
    }
    leave(s);
}
END_TEST

START_TEST(a_heartbeat_comes_while_history_is_waited_for)
{
    struct subscription *s;

    append(10);
    subscription_core_start(&core, POSITION(10));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_WAIT);
    now_ms += BEAT_MS;
    subscription_core_tick(&core, now_ms);
    ck_assert_int_eq(next(s), STEP_HEARTBEAT);
    ck_assert_int_eq(next(s), STEP_WAIT);
    fetch(s);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    takes(s, 1, 10);
    leave(s);
}
END_TEST

static bool ends(struct subscription *s, enum subscription_end why)
{
    return next(s) == STEP_END && atomic_load(&s->end) == why && next(s) == STEP_END;
}

START_TEST(a_client_that_takes_nothing_is_slow)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(0));
    s = add(0);
    push(20);
    ck_assert_int_eq(next(s), STEP_EVENTS);
    ck_assert_ptr_nonnull(subscription_event(s));
    now_ms += LAG_MS - 1;
    subscription_core_tick(&core, now_ms);
    ck_assert_ptr_nonnull(subscription_event(s));
    subscription_took(s, now_ms);
    now_ms += LAG_MS - 1;
    subscription_core_tick(&core, now_ms);
    ck_assert_ptr_nonnull(subscription_event(s));
    now_ms += 1;
    subscription_core_tick(&core, now_ms);
    ck_assert_msg(!subscription_event(s), "the rest of the chunk is not sent");
    ck_assert(ends(s, SUBSCRIPTION_LAGGING));
    leave(s);
}
END_TEST

/* Takes bytes all the time, but fewer than come. */
START_TEST(a_client_that_stays_behind_the_ring_is_slow)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(0));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    push(200);
    while (atomic_load(&s->end) == SUBSCRIPTION_GOES_ON) {
        ck_assert_int_lt(now_ms, 100000 + 2 * LAG_MS);
        if (next(s) == STEP_WAIT)
            fetch(s);
        (void)subscription_event(s);
        now_ms += LAG_MS / 4;
        subscription_took(s, now_ms);
        subscription_core_tick(&core, now_ms);
    }
    ck_assert(ends(s, SUBSCRIPTION_LAGGING));
    leave(s);
}
END_TEST

START_TEST(the_time_of_fetches_is_not_the_clients)
{
    struct subscription *s;

    subscription_core_start(&core, POSITION(0));
    s = add(0);
    ck_assert_int_eq(next(s), STEP_CAUGHT_UP);
    push(40);
    push(200);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(next(s), STEP_WAIT);
        ck_assert_ptr_eq(subscription_fetch(&core), s);
        now_ms += 10 * LAG_MS; /* the database is away */
        subscription_core_tick(&core, now_ms);
        ck_assert(!subscription_fetched(&core, s, subscribed_history(&history, s), now_ms));
        subscription_core_tick(&core, now_ms);
        if (next(s) == STEP_HEARTBEAT)
            ck_assert_int_eq(next(s), STEP_EVENTS);
        while (subscription_event(s) != NULL)
            ;
    }
    ck_assert_int_eq(atomic_load(&s->end), SUBSCRIPTION_GOES_ON);
    leave(s);
}
END_TEST

START_TEST(all_end_wherever_they_are_and_who_comes_then_ends_too)
{
    struct subscription *s[4];

    append(30);
    subscription_core_start(&core, POSITION(30));
    for (int i = 0; i < 4; i++)
        s[i] = add(i < 2 ? 0 : 30);
    ck_assert_int_eq(next(s[0]), STEP_WAIT); /* a reader will have it */
    ck_assert_ptr_eq(subscription_fetch(&core), s[0]);
    ck_assert_int_eq(next(s[1]), STEP_WAIT); /* queued */
    ck_assert_int_eq(next(s[2]), STEP_CAUGHT_UP);
    ck_assert_int_eq(next(s[2]), STEP_WAIT); /* at the tail */
    subscription_core_end_all(&core, SUBSCRIPTION_STOPPING);
    ck_assert_uint_eq(wakes, 4);
    for (int i = 0; i < 4; i++)
        ck_assert(ends(s[i], SUBSCRIPTION_STOPPING));
    ck_assert(!subscription_fetched(&core, s[0], NULL, now_ms));
    ck_assert_ptr_null(subscription_fetch(&core));
    for (int i = 0; i < 4; i++)
        leave(s[i]);
    s[0] = add(30);
    ck_assert(ends(s[0], SUBSCRIPTION_STOPPING));
    leave(s[0]);
}
END_TEST

START_TEST(their_number_is_bounded)
{
    struct subscription *s[40];
    struct subscription one_more = {0};

    for (size_t i = 0; i < COUNT_OF(s); i++)
        s[i] = add(0);
    ck_assert(!subscription_add(&core, &one_more, now_ms));
    for (size_t i = 0; i < COUNT_OF(s); i++)
        leave(s[i]);
}
END_TEST

Suite *eventlog_subscription_core_suite(void);
Suite *eventlog_subscription_core_suite(void)
{
    Suite *suite = suite_create("eventlog_subscription_core");
    TCase *tc = tcase_create("core");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_at_the_head_is_live_at_once_and_gets_what_comes);
    tcase_add_test(tc, one_far_behind_goes_through_history_into_the_ring);
    tcase_add_test(tc, what_fits_nobody_wakes_nobody);
    tcase_add_test(tc, one_ahead_of_the_tail_gets_nothing_twice);
    tcase_add_test(tc, what_the_log_had_when_one_came_is_before_caught_up);
    tcase_add_test(tc, one_that_waits_for_the_head_is_told_though_nothing_fits);
    tcase_add_test(tc, before_the_tail_is_known_one_waits);
    tcase_add_test(tc, one_that_falls_out_of_the_ring_goes_back_to_history);
    tcase_add_test(tc, a_chunk_in_hand_outlives_the_ring);
    tcase_add_test(tc, history_goes_round_by_turns);
    tcase_add_test(tc, a_slice_without_a_fit_is_followed_by_the_next_without_a_wake);
    tcase_add_test(tc, history_that_can_not_be_read_is_asked_for_again);
    tcase_add_test(tc, one_that_leaves_while_a_reader_has_it_is_given_back_by_the_reader);
    tcase_add_test(tc, one_that_leaves_while_queued_is_not_fetched_for);
    tcase_add_test(tc, an_idle_one_has_its_heartbeats);
    tcase_add_test(tc, a_heartbeat_comes_while_history_is_waited_for);
    tcase_add_test(tc, a_client_that_takes_nothing_is_slow);
    tcase_add_test(tc, a_client_that_stays_behind_the_ring_is_slow);
    tcase_add_test(tc, the_time_of_fetches_is_not_the_clients);
    tcase_add_test(tc, all_end_wherever_they_are_and_who_comes_then_ends_too);
    tcase_add_test(tc, their_number_is_bounded);
    suite_add_tcase(suite, tc);
    return suite;
}
