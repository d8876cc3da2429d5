/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/v1/jobs: long work, how far it is, and ending it. */
#include "api/admin_json.h"
#include "api/api_internal.h"
#include "base/arena.h"
#include "base/log.h"
#include "projection/job.h"

enum { LIMIT = 50, LIMIT_MAX = 500 };

struct job_call { /* a call's `data` */
    int64_t id;
    int64_t limit;
};

static bool read_list(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct job_call *asked = call->data;
    struct job *jobs;
    size_t count;

    if (!jobs_load(reader->conn, 0, (size_t)asked->limit, call->arena, &jobs, &count, err))
        return false;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        admin_write_job(&jobs[i], &body);
    }
    buf_add_cstr(&body, "],\"next_cursor\":null}");
    call_json(call, 200, &body);
    return true;
}

static void serve_list(struct call *call)
{
    struct job_call *asked = ARENA_NEW(call->arena, struct job_call);

    asked->limit = LIMIT;
    call_query_number(call, "limit", 1, LIMIT_MAX, &asked->limit);
    call->data = asked;
    if (call_accepts(call, "application/json") && call_query_done(call))
        query_submit(call->api->queries, call, read_list);
}

bool admin_take_job(struct call *call, int64_t *ret_job)
{
    uint64_t id;

    if (!str_to_u64(call_path_parameter(call, "id"), INT64_MAX - 1, &id) || id == 0) {
        call_problem(call, "not-found", STR_NONE, "there is no job of this id");
        return false;
    }
    *ret_job = (int64_t)id;
    return true;
}

static bool take_id(struct call *call)
{
    struct job_call *asked = ARENA_NEW(call->arena, struct job_call);

    call->data = asked;
    return admin_take_job(call, &asked->id);
}

bool admin_answer_job(struct call *call, struct reader *reader, int64_t id, int status,
                      struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct job job;
    bool found;

    if (!job_load(reader->conn, id, call->arena, &job, &found, err))
        return false;
    if (!found) {
        call_problem(call, "not-found", STR_NONE, "there is no job of this id");
        return true;
    }
    admin_write_job(&job, &body);
    if (status == 202)
        call_header(call, "Location",
                    arena_printf(call->arena, "/admin/v1/jobs/%lld", (long long)id));
    call_json(call, status, &body);
    return true;
}

static bool read_job(struct call *call, struct reader *reader, struct error *err)
{
    const struct job_call *asked = call->data;

    return admin_answer_job(call, reader, asked->id, 200, err);
}

static void serve_job(struct call *call)
{
    if (call_accepts(call, "application/json") && take_id(call) && call_query_done(call))
        query_submit(call->api->queries, call, read_job);
}

static bool cancel_job(struct call *call, struct reader *reader, struct error *err)
{
    const struct job_call *asked = call->data;
    struct str by = admin_requester(call);
    bool was_open;

    if (!job_cancel(reader->conn, asked->id, by, &was_open, err))
        return false;
    if (was_open)
        log_info("a job was cancelled", LOG_I64("job", asked->id), LOG_STR("by", by));
    return admin_answer_job(call, reader, asked->id, was_open ? 202 : 200, err);
}

static void serve_cancel(struct call *call)
{
    if (call_accepts(call, "application/json") && take_id(call) && call_query_done(call) &&
        admin_take_empty_body(call))
        query_submit(call->api->queries, call, cancel_job);
}

void job_routes(struct api *api)
{
    api_route(api, HTTP_GET, "/admin/v1/jobs", serve_list, NULL);
    api_route(api, HTTP_GET, "/admin/v1/jobs/{id}", serve_job, NULL);
    api_route(api, HTTP_POST, "/admin/v1/jobs/{id}/cancel", serve_cancel, NULL);
}
