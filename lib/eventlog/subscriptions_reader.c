/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that read history for subscribers that are behind the ring. */
#include "eventlog/subscriptions_internal.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "eventlog/read.h"

struct history { /* one slice */
    struct event_page page;
    struct position to; /* everything up to it was looked at */
    bool replaced;      /* the subscriber has read what the log does not have */
};

static bool read_log(struct pg_conn *conn, const struct subscription *s, struct arena *arena,
                     struct history *ret, struct error *err)
{
    struct log_filter filter = {.tenant = s->filter.tenant,
                                .category = s->filter.category,
                                .type = s->filter.type,
                                .correlation_id = s->filter.correlation_id};

    if (!log_read(conn, s->at, POSITION(0), &filter, s->slice, arena, &ret->page, err))
        return false;
    ret->to = ret->page.read_to;
    ret->replaced = ret->page.head.n < s->at.n;
    return true;
}

/*
 * The head is read first: what the stream has at or below it is in the page, as far as that goes.
 * The type is not filtered here, so that versions show whether all of the stream was seen.
 */
static bool read_stream(struct pg_conn *conn, const struct subscription *s, struct arena *arena,
                        struct history *ret, struct error *err)
{
    struct stream_head stream;
    struct position head;
    const struct event *last;

    if (!log_read_head(conn, &head, err) ||
        !stream_read(conn, s->filter.tenant, s->filter.stream, VERSION(s->seen.n + 1),
                     STREAM_FORWARD, STR_NONE, s->slice, arena, &stream, &ret->page, err))
        return false;
    ret->replaced = stream.version.n < s->seen.n;
    last = ret->page.count > 0 ? &ret->page.events[ret->page.count - 1] : NULL;
    if (last != NULL && last->version.n < stream.version.n)
        ret->to = last->position;
    else
        ret->to = last != NULL && last->position.n > head.n ? last->position : head;
    return true;
}

static bool read_slice(struct pg_conn *conn, const struct subscription *s, struct arena *arena,
                       struct history *ret, struct error *err)
{
    *ret = (struct history){0};
    if (!pg_open(conn, err))
        return false;
    return s->filter.stream.data != NULL ? read_stream(conn, s, arena, ret, err)
                                         : read_log(conn, s, arena, ret, err);
}

/* Waits for one that asks; NULL: all ends. */
static struct subscription *await_fetch(struct subscriptions *all)
{
    struct monitor_deadline never = monitor_deadline(-1);
    struct subscription *s = NULL;

    monitor_lock(&all->monitor);
    while (!all->stopping && (s = subscription_fetch(&all->core)) == NULL)
        (void)monitor_wait(&all->monitor, &never);
    monitor_unlock(&all->monitor);
    return s;
}

static void give_back(struct subscriptions *all, struct subscription *s, struct chunk *chunk,
                      enum subscription_end end)
{
    bool ours;

    monitor_lock(&all->monitor);
    if (end != SUBSCRIPTION_GOES_ON)
        subscription_end(&all->core, s, end);
    ours = subscription_fetched(&all->core, s, chunk, clock_monotonic_ms());
    monitor_unlock(&all->monitor);
    if (ours)
        all->config.release(s);
}

static void give_slice(struct subscriptions *all, struct subscription *s,
                       const struct history *slice)
{
    struct chunk_source source = {.events = slice->page.events,
                                  .count = slice->page.count,
                                  .after = s->at,
                                  .to = slice->to.n > s->at.n ? slice->to : s->at};

    if (slice->replaced) {
        give_back(all, s, NULL, SUBSCRIPTION_LOG_REPLACED);
        return;
    }
    subscriptions_count_read("history", slice->page.count);
    give_back(all, s, chunk_new(&source, all->config.render, all->config.render_arg),
              SUBSCRIPTION_GOES_ON);
}

/* What does not pass by itself ends the subscriber; the others go on. */
static void give_failure(struct subscriptions *all, struct subscription *s, struct pg_conn *conn,
                         const struct error *err, unsigned attempt)
{
    bool passes = err->class == ERROR_TRANSIENT || err->class == ERROR_FENCED;

    if (attempt == 0 || !passes)
        log_warn("history can not be read for a live reader", LOG_I64("after", s->at.n),
                 LOG_ERR(err));
    pg_rollback(conn);
    give_back(all, s, NULL, passes ? SUBSCRIPTION_GOES_ON : SUBSCRIPTION_UNREADABLE);
    if (passes)
        (void)subscriptions_rest(all, subscriptions_backoff_ms(attempt));
}

void subscriptions_reader_run(void *arg)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct subscriptions *all = arg;
    struct pg_conn *conn = pg_new(&all->config.postgres, PG_PROFILE_QUERY);
    struct subscription *s;
    unsigned failures = 0;
    struct history slice;
    struct error err;

    while ((s = await_fetch(all)) != NULL) {
        if (read_slice(conn, s, arena, &slice, &err)) {
            give_slice(all, s, &slice);
            failures = 0;
        } else {
            give_failure(all, s, conn, &err, failures++);
        }
        arena_clear(arena);
    }
    pg_free(conn);
}
