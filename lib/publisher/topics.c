/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/topics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NUMBER_MAX = 24,
    MIN_INSYNC_OF_THREE = 2, /* one broker may be away without losing what was acknowledged */
};

void topics_event_name(const char *prefix, struct str category, char out[CURSOR_TOPIC_MAX])
{
    int len = snprintf(out, CURSOR_TOPIC_MAX, "%s." STR_FMT, prefix, STR_ARG(category));

    assert(len > 0 && len < CURSOR_TOPIC_MAX);
}

void topics_cursor_name(const char *prefix, char out[CURSOR_TOPIC_MAX])
{
    topics_event_name(prefix, STR("cursor"), out);
}

static const char *min_insync(const struct topics_config *config, char out[NUMBER_MAX])
{
    snprintf(out, NUMBER_MAX, "%d", config->replication >= 3 ? MIN_INSYNC_OF_THREE : 1);
    return out;
}

bool topics_make_event(struct kafka_admin *admin, const struct topics_config *config,
                       const char *topic, int64_t deadline_ms, int32_t *ret_partitions,
                       struct error *err)
{
    char retention[NUMBER_MAX], bytes[NUMBER_MAX], insync[NUMBER_MAX];
    const struct kafka_pair settings[] = {
        {"cleanup.policy", "delete"},
        {"retention.ms", retention},
        {"max.message.bytes", bytes},
        {"min.insync.replicas", min_insync(config, insync)},
    };
    const struct kafka_new_topic request = {
        .name = topic,
        .partitions = config->partitions,
        .replication = config->replication,
        .settings = settings,
        .settings_count = sizeof(settings) / sizeof(settings[0]),
    };
    bool existed;

    snprintf(retention, sizeof(retention), "%" PRId64, config->retention_ms);
    snprintf(bytes, sizeof(bytes), "%d", TOPIC_BATCH_BYTES_MAX);
    if (!kafka_admin_partitions(admin, topic, deadline_ms, ret_partitions, err))
        return false;
    if (*ret_partitions > 0)
        return true;
    if (!kafka_admin_create(admin, &request, deadline_ms, &existed, err))
        return false;
    return kafka_admin_partitions(admin, topic, deadline_ms, ret_partitions, err);
}

/* Only closed segments are compacted, so they are small: old cursors go soon. */
bool topics_make_cursor(struct kafka_admin *admin, const struct topics_config *config,
                        const char *topic, int64_t deadline_ms, struct error *err)
{
    char insync[NUMBER_MAX];
    const struct kafka_pair settings[] = {
        {"cleanup.policy", "compact"},
        {"segment.bytes", "16777216"},
        {"min.cleanable.dirty.ratio", "0.1"},
        {"min.insync.replicas", min_insync(config, insync)},
    };
    const struct kafka_new_topic request = {
        .name = topic,
        .partitions = 1,
        .replication = config->replication,
        .settings = settings,
        .settings_count = sizeof(settings) / sizeof(settings[0]),
    };
    int32_t partitions;
    bool existed;

    if (!kafka_admin_partitions(admin, topic, deadline_ms, &partitions, err))
        return false;
    return partitions > 0 || kafka_admin_create(admin, &request, deadline_ms, &existed, err);
}

static bool is_set(const struct kafka_topic_setting *setting, const char *word)
{
    return strstr(setting->value, word) != NULL;
}

bool topics_check(struct kafka_admin *admin, enum topics_kind kind, const char *topic,
                  int64_t deadline_ms, char *fault, size_t fault_bytes, struct error *err)
{
    struct kafka_topic_setting settings[] = {
        {.key = "cleanup.policy"},
        {.key = "max.message.bytes"},
    };
    uint64_t bytes = 0;

    fault[0] = '\0';
    if (!kafka_admin_describe(admin, topic, settings, 2, deadline_ms, err))
        return false;
    if (kind == TOPICS_CURSOR && !is_set(&settings[0], "compact"))
        snprintf(fault, fault_bytes, "cleanup.policy is '%s': it must be 'compact'",
                 settings[0].value);
    if (kind == TOPICS_EVENTS && is_set(&settings[0], "compact"))
        snprintf(fault, fault_bytes, "cleanup.policy is '%s': compaction would drop events",
                 settings[0].value);
    if (!str_to_u64(str_of(settings[1].value), UINT64_MAX, &bytes) ||
        bytes < TOPIC_MESSAGE_BYTES_MAX)
        snprintf(fault, fault_bytes, "max.message.bytes is '%s': it must be at least %d",
                 settings[1].value, TOPIC_MESSAGE_BYTES_MAX);
    return true;
}
