/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/message.h"

#include "kafka/kafka_internal.h"

/* A kafka_message is librdkafka's own: nothing is copied or allocated for the wrapper. */

struct kafka_message *kafka_message_wrap(rd_kafka_message_t *message)
{
    return (struct kafka_message *)message;
}

static const rd_kafka_message_t *inner(const struct kafka_message *message)
{
    return (const rd_kafka_message_t *)message;
}

void kafka_message_free(struct kafka_message *message)
{
    if (message != NULL)
        rd_kafka_message_destroy((rd_kafka_message_t *)message);
}

const char *kafka_message_topic(const struct kafka_message *message)
{
    return rd_kafka_topic_name(inner(message)->rkt);
}

int32_t kafka_message_partition(const struct kafka_message *message)
{
    return inner(message)->partition;
}

struct kafka_offset kafka_message_offset(const struct kafka_message *message)
{
    return (struct kafka_offset){inner(message)->offset};
}

int64_t kafka_message_timestamp_ms(const struct kafka_message *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp = rd_kafka_message_timestamp(inner(message), &type);

    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp;
}

struct str kafka_message_key(const struct kafka_message *message)
{
    return str_from(inner(message)->key, inner(message)->key_len);
}

struct str kafka_message_value(const struct kafka_message *message)
{
    return str_from(inner(message)->payload, inner(message)->len);
}

size_t kafka_message_bytes(const struct kafka_message *message)
{
    return inner(message)->key_len + inner(message)->len;
}

bool kafka_message_header(const struct kafka_message *message, const char *name,
                          struct str *ret_value)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(inner(message), &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    if (rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *ret_value = str_from(value, len);
    return true;
}

bool kafka_message_header_at(const struct kafka_message *message, size_t index,
                             const char **ret_name, struct str *ret_value)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;

    if (rd_kafka_message_headers(inner(message), &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    if (rd_kafka_header_get_all(headers, index, ret_name, &value, &len) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *ret_value = str_from(value, len);
    return true;
}
