/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/producer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/kafka_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    QUEUE_FULL_POLL_MS = 5,
    SLICE_MS = 200, /* how soon a wait notices that it shall stop */
};

struct kafka_producer {
    rd_kafka_t *rk;
    struct kafka_watch watch;
    unsigned closed_before; /* sockets closed until init was done */
    unsigned errors_before;
    bool in_transaction;
    struct stop *stop;
};

/* Runs inside poll, flush and commit, on the owner's thread. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_watch *watch = opaque;
    struct kafka_offset *delivered = message->_private;

    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (delivered != NULL)
            delivered->n = message->offset;
        return;
    }
    atomic_fetch_add(&watch->errors, 1);
    snprintf(watch->last_error, sizeof(watch->last_error), "record not delivered: %s",
             rd_kafka_err2name(message->err));
}

bool kafka_producer_new(const struct kafka_producer_config *config,
                        struct kafka_producer **ret_producer, struct error *err)
{
    SCOPED(kafka_producer_free)
    struct kafka_producer *producer = mem_zalloc(sizeof(*producer));
    SCOPED(rd_kafka_conf_destroy) rd_kafka_conf_t *conf = NULL;
    char timeout[24], bytes[24];
    const struct kafka_pair ours[] = {
        {"transactional.id", config->transactional_id},
        {"transaction.timeout.ms", timeout},
        {"message.timeout.ms", timeout},
        {"message.max.bytes", bytes},
        {"enable.idempotence", "true"},
        {NULL, NULL},
    };

    snprintf(timeout, sizeof(timeout), "%d", config->transaction_timeout_ms);
    snprintf(bytes, sizeof(bytes), "%zu", config->message_bytes_max);
    if (!kafka_conf_new(config->kafka, &config->kafka->producer, ours, &conf, err))
        return false;
    kafka_watch_attach(conf, &producer->watch);
    /* Without it a commit waits in 10 ms slices for the flush. */
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    if (!kafka_client_new(RD_KAFKA_PRODUCER, &conf, &producer->rk, err))
        return false;
    producer->stop = config->stop;
    *ret_producer = TAKE(producer);
    return true;
}

void kafka_producer_free(struct kafka_producer *producer)
{
    if (producer == NULL)
        return;
    if (producer->rk != NULL) {
        /* What is queued or on its way would keep the destruction waiting. */
        rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                         RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_poll(producer->rk, 0);
        rd_kafka_destroy(producer->rk);
    }
    mem_free(producer);
}

static bool failed(struct kafka_producer *producer, rd_kafka_error_t *error, struct error *err)
{
    atomic_fetch_add(&producer->watch.errors, 1);
    kafka_error_take(err, error);
    return kafka_watch_explain(&producer->watch, err);
}

/* The wait is over: not by librdkafka's word. */
static bool out_of_time(const struct kafka_producer *producer, int64_t deadline_ms)
{
    return clock_monotonic_ms() >= deadline_ms ||
           (producer->stop != NULL && stop_requested(producer->stop));
}

/* Calls that timed out are resumed by calling them again, so a long wait is made of short ones. */
static rd_kafka_error_t *in_slices(struct kafka_producer *producer,
                                   rd_kafka_error_t *(*call)(rd_kafka_t *rk, int timeout_ms),
                                   int64_t deadline_ms)
{
    for (;;) {
        int left_ms = kafka_timeout_ms(deadline_ms);
        rd_kafka_error_t *error = call(producer->rk, left_ms < SLICE_MS ? left_ms : SLICE_MS);

        rd_kafka_poll(producer->rk, 0);
        if (error == NULL || rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT ||
            !rd_kafka_error_is_retriable(error) || out_of_time(producer, deadline_ms))
            return error;
        rd_kafka_error_destroy(error);
    }
}

bool kafka_producer_init(struct kafka_producer *producer, int64_t deadline_ms, struct error *err)
{
    rd_kafka_error_t *error = in_slices(producer, rd_kafka_init_transactions, deadline_ms);

    if (error != NULL) {
        failed(producer, error, err);
        return error_wrap(err, "fence the transactional id");
    }
    /* Sockets closed on the way here carried no transaction of this epoch. */
    producer->closed_before = atomic_load(&producer->watch.closed_sockets);
    producer->errors_before = atomic_load(&producer->watch.errors);
    return true;
}

bool kafka_producer_prepare(struct kafka_producer *producer, const char *topic, int64_t deadline_ms,
                            struct error *err)
{
    SCOPED(rd_kafka_topic_destroy)
    rd_kafka_topic_t *handle = rd_kafka_topic_new(producer->rk, topic, NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code;

    if (handle == NULL)
        return kafka_error_of(err, rd_kafka_last_error(), topic);
    code = rd_kafka_metadata(producer->rk, 0, handle, &metadata, kafka_timeout_ms(deadline_ms));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        assert(metadata->topic_cnt == 1);
        code = metadata->topics[0].err;
        rd_kafka_metadata_destroy(metadata);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    kafka_error_of(err, code, topic);
    kafka_watch_explain(&producer->watch, err);
    return error_wrap(err, "look up topic");
}

bool kafka_producer_begin(struct kafka_producer *producer, struct error *err)
{
    rd_kafka_error_t *error;

    assert(!producer->in_transaction);
    error = rd_kafka_begin_transaction(producer->rk);
    if (error != NULL) {
        failed(producer, error, err);
        return error_wrap(err, "begin a kafka transaction");
    }
    producer->in_transaction = true;
    return true;
}

static rd_kafka_headers_t *headers_of(const struct kafka_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->headers_count);

    assert(record->headers_count <= KAFKA_HEADERS_MAX);
    for (size_t i = 0; i < record->headers_count; i++) {
        const struct kafka_header *header = &record->headers[i];

        rd_kafka_header_add(headers, header->name, -1, header->value.data,
                            (ssize_t)header->value.len);
    }
    return headers;
}

/* produceva's structs take void pointers and only read through them. */
static void *bytes_of(struct str s)
{
    union {
        const char *in;
        void *out;
    } pointer = {.in = s.data};

    return pointer.out;
}

static rd_kafka_error_t *try_produce(rd_kafka_t *rk, const struct kafka_record *record,
                                     rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t args[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {bytes_of(record->key), record->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {bytes_of(record->value), record->value.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record->delivered},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };

    return rd_kafka_produceva(rk, args, sizeof(args) / sizeof(args[0]));
}

bool kafka_producer_produce(struct kafka_producer *producer, const struct kafka_record *record,
                            int64_t deadline_ms, struct error *err)
{
    rd_kafka_headers_t *headers = headers_of(record);

    assert(producer->in_transaction);
    if (record->delivered != NULL)
        record->delivered->n = -1;
    for (;;) {
        rd_kafka_error_t *error = try_produce(producer->rk, record, headers);

        if (error == NULL)
            return true;
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL ||
            out_of_time(producer, deadline_ms)) {
            rd_kafka_headers_destroy(headers);
            failed(producer, error, err);
            return error_wrap(err, "produce to '%s' [%d]", record->topic, (int)record->partition);
        }
        rd_kafka_error_destroy(error);
        rd_kafka_poll(producer->rk, QUEUE_FULL_POLL_MS);
    }
}

bool kafka_producer_flush(struct kafka_producer *producer, int64_t deadline_ms, struct error *err)
{
    rd_kafka_resp_err_t code;

    assert(producer->in_transaction);
    do {
        int left_ms = kafka_timeout_ms(deadline_ms);

        code = rd_kafka_flush(producer->rk, left_ms < SLICE_MS ? left_ms : SLICE_MS);
    } while (code == RD_KAFKA_RESP_ERR__TIMED_OUT && !out_of_time(producer, deadline_ms));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && kafka_producer_doubt(producer).errors > 0)
        code = RD_KAFKA_RESP_ERR__FAIL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    failed(producer, rd_kafka_error_new(code, "records are not delivered"), err);
    return error_wrap(err, "flush to kafka");
}

bool kafka_producer_commit(struct kafka_producer *producer, int64_t deadline_ms, struct error *err)
{
    rd_kafka_error_t *error;

    assert(producer->in_transaction);
    producer->in_transaction = false;
    error = in_slices(producer, rd_kafka_commit_transaction, deadline_ms);
    if (error != NULL) {
        failed(producer, error, err);
        err->outcome_unknown = true;
        return error_wrap(err, "commit a kafka transaction");
    }
    /* Errors and closed sockets on the way do not undo it; they are a doubt about the next one. */
    return true;
}

void kafka_producer_poll(struct kafka_producer *producer, int64_t timeout_ms)
{
    rd_kafka_poll(producer->rk, (int)timeout_ms);
}

struct kafka_doubt kafka_producer_doubt(const struct kafka_producer *producer)
{
    return (struct kafka_doubt){
        .closed_sockets = atomic_load(&producer->watch.closed_sockets) - producer->closed_before,
        .errors = atomic_load(&producer->watch.errors) - producer->errors_before,
    };
}
