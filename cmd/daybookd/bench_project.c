/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench project NAME`: how fast the running projectors apply what Kafka has. Only reads: it looks
 * at the checkpoints until each is where the publisher had put the partition's last event at first,
 * then counts in the log what lay between.
 */
#include "cmd/daybookd/bench.h"
#include "cmd/daybookd/bench_follow.h"
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "base/arena.h"
#include "base/program.h"
#include "eventlog/read.h"
#include "kafka/partition.h"
#include "projection/reach.h"

enum { PATIENCE_DEFAULT_S = 30, PATIENCE_MAX_S = 3600 };

struct projecting {
    struct pg_conn *conn;
    const struct projection *projection;
    struct arena *arena;
    struct arena *look_arena; /* cleared at each look */
    struct reach begun;       /* at the first look */
};

static bool load(const struct projecting *p, struct arena *arena, struct reach *ret,
                 struct error *err)
{
    return reach_load(p->conn, &p->projection, 1, 0, arena, ret, err);
}

/* Where the lane is now; it may have gone with its generation. */
static struct position reached_now(const struct reach *now, const struct reach_lane *lane)
{
    for (size_t i = 0; i < now->lanes_count; i++)
        if (now->lanes[i].partition == lane->partition &&
            str_equal(now->lanes[i].category, lane->category))
            return now->lanes[i].reached;
    return POSITION(0);
}

static bool look(void *arg, int64_t *ret_left, struct error *err)
{
    struct projecting *p = arg;
    struct reach now;

    arena_clear(p->look_arena);
    if (!load(p, p->look_arena, &now, err))
        return false;
    *ret_left = 0;
    for (size_t i = 0; i < p->begun.lanes_count; i++) {
        const struct reach_lane *lane = &p->begun.lanes[i];
        struct position reached = reached_now(&now, lane);

        if (reached.n < lane->entry.n)
            *ret_left += lane->entry.n - reached.n;
    }
    return true;
}

/* The partition of an event of CATEGORY, as it was at the first look. */
static const struct reach_lane *lane_of(const struct projecting *p, struct str category,
                                        const struct event *event)
{
    struct str key = arena_printf(p->look_arena, STR_FMT "/" STR_FMT, STR_ARG(event->tenant),
                                  STR_ARG(event->stream));
    const struct reach_lane *first = NULL;
    int32_t partitions = 0;

    for (size_t i = 0; i < p->begun.lanes_count; i++)
        if (str_equal(p->begun.lanes[i].category, category)) {
            first = first ? first : &p->begun.lanes[i];
            partitions++;
        }
    return first ? &first[kafka_partition_of(key, partitions)] : NULL;
}

static int64_t count_page(const struct projecting *p, struct str category,
                          const struct event_page *page)
{
    int64_t events = 0;

    for (size_t i = 0; i < page->count; i++) {
        const struct event *event = &page->events[i];
        const struct reach_lane *lane = lane_of(p, category, event);

        events += lane != NULL && event->position.n > lane->reached.n &&
                  event->position.n <= lane->entry.n;
    }
    return events;
}

static bool count_category(const struct projecting *p, struct str category, int64_t *events,
                           struct error *err)
{
    struct log_filter filter = {.category = category};
    struct position at = POSITION(INT64_MAX), up_to = POSITION(0);

    for (size_t i = 0; i < p->begun.lanes_count; i++) {
        const struct reach_lane *lane = &p->begun.lanes[i];

        if (!str_equal(lane->category, category) || lane->reached.n >= lane->entry.n)
            continue;
        at = lane->reached.n < at.n ? lane->reached : at;
        up_to = lane->entry.n > up_to.n ? lane->entry : up_to;
    }
    while (at.n < up_to.n) {
        struct event_page page;

        arena_clear(p->look_arena);
        if (!log_read(p->conn, at, up_to, &filter, LOG_SLICE_EVENTS_MAX, p->look_arena, &page, err))
            return false;
        *events += count_page(p, category, &page);
        at = page.read_to;
    }
    return true;
}

static bool measure(struct projecting *p, int64_t patience_ms, struct followed *ret,
                    int64_t *ret_events, struct error *err)
{
    struct follow following = {
        .look = look, .arg = p, .what = "the projection", .patience_ms = patience_ms};

    if (!load(p, p->arena, &p->begun, err) || !follow(&following, ret, err))
        return false;
    *ret_events = 0;
    for (const char *const *category = p->projection->categories; *category != NULL; category++)
        if (!count_category(p, str_of(*category), ret_events, err))
            return error_wrap(err, "count the events applied");
    return true;
}

/* Positions between the log's head and the first event that is not applied. */
static bool look_at_the_end(const struct projecting *p, int64_t *ret_lag, struct error *err)
{
    struct reach now;

    arena_clear(p->look_arena);
    if (!load(p, p->look_arena, &now, err))
        return false;
    struct position reached = now.published;
    for (size_t i = 0; i < now.lanes_count; i++)
        if (now.lanes[i].reached.n < now.lanes[i].entry.n && now.lanes[i].reached.n < reached.n)
            reached = now.lanes[i].reached;
    *ret_lag = now.head.n - reached.n;
    return true;
}

static int run_with(const struct invocation *invocation, struct projecting *p, int64_t patience_ms)
{
    struct followed followed;
    struct error err;
    int64_t events, lag;

    if (!pg_open(p->conn, &err) || !measure(p, patience_ms, &followed, &events, &err) ||
        !look_at_the_end(p, &lag, &err))
        return bench_complain(invocation, &err);
    const struct figure figures[] = {
        {"events_per_second", "", " events/s",
         bench_rate((double)events, followed.begun_us, followed.ended_us), 0},
        {"events", "", " events applied", (double)events, 0},
        {"seconds", "in ", " s", (double)(followed.ended_us - followed.begun_us) / 1e6, 2},
        {"lag_events", "lag now ", " positions", (double)lag, 0},
    };
    return bench_print(invocation, figures, sizeof figures / sizeof *figures);
}

int bench_project_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    SCOPED(arena_free) struct arena *look_arena = arena_new(0);
    struct projecting p = {.arena = invocation->arena, .look_arena = look_arena};
    uint64_t patience_s = PATIENCE_DEFAULT_S;
    struct error err;
    int status;

    if (!bench_number(invocation, "timeout", PATIENCE_MAX_S, &patience_s, &err))
        return bench_complain(invocation, &err);
    if (!settings_load(invocation, &config))
        return EXIT_CONFIGURATION;
    if (!bench_projection(invocation, config, &p.projection, &status))
        return status;
    struct pg_config postgres = settings_postgres(config, "daybookd bench");
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&postgres, PG_PROFILE_QUERY);
    p.conn = conn;
    return run_with(invocation, &p, (int64_t)patience_s * 1000);
}
