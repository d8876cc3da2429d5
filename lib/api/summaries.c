/* SPDX-License-Identifier: Apache-2.0 */
/* GET of a summary over a few rows: the domain selects, each time on a snapshot of its own. */
#include "api/api_internal.h"
#include "api/model_read.h"
#include "base/arena.h"
#include "base/name.h"
#include "projection/select.h"

struct summary_reader {
    struct selector selector; /* first: handed to the domain */
    struct call *call;
    struct reader *reader;
};

static enum row_match_op op_of(enum selection_op op)
{
    switch (op) {
    case SELECT_EQUAL:
        return ROW_EQUAL;
    case SELECT_NOT_EQUAL:
        return ROW_NOT_EQUAL;
    case SELECT_NOT_NULL:
        return ROW_NOT_NULL;
    }
    return ROW_EQUAL;
}

static bool select_rows(struct selector *selector, const struct selection *selection,
                        struct selected *ret, struct error *err)
{
    struct summary_reader *self = (struct summary_reader *)selector;
    struct row_query query = {.tenant = self->call->tenant,
                              .matches_count = selection->matches_count,
                              .order_by = selection->order_by,
                              .descending = selection->descending,
                              .limit = selection->limit};

    for (size_t i = 0; i < selection->matches_count; i++)
        query.matches[i] = (struct row_match){.column = selection->matches[i].column,
                                              .op = op_of(selection->matches[i].op),
                                              .value = selection->matches[i].value};
    return rows_select(self->reader->conn, self->reader->live, selection->projection, &query,
                       self->call->arena, &ret->rows, &ret->count, err);
}

static bool summarize(struct call *call, struct reader *reader, struct buf *body,
                      enum summary_result *ret_result, struct error *err)
{
    const struct summary_route *route = call->route->spec;
    struct summary_reader self = {
        .selector = {.select = select_rows}, .call = call, .reader = reader};

    *ret_result =
        route->summarize(&self.selector, call_path_parameter(call, "id"), call->arena, body, err);
    return *ret_result != SUMMARY_FAILED;
}

static bool read_summary(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    enum summary_result result;

    if (!summarize(call, reader, &body, &result, err))
        return false;
    if (result == SUMMARY_NOT_FOUND)
        call_problem(call, "not-found", STR_NONE, "nothing is known of this id");
    else
        call_json(call, 200, &body);
    return true;
}

static void serve_summary(struct call *call)
{
    const struct summary_route *route = call->route->spec;

    if (!call_accepts(call, "application/json") || !call_query_done(call))
        return;
    if (!name_is_id(call_path_parameter(call, "id"))) {
        call_problem(call, "not-found", STR_NONE, "there is nothing of this id");
        return;
    }
    model_read_submit(call, route->projection, route->also, read_summary);
}

void summary_routes_add(struct api *api, const struct summary_route *routes)
{
    for (const struct summary_route *route = routes; route->pattern != NULL; route++)
        api_route(api, HTTP_GET, route->pattern, serve_summary, route);
}
