/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/publisher/log_fixture.h"

#include "base/arena.h"
#include "base/clock.h"
#include "eventlog/identity.h"
#include "eventlog/upkeep.h"
#include "publisher/control.h"
#include "publisher/topics.h"
#include "tests/support/await.h"

#include <stdio.h>
#include <string.h>

enum { SQL_MAX = 256, STATE_MAX = 1024 };

/* What the writer does, in one statement: under the head's lock, versions and positions gapless. */
static const char append_function[] =
    "create function append_events(wanted_category text, streams_wanted int, wanted int)"
    "  returns void language plpgsql as $$"
    " declare head bigint;"
    " begin"
    "  select position into head from log_head for update;"
    "  create temp table wanted on commit drop as"
    "    select i, wanted_category || '-' || (i % streams_wanted) as name"
    "      from generate_series(1, wanted) i;"
    "  create temp table before on commit drop as select name, version from streams;"
    "  insert into streams (id, tenant, name, category, version, first_position, last_position)"
    "    select nextval('stream_ids'), 'main', w.name, wanted_category, count(*),"
    "           head + min(i), head + max(i)"
    "      from wanted w group by w.name"
    "    on conflict (tenant, name) do update set version = streams.version + excluded.version,"
    "           last_position = excluded.last_position;"
    "  insert into events (position, stream_id, version, occurred_at, recorded_at, id, type, data,"
    "                      correlation_id, traceparent)"
    "    select head + w.i, s.id,"
    "           coalesce(b.version, 0) + row_number() over (partition by w.name order by w.i),"
    "           '2026-01-02T03:04:05Z', clock_timestamp(), 'event-' || (head + w.i), 'Happened',"
    "           json_build_object('n', head + w.i, 'text', repeat('x', 200)), 'corr',"
    "           '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'"
    "      from wanted w join streams s on s.tenant = 'main' and s.name = w.name"
    "      left join before b on b.name = w.name;"
    "  insert into categories (name) values (wanted_category) on conflict do nothing;"
    "  update log_head set position = position + wanted;"
    " end $$";

void log_fixture_identify(struct log_fixture *log)
{
    struct log_identity identity;
    struct error err = {0};

    ck_ok(pg_open(log->conn, &err));
    ck_ok(log_identity_load(log->conn, &identity, &err));
    snprintf(log->log_id, sizeof(log->log_id), "%s", identity.id);
    snprintf(log->prefix, sizeof(log->prefix), "%s", identity.prefix);
}

void log_fixture_open(struct log_fixture *log)
{
    const struct upkeep_config upkeep = {1000000, 2, 7};
    char prefix[FIXTURE_NAME_MAX];
    struct error err = {0};

    *log = (struct log_fixture){.database = database_new()};
    database_migrate(log->database);
    fixture_name(prefix, "log");
    log->config = database_config(log->database);
    log->conn = database_connect(log->database, PG_PROFILE_QUERY);
    ck_ok(log_identity_create(log->conn, "main", prefix, &err));
    log_fixture_identify(log);
    ck_ok(upkeep_run(log->conn, &upkeep, &err));
    ck_ok(pg_script(log->conn, append_function, &err));
}

void log_fixture_copy(struct log_fixture *copy, struct log_fixture *from)
{
    pg_free(TAKE(from->conn)); /* nobody may be connected to what is copied */
    *copy = *from;
    copy->database = database_copy(from->database);
    copy->config = database_config(copy->database);
    copy->conn = database_connect(copy->database, PG_PROFILE_QUERY);
    from->conn = database_connect(from->database, PG_PROFILE_QUERY);
}

void log_fixture_close(struct log_fixture *log)
{
    pg_free(log->conn);
    database_free(log->database);
}

int64_t log_fixture_number(struct log_fixture *log, const char *sql)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct error err = {0};

    ck_ok(pg_open(log->conn, &err));
    ck_ok(pg_query_once(log->conn, sql, NULL, &rows, &err));
    ck_assert_uint_eq(pg_rows_count(rows), 1);
    return pg_get_i64(rows, 0, 0);
}

void log_fixture_append(struct log_fixture *log, const char *category, int streams, int count)
{
    struct error err = {0};
    char sql[SQL_MAX];

    snprintf(sql, sizeof(sql), "select append_events('%s', %d, %d)", category, streams, count);
    ck_ok(pg_open(log->conn, &err));
    ck_ok(pg_script(log->conn, sql, &err));
    log->head += count;
}

struct publisher_config log_fixture_publisher(const struct log_fixture *log, const char *instance)
{
    return (struct publisher_config){
        .postgres = log->config,
        .kafka = *fixture_kafka(),
        .instance = instance,
        .batch_events_max = 5000,
        .batch_bytes_max = 4 << 20,
        .pause_ms = 2,
        .poll_interval_ms = 10,
        .lease_ms = 2000,
        .call_timeout_ms = 20000,
        .partitions = 3,
        .replication = 1,
        .retention_ms = 7LL * 86400 * 1000,
    };
}

struct publisher *log_fixture_start(const struct log_fixture *log, const char *instance)
{
    struct publisher_config config = log_fixture_publisher(log, instance);
    struct publisher *publisher;
    struct error err = {0};

    ck_ok(publisher_start(&config, &publisher, &err));
    return publisher;
}

static void show_state(struct log_fixture *log, char *out, size_t out_bytes)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct publisher_view view;
    struct error err = {0};

    ck_ok(pg_open(log->conn, &err));
    ck_ok(publisher_view_load(log->conn, arena, &view, &err));
    snprintf(out, out_bytes, STR_FMT " " STR_FMT ": " STR_FMT " at %lld", STR_ARG(view.state),
             STR_ARG(view.reason), STR_ARG(view.detail), (long long)view.position.n);
}

void log_fixture_await_position(struct log_fixture *log, int64_t position)
{
    struct await await = await_for(FIXTURE_TIMEOUT_MS);
    char state[STATE_MAX];

    while (log_fixture_number(log, "select coalesce(max(position), 0) from publisher_cursor") <
           position) {
        show_state(log, state, sizeof(state));
        await_more(&await, "not published: %s", state);
    }
}

void log_fixture_await(struct log_fixture *log)
{
    log_fixture_await_position(log, log->head);
}

void log_fixture_await_state(struct log_fixture *log, const char *state, const char *reason)
{
    struct await await = await_for(2 * FIXTURE_TIMEOUT_MS);
    char wanted[64], seen[STATE_MAX];

    snprintf(wanted, sizeof(wanted), "%s %s:", state, reason);
    for (;;) {
        show_state(log, seen, sizeof(seen));
        if (strncmp(seen, wanted, strlen(wanted)) == 0)
            return;
        await_more(&await, "wanted '%s', is '%s'", wanted, seen);
    }
}

void log_fixture_publish(struct log_fixture *log, int count)
{
    struct publisher *publisher = log_fixture_start(log, "one");

    if (count > 0)
        log_fixture_append(log, "order", 20, count);
    log_fixture_await(log);
    publisher_stop(publisher);
}

void log_fixture_topic(const struct log_fixture *log, const char *category,
                       char out[CURSOR_TOPIC_MAX])
{
    topics_event_name(log->prefix, str_of(category), out);
}
