/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/reader.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/kafka_internal.h"

#include <assert.h>
#include <string.h>

enum {
    WINDOW_FIRST = 64, /* offsets looked at first from a partition's end */
    WINDOW_GROWTH = 8,
    LEADER_LOOK_MS = 20,
};

/* librdkafka's simple consumer: it needs no group, so no coordinator and no right to one. */
struct kafka_reader {
    rd_kafka_t *rk;
    struct kafka_watch watch;
};

bool kafka_reader_new(const struct kafka_config *config, enum kafka_isolation isolation,
                      struct kafka_reader **ret_reader, struct error *err)
{
    SCOPED(kafka_reader_free) struct kafka_reader *reader = mem_zalloc(sizeof(*reader));
    SCOPED(rd_kafka_conf_destroy) rd_kafka_conf_t *conf = NULL;
    const struct kafka_pair ours[] = {
        {"isolation.level",
         isolation == KAFKA_READ_COMMITTED ? "read_committed" : "read_uncommitted"},
        {"auto.offset.reset", "error"},
        {"enable.partition.eof", "true"},
        /* The end is known before the read: nothing to wait for at the broker. */
        {"fetch.wait.max.ms", "10"},
        {"fetch.error.backoff.ms", "20"},
        {NULL, NULL},
    };

    if (!kafka_conf_new(config, &config->consumer, ours, &conf, err))
        return false;
    kafka_watch_attach(conf, &reader->watch);
    if (!kafka_client_new(RD_KAFKA_CONSUMER, &conf, &reader->rk, err))
        return false;
    *ret_reader = TAKE(reader);
    return true;
}

void kafka_reader_free(struct kafka_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->rk != NULL)
        rd_kafka_destroy_flags(reader->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    mem_free(reader);
}

static bool failed(struct kafka_reader *reader, rd_kafka_resp_err_t code, const char *topic,
                   int32_t partition, struct error *err)
{
    rd_kafka_poll(reader->rk, 0);
    kafka_error_of(err, code, rd_kafka_err2str(code));
    kafka_watch_explain(&reader->watch, err);
    return error_wrap(err, "read '%s' [%d]", topic, (int)partition);
}

/* A new topic's leader is known before it is ready; a moving one is found again. */
static bool leader_moves(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
}

bool kafka_reader_bounds(struct kafka_reader *reader, struct kafka_range *range,
                         int64_t deadline_ms, struct error *err)
{
    rd_kafka_resp_err_t code;

    for (;;) {
        /* librdkafka asks for the end with the client's isolation level. */
        code = rd_kafka_query_watermark_offsets(reader->rk, range->topic, range->partition,
                                                &range->from, &range->to,
                                                kafka_timeout_ms(deadline_ms));
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
        if (!leader_moves(code) || clock_monotonic_ms() >= deadline_ms)
            return failed(reader, code, range->topic, range->partition, err);
        rd_kafka_poll(reader->rk, LEADER_LOOK_MS);
    }
}

/* One read: the ranges that are not done yet. */
struct read {
    struct kafka_reader *reader;
    const struct kafka_range *ranges;
    size_t count;
    rd_kafka_topic_t **topics; /* one a range; NULL: not started */
    bool *done;
    size_t left;
    rd_kafka_queue_t *queue;
};

static bool start_range(struct read *read, size_t i, struct error *err)
{
    const struct kafka_range *range = &read->ranges[i];

    read->topics[i] = rd_kafka_topic_new(read->reader->rk, range->topic, NULL);
    if (read->topics[i] == NULL)
        return failed(read->reader, rd_kafka_last_error(), range->topic, range->partition, err);
    if (rd_kafka_consume_start_queue(read->topics[i], range->partition, range->from, read->queue) ==
        0)
        return true;
    rd_kafka_topic_destroy(TAKE(read->topics[i]));
    return failed(read->reader, rd_kafka_last_error(), range->topic, range->partition, err);
}

static bool read_start(struct read *read, struct error *err)
{
    for (size_t i = 0; i < read->count; i++) {
        if (read->ranges[i].from >= read->ranges[i].to) {
            read->done[i] = true;
            read->left--;
        } else if (!start_range(read, i, err)) {
            return false;
        }
    }
    return true;
}

static void read_stop(struct read *read)
{
    for (size_t i = 0; i < read->count; i++) {
        if (read->topics[i] == NULL)
            continue;
        rd_kafka_consume_stop(read->topics[i], read->ranges[i].partition);
        rd_kafka_topic_destroy(read->topics[i]);
    }
    rd_kafka_queue_destroy(read->queue);
    mem_free(read->topics);
    mem_free(read->done);
}

static size_t range_of(const struct read *read, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);

    for (size_t i = 0; i < read->count; i++)
        if (read->ranges[i].partition == message->partition &&
            strcmp(read->ranges[i].topic, topic) == 0)
            return i;
    return read->count;
}

static void range_done(struct read *read, size_t i)
{
    if (!read->done[i]) {
        read->done[i] = true;
        read->left--;
    }
}

static bool take_message(struct read *read, rd_kafka_message_t *message, kafka_visit_fn visit,
                         void *arg, struct error *err)
{
    SCOPED(kafka_message_free) struct kafka_message *wrapped = kafka_message_wrap(message);
    size_t i = range_of(read, message);

    assert(i < read->count);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        /* A broker that just came back may take a partition for shorter than its bounds said: what
         * is missing then is no proof that it is not there. More comes, or the deadline. */
        if (message->offset >= read->ranges[i].to)
            range_done(read, i);
        return true;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failed(read->reader, message->err, read->ranges[i].topic, message->partition, err);
    if (read->done[i])
        return true;
    if (message->offset >= read->ranges[i].to) {
        range_done(read, i);
        return true;
    }
    /* The last offset of a range may be its last message: no need to wait for what follows. */
    if (message->offset == read->ranges[i].to - 1)
        range_done(read, i);
    return visit(arg, &wrapped, err);
}

static bool read_all(struct read *read, kafka_visit_fn visit, void *arg, int64_t deadline_ms,
                     struct error *err)
{
    while (read->left > 0) {
        rd_kafka_message_t *message =
            rd_kafka_consume_queue(read->queue, kafka_timeout_ms(deadline_ms));

        if (message == NULL)
            return failed(read->reader, RD_KAFKA_RESP_ERR__TIMED_OUT, read->ranges[0].topic,
                          read->ranges[0].partition, err);
        /* An error of the whole client (all brokers down): go on until the deadline. */
        if (message->rkt == NULL) {
            rd_kafka_message_destroy(message);
            continue;
        }
        if (!take_message(read, message, visit, arg, err))
            return false;
    }
    return true;
}

bool kafka_reader_read(struct kafka_reader *reader, const struct kafka_range *ranges, size_t count,
                       kafka_visit_fn visit, void *arg, int64_t deadline_ms, struct error *err)
{
    struct read read = {
        .reader = reader,
        .ranges = ranges,
        .count = count,
        .topics = mem_calloc(count, sizeof(rd_kafka_topic_t *)),
        .done = mem_calloc(count, sizeof(bool)),
        .left = count,
        .queue = rd_kafka_queue_new(reader->rk),
    };
    bool ok =
        read_start(&read, err) && (read.left == 0 || read_all(&read, visit, arg, deadline_ms, err));

    read_stop(&read);
    return ok;
}

struct key_search {
    struct str key;
    struct kafka_message *newest;
};

static bool visit_key(void *arg, struct kafka_message **message, struct error *err)
{
    struct key_search *search = arg;

    (void)err;
    if (!str_equal(kafka_message_key(*message), search->key))
        return true;
    kafka_message_free(search->newest);
    search->newest = TAKE(*message);
    return true;
}

bool kafka_reader_find_key(struct kafka_reader *reader, const char *topic, int32_t partition,
                           struct str key, int64_t deadline_ms, struct kafka_message **ret_message,
                           struct error *err)
{
    struct kafka_range whole = {.topic = topic, .partition = partition};
    struct kafka_range window = whole;
    struct key_search search = {.key = key};
    int64_t span = WINDOW_FIRST;

    if (!kafka_reader_bounds(reader, &whole, deadline_ms, err))
        return false;
    window.to = whole.to;
    while (window.to > whole.from && search.newest == NULL) {
        window.from = window.to - span > whole.from ? window.to - span : whole.from;
        if (!kafka_reader_read(reader, &window, 1, visit_key, &search, deadline_ms, err)) {
            kafka_message_free(search.newest);
            return false;
        }
        window.to = window.from;
        span *= WINDOW_GROWTH;
    }
    *ret_message = search.newest;
    return true;
}
