/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/publisher/hand.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "eventlog/read.h"
#include "publisher/plan.h"
#include "publisher/record.h"
#include "publisher/topics.h"
#include "tests/support/await.h"

enum { EVENTS_MAX = 1000, POLL_MS = 10 };

static const struct topics_config topics = {
    .partitions = 3, .replication = 1, .retention_ms = 7LL * 86400 * 1000};

static void open_producer(struct hand *hand)
{
    char id[128];

    snprintf(id, sizeof(id), "%s.hand", hand->log->prefix);
    hand->producer = fixture_producer(id);
}

/* EndTxn answers before its markers are written: the newest cursor shows a little later. */
static bool fetch_cursor(struct hand *hand)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = NULL;
    struct await await = await_for(FIXTURE_TIMEOUT_MS);
    int64_t copy =
        log_fixture_number(hand->log, "select coalesce(max(position), 0) from publisher_cursor");
    struct error err = {0};
    bool found;

    if (copy == 0)
        return false;
    ck_ok(kafka_reader_new(fixture_kafka(), KAFKA_READ_COMMITTED, &reader, &err));
    for (;;) {
        ck_ok(cursor_fetch(reader, hand->identity.prefix, hand->identity.id, fixture_deadline(),
                           &hand->cursor, &found, &err));
        if (found && hand->cursor.position.n == copy)
            break;
        await_more(&await, "Kafka's cursor is at %lld, the copy at %lld",
                   (long long)hand->cursor.position.n, (long long)copy);
        cursor_release(&hand->cursor);
    }
    for (size_t i = 0; i < hand->cursor.topics_count; i++)
        for (int32_t p = 0; p < hand->cursor.topics[i].partitions; p++)
            hand->cursor.topics[i].lanes[p].tail = hand->cursor.topics[i].lanes[p].last;
    return true;
}

static void make_topics(struct hand *hand)
{
    SCOPED(kafka_admin_free) struct kafka_admin *admin = NULL;
    char topic[CURSOR_TOPIC_MAX];
    struct error err = {0};
    int32_t partitions;

    ck_ok(kafka_admin_new(fixture_kafka(), &admin, &err));
    topics_cursor_name(hand->identity.prefix, topic);
    ck_ok(topics_make_cursor(admin, &topics, topic, fixture_deadline(), &err));
    topics_event_name(hand->identity.prefix, STR("order"), topic);
    ck_ok(topics_make_event(admin, &topics, topic, fixture_deadline(), &partitions, &err));
    cursor_init(&hand->cursor, hand->identity.id);
    cursor_add(&hand->cursor, STR("order"), topic, partitions);
}

void hand_open(struct hand *hand, struct log_fixture *log)
{
    struct error err = {0};

    *hand = (struct hand){.log = log};
    ck_ok(pg_open(log->conn, &err));
    ck_ok(log_identity_load(log->conn, &hand->identity, &err));
    open_producer(hand);
    if (!fetch_cursor(hand))
        make_topics(hand);
}

void hand_close(struct hand *hand)
{
    kafka_producer_free(hand->producer);
    cursor_release(&hand->cursor);
}

static void produce(struct hand *hand, const struct kafka_record *record)
{
    struct error err = {0};

    ck_ok(kafka_producer_produce(hand->producer, record, fixture_deadline(), &err));
}

/* DELIVERED: one for each record of the plan. */
static void produce_events(struct hand *hand, const struct plan *plan, int partitions,
                           struct kafka_offset *delivered)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct record_space space;
        struct kafka_record record =
            record_encode(&plan->records[i], hand->identity.source, &space);

        if ((partitions & (1 << record.partition)) == 0)
            continue;
        record.delivered = &delivered[i];
        produce(hand, &record);
    }
}

static void produce_cursor(struct hand *hand, struct str text)
{
    char topic[CURSOR_TOPIC_MAX];
    struct kafka_record record = {.topic = topic, .key = str_of(hand->identity.id), .value = text};

    topics_cursor_name(hand->identity.prefix, topic);
    produce(hand, &record);
}

/* A new producer's init aborts what the old one left open. */
static void abort_delivered(struct hand *hand, const struct kafka_offset *delivered, size_t count)
{
    struct await await = await_for(FIXTURE_TIMEOUT_MS);

    for (size_t i = 0; i < count; i++)
        while (delivered[i].n < 0) {
            kafka_producer_poll(hand->producer, POLL_MS);
            await_more(&await, "record %zu, to be aborted, is not delivered", i);
        }
    kafka_producer_free(TAKE(hand->producer));
    open_producer(hand);
}

void hand_write(struct hand *hand, struct hand_transaction wanted)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(CURSOR_BYTES_MAX);
    SCOPED_VALUE(plan_release) struct plan plan = {0};
    struct kafka_offset delivered[EVENTS_MAX] = {0};
    struct event_page page;
    struct error err = {0};

    ck_ok(log_read(hand->log->conn, hand->cursor.position, POSITION(wanted.up_to), NULL, EVENTS_MAX,
                   arena, &page, &err));
    plan_make(&plan, PLAN_FORWARD, &hand->cursor, page.events, page.count,
              (struct plan_limits){EVENTS_MAX, 1 << 24});
    ck_assert_uint_eq(plan.events_taken, page.count);
    ck_ok(kafka_producer_begin(hand->producer, &err));
    produce_events(hand, &plan, wanted.partitions, delivered);
    cursor_write(&hand->cursor, &text);
    if (wanted.cursor)
        produce_cursor(hand, buf_str(&text));
    if (wanted.aborted)
        abort_delivered(hand, delivered, plan.count);
    else
        ck_ok(kafka_producer_commit(hand->producer, fixture_deadline(), &err));
}

void hand_forge(struct hand *hand, const char *category, int32_t partition,
                struct hand_forgery forgery)
{
    char topic[CURSOR_TOPIC_MAX];
    struct kafka_header headers[] = {
        {"forged", STR("yes")},
        {"ce_source", forgery.source != NULL ? str_of(forgery.source) : STR_NONE},
        {"ce_id", forgery.id != NULL ? str_of(forgery.id) : STR_NONE},
        {"ce_globalposition", forgery.position != NULL ? str_of(forgery.position) : STR_NONE},
        {"ce_previousposition", STR("0")},
    };
    struct kafka_record record = {
        .topic = topic,
        .partition = partition,
        .key = STR("somebody"),
        .value = STR("{}"),
        .headers = headers,
        .headers_count = forgery.source != NULL ? sizeof(headers) / sizeof(headers[0]) : 0,
    };
    struct error err = {0};

    topics_event_name(hand->identity.prefix, str_of(category), topic);
    ck_ok(kafka_producer_begin(hand->producer, &err));
    for (int i = 0; i < (forgery.count > 0 ? forgery.count : 1); i++)
        produce(hand, &record);
    ck_ok(kafka_producer_commit(hand->producer, fixture_deadline(), &err));
}

void hand_write_cursor(struct hand *hand, const char *text)
{
    struct error err = {0};

    ck_ok(kafka_producer_begin(hand->producer, &err));
    produce_cursor(hand, text != NULL ? str_of(text) : STR_NONE);
    ck_ok(kafka_producer_commit(hand->producer, fixture_deadline(), &err));
}
