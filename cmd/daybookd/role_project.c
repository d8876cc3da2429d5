/* SPDX-License-Identifier: Apache-2.0 */
/* The role that builds read models from Kafka. */
#include "cmd/daybookd/roles.h"
#include "cmd/daybookd/settings.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "projection/job_runner.h"
#include "projection/projector.h"
#include "projection/rebuild_job.h"
#include "projection/replay.h"
#include "verify/verify_job.h"

struct state {
    struct projector *projector;
    struct job_runner *jobs;
};

static bool start_jobs(struct role_context *context, struct job_runner **ret_jobs,
                       struct error *err)
{
    static const struct job_kind *const kinds[] = {&rebuild_kind, &activate_kind, &rollback_kind,
                                                   &replay_kind,  &verify_kind,   NULL};
    const struct config *config = context->config;
    struct job_config job_config = {
        .postgres = settings_postgres(config, "daybookd job"),
        .kafka = settings_kafka(config, context->instance, context->arena),
        .instance = context->instance,
        .projections = context->projections,
        .kinds = kinds,
        .topic_partitions = (int32_t)config_number(config, "publisher.partitions"),
        .topic_replication = (int)config_number(config, "publisher.replication"),
        .topic_retention_ms = config_number(config, "publisher.retention"),
        .fill_lanes = (unsigned)config_number(config, "projection.rebuild_lanes"),
    };

    return job_runner_start(&job_config, ret_jobs, err);
}

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
        .parking = settings_parking(config),
    };
    struct state *state = ARENA_NEW(context->arena, struct state);

    /* settings_check() has read it before. */
    settings_parking_overrides(config, context->known, context->arena,
                               &projector_config.parking_overrides);
    (void)identity; /* it notices by itself when the log becomes another */
    if (!projector_start(&projector_config, &state->projector, err))
        return false;
    if (!start_jobs(context, &state->jobs, err)) {
        projector_stop(state->projector);
        return false;
    }
    *ret_state = state;
    return true;
}

static void stop(void *arg)
{
    struct state *state = arg;

    job_runner_stop(state->jobs);
    projector_stop(state->projector);
}

static bool is_working(struct str state)
{
    return str_equal(state, STR("running")) || str_equal(state, STR("catching_up"));
}

/* NULL: jobs are looked after. */
static const char *trouble_of_jobs(const struct job_runner_status *jobs, struct arena *arena)
{
    switch (jobs->state) {
    case JOB_WATCH_TROUBLED:
        return arena_printf(arena, "jobs can not be looked after: %s", jobs->error.text).data;
    case JOB_WATCH_STUCK:
        return "jobs are not looked after: their thread does not come round";
    case JOB_WATCH_WELL:
        break;
    }
    return NULL;
}

/* The first projection that does not work is named: what is up with the others is in the status. */
static bool all_work(const struct state *state, struct arena *arena, struct str *ret_reason)
{
    struct projection_status *statuses;
    size_t count;

    projector_status(state->projector, arena, &statuses, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_working(statuses[i].state))
            continue;
        *ret_reason =
            arena_printf(arena, "projection '" STR_FMT "' is " STR_FMT "%s" STR_FMT,
                         STR_ARG(statuses[i].name), STR_ARG(statuses[i].state),
                         statuses[i].reason.len > 0 ? ": " : "", STR_ARG(statuses[i].reason));
        return false;
    }
    return true;
}

static void health(void *arg, struct arena *arena, struct role_health *ret)
{
    const struct state *state = arg;
    struct job_runner_status jobs;
    const char *trouble;

    job_runner_status(state->jobs, &jobs);
    trouble = trouble_of_jobs(&jobs, arena);
    if (trouble != NULL)
        ret->reason = str_of(trouble);
    if (trouble != NULL || !all_work(state, arena, &ret->reason))
        ret->state = "degraded";
}

static void write_jobs(const struct state *state, struct arena *arena, struct buf *out)
{
    struct job_runner_status jobs;
    const char *trouble;

    job_runner_status(state->jobs, &jobs);
    trouble = trouble_of_jobs(&jobs, arena);
    json_write_key(out, "jobs");
    buf_add_cstr(out, "{\"running\":");
    buf_add_u64(out, jobs.running);
    json_write_key(out, "trouble");
    if (trouble != NULL)
        json_write_cstr(out, trouble);
    else
        buf_add_cstr(out, "null");
    buf_add_char(out, '}');
}

static void write_detail(void *arg, struct buf *out)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    const struct state *state = arg;
    struct projection_status *statuses;
    size_t count;

    write_jobs(state, arena, out);
    projector_status(state->projector, arena, &statuses, &count);
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
