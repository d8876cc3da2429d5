/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/subscription_core.h"

#include <assert.h>
#include <utlist.h>

enum { SLICE_FIRST = 16, SLICE_MAX = 256 };

void subscription_core_init(struct subscription_core *core,
                            const struct subscription_limits *limits,
                            void (*wake)(struct subscription *subscription))
{
    *core = (struct subscription_core){.limits = *limits, .wake = wake};
    ring_init(&core->ring, limits->ring_bytes_max);
}

void subscription_core_release(struct subscription_core *core)
{
    assert(core->all == NULL);
    ring_reset(&core->ring, core->ring.tail);
}

/* What fits. */

static bool is_wanted(struct str wanted, struct str is)
{
    return wanted.data == NULL || (is.data != NULL && str_equal(wanted, is));
}

static bool is_behind(const struct subscription *s, const struct chunk_event *event)
{
    return event->position.n > s->at.n &&
           (s->filter.stream.data == NULL || event->version.n > s->seen.n);
}

static bool fits(const struct subscription *s, const struct chunk_event *event)
{
    const struct subscription_filter *filter = &s->filter;

    return is_wanted(filter->stream, event->stream) && is_wanted(filter->tenant, event->tenant) &&
           is_wanted(filter->type, event->type) && is_wanted(filter->category, event->category) &&
           is_wanted(filter->correlation_id, event->correlation_id) && is_behind(s, event);
}

static bool has_any(const struct subscription *s, const struct chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++)
        if (fits(s, &chunk->events[i]))
            return true;
    return false;
}

static void pass(struct subscription *s, struct position to)
{
    if (s->at.n < to.n)
        s->at = to;
}

const struct chunk_event *subscription_event(struct subscription *s)
{
    while (s->chunk != NULL && s->next < s->chunk->count &&
           atomic_load_explicit(&s->end, memory_order_relaxed) == SUBSCRIPTION_GOES_ON) {
        const struct chunk_event *event = &s->chunk->events[s->next++];
        bool found = fits(s, event);

        pass(s, event->position);
        if (!found)
            continue;
        s->seen = event->version;
        return event;
    }
    return NULL;
}

void subscription_took(struct subscription *s, int64_t now_ms)
{
    atomic_store_explicit(&s->took_ms, now_ms, memory_order_relaxed);
}

/* Whose turn it is. */

static void become_ready(struct subscription_core *core, struct subscription *s, int64_t now_ms)
{
    s->state = SUBSCRIPTION_READY;
    subscription_took(s, now_ms);
    core->wake(s);
}

static void ask_for_history(struct subscription_core *core, struct subscription *s, int64_t now_ms)
{
    s->state = SUBSCRIPTION_FETCHING;
    s->fetch_ms = now_ms;
    s->live = false;
    DL_APPEND2(core->queue, s, queue_prev, queue_next);
}

/* Unless a reader has it in hand already. */
static void leave_queue(struct subscription_core *core, struct subscription *s)
{
    if (s->state == SUBSCRIPTION_FETCHING && !s->fetched_by_reader)
        DL_DELETE2(core->queue, s, queue_prev, queue_next);
}

static void drop_chunk(struct subscription *s)
{
    if (s->chunk == NULL)
        return;
    pass(s, s->chunk->to);
    chunk_unref(s->chunk);
    s->chunk = NULL;
}

static void take_chunk(struct subscription *s, struct chunk *chunk)
{
    assert(s->chunk == NULL);
    s->chunk = chunk;
    s->next = 0;
}

/* At the tail: whether it has to be told so. */
static bool has_caught_up(const struct subscription *s)
{
    return !s->live && s->at.n >= s->head.n;
}

static enum subscription_step wait_at_tail(struct subscription *s, int64_t now_ms)
{
    s->ring_ms = now_ms;
    if (has_caught_up(s)) {
        s->live = true;
        s->was_live = true;
        return STEP_CAUGHT_UP;
    }
    s->state = SUBSCRIPTION_WAITING;
    return STEP_WAIT;
}

static enum subscription_step go_on(struct subscription_core *core, struct subscription *s,
                                    int64_t now_ms)
{
    if (!core->started) {
        s->state = SUBSCRIPTION_WAITING;
        return STEP_WAIT;
    }
    if (s->at.n >= core->ring.tail.n)
        return wait_at_tail(s, now_ms);
    if (s->at.n < core->ring.floor.n) {
        ask_for_history(core, s, now_ms);
        return STEP_WAIT;
    }
    take_chunk(s, ring_find(&core->ring, s->at));
    s->state = SUBSCRIPTION_READY;
    s->ring_ms = now_ms;
    return STEP_EVENTS;
}

enum subscription_step subscription_next(struct subscription_core *core, struct subscription *s,
                                         int64_t now_ms)
{
    enum subscription_step step;

    if (atomic_load(&s->end) != SUBSCRIPTION_GOES_ON) {
        leave_queue(core, s);
        s->state = SUBSCRIPTION_ENDED;
        return STEP_END;
    }
    if (s->heartbeat)
        step = STEP_HEARTBEAT;
    else if (s->state == SUBSCRIPTION_FETCHING)
        step = STEP_WAIT;
    else if (s->chunk != NULL && s->next < s->chunk->count)
        step = STEP_EVENTS; /* a reader has brought them */
    else {
        drop_chunk(s);
        step = go_on(core, s, now_ms);
    }
    s->heartbeat = false;
    if (step != STEP_WAIT)
        s->sent_ms = now_ms;
    s->id = s->filter.stream.data != NULL ? s->seen.n : s->at.n;
    return step;
}

/* Coming and going. */

bool subscription_add(struct subscription_core *core, struct subscription *s, int64_t now_ms)
{
    if (core->count >= core->limits.subscribers_max)
        return false;
    core->count++;
    DL_APPEND2(core->all, s, all_prev, all_next);
    atomic_init(&s->end, core->closing ? SUBSCRIPTION_STOPPING : SUBSCRIPTION_GOES_ON);
    s->state = SUBSCRIPTION_READY;
    s->slice = SLICE_FIRST;
    s->sent_ms = s->ring_ms = now_ms;
    subscription_took(s, now_ms);
    return true;
}

bool subscription_remove(struct subscription_core *core, struct subscription *s)
{
    assert(core->count > 0);
    core->count--;
    DL_DELETE2(core->all, s, all_prev, all_next);
    leave_queue(core, s);
    chunk_unref(s->chunk);
    s->chunk = NULL;
    s->removed = true;
    return !s->fetched_by_reader;
}

void subscription_end(struct subscription_core *core, struct subscription *s,
                      enum subscription_end why)
{
    if (s->state == SUBSCRIPTION_ENDED || atomic_load(&s->end) != SUBSCRIPTION_GOES_ON)
        return;
    atomic_store(&s->end, why);
    core->ends[why]++;
    core->wake(s);
}

void subscription_core_end_all(struct subscription_core *core, enum subscription_end why)
{
    struct subscription *s;

    if (why == SUBSCRIPTION_STOPPING)
        core->closing = true;
    DL_FOREACH2(core->all, s, all_next)
    {
        subscription_end(core, s, why);
    }
}

/* The log's tail. */

void subscription_core_start(struct subscription_core *core, struct position tail)
{
    struct subscription *s;

    assert(!core->started);
    ring_reset(&core->ring, tail);
    core->started = true;
    DL_FOREACH2(core->all, s, all_next)
    {
        if (s->state == SUBSCRIPTION_WAITING)
            core->wake(s);
    }
}

void subscription_core_stop(struct subscription_core *core)
{
    ring_reset(&core->ring, core->ring.tail);
    core->started = false;
}

void subscription_core_push(struct subscription_core *core, struct chunk *chunk, int64_t now_ms)
{
    struct subscription *s;

    DL_FOREACH2(core->all, s, all_next)
    {
        if (s->state != SUBSCRIPTION_WAITING || s->at.n < chunk->after.n)
            continue;
        s->ring_ms = now_ms;
        if (has_any(s, chunk)) {
            become_ready(core, s, now_ms);
            continue;
        }
        pass(s, chunk->to);
        if (has_caught_up(s))
            become_ready(core, s, now_ms);
    }
    ring_push(&core->ring, chunk);
}

/* Time. */

static bool is_slow(const struct subscription_core *core, const struct subscription *s,
                    int64_t now_ms)
{
    int64_t took_ms = atomic_load_explicit(&s->took_ms, memory_order_relaxed);

    return s->state == SUBSCRIPTION_READY &&
           (now_ms - took_ms >= core->limits.lag_ms ||
            (s->was_live && now_ms - s->ring_ms >= core->limits.lag_ms));
}

static void beat(struct subscription_core *core, struct subscription *s, int64_t now_ms)
{
    if (s->heartbeat || now_ms - s->sent_ms < core->limits.heartbeat_ms)
        return;
    s->heartbeat = true;
    core->wake(s);
}

void subscription_core_tick(struct subscription_core *core, int64_t now_ms)
{
    struct subscription *s;

    DL_FOREACH2(core->all, s, all_next)
    {
        if (is_slow(core, s, now_ms))
            subscription_end(core, s, SUBSCRIPTION_LAGGING);
        else if (s->state == SUBSCRIPTION_WAITING || s->state == SUBSCRIPTION_FETCHING)
            beat(core, s, now_ms);
    }
}

/* History. */

struct subscription *subscription_fetch(struct subscription_core *core)
{
    struct subscription *s = core->queue;

    if (s == NULL)
        return NULL;
    DL_DELETE2(core->queue, s, queue_prev, queue_next);
    s->fetched_by_reader = true;
    return s;
}

/* As many at once as make about one chunk. */
static void adapt_slice(struct subscription *s, const struct chunk *chunk)
{
    if (chunk->count < s->slice && chunk->bytes >= CHUNK_BYTES)
        s->slice = chunk->count;
    else if (chunk->count == s->slice && s->slice < SLICE_MAX)
        s->slice *= 2;
    assert(s->slice > 0);
}

bool subscription_fetched(struct subscription_core *core, struct subscription *s,
                          struct chunk *chunk, int64_t now_ms)
{
    s->fetched_by_reader = false;
    if (s->removed) {
        chunk_unref(chunk);
        return true;
    }
    if (s->state == SUBSCRIPTION_ENDED) {
        chunk_unref(chunk);
        return false;
    }
    s->ring_ms += now_ms - s->fetch_ms;
    if (chunk == NULL) {
        ask_for_history(core, s, now_ms);
        return false;
    }
    adapt_slice(s, chunk);
    take_chunk(s, chunk);
    if (chunk->count == 0) {
        drop_chunk(s);
        if (core->started && s->at.n < core->ring.floor.n) {
            ask_for_history(core, s, now_ms);
            return false;
        }
    }
    become_ready(core, s, now_ms);
    return false;
}
