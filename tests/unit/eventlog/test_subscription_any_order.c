/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any order of everything: appends, the tail's reads, who comes, takes one event or many, is
 * fetched for, fails, leaves. Each gets exactly what fits behind its begin, in order, and all that
 * the log had when it came before it is told that it has caught up.
 */
#include "base/mem.h"
#include "tests/unit/eventlog/subscribed_log.h"

#include <check.h>
#include <string.h>

enum { RUNNERS = 12, STEPS = 30000 };

static struct subscribed_log history;
static struct subscription_core core;
static int64_t now_ms;

/* splitmix64 */
static uint64_t state;

static int64_t draw(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((z ^ (z >> 31)) >> 1);
}

/* They are asked all the time. */
static void wake(struct subscription *s)
{
    (void)s;
}

static void append(int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        subscribed_append(&history, (unsigned)(draw() % SUBSCRIBED_STREAMS));
}

static void push_all(void)
{
    while (core.ring.tail.n < history.head)
        subscription_core_push(
            &core, subscribed_chunk(&history, core.ring.tail.n, history.head, 20), now_ms);
}

struct runner {
    struct subscription *s;
    int64_t expected; /* the first that was not looked at by the test yet */
    bool taking;
    unsigned got;
};

static struct runner runners[RUNNERS];
static struct subscription *with_reader[RUNNERS];
static size_t with_reader_count;

static struct subscription_filter any_filter(void)
{
    switch (draw() % 6) {
    case 0:
        return (struct subscription_filter){.category = STR("b")};
    case 1:
        return (struct subscription_filter){.type = STR("Third"), .category = STR("a")};
    case 2:
        return (struct subscription_filter){.stream = subscribed_stream(2)};
    case 3:
        return (struct subscription_filter){.stream = subscribed_stream(5), .type = STR("Even")};
    case 4:
        return (struct subscription_filter){.correlation_id = STR("even")};
    default:
        return (struct subscription_filter){.tenant = STR("main")};
    }
}

static int64_t versions_at(const struct subscription_filter *filter, int64_t position)
{
    struct subscription_filter stream = {.stream = filter->stream};
    int64_t version = 0;

    for (int64_t i = 1; i <= position; i++)
        version += subscribed_fits(&history, &stream, i);
    return version;
}

static void runner_begin(struct runner *runner)
{
    int64_t at = draw() % (history.head + 1);

    *runner = (struct runner){.expected = at + 1};
    runner->s = mem_zalloc(sizeof *runner->s);
    runner->s->at.n = at;
    runner->s->head.n = history.head;
    runner->s->filter = any_filter();
    if (runner->s->filter.stream.data != NULL)
        runner->s->seen.n = versions_at(&runner->s->filter, at);
    ck_assert(subscription_add(&core, runner->s, now_ms));
}

static void runner_end(struct runner *runner)
{
    if (subscription_remove(&core, runner->s))
        mem_free(runner->s);
    runner->s = NULL;
}

/* None that it should have got lies before POSITION. */
static void runner_passed(struct runner *runner, int64_t position)
{
    while (runner->expected < position) {
        ck_assert_msg(!subscribed_fits(&history, &runner->s->filter, runner->expected),
                      "position %lld is missing", (long long)runner->expected);
        runner->expected++;
    }
}

static void runner_got(struct runner *runner, int64_t position)
{
    runner_passed(runner, position);
    ck_assert_int_eq(runner->expected, position);
    ck_assert(subscribed_fits(&history, &runner->s->filter, position));
    runner->expected++;
    runner->got++;
}

/* As the http thread does it, for so many events. */
static void runner_take(struct runner *runner, int64_t events)
{
    for (; events > 0; events--) {
        const struct chunk_event *event = runner->taking ? subscription_event(runner->s) : NULL;

        if (event != NULL) {
            runner_got(runner, event->position.n);
            continue;
        }
        runner->taking = false;
        subscription_took(runner->s, now_ms);
        switch (subscription_next(&core, runner->s, now_ms)) {
        case STEP_EVENTS:
            runner->taking = true;
            break;
        case STEP_CAUGHT_UP:
            runner_passed(runner, runner->s->head.n + 1);
            break;
        case STEP_HEARTBEAT:
            break;
        case STEP_WAIT:
        case STEP_END:
            return;
        }
    }
}

static void reader_begin(void)
{
    struct subscription *s = with_reader_count < 2 ? subscription_fetch(&core) : NULL;

    if (s != NULL)
        with_reader[with_reader_count++] = s;
}

static void reader_end(void)
{
    struct subscription *s;

    if (with_reader_count == 0)
        return;
    s = with_reader[0];
    with_reader[0] = with_reader[--with_reader_count];
    if (subscription_fetched(&core, s, draw() % 8 > 0 ? subscribed_history(&history, s) : NULL,
                             now_ms))
        mem_free(s);
}

static void one_step(void)
{
    struct runner *runner = &runners[draw() % RUNNERS];
    int64_t kind = draw() % 20;

    now_ms += draw() % 3;
    if (kind < 1 && history.head < SUBSCRIBED_EVENTS_MAX - 30)
        append(draw() % 25);
    else if (kind < 3)
        push_all();
    else if (kind < 6)
        reader_begin();
    else if (kind < 9)
        reader_end();
    else if (kind < 10 && draw() % 10 == 0)
        subscription_core_tick(&core, now_ms);
    else if (runner->s == NULL)
        runner_begin(runner);
    else if (kind < 11 && draw() % 40 == 0)
        runner_end(runner);
    else
        runner_take(runner, draw() % 30);
}

/* Nobody appends any more: each gets all, and is live. */
static void finish(void)
{
    push_all();
    for (int i = 0; i < 5000; i++) {
        reader_begin();
        reader_end();
        for (int r = 0; r < RUNNERS; r++)
            if (runners[r].s != NULL)
                runner_take(&runners[r], 50);
    }
    for (int r = 0; r < RUNNERS; r++) {
        if (runners[r].s == NULL)
            continue;
        ck_assert(runners[r].s->live);
        while (runners[r].expected <= history.head)
            ck_assert(!subscribed_fits(&history, &runners[r].s->filter, runners[r].expected++));
        runner_end(&runners[r]);
    }
}

START_TEST(in_any_order_each_gets_what_fits_once)
{
    struct subscription_limits limits = {.subscribers_max = RUNNERS,
                                         .ring_bytes_max = 4000 + (size_t)_i * 1000,
                                         .lag_ms = INT32_MAX,
                                         .heartbeat_ms = 50};

    history = (struct subscribed_log){0};
    now_ms = 0;
    subscription_core_init(&core, &limits, wake);
    state = (uint64_t)_i + 1;
    with_reader_count = 0;
    memset(runners, 0, sizeof runners);
    append(draw() % 100);
    subscription_core_start(&core, POSITION(history.head));
    for (int i = 0; i < STEPS; i++)
        one_step();
    finish();
    ck_assert_uint_eq(core.count, 0);
    subscription_core_release(&core);
}
END_TEST

Suite *eventlog_subscription_any_order_suite(void);
Suite *eventlog_subscription_any_order_suite(void)
{
    Suite *suite = suite_create("eventlog_subscription_any_order");
    TCase *tc = tcase_create("any_order");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, in_any_order_each_gets_what_fits_once, 0, 20);
    suite_add_tcase(suite, tc);
    return suite;
}
