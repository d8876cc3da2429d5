/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/generation_core.h"

#include <assert.h>

static const struct str names[] = {
    [GENERATION_FILLING] = STR_INIT("filling"), [GENERATION_CATCHING_UP] = STR_INIT("catching_up"),
    [GENERATION_READY] = STR_INIT("ready"),     [GENERATION_LIVE] = STR_INIT("live"),
    [GENERATION_OLD] = STR_INIT("old"),         [GENERATION_FAILED] = STR_INIT("failed"),
    [GENERATION_DROPPED] = STR_INIT("dropped"),
};

enum { STATES_COUNT = sizeof(names) / sizeof(names[0]) };

#define BIT(state) (1u << (state))

/* What may follow each. */
static const unsigned followers[] = {
    [GENERATION_FILLING] =
        BIT(GENERATION_CATCHING_UP) | BIT(GENERATION_FAILED) | BIT(GENERATION_DROPPED),
    [GENERATION_CATCHING_UP] =
        BIT(GENERATION_READY) | BIT(GENERATION_FAILED) | BIT(GENERATION_DROPPED),
    [GENERATION_READY] = BIT(GENERATION_LIVE) | BIT(GENERATION_DROPPED),
    [GENERATION_LIVE] = BIT(GENERATION_OLD) | BIT(GENERATION_READY),
    [GENERATION_OLD] = BIT(GENERATION_LIVE) | BIT(GENERATION_DROPPED),
    [GENERATION_FAILED] = BIT(GENERATION_DROPPED),
    [GENERATION_DROPPED] = 0,
};

const char *generation_state_name(enum generation_state state)
{
    assert((size_t)state < STATES_COUNT);
    return names[state].data;
}

enum generation_state generation_state_parse(struct str name)
{
    size_t state = 0;

    while (state < STATES_COUNT && !str_equal(names[state], name))
        state++;
    assert(state < STATES_COUNT);
    return (enum generation_state)state;
}

bool generation_may_become(enum generation_state from, enum generation_state to)
{
    return followers[from] & BIT(to);
}

bool generation_runs(enum generation_state state)
{
    return BIT(state) & (BIT(GENERATION_CATCHING_UP) | BIT(GENERATION_READY) |
                         BIT(GENERATION_LIVE) | BIT(GENERATION_OLD));
}

bool generation_is_readable(enum generation_state state)
{
    return BIT(state) & (BIT(GENERATION_LIVE) | BIT(GENERATION_OLD));
}

void activation_init(struct activation *activation)
{
    *activation = (struct activation){.step = ACTIVATION_LOCK_OLD};
}

enum activation_step activation_next(const struct activation *activation)
{
    return activation->step;
}

void activation_done(struct activation *activation, int64_t now_ms)
{
    switch (activation->step) {
    case ACTIVATION_LOCK_OLD:
        activation->until_ms = now_ms + ACTIVATION_WAIT_MS;
        activation->step = ACTIVATION_LOOK;
        return;
    case ACTIVATION_PAUSE:
        activation->step = now_ms < activation->until_ms ? ACTIVATION_LOOK : ACTIVATION_RELEASE;
        return;
    case ACTIVATION_LOCK_NEW:
        activation->step = ACTIVATION_CONFIRM;
        return;
    case ACTIVATION_SWITCH:
        activation->step = ACTIVATION_DONE;
        return;
    case ACTIVATION_LOOK:
    case ACTIVATION_CONFIRM:
    case ACTIVATION_DONE:
    case ACTIVATION_RELEASE:
        break;
    }
    assert(!"a step that is done");
}

size_t activation_behind(const struct activation_lane *lanes, size_t count)
{
    size_t i = 0;

    while (i < count && lanes[i].new_at.n >= lanes[i].old_at.n)
        i++;
    return i;
}

void activation_saw(struct activation *activation, const struct activation_lane *lanes,
                    size_t count, int64_t now_ms)
{
    bool reached = activation_behind(lanes, count) == count;

    assert(activation->step == ACTIVATION_LOOK || activation->step == ACTIVATION_CONFIRM);

    /* Positions never fall but by hand: what was reached before the second lock is confirmed. */
    if (activation->step == ACTIVATION_CONFIRM)
        activation->step = reached ? ACTIVATION_SWITCH : ACTIVATION_RELEASE;
    else if (reached)
        activation->step = ACTIVATION_LOCK_NEW;
    else
        activation->step = now_ms < activation->until_ms ? ACTIVATION_PAUSE : ACTIVATION_RELEASE;
}
