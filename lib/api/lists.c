/* SPDX-License-Identifier: Apache-2.0 */
/* GET of many rows of a read model: filters, order, keyset pages. */
#include "api/api_internal.h"
#include "api/cursor.h"
#include "api/model_read.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/name.h"
#include "projection/select.h"
#include "projection/table.h"

#include <assert.h>

enum { LIST_LIMIT = 50, LIST_LIMIT_MAX = 500 };

struct list_request { /* a call's `data` */
    const struct list_route *route;
    struct row_query query;
    struct row_key after;
    int64_t limit;
    uint64_t id; /* of list and filters, for cursors */
};

/* Parameters. */

static bool is_choice(const struct list_filter *filter, struct str text)
{
    for (const char *const *choice = filter->choices; *choice != NULL; choice++)
        if (str_equal(text, str_of(*choice)))
            return true;
    return false;
}

/* By the column's type. */
static bool parse_value(const struct list_filter *filter, enum column_type type, struct str text,
                        struct value *ret)
{
    *ret = (struct value){0};
    switch (type) {
    case COLUMN_TEXT:
        ret->str = text;
        return filter->choices != NULL ? is_choice(filter, text) : name_is_id(text);
    case COLUMN_BIGINT:
        return str_to_i64(text, &ret->i64);
    case COLUMN_TIME:
        return clock_parse_rfc3339(text, &ret->i64);
    case COLUMN_JSON:
    case COLUMN_SUM:
        break;
    }
    assert(false && "a filter on a column that has no order");
    return false;
}

static enum row_match_op op_of(enum list_match match)
{
    switch (match) {
    case LIST_EQUAL:
        return ROW_EQUAL;
    case LIST_AT_LEAST:
        return ROW_AT_LEAST;
    case LIST_BELOW:
        return ROW_BELOW;
    }
    return ROW_EQUAL;
}

static void take_filter(struct call *call, struct list_request *list,
                        const struct list_filter *filter)
{
    const struct column *column = projection_column(list->route->projection, filter->column);
    struct row_match *match = &list->query.matches[list->query.matches_count];
    struct str text;

    if (filter->from_path)
        text = call_path_parameter(call, filter->parameter); /* an id: serve_list() has looked */
    else if (!call_query_str(call, filter->parameter, &text))
        return;
    assert(list->query.matches_count < ROW_MATCHES_MAX);
    *match = (struct row_match){.column = filter->column, .op = op_of(filter->match)};
    if (!parse_value(filter, column->type, text, &match->value)) {
        faults_add(call->faults, "is none of the values it may have", "?%s", filter->parameter);
        return;
    }
    list->query.matches_count++;
    list->id = list->id * 31 + str_hash(text) + str_hash(str_of(filter->parameter));
}

static void take_sort(struct call *call, struct list_request *list)
{
    const struct list_sort *sorts = list->route->sorts;
    const struct list_sort *chosen = sorts;
    struct str text;

    if (sorts == NULL)
        return;
    if (call_query_str(call, "sort", &text)) {
        while (chosen->parameter != NULL && !str_equal(text, str_of(chosen->parameter)))
            chosen++;
        if (chosen->parameter == NULL) {
            faults_add(call->faults, "is none of the orders it may have", "?sort");
            return;
        }
    }
    list->query.order_by = chosen->column;
    list->query.descending = chosen->descending;
    list->id = list->id * 31 + str_hash(str_of(chosen->parameter));
}

static void take_page(struct call *call, struct list_request *list)
{
    struct str cursor;

    list->limit = LIST_LIMIT;
    call_query_number(call, "limit", 1, LIST_LIMIT_MAX, &list->limit);
    list->query.limit = (size_t)list->limit + 1; /* one more tells whether there is a next page */
    if (!call_query_str(call, "cursor", &cursor))
        return;
    if (cursor_decode(call->arena, cursor, list->id, &list->after))
        list->query.after = &list->after;
    else
        faults_add(call->faults, "is no cursor of this list with these filters", "?cursor");
}

/* The page. */

/* The value of the ordering column, for the cursor. */
static struct value order_value(const struct list_request *list, const struct row *row)
{
    const struct projection *projection = list->route->projection;

    for (size_t i = 0; list->query.order_by != NULL && i < projection->columns_count; i++)
        if (str_equal(str_of(projection->columns[i].name), str_of(list->query.order_by)))
            return row->values[i];
    return (struct value){.null = true};
}

static struct str next_cursor(struct call *call, const struct list_request *list,
                              const struct row *last)
{
    struct row_key key = {.value = order_value(list, last), .stream = last->stream};

    return cursor_encode(call->arena, list->id, &key);
}

/* The same request with another cursor, for the header Link. */
static void add_link(struct call *call, struct str cursor)
{
    struct str rest = http_request_query(call->request);
    struct buf query = BUF_INIT(16 << 10);

    while (rest.len > 0) {
        struct str one = str_split(rest, '&', &rest);

        if (one.len > 0 && !str_starts_with(one, STR("cursor=")))
            buf_printf(&query, STR_FMT "&", STR_ARG(one));
    }
    call_header(call, "Link",
                arena_printf(call->arena,
                             "<" STR_FMT "?" STR_FMT "cursor=" STR_FMT ">; rel=\"next\"",
                             STR_ARG(http_request_path(call->request)), STR_ARG(buf_str(&query)),
                             STR_ARG(cursor)));
    buf_release(&query);
}

static void answer_rows(struct call *call, const struct list_request *list, const struct row *rows,
                        size_t count)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    size_t shown = count > (size_t)list->limit ? (size_t)list->limit : count;

    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        list->route->render(&rows[i], &body);
    }
    buf_add_cstr(&body, "],\"next_cursor\":");
    if (count > shown) {
        struct str cursor = next_cursor(call, list, &rows[shown - 1]);

        json_write_str(&body, cursor);
        add_link(call, cursor);
    } else {
        buf_add_cstr(&body, "null");
    }
    buf_add_char(&body, '}');
    call_json(call, 200, &body);
}

static bool read_list(struct call *call, struct reader *reader, struct error *err)
{
    const struct list_request *list = call->data;
    struct row *rows;
    size_t count;

    if (!rows_select(reader->conn, reader->live, list->route->projection, &list->query, call->arena,
                     &rows, &count, err))
        return false;
    answer_rows(call, list, rows, count);
    return true;
}

/* What can be no id names nothing that exists, as in any other path. */
static bool path_is_well_formed(const struct call *call, const struct list_route *route)
{
    for (const struct list_filter *filter = route->filters; filter->parameter != NULL; filter++)
        if (filter->from_path && !name_is_id(call_path_parameter(call, filter->parameter)))
            return false;
    return true;
}

static void serve_list(struct call *call)
{
    const struct list_route *route = call->route->spec;
    struct list_request *list = ARENA_NEW(call->arena, struct list_request);

    if (!call_accepts(call, "application/json"))
        return;
    if (!path_is_well_formed(call, route)) {
        call_problem(call, "not-found", STR_NONE, "there is nothing of this id");
        return;
    }
    list->route = route;
    list->query.tenant = call->tenant;
    list->id = str_hash(str_of(route->pattern));
    for (const struct list_filter *filter = route->filters; filter->parameter != NULL; filter++)
        take_filter(call, list, filter);
    take_sort(call, list);
    take_page(call, list);
    if (!call_query_done(call))
        return;
    call->data = list;
    model_read_submit(call, route->projection, NULL, read_list);
}

/* A cursor holds a number. */
static void assert_orders(const struct list_route *route)
{
    for (const struct list_sort *sort = route->sorts; sort != NULL && sort->parameter != NULL;
         sort++) {
        const struct column *column = projection_column(route->projection, sort->column);

        assert(column != NULL && (column->type == COLUMN_TIME || column->type == COLUMN_BIGINT));
    }
}

void list_routes_add(struct api *api, const struct list_route *routes)
{
    for (const struct list_route *route = routes; route->pattern != NULL; route++) {
        assert_orders(route);
        api_route(api, HTTP_GET, route->pattern, serve_list, route);
    }
}
