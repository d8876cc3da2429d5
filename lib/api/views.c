/* SPDX-License-Identifier: Apache-2.0 */
/* GET of one aggregate by id: never stale. */
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

static bool read_view(struct call *call, struct reader *reader, struct error *err)
{
    const struct view_route *view = call->route->spec;
    struct str id = call_path_parameter(call, "id");
    struct str stream = arena_printf(call->arena, "%s-" STR_FMT, view->category, STR_ARG(id));
    struct current_row current;

    if (!row_load_current(reader->conn, reader->live, view->projection, call->tenant, stream,
                          call->arena, &current, err) ||
        !read_headers_log(call, reader, err))
        return false;
    switch (current.result) {
    case CURRENT_FOUND:
        answer_row(call, view, &current);
        break;
    case CURRENT_NOT_FOUND:
        call_problem(call, "not-found", STR_NONE, "there is no %s of this id", view->category);
        break;
    case CURRENT_UNREADABLE:
        answer_unreadable(call, &current);
        break;
    }
    return true;
}

static void serve_view(struct call *call)
{
    if (!call_accepts(call, "application/json") || !call_query_done(call))
        return;
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
