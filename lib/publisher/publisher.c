/* SPDX-License-Identifier: Apache-2.0 */
/* The core's steps carried out, one after the other, on one thread. */
#include "publisher/publisher.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "eventlog/read.h"
#include "publisher/broker.h"
#include "publisher/core.h"
#include "publisher/gauges.h"
#include "publisher/leader.h"
#include "publisher/store.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    /* transaction.timeout.ms and the coordinator's round take 25 s; after a kill of a busy broker
     * 40 s were once too few. */
    HANGING_MS = 120000,
    REQUEST_PERIOD_MS = 250, /* how often the database is asked for requests */
    REPORT_RETRY_MS = 1000,
    STATEMENT_TIMEOUT_MS = 4000, /* so that a stop need not wait for a frozen database */
    LOG_PERIOD_MS = 60000,
};

struct publisher {
    struct publisher_config config;
    struct thread *thread;
    struct stop *stop;
    struct leader *leader;

    /* the thread's own */
    struct pg_conn *conn;
    struct broker *broker;
    struct pub_core *core;
    struct arena *page_arena; /* of the events in the core's hands */
    struct arena *step_arena;
    struct log_identity identity;
    int64_t epoch;
    uint64_t appended_seen;
    int64_t request;         /* the one the core works on */
    int64_t next_request_ms; /* when to look for one */
    int64_t next_report_ms;
    struct publisher_status told; /* what the database holds, or would if we led */
    struct log_gate gate;

    pthread_mutex_t mutex; /* guards status */
    struct publisher_status status;
};

/* A step returns false with *err set, or has answered the core. */

static bool load(struct publisher *publisher, struct error *err)
{
    struct cursor copy;
    struct pub_facts facts;
    bool ok;

    cursor_init(&copy, "");
    ok = store_load(publisher->conn, publisher->step_arena, &publisher->identity, &copy, &facts,
                    err);
    if (ok)
        pub_loaded(publisher->core, &facts);
    cursor_release(&copy);
    return ok;
}

static bool open_producer(struct publisher *publisher, struct error *err)
{
    if (!broker_open_producer(publisher->broker, &publisher->identity, err))
        return false;
    gauges_producer();
    pub_opened(publisher->core);
    return true;
}

static bool fetch_cursor(struct publisher *publisher, const struct pub_step *step,
                         struct error *err)
{
    struct pub_cursor_seen seen;
    struct cursor cursor;
    bool ok;

    cursor_init(&cursor, "");
    ok = broker_fetch_cursor(publisher->broker, step->with_settings, &cursor, &seen, err);
    if (ok)
        pub_fetched(publisher->core, &seen, clock_monotonic_ms());
    cursor_release(&cursor);
    return ok;
}

static bool check_log(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    struct position head;
    struct str event_id;

    if (!store_check(publisher->conn, step->position, publisher->step_arena, &head, &event_id, err))
        return false;
    pub_checked(publisher->core, head, event_id);
    return true;
}

static bool inspect(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    struct pub_topic_seen *topics;

    if (!broker_inspect(publisher->broker, step->cursor, step->with_settings, publisher->step_arena,
                        &topics, err))
        return false;
    pub_inspected(publisher->core, topics, clock_monotonic_ms());
    return true;
}

static bool end_hanging(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    log_warn("a transaction hangs, and is ended by another one",
             LOG_CSTR("topic", step->topic != NULL ? step->topic : "cursor"));
    if (!broker_end_hanging(publisher->broker, step->topic, step->cursor, err))
        return false;
    pub_ended(publisher->core);
    return true;
}

static bool make_topic(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    struct pub_topic_seen seen;
    char topic[CURSOR_TOPIC_MAX];

    if (!broker_make_topic(publisher->broker, step->category, publisher->step_arena, topic, &seen,
                           err))
        return false;
    pub_made(publisher->core, topic, &seen, clock_monotonic_ms());
    return true;
}

static bool read_log(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    struct event_page page;

    arena_clear(publisher->page_arena);
    if (!log_read(publisher->conn, step->position, step->up_to, NULL,
                  publisher->config.batch_events_max, publisher->page_arena, &page, err))
        return false;
    gauges_pending(page.count > 0 ? page.events[0].recorded_at_us : 0);
    pub_read(publisher->core, page.events, page.count, page.head, page.read_to);
    return true;
}

static bool publish(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    const struct kafka_offset *offsets;
    bool ok = broker_publish(publisher->broker, step->plan, step->cursor, &offsets, err);

    gauges_transaction(ok);
    if (!ok)
        return false;
    pub_published(publisher->core, offsets, clock_monotonic_ms());
    if (publisher->config.published != NULL)
        signal_raise(publisher->config.published);
    return true;
}

static bool save(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    const struct store_copy copy = {step->cursor, step->force, step->keys_moved};

    if (!store_save(publisher->conn, publisher->epoch, &copy, err))
        return false;
    if (step->keys_moved)
        log_warn("a topic has other partitions: read models are built anew");
    pub_saved(publisher->core);
    return true;
}

/* The end of a request writes this itself. Without it a report that fails and a stop for the same
 * reason as before would leave `starting` in the database for good. */
static void stop_was_cleared(struct publisher *publisher)
{
    publisher->told = (struct publisher_status){.state = PUBLISHER_STARTING};
}

static bool done(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    struct store_done request = {
        .request = publisher->request,
        .outcome = step->outcome,
        .paused = step->paused,
        .clears_stop = step->clears_stop,
    };

    if (!store_done(publisher->conn, publisher->epoch, &request, err))
        return false;
    log_info("publisher request", LOG_I64("request", request.request),
             LOG_CSTR("outcome", request.outcome));
    if (request.clears_stop)
        stop_was_cleared(publisher);
    pub_done(publisher->core);
    return true;
}

static bool new_log(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    struct store_done request = {
        .request = publisher->request,
        .outcome = "another log from now on",
        .paused = step->paused,
        .clears_stop = true,
    };

    if (!store_new_log(publisher->conn, publisher->epoch, step->prefix, &request, err))
        return false;
    log_warn("log has another identity", LOG_CSTR("before", publisher->identity.id),
             LOG_STR("prefix", step->prefix));
    stop_was_cleared(publisher);
    pub_done(publisher->core);
    return true;
}

static void wait(struct publisher *publisher, const struct pub_step *step)
{
    if (step->wakeable && publisher->config.appended != NULL)
        signal_wait(publisher->config.appended, &publisher->appended_seen, step->wait_ms);
    else
        stop_wait(publisher->stop, step->wait_ms);
}

static bool perform(struct publisher *publisher, const struct pub_step *step, struct error *err)
{
    switch (step->kind) {
    case PUB_WAIT:
        wait(publisher, step);
        return true;
    case PUB_CLOSE_PRODUCER:
        broker_close(publisher->broker);
        return true;
    case PUB_LOAD:
        return load(publisher, err);
    case PUB_OPEN_PRODUCER:
        return open_producer(publisher, err);
    case PUB_FETCH_CURSOR:
        return fetch_cursor(publisher, step, err);
    case PUB_CHECK_LOG:
        return check_log(publisher, step, err);
    case PUB_INSPECT:
        return inspect(publisher, step, err);
    case PUB_END_HANGING:
        return end_hanging(publisher, step, err);
    case PUB_MAKE_TOPIC:
        return make_topic(publisher, step, err);
    case PUB_READ:
        return read_log(publisher, step, err);
    case PUB_PUBLISH:
        return publish(publisher, step, err);
    case PUB_SAVE:
        return save(publisher, step, err);
    case PUB_NEW_LOG:
        return new_log(publisher, step, err);
    case PUB_DONE:
        return done(publisher, step, err);
    }
    assert(false && "a step");
    return false;
}

static void log_state(const struct pub_view *view, const struct publisher_status *status)
{
    switch (view->state) {
    case PUBLISHER_STOPPED:
        log_error("publisher stopped", LOG_CSTR("reason", status->reason),
                  LOG_CSTR("detail", status->detail));
        return;
    case PUBLISHER_RETRYING:
        log_warn("publisher retries", LOG_ERR(&status->error));
        return;
    case PUBLISHER_STANDBY:
    case PUBLISHER_STARTING:
    case PUBLISHER_RUNNING:
    case PUBLISHER_PAUSED:
        log_info("publisher", LOG_CSTR("state", publisher_state_name(view->state)),
                 LOG_I64("position", view->position.n));
        return;
    }
}

static void set_status(struct publisher *publisher, const struct publisher_status *status)
{
    pthread_mutex_lock(&publisher->mutex);
    publisher->status = *status;
    pthread_mutex_unlock(&publisher->mutex);
}

static bool differs(const struct publisher_status *a, const struct publisher_status *b)
{
    return a->state != b->state || strcmp(a->reason, b->reason) != 0 ||
           strcmp(a->detail, b->detail) != 0 || strcmp(a->error.text, b->error.text) != 0;
}

/* The state in the database outlives us: only the leader writes it, and not before it has read it.
 */
static void report(struct publisher *publisher, const struct pub_view *view,
                   const struct publisher_status *status, int64_t now_ms)
{
    struct error err = {0};
    unsigned held_back;

    if (!differs(status, &publisher->told) || now_ms < publisher->next_report_ms)
        return;
    if (publisher->epoch > 0) {
        if (!view->loaded || !pg_is_open(publisher->conn))
            return;
        if (!store_report(publisher->conn, publisher->epoch, publisher->config.instance, view,
                          &err)) {
            publisher->next_report_ms = now_ms + REPORT_RETRY_MS;
            return;
        }
    }
    if (status->state != publisher->told.state ||
        log_gate_open(&publisher->gate, str_of(status->error.text), now_ms, LOG_PERIOD_MS,
                      &held_back))
        log_state(view, status);
    publisher->told = *status;
}

static void tell(struct publisher *publisher, int64_t now_ms)
{
    struct publisher_status status = {0};
    struct pub_view view;

    pub_view(publisher->core, &view);
    status.state = view.state;
    status.position = view.position;
    status.head = view.head;
    snprintf(status.reason, sizeof(status.reason), "%s", view.reason);
    snprintf(status.detail, sizeof(status.detail), "%s", view.detail);
    if (view.error != NULL)
        status.error = *view.error;
    set_status(publisher, &status);
    gauges_position(view.position);
    report(publisher, &view, &status, now_ms);
}

/* A failed look is no fault of the core's step: the next one will fail too, and be told. */
static void look_for_request(struct publisher *publisher, int64_t now_ms)
{
    struct pub_request request = {0};
    struct error err = {0};

    if (now_ms < publisher->next_request_ms || !pub_takes_requests(publisher->core))
        return;
    publisher->next_request_ms = now_ms + REQUEST_PERIOD_MS;
    if (!pg_open(publisher->conn, &err) ||
        !store_next_request(publisher->conn, publisher->step_arena, &publisher->request, &request,
                            &err))
        log_debug("publisher request", LOG_ERR(&err));
    else if (publisher->request > 0)
        pub_request(publisher->core, &request);
}

static void turn(struct publisher *publisher)
{
    int64_t now_ms = clock_monotonic_ms();
    struct error err = {0};
    struct pub_step step;

    arena_clear(publisher->step_arena);
    publisher->epoch = leader_epoch(publisher->leader);
    pub_lease(publisher->core, publisher->epoch);
    pub_connects(publisher->core, pg_connects(publisher->conn));
    if (broker_in_doubt(publisher->broker))
        pub_doubt(publisher->core);
    look_for_request(publisher, now_ms);
    step = pub_next(publisher->core, now_ms);
    if (step.kind == PUB_LOAD && !pg_open(publisher->conn, &err))
        pub_failed(publisher->core, &err, now_ms, random_u64());
    else if (!perform(publisher, &step, &err))
        pub_failed(publisher->core, &err, clock_monotonic_ms(), random_u64());
    tell(publisher, clock_monotonic_ms());
}

static void run(void *arg)
{
    struct publisher *publisher = arg;

    thread_assert(THREAD_PUBLISHER);
    while (!stop_requested(publisher->stop))
        turn(publisher);
    broker_close(publisher->broker);
}

static bool is_known(void *arg, struct position position, struct str event_id, bool *ret_known,
                     struct error *err)
{
    struct publisher *publisher = arg;
    struct event event;

    if (!log_find_event(publisher->conn, position, publisher->step_arena, &event, ret_known, err))
        return false;
    *ret_known = *ret_known && str_equal(event.id, event_id);
    return true;
}

static void make_parts(struct publisher *publisher)
{
    const struct publisher_config *config = &publisher->config;
    struct pub_config core = {
        .limits = {.records_max = config->batch_events_max, .bytes_max = config->batch_bytes_max},
        .pause_ms = config->pause_ms,
        .poll_interval_ms = config->poll_interval_ms,
        .hanging_ms = HANGING_MS,
        .categories = config->categories,
    };
    struct broker_config broker = {
        .kafka = &config->kafka,
        .topics = {.partitions = config->partitions,
                   .replication = config->replication,
                   .retention_ms = config->retention_ms},
        .call_timeout_ms = config->call_timeout_ms,
        .known = is_known,
        .arg = publisher,
    };

    publisher->stop = stop_new();
    broker.stop = publisher->stop;
    publisher->conn = pg_new(&config->postgres, PG_PROFILE_QUERY);
    publisher->broker = broker_new(&broker);
    publisher->core = pub_new(&core);
    publisher->page_arena = arena_new(1 << 20);
    publisher->step_arena = arena_new(0);
    pthread_mutex_init(&publisher->mutex, NULL);
}

static void free_parts(struct publisher *publisher)
{
    pub_free(publisher->core);
    broker_free(publisher->broker);
    pg_free(publisher->conn);
    arena_free(publisher->page_arena);
    arena_free(publisher->step_arena);
    pthread_mutex_destroy(&publisher->mutex);
    stop_free(publisher->stop);
    mem_free(publisher);
}

bool publisher_start(const struct publisher_config *config, struct publisher **ret_publisher,
                     struct error *err)
{
    struct publisher *publisher = mem_zalloc(sizeof(*publisher));

    assert(config->batch_events_max > 0 && config->batch_events_max <= LOG_SLICE_EVENTS_MAX);
    publisher->config = *config;
    if (publisher->config.postgres.statement_timeout_ms > STATEMENT_TIMEOUT_MS)
        publisher->config.postgres.statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    make_parts(publisher);
    if (!leader_start(&publisher->config.postgres, config->instance, config->lease_ms,
                      &publisher->leader, err) ||
        !thread_start(THREAD_PUBLISHER, "publisher", run, publisher, &publisher->thread, err)) {
        leader_stop(publisher->leader);
        free_parts(publisher);
        return error_wrap(err, "start the publisher");
    }
    *ret_publisher = publisher;
    return true;
}

void publisher_stop(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    stop_request(publisher->stop);
    thread_join(publisher->thread);
    leader_stop(publisher->leader);
    free_parts(publisher);
}

void publisher_status(struct publisher *publisher, struct publisher_status *ret)
{
    pthread_mutex_lock(&publisher->mutex);
    *ret = publisher->status;
    pthread_mutex_unlock(&publisher->mutex);
}
