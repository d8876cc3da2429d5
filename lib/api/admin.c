/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/v1: what operators look at and ask for. A prefix of its own, so that a proxy can close it.
 */
#include "api/admin_json.h"
#include "api/api_internal.h"
#include "base/arena.h"
#include "base/log.h"
#include "eventlog/identity.h"
#include "eventlog/processes.h"
#include "eventlog/read.h"
#include "projection/status.h"
#include "publisher/control.h"

enum { PREFIX_BYTES_MAX = 128 };

/* Status. */

struct status {              /* all that one answer shows */
    struct log_identity log; /* as it is now: an operator may have given it another one */
    struct position head;
    struct process_seen *processes;
    size_t processes_count;
    struct publisher_view publisher;
    struct projection_status *projections;
    size_t projections_count;
};

static bool load_status(struct call *call, struct reader *reader, struct status *ret,
                        struct error *err)
{
    return log_identity_load(reader->conn, &ret->log, err) &&
           log_read_head(reader->conn, &ret->head, err) &&
           processes_list(reader->conn, call->arena, &ret->processes, &ret->processes_count, err) &&
           publisher_view_load(reader->conn, call->arena, &ret->publisher, err) &&
           projection_status_load(reader->conn, call->api->config.projections, call->arena,
                                  &ret->projections, &ret->projections_count, err);
}

static void write_log(const struct log_identity *identity, struct position head, struct buf *out)
{
    buf_add_cstr(out, "\"log\":{\"id\":");
    json_write_cstr(out, identity->id);
    json_write_key(out, "name");
    json_write_cstr(out, identity->name);
    json_write_key(out, "prefix");
    json_write_cstr(out, identity->prefix);
    buf_printf(out, ",\"position\":%lld}", (long long)head.n);
}

static bool read_status(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct status status;

    if (!load_status(call, reader, &status, err))
        return false;
    buf_add_char(&body, '{');
    write_log(&status.log, status.head, &body);
    buf_add_cstr(&body, ",\"processes\":[");
    for (size_t i = 0; i < status.processes_count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        admin_write_process(&status.processes[i], &body);
    }
    buf_add_cstr(&body, "],\"publisher\":");
    admin_write_publisher(&status.publisher, &body);
    buf_add_cstr(&body, ",\"projections\":[");
    for (size_t i = 0; i < status.projections_count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        admin_write_projection(&status.projections[i], NULL, 0, &body);
    }
    buf_add_cstr(&body, "]}");
    call_json(call, 200, &body);
    return true;
}

static void serve_status(struct call *call)
{
    if (call_accepts(call, "application/json") && call_query_done(call))
        query_submit(call->api->queries, call, read_status);
}

/* Publisher. */

static bool answer_publisher(struct call *call, struct reader *reader, int status,
                             struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct publisher_view view;

    if (!publisher_view_load(reader->conn, call->arena, &view, err))
        return false;
    admin_write_publisher(&view, &body);
    call_json(call, status, &body);
    return true;
}

static bool read_publisher(struct call *call, struct reader *reader, struct error *err)
{
    return answer_publisher(call, reader, 200, err);
}

static void serve_publisher(struct call *call)
{
    if (call_accepts(call, "application/json") && call_query_done(call))
        query_submit(call->api->queries, call, read_publisher);
}

struct str admin_requester(const struct call *call)
{
    return arena_printf(call->arena, STR_FMT " (request " STR_FMT ")",
                        STR_ARG(http_request_remote(call->request)),
                        STR_ARG(call->origin.request_id));
}

typedef bool (*publisher_request_fn)(struct pg_conn *conn, struct str by, struct error *err);

static bool request_and_answer(struct call *call, struct reader *reader,
                               publisher_request_fn request, const char *sentence,
                               struct error *err)
{
    struct str by = admin_requester(call);

    if (!request(reader->conn, by, err))
        return false;
    log_info(sentence, LOG_STR("by", by));
    return answer_publisher(call, reader, 202, err);
}

static bool pause_publisher(struct call *call, struct reader *reader, struct error *err)
{
    return request_and_answer(call, reader, publisher_pause, "the publisher was asked to pause",
                              err);
}

static bool resume_publisher(struct call *call, struct reader *reader, struct error *err)
{
    return request_and_answer(call, reader, publisher_resume, "the publisher was asked to resume",
                              err);
}

bool admin_take_empty_body(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct fields fields;

    if (!call_body(call, true, &body))
        return false;
    if (fields_open(&fields, body, "", call->arena, call->faults))
        fields_done(&fields);
    if (faults_count(call->faults) == 0)
        return true;
    call_faults(call);
    return false;
}

static void serve_pause(struct call *call)
{
    if (call_accepts(call, "application/json") && call_query_done(call) &&
        admin_take_empty_body(call))
        query_submit(call->api->queries, call, pause_publisher);
}

static void serve_resume(struct call *call)
{
    if (call_accepts(call, "application/json") && call_query_done(call) &&
        admin_take_empty_body(call))
        query_submit(call->api->queries, call, resume_publisher);
}

/* Accept. */

static bool accept_stop(struct call *call, struct reader *reader, struct error *err)
{
    const struct accept_request *request = call->data;

    if (!publisher_accept(reader->conn, request, err))
        return false;
    log_warn("the publisher was told to go on", LOG_STR("by", request->by));
    return answer_publisher(call, reader, 202, err);
}

/* Each kind takes its own members only. */
static void read_accept(struct call *call, json_t *body, struct accept_request *request)
{
    struct fields fields;
    struct str kind;

    if (!fields_open(&fields, body, "", call->arena, call->faults))
        return;
    if (fields_str(&fields, "kind", FIELD_REQUIRED, 32, &kind)) {
        if (!accept_kind_parse(kind, &request->kind))
            faults_add(call->faults, "must be \"retry\", \"new-log\" or \"loss\"", "/kind");
        else if (request->kind == ACCEPT_NEW_LOG)
            fields_str(&fields, "prefix", FIELD_REQUIRED, PREFIX_BYTES_MAX, &request->prefix);
        else if (request->kind == ACCEPT_LOSS)
            fields_i64(&fields, "position", FIELD_REQUIRED, 0, INT64_MAX, &request->position.n);
    }
    fields_done(&fields);
}

static void serve_accept(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct accept_request *request = ARENA_NEW(call->arena, struct accept_request);

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !call_body(call, false, &body))
        return;
    read_accept(call, body, request);
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    request->by = admin_requester(call);
    call->data = request;
    query_submit(call->api->queries, call, accept_stop);
}

void admin_routes(struct api *api)
{
    api_route(api, HTTP_GET, "/admin/v1/status", serve_status, NULL);
    api_route(api, HTTP_GET, "/admin/v1/publisher", serve_publisher, NULL);
    api_route(api, HTTP_POST, "/admin/v1/publisher/pause", serve_pause, NULL);
    api_route(api, HTTP_POST, "/admin/v1/publisher/resume", serve_resume, NULL);
    api_route(api, HTTP_POST, "/admin/v1/publisher/accept", serve_accept, NULL);
}
