/* SPDX-License-Identifier: Apache-2.0 */
#include "base/queue.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "tests/support/death.h"
#include "tests/support/expect.h"

Suite *base_queue_suite(void);

static int numbers[100000]; /* what the queues carry: pointers to these */

static void setup(void)
{
    for (int i = 0; i < COUNT_OF(numbers); i++)
        numbers[i] = i;
}

static int number_of(void *item)
{
    return item == NULL ? -1 : *(int *)item;
}

static struct thread *start(thread_fn fn, void *arg)
{
    struct thread *thread;
    struct error err;

    ck_assert(thread_start(THREAD_QUERY, "queue-test", fn, arg, &thread, &err));
    return thread;
}

START_TEST(first_in_first_out)
{
    SCOPED(queue_free) struct queue *queue = queue_new(10);

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(queue_push(queue, &numbers[i]), QUEUE_PUSHED);
    ck_assert_uint_eq(queue_count(queue), 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(number_of(queue_pop(queue, 0)), i);
    ck_assert_uint_eq(queue_count(queue), 0);
}
END_TEST

START_TEST(order_holds_around_the_end_of_the_ring)
{
    SCOPED(queue_free) struct queue *queue = queue_new(7);
    int pushed = 0;
    int popped = 0;

    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < round % 7 + 1; i++)
            ck_assert_int_eq(queue_push(queue, &numbers[pushed++]), QUEUE_PUSHED);
        for (int i = 0; i < round % 7 + 1; i++)
            ck_assert_int_eq(number_of(queue_pop(queue, 0)), popped++);
    }
}
END_TEST

START_TEST(full_is_an_answer)
{
    SCOPED(queue_free) struct queue *queue = queue_new(2);

    ck_assert_int_eq(queue_push(queue, &numbers[0]), QUEUE_PUSHED);
    ck_assert_int_eq(queue_push(queue, &numbers[1]), QUEUE_PUSHED);
    ck_assert_int_eq(queue_push(queue, &numbers[2]), QUEUE_FULL);
    ck_assert_uint_eq(queue_count(queue), 2);
    ck_assert_int_eq(number_of(queue_pop(queue, 0)), 0);
    ck_assert_int_eq(queue_push(queue, &numbers[3]), QUEUE_PUSHED);
    ck_assert_int_eq(number_of(queue_pop(queue, 0)), 1);
    ck_assert_int_eq(number_of(queue_pop(queue, 0)), 3);
}
END_TEST

START_TEST(many_are_taken_at_once_but_no_more_than_asked)
{
    SCOPED(queue_free) struct queue *queue = queue_new(5);
    void *items[8] = {NULL};

    /* Turned by three, so that what is taken lies around the end of the ring. */
    for (int i = 0; i < 3; i++) {
        queue_push(queue, &numbers[99]);
        queue_pop(queue, 0);
    }
    for (int i = 0; i < 5; i++)
        queue_push(queue, &numbers[i]);

    ck_assert_uint_eq(queue_pop_many(queue, items, 3, 0), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(number_of(items[i]), i);
    ck_assert_ptr_null(items[3]);
    ck_assert_uint_eq(queue_pop_many(queue, items, 8, -1), 2);
    ck_assert_int_eq(number_of(items[0]), 3);
    ck_assert_int_eq(number_of(items[1]), 4);
    ck_assert_uint_eq(queue_pop_many(queue, items, 8, 0), 0);
}
END_TEST

START_TEST(an_empty_queue_is_waited_for_as_long_as_asked)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);
    int64_t begin_us = clock_monotonic_us();

    ck_assert_ptr_null(queue_pop(queue, 30));
    ck_assert_int_ge(clock_monotonic_us() - begin_us, 29900);
}
END_TEST

START_TEST(a_closed_queue_refuses_and_drains)
{
    SCOPED(queue_free) struct queue *queue = queue_new(3);

    queue_push(queue, &numbers[0]);
    queue_push(queue, &numbers[1]);
    ck_assert(!queue_is_closed(queue));
    queue_close(queue);
    queue_close(queue);
    ck_assert(queue_is_closed(queue));
    ck_assert_int_eq(queue_push(queue, &numbers[2]), QUEUE_CLOSED);
    ck_assert_int_eq(number_of(queue_pop(queue, -1)), 0);
    ck_assert_int_eq(number_of(queue_pop(queue, -1)), 1);
    ck_assert_ptr_null(queue_pop(queue, -1)); /* at once, although it would wait for ever */
}
END_TEST

START_TEST(closed_comes_before_full)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);

    queue_push(queue, &numbers[0]);
    queue_close(queue);
    ck_assert_int_eq(queue_push(queue, &numbers[1]), QUEUE_CLOSED);
    queue_pop(queue, 0);
}
END_TEST

START_TEST(a_wake_ends_the_next_pop_and_only_that)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);
    int64_t begin_us;

    queue_wake(queue);
    queue_wake(queue);
    ck_assert_ptr_null(queue_pop(queue, -1));
    begin_us = clock_monotonic_us();
    ck_assert_ptr_null(queue_pop(queue, 20));
    ck_assert_int_ge(clock_monotonic_us() - begin_us, 19900);
}
END_TEST

START_TEST(a_wake_hides_no_items)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);

    queue_wake(queue);
    queue_push(queue, &numbers[5]);
    ck_assert_int_eq(number_of(queue_pop(queue, -1)), 5);
    ck_assert_ptr_null(queue_pop(queue, 0));
}
END_TEST

static void pop_one(void *arg)
{
    void **cell = arg;
    struct queue *queue = *cell;

    *cell = queue_pop(queue, -1);
}

START_TEST(a_waiting_pop_gets_what_is_pushed)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);
    void *cell = queue;
    struct thread *thread = start(pop_one, &cell);

    queue_push(queue, &numbers[7]);
    thread_join(thread);
    ck_assert_int_eq(number_of(cell), 7);
}
END_TEST

START_TEST(a_waiting_pop_is_woken)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);
    void *cell = queue;
    struct thread *thread = start(pop_one, &cell);

    queue_wake(queue);
    thread_join(thread);
    ck_assert_ptr_null(cell);
}
END_TEST

START_TEST(closing_ends_all_waiting_pops)
{
    SCOPED(queue_free) struct queue *queue = queue_new(1);
    void *cells[4];
    struct thread *threads[4];

    for (int i = 0; i < 4; i++) {
        cells[i] = queue;
        threads[i] = start(pop_one, &cells[i]);
    }
    queue_close(queue);
    for (int i = 0; i < 4; i++) {
        thread_join(threads[i]);
        ck_assert_ptr_null(cells[i]);
    }
}
END_TEST

/* Several producers and consumers over a small ring, so that it is often full and often empty. */
enum { PRODUCERS = 4, CONSUMERS = 3, PER_PRODUCER = 20000 };

struct traffic {
    struct queue *queue;
    _Atomic int next_producer;
    _Atomic int next_consumer;
    _Atomic int taken[PRODUCERS * PER_PRODUCER];
    _Atomic long full;
    bool out_of_order[CONSUMERS]; /* by consumer: a producer's items came the wrong way round */
};

static void produce(void *arg)
{
    struct traffic *traffic = arg;
    int first = atomic_fetch_add(&traffic->next_producer, 1) * PER_PRODUCER;

    for (int i = first; i < first + PER_PRODUCER; i++) {
        while (queue_push(traffic->queue, &numbers[i]) == QUEUE_FULL) {
            atomic_fetch_add(&traffic->full, 1);
            queue_wake(traffic->queue); /* noise: a wake may come at any time */
        }
    }
}

static void consume(void *arg)
{
    struct traffic *traffic = arg;
    int self = atomic_fetch_add(&traffic->next_consumer, 1);
    int last[PRODUCERS];
    void *items[5];

    for (int i = 0; i < PRODUCERS; i++)
        last[i] = -1;
    for (;;) {
        size_t count = queue_pop_many(traffic->queue, items, 5, self == 0 ? 1 : -1);

        if (count == 0 && queue_is_closed(traffic->queue) && queue_count(traffic->queue) == 0)
            return;
        for (size_t i = 0; i < count; i++) {
            int number = number_of(items[i]);
            int producer = number / PER_PRODUCER;

            atomic_fetch_add(&traffic->taken[number], 1);
            if (number <= last[producer])
                traffic->out_of_order[self] = true;
            last[producer] = number;
        }
    }
}

START_TEST(every_item_is_taken_once_and_in_its_producers_order)
{
    struct traffic *traffic = calloc(1, sizeof(*traffic));
    struct thread *producers[PRODUCERS];
    struct thread *consumers[CONSUMERS];

    traffic->queue = queue_new(16);
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = start(consume, traffic);
    for (int i = 0; i < PRODUCERS; i++)
        producers[i] = start(produce, traffic);
    for (int i = 0; i < PRODUCERS; i++)
        thread_join(producers[i]);
    queue_close(traffic->queue);
    for (int i = 0; i < CONSUMERS; i++)
        thread_join(consumers[i]);

    for (int i = 0; i < PRODUCERS * PER_PRODUCER; i++) {
        if (atomic_load(&traffic->taken[i]) != 1)
            ck_abort_msg("item %d was taken %d times", i, atomic_load(&traffic->taken[i]));
    }
    for (int i = 0; i < CONSUMERS; i++)
        ck_assert(!traffic->out_of_order[i]);
    ck_assert_int_gt(atomic_load(&traffic->full), 0);
    queue_free(traffic->queue);
    free(traffic);
}
END_TEST

/* A pop that returned without an item, although none else took it, would end this too early. */
static void answer(void *arg)
{
    struct queue **pair = arg;

    for (int i = 0; i < 5000; i++)
        queue_push(pair[1], queue_pop(pair[0], -1));
}

START_TEST(ping_pong_loses_no_wakeup)
{
    struct queue *pair[2] = {queue_new(1), queue_new(1)};
    struct thread *thread = start(answer, pair);

    for (int i = 0; i < 5000; i++) {
        ck_assert_int_eq(queue_push(pair[0], &numbers[i]), QUEUE_PUSHED);
        ck_assert_int_eq(number_of(queue_pop(pair[1], -1)), i);
    }
    thread_join(thread);
    queue_free(pair[0]);
    queue_free(pair[1]);
}
END_TEST

START_TEST(free_of_null_is_fine)
{
    queue_free(NULL);
}
END_TEST

#ifndef DAYBOOK_SANITIZED
START_TEST(freeing_a_queue_with_items_is_a_bug)
{
    struct queue *queue = queue_new(1);

    death_expected();
    queue_push(queue, &numbers[0]);
    queue_free(queue);
}
END_TEST

START_TEST(pushing_nothing_is_a_bug)
{
    struct queue *queue = queue_new(1);

    death_expected();
    queue_push(queue, NULL);
}
END_TEST
#endif

Suite *base_queue_suite(void)
{
    Suite *suite = suite_create("base_queue");
    TCase *tc = tcase_create("queue");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, first_in_first_out);
    tcase_add_test(tc, order_holds_around_the_end_of_the_ring);
    tcase_add_test(tc, full_is_an_answer);
    tcase_add_test(tc, many_are_taken_at_once_but_no_more_than_asked);
    tcase_add_test(tc, an_empty_queue_is_waited_for_as_long_as_asked);
    tcase_add_test(tc, a_closed_queue_refuses_and_drains);
    tcase_add_test(tc, closed_comes_before_full);
    tcase_add_test(tc, a_wake_ends_the_next_pop_and_only_that);
    tcase_add_test(tc, a_wake_hides_no_items);
    tcase_add_test(tc, a_waiting_pop_gets_what_is_pushed);
    tcase_add_test(tc, a_waiting_pop_is_woken);
    tcase_add_test(tc, closing_ends_all_waiting_pops);
    tcase_add_test(tc, every_item_is_taken_once_and_in_its_producers_order);
    tcase_add_test(tc, ping_pong_loses_no_wakeup);
    tcase_add_test(tc, free_of_null_is_fine);
#ifndef DAYBOOK_SANITIZED
    tcase_add_test_raise_signal(tc, freeing_a_queue_with_items_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(tc, pushing_nothing_is_a_bug, SIGABRT);
#endif
    suite_add_tcase(suite, tc);
    return suite;
}
