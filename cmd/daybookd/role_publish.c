/* SPDX-License-Identifier: Apache-2.0 */
/* The role that copies the log to Kafka. */
#include "cmd/daybookd/roles.h"
#include "cmd/daybookd/settings.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "projection/fold.h"
#include "publisher/publisher.h"

#include <string.h>

/* The categories that projections read: their topics are made before anything is in them. */
static const char *const *list_categories(const struct projection *const *projections,
                                          struct arena *arena)
{
    size_t count = 0;

    for (const struct projection *const *p = projections; *p != NULL; p++)
        for (const char *const *category = (*p)->categories; *category != NULL; category++)
            count++;
    const char **all = ARENA_ARRAY(arena, const char *, count + 1);
    count = 0;
    for (const struct projection *const *p = projections; *p != NULL; p++)
        for (const char *const *category = (*p)->categories; *category != NULL; category++) {
            size_t i = 0;

            while (i < count && strcmp(all[i], *category) != 0)
                i++;
            all[i] = *category;
            count += i == count;
        }
    return all;
}

static bool start(struct role_context *context, const struct log_identity *identity,
                  void **ret_state, struct error *err)
{
    const struct config *config = context->config;
    struct publisher_config publisher_config = {
        .postgres = settings_postgres(config, "daybookd publisher"),
        .kafka = settings_kafka(config, context->instance, context->arena),
        .instance = context->instance,
        .categories = list_categories(context->known, context->arena),
        .batch_events_max = (size_t)config_number(config, "publisher.batch_events_max"),
        .batch_bytes_max = (size_t)config_number(config, "publisher.batch_bytes_max"),
        .pause_ms = config_number(config, "publisher.pause"),
        .poll_interval_ms = config_number(config, "publisher.poll_interval"),
        .lease_ms = config_number(config, "publisher.lease"),
        .call_timeout_ms = config_number(config, "publisher.call_timeout"),
        .partitions = (int32_t)config_number(config, "publisher.partitions"),
        .replication = (int)config_number(config, "publisher.replication"),
        .retention_ms = config_number(config, "publisher.retention"),
        .appended = context->appended,
    };
    struct publisher *publisher;

    (void)identity; /* it reads the log's identity each time it becomes the leader */
    if (!publisher_start(&publisher_config, &publisher, err))
        return false;
    *ret_state = publisher;
    return true;
}

static void stop(void *state)
{
    publisher_stop(state);
}

static void health(void *state, struct arena *arena, struct role_health *ret)
{
    struct publisher_status status;

    publisher_status(state, &status);
    switch (status.state) {
    case PUBLISHER_STANDBY:
    case PUBLISHER_RUNNING:
    case PUBLISHER_PAUSED:
        return;
    case PUBLISHER_STARTING:
        ret->reason = STR("the publisher is starting");
        break;
    case PUBLISHER_RETRYING:
        ret->reason = arena_dup(arena, str_of(status.error.text));
        break;
    case PUBLISHER_STOPPED:
        ret->reason =
            arena_printf(arena, "the publisher is stopped: %s: %s", status.reason, status.detail);
        break;
    }
    ret->state = "degraded";
}

static void write_detail(void *state, struct buf *out)
{
    struct publisher_status status;

    publisher_status(state, &status);
    json_write_key(out, "publisher");
    json_write_cstr(out, publisher_state_name(status.state));
    json_write_key(out, "position");
    buf_add_i64(out, status.position.n);
}

const struct role publish_role = {
    .name = "publish",
    .start = start,
    .stop = stop,
    .health = health,
    .write_detail = write_detail,
};
