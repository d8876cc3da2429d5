/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads the log's tail, once for all subscribers. */
#include "eventlog/subscriptions_internal.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/name.h"
#include "eventlog/identity.h"
#include "eventlog/read.h"

#include <stdio.h>
#include <string.h>

enum {
    READ_EVENTS_MAX = 500,
    IDENTITY_MS = 1000, /* how often to look whether the log is the same */
    PACE_MS = 5,        /* between two reads that find something: a busy log is read in batches */
};

struct tail { /* the thread's */
    struct subscriptions *all;
    struct pg_conn *conn;
    struct arena *arena;
    uint64_t connects; /* when it was last compared with the log */
    bool started;
    char log_id[UUID_TEXT_LEN + 1];
    int64_t identity_ms;
    struct position position;       /* the ring's tail */
    char event_id[NAME_ID_MAX + 1]; /* of the event there; "" at 0 */
    uint64_t appended_seen;
};

/* The log went back, or is another one. */
static bool replaced(struct tail *tail, const char *what)
{
    log_warn("live readers are ended: the log is not the one they read", LOG_CSTR("what", what),
             LOG_I64("position", tail->position.n));
    subscriptions_log_replaced(tail->all);
    tail->started = false;
    return true;
}

static bool find_event_id(struct tail *tail, struct position position, char *ret_id,
                          struct error *err)
{
    struct event event;
    bool found;

    ret_id[0] = '\0';
    if (position.n == 0)
        return true;
    if (!log_find_event(tail->conn, position, tail->arena, &event, &found, err))
        return false;
    if (found)
        snprintf(ret_id, sizeof(tail->event_id), STR_FMT, STR_ARG(event.id));
    return true;
}

/* The ring begins behind the head, where it is now. */
static bool begin(struct tail *tail, struct error *err)
{
    struct log_identity identity;

    if (!log_identity_load(tail->conn, &identity, err) ||
        !log_read_head(tail->conn, &tail->position, err) ||
        !find_event_id(tail, tail->position, tail->event_id, err))
        return false;
    snprintf(tail->log_id, sizeof(tail->log_id), "%s", identity.id);
    tail->connects = pg_connects(tail->conn);
    tail->identity_ms = clock_monotonic_ms();
    tail->started = true;
    monitor_lock(&tail->all->monitor);
    subscription_core_start(&tail->all->core, tail->position);
    monitor_unlock(&tail->all->monitor);
    return true;
}

/* Whether the log is still what it was: after each reconnect, and from time to time. */
static bool compare(struct tail *tail, struct error *err)
{
    bool reconnected = pg_connects(tail->conn) != tail->connects;
    int64_t now_ms = clock_monotonic_ms();
    struct log_identity identity;
    char event_id[NAME_ID_MAX + 1];

    if (!reconnected && now_ms - tail->identity_ms < IDENTITY_MS)
        return true;
    if (!log_identity_load(tail->conn, &identity, err))
        return false;
    if (strcmp(identity.id, tail->log_id) != 0)
        return replaced(tail, "it has another id");
    if (reconnected) {
        if (!find_event_id(tail, tail->position, event_id, err))
            return false;
        if (strcmp(event_id, tail->event_id) != 0)
            return replaced(tail, "the last event read is not there");
    }
    tail->connects = pg_connects(tail->conn);
    tail->identity_ms = now_ms;
    return true;
}

static void push(struct tail *tail, const struct event_page *page)
{
    const struct subscriptions_config *config = &tail->all->config;
    struct chunk_source source = {
        .events = page->events, .count = page->count, .after = tail->position, .to = page->read_to};

    while (source.count > 0) {
        struct chunk *chunk = chunk_new(&source, config->render, config->render_arg);

        monitor_lock(&tail->all->monitor);
        subscription_core_push(&tail->all->core, chunk, clock_monotonic_ms());
        monitor_unlock(&tail->all->monitor);
    }
    tail->position = page->read_to;
    snprintf(tail->event_id, sizeof(tail->event_id), STR_FMT,
             STR_ARG(page->events[page->count - 1].id));
}

static bool read_on(struct tail *tail, size_t *ret_count, struct error *err)
{
    struct event_page page;

    if (!log_read(tail->conn, tail->position, POSITION(0), NULL, READ_EVENTS_MAX, tail->arena,
                  &page, err))
        return false;
    subscriptions_count_read("tail", page.count);
    *ret_count = page.count;
    if (page.head.n < tail->position.n)
        return replaced(tail, "its head went back");
    if (page.count > 0)
        push(tail, &page);
    return true;
}

static bool step(struct tail *tail, size_t *ret_count, struct error *err)
{
    *ret_count = 0;
    arena_clear(tail->arena);
    if (!pg_open(tail->conn, err))
        return false;
    if (!tail->started && !begin(tail, err))
        return false;
    return compare(tail, err) && (!tail->started || read_on(tail, ret_count, err));
}

/* Rests while there are no subscribers; false: all ends. */
static bool await_subscribers(struct tail *tail)
{
    struct subscriptions *all = tail->all;
    struct monitor_deadline never = monitor_deadline(-1);
    bool stopping;

    monitor_lock(&all->monitor);
    if (all->core.count == 0 && tail->started) {
        subscription_core_stop(&all->core);
        tail->started = false;
    }
    while (all->core.count == 0 && !all->stopping)
        (void)monitor_wait(&all->monitor, &never);
    stopping = all->stopping;
    monitor_unlock(&all->monitor);
    return !stopping;
}

static void await_events(struct tail *tail, size_t found)
{
    const struct subscriptions_config *config = &tail->all->config;

    if (found > 0)
        (void)subscriptions_rest(tail->all, PACE_MS);
    else if (config->appended != NULL)
        (void)signal_wait(config->appended, &tail->appended_seen, config->poll_ms);
    else
        (void)subscriptions_rest(tail->all, config->poll_ms);
}

static void rest_after_failure(struct tail *tail, unsigned *failures, const struct error *err)
{
    if (*failures == 0)
        log_warn("the log's tail can not be read for live readers", LOG_ERR(err));
    pg_rollback(tail->conn);
    (void)subscriptions_rest(tail->all, subscriptions_backoff_ms((*failures)++));
}

void subscriptions_tail_run(void *arg)
{
    struct subscriptions *all = arg;
    struct tail tail = {
        .all = all, .conn = pg_new(&all->config.postgres, PG_PROFILE_QUERY), .arena = arena_new(0)};
    unsigned failures = 0;
    struct error err;
    size_t found;

    while (await_subscribers(&tail)) {
        if (!step(&tail, &found, &err)) {
            rest_after_failure(&tail, &failures, &err);
            continue;
        }
        if (failures > 0)
            log_info("the log's tail is read again for live readers");
        failures = 0;
        await_events(&tail, found);
    }
    arena_free(tail.arena);
    pg_free(tail.conn);
}
