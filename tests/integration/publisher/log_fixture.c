/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/publisher/log_fixture.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "eventlog/identity.h"
#include "eventlog/read.h"
#include "eventlog/upkeep.h"
#include "kafka/partition.h"
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

void log_fixture_open(struct log_fixture *log)
{
    const struct upkeep_config upkeep = {1000000, 2, 7};
    struct log_identity identity;
    struct error err = {0};

    *log = (struct log_fixture){.database = database_new()};
    database_migrate(log->database);
    fixture_name(log->prefix, "log");
    log->config = database_config(log->database);
    log->conn = database_connect(log->database, PG_PROFILE_QUERY);
    ck_ok(log_identity_create(log->conn, "main", log->prefix, &err));
    ck_ok(log_identity_load(log->conn, &identity, &err));
    snprintf(log->log_id, sizeof(log->log_id), "%s", identity.id);
    ck_ok(upkeep_run(log->conn, &upkeep, &err));
    ck_ok(pg_script(log->conn, append_function, &err));
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

void log_fixture_await(struct log_fixture *log)
{
    struct await await = await_for(FIXTURE_TIMEOUT_MS);
    char state[STATE_MAX];

    while (log_fixture_number(log, "select coalesce(max(position), 0) from publisher_cursor") <
           log->head) {
        show_state(log, state, sizeof(state));
        await_more(&await, "not published: %s", state);
    }
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

void log_fixture_topic(const struct log_fixture *log, const char *category,
                       char out[CURSOR_TOPIC_MAX])
{
    topics_event_name(log->prefix, str_of(category), out);
}

struct check {
    struct log_fixture *log;
    struct arena *arena;
    int64_t from; /* below it nothing is demanded */
    bool only_count;
    int32_t partitions;
    int64_t *last; /* of each partition */
    uint8_t *seen; /* by position */
    int64_t count;
};

static struct str header(const struct kafka_message *message, const char *name)
{
    struct str value;

    return kafka_message_header(message, name, &value) ? value : STR_NONE;
}

static int64_t header_number(const struct kafka_message *message, const char *name)
{
    uint64_t value;

    ck_assert_msg(str_to_u64(header(message, name), INT64_MAX, &value), "header %s", name);
    return (int64_t)value;
}

static void ck_str(struct str is, struct str wanted)
{
    ck_assert_msg(str_equal(is, wanted), "'" STR_FMT "' is not '" STR_FMT "'", STR_ARG(is),
                  STR_ARG(wanted));
}

static void check_content(const struct kafka_message *message, const struct event *event,
                          const char *log_id)
{
    char source[64], key[256], sequence[24];

    snprintf(source, sizeof(source), "/daybook/%s", log_id);
    snprintf(key, sizeof(key), STR_FMT "/" STR_FMT, STR_ARG(event->tenant), STR_ARG(event->stream));
    snprintf(sequence, sizeof(sequence), "%020lld", (long long)event->position.n);
    ck_str(kafka_message_key(message), str_of(key));
    ck_str(kafka_message_value(message), event->data);
    ck_str(header(message, "ce_id"), event->id);
    ck_str(header(message, "ce_source"), str_of(source));
    ck_str(header(message, "ce_specversion"), STR("1.0"));
    ck_str(header(message, "ce_type"), event->type);
    ck_str(header(message, "ce_subject"), event->stream);
    ck_str(header(message, "ce_time"), STR("2026-01-02T03:04:05Z"));
    ck_str(header(message, "ce_sequence"), str_of(sequence));
    ck_str(header(message, "ce_tenantid"), STR("main"));
    ck_str(header(message, "ce_correlationid"), STR("corr"));
    ck_str(header(message, "traceparent"), event->origin.traceparent);
    ck_str(header(message, "content-type"), STR("application/json"));
    ck_assert(header(message, "ce_causationid").data == NULL);
    ck_assert_int_eq(header_number(message, "ce_streamversion"), event->version.n);
}

static void check_order(struct check *check, const struct kafka_message *message, int64_t position)
{
    int32_t partition = kafka_message_partition(message);
    int64_t last = check->last[partition];

    ck_assert_int_le(position, check->log->head);
    ck_assert_msg(check->seen[position] == 0, "position %lld twice", (long long)position);
    check->seen[position] = 1;
    ck_assert_int_gt(position, last);
    if (check->from == 1 || last >= check->from)
        ck_assert_int_eq(header_number(message, "ce_previousposition"), last);
    check->last[partition] = position;
    ck_assert_int_eq(kafka_partition_of(kafka_message_key(message), check->partitions), partition);
}

static bool visit(void *arg, struct kafka_message **message, struct error *err)
{
    struct check *check = arg;
    struct event event;
    int64_t position;
    bool found;

    if (header(*message, "ce_source").data == NULL) /* somebody else's */
        return true;
    position = header_number(*message, "ce_globalposition");
    check->count += position >= check->from;
    if (check->only_count)
        return true;
    check_order(check, *message, position);
    if (check->log->head > 1000 && position % 97 != 1) /* samples of a large log */
        return true;
    arena_clear(check->arena);
    ck_ok_in(
        log_find_event(check->log->conn, POSITION(position), check->arena, &event, &found, err),
        err);
    ck_assert(found);
    check_content(*message, &event, check->log->log_id);
    return true;
}

static void verify_topic(struct check *check, const char *category)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    struct kafka_range ranges[16];
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};

    log_fixture_topic(check->log, category, topic);
    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    ck_ok(kafka_admin_partitions(admin, topic, fixture_deadline(), &check->partitions, &err));
    ck_assert_int_gt(check->partitions, 0);
    check->last = mem_calloc((size_t)check->partitions, sizeof(int64_t));
    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_COMMITTED, &reader, &err));
    for (int32_t p = 0; p < check->partitions; p++) {
        ranges[p] = (struct kafka_range){.topic = topic, .partition = p};
        ck_ok(kafka_reader_bounds(reader, &ranges[p], fixture_deadline(), &err));
    }
    ck_ok(kafka_reader_read(reader, ranges, (size_t)check->partitions, visit, check,
                            fixture_deadline(), &err));
    mem_free(check->last);
}

static int64_t read_topics(struct log_fixture *log, const char *categories, int64_t from,
                           bool only_count)
{
    struct check check = {
        .log = log,
        .arena = arena_new(0),
        .from = from,
        .only_count = only_count,
        .seen = mem_zalloc((size_t)log->head + 1),
    };
    SCOPED(arena_free) struct arena *names = arena_new(0);
    struct str rest = str_of(categories);
    struct error err = {0};

    ck_ok(pg_open(log->conn, &err));
    while (rest.len > 0)
        verify_topic(&check, arena_cstr(names, str_split(rest, ' ', &rest)));
    arena_free(check.arena);
    mem_free(check.seen);
    return check.count;
}

void log_fixture_verify_from(struct log_fixture *log, const char *categories, int64_t from)
{
    ck_assert_int_eq(read_topics(log, categories, from, false), log->head - from + 1);
}

void log_fixture_verify(struct log_fixture *log, const char *categories)
{
    log_fixture_verify_from(log, categories, 1);
}

int64_t log_fixture_visible(struct log_fixture *log, const char *categories)
{
    return read_topics(log, categories, 1, true);
}
