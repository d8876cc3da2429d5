/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/admin.h"

#include "base/clock.h"
#include "base/mem.h"
#include "kafka/kafka_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { LEADER_LOOK_MS = 20 };

SCOPED_DEFINE(rd_kafka_AdminOptions_t *, rd_kafka_AdminOptions_destroy);
SCOPED_DEFINE(rd_kafka_NewTopic_t *, rd_kafka_NewTopic_destroy);
SCOPED_DEFINE(rd_kafka_DeleteTopic_t *, rd_kafka_DeleteTopic_destroy);
SCOPED_DEFINE(rd_kafka_ConfigResource_t *, rd_kafka_ConfigResource_destroy);

struct kafka_admin {
    rd_kafka_t *rk;
    struct kafka_watch watch;
};

bool kafka_admin_new(const struct kafka_config *config, struct kafka_admin **ret_admin,
                     struct error *err)
{
    static const struct kafka_pair ours[] = {{NULL, NULL}};
    SCOPED(kafka_admin_free) struct kafka_admin *admin = mem_zalloc(sizeof(*admin));
    SCOPED(rd_kafka_conf_destroy) rd_kafka_conf_t *conf = NULL;

    if (!kafka_conf_new(config, NULL, ours, &conf, err))
        return false;
    kafka_watch_attach(conf, &admin->watch);
    if (!kafka_client_new(RD_KAFKA_PRODUCER, &conf, &admin->rk, err))
        return false;
    *ret_admin = TAKE(admin);
    return true;
}

void kafka_admin_free(struct kafka_admin *admin)
{
    if (admin == NULL)
        return;
    if (admin->rk != NULL)
        rd_kafka_destroy(admin->rk);
    mem_free(admin);
}

static bool failed(struct kafka_admin *admin, rd_kafka_resp_err_t code, const char *text,
                   struct error *err)
{
    rd_kafka_poll(admin->rk, 0);
    kafka_error_of(err, code, text != NULL ? text : rd_kafka_err2str(code));
    return kafka_watch_explain(&admin->watch, err);
}

/* *ret_leaders: how many of the partitions have a leader. */
static bool look_up(struct kafka_admin *admin, const char *topic, int64_t deadline_ms,
                    int32_t *ret_partitions, int32_t *ret_leaders, struct error *err)
{
    SCOPED(rd_kafka_topic_destroy)
    rd_kafka_topic_t *handle = rd_kafka_topic_new(admin->rk, topic, NULL);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code;

    *ret_partitions = *ret_leaders = 0;
    if (handle == NULL)
        return failed(admin, rd_kafka_last_error(), NULL, err);
    code = rd_kafka_metadata(admin->rk, 0, handle, &metadata, kafka_timeout_ms(deadline_ms));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failed(admin, code, NULL, err);
    assert(metadata->topic_cnt == 1);
    code = metadata->topics[0].err;
    *ret_partitions = metadata->topics[0].partition_cnt;
    for (int32_t i = 0; i < *ret_partitions; i++)
        *ret_leaders += metadata->topics[0].partitions[i].leader >= 0;
    rd_kafka_metadata_destroy(metadata);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        *ret_partitions = 0;
        return true;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return failed(admin, code, NULL, err);
    return true;
}

bool kafka_admin_partitions(struct kafka_admin *admin, const char *topic, int64_t deadline_ms,
                            int32_t *ret_count, struct error *err)
{
    int32_t leaders;

    if (!look_up(admin, topic, deadline_ms, ret_count, &leaders, err))
        return error_wrap(err, "look up topic '%s'", topic);
    return true;
}

static rd_kafka_AdminOptions_t *options_new(struct kafka_admin *admin, rd_kafka_admin_op_t op,
                                            int64_t deadline_ms)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);
    int timeout_ms = kafka_timeout_ms(deadline_ms);
    char text[KAFKA_RDKAFKA_TEXT_MAX];

    if (timeout_ms < 1)
        timeout_ms = 1;
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text));
    if (op != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
        rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text, sizeof(text));
    return options;
}

/* The one answer to an admin request; NULL with *err set if none came or it failed as a whole. */
static rd_kafka_event_t *await(struct kafka_admin *admin, rd_kafka_queue_t *queue,
                               int64_t deadline_ms, struct error *err)
{
    SCOPED(rd_kafka_event_destroy)
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, kafka_timeout_ms(deadline_ms));

    if (event == NULL)
        failed(admin, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
    else if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        failed(admin, rd_kafka_event_error(event), rd_kafka_event_error_string(event), err);
    else
        return TAKE(event);
    return NULL;
}

/* The verdict on the one topic of a request. */
static rd_kafka_resp_err_t topic_verdict(const rd_kafka_topic_result_t **results, size_t count,
                                         const char **ret_text)
{
    assert(count == 1);
    *ret_text = rd_kafka_topic_result_error_string(results[0]);
    return rd_kafka_topic_result_error(results[0]);
}

static bool request_creation(struct kafka_admin *admin, rd_kafka_NewTopic_t *topic,
                             int64_t deadline_ms, bool *ret_existed, struct error *err)
{
    SCOPED(rd_kafka_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    SCOPED(rd_kafka_AdminOptions_destroy)
    rd_kafka_AdminOptions_t *options =
        options_new(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline_ms);
    SCOPED(rd_kafka_event_destroy) rd_kafka_event_t *event = NULL;
    const rd_kafka_topic_result_t **results;
    const char *text;
    rd_kafka_resp_err_t code;
    size_t count;

    rd_kafka_CreateTopics(admin->rk, &topic, 1, options, queue);
    event = await(admin, queue, deadline_ms, err);
    if (event == NULL)
        return false;
    results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    code = topic_verdict(results, count, &text);
    *ret_existed = code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || *ret_existed)
        return true;
    return failed(admin, code, text, err);
}

static rd_kafka_NewTopic_t *new_topic(const struct kafka_new_topic *topic, struct error *err)
{
    char text[KAFKA_RDKAFKA_TEXT_MAX] = "";
    rd_kafka_NewTopic_t *new_one = rd_kafka_NewTopic_new(topic->name, topic->partitions,
                                                         topic->replication, text, sizeof(text));

    if (new_one == NULL) {
        error_set(err, ERROR_FATAL, "kafka-refused", "%s", text);
        return NULL;
    }
    for (size_t i = 0; i < topic->settings_count; i++)
        rd_kafka_NewTopic_set_config(new_one, topic->settings[i].key, topic->settings[i].value);
    return new_one;
}

/* Metadata spreads after the creation; a record sent before would wait for a retry. */
static bool await_leaders(struct kafka_admin *admin, const char *topic, int64_t deadline_ms,
                          struct error *err)
{
    int32_t partitions, leaders;

    for (;;) {
        if (!look_up(admin, topic, deadline_ms, &partitions, &leaders, err))
            return false;
        if (partitions > 0 && leaders == partitions)
            return true;
        if (clock_monotonic_ms() >= deadline_ms)
            return error_set(err, ERROR_TRANSIENT, "kafka-timed-out",
                             "%d of %d partitions have a leader", (int)leaders, (int)partitions);
        rd_kafka_poll(admin->rk, LEADER_LOOK_MS);
    }
}

bool kafka_admin_create(struct kafka_admin *admin, const struct kafka_new_topic *topic,
                        int64_t deadline_ms, bool *ret_existed, struct error *err)
{
    SCOPED(rd_kafka_NewTopic_destroy) rd_kafka_NewTopic_t *request = new_topic(topic, err);

    if (request == NULL || !request_creation(admin, request, deadline_ms, ret_existed, err) ||
        !await_leaders(admin, topic->name, deadline_ms, err))
        return error_wrap(err, "create topic '%s'", topic->name);
    return true;
}

bool kafka_admin_delete(struct kafka_admin *admin, const char *topic, int64_t deadline_ms,
                        struct error *err)
{
    SCOPED(rd_kafka_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    SCOPED(rd_kafka_AdminOptions_destroy)
    rd_kafka_AdminOptions_t *options =
        options_new(admin, RD_KAFKA_ADMIN_OP_DELETETOPICS, deadline_ms);
    SCOPED(rd_kafka_DeleteTopic_destroy)
    rd_kafka_DeleteTopic_t *request = rd_kafka_DeleteTopic_new(topic);
    SCOPED(rd_kafka_event_destroy) rd_kafka_event_t *event = NULL;
    const rd_kafka_topic_result_t **results;
    const char *text;
    rd_kafka_resp_err_t code;
    size_t count;

    rd_kafka_DeleteTopics(admin->rk, &request, 1, options, queue);
    event = await(admin, queue, deadline_ms, err);
    if (event == NULL)
        return error_wrap(err, "delete topic '%s'", topic);
    results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    code = topic_verdict(results, count, &text);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return true;
    failed(admin, code, text, err);
    return error_wrap(err, "delete topic '%s'", topic);
}

static void fill_settings(const rd_kafka_ConfigResource_t *resource,
                          struct kafka_topic_setting *settings, size_t settings_count)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

    for (size_t s = 0; s < settings_count; s++)
        for (size_t i = 0; i < count; i++)
            if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), settings[s].key) == 0 &&
                rd_kafka_ConfigEntry_value(entries[i]) != NULL)
                snprintf(settings[s].value, sizeof(settings[s].value), "%s",
                         rd_kafka_ConfigEntry_value(entries[i]));
}

bool kafka_admin_describe(struct kafka_admin *admin, const char *topic,
                          struct kafka_topic_setting *settings, size_t count, int64_t deadline_ms,
                          struct error *err)
{
    SCOPED(rd_kafka_queue_destroy) rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->rk);
    SCOPED(rd_kafka_AdminOptions_destroy)
    rd_kafka_AdminOptions_t *options =
        options_new(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline_ms);
    SCOPED(rd_kafka_ConfigResource_destroy)
    rd_kafka_ConfigResource_t *request =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    SCOPED(rd_kafka_event_destroy) rd_kafka_event_t *event = NULL;
    const rd_kafka_ConfigResource_t **results;
    size_t results_count;

    for (size_t i = 0; i < count; i++)
        settings[i].value[0] = '\0';
    rd_kafka_DescribeConfigs(admin->rk, &request, 1, options, queue);
    event = await(admin, queue, deadline_ms, err);
    if (event == NULL)
        return error_wrap(err, "describe topic '%s'", topic);
    results = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &results_count);
    assert(results_count == 1);
    if (rd_kafka_ConfigResource_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed(admin, rd_kafka_ConfigResource_error(results[0]),
               rd_kafka_ConfigResource_error_string(results[0]), err);
        return error_wrap(err, "describe topic '%s'", topic);
    }
    fill_settings(results[0], settings, count);
    return true;
}
