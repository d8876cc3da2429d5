/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/consumer.h"

#include "base/mem.h"
#include "kafka/kafka_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    CALL_TIMEOUT_MS = 5000,
    WAKE_TIMEOUT_MS = 5,
};

/* What we know of an assigned partition. */
struct place {
    char *topic;
    int32_t partition;
    int64_t next; /* offset to go on at, should librdkafka need to be told again */
    bool paused;  /* by us: only these may be resumed */
};

struct kafka_consumer {
    rd_kafka_t *rk;
    struct kafka_watch watch;
    struct kafka_consumer_config config;
    struct place *places;
    size_t places_count;
};

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque);

bool kafka_consumer_new(const struct kafka_consumer_config *config,
                        struct kafka_consumer **ret_consumer, struct error *err)
{
    SCOPED(kafka_consumer_free)
    struct kafka_consumer *consumer = mem_zalloc(sizeof(*consumer));
    SCOPED(rd_kafka_conf_destroy) rd_kafka_conf_t *conf = NULL;
    char session[24], kbytes[24];
    const struct kafka_pair ours[] = {
        {"group.id", config->group},
        {"session.timeout.ms", session},
        {"queued.max.messages.kbytes", kbytes},
        {"isolation.level", "read_committed"},
        {"auto.offset.reset", "error"},
        /* A partition that starts or resumes waits for the fetch that waits for the others. */
        {"fetch.wait.max.ms", "100"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"partition.assignment.strategy", "range,roundrobin"},
        {config->instance != NULL ? "group.instance.id" : NULL, config->instance},
        {NULL, NULL},
    };

    snprintf(session, sizeof(session), "%d", config->session_timeout_ms);
    snprintf(kbytes, sizeof(kbytes), "%zu", config->fetch_queue_bytes_max / 1024);
    consumer->config = *config;
    if (!kafka_conf_new(config->kafka, &config->kafka->consumer, ours, &conf, err))
        return false;
    kafka_watch_attach(conf, &consumer->watch);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    if (!kafka_client_new(RD_KAFKA_CONSUMER, &conf, &consumer->rk, err))
        return false;
    rd_kafka_poll_set_consumer(consumer->rk);
    *ret_consumer = TAKE(consumer);
    return true;
}

static void forget_places(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->places_count; i++)
        mem_free(consumer->places[i].topic);
    mem_free(consumer->places);
    consumer->places = NULL;
    consumer->places_count = 0;
}

void kafka_consumer_free(struct kafka_consumer *consumer)
{
    if (consumer == NULL)
        return;
    forget_places(consumer);
    if (consumer->rk != NULL)
        rd_kafka_destroy_flags(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    mem_free(consumer);
}

static bool failed(struct kafka_consumer *consumer, rd_kafka_resp_err_t code, const char *text,
                   struct error *err)
{
    char fatal[KAFKA_RDKAFKA_TEXT_MAX];

    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(consumer->rk, fatal, sizeof(fatal));
        text = fatal;
    }
    kafka_error_of(err, code, text != NULL ? text : rd_kafka_err2str(code));
    return kafka_watch_explain(&consumer->watch, err);
}

bool kafka_consumer_subscribe(struct kafka_consumer *consumer, const char *const *topics,
                              size_t count, struct error *err)
{
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(consumer->rk, list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    failed(consumer, code, NULL, err);
    return error_wrap(err, "subscribe");
}

static rd_kafka_topic_partition_list_t *list_of(const struct place *places, size_t count,
                                                bool only_paused)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++)
        if (!only_paused || places[i].paused)
            rd_kafka_topic_partition_list_add(list, places[i].topic, places[i].partition)->offset =
                places[i].next;
    return list;
}

/* Gives librdkafka all places anew, where they go on; before a call of it a pause ends, because it
 * would outlive the assignment. */
static bool assign_places(struct kafka_consumer *consumer, struct error *err)
{
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *all = list_of(consumer->places, consumer->places_count, false);
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *paused =
        list_of(consumer->places, consumer->places_count, true);
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, all);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && paused->cnt > 0)
        code = rd_kafka_pause_partitions(consumer->rk, paused);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    failed(consumer, code, NULL, err);
    return error_wrap(err, "assign partitions");
}

static void resume_paused(struct kafka_consumer *consumer)
{
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *paused =
        list_of(consumer->places, consumer->places_count, true);

    if (paused->cnt > 0)
        rd_kafka_resume_partitions(consumer->rk, paused);
}

static struct kafka_assignment *assignments_of(const rd_kafka_topic_partition_list_t *partitions)
{
    struct kafka_assignment *out = mem_calloc((size_t)partitions->cnt + 1, sizeof(*out));

    for (int i = 0; i < partitions->cnt; i++)
        out[i] = (struct kafka_assignment){
            .topic = partitions->elems[i].topic,
            .partition = partitions->elems[i].partition,
            .start = KAFKA_START_LATER,
        };
    return out;
}

/* A partition that starts later is assigned at once, paused: the group's share is then complete. */
static void take_places(struct kafka_consumer *consumer, const struct kafka_assignment *partitions,
                        size_t count)
{
    consumer->places = mem_calloc(count + 1, sizeof(struct place));
    consumer->places_count = count;
    for (size_t i = 0; i < count; i++)
        consumer->places[i] = (struct place){
            .topic = mem_strdup(partitions[i].topic),
            .partition = partitions[i].partition,
            .next = partitions[i].start.n >= 0 ? partitions[i].start.n : 0,
            .paused = partitions[i].start.n < 0,
        };
}

static void assigned(struct kafka_consumer *consumer,
                     const rd_kafka_topic_partition_list_t *partitions)
{
    struct kafka_assignment *given = assignments_of(partitions);
    struct error err = {0};

    consumer->config.assigned(consumer->config.arg, given, (size_t)partitions->cnt);
    take_places(consumer, given, (size_t)partitions->cnt);
    mem_free(given);
    /* What fails here fails for the whole client and comes back from its next poll. */
    if (!assign_places(consumer, &err))
        snprintf(consumer->watch.last_error, sizeof(consumer->watch.last_error), "%s", err.text);
}

static void revoked(struct kafka_consumer *consumer,
                    const rd_kafka_topic_partition_list_t *partitions)
{
    struct kafka_assignment *gone = assignments_of(partitions);

    resume_paused(consumer);
    forget_places(consumer);
    consumer->config.revoked(consumer->config.arg, gone, (size_t)partitions->cnt,
                             rd_kafka_assignment_lost(consumer->rk));
    mem_free(gone);
    rd_kafka_assign(consumer->rk, NULL);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    /* The watch is the client's opaque and part of its consumer. */
    struct kafka_consumer *consumer =
        (struct kafka_consumer *)((char *)opaque - offsetof(struct kafka_consumer, watch));

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        assigned(consumer, partitions);
    else
        revoked(consumer, partitions);
}

static struct place *find_place(struct kafka_consumer *consumer, const char *topic,
                                int32_t partition)
{
    for (size_t i = 0; i < consumer->places_count; i++)
        if (consumer->places[i].partition == partition &&
            strcmp(consumer->places[i].topic, topic) == 0)
            return &consumer->places[i];
    return NULL;
}

static enum kafka_polled polled_error(struct kafka_consumer *consumer,
                                      const rd_kafka_message_t *message,
                                      struct kafka_place *ret_place, struct error *err)
{
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && message->rkt != NULL) {
        snprintf(ret_place->topic, sizeof(ret_place->topic), "%s",
                 rd_kafka_topic_name(message->rkt));
        ret_place->partition = message->partition;
        return KAFKA_POLLED_OUT_OF_RANGE;
    }
    failed(consumer, message->err, rd_kafka_message_errstr(message), err);
    error_wrap(err, "poll kafka");
    return KAFKA_POLLED_FAILED;
}

enum kafka_polled kafka_consumer_poll(struct kafka_consumer *consumer, int64_t timeout_ms,
                                      struct kafka_message **ret_message,
                                      struct kafka_place *ret_place, struct error *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, (int)timeout_ms);
    struct place *place;
    enum kafka_polled polled;

    if (message == NULL)
        return KAFKA_POLLED_NOTHING;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        polled = polled_error(consumer, message, ret_place, err);
        rd_kafka_message_destroy(message);
        return polled;
    }
    place = find_place(consumer, rd_kafka_topic_name(message->rkt), message->partition);
    if (place == NULL) { /* of an assignment that is gone */
        rd_kafka_message_destroy(message);
        return KAFKA_POLLED_NOTHING;
    }
    place->next = message->offset + 1;
    *ret_message = kafka_message_wrap(message);
    return KAFKA_POLLED_MESSAGE;
}

static bool not_assigned(const char *topic, int32_t partition, struct error *err)
{
    return error_set(err, ERROR_REFUSED, "not-assigned", "'%s' [%d] is not assigned", topic,
                     (int)partition);
}

static bool set_paused(struct kafka_consumer *consumer, struct place *place, bool paused,
                       struct error *err)
{
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *list = list_of(place, 1, false);
    rd_kafka_resp_err_t code;

    if (place->paused == paused)
        return true;
    code = paused ? rd_kafka_pause_partitions(consumer->rk, list)
                  : rd_kafka_resume_partitions(consumer->rk, list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list->elems[0].err;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed(consumer, code, NULL, err);
        return error_wrap(err, "%s '%s' [%d]", paused ? "pause" : "resume", place->topic,
                          (int)place->partition);
    }
    place->paused = paused;
    return true;
}

/* librdkafka's broker thread does not hear of it: with nothing to fetch, it sleeps up to a second.
 * Any request to the partition's leader wakes it; the answer is of no interest. */
static bool unpause(struct kafka_consumer *consumer, struct place *place, struct error *err)
{
    int64_t low, high;

    if (!set_paused(consumer, place, false, err))
        return false;
    (void)rd_kafka_query_watermark_offsets(consumer->rk, place->topic, place->partition, &low,
                                           &high, WAKE_TIMEOUT_MS);
    return true;
}

/* False without an error: librdkafka stopped fetching the partition (its offset was out of range)
 * and wants it assigned again. */
static bool seek(struct kafka_consumer *consumer, const struct place *place)
{
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *list = list_of(place, 1, false);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->rk, list, CALL_TIMEOUT_MS);

    if (error != NULL) {
        rd_kafka_error_destroy(error);
        return false;
    }
    return list->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool kafka_consumer_start(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                          struct kafka_offset offset, struct error *err)
{
    struct place *place = find_place(consumer, topic, partition);

    assert(offset.n >= 0);
    if (place == NULL)
        return not_assigned(topic, partition, err);
    place->next = offset.n;
    if (!seek(consumer, place)) {
        resume_paused(consumer);
        place->paused = false;
        return assign_places(consumer, err);
    }
    return unpause(consumer, place, err);
}

bool kafka_consumer_pause(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                          struct error *err)
{
    struct place *place = find_place(consumer, topic, partition);

    return place != NULL ? set_paused(consumer, place, true, err)
                         : not_assigned(topic, partition, err);
}

bool kafka_consumer_resume(struct kafka_consumer *consumer, const char *topic, int32_t partition,
                           struct error *err)
{
    struct place *place = find_place(consumer, topic, partition);

    if (place == NULL)
        return not_assigned(topic, partition, err);
    return !place->paused || unpause(consumer, place, err);
}
