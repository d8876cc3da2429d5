/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/parking_core.h"

#include <assert.h>

const char *parked_state_name(enum parked_state state)
{
    static const char *const names[] = {
        [PARKED_RETRYING] = "retrying", [PARKED_DEAD] = "dead", [PARKED_RELEASING] = "releasing"};

    return names[state];
}

/* Before the attempt that follows ATTEMPTS. */
static int64_t delay_ms(const struct parking_policy *policy, int attempts)
{
    int64_t delay = policy->first_ms;

    for (int i = 1; i < attempts && delay < policy->max_ms; i++)
        delay = delay > policy->max_ms / 2 ? policy->max_ms : delay * 2;
    return delay < policy->max_ms ? delay : policy->max_ms;
}

/* When the next attempt begins; -1: there is none. */
static int64_t next_ms(const struct parked_key *key, const struct parking_policy *policy,
                       int64_t now_ms)
{
    int64_t at_ms = now_ms + delay_ms(policy, key->attempts);

    if (key->attempts >= policy->attempts_max || at_ms - key->failed_ms > policy->deadline_ms)
        return -1;
    return at_ms;
}

struct parked_key parking_first(struct str tenant, struct str stream, struct version version,
                                struct version last, const struct parking_policy *policy,
                                int64_t now_ms)
{
    struct parked_key key = {
        .tenant = tenant,
        .stream = stream,
        .state = PARKED_RETRYING,
        .version = version,
        .last = last,
        .offset = {-1},
        .attempts = 1,
        .failed_ms = now_ms,
    };
    int64_t at_ms = next_ms(&key, policy, now_ms);

    /* One that is not tried again is given up by a transaction of its own. */
    key.due_ms = at_ms < 0 ? now_ms : at_ms;
    return key;
}

enum parking_task parking_task_due(const struct parked_key *key,
                                   const struct parking_policy *policy, int64_t now_ms)
{
    if (key->state == PARKED_DEAD || now_ms < key->due_ms)
        return PARKING_NOTHING;
    if (key->state == PARKED_RELEASING)
        return PARKING_RELEASE;
    /* The policy may have become a shorter one; a key that waited for its owner had its time. */
    return key->attempts >= policy->attempts_max ? PARKING_GIVE_UP : PARKING_TRY;
}

enum parking_task parking_task_asked(const struct parked_key *key, int64_t letter,
                                     enum parking_verb verb)
{
    if (!key || key->state != PARKED_DEAD || key->letter != letter)
        return PARKING_GONE;
    return verb == PARKING_VERB_REDRIVE ? PARKING_REDRIVE : PARKING_DISCARD;
}

static void die(struct parked_key *key)
{
    key->state = PARKED_DEAD;
    key->due_ms = INT64_MAX;
}

/* The event that waits failed again, or for the first time in a release. */
static void failed_again(struct parking_change *change, enum parking_task task,
                         const struct parking_policy *policy, int64_t now_ms)
{
    struct parked_key *key = &change->key;
    int64_t at_ms;

    if (task == PARKING_RELEASE) {
        key->attempts = 0;
        key->failed_ms = now_ms;
        key->state = PARKED_RETRYING;
    }
    if (task != PARKING_GIVE_UP)
        key->attempts++;
    if (task == PARKING_REDRIVE) {
        die(key);
        change->letter = PARKING_LETTER_FAILED;
        return;
    }
    at_ms = task == PARKING_GIVE_UP ? -1 : next_ms(key, policy, now_ms);
    if (at_ms >= 0) {
        key->due_ms = at_ms;
        return;
    }
    die(key);
    change->letter = PARKING_LETTER_NEW;
}

struct parking_change parking_after(const struct parked_key *key, enum parking_task task,
                                    const struct parking_outcome *outcome,
                                    const struct parking_policy *policy, int64_t now_ms)
{
    struct parking_change change = {.key = *key};
    bool first_done = outcome->applied.n >= key->version.n;

    assert(task != PARKING_NOTHING && task != PARKING_GONE);
    assert(outcome->applied.n >= key->version.n - 1);
    assert(task != PARKING_DISCARD || first_done || outcome->more);
    assert(task != PARKING_GIVE_UP || (!first_done && outcome->failed));
    assert(!outcome->failed || !outcome->more);

    if (outcome->failed && outcome->failed_position.n > 0)
        change.key.position = outcome->failed_position;
    if (!first_done && outcome->failed) {
        failed_again(&change, task, policy, now_ms);
        return change;
    }
    if (!first_done && outcome->more) {
        /* What comes before it in its row has to be made good first. */
        if (key->state != PARKED_DEAD)
            change.key.due_ms = now_ms;
        return change;
    }
    if (task == PARKING_REDRIVE)
        change.letter = PARKING_LETTER_RESOLVED;
    if (task == PARKING_DISCARD)
        change.letter = PARKING_LETTER_DISCARDED;
    if (!outcome->failed && !outcome->more) {
        change.gone = true;
        return change;
    }
    change.key.version = VERSION(outcome->applied.n + 1);
    if (change.key.last.n < change.key.version.n)
        change.key.last = change.key.version;
    change.key.letter = 0;
    change.key.offset = (struct kafka_offset){-1};
    if (outcome->failed) {
        struct parked_key first = parking_first(key->tenant, key->stream, change.key.version,
                                                change.key.last, policy, now_ms);

        first.position = outcome->failed_position;
        change.key = first;
        return change;
    }
    change.key.state = PARKED_RELEASING;
    change.key.position = POSITION(0);
    change.key.attempts = 0;
    change.key.failed_ms = now_ms;
    change.key.due_ms = now_ms;
    return change;
}

static void add(struct causes *causes, uint64_t cause)
{
    uint64_t *slot = &causes->ring[causes->next];

    if (causes->count == CAUSES_WINDOW)
        causes->failed -= *slot != 0;
    else
        causes->count++;
    *slot = cause;
    causes->failed += cause != 0;
    causes->next = (causes->next + 1) % CAUSES_WINDOW;
}

void causes_applied(struct causes *causes)
{
    add(causes, 0);
}

bool causes_failed(struct causes *causes, const char *class, const char *code)
{
    uint64_t cause = (str_hash(str_of(class)) * 31 + str_hash(str_of(code))) | 1;
    size_t same = 0;

    add(causes, cause);
    if (causes->failed < CAUSES_MIN || causes->failed * 2 <= causes->count)
        return false;
    for (size_t i = 0; i < causes->count; i++)
        same += causes->ring[i] == cause;
    return same >= CAUSES_MIN && same * 2 > causes->count;
}
