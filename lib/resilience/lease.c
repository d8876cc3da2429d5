/* SPDX-License-Identifier: Apache-2.0 */
#include "resilience/lease.h"

#include <assert.h>

void lease_init(struct lease *lease, struct lease_policy policy)
{
    assert(policy.margin_ms >= 0 && policy.renew_ms > 0);
    assert(policy.renew_ms < policy.lease_ms - policy.margin_ms);
    assert(policy.look_ms > 0 && policy.retry_ms > 0);

    *lease = (struct lease){.policy = policy};
}

bool lease_held(const struct lease *lease, int64_t now_ms)
{
    return lease->state == LEASE_HELD && now_ms < lease->held_until_ms;
}

int64_t lease_epoch(const struct lease *lease)
{
    assert(lease->epoch > 0);
    return lease->epoch;
}

int64_t lease_epoch_seen(const struct lease *lease)
{
    return lease->epoch_seen;
}

/*
 * A process that starts again under its name need not wait for its own lease to expire. But two at
 * once under one name must not take it from each other for ever: who lost it waits.
 */
bool lease_may_take_own(const struct lease *lease)
{
    return !lease->ousted;
}

bool lease_left(const struct lease *lease)
{
    return lease->state == LEASE_LEAVING && lease->epoch == 0 && lease->asked == LEASE_WAIT;
}

static void stop_holding(struct lease *lease)
{
    lease->state = LEASE_STANDING_BY;
    lease->epoch = 0;
    lease->take = false;
    lease->stand_down = true;
}

static enum lease_action wanted(const struct lease *lease)
{
    switch (lease->state) {
    case LEASE_STANDING_BY:
        return lease->take ? LEASE_ACQUIRE : LEASE_LOOK;
    case LEASE_HELD:
        return LEASE_RENEW;
    case LEASE_LEAVING:
        return lease->epoch > 0 ? LEASE_RELEASE : LEASE_WAIT;
    }
    assert(false && "a state");
    return LEASE_WAIT;
}

enum lease_action lease_next(struct lease *lease, int64_t now_ms)
{
    if (lease->state == LEASE_HELD && now_ms >= lease->held_until_ms)
        stop_holding(lease);
    if (lease->stand_down) {
        lease->stand_down = false;
        return LEASE_STAND_DOWN;
    }
    if (lease->asked != LEASE_WAIT || now_ms < lease->next_ms)
        return LEASE_WAIT;

    lease->asked = wanted(lease);
    lease->asked_ms = now_ms;
    return lease->asked;
}

static int64_t until(int64_t then_ms, int64_t now_ms)
{
    return then_ms > now_ms ? then_ms - now_ms : 0;
}

int64_t lease_wait_ms(const struct lease *lease, int64_t now_ms)
{
    int64_t wait_ms = INT64_MAX;

    if (lease->stand_down)
        return 0;
    if (lease->state == LEASE_HELD)
        wait_ms = until(lease->held_until_ms, now_ms);
    if (lease->asked == LEASE_WAIT && wanted(lease) != LEASE_WAIT &&
        until(lease->next_ms, now_ms) < wait_ms)
        wait_ms = until(lease->next_ms, now_ms);
    return wait_ms;
}

static void saw_epoch(struct lease *lease, int64_t epoch)
{
    if (epoch > lease->epoch_seen)
        lease->epoch_seen = epoch;
}

void lease_saw(struct lease *lease, int64_t now_ms, struct lease_row row)
{
    assert(lease->asked == LEASE_LOOK);
    lease->asked = LEASE_WAIT;

    saw_epoch(lease, row.epoch);
    if (!row.mine)
        lease->ousted = false;
    lease->take = row.left_ms <= 0 || (row.mine && !lease->ousted);
    lease->next_ms = now_ms;
    if (!lease->take)
        lease->next_ms += row.left_ms < lease->policy.look_ms ? row.left_ms : lease->policy.look_ms;
}

/* From before the question was asked: the database's clock started later. */
static void hold(struct lease *lease, int64_t epoch)
{
    lease->epoch = epoch;
    lease->held_until_ms = lease->asked_ms + lease->policy.lease_ms - lease->policy.margin_ms;
    lease->next_ms = lease->asked_ms + lease->policy.renew_ms;
}

static void acquired(struct lease *lease, int64_t now_ms, int64_t epoch)
{
    assert(epoch > lease->epoch_seen);
    saw_epoch(lease, epoch);
    lease->take = false;
    if (lease->state == LEASE_LEAVING) {
        lease->epoch = epoch;
        lease->next_ms = now_ms;
        return;
    }
    hold(lease, epoch);
    if (now_ms < lease->held_until_ms)
        lease->state = LEASE_HELD;
    else /* the answer came too late; the row is ours, the next look will say so */
        lease->epoch = 0;
}

static void not_acquired(struct lease *lease, int64_t now_ms)
{
    lease->take = false;
    lease->next_ms = now_ms + lease->policy.look_ms;
}

static void renewed(struct lease *lease)
{
    /* Somebody may have been told to stand down while the answer was on its way. */
    if (lease->state == LEASE_HELD)
        hold(lease, lease->epoch);
}

static void ousted(struct lease *lease, int64_t now_ms)
{
    lease->ousted = true;
    lease->epoch = 0;
    if (lease->state == LEASE_HELD)
        stop_holding(lease);
    lease->next_ms = now_ms;
}

void lease_answered(struct lease *lease, int64_t now_ms, bool updated, int64_t epoch)
{
    enum lease_action asked = lease->asked;

    lease->asked = LEASE_WAIT;
    switch (asked) {
    case LEASE_ACQUIRE:
        if (updated)
            acquired(lease, now_ms, epoch);
        else
            not_acquired(lease, now_ms);
        return;
    case LEASE_RENEW:
        if (updated)
            renewed(lease);
        else
            ousted(lease, now_ms);
        return;
    case LEASE_RELEASE:
        lease->epoch = 0;
        return;
    case LEASE_WAIT:
    case LEASE_LOOK:
    case LEASE_STAND_DOWN:
        break;
    }
    assert(false && "an answer to a question");
}

void lease_failed(struct lease *lease, int64_t now_ms)
{
    assert(lease->asked != LEASE_WAIT);

    /* What could not be given back expires. */
    if (lease->asked == LEASE_RELEASE)
        lease->epoch = 0;
    lease->asked = LEASE_WAIT;
    lease->take = false;
    lease->next_ms = now_ms + lease->policy.retry_ms;
}

void lease_leave(struct lease *lease, int64_t now_ms)
{
    lease->state = LEASE_LEAVING;
    lease->stand_down = false;
    lease->next_ms = now_ms;
}
