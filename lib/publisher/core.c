/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/core.h"

#include "base/mem.h"
#include "publisher/core_internal.h"
#include "resilience/backoff.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    IDLE_WAIT_MS = 100, /* how soon a lease or a request is noticed */
    CALM_WAIT_MS = 1000,
};

static const struct backoff_policy backoff = {.base_ms = 100, .max_ms = 5000};

struct pub_core *pub_new(const struct pub_config *config)
{
    struct pub_core *core = mem_zalloc(sizeof(*core));

    core->config = *config;
    cursor_init(&core->cursor, "");
    return core;
}

void pub_free(struct pub_core *core)
{
    if (core == NULL)
        return;
    for (size_t i = 0; i < core->categories_count; i++)
        mem_free((char *)(uintptr_t)core->categories[i].data);
    mem_free(core->categories);
    plan_release(&core->plan);
    cursor_release(&core->cursor);
    cursor_release(&core->copy);
    mem_free(core);
}

void pub_drop_work(struct pub_core *core)
{
    core->events = NULL;
    core->events_count = core->taken = 0;
    core->plan_ready = core->save_due = core->caught_up = core->end_due = false;
    core->plan.count = 0;
    core->plan.missing_category = STR_NONE;
}

void pub_stop(struct pub_core *core, const char *reason, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(core->detail, sizeof(core->detail), fmt, args);
    va_end(args);
    snprintf(core->reason, sizeof(core->reason), "%s", reason);
    pub_drop_work(core);
    core->loss = false;
    core->attempts = 0;
    core->phase = PHASE_STOPPED;
}

void pub_finish_request(struct pub_core *core, bool clears_stop, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(core->outcome, sizeof(core->outcome), fmt, args);
    va_end(args);
    core->done_due = true;
    core->done_clears_stop = clears_stop;
}

static struct pub_step wait_step(int64_t wait_ms, bool wakeable)
{
    return (struct pub_step){.kind = PUB_WAIT, .wait_ms = wait_ms, .wakeable = wakeable};
}

/* No producer is kept where nothing is published: it could only stand in another's way. */
static struct pub_step rest(struct pub_core *core, int64_t wait_ms)
{
    if (core->producer_open) {
        core->producer_open = core->doubt = false;
        return (struct pub_step){.kind = PUB_CLOSE_PRODUCER};
    }
    return wait_step(wait_ms, false);
}

static struct pub_step save(const struct pub_core *core, bool force)
{
    return (struct pub_step){
        .kind = PUB_SAVE,
        .cursor = &core->cursor,
        .force = force,
        .keys_moved = !cursor_same_partitions(&core->copy, &core->cursor),
    };
}

static struct pub_step make_topic(const struct pub_core *core)
{
    return (struct pub_step){.kind = PUB_MAKE_TOPIC, .category = core->plan.missing_category};
}

static struct pub_step read_log(struct position from, struct position up_to)
{
    return (struct pub_step){.kind = PUB_READ, .position = from, .up_to = up_to};
}

static struct pub_step publish(const struct pub_core *core, int64_t now_ms)
{
    int64_t pause_ms = core->ended_ms + core->config.pause_ms - now_ms;

    /* Right after an end the coordinator is still writing markers, and a begin costs 20 ms. */
    if (core->ended_ms > 0 && pause_ms > 0)
        return wait_step(pause_ms, false);
    return (struct pub_step){.kind = PUB_PUBLISH, .plan = &core->plan, .cursor = &core->cursor};
}

/* A delayed EndTxn of the old connection could end a later transaction: new producer, and nothing
 * is believed about the last one until Kafka was looked at. */
static struct pub_step recycle(struct pub_core *core, int64_t now_ms)
{
    pub_drop_work(core);
    core->recycled++;
    core->phase = PHASE_OPEN;
    return pub_next(core, now_ms);
}

static struct pub_step next_topic(struct pub_core *core, int64_t now_ms)
{
    bool behind = false;

    if (now_ms < core->wait_until_ms)
        return wait_step(core->wait_until_ms - now_ms, false);
    for (size_t i = 0; i < core->categories_count; i++) {
        if (cursor_find(&core->cursor, core->categories[i]) != NULL)
            continue;
        core->plan.missing_category = core->categories[i];
        return make_topic(core);
    }
    core->complete = core->cursor.position;
    for (size_t i = 0; i < core->cursor.topics_count; i++)
        for (int32_t p = 0; p < core->cursor.topics[i].partitions; p++) {
            const struct cursor_lane *lane = &core->cursor.topics[i].lanes[p];

            if (!lane_is_behind(lane))
                continue;
            behind = true;
            if (lane->tail.n < core->complete.n)
                core->complete = lane->tail;
        }
    /* A leader that died between its commit and the copy left it behind: readers wait for it. */
    core->save_due = !core->loss && core->copy.position.n < core->cursor.position.n;
    if (core->loss)
        core->phase = PHASE_COUNT;
    else
        core->phase = behind ? PHASE_COMPLETE : PHASE_RUN;
    core->started = core->phase == PHASE_RUN;
    return pub_next(core, now_ms);
}

/* Plans from the page. False: the page is done with, or the next event needs a topic first. */
static bool plan_page(struct pub_core *core, enum plan_mode mode)
{
    if (core->taken == core->events_count)
        return false;
    plan_make(&core->plan, mode, &core->cursor, core->events + core->taken,
              core->events_count - core->taken, core->config.limits);
    core->taken += core->plan.events_taken;
    return core->plan.events_taken > 0;
}

static struct pub_step next_complete(struct pub_core *core, int64_t now_ms)
{
    if (core->save_due)
        return save(core, false);
    if (core->doubt)
        return recycle(core, now_ms);
    while (!core->plan_ready && plan_page(core, PLAN_COMPLETE))
        core->plan_ready = core->plan.count > 0;
    if (core->plan_ready)
        return publish(core, now_ms);
    if (core->events != NULL) {
        core->complete = core->page_to;
        core->events = NULL;
    }
    if (core->complete.n < core->cursor.position.n)
        return read_log(core->complete, core->cursor.position);
    core->phase = PHASE_RUN;
    core->started = true;
    return pub_next(core, now_ms);
}

static struct pub_step next_run(struct pub_core *core, int64_t now_ms)
{
    if (core->save_due)
        return save(core, false);
    if (core->doubt)
        return recycle(core, now_ms);
    if (now_ms < core->wait_until_ms)
        return wait_step(core->wait_until_ms - now_ms, false);
    if (!core->plan_ready)
        core->plan_ready = plan_page(core, PLAN_FORWARD);
    if (core->plan_ready)
        return publish(core, now_ms);
    if (core->plan.missing_category.data != NULL)
        return make_topic(core);
    if (core->caught_up) {
        core->caught_up = false;
        return wait_step(core->config.poll_interval_ms, true);
    }
    return read_log(core->cursor.position, POSITION(0));
}

/* The entries as they are at the accepted position; what is missing in Kafka up to there stays so.
 */
static void accept_entries(struct pub_core *core)
{
    for (size_t i = 0; i < core->cursor.topics_count; i++)
        for (int32_t p = 0; p < core->cursor.topics[i].partitions; p++) {
            struct cursor_lane *lane = &core->cursor.topics[i].lanes[p];

            lane->floor = lane->last;
            lane->offset.n = -1;
        }
    core->plan.count = 0;
    core->plan_ready = true;
}

static struct pub_step next_count(struct pub_core *core, int64_t now_ms)
{
    if (core->save_due)
        return save(core, true);
    if (core->doubt)
        return recycle(core, now_ms);
    if (now_ms < core->wait_until_ms)
        return wait_step(core->wait_until_ms - now_ms, false);
    while (!core->plan_ready && plan_page(core, PLAN_COUNT))
        continue;
    if (core->plan.missing_category.data != NULL)
        return make_topic(core);
    if (core->cursor.position.n < core->loss_position.n)
        return read_log(core->cursor.position, core->loss_position);
    if (!core->plan_ready)
        accept_entries(core);
    return publish(core, now_ms);
}

static struct pub_step next_request(struct pub_core *core)
{
    if (core->new_log_due)
        return (struct pub_step){.kind = PUB_NEW_LOG, .prefix = str_of(core->prefix)};
    return (struct pub_step){
        .kind = PUB_DONE,
        .outcome = core->outcome,
        .clears_stop = core->done_clears_stop,
        .paused = core->paused,
    };
}

/* Looks again at an open transaction only after a while. */
static struct pub_step look(const struct pub_core *core, struct pub_step step, int64_t now_ms)
{
    if (now_ms < core->wait_until_ms)
        return wait_step(core->wait_until_ms - now_ms, false);
    return step;
}

static struct pub_step fetch(const struct pub_core *core)
{
    return (struct pub_step){
        .kind = PUB_FETCH_CURSOR,
        .with_settings = !core->settings_checked,
    };
}

static struct pub_step inspect(const struct pub_core *core)
{
    return (struct pub_step){
        .kind = PUB_INSPECT,
        .cursor = &core->cursor,
        .with_settings = !core->settings_checked,
    };
}

static struct pub_step end_hanging(const struct pub_core *core)
{
    return (struct pub_step){
        .kind = PUB_END_HANGING,
        .topic = core->hanging[0] != '\0' ? core->hanging : NULL,
        .cursor = core->has_copy ? &core->copy : NULL,
    };
}

struct pub_step pub_next(struct pub_core *core, int64_t now_ms)
{
    if (core->new_log_due || core->done_due)
        return next_request(core);
    if (core->end_due)
        return end_hanging(core);
    switch (core->phase) {
    case PHASE_STANDBY:
    case PHASE_PAUSED:
    case PHASE_STOPPED:
        return rest(core, IDLE_WAIT_MS);
    case PHASE_BACKOFF:
        if (now_ms < core->wait_until_ms)
            return rest(core, core->wait_until_ms - now_ms);
        core->phase = PHASE_LOAD;
        return pub_next(core, now_ms);
    case PHASE_LOAD:
        core->loaded = false;
        return (struct pub_step){.kind = PUB_LOAD};
    case PHASE_OPEN:
        core->producer_open = true;
        return (struct pub_step){.kind = PUB_OPEN_PRODUCER};
    case PHASE_FETCH:
        return look(core, fetch(core), now_ms);
    case PHASE_CHECK:
        return (struct pub_step){.kind = PUB_CHECK_LOG, .position = core->cursor.position};
    case PHASE_INSPECT:
        return look(core, inspect(core), now_ms);
    case PHASE_TOPICS:
        return next_topic(core, now_ms);
    case PHASE_COMPLETE:
        return next_complete(core, now_ms);
    case PHASE_RUN:
        return next_run(core, now_ms);
    case PHASE_COUNT:
        return next_count(core, now_ms);
    }
    assert(false && "a phase");
    return wait_step(IDLE_WAIT_MS, false);
}

void pub_opened(struct pub_core *core)
{
    assert(core->phase == PHASE_OPEN);
    core->doubt = false;
    core->phase = PHASE_FETCH;
}

void pub_read(struct pub_core *core, const struct event *events, size_t count, struct position head,
              struct position read_to)
{
    core->events = events;
    core->events_count = count;
    core->taken = 0;
    core->page_to = read_to;
    core->head = head;
    core->caught_up = count == 0;
    if (count == 0 && core->phase == PHASE_RUN)
        core->attempts = 0;
}

void pub_published(struct pub_core *core, const struct kafka_offset *offsets, int64_t now_ms)
{
    assert(core->plan_ready);
    for (size_t i = 0; i < core->plan.count; i++) {
        const struct plan_record *record = &core->plan.records[i];

        record->topic->lanes[record->partition].offset = offsets[i];
    }
    core->plan_ready = false;
    core->plan.count = 0;
    core->save_due = true;
    core->published = core->cursor.position;
    core->ended_ms = now_ms;
    core->attempts = 0;
}

void pub_saved(struct pub_core *core)
{
    core->save_due = false;
    cursor_copy(&core->copy, &core->cursor);
    core->has_copy = core->copy.position.n > 0;
    if (!core->loss)
        return;
    pub_finish_request(core, true, "goes on behind position %lld",
                       (long long)core->loss_position.n);
}

void pub_done(struct pub_core *core)
{
    bool from_the_start = core->new_log_due || core->done_clears_stop;

    core->new_log_due = core->done_due = core->done_clears_stop = core->loss = false;
    if (from_the_start) {
        core->reason[0] = core->detail[0] = '\0';
        pub_drop_work(core);
        core->phase = PHASE_LOAD;
    } else if (core->phase == PHASE_RUN && core->paused) {
        pub_drop_work(core);
        core->phase = PHASE_PAUSED;
    } else if (core->phase == PHASE_PAUSED && !core->paused) {
        core->phase = PHASE_LOAD;
    }
}

void pub_failed(struct pub_core *core, const struct error *err, int64_t now_ms, uint64_t draw)
{
    int64_t wait_ms = backoff_delay_ms(backoff, core->attempts, draw);

    /* Another publisher was faster, or a person has to act: no duel, no hot loop. */
    if ((err->class == ERROR_FENCED || err->class == ERROR_FATAL) && wait_ms < CALM_WAIT_MS)
        wait_ms = CALM_WAIT_MS;
    core->error = *err;
    pub_drop_work(core);
    core->loss = core->new_log_due = core->done_due = core->done_clears_stop = false;
    core->wait_until_ms = now_ms + wait_ms;
    core->attempts++;
    core->phase = PHASE_BACKOFF;
}

void pub_lease(struct pub_core *core, int64_t epoch)
{
    if (core->epoch == epoch)
        return;
    core->epoch = epoch;
    pub_drop_work(core);
    core->loss = core->new_log_due = core->done_due = core->done_clears_stop = false;
    core->reason[0] = core->detail[0] = '\0';
    core->settings_checked = core->loaded = false;
    core->attempts = 0;
    core->wait_until_ms = 0;
    core->phase = epoch > 0 ? PHASE_LOAD : PHASE_STANDBY;
}

void pub_doubt(struct pub_core *core)
{
    if (core->producer_open && core->phase != PHASE_OPEN)
        core->doubt = true;
}

void pub_connects(struct pub_core *core, uint64_t connects)
{
    if (core->connects == connects)
        return;
    core->connects = connects;
    /* It may be another server now, or an older state of the same: nothing in hand counts. */
    if (core->phase == PHASE_STANDBY || core->phase == PHASE_LOAD || core->phase == PHASE_BACKOFF)
        return;
    pub_drop_work(core);
    core->loss = core->new_log_due = core->done_due = core->done_clears_stop = false;
    core->phase = PHASE_LOAD;
}
