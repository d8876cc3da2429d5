/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bench publish`: how fast the running publisher takes the log to Kafka. Only reads: it looks at
 * the publisher's cursor until that is where the log's head was at first. Positions have no gaps,
 * so positions are events.
 */
#include "cmd/daybookd/bench.h"
#include "cmd/daybookd/bench_follow.h"
#include "cmd/daybookd/settings.h"
#include "cmd/daybookd/verbs.h"

#include "eventlog/identity.h"
#include "eventlog/read.h"
#include "publisher/cursor.h"

#include <string.h>

enum { PATIENCE_DEFAULT_S = 30, PATIENCE_MAX_S = 3600 };

const struct program_option bench_follow_options[] = {
    {.name = "timeout",
     .value = "S",
     .text = "give up when nothing moves for so long (default 30)"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .choices = "text|json",
     .text = "how figures are printed"},
    {0},
};

struct publishing {
    struct pg_conn *conn;
    const char *log_id;
    struct position begun; /* the cursor at the first look */
    struct position target;
};

/* Of another log, or none yet: 0. */
static bool load_cursor(const struct publishing *p, struct position *ret, struct error *err)
{
    SCOPED_VALUE(cursor_release) struct cursor cursor;
    bool found;

    cursor_init(&cursor, p->log_id);
    if (!cursor_load(p->conn, &cursor, &found, err))
        return false;
    *ret = found && strcmp(cursor.log_id, p->log_id) == 0 ? cursor.position : POSITION(0);
    return true;
}

static bool look(void *arg, int64_t *ret_left, struct error *err)
{
    struct publishing *p = arg;
    struct position cursor;

    if (!load_cursor(p, &cursor, err))
        return false;
    *ret_left = cursor.n < p->target.n ? p->target.n - cursor.n : 0;
    return true;
}

static bool measure(struct publishing *p, int64_t patience_ms, struct followed *ret,
                    struct error *err)
{
    struct follow following = {
        .look = look, .arg = p, .what = "the publisher", .patience_ms = patience_ms};

    return load_cursor(p, &p->begun, err) && log_read_head(p->conn, &p->target, err) &&
           follow(&following, ret, err);
}

static bool look_at_the_end(const struct publishing *p, int64_t *ret_lag, struct error *err)
{
    struct position cursor, head;

    if (!load_cursor(p, &cursor, err) || !log_read_head(p->conn, &head, err))
        return false;
    *ret_lag = head.n - cursor.n;
    return true;
}

static int print(const struct invocation *invocation, const struct publishing *p,
                 const struct followed *followed, int64_t lag)
{
    double events = (double)(p->target.n > p->begun.n ? p->target.n - p->begun.n : 0);
    const struct figure figures[] = {
        {"events_per_second", "", " events/s",
         bench_rate(events, followed->begun_us, followed->ended_us), 0},
        {"events", "", " events published", events, 0},
        {"seconds", "in ", " s", (double)(followed->ended_us - followed->begun_us) / 1e6, 2},
        {"lag_events", "lag now ", " events", (double)lag, 0},
    };

    return bench_print(invocation, figures, sizeof figures / sizeof *figures);
}

static int run_with(const struct invocation *invocation, const struct config *config,
                    int64_t patience_ms)
{
    struct pg_config postgres = settings_postgres(config, "daybookd bench");
    SCOPED(pg_free) struct pg_conn *conn = pg_new(&postgres, PG_PROFILE_QUERY);
    struct log_identity identity;
    struct publishing p = {.conn = conn, .log_id = identity.id};
    struct followed followed;
    struct error err;
    int64_t lag;

    if (!pg_open(conn, &err) || !log_identity_load(conn, &identity, &err) ||
        !measure(&p, patience_ms, &followed, &err) || !look_at_the_end(&p, &lag, &err))
        return bench_complain(invocation, &err);
    return print(invocation, &p, &followed, lag);
}

int bench_publish_run(struct invocation *invocation)
{
    SCOPED(config_free) struct config *config = NULL;
    uint64_t patience_s = PATIENCE_DEFAULT_S;
    struct error err;

    if (!bench_number(invocation, "timeout", PATIENCE_MAX_S, &patience_s, &err))
        return bench_complain(invocation, &err);
    if (!settings_load(invocation, &config))
        return EXIT_CONFIGURATION;
    return run_with(invocation, config, (int64_t)patience_s * 1000);
}
