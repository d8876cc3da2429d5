/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/kafka_internal.h"

/*
 * Codes that mean something else than "try again". What is not here is transient: a new client and
 * a backoff are the answer to everything that librdkafka calls retriable, abortable or fatal (an
 * error that is none of the three counts as fatal, and a client is thrown away for each of them).
 */
static const struct {
    rd_kafka_resp_err_t code;
    enum error_class class;
    const char *slug;
} verdicts[] = {
    {RD_KAFKA_RESP_ERR__FENCED, ERROR_FENCED, "kafka-fenced"},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, ERROR_FENCED, "kafka-fenced"},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, ERROR_FENCED, "kafka-fenced"},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, ERROR_FENCED, "kafka-fenced"},
    {RD_KAFKA_RESP_ERR_TRANSACTION_COORDINATOR_FENCED, ERROR_TRANSIENT, "kafka-away"},

    {RD_KAFKA_RESP_ERR__INVALID_ARG, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, ERROR_FATAL, "kafka-unsupported"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, ERROR_FATAL, "kafka-unsupported"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ERROR_FATAL, "kafka-denied"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERROR_FATAL, "kafka-denied"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ERROR_FATAL, "kafka-denied"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ERROR_FATAL, "kafka-denied"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ERROR_FATAL, "kafka-denied"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, ERROR_FATAL, "kafka-denied"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ERROR_FATAL, "kafka-refused"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, ERROR_FATAL, "kafka-refused"},

    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERROR_TRANSIENT, "kafka-no-topic"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ERROR_TRANSIENT, "kafka-no-topic"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ERROR_TRANSIENT, "kafka-no-topic"},
    {RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, ERROR_TRANSIENT, "kafka-out-of-range"},
    {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ERROR_TRANSIENT, "kafka-out-of-range"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, ERROR_TRANSIENT, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, ERROR_TRANSIENT, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ERROR_TRANSIENT, "kafka-timed-out"},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ERROR_TRANSIENT, "kafka-timed-out"},
};

bool kafka_error_of(struct error *err, rd_kafka_resp_err_t code, const char *text)
{
    const char *name = rd_kafka_err2name(code);

    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
        if (verdicts[i].code == code)
            return error_set(err, verdicts[i].class, verdicts[i].slug, "%s: %s", name, text);
    return error_set(err, ERROR_TRANSIENT, "kafka-away", "%s: %s", name, text);
}

bool kafka_error_take(struct error *err, rd_kafka_error_t *error)
{
    kafka_error_of(err, rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return false;
}
