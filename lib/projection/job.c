/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/job.h"

#include <assert.h>

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/sql.h"

static const char sql_add[] = "insert into jobs (kind, projection, arguments, requested_by)"
                              " values ($1, $2, $3::json, $4) returning id";

bool job_add(struct pg_conn *conn, struct str kind, struct str projection, struct str arguments,
             struct str by, int64_t *ret_id, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, kind);
    pg_add_str(&params, projection);
    pg_add_str(&params, arguments);
    pg_add_str(&params, by);
    if (!pg_query(conn, sql_add, &params, &rows, err))
        return error_wrap(err, "add a job");
    *ret_id = pg_get_i64(rows, 0, 0);
    return true;
}

static struct str text(const struct pg_rows *rows, size_t row, int column, struct arena *arena)
{
    return pg_is_null(rows, row, column) ? STR_NONE
                                         : arena_dup(arena, pg_get_str(rows, row, column));
}

static void read_job(const struct pg_rows *rows, size_t row, struct arena *arena, struct job *ret)
{
    int column = 0;

    ret->id = pg_get_i64(rows, row, column++);
    ret->kind = text(rows, row, column++, arena);
    ret->projection = text(rows, row, column++, arena);
    ret->arguments = text(rows, row, column++, arena);
    ret->state = job_state_parse(pg_get_str(rows, row, column++));
    ret->done = pg_get_i64(rows, row, column++);
    ret->total = pg_get_i64(rows, row, column++);
    ret->rate = pg_get_i64(rows, row, column++);
    ret->parked = pg_get_i64(rows, row, column++);
    ret->lag = pg_get_i64(rows, row, column++);
    ret->message = text(rows, row, column++, arena);
    ret->holder = text(rows, row, column++, arena);
    ret->epoch = pg_get_i64(rows, row, column++);
    ret->held = pg_get_bool(rows, row, column++);
    ret->requested_by = text(rows, row, column++, arena);
    ret->requested_us = pg_get_time(rows, row, column++);
    ret->started_us = pg_get_time(rows, row, column++);
    ret->heartbeat_us = pg_get_time(rows, row, column++);
    ret->finished_us = pg_get_time(rows, row, column++);
    ret->cancel_requested_by = text(rows, row, column++, arena);
}

static void read_jobs(const struct pg_rows *rows, struct arena *arena, struct job **ret,
                      size_t *ret_count)
{
    *ret_count = pg_rows_count(rows);
    *ret = ARENA_ARRAY(arena, struct job, *ret_count);
    for (size_t i = 0; i < *ret_count; i++)
        read_job(rows, i, arena, &(*ret)[i]);
}

bool jobs_load(struct pg_conn *conn, int64_t before, size_t limit, struct arena *arena,
               struct job **ret, size_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, before > 0 ? before : INT64_MAX);
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql_job_load, &params, &rows, err))
        return error_wrap(err, "load jobs");
    read_jobs(rows, arena, ret, ret_count);
    return true;
}

bool job_load(struct pg_conn *conn, int64_t id, struct arena *arena, struct job *ret,
              bool *ret_found, struct error *err)
{
    struct job *jobs;
    size_t count;

    assert(id > 0 && id < INT64_MAX);
    if (!jobs_load(conn, id + 1, 1, arena, &jobs, &count, err))
        return false;
    *ret_found = count == 1 && jobs[0].id == id;
    if (*ret_found)
        *ret = jobs[0];
    return true;
}

bool jobs_free(struct pg_conn *conn, size_t limit, struct arena *arena, struct job **ret,
               size_t *ret_count, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, (int64_t)limit);
    if (!pg_query(conn, sql_job_free, &params, &rows, err))
        return error_wrap(err, "look for jobs");
    read_jobs(rows, arena, ret, ret_count);
    return true;
}

bool job_cancel(struct pg_conn *conn, int64_t id, struct str by, bool *ret_asked, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, id);
    pg_add_str(&params, by);
    if (!pg_query(conn, sql_job_cancel, &params, &rows, err))
        return error_wrap(err, "cancel job %lld", (long long)id);
    *ret_asked = pg_rows_affected(rows) == 1;
    return true;
}

bool job_take(struct pg_conn *conn, const char *holder, struct job *job, bool *ret_taken,
              struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, job->id);
    pg_add_i64(&params, job->epoch);
    pg_add_str(&params, str_of(holder));
    pg_add_i64(&params, JOB_LEASE_MS);
    if (!pg_query(conn, sql_job_take, &params, &rows, err))
        return error_wrap(err, "take job %lld", (long long)job->id);
    *ret_taken = pg_rows_count(rows) == 1;
    if (*ret_taken) {
        job->epoch = pg_get_i64(rows, 0, 0);
        job->state = JOB_RUNNING;
    }
    return true;
}

static bool renew(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
                  int64_t lease_ms, const struct job_progress *progress, struct pg_rows **ret_rows,
                  struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, id);
    pg_add_str(&params, str_of(holder));
    pg_add_i64(&params, epoch);
    pg_add_i64(&params, lease_ms);
    pg_add_i64(&params, progress->done);
    pg_add_i64(&params, progress->total);
    pg_add_i64(&params, progress->rate);
    pg_add_i64(&params, progress->parked);
    pg_add_i64(&params, progress->lag);
    pg_add_str(&params, str_of(progress->message));
    return pg_query(conn, sql_job_renew, &params, ret_rows, err) ||
           error_wrap(err, "report job %lld", (long long)id);
}

bool job_renew(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
               const struct job_progress *progress, bool *ret_renewed, bool *ret_cancel,
               struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!renew(conn, holder, id, epoch, JOB_LEASE_MS, progress, &rows, err))
        return false;
    *ret_renewed = pg_rows_count(rows) == 1;
    *ret_cancel = *ret_renewed && pg_get_bool(rows, 0, 0);
    return true;
}

bool job_give_back(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
                   const struct job_progress *progress, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    if (!renew(conn, holder, id, epoch, 0, progress, &rows, err))
        return false;
    pg_rows_skip(rows);
    return true;
}

static bool forget_old(struct pg_conn *conn, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_i64(&params, JOBS_KEPT);
    return pg_query(conn, sql_jobs_forget, &params, NULL, err);
}

bool job_end(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
             enum job_state state, const struct job_progress *progress, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    assert(job_has_ended(state));

    pg_params_init(&params);
    pg_add_i64(&params, id);
    pg_add_str(&params, str_of(holder));
    pg_add_i64(&params, epoch);
    pg_add_str(&params, str_of(job_state_name(state)));
    pg_add_i64(&params, progress->done);
    pg_add_i64(&params, progress->total);
    pg_add_i64(&params, progress->parked);
    pg_add_i64(&params, progress->lag);
    pg_add_str(&params, str_of(progress->message));
    return (pg_query(conn, sql_job_end, &params, NULL, err) && forget_old(conn, err)) ||
           error_wrap(err, "end job %lld", (long long)id);
}
