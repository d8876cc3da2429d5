/* SPDX-License-Identifier: Apache-2.0 */
#include "api/admin_json.h"

#include "base/buf.h"
#include "base/json.h"
#include "eventlog/processes.h"
#include "projection/generation_view.h"
#include "projection/job.h"
#include "projection/status.h"
#include "publisher/control.h"

static void write_state(struct buf *out, struct str state, struct str reason)
{
    json_add_str(out, "state", state);
    json_add_str(out, "reason", reason);
}

/* A process. */

static void write_roles(struct buf *out, struct str roles)
{
    const char *comma = "";

    json_write_key(out, "roles");
    buf_add_char(out, '[');
    while (roles.len > 0) {
        struct str role = str_split(roles, ',', &roles);

        buf_add_cstr(out, comma);
        json_write_str(out, role);
        comma = ",";
    }
    buf_add_char(out, ']');
}

void admin_write_process(const struct process_seen *seen, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "id", seen->process.id);
    json_add_str(out, "instance", seen->process.instance);
    json_add_str(out, "host", seen->process.host);
    json_add_i64(out, "pid", seen->process.pid);
    write_roles(out, seen->process.roles);
    json_add_str(out, "version", seen->process.version);
    json_add_time(out, "started_at", seen->process.started_at_us);
    json_add_time(out, "heartbeat_at", seen->heartbeat_at_us);
    json_add_i64(out, "age_ms", seen->age_ms);
    json_add_bool(out, "alive", seen->alive);
    json_write_key(out, "detail");
    buf_add_str(out, seen->detail);
    buf_add_char(out, '}');
}

/* The publisher. */

void admin_write_publisher(const struct publisher_view *view, struct buf *out)
{
    buf_add_char(out, '{');
    write_state(out, view->state, view->reason);
    json_add_str(out, "detail", view->detail);
    json_add_bool(out, "paused", view->paused);
    json_add_str(out, "leader", view->holder);
    json_add_bool(out, "leader_alive", view->leader_alive);
    json_add_i64(out, "epoch", view->epoch);
    json_add_time(out, "since", view->since_us);
    json_add_time(out, "updated_at", view->updated_us);
    json_add_i64(out, "position", view->position.n);
    json_add_i64(out, "head", view->head.n);
    json_add_i64(out, "lag_events", view->head.n - view->position.n);
    json_add_i64(out, "lag_ms", view->lag_ms);
    buf_add_char(out, '}');
}

/* A projection. */

static void write_partition(const struct partition_status *partition, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "topic", partition->topic);
    json_add_i64(out, "partition", partition->partition);
    write_state(out, partition->state, partition->reason);
    json_add_time(out, "since", partition->since_us);
    json_add_i64(out, "position", partition->position.n);
    json_write_key(out, "offset");
    if (partition->offset.n < 0)
        buf_add_cstr(out, "null");
    else
        buf_add_i64(out, partition->offset.n);
    json_add_str(out, "owner", partition->owner);
    json_add_time(out, "updated_at", partition->updated_us);
    buf_add_char(out, '}');
}

static void write_place(const struct generation_place *place, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "topic", place->topic);
    json_add_i64(out, "partition", place->partition);
    json_add_i64(out, "position", place->position.n);
    write_state(out, place->state, place->reason);
    buf_add_char(out, '}');
}

static void write_generation(const struct generation_view *view, struct buf *out)
{
    const struct generation *g = &view->generation;

    buf_add_char(out, '{');
    json_add_i64(out, "generation", g->number);
    write_state(out, str_of(generation_state_name(g->state)), g->reason);
    json_add_time(out, "since", g->since_us);
    json_add_time(out, "made_at", g->made_us);
    json_add_i64(out, "filled_to", g->target.n);
    if (generation_runs(g->state)) {
        json_add_i64(out, "lag_events", view->progress.lag);
        json_add_i64(out, "partitions_behind", view->progress.behind);
        json_add_i64(out, "parked", view->progress.parked);
    }
    json_write_key(out, "checkpoints");
    buf_add_char(out, '[');
    for (size_t i = 0; i < view->places_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_place(&view->places[i], out);
    }
    buf_add_cstr(out, "]}");
}

static void write_generations(const struct generation_view *views, size_t count, struct buf *out)
{
    json_write_key(out, "generations");
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_generation(&views[i], out);
    }
    buf_add_char(out, ']');
}

void admin_write_projection(const struct projection_status *status,
                            const struct generation_view *views, size_t views_count,
                            struct buf *out)
{
    buf_add_char(out, '{');
    json_add_str(out, "name", status->name);
    json_add_i64(out, "generation", status->generation);
    write_state(out, status->state, status->reason);
    json_add_time(out, "since", status->since_us);
    json_add_i64(out, "position", status->position.n);
    json_add_i64(out, "lag_events", status->lag_events);
    json_add_i64(out, "lag_ms", status->lag_ms);
    json_add_i64(out, "parked_keys", status->parked_keys);
    json_add_i64(out, "dead_letters", status->dead_letters);
    if (views)
        write_generations(views, views_count, out);
    json_write_key(out, "partitions");
    buf_add_char(out, '[');
    for (size_t i = 0; i < status->partitions_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_partition(&status->partitions[i], out);
    }
    buf_add_cstr(out, "]}");
}

/* A job. */

static void write_number_or_null(struct buf *out, const char *key, int64_t value, bool known)
{
    json_write_key(out, key);
    if (known)
        buf_add_i64(out, value);
    else
        buf_add_cstr(out, "null");
}

/* By its rate; null: not known, or it follows a log that goes on. */
static void write_left(const struct job *job, struct buf *out)
{
    bool known = job->state == JOB_RUNNING && job->rate > 0 && job->total > job->done;

    write_number_or_null(out, "eta_seconds", known ? (job->total - job->done) / job->rate : 0,
                         known);
}

void admin_write_job(const struct job *job, struct buf *out)
{
    buf_add_char(out, '{');
    json_add_i64(out, "id", job->id);
    json_add_str(out, "kind", job->kind);
    json_add_str(out, "projection", job->projection);
    json_write_key(out, "arguments");
    buf_add_str(out, job->arguments);
    json_add_str(out, "state", str_of(job_state_name(job->state)));
    json_add_str(out, "message", job->message);
    json_add_i64(out, "done", job->done);
    write_number_or_null(out, "total", job->total, job->total > 0);
    json_add_i64(out, "rate", job->rate);
    write_left(job, out);
    json_add_i64(out, "lag_events", job->lag);
    json_add_i64(out, "parked", job->parked);
    json_add_str(out, "holder", job->holder);
    json_add_bool(out, "held", job->held);
    json_add_str(out, "requested_by", job->requested_by);
    json_add_time(out, "requested_at", job->requested_us);
    json_add_time(out, "started_at", job->started_us);
    json_add_time(out, "heartbeat_at", job->heartbeat_us);
    json_add_time(out, "finished_at", job->finished_us);
    json_add_str(out, "cancel_requested_by", job->cancel_requested_by);
    buf_add_char(out, '}');
}
