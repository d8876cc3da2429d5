/* SPDX-License-Identifier: Apache-2.0 */
/* GET of one aggregate by id: never stale, or as it was. */
#include "api/api_internal.h"
#include "api/read_headers.h"
#include "base/arena.h"
#include "base/name.h"
#include "projection/current.h"

static void answer_unreadable(struct call *call, const struct current_row *current)
{
    struct buf members = BUF_INIT(1024);

    buf_printf(&members,
               "\"version\":%lld,\"event_id\":", (long long)current->unreadable_version.n);
    json_write_str(&members, current->unreadable_event_id);
    call_problem(call, "stream-unreadable", arena_dup(call->arena, buf_str(&members)), "%s",
                 current->why.text);
    buf_release(&members);
}

static void answer_row(struct call *call, const struct view_route *view,
                       const struct current_row *current)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);

    if (call_not_modified(call, current->row.version))
        return;
    view->render(&current->row, &body);
    call_json(call, 200, &body);
}

static void answer_absent(struct call *call, const char *category, struct row_moment moment)
{
    if (moment.version.n > 0)
        call_problem(call, "not-found", STR_NONE, "there is no %s of this id with this version",
                     category);
    else
        call_problem(call, "not-found", STR_NONE, "there %s no %s of this id%s",
                     moment.by_time ? "was" : "is", category, moment.by_time ? " yet" : "");
}

static bool read_view(struct call *call, struct reader *reader, struct error *err)
{
    const struct view_route *view = call->route->spec;
    const struct row_moment *moment = call->data;
    struct str id = call_path_parameter(call, "id");
    struct str stream = arena_printf(call->arena, "%s-" STR_FMT, view->category, STR_ARG(id));
    struct current_row current;

    if (!row_load_as_of(reader->conn, reader->live, view->projection, call->tenant, stream, *moment,
                        call->arena, &current, err))
        return false;
    if (current.head.n > 0)
        read_headers_set(call, current.head, 0);
    else if (!read_headers_log(call, reader, err))
        return false;
    switch (current.result) {
    case CURRENT_FOUND:
        answer_row(call, view, &current);
        break;
    case CURRENT_NOT_FOUND:
        answer_absent(call, view->category, *moment);
        break;
    case CURRENT_UNREADABLE:
        answer_unreadable(call, &current);
        break;
    }
    return true;
}

static struct row_moment *take_moment(struct call *call)
{
    struct row_moment *moment = ARENA_NEW(call->arena, struct row_moment);
    struct str text;

    call_query_number(call, "at_version", 1, INT64_MAX, &moment->version.n);
    moment->by_time = call_query_str(call, "at", &text);
    call_query_time(call, "at", &moment->recorded_at_us);
    return moment;
}

static void serve_view(struct call *call)
{
    struct row_moment *moment = take_moment(call);

    if (!call_accepts(call, "application/json") || !call_query_done(call))
        return;
    if (moment->version.n > 0 && moment->by_time) {
        call_problem(call, "bad-request", STR_NONE, "give at_version or at, not both");
        return;
    }
    call->data = moment;
    if (!name_is_id(call_path_parameter(call, "id"))) {
        call_problem(call, "not-found", STR_NONE, "there is nothing of this id");
        return;
    }
    query_submit(call->api->queries, call, read_view);
}

void view_routes_add(struct api *api, const struct view_route *routes)
{
    for (const struct view_route *route = routes; route->pattern != NULL; route++)
        api_route(api, HTTP_GET, route->pattern, serve_view, route);
}
