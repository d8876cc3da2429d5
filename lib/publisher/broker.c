/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/broker.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "kafka/producer.h"
#include "publisher/record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    TRANSACTION_TIMEOUT_MS = 15000,
    /* A look that takes longer is tried again after a backoff, so that a stop need not wait. */
    LOOK_TIMEOUT_MS = 4000,
};

struct broker {
    struct broker_config config;
    struct log_identity identity;
    struct kafka_producer *producer;
    struct kafka_reader *committed;
    struct kafka_reader *uncommitted;
    struct kafka_admin *admin;
    struct buf json;
    struct kafka_offset *offsets;
    size_t offsets_capacity;
};

struct broker *broker_new(const struct broker_config *config)
{
    struct broker *broker = mem_zalloc(sizeof(*broker));

    broker->config = *config;
    buf_init(&broker->json, CURSOR_BYTES_MAX);
    return broker;
}

void broker_close(struct broker *broker)
{
    kafka_producer_free(TAKE(broker->producer));
    kafka_reader_free(TAKE(broker->committed));
    kafka_reader_free(TAKE(broker->uncommitted));
    kafka_admin_free(TAKE(broker->admin));
}

void broker_free(struct broker *broker)
{
    if (broker == NULL)
        return;
    broker_close(broker);
    buf_release(&broker->json);
    mem_free(broker->offsets);
    mem_free(broker);
}

static int64_t look_deadline(const struct broker *broker)
{
    int64_t timeout_ms = broker->config.call_timeout_ms;

    return clock_monotonic_ms() + (timeout_ms < LOOK_TIMEOUT_MS ? timeout_ms : LOOK_TIMEOUT_MS);
}

static int64_t call_deadline(const struct broker *broker)
{
    return clock_monotonic_ms() + broker->config.call_timeout_ms;
}

bool broker_open_producer(struct broker *broker, const struct log_identity *identity,
                          struct error *err)
{
    char transactional_id[sizeof("daybook.") + UUID_TEXT_LEN];
    struct kafka_producer_config config = {
        .kafka = broker->config.kafka,
        .transactional_id = transactional_id,
        .transaction_timeout_ms = TRANSACTION_TIMEOUT_MS,
        .message_bytes_max = TOPIC_MESSAGE_BYTES_MAX,
        .stop = broker->config.stop,
    };

    broker->identity = *identity;
    kafka_producer_free(TAKE(broker->producer));
    snprintf(transactional_id, sizeof(transactional_id), "daybook.%s", identity->id);
    return kafka_producer_new(&config, &broker->producer, err) &&
           kafka_producer_init(broker->producer, call_deadline(broker), err);
}

bool broker_in_doubt(struct broker *broker)
{
    struct kafka_doubt doubt;

    if (broker->producer == NULL)
        return false;
    kafka_producer_poll(broker->producer, 0);
    doubt = kafka_producer_doubt(broker->producer);
    return doubt.closed_sockets > 0 || doubt.errors > 0;
}

static bool open_readers(struct broker *broker, struct error *err)
{
    const struct kafka_config *kafka = broker->config.kafka;

    if (broker->admin == NULL && !kafka_admin_new(kafka, &broker->admin, err))
        return false;
    if (broker->committed == NULL &&
        !kafka_reader_new(kafka, KAFKA_READ_COMMITTED, &broker->committed, err))
        return false;
    return broker->uncommitted != NULL ||
           kafka_reader_new(kafka, KAFKA_READ_UNCOMMITTED, &broker->uncommitted, err);
}

static struct tails tails_of(const struct broker *broker)
{
    return (struct tails){
        .committed = broker->committed,
        .uncommitted = broker->uncommitted,
        .source = broker->identity.source,
        .known = broker->config.known,
        .arg = broker->config.arg,
    };
}

/* Makes the topic if it is missing, looks at its settings if asked. */
static bool prepare_cursor_topic(struct broker *broker, bool with_settings, const char *topic,
                                 struct pub_cursor_seen *seen, struct error *err)
{
    return topics_make_cursor(broker->admin, &broker->config.topics, topic, call_deadline(broker),
                              err) &&
           (!with_settings ||
            topics_check(broker->admin, TOPICS_CURSOR, topic, look_deadline(broker),
                         seen->bad_settings, sizeof(seen->bad_settings), err)) &&
           kafka_producer_prepare(broker->producer, topic, look_deadline(broker), err);
}

bool broker_fetch_cursor(struct broker *broker, bool with_settings, struct cursor *ret_cursor,
                         struct pub_cursor_seen *ret_seen, struct error *err)
{
    char topic[CURSOR_TOPIC_MAX];
    bool hanging, found;

    *ret_seen = (struct pub_cursor_seen){.fetch = PUB_CURSOR_MISSING};
    topics_cursor_name(broker->identity.prefix, topic);
    if (!open_readers(broker, err) ||
        !prepare_cursor_topic(broker, with_settings, topic, ret_seen, err))
        return false;
    if (!tails_hanging(
            &(struct tails){.committed = broker->committed, .uncommitted = broker->uncommitted},
            topic, 0, look_deadline(broker), &hanging, err))
        return false;
    if (hanging) {
        ret_seen->fetch = PUB_CURSOR_HANGING;
        return true;
    }
    cursor_release(ret_cursor);
    if (!cursor_fetch(broker->committed, broker->identity.prefix, broker->identity.id,
                      look_deadline(broker), ret_cursor, &found, err)) {
        ret_seen->fetch = PUB_CURSOR_MALFORMED;
        return err->class == ERROR_POISON;
    }
    if (found) {
        ret_seen->fetch = PUB_CURSOR_FOUND;
        ret_seen->cursor = ret_cursor;
    }
    return true;
}

/* TOPIC: as the cursor has it, and it exists with as many partitions. */
static bool look_at(struct broker *broker, const struct cursor_topic *topic, bool with_settings,
                    struct arena *arena, struct pub_topic_seen *seen, struct error *err)
{
    struct tails tails = tails_of(broker);
    struct lane_seen *lanes = ARENA_ARRAY(arena, struct lane_seen, (size_t)topic->partitions);

    seen->lanes = lanes;
    if (with_settings &&
        !topics_check(broker->admin, TOPICS_EVENTS, topic->topic, look_deadline(broker),
                      seen->bad_settings, sizeof(seen->bad_settings), err))
        return false;
    return tails_look(&tails, topic, look_deadline(broker), lanes, err) &&
           kafka_producer_prepare(broker->producer, topic->topic, look_deadline(broker), err);
}

bool broker_inspect(struct broker *broker, const struct cursor *cursor, bool with_settings,
                    struct arena *arena, struct pub_topic_seen **ret_topics, struct error *err)
{
    struct pub_topic_seen *topics =
        ARENA_ARRAY(arena, struct pub_topic_seen, cursor->topics_count + 1);

    for (size_t i = 0; i < cursor->topics_count; i++) {
        const struct cursor_topic *topic = &cursor->topics[i];

        if (!kafka_admin_partitions(broker->admin, topic->topic, look_deadline(broker),
                                    &topics[i].partitions, err))
            return false;
        if (topics[i].partitions == topic->partitions &&
            !look_at(broker, topic, with_settings, arena, &topics[i], err))
            return false;
    }
    *ret_topics = topics;
    return true;
}

bool broker_make_topic(struct broker *broker, struct str category, struct arena *arena,
                       char ret_topic[CURSOR_TOPIC_MAX], struct pub_topic_seen *ret_seen,
                       struct error *err)
{
    struct cursor_topic topic = {0};

    *ret_seen = (struct pub_topic_seen){0};
    topics_event_name(broker->identity.prefix, category, topic.topic);
    if (!topics_make_event(broker->admin, &broker->config.topics, topic.topic,
                           call_deadline(broker), &ret_seen->partitions, err))
        return false;
    snprintf(ret_topic, CURSOR_TOPIC_MAX, "%s", topic.topic);
    topic.partitions = ret_seen->partitions;
    topic.lanes = ARENA_ARRAY(arena, struct cursor_lane, (size_t)topic.partitions);
    return look_at(broker, &topic, true, arena, ret_seen, err);
}

static bool produce_events(struct broker *broker, const struct plan *plan, int64_t deadline_ms,
                           struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct record_space space;
        struct kafka_record record =
            record_encode(&plan->records[i], broker->identity.source, &space);

        record.delivered = &broker->offsets[i];
        if (!kafka_producer_produce(broker->producer, &record, deadline_ms, err))
            return false;
    }
    return true;
}

static bool produce_cursor(struct broker *broker, const struct cursor *cursor, int64_t deadline_ms,
                           struct error *err)
{
    char topic[CURSOR_TOPIC_MAX];
    struct kafka_record record = {.topic = topic, .key = str_of(broker->identity.id)};

    buf_clear(&broker->json);
    cursor_write(cursor, &broker->json);
    if (broker->json.failed)
        return error_set(err, ERROR_FATAL, "internal-error", "the cursor is too large");
    record.value = buf_str(&broker->json);
    topics_cursor_name(broker->identity.prefix, topic);
    return kafka_producer_produce(broker->producer, &record, deadline_ms, err);
}

/* A record that nobody will see: its transaction is left open for the next producer to abort. */
static bool put_unseen(struct broker *broker, const char *topic, int32_t partition,
                       struct error *err)
{
    const struct kafka_record record = {
        .topic = topic, .partition = partition, .key = str_of(broker->identity.id)};

    return kafka_producer_produce(broker->producer, &record, call_deadline(broker), err);
}

static bool put_where_it_hangs(struct broker *broker, const char *topic, struct error *err)
{
    const struct tails tails = tails_of(broker);
    int32_t partitions;

    if (!kafka_admin_partitions(broker->admin, topic, look_deadline(broker), &partitions, err))
        return false;
    for (int32_t p = 0; p < partitions; p++) {
        bool hanging;

        if (!tails_hanging(&tails, topic, p, look_deadline(broker), &hanging, err) ||
            (hanging && !put_unseen(broker, topic, p, err)))
            return false;
    }
    return true;
}

bool broker_end_hanging(struct broker *broker, const char *topic, const struct cursor *copy,
                        struct error *err)
{
    char cursor_topic[CURSOR_TOPIC_MAX];

    if (!kafka_producer_begin(broker->producer, err))
        return false;
    if (topic == NULL && copy != NULL)
        return produce_cursor(broker, copy, call_deadline(broker), err) &&
               kafka_producer_commit(broker->producer, call_deadline(broker), err);
    topics_cursor_name(broker->identity.prefix, cursor_topic);
    return put_where_it_hangs(broker, topic != NULL ? topic : cursor_topic, err) &&
           kafka_producer_flush(broker->producer, call_deadline(broker), err);
}

bool broker_publish(struct broker *broker, const struct plan *plan, const struct cursor *cursor,
                    const struct kafka_offset **ret_offsets, struct error *err)
{
    int64_t deadline_ms = call_deadline(broker);

    assert(strcmp(cursor->log_id, broker->identity.id) == 0);
    broker->offsets = mem_grow(broker->offsets, &broker->offsets_capacity, plan->count + 1,
                               sizeof(struct kafka_offset));
    *ret_offsets = broker->offsets;
    return kafka_producer_begin(broker->producer, err) &&
           produce_events(broker, plan, deadline_ms, err) &&
           produce_cursor(broker, cursor, deadline_ms, err) &&
           kafka_producer_commit(broker->producer, deadline_ms, err);
}
