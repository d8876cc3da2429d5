/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every interleaving of two contenders for one row: statements that take time on the way there and
 * back, answers that are lost, statements that are carried out long after their sender gave them
 * up, processes that start again, and a clock that loses as much as the margin allows. Times are
 * kept relative to the present, so the states are finite: each is visited once, however it came
 * about.
 */
#include "resilience/lease.h"

#include <check.h>
#include <string.h>

#include "base/mem.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

Suite *resilience_lease_model_suite(void);

enum { CONTENDERS = 2 };

/* The bounds of the search: faults on the way to a state, epochs given out. */
#ifdef DAYBOOK_SANITIZED
enum { FAULTS = 1, EPOCHS = 2, SEEN_BITS = 20 };
#else
enum { FAULTS = 1, EPOCHS = 3, SEEN_BITS = 22 };
#endif

static const struct lease_policy policy = {
    .lease_ms = 3, .renew_ms = 1, .margin_ms = 1, .look_ms = 1, .retry_ms = 1};

enum transit { NOTHING, GOING, COMING }; /* a statement, its answer */

struct message {
    enum transit transit;
    enum lease_action action;
    int64_t epoch; /* RENEW, RELEASE: the one it names; ACQUIRE: the one to pass */
    bool may_take_own;
    bool updated; /* the answer */
    struct lease_row row;
};

struct contender {
    struct lease lease;
    struct message message;
    struct message orphan; /* given up, but it may still be carried out */
    bool leads;            /* was told so and not yet told to stand down */
};

struct world {
    int64_t now;
    int64_t behind; /* contender 0's clock */
    int faults;     /* of this path */
    int holder;     /* -1: nobody */
    int64_t epoch;
    int64_t expires;
    int64_t epoch_led; /* the highest that anybody led with */
    struct contender contenders[CONTENDERS];
};

/* ck_assert() writes a mark to a file each time it is passed, which is millions of times here. */
static void expect(bool is_so, const char *otherwise)
{
    if (!is_so)
        ck_abort_msg("%s", otherwise);
}

static int64_t clock_of(const struct world *world, int who)
{
    return who == 0 ? world->now - world->behind : world->now;
}

static bool holds(const struct world *world, int who)
{
    return lease_held(&world->contenders[who].lease, clock_of(world, who));
}

static void carry_out(struct world *world, int who, struct message *message)
{
    bool mine = world->holder == who;
    bool same = mine && world->epoch == message->epoch;

    message->transit = COMING;
    switch (message->action) {
    case LEASE_LOOK:
        message->row = (struct lease_row){mine, world->epoch, world->expires > world->now};
        return; /* look_ms is 1: how much more is left makes no difference */
    case LEASE_ACQUIRE:
        message->updated = world->expires <= world->now || (mine && message->may_take_own);
        if (!message->updated)
            return;
        world->holder = who;
        world->epoch = (world->epoch > message->epoch ? world->epoch : message->epoch) + 1;
        world->expires = world->now + policy.lease_ms;
        message->epoch = world->epoch;
        return;
    case LEASE_RENEW:
        message->updated = same;
        if (same)
            world->expires = world->now + policy.lease_ms;
        return;
    case LEASE_RELEASE:
        message->updated = same;
        if (same)
            world->expires = world->now;
        return;
    case LEASE_WAIT:
    case LEASE_STAND_DOWN:
        break;
    }
    ck_abort_msg("not a statement");
}

/* A move says whether it was possible. */

static bool tick(struct world *world, int who)
{
    (void)who;
    world->now++;
    return true;
}

static bool lose_a_tick(struct world *world, int who)
{
    if (who != 0 || world->behind >= policy.margin_ms)
        return false;
    world->now++;
    world->behind++;
    return true;
}

static bool act(struct world *world, int who)
{
    struct contender *contender = &world->contenders[who];
    enum lease_action action = lease_next(&contender->lease, clock_of(world, who));

    if (action == LEASE_WAIT)
        return false;
    if (action == LEASE_STAND_DOWN) {
        expect(contender->leads, "told to stand down without leading");
        contender->leads = false;
        return true;
    }
    expect(contender->message.transit == NOTHING, "asked while an answer is outstanding");
    expect(contender->leads == (action == LEASE_RENEW) || action == LEASE_RELEASE,
           "not told to stand down before asking anew");
    contender->message = (struct message){.transit = GOING, .action = action};
    contender->message.may_take_own = lease_may_take_own(&contender->lease);
    if (action == LEASE_RENEW || action == LEASE_RELEASE)
        contender->message.epoch = lease_epoch(&contender->lease);
    if (action == LEASE_ACQUIRE)
        contender->message.epoch = lease_epoch_seen(&contender->lease);
    return true;
}

static bool carry_out_message(struct world *world, int who)
{
    struct message *message = &world->contenders[who].message;

    if (message->transit != GOING)
        return false;
    carry_out(world, who, message);
    return true;
}

static bool carry_out_orphan(struct world *world, int who)
{
    struct message *orphan = &world->contenders[who].orphan;

    if (orphan->transit != GOING)
        return false;
    carry_out(world, who, orphan);
    *orphan = (struct message){0};
    return true;
}

static bool deliver(struct world *world, int who)
{
    struct contender *contender = &world->contenders[who];
    struct message message = contender->message;

    if (message.transit != COMING)
        return false;
    contender->message = (struct message){0};
    if (message.action == LEASE_LOOK) {
        lease_saw(&contender->lease, clock_of(world, who), message.row);
        return true;
    }
    lease_answered(&contender->lease, clock_of(world, who), message.updated, message.epoch);
    if (holds(world, who) && !contender->leads) {
        expect(message.epoch > world->epoch_led, "an epoch that led before");
        world->epoch_led = message.epoch;
        contender->leads = true;
    }
    return true;
}

static void give_up(struct contender *contender)
{
    if (contender->message.transit == GOING && contender->message.action != LEASE_LOOK)
        contender->orphan = contender->message;
    contender->message = (struct message){0};
}

static bool lose_connection(struct world *world, int who)
{
    struct contender *contender = &world->contenders[who];

    if (contender->message.transit == NOTHING)
        return false;
    world->faults++;
    give_up(contender);
    lease_failed(&contender->lease, clock_of(world, who));
    return true;
}

static bool start_again(struct world *world, int who)
{
    struct contender *contender = &world->contenders[who];

    world->faults++;
    give_up(contender);
    contender->leads = false;
    lease_init(&contender->lease, policy);
    return true;
}

static bool leave(struct world *world, int who)
{
    struct contender *contender = &world->contenders[who];

    if (contender->lease.state == LEASE_LEAVING)
        return false;
    world->faults++;
    contender->leads = false;
    lease_leave(&contender->lease, clock_of(world, who));
    return true;
}

static bool (*const moves[])(struct world *world, int who) = {
    tick,        lose_a_tick, act, carry_out_message, carry_out_orphan, deliver, lose_connection,
    start_again, leave,
};
enum { MOVES = sizeof(moves) / sizeof(moves[0]) };

static void check(const struct world *before, const struct world *world)
{
    expect(world->epoch >= before->epoch, "the epoch fell");
    for (int who = 0; who < CONTENDERS; who++) {
        if (!holds(world, who))
            continue;
        expect(world->holder == who, "leads, but the row is another's");
        expect(world->expires > world->now, "leads beyond the row's expiry");
    }
}

/* Left in peace, somebody leads before two leases have passed, unless all are leaving. */
static void check_recovers(struct world world)
{
    bool anybody = false;

    for (int who = 0; who < CONTENDERS; who++)
        anybody |= world.contenders[who].lease.state != LEASE_LEAVING;
    for (int64_t end = world.now + 2 * policy.lease_ms; anybody && world.now < end; world.now++) {
        for (int turn = 0; turn < 4 * CONTENDERS; turn++) {
            int who = turn % CONTENDERS;

            act(&world, who);
            carry_out_message(&world, who);
            deliver(&world, who);
        }
        if (holds(&world, 0) || holds(&world, 1))
            return;
    }
    expect(!anybody, "nobody leads any more");
}

/* TIME becomes relative to NOW; what is before MIN is as good as MIN. */
static void shift(int64_t *time, int64_t now, int64_t min)
{
    *time = *time - now > min ? *time - now : min;
}

static void shift_contender(struct contender *contender, int64_t now, int64_t clock)
{
    struct lease *lease = &contender->lease;
    int64_t present = clock - now;

    shift(&lease->next_ms, now, present);
    shift(&lease->held_until_ms, now, present);
    shift(&lease->asked_ms, now, present - policy.lease_ms);
    if (lease->state != LEASE_HELD)
        lease->held_until_ms = present;
    if (lease->asked != LEASE_ACQUIRE && lease->asked != LEASE_RENEW)
        lease->asked_ms = present;
    if (lease->asked != LEASE_WAIT)
        lease->next_ms = present;
}

/* The same for all worlds that go on in the same way. */
static void normalize(struct world *world)
{
    for (int who = 0; who < CONTENDERS; who++)
        shift_contender(&world->contenders[who], world->now, clock_of(world, who));
    shift(&world->expires, world->now, 0);
    world->now = 0;
}

/* Of each state seen only the hash is kept; that two of them share one of 64 bits is left to luck.
 */
static struct {
    uint64_t hashes[1 << SEEN_BITS]; /* 0: free */
    size_t count;
} seen;

static bool is_new(const struct world *world)
{
    uint64_t hash = XXH3_64bits(world, sizeof(*world)) | 1;
    size_t mask = (1 << SEEN_BITS) - 1;
    size_t at = (hash >> 1) & mask;

    while (seen.hashes[at] != 0 && seen.hashes[at] != hash)
        at = (at + 1) & mask;
    if (seen.hashes[at] == hash)
        return false;
    seen.hashes[at] = hash;
    seen.count++;
    expect(seen.count < mask / 2, "SEEN_BITS too small");
    return true;
}

static void begin(struct world *world)
{
    memset(world, 0, sizeof(*world));
    world->holder = -1;
    for (int who = 0; who < CONTENDERS; who++)
        lease_init(&world->contenders[who].lease, policy);
}

/* What WORLD may become by its move of this index. */
static bool step(const struct world *world, int move, struct world *ret_next)
{
    memcpy(ret_next, world, sizeof(*world)); /* with its padding, which is hashed too */
    if (!moves[move / CONTENDERS](ret_next, move % CONTENDERS))
        return false;
    check(world, ret_next);
    normalize(ret_next);
    return true;
}

START_TEST(in_every_interleaving_at_most_one_leads_and_only_before_the_row_expires)
{
    size_t capacity = 0;
    size_t count = 1;
    struct world *open = mem_grow(NULL, &capacity, 1, sizeof(*open));
    unsigned led = 0;

    memset(&seen, 0, sizeof(seen));
    begin(&open[0]);
    while (count > 0) {
        struct world world = open[--count];

        led += holds(&world, 0) || holds(&world, 1);
        for (int move = 0; move < MOVES * CONTENDERS; move++) {
            struct world next;

            if (!step(&world, move, &next) || next.faults > FAULTS || next.epoch > EPOCHS ||
                !is_new(&next))
                continue;
            check_recovers(next);
            open = mem_grow(open, &capacity, count + 1, sizeof(*open));
            memcpy(&open[count++], &next, sizeof(next));
        }
    }
    mem_free(open);
    ck_assert_uint_gt(seen.count, 40000);
    ck_assert_uint_gt(led, 2000);
}
END_TEST

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

START_TEST(on_long_walks_with_many_faults_at_most_one_leads)
{
    unsigned led = 0;

    for (uint64_t walk = 0; walk < 300; walk++) {
        uint64_t random = walk;
        struct world world;

        begin(&world);
        for (int steps = 0; steps < 2000; steps++) {
            struct world next;
            int move = (int)(draw(&random) % (MOVES * CONTENDERS));

            /* Nobody comes back from leaving, so that is for the end. */
            if (moves[move / CONTENDERS] == leave && steps < 1900)
                continue;
            if (!step(&world, move, &next) ||
                (next.faults > world.faults && draw(&random) % 8 != 0))
                continue;
            memcpy(&world, &next, sizeof(world));
            led += holds(&world, 0) || holds(&world, 1);
        }
        check_recovers(world);
    }
    ck_assert_uint_gt(led, 3000);
}
END_TEST

Suite *resilience_lease_model_suite(void)
{
    Suite *suite = suite_create("resilience_lease_model");
    TCase *tcase = tcase_create("interleavings");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, in_every_interleaving_at_most_one_leads_and_only_before_the_row_expires);
    tcase_add_test(tcase, on_long_walks_with_many_faults_at_most_one_leads);
    suite_add_tcase(suite, tcase);
    return suite;
}
