/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics: whether they are there, their partitions and settings; making them.
 *
 * Threads: one owner. Every call ends at its deadline (monotonic ms).
 */
#ifndef DAYBOOK_KAFKA_ADMIN_H
#define DAYBOOK_KAFKA_ADMIN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "kafka/config.h"

struct kafka_admin;

MUST_CHECK bool kafka_admin_new(const struct kafka_config *config, struct kafka_admin **ret_admin,
                                struct error *err);
void kafka_admin_free(struct kafka_admin *admin);
SCOPED_DEFINE(struct kafka_admin *, kafka_admin_free);

/* *ret_count: 0 when the topic does not exist. Never creates one. */
MUST_CHECK bool kafka_admin_partitions(struct kafka_admin *admin, const char *topic,
                                       int64_t deadline_ms, int32_t *ret_count, struct error *err);

struct kafka_new_topic {
    const char *name;
    int32_t partitions;
    int replication;
    const struct kafka_pair *settings; /* e.g. cleanup.policy */
    size_t settings_count;
};

/* Makes it and waits until every partition has a leader. *ret_existed: somebody was faster; it is
 * left as it is. */
MUST_CHECK bool kafka_admin_create(struct kafka_admin *admin, const struct kafka_new_topic *topic,
                                   int64_t deadline_ms, bool *ret_existed, struct error *err);
MUST_CHECK bool kafka_admin_delete(struct kafka_admin *admin, const char *topic,
                                   int64_t deadline_ms, struct error *err);

enum { KAFKA_SETTING_MAX = 256 };

struct kafka_topic_setting {
    const char *key;               /* asked */
    char value[KAFKA_SETTING_MAX]; /* answered; "" when the broker does not know the key */
};

/* Fills in the value of each of SETTINGS for an existing topic. */
MUST_CHECK bool kafka_admin_describe(struct kafka_admin *admin, const char *topic,
                                     struct kafka_topic_setting *settings, size_t count,
                                     int64_t deadline_ms, struct error *err);

#endif
