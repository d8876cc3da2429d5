/* SPDX-License-Identifier: Apache-2.0 */
/* The role that builds read models from Kafka. */
#include "cmd/daybookd/roles.h"
#include "cmd/daybookd/settings.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "projection/projector.h"

static bool start(struct role_context *context, const struct log_identity *identity,
                  void **ret_state, struct error *err)
{
    const struct config *config = context->config;
    struct projector_config projector_config = {
        .postgres = settings_postgres(config, "daybookd projector"),
        .kafka = settings_kafka(config, context->instance, context->arena),
        .instance = context->instance,
        .projections = context->projections,
        .workers = (unsigned)config_number(config, "projection.workers"),
        .batch_events_max = (size_t)config_number(config, "projection.batch_events_max"),
        .queue_events_max = (size_t)config_number(config, "projection.queue_events_max"),
        .queue_bytes_max = (size_t)config_number(config, "projection.queue_bytes_max"),
        .fetch_queue_bytes_max = (size_t)config_number(config, "projection.fetch_queue_bytes_max"),
        .session_timeout_ms = (int)config_number(config, "projection.session_timeout"),
    };
    struct projector *projector;

    (void)identity; /* it notices by itself when the log becomes another */
    if (!projector_start(&projector_config, &projector, err))
        return false;
    *ret_state = projector;
    return true;
}

static void stop(void *state)
{
    projector_stop(state);
}

static bool is_working(struct str state)
{
    return str_equal(state, STR("running")) || str_equal(state, STR("catching_up"));
}

/* The first projection that does not work is named: what is up with the others is in the status. */
static void health(void *state, struct arena *arena, struct role_health *ret)
{
    struct projection_status *statuses;
    size_t count;

    projector_status(state, arena, &statuses, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_working(statuses[i].state))
            continue;
        ret->state = "degraded";
        ret->reason =
            arena_printf(arena, "projection '" STR_FMT "' is " STR_FMT "%s" STR_FMT,
                         STR_ARG(statuses[i].name), STR_ARG(statuses[i].state),
                         statuses[i].reason.len > 0 ? ": " : "", STR_ARG(statuses[i].reason));
        return;
    }
}

static void write_detail(void *state, struct buf *out)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct projection_status *statuses;
    size_t count;

    projector_status(state, arena, &statuses, &count);
    json_write_key(out, "projections");
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        json_write_key(out, arena_cstr(arena, statuses[i].name));
        buf_add_cstr(out, "{\"state\":");
        json_write_str(out, statuses[i].state);
        json_write_key(out, "reason");
        json_write_str(out, statuses[i].reason);
        json_write_key(out, "since");
        json_write_time(out, statuses[i].since_us);
        json_write_key(out, "whole");
        buf_add_cstr(out, statuses[i].is_whole ? "true" : "false");
        json_write_key(out, "partitions");
        buf_add_u64(out, statuses[i].partitions_count);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

const struct role project_role = {
    .name = "project",
    .start = start,
    .stop = stop,
    .health = health,
    .write_detail = write_detail,
};
