/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/projection/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/uuid.h"
#include "eventlog/read.h"
#include "eventlog/upkeep.h"
#include "kafka/partition.h"
#include "tests/integration/projection/items.h"
#include "tests/support/await.h"

enum { HEADERS = 13, NUMBER_MAX = 32, TRANSACTION_EVENTS = 2000 };

/* Appends one event, as slowly as it likes. */
static const char append_function[] =
    "create function test_append(stream_name text, type text, payload json) returns void as $$"
    " declare p bigint; r timestamptz; s streams%rowtype;"
    " begin"
    "  update log_head set position = position + 1,"
    "   recorded_at = greatest(clock_timestamp(), recorded_at) returning position, recorded_at"
    "   into p, r;"
    "  insert into streams as t (id, tenant, name, category, version, first_position,"
    "   last_position) values (nextval('stream_ids'), 'main', stream_name, 'item', 1, p, p)"
    "   on conflict (tenant, name) do update set version = t.version + 1, last_position = p"
    "   returning * into s;"
    "  insert into events (position, stream_id, version, occurred_at, recorded_at, id, type, data)"
    "   values (p, s.id, s.version, r - interval '1 day', r, gen_random_uuid()::text, type,"
    "   payload);"
    " end $$ language plpgsql";

static void make_log(struct world *world)
{
    static const struct upkeep_config upkeep = {
        .partition_events = 5000000, .partitions_ahead = 1, .idempotency_days = 7};
    char prefix[FIXTURE_NAME_MAX];
    struct error err = {0};

    world->database = database_new();
    database_migrate(world->database);
    world->conn = database_connect(world->database, PG_PROFILE_UPKEEP);
    fixture_name(prefix, "log");
    ck_ok(log_identity_create(world->conn, "main", prefix, &err));
    ck_ok(log_identity_load(world->conn, &world->identity, &err));
    ck_ok(upkeep_run(world->conn, &upkeep, &err));
    ck_ok(pg_script(world->conn, append_function, &err));
}

static void make_topic(struct world *world, const char *name, int32_t partitions)
{
    struct kafka_new_topic topic = {.name = name, .partitions = partitions, .replication = 1};
    struct error err = {0};
    bool existed;

    ck_ok(kafka_admin_create(world->admin, &topic, fixture_deadline(), &existed, &err));
}

static void cursor_topic(const struct world *world, char out[CURSOR_TOPIC_MAX])
{
    snprintf(out, CURSOR_TOPIC_MAX, "%s.cursor", world->identity.prefix);
}

struct world *world_new(void)
{
    struct world *world = mem_zalloc(sizeof(*world));
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};

    make_log(world);
    ck_ok(kafka_admin_new(fixture_kafka(), &world->admin, &err));
    snprintf(world->topic, sizeof(world->topic), "%s.item", world->identity.prefix);
    cursor_topic(world, topic);
    make_topic(world, topic, 1);
    make_topic(world, world->topic, WORLD_PARTITIONS);
    cursor_init(&world->cursor, world->identity.id);
    cursor_add(&world->cursor, STR("item"), world->topic, WORLD_PARTITIONS);
    return world;
}

/* A broker with thousands of partitions is slow to start again. A test may have deleted one. */
static void delete_topics(struct world *world)
{
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};

    cursor_topic(world, topic);
    if (!kafka_admin_delete(world->admin, topic, fixture_deadline(), &err))
        fprintf(stderr, "%s\n", err.text);
    if (!kafka_admin_delete(world->admin, world->topic, fixture_deadline(), &err))
        fprintf(stderr, "%s\n", err.text);
}

void world_free(struct world *world)
{
    if (!world)
        return;
    kafka_producer_free(world->producer);
    delete_topics(world);
    kafka_admin_free(world->admin);
    cursor_release(&world->cursor);
    pg_free(world->conn);
    database_free(world->database);
    mem_free(world);
}

void world_append(struct world *world, int count, int streams, int owners)
{
    char sql[512];
    struct error err = {0};

    snprintf(sql, sizeof(sql),
             "select test_append('item-s' || i %% %d, 'Added',"
             " json_build_object('owner', 'o' || i %% %d, 'n', i)) from generate_series(1, %d) i",
             streams, owners, count);
    ck_ok(pg_script(world->conn, sql, &err));
}

void world_append_one(struct world *world, const char *stream, const char *type, const char *data)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct error err = {0};

    pg_params_init(&params);
    pg_add_str(&params, str_of(stream));
    pg_add_str(&params, str_of(type));
    pg_add_str(&params, str_of(data));
    ck_ok(
        pg_query(world->conn, "select test_append($1, $2, $3::json) is null", &params, NULL, &err));
}

int64_t world_head(struct world *world)
{
    struct position head;
    struct error err = {0};

    ck_ok(log_read_head(world->conn, &head, &err));
    return head.n;
}

struct record {
    char key[256];
    char numbers[4][NUMBER_MAX];
    char times[2][CLOCK_RFC3339_MAX];
    struct kafka_header headers[HEADERS];
    size_t headers_count;
    int32_t partition;
};

static struct str number(char out[NUMBER_MAX], const char *format, int64_t value)
{
    int len = strcmp(format, "20") == 0 ? snprintf(out, NUMBER_MAX, "%020" PRId64, value)
                                        : snprintf(out, NUMBER_MAX, "%" PRId64, value);

    return str_from(out, (size_t)len);
}

static void add(struct record *record, const char *name, struct str value)
{
    ck_assert_uint_lt(record->headers_count, HEADERS);
    record->headers[record->headers_count++] = (struct kafka_header){name, value};
}

static struct str rfc3339(char out[CLOCK_RFC3339_MAX], int64_t wall_us)
{
    return str_from(out, clock_format_rfc3339(wall_us, out));
}

static void encode(const struct world *world, const struct event *event, int64_t previous,
                   struct record *record)
{
    record->headers_count = 0;
    add(record, "ce_id", event->id);
    add(record, "ce_source", str_of(world->identity.source));
    add(record, "ce_specversion", STR("1.0"));
    add(record, "ce_type", event->type);
    add(record, "ce_subject", event->stream);
    add(record, "ce_time", rfc3339(record->times[0], event->occurred_at_us));
    add(record, "ce_recordedtime", rfc3339(record->times[1], event->recorded_at_us));
    add(record, "ce_sequence", number(record->numbers[0], "20", event->position.n));
    add(record, "ce_streamversion", number(record->numbers[1], "", event->version.n));
    add(record, "ce_globalposition", number(record->numbers[2], "", event->position.n));
    add(record, "ce_previousposition", number(record->numbers[3], "", previous));
    add(record, "ce_tenantid", event->tenant);
    add(record, "content-type", STR("application/json"));
    snprintf(record->key, sizeof(record->key), STR_FMT "/" STR_FMT, STR_ARG(event->tenant),
             STR_ARG(event->stream));
    record->partition = kafka_partition_of(str_of(record->key), WORLD_PARTITIONS);
}

/* A broker that has just started refuses for a while. */
static struct kafka_producer *producer(struct world *world)
{
    struct await await = await_for(FIXTURE_TIMEOUT_MS);
    char id[128];
    struct kafka_producer_config config = {
        .kafka = fixture_kafka(),
        .transactional_id = id,
        .transaction_timeout_ms = 15000,
        .message_bytes_max = 1 << 20,
    };
    struct error err = {0};

    snprintf(id, sizeof(id), "daybook.%s", world->identity.id);
    while (!world->producer) {
        ck_ok(kafka_producer_new(&config, &world->producer, &err));
        if (kafka_producer_init(world->producer, fixture_deadline(), &err))
            break;
        kafka_producer_free(TAKE(world->producer));
        await_more(&await, "%s", err.text);
    }
    return world->producer;
}

static void produce(struct world *world, const struct record *record, struct str value)
{
    struct kafka_record out = {.topic = world->topic,
                               .partition = record->partition,
                               .key = str_of(record->key),
                               .value = value,
                               .headers = record->headers,
                               .headers_count = record->headers_count};
    struct error err = {0};

    ck_ok(kafka_producer_produce(producer(world), &out, fixture_deadline(), &err));
}

static void produce_cursor(struct world *world, struct buf *text)
{
    char topic[CURSOR_TOPIC_MAX];
    struct kafka_record out = {
        .topic = topic, .key = str_of(world->identity.id), .value = buf_str(text)};
    struct error err = {0};

    cursor_topic(world, topic);
    ck_ok(kafka_producer_produce(producer(world), &out, fixture_deadline(), &err));
}

static void save_copy(struct world *world, const struct buf *text)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    struct error err = {0};

    pg_params_init(&params);
    pg_add_str(&params, str_of(world->identity.id));
    pg_add_i64(&params, world->cursor.position.n);
    pg_add_str(&params, buf_str(text));
    ck_ok(pg_query(world->conn,
                   "insert into publisher_cursor (log_id, epoch, position, cursor, updated_at)"
                   " values ($1::text::uuid, 1, $2, $3::json, clock_timestamp())"
                   " on conflict (only_one) do update set position = excluded.position,"
                   " cursor = excluded.cursor",
                   &params, NULL, &err));
}

static void publish_item(struct world *world, const struct event *event, enum world_fault fault)
{
    struct cursor_topic *topic = cursor_find(&world->cursor, STR("item"));
    struct record record;
    struct cursor_lane *lane;

    encode(world, event, 0, &record);
    lane = &topic->lanes[record.partition];
    encode(world, event, lane->last.n, &record);
    for (int i = 0; fault != WORLD_LOSE && i < (fault == WORLD_REPEAT ? 2 : 1); i++)
        produce(world, &record, event->data);
    lane->last = event->position;
}

/* Dead letters, which the projector writes into the log, have no topic here. */
static void publish_event(struct world *world, const struct event *event, enum world_fault fault)
{
    if (str_equal(name_category(event->stream), STR("item")))
        publish_item(world, event, fault);
    world->cursor.position = event->position;
    snprintf(world->cursor.event_id, sizeof(world->cursor.event_id), STR_FMT, STR_ARG(event->id));
}

static bool publish_some(struct world *world, enum world_fault fault)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(CURSOR_BYTES_MAX);
    struct event_page page;
    struct error err = {0};

    ck_ok(log_read(world->conn, world->cursor.position, POSITION(0), &(struct log_filter){0},
                   TRANSACTION_EVENTS, arena, &page, &err));
    if (page.count == 0)
        return false;
    ck_ok(kafka_producer_begin(producer(world), &err));
    for (size_t i = 0; i < page.count; i++)
        publish_event(world, &page.events[i], fault);
    cursor_write(&world->cursor, &text);
    if (fault != WORLD_FORGET_CURSOR)
        produce_cursor(world, &text);
    ck_ok(kafka_producer_commit(producer(world), fixture_deadline(), &err));
    if (fault != WORLD_FORGET_COPY && fault != WORLD_FORGET_CURSOR)
        save_copy(world, &text);
    return true;
}

void world_publish(struct world *world, enum world_fault fault)
{
    while (publish_some(world, fault))
        ;
}

void world_forge(struct world *world, int64_t position, const char *name, const char *value)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct record record;
    struct event event;
    struct error err = {0};
    bool found;

    ck_ok(log_find_event(world->conn, POSITION(position), arena, &event, &found, &err));
    ck_assert(found);
    encode(world, &event, 0, &record);
    for (size_t i = 0; i < record.headers_count; i++)
        if (strcmp(record.headers[i].name, name) == 0)
            record.headers[i].value = str_of(value);
    ck_ok(kafka_producer_begin(producer(world), &err));
    produce(world, &record, event.data);
    ck_ok(kafka_producer_commit(producer(world), fixture_deadline(), &err));
}

void world_recreate_topic(struct world *world)
{
    kafka_producer_free(world->producer);
    world->producer = NULL;
    fixture_delete_topic(world->topic);
    make_topic(world, world->topic, WORLD_PARTITIONS);
}

struct projector_config world_projector(const struct database *database,
                                        const struct kafka_config *kafka, const char *instance)
{
    struct projector_config config = {
        .postgres = database_config(database),
        .kafka = *kafka,
        .instance = instance,
        .projections = items_projections,
        .workers = 2,
        .batch_events_max = 200,
        .queue_events_max = 400,
        .queue_bytes_max = 1 << 20,
        .fetch_queue_bytes_max = 1 << 20,
        .session_timeout_ms = 6000,
        .parking = {.attempts_max = 3, .first_ms = 100, .max_ms = 1000, .deadline_ms = 60000},
    };

    return config;
}

struct projector *world_start(const struct world *world, const char *instance)
{
    struct projector_config config = world_projector(world->database, fixture_kafka(), instance);
    struct projector *projector;
    struct error err = {0};

    ck_ok(projector_start(&config, &projector, &err));
    return projector;
}

/* Tests cut connections and restart servers. */
static int64_t query_i64(struct world *world, const char *sql)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    struct await await = await_for(WORLD_TIMEOUT_MS);
    struct error err = {0};

    while (!pg_open(world->conn, &err) || !pg_query_once(world->conn, sql, NULL, &rows, &err)) {
        ck_assert_msg(!pg_is_open(world->conn), "%s: %s", sql, err.text);
        await_more(&await, "%s: %s", sql, err.text);
    }
    ck_assert_uint_eq(pg_rows_count(rows), 1);
    return pg_get_i64(rows, 0, 0);
}

void world_await_i64(struct world *world, const char *sql, int64_t expected)
{
    struct await await = await_for(WORLD_TIMEOUT_MS);
    int64_t seen;

    while ((seen = query_i64(world, sql)) != expected)
        await_more(&await, "%s: %lld, not %lld", sql, (long long)seen, (long long)expected);
}

void world_await(struct world *world)
{
    /* Partitions whose checkpoint is below their last event. */
    world_await_i64(world,
                    "select count(*) from unnest(array['items', 'totals']) n (name)"
                    " cross join (select coalesce(max(position), 0) as position from events) h"
                    " where coalesce((select count(*) from checkpoints c join publisher_cursor p on"
                    "  true where c.projection = n.name and c.position >="
                    "  (p.cursor #>> array['topics', 'item', 'last', c.partition::text])::bigint),"
                    "  0) < 6 and h.position > 0",
                    0);
}

/* What must be no rows. */
static void check_none(struct world *world, const char *what, const char *sql)
{
    char count[4096];

    snprintf(count, sizeof(count), "select count(*) from (%s) as different", sql);
    ck_assert_msg(query_i64(world, count) == 0, "%s: %lld rows differ", what,
                  (long long)query_i64(world, count));
}

void world_check_generations(struct world *world, int items, int totals)
{
    char sql[1024];

    snprintf(sql, sizeof(sql),
             "select coalesce(a.stream, b.name) from rm_items_%d a full join (select s.name,"
             " s.version, sum((e.data ->> 'n')::bigint) as n, max(e.occurred_at) filter (where"
             " e.type = 'Added') as at from events e join streams s on s.id = e.stream_id where"
             " s.category = 'item' group by s.name, s.version) b on b.name = a.stream where "
             "a.version is distinct from b.version"
             " or a.n is distinct from b.n or a.last_at is distinct from b.at",
             items);
    check_none(world, "items", sql);
    snprintf(sql, sizeof(sql),
             "select 1 from rm_totals_%d a full join (select e.data ->> 'owner' as owner,"
             " count(*) as events, sum((e.data ->> 'n')::bigint) as n from events e"
             " where e.type = 'Added' group by 1) b on b.owner = a.owner"
             " where a.events is distinct from b.events or a.n is distinct from b.n",
             totals);
    check_none(world, "totals", sql);
}

void world_check(struct world *world)
{
    world_check_generations(world, 1, 1);
}
