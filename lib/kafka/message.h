/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message as a consumer or reader got it. Strings borrow from it until kafka_message_free().
 *
 * Threads: one owner at a time; ownership may move. All messages of a consumer must be freed before
 * the consumer is.
 */
#ifndef DAYBOOK_KAFKA_MESSAGE_H
#define DAYBOOK_KAFKA_MESSAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"
#include "base/str.h"
#include "base/units.h"

struct kafka_message;

void kafka_message_free(struct kafka_message *message);
SCOPED_DEFINE(struct kafka_message *, kafka_message_free);

const char *kafka_message_topic(const struct kafka_message *message);
int32_t kafka_message_partition(const struct kafka_message *message);
struct kafka_offset kafka_message_offset(const struct kafka_message *message);
int64_t kafka_message_timestamp_ms(const struct kafka_message *message); /* -1: none */
struct str kafka_message_key(const struct kafka_message *message);       /* data NULL: none */
struct str kafka_message_value(const struct kafka_message *message);     /* data NULL: none */
size_t kafka_message_bytes(const struct kafka_message *message);         /* key and value */

/* Headers in order: INDEX from 0 on; the value's data may be NULL. False: there is none. */
bool kafka_message_header_at(const struct kafka_message *message, size_t index,
                             const char **ret_name, struct str *ret_value);

/* The last header of that name; its value's data may be NULL. False: there is none. */
bool kafka_message_header(const struct kafka_message *message, const char *name,
                          struct str *ret_value);

#endif
