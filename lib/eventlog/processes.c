/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/processes.h"

#include "base/arena.h"
#include "postgres/pg.h"

static const char sql_beat[] =
    "insert into processes (id, instance, host, pid, roles, version, started_at, heartbeat_at, "
    "detail) values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $8) on conflict (id) do update "
    "set heartbeat_at = excluded.heartbeat_at, detail = excluded.detail";
static const char sql_succeed[] = "delete from processes where instance = $1 and roles = $2 and "
                                  "heartbeat_at < clock_timestamp() - $3::bigint * interval '1 ms'";
static const char sql_leave[] = "delete from processes where id = $1";

enum {
    SEEN_ID,
    SEEN_INSTANCE,
    SEEN_HOST,
    SEEN_PID,
    SEEN_ROLES,
    SEEN_VERSION,
    SEEN_STARTED_AT,
    SEEN_HEARTBEAT_AT,
    SEEN_AGE_MS,
    SEEN_DETAIL,
};
static const char sql_list[] =
    "select id, instance, host, pid, roles, version, started_at, heartbeat_at, "
    "(extract(epoch from clock_timestamp() - heartbeat_at) * 1000)::bigint, detail "
    "from processes order by instance, started_at, id";

static bool forget_predecessors(struct pg_conn *conn, const struct process *process,
                                struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, process->instance);
    pg_add_str(&params, process->roles);
    pg_add_i64(&params, PROCESS_ALIVE_MS);
    return pg_query(conn, sql_succeed, &params, NULL, err);
}

bool process_beat(struct pg_conn *conn, const struct process *process, struct str detail,
                  bool first, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, process->id);
    pg_add_str(&params, process->instance);
    pg_add_str(&params, process->host);
    pg_add_i32(&params, process->pid);
    pg_add_str(&params, process->roles);
    pg_add_str(&params, process->version);
    pg_add_time(&params, process->started_at_us);
    pg_add_str(&params, detail);
    return ((!first || forget_predecessors(conn, process, err)) &&
            pg_query(conn, sql_beat, &params, NULL, err)) ||
           error_wrap(err, "report this process");
}

bool process_leave(struct pg_conn *conn, struct str id, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, id);
    return pg_query(conn, sql_leave, &params, NULL, err) || error_wrap(err, "leave the processes");
}

static void take(const struct pg_rows *rows, size_t row, struct arena *arena,
                 struct process_seen *ret)
{
    *ret = (struct process_seen){
        .process = {.id = arena_dup(arena, pg_get_str(rows, row, SEEN_ID)),
                    .instance = arena_dup(arena, pg_get_str(rows, row, SEEN_INSTANCE)),
                    .host = arena_dup(arena, pg_get_str(rows, row, SEEN_HOST)),
                    .pid = (int32_t)pg_get_i64(rows, row, SEEN_PID),
                    .roles = arena_dup(arena, pg_get_str(rows, row, SEEN_ROLES)),
                    .version = arena_dup(arena, pg_get_str(rows, row, SEEN_VERSION)),
                    .started_at_us = pg_get_time(rows, row, SEEN_STARTED_AT)},
        .heartbeat_at_us = pg_get_time(rows, row, SEEN_HEARTBEAT_AT),
        .age_ms = pg_get_i64(rows, row, SEEN_AGE_MS),
        .detail = arena_dup(arena, pg_get_str(rows, row, SEEN_DETAIL)),
    };
    ret->alive = ret->age_ms < PROCESS_ALIVE_MS;
}

bool processes_list(struct pg_conn *conn, struct arena *arena, struct process_seen **ret,
                    size_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!pg_query(conn, sql_list, NULL, &rows, err))
        return error_wrap(err, "list the processes");
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct process_seen, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        take(rows, i, arena, &(*ret)[i]);
    return true;
}
