/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/kafka/operator.h"

#include <check.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "base/scope.h"
#include "tests/integration/kafka/kafka_fixture.h"

SCOPED_DEFINE(rd_kafka_t *, rd_kafka_destroy);
SCOPED_DEFINE(rd_kafka_queue_t *, rd_kafka_queue_destroy);
SCOPED_DEFINE(rd_kafka_event_t *, rd_kafka_event_destroy);
SCOPED_DEFINE(rd_kafka_topic_partition_list_t *, rd_kafka_topic_partition_list_destroy);
SCOPED_DEFINE(rd_kafka_DeleteRecords_t *, rd_kafka_DeleteRecords_destroy);
SCOPED_DEFINE(rd_kafka_NewPartitions_t *, rd_kafka_NewPartitions_destroy);
SCOPED_DEFINE(rd_kafka_ConfigResource_t *, rd_kafka_ConfigResource_destroy);

enum { TEXT_MAX = 512 };

static rd_kafka_t *client_new(void)
{
    const struct kafka_pair *servers = &fixture_kafka()->common.pairs[0];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[TEXT_MAX];
    rd_kafka_t *rk;

    ck_assert_int_eq(rd_kafka_conf_set(conf, servers->key, servers->value, text, sizeof(text)),
                     RD_KAFKA_CONF_OK);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    ck_assert_msg(rk != NULL, "%s", text);
    return rk;
}

/* The answer to the one request in QUEUE, which did not fail as a whole. */
static rd_kafka_event_t *answer(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, FIXTURE_TIMEOUT_MS);

    ck_assert_ptr_nonnull(event);
    ck_assert_msg(rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR, "%s",
                  rd_kafka_event_error_string(event));
    return event;
}

void operator_delete_records(const char *topic, int32_t partition, int64_t before)
{
    SCOPED(rd_kafka_destroy) rd_kafka_t *rk = client_new();
    SCOPED(rd_kafka_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    SCOPED(rd_kafka_topic_partition_list_destroy)
    rd_kafka_topic_partition_list_t *places = rd_kafka_topic_partition_list_new(1);
    SCOPED(rd_kafka_DeleteRecords_destroy) rd_kafka_DeleteRecords_t *request = NULL;
    SCOPED(rd_kafka_event_destroy) rd_kafka_event_t *event = NULL;
    const rd_kafka_topic_partition_list_t *done;

    rd_kafka_topic_partition_list_add(places, topic, partition)->offset =
        before == OPERATOR_TO_THE_END ? RD_KAFKA_OFFSET_END : before;
    request = rd_kafka_DeleteRecords_new(places);
    rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
    event = answer(queue);
    done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    ck_assert_msg(done->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR, "%s",
                  rd_kafka_err2str(done->elems[0].err));
}

void operator_grow(const char *topic, int32_t partitions)
{
    SCOPED(rd_kafka_destroy) rd_kafka_t *rk = client_new();
    SCOPED(rd_kafka_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    SCOPED(rd_kafka_NewPartitions_destroy) rd_kafka_NewPartitions_t *request = NULL;
    SCOPED(rd_kafka_event_destroy) rd_kafka_event_t *event = NULL;
    const rd_kafka_topic_result_t **results;
    char text[TEXT_MAX] = "";
    size_t count;

    request = rd_kafka_NewPartitions_new(topic, (size_t)partitions, text, sizeof(text));
    ck_assert_msg(request != NULL, "%s", text);
    rd_kafka_CreatePartitions(rk, &request, 1, NULL, queue);
    event = answer(queue);
    results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event),
                                                      &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_msg(rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_NO_ERROR, "%s",
                  rd_kafka_err2str(rd_kafka_topic_result_error(results[0])));
}

void operator_configure(const char *topic, const struct kafka_pair *settings, size_t count)
{
    SCOPED(rd_kafka_destroy) rd_kafka_t *rk = client_new();
    SCOPED(rd_kafka_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    SCOPED(rd_kafka_ConfigResource_destroy)
    rd_kafka_ConfigResource_t *request =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    SCOPED(rd_kafka_event_destroy) rd_kafka_event_t *event = NULL;
    const rd_kafka_ConfigResource_t **results;
    size_t results_count;

    for (size_t i = 0; i < count; i++)
        rd_kafka_ConfigResource_set_config(request, settings[i].key, settings[i].value);
    rd_kafka_AlterConfigs(rk, &request, 1, NULL, queue);
    event = answer(queue);
    results = rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event),
                                                     &results_count);
    ck_assert_uint_eq(results_count, 1);
    ck_assert_msg(rd_kafka_ConfigResource_error(results[0]) == RD_KAFKA_RESP_ERR_NO_ERROR, "%s",
                  rd_kafka_err2str(rd_kafka_ConfigResource_error(results[0])));
}
