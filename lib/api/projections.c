/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/v1/projections: what read models do, and what operators ask of them. */
#include "api/admin_json.h"
#include "api/api_internal.h"
#include "base/arena.h"
#include "base/log.h"
#include "projection/generation_view.h"
#include "projection/job.h"
#include "projection/rebuild.h"
#include "projection/status.h"

enum { RATE_MAX = 10000000 };

struct projection_call { /* a call's `data` */
    const struct projection *projection;
    struct rebuild_request request;
    int64_t generation;
    bool rollback;
    bool pause;
};

const struct projection *projection_in_path(struct call *call)
{
    struct str name = call_path_parameter(call, "projection");

    for (const struct projection *const *p = call->api->config.projections; *p; p++)
        if (str_equal(str_of((*p)->name), name))
            return *p;
    call_problem(call, "not-found", STR_NONE, "there is no projection of this name");
    return NULL;
}

/* NULL, and 404 answered, when there is no such projection. */
static struct projection_call *take_projection(struct call *call)
{
    const struct projection *projection = projection_in_path(call);
    struct projection_call *asked;

    if (!projection)
        return NULL;
    asked = ARENA_NEW(call->arena, struct projection_call);
    asked->projection = projection;
    call->data = asked;
    return asked;
}

/* Looking. */

static bool read_list(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct projection_status *all;
    size_t count;

    if (!projection_status_load(reader->conn, call->api->config.projections, call->arena, &all,
                                &count, err))
        return false;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        admin_write_projection(&all[i], NULL, 0, &body);
    }
    buf_add_cstr(&body, "],\"next_cursor\":null}");
    call_json(call, 200, &body);
    return true;
}

static bool answer_projection(struct call *call, struct reader *reader, int status,
                              struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct projection_call *asked = call->data;
    const struct projection *one[] = {asked->projection, NULL};
    struct projection_status *shown;
    struct generation_view *views;
    size_t count, views_count;

    if (!projection_status_load(reader->conn, one, call->arena, &shown, &count, err) ||
        !generation_views_load(reader->conn, asked->projection, call->arena, &views, &views_count,
                               err))
        return false;
    admin_write_projection(&shown[0], views, views_count, &body);
    call_json(call, status, &body);
    return true;
}

static bool read_projection(struct call *call, struct reader *reader, struct error *err)
{
    return answer_projection(call, reader, 200, err);
}

static void serve_list(struct call *call)
{
    if (call_accepts(call, "application/json") && call_query_done(call))
        query_submit(call->api->queries, call, read_list);
}

static void serve_projection(struct call *call)
{
    if (call_accepts(call, "application/json") && take_projection(call) && call_query_done(call))
        query_submit(call->api->queries, call, read_projection);
}

/* Asking. */

static bool set_paused(struct call *call, struct reader *reader, struct error *err)
{
    const struct projection_call *asked = call->data;
    struct str by = admin_requester(call);

    if (!projection_set_paused(reader->conn, asked->projection, asked->pause, by, err))
        return false;
    log_info(asked->pause ? "a projection was paused" : "a projection was resumed",
             LOG_CSTR("projection", asked->projection->name), LOG_STR("by", by));
    return answer_projection(call, reader, 200, err);
}

static void serve_set_paused(struct call *call, bool pause)
{
    struct projection_call *asked;

    if (!call_accepts(call, "application/json") || !(asked = take_projection(call)) ||
        !call_query_done(call) || !admin_take_empty_body(call))
        return;
    asked->pause = pause;
    query_submit(call->api->queries, call, set_paused);
}

static void serve_pause(struct call *call)
{
    serve_set_paused(call, true);
}

static void serve_resume(struct call *call)
{
    serve_set_paused(call, false);
}

static bool ask_rebuild(struct call *call, struct reader *reader, struct error *err)
{
    const struct projection_call *asked = call->data;
    struct rebuild_asked answer;

    if (!rebuild_request(reader->conn, &asked->request, &answer, err))
        return false;
    log_info("a rebuild was asked for", LOG_CSTR("projection", asked->projection->name),
             LOG_I64("generation", answer.generation), LOG_STR("by", asked->request.by));
    return admin_answer_job(call, reader, answer.job, 202, err);
}

static void serve_rebuild(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct projection_call *asked;
    struct fields fields;

    if (!call_accepts(call, "application/json") || !(asked = take_projection(call)) ||
        !call_query_done(call) || !call_body(call, true, &body))
        return;
    if (fields_open(&fields, body, "", call->arena, call->faults)) {
        fields_bool(&fields, "activate", FIELD_OPTIONAL, &asked->request.activate);
        fields_i64(&fields, "rate", FIELD_OPTIONAL, 1, RATE_MAX, &asked->request.rate);
        fields_done(&fields);
    }
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    asked->request.projection = asked->projection;
    asked->request.by = admin_requester(call);
    query_submit(call->api->queries, call, ask_rebuild);
}

static bool ask_activation(struct call *call, struct reader *reader, struct error *err)
{
    const struct projection_call *asked = call->data;
    struct str by = admin_requester(call);
    struct rebuild_asked answer;

    if (!activation_request(reader->conn, asked->projection, asked->rollback, by, &answer, err))
        return false;
    log_info(asked->rollback ? "a rollback was asked for" : "an activation was asked for",
             LOG_CSTR("projection", asked->projection->name),
             LOG_I64("generation", answer.generation), LOG_STR("by", by));
    return admin_answer_job(call, reader, answer.job, 202, err);
}

static void serve_activation(struct call *call, bool rollback)
{
    struct projection_call *asked;

    if (!call_accepts(call, "application/json") || !(asked = take_projection(call)) ||
        !call_query_done(call) || !admin_take_empty_body(call))
        return;
    asked->rollback = rollback;
    query_submit(call->api->queries, call, ask_activation);
}

static void serve_activate(struct call *call)
{
    serve_activation(call, false);
}

static void serve_rollback(struct call *call)
{
    serve_activation(call, true);
}

static bool ask_drop(struct call *call, struct reader *reader, struct error *err)
{
    const struct projection_call *asked = call->data;
    struct str by = admin_requester(call);

    if (!generation_drop(reader->conn, asked->projection, (int)asked->generation, by, err))
        return false;
    log_info("a generation was dropped", LOG_CSTR("projection", asked->projection->name),
             LOG_I64("generation", asked->generation), LOG_STR("by", by));
    return answer_projection(call, reader, 200, err);
}

static void serve_drop(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct projection_call *asked;
    struct fields fields;

    if (!call_accepts(call, "application/json") || !(asked = take_projection(call)) ||
        !call_query_done(call) || !call_body(call, false, &body))
        return;
    if (fields_open(&fields, body, "", call->arena, call->faults)) {
        fields_i64(&fields, "generation", FIELD_REQUIRED, 1, INT32_MAX, &asked->generation);
        fields_done(&fields);
    }
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    query_submit(call->api->queries, call, ask_drop);
}

void projection_routes(struct api *api)
{
    static const struct {
        const char *pattern;
        route_fn serve;
    } posts[] = {
        {"/admin/v1/projections/{projection}/pause", serve_pause},
        {"/admin/v1/projections/{projection}/resume", serve_resume},
        {"/admin/v1/projections/{projection}/rebuild", serve_rebuild},
        {"/admin/v1/projections/{projection}/activate", serve_activate},
        {"/admin/v1/projections/{projection}/rollback", serve_rollback},
        {"/admin/v1/projections/{projection}/drop", serve_drop},
    };

    api_route(api, HTTP_GET, "/admin/v1/projections", serve_list, NULL);
    api_route(api, HTTP_GET, "/admin/v1/projections/{projection}", serve_projection, NULL);
    api_route(api, HTTP_GET, "/admin/v1/projections/{projection}/diff", projection_diff_serve,
              NULL);
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++)
        api_route(api, HTTP_POST, posts[i].pattern, posts[i].serve, NULL);
}
