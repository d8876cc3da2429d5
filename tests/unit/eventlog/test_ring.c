/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/ring.h"

#include "tests/unit/eventlog/subscribed_log.h"

#include <check.h>

static struct subscribed_log history;
static struct ring ring;

static void setup(void)
{
    history = (struct subscribed_log){0};
    for (int i = 0; i < SUBSCRIBED_EVENTS_MAX; i++)
        subscribed_append(&history, 0);
    ring_init(&ring, SIZE_MAX);
}

static void teardown(void)
{
    ring_reset(&ring, POSITION(0));
}

static void push(size_t events)
{
    ring_push(&ring, subscribed_chunk(&history, ring.tail.n, history.head, events));
}

START_TEST(what_comes_behind_a_position_is_found)
{
    static const size_t sizes[] = {1, 3, 1, 20, 7, 1, 40};

    ring_reset(&ring, POSITION(100));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        push(sizes[i]);
    for (int64_t at = ring.floor.n; at < ring.tail.n; at++) {
        struct chunk *chunk = ring_find(&ring, POSITION(at));

        ck_assert(chunk->after.n <= at && chunk->to.n > at);
        chunk_unref(chunk);
    }
}
END_TEST

START_TEST(the_oldest_go_when_bytes_are_short_but_never_the_newest)
{
    push(10);
    ring.bytes_max = 3 * ring.bytes;
    for (int i = 0; i < 20; i++) {
        push(10);
        ck_assert_uint_le(ring.bytes, ring.bytes_max);
    }
    ck_assert_uint_ge(ring.count, 2);
    ck_assert_int_eq(ring.tail.n, 210);
    ck_assert_int_eq(ring.floor.n, 210 - 10 * (int64_t)ring.count);
    ring.bytes_max = 1;
    push(10);
    ck_assert_uint_eq(ring.count, 1);
    ck_assert_int_eq(ring.floor.n, 210);
}
END_TEST

START_TEST(the_oldest_go_when_there_are_too_many)
{
    for (int i = 0; i < RING_CHUNKS_MAX + 5; i++)
        push(1);
    ck_assert_uint_eq(ring.count, RING_CHUNKS_MAX);
    ck_assert_int_eq(ring.floor.n, 5);
    ck_assert_int_eq(ring.tail.n, RING_CHUNKS_MAX + 5);
}
END_TEST

START_TEST(a_chunk_taken_out_outlives_the_ring)
{
    struct chunk *chunk;

    push(4);
    chunk = ring_find(&ring, POSITION(0));
    ring_reset(&ring, POSITION(50));
    ck_assert_uint_eq(ring.bytes, 0);
    ck_assert_int_eq(ring.floor.n, 50);
    ck_assert_uint_eq(chunk->count, 4);
    ck_assert(str_equal(chunk->events[3].text, STR("4")));
    chunk_unref(chunk);
}
END_TEST

Suite *eventlog_ring_suite(void);
Suite *eventlog_ring_suite(void)
{
    Suite *suite = suite_create("eventlog_ring");
    TCase *tc = tcase_create("ring");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, what_comes_behind_a_position_is_found);
    tcase_add_test(tc, the_oldest_go_when_bytes_are_short_but_never_the_newest);
    tcase_add_test(tc, the_oldest_go_when_there_are_too_many);
    tcase_add_test(tc, a_chunk_taken_out_outlives_the_ring);
    suite_add_tcase(suite, tc);
    return suite;
}
