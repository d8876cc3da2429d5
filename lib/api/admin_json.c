/* SPDX-License-Identifier: Apache-2.0 */
#include "api/admin_json.h"

#include "base/buf.h"
#include "base/json.h"
#include "eventlog/processes.h"
#include "projection/status.h"
#include "publisher/control.h"

/* Members. */

static void write_str(struct buf *out, const char *key, struct str value)
{
    json_write_key(out, key);
    json_write_str(out, value);
}

static void write_number(struct buf *out, const char *key, int64_t value)
{
    json_write_key(out, key);
    buf_add_i64(out, value);
}

static void write_bool(struct buf *out, const char *key, bool value)
{
    json_write_key(out, key);
    buf_add_cstr(out, value ? "true" : "false");
}

/* 0: it never happened. */
static void write_time(struct buf *out, const char *key, int64_t wall_us)
{
    json_write_key(out, key);
    if (wall_us == 0)
        buf_add_cstr(out, "null");
    else
        json_write_time(out, wall_us);
}

static void write_state(struct buf *out, struct str state, struct str reason)
{
    write_str(out, "state", state);
    write_str(out, "reason", reason);
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
    write_str(out, "id", seen->process.id);
    write_str(out, "instance", seen->process.instance);
    write_str(out, "host", seen->process.host);
    write_number(out, "pid", seen->process.pid);
    write_roles(out, seen->process.roles);
    write_str(out, "version", seen->process.version);
    write_time(out, "started_at", seen->process.started_at_us);
    write_time(out, "heartbeat_at", seen->heartbeat_at_us);
    write_number(out, "age_ms", seen->age_ms);
    write_bool(out, "alive", seen->alive);
    json_write_key(out, "detail");
    buf_add_str(out, seen->detail);
    buf_add_char(out, '}');
}

/* The publisher. */

void admin_write_publisher(const struct publisher_view *view, struct buf *out)
{
    buf_add_char(out, '{');
    write_state(out, view->state, view->reason);
    write_str(out, "detail", view->detail);
    write_bool(out, "paused", view->paused);
    write_str(out, "leader", view->holder);
    write_bool(out, "leader_alive", view->leader_alive);
    write_number(out, "epoch", view->epoch);
    write_time(out, "since", view->since_us);
    write_time(out, "updated_at", view->updated_us);
    write_number(out, "position", view->position.n);
    write_number(out, "head", view->head.n);
    write_number(out, "lag_events", view->head.n - view->position.n);
    write_number(out, "lag_ms", view->lag_ms);
    buf_add_char(out, '}');
}

/* A projection. */

static void write_partition(const struct partition_status *partition, struct buf *out)
{
    buf_add_char(out, '{');
    write_str(out, "topic", partition->topic);
    write_number(out, "partition", partition->partition);
    write_state(out, partition->state, partition->reason);
    write_time(out, "since", partition->since_us);
    write_number(out, "position", partition->position.n);
    json_write_key(out, "offset");
    if (partition->offset.n < 0)
        buf_add_cstr(out, "null");
    else
        buf_add_i64(out, partition->offset.n);
    write_str(out, "owner", partition->owner);
    write_time(out, "updated_at", partition->updated_us);
    buf_add_char(out, '}');
}

void admin_write_projection(const struct projection_status *status, struct buf *out)
{
    buf_add_char(out, '{');
    write_str(out, "name", status->name);
    write_number(out, "generation", status->generation);
    write_state(out, status->state, status->reason);
    write_time(out, "since", status->since_us);
    write_number(out, "position", status->position.n);
    write_number(out, "lag_events", status->lag_events);
    write_number(out, "lag_ms", status->lag_ms);
    json_write_key(out, "partitions");
    buf_add_char(out, '[');
    for (size_t i = 0; i < status->partitions_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_partition(&status->partitions[i], out);
    }
    buf_add_cstr(out, "]}");
}
