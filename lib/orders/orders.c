/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/orders.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/name.h"
#include "orders/order_commands.h"
#include "orders/order_state.h"
#include "orders/order_tell.h"
#include "orders/projections.h"
#include "orders/stock.h"

const struct domain orders_domain = {
    .name = "orders",
    .aggregates = (const struct aggregate_type *const[]){&order_aggregate, &stock_aggregate, NULL},
    .commands =
        (const struct command_type *const[]){
            &order_place_command, &order_place_draft_command, &order_add_line_command,
            &order_change_line_command, &order_remove_line_command, &order_pay_command,
            &order_ship_command, &order_deliver_command, &order_cancel_command,
            &order_return_command, &order_refund_command, &stock_receive, &stock_adjust, NULL},
};

const struct projection *const orders_projections[] = {&orders_projection, &stock_projection,
                                                       &customers_projection, NULL};

/* Rows as JSON. */

static void write_value(struct buf *out, const struct projection *projection, size_t column,
                        const struct value *value)
{
    json_write_key(out, projection->columns[column].name);
    if (value->null) {
        buf_add_cstr(out, "null");
        return;
    }
    switch (projection->columns[column].type) {
    case COLUMN_TEXT:
        json_write_str(out, value->str);
        break;
    case COLUMN_BIGINT:
        buf_add_i64(out, value->i64);
        break;
    case COLUMN_TIME:
        json_write_time(out, value->i64);
        break;
    case COLUMN_JSON:
    case COLUMN_SUM:
        buf_add_str(out, value->str);
        break;
    }
}

static void render(const struct projection *projection, const char *id_name, const struct row *row,
                   struct buf *out)
{
    buf_add_char(out, '{');
    json_write_key(out, id_name);
    json_write_str(out, name_stream_id(row->stream));
    for (size_t i = 0; i < projection->columns_count; i++)
        write_value(out, projection, i, &row->values[i]);
    json_write_key(out, "version");
    buf_add_i64(out, row->version.n);
    buf_add_char(out, '}');
}

static void render_order(const struct row *row, struct buf *out)
{
    render(&orders_projection, "order_id", row, out);
}

static void render_stock(const struct row *row, struct buf *out)
{
    render(&stock_projection, "sku", row, out);
}

/* A customer's summary. */

/* When the customer's latest order was placed that is not cancelled; null when there is none. */
static bool write_last_order(struct selector *selector, struct str customer_id, struct buf *out,
                             struct error *err)
{
    struct selection selection = {
        .projection = &orders_projection,
        .matches = {{"customer_id", SELECT_EQUAL, {.str = customer_id}},
                    {"status", SELECT_NOT_EQUAL, {.str = STR("cancelled")}},
                    {"placed_at", SELECT_NOT_NULL, {.null = true}}},
        .matches_count = 3,
        .order_by = "placed_at",
        .descending = true,
        .limit = 1};
    struct selected selected;

    if (!selector->select(selector, &selection, &selected, err))
        return false;
    json_write_key(out, "last_order_at");
    if (selected.count == 0)
        buf_add_cstr(out, "null");
    else
        json_write_time(out, selected.rows[0].values[ORDERS_PLACED_AT].i64);
    return true;
}

static int64_t sum_of(const struct selected *selected, enum customers_column column)
{
    int64_t sum = 0;

    for (size_t i = 0; i < selected->count; i++) {
        int64_t value;

        /* Counts of orders and pieces: far below 2^63 in any log that can be stored. */
        if (str_to_i64(selected->rows[i].values[column].str, &value))
            sum += value;
    }
    return sum;
}

static void write_totals(const struct selected *selected, struct buf *out)
{
    bool first = true;

    json_write_key(out, "totals");
    buf_add_char(out, '[');
    for (size_t i = 0; i < selected->count; i++) {
        const struct value *values = selected->rows[i].values;

        if (str_equal(values[CUSTOMERS_ORDERS].str, STR("0")))
            continue;
        buf_add_cstr(out, first ? "{" : ",{");
        first = false;
        write_value(out, &customers_projection, CUSTOMERS_CURRENCY, &values[CUSTOMERS_CURRENCY]);
        write_value(out, &customers_projection, CUSTOMERS_TOTAL_MINOR,
                    &values[CUSTOMERS_TOTAL_MINOR]);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static enum summary_result summarize(struct selector *selector, struct str id, struct arena *arena,
                                     struct buf *out, struct error *err)
{
    struct selection selection = {.projection = &customers_projection,
                                  .matches = {{"customer_id", SELECT_EQUAL, {.str = id}}},
                                  .matches_count = 1,
                                  .limit = 500};
    struct selected selected;

    (void)arena;
    if (!selector->select(selector, &selection, &selected, err))
        return SUMMARY_FAILED;
    if (selected.count == 0)
        return SUMMARY_NOT_FOUND;
    buf_add_char(out, '{');
    json_write_key(out, "customer_id");
    json_write_str(out, id);
    json_write_key(out, "orders");
    buf_add_i64(out, sum_of(&selected, CUSTOMERS_ORDERS));
    json_write_key(out, "items");
    buf_add_i64(out, sum_of(&selected, CUSTOMERS_ITEMS));
    write_totals(&selected, out);
    if (!write_last_order(selector, id, out, err))
        return SUMMARY_FAILED;
    buf_add_char(out, '}');
    return SUMMARY_FOUND;
}

/* Routes. */

static const char *const line_member[] = {"line", NULL};

#define ORDER_ROUTE(route_method, path, of_command) \
    .method = (route_method), .pattern = "/v1/orders/{id}" path, .command = &(of_command), \
    .status = 200, .id_name = "order_id"
#define STOCK_ROUTE(path, of_command) \
    .method = "POST", .pattern = "/v1/stock/{id}" path, .command = &(of_command), .status = 200, \
    .id_name = "sku"

static const struct command_route command_routes[] = {
    {.method = "POST",
     .pattern = "/v1/orders",
     .command = &order_place_command,
     .status = 201,
     .id_member = "order_id",
     .id_name = "order_id",
     .location = "/v1/orders/{id}"},
    {ORDER_ROUTE("POST", "/lines", order_add_line_command)},
    {ORDER_ROUTE("PATCH", "/lines/{line}", order_change_line_command), .path_members = line_member},
    {ORDER_ROUTE("DELETE", "/lines/{line}", order_remove_line_command), .path_members = line_member,
     .body_optional = true},
    {ORDER_ROUTE("POST", "/place", order_place_draft_command), .body_optional = true},
    {ORDER_ROUTE("POST", "/pay", order_pay_command)},
    {ORDER_ROUTE("POST", "/ship", order_ship_command), .body_optional = true},
    {ORDER_ROUTE("POST", "/deliver", order_deliver_command), .body_optional = true},
    {ORDER_ROUTE("POST", "/cancel", order_cancel_command), .body_optional = true},
    {ORDER_ROUTE("POST", "/return", order_return_command), .body_optional = true},
    {ORDER_ROUTE("POST", "/refund", order_refund_command)},
    {STOCK_ROUTE("/receive", stock_receive)},
    {STOCK_ROUTE("/adjust", stock_adjust)},
    {0},
};

static const struct view_route view_routes[] = {
    {"/v1/orders/{id}", "order", &orders_projection, render_order},
    {"/v1/stock/{id}", "stock", &stock_projection, render_stock},
    {0},
};

static const struct history_route history_routes[] = {
    {"/v1/orders/{id}/history", "order", "order_id", order_tell},
    {0},
};

static const char *const statuses[] = {"draft",     "placed",   "paid",      "shipped",
                                       "delivered", "returned", "cancelled", NULL};

static const struct list_filter order_filters[] = {
    {.parameter = "customer_id", .column = "customer_id", .match = LIST_EQUAL},
    {.parameter = "status", .column = "status", .match = LIST_EQUAL, .choices = statuses},
    {.parameter = "placed_after", .column = "placed_at", .match = LIST_AT_LEAST},
    {.parameter = "placed_before", .column = "placed_at", .match = LIST_BELOW},
    {0},
};

static const struct list_filter customer_order_filters[] = {
    {.parameter = "customer_id", .column = "customer_id", .match = LIST_EQUAL, .from_path = true},
    {.parameter = "status", .column = "status", .match = LIST_EQUAL, .choices = statuses},
    {.parameter = "placed_after", .column = "placed_at", .match = LIST_AT_LEAST},
    {.parameter = "placed_before", .column = "placed_at", .match = LIST_BELOW},
    {0},
};

static const struct list_sort order_sorts[] = {
    {"-placed_at", "placed_at", true},
    {"placed_at", "placed_at", false},
    {0},
};

static const struct list_filter stock_filters[] = {
    {.parameter = "below", .column = "available", .match = LIST_BELOW},
    {0},
};

static const struct list_route list_routes[] = {
    {"/v1/orders", &orders_projection, order_filters, order_sorts, render_order},
    {"/v1/customers/{customer_id}/orders", &orders_projection, customer_order_filters, order_sorts,
     render_order},
    {"/v1/stock", &stock_projection, stock_filters, NULL, render_stock},
    {0},
};

static const struct projection *const summary_also[] = {&orders_projection, NULL};

static const struct summary_route summary_routes[] = {
    {"/v1/customers/{id}/summary", &customers_projection, summary_also, summarize},
    {0},
};

const struct route_table orders_routes = {
    .domain = &orders_domain,
    .commands = command_routes,
    .views = view_routes,
    .histories = history_routes,
    .lists = list_routes,
    .summaries = summary_routes,
};
