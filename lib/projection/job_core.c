/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/job_core.h"

#include <assert.h>

static const struct str names[] = {
    [JOB_QUEUED] = STR_INIT("queued"),       [JOB_RUNNING] = STR_INIT("running"),
    [JOB_DONE] = STR_INIT("done"),           [JOB_FAILED] = STR_INIT("failed"),
    [JOB_CANCELLED] = STR_INIT("cancelled"),
};

enum { STATES_COUNT = sizeof(names) / sizeof(names[0]) };

const char *job_state_name(enum job_state state)
{
    assert((size_t)state < STATES_COUNT);
    return names[state].data;
}

enum job_state job_state_parse(struct str name)
{
    size_t state = 0;

    while (state < STATES_COUNT && !str_equal(names[state], name))
        state++;
    assert(state < STATES_COUNT);
    return (enum job_state)state;
}

bool job_has_ended(enum job_state state)
{
    return state != JOB_QUEUED && state != JOB_RUNNING;
}

void job_lease_init(struct job_lease *lease, int64_t asked_ms)
{
    *lease = (struct job_lease){.asked_ms = asked_ms, .held_from_ms = asked_ms};
}

bool job_lease_is_due(const struct job_lease *lease, int64_t now_ms)
{
    return !lease->lost && now_ms - lease->asked_ms >= JOB_RENEW_MS;
}

void job_lease_asked(struct job_lease *lease, int64_t now_ms)
{
    lease->asked_ms = now_ms;
}

void job_lease_answered(struct job_lease *lease, bool renewed)
{
    if (renewed)
        lease->held_from_ms = lease->asked_ms;
    else
        lease->lost = true;
}

bool job_lease_holds(const struct job_lease *lease, int64_t now_ms)
{
    return !lease->lost && now_ms - lease->held_from_ms < JOB_LEASE_MS - JOB_MARGIN_MS;
}

void progress_init(struct progress *progress)
{
    *progress = (struct progress){0};
}

static const struct progress_sample *sample(const struct progress *progress, size_t back)
{
    return &progress->samples[(progress->next + PROGRESS_SAMPLES - 1 - back) % PROGRESS_SAMPLES];
}

void progress_note(struct progress *progress, int64_t now_ms, int64_t done)
{
    if (progress->count > 0 && done < sample(progress, 0)->done)
        progress_init(progress);
    /* So far apart that the ring holds the window. */
    if (progress->count > 1 &&
        now_ms - sample(progress, 1)->at_ms < PROGRESS_WINDOW_MS / (PROGRESS_SAMPLES - 2)) {
        size_t last = (progress->next + PROGRESS_SAMPLES - 1) % PROGRESS_SAMPLES;

        progress->samples[last] = (struct progress_sample){now_ms, done};
        return;
    }
    progress->samples[progress->next] = (struct progress_sample){now_ms, done};
    progress->next = (progress->next + 1) % PROGRESS_SAMPLES;
    if (progress->count < PROGRESS_SAMPLES)
        progress->count++;
}

int64_t progress_rate(const struct progress *progress, int64_t now_ms)
{
    const struct progress_sample *first, *last;
    size_t back = 0;

    if (progress->count == 0)
        return 0;
    /* The oldest one of the window, or the one before it: a standstill must show. */
    while (back + 1 < progress->count &&
           now_ms - sample(progress, back)->at_ms < PROGRESS_WINDOW_MS)
        back++;
    first = sample(progress, back);
    last = sample(progress, 0);
    if (now_ms <= first->at_ms)
        return 0;
    return (last->done - first->done) * 1000 / (now_ms - first->at_ms);
}

int64_t progress_left_ms(const struct progress *progress, int64_t now_ms, int64_t total)
{
    int64_t rate = progress_rate(progress, now_ms);
    int64_t left;

    if (rate <= 0 || total <= 0)
        return -1;
    left = total - sample(progress, 0)->done;
    return left > 0 ? left * 1000 / rate : 0;
}

void job_watch_init(struct job_watch *watch, int64_t now_ms)
{
    *watch = (struct job_watch){.looked_ms = now_ms};
}

void job_watch_looked(struct job_watch *watch, bool troubled, int64_t now_ms)
{
    *watch = (struct job_watch){.looked_ms = now_ms, .troubled = troubled};
}

enum job_watch_state job_watch_state(const struct job_watch *watch, int64_t now_ms)
{
    if (now_ms - watch->looked_ms > JOB_LEASE_MS)
        return JOB_WATCH_STUCK;
    return watch->troubled ? JOB_WATCH_TROUBLED : JOB_WATCH_WELL;
}

void catching_up_init(struct catching_up *c)
{
    *c = (struct catching_up){0};
}

enum catching catching_up_saw(struct catching_up *c, int64_t lag, int64_t now_ms)
{
    if (!c->begun || lag < c->lowest || lag == 0) {
        *c = (struct catching_up){.lowest = lag, .lowest_at_ms = now_ms, .begun = true};
        return CATCHING_ON;
    }
    return now_ms - c->lowest_at_ms < CATCHING_PATIENCE_MS ? CATCHING_ON : CATCHING_STUCK;
}
