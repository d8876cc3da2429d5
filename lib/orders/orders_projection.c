/* SPDX-License-Identifier: Apache-2.0 */
/* The `orders` read model: a row per order. */
#include "orders/projections.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "eventlog/decider.h"
#include "orders/order_event.h"
#include "orders/order_state.h"

#include <assert.h>
#include <stdlib.h>

/* A line in JSON is at most its SKU and five numbers with their names. */
enum { LINE_BYTES_MAX = NAME_ID_MAX + 160 };

static const struct column columns[ORDERS_COLUMNS] = {
    [ORDERS_CUSTOMER_ID] = {"customer_id", COLUMN_TEXT},
    [ORDERS_STATUS] = {"status", COLUMN_TEXT},
    [ORDERS_CURRENCY] = {"currency", COLUMN_TEXT},
    [ORDERS_LINES] = {"lines", COLUMN_JSON},
    [ORDERS_TOTAL_MINOR] = {"total_minor", COLUMN_BIGINT},
    [ORDERS_PAID_MINOR] = {"paid_minor", COLUMN_BIGINT},
    [ORDERS_REFUNDED_MINOR] = {"refunded_minor", COLUMN_BIGINT},
    [ORDERS_PLACED_AT] = {"placed_at", COLUMN_TIME},
    [ORDERS_PAID_AT] = {"paid_at", COLUMN_TIME},
    [ORDERS_SHIPPED_AT] = {"shipped_at", COLUMN_TIME},
    [ORDERS_DELIVERED_AT] = {"delivered_at", COLUMN_TIME},
    [ORDERS_CANCELLED_AT] = {"cancelled_at", COLUMN_TIME},
    [ORDERS_UPDATED_AT] = {"updated_at", COLUMN_TIME},
};

static void set_text(struct row *row, enum orders_column column, struct str value)
{
    row->values[column] = (struct value){.str = value};
}

static void set_number(struct row *row, enum orders_column column, int64_t value)
{
    row->values[column] = (struct value){.i64 = value};
}

static void set_status(struct row *row, enum order_status status)
{
    set_text(row, ORDERS_STATUS, str_of(order_status_name(status)));
}

static bool has_status(const struct row *row, enum order_status status)
{
    return row->exists &&
           str_equal(row->values[ORDERS_STATUS].str, str_of(order_status_name(status)));
}

/* The lines, as JSON. */

struct shown_line {
    struct order_line line;
    int64_t shipped;
};

static int64_t number_of(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* Reads a row's own lines, with room for one more. */
static bool read_lines(const struct row *row, struct arena *arena, struct shown_line **ret_lines,
                       size_t *ret_count, struct error *err)
{
    SCOPED(json_decref) json_t *array = NULL;

    if (!json_parse_stored(row->values[ORDERS_LINES].str, &array, err))
        return error_wrap(err, "lines of the row");
    *ret_count = json_array_size(array);
    *ret_lines = ARENA_ARRAY(arena, struct shown_line, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++) {
        json_t *item = json_array_get(array, i);
        json_t *sku = json_object_get(item, "sku");

        (*ret_lines)[i] =
            (struct shown_line){.line = {.line = number_of(item, "line"),
                                         .sku = arena_dup(arena, str_from(json_string_value(sku),
                                                                          json_string_length(sku))),
                                         .quantity = number_of(item, "quantity"),
                                         .unit_price_minor = number_of(item, "unit_price_minor")},
                                .shipped = number_of(item, "shipped")};
    }
    return true;
}

static struct str write_lines(const struct shown_line *lines, size_t count, struct arena *arena)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(2 + count * LINE_BYTES_MAX);

    buf_add_char(&out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_add_cstr(&out, i > 0 ? ",{" : "{");
        json_add_i64(&out, "line", lines[i].line.line);
        json_add_str(&out, "sku", lines[i].line.sku);
        json_add_i64(&out, "quantity", lines[i].line.quantity);
        json_add_i64(&out, "unit_price_minor", lines[i].line.unit_price_minor);
        json_add_i64(&out, "shipped", lines[i].shipped);
        buf_add_char(&out, '}');
    }
    buf_add_char(&out, ']');
    assert(!out.failed);
    return arena_dup(arena, buf_str(&out));
}

static struct shown_line *find_line(struct shown_line *lines, size_t count, int64_t line)
{
    for (size_t i = 0; i < count; i++)
        if (lines[i].line.line == line)
            return &lines[i];
    return NULL;
}

/* The fold. */

static bool fold_created(struct row *row, const struct order_event *event, int64_t at,
                         struct arena *arena)
{
    bool placing_a_draft = event->kind == ORDER_PLACED && has_status(row, ORDER_STATUS_DRAFT);

    if (row->exists && !placing_a_draft)
        return false;
    if (!placing_a_draft) {
        struct shown_line *lines = ARENA_ARRAY(arena, struct shown_line, event->lines_count);

        for (size_t i = 0; i < ORDERS_COLUMNS; i++)
            row->values[i] = (struct value){.null = true};
        for (size_t i = 0; i < event->lines_count; i++)
            lines[i].line = event->lines[i];
        set_text(row, ORDERS_CUSTOMER_ID, event->customer_id);
        set_text(row, ORDERS_CURRENCY, event->currency);
        set_text(row, ORDERS_LINES, write_lines(lines, event->lines_count, arena));
        set_number(row, ORDERS_PAID_MINOR, 0);
        set_number(row, ORDERS_REFUNDED_MINOR, 0);
    }
    set_number(row, ORDERS_TOTAL_MINOR, event->total_minor);
    set_status(row, event->kind == ORDER_PLACED ? ORDER_STATUS_PLACED : ORDER_STATUS_DRAFT);
    if (event->kind == ORDER_PLACED)
        set_number(row, ORDERS_PLACED_AT, at);
    return true;
}

/* Changes one line. False when it can not be: there already, or not there. */
static bool change_line(struct shown_line *lines, size_t *count, const struct order_event *event)
{
    struct shown_line *line = find_line(lines, *count, event->lines[0].line);

    assert(lines != NULL);

    if ((line == NULL) != (event->kind == ORDER_LINE_ADDED))
        return false;
    if (event->kind == ORDER_LINE_ADDED) {
        lines[(*count)++] = (struct shown_line){.line = event->lines[0]};
    } else if (event->kind == ORDER_LINE_CHANGED) {
        line->line.quantity = event->lines[0].quantity;
    } else {
        size_t behind = *count - (size_t)(line - lines) - 1;

        memmove(line, line + 1, behind * sizeof *line);
        (*count)--;
    }
    return true;
}

static bool ship_lines(struct shown_line *lines, size_t count, const struct order_event *event)
{
    for (size_t i = 0; i < event->lines_count; i++) {
        struct shown_line *line = find_line(lines, count, event->lines[i].line);

        if (line == NULL || event->lines[i].quantity > line->line.quantity - line->shipped)
            return false;
        line->shipped += event->lines[i].quantity;
    }
    return true;
}

static bool fold_lines(struct row *row, const struct order_event *event, int64_t at,
                       struct arena *arena, struct error *err)
{
    struct shown_line *lines = NULL;
    size_t count = 0;

    if (!read_lines(row, arena, &lines, &count, err))
        return false;
    if (event->kind == ORDER_SHIPPED
            ? !has_status(row, ORDER_STATUS_PAID) || !ship_lines(lines, count, event)
            : !change_line(lines, &count, event))
        return error_set(err, ERROR_POISON, "event-out-of-order",
                         "'%s' does not fit the order's lines", order_event_type(event->kind));
    set_text(row, ORDERS_LINES, write_lines(lines, count, arena));
    if (event->kind != ORDER_SHIPPED) {
        set_number(row, ORDERS_TOTAL_MINOR, event->total_minor);
    } else if (event->complete) {
        set_status(row, ORDER_STATUS_SHIPPED);
        set_number(row, ORDERS_SHIPPED_AT, at);
    }
    return true;
}

static bool fold_status(struct row *row, enum order_status from, enum order_status to,
                        enum orders_column time, int64_t at)
{
    if (!has_status(row, from))
        return false;
    set_status(row, to);
    set_number(row, time, at);
    return true;
}

static bool fold_returned(struct row *row)
{
    if (!has_status(row, ORDER_STATUS_DELIVERED))
        return false;
    set_status(row, ORDER_STATUS_RETURNED);
    return true;
}

static bool fold_cancelled(struct row *row, int64_t at)
{
    static const enum order_status from[] = {ORDER_STATUS_DRAFT, ORDER_STATUS_PLACED,
                                             ORDER_STATUS_PAID};

    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        if (fold_status(row, from[i], ORDER_STATUS_CANCELLED, ORDERS_CANCELLED_AT, at))
            return true;
    return false;
}

/* A refund is no status: it may come at any time after the payment, a cancellation's as well. */
static bool fold_refunded(struct row *row, int64_t amount_minor)
{
    int64_t refunded_minor = row->values[ORDERS_REFUNDED_MINOR].i64;

    if (has_status(row, ORDER_STATUS_DRAFT) || has_status(row, ORDER_STATUS_PLACED) ||
        amount_minor > row->values[ORDERS_PAID_MINOR].i64 - refunded_minor)
        return false;
    set_number(row, ORDERS_REFUNDED_MINOR, refunded_minor + amount_minor);
    return true;
}

static bool fold_event(struct row *row, const struct order_event *event, int64_t at,
                       struct arena *arena, struct error *err)
{
    bool fits = false;

    switch (event->kind) {
    case ORDER_DRAFTED:
    case ORDER_PLACED:
        fits = fold_created(row, event, at, arena);
        break;
    case ORDER_LINE_ADDED:
    case ORDER_LINE_CHANGED:
    case ORDER_LINE_REMOVED:
    case ORDER_SHIPPED:
        return fold_lines(row, event, at, arena, err);
    case ORDER_PAID:
        fits = fold_status(row, ORDER_STATUS_PLACED, ORDER_STATUS_PAID, ORDERS_PAID_AT, at);
        set_number(row, ORDERS_PAID_MINOR, event->total_minor);
        break;
    case ORDER_DELIVERED:
        fits =
            fold_status(row, ORDER_STATUS_SHIPPED, ORDER_STATUS_DELIVERED, ORDERS_DELIVERED_AT, at);
        break;
    case ORDER_CANCELLED:
        fits = fold_cancelled(row, at);
        break;
    case ORDER_RETURNED:
        fits = fold_returned(row);
        break;
    case ORDER_REFUNDED:
        fits = fold_refunded(row, event->total_minor);
        break;
    case ORDER_EVENT_KINDS:
        abort(); /* an event of no kind */
    }
    if (!fits)
        return error_set(err, ERROR_POISON, "event-out-of-order",
                         "'%s' can not follow on an order that is '" STR_FMT "'",
                         order_event_type(event->kind),
                         STR_ARG(row->exists ? row->values[ORDERS_STATUS].str : STR("none")));
    return true;
}

static bool fold(struct row *row, const struct event *event, struct arena *arena, struct error *err)
{
    struct domain_event parsed;

    if (!order_event_parse(event->type, event->data, event->occurred_at_us, arena, &parsed, err))
        return false;
    const struct order_event *order_event = parsed.payload;
    bool creates = order_event->kind == ORDER_DRAFTED || order_event->kind == ORDER_PLACED;
    if (!row->exists && !creates)
        return error_set(err, ERROR_POISON, "event-out-of-order",
                         "'%s' is not the first event of an order", parsed.type);
    if (!fold_event(row, order_event, event->occurred_at_us, arena, err))
        return false;
    row->exists = true;
    set_number(row, ORDERS_UPDATED_AT, event->recorded_at_us);
    return true;
}

const struct projection orders_projection = {
    .name = "orders",
    .kind = PROJECTION_BY_STREAM,
    .categories = (const char *const[]){"order", NULL},
    .columns = columns,
    .columns_count = ORDERS_COLUMNS,
    .indexes =
        (const char *const[]){"tenant, placed_at, stream", "tenant, customer_id, placed_at, stream",
                              "tenant, status, placed_at, stream", NULL},
    .fold = fold,
};
