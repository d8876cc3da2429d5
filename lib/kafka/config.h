/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings for librdkafka: pairs passed through from [kafka], [kafka.producer], [kafka.consumer],
 * under the settings that exactly-once depends on, which are ours and refused with the reason.
 *
 * Threads: any; read-only.
 */
#ifndef DAYBOOK_KAFKA_CONFIG_H
#define DAYBOOK_KAFKA_CONFIG_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct kafka_pair {
    const char *key; /* of librdkafka, e.g. "bootstrap.servers" */
    const char *value;
};

struct kafka_pairs {
    const struct kafka_pair *pairs;
    size_t count;
};

/* Borrowed; must live as long as any client made from it. */
struct kafka_config {
    struct kafka_pairs common;   /* [kafka]: every client */
    struct kafka_pairs producer; /* [kafka.producer]: over common */
    struct kafka_pairs consumer; /* [kafka.consumer]: over common */
    const char *client_id;       /* the instance's name, for the brokers' logs */
};

/* Keys that may not be set and why: {key, reason}, ends with {NULL, NULL}. One list for all three
 * sections. A key that needs a certain value only (socket.max.fails) is not in it. */
extern const char *const kafka_refused_keys[][2];

/* Values that are never shown: passwords and keys. */
bool kafka_key_is_secret(const char *key);

/* One fault: of "kafka.producer", what is wrong with a key. */
typedef void (*kafka_fault_fn)(void *arg, const char *section, const char *key, const char *why);

/* Every pair is tried against librdkafka: unknown keys, bad values, refused keys and values. Reads
 * no network. True: there was no fault. */
bool kafka_config_check(const struct kafka_config *config, kafka_fault_fn fault, void *arg);

#endif
