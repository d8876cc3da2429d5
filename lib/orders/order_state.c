/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/order_state.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[ORDER_STATUSES] = {
    [ORDER_STATUS_NONE] = "none",         [ORDER_STATUS_DRAFT] = "draft",
    [ORDER_STATUS_PLACED] = "placed",     [ORDER_STATUS_PAID] = "paid",
    [ORDER_STATUS_SHIPPED] = "shipped",   [ORDER_STATUS_DELIVERED] = "delivered",
    [ORDER_STATUS_RETURNED] = "returned", [ORDER_STATUS_CANCELLED] = "cancelled",
};

const char *order_status_name(enum order_status status)
{
    assert(status < ORDER_STATUSES);
    return status_names[status];
}

static struct order_state_line *find_line(const struct order_state *state, int64_t line)
{
    for (size_t i = 0; i < state->lines_count; i++)
        if (state->lines[i].line == line)
            return &state->lines[i];
    return NULL;
}

const struct order_state_line *order_state_find_line(const struct order_state *state, int64_t line)
{
    return find_line(state, line);
}

bool order_state_is_part_shipped(const struct order_state *state)
{
    for (size_t i = 0; i < state->lines_count; i++)
        if (state->lines[i].shipped > 0)
            return true;
    return false;
}

static void *state_new(void)
{
    return mem_zalloc(sizeof(struct order_state));
}

static void *state_clone(const void *state)
{
    const struct order_state *from = state;
    struct order_state *to = mem_dup(from, sizeof *from);

    to->lines_capacity = from->lines_count;
    to->lines = NULL;
    if (from->lines_count > 0)
        to->lines = mem_dup(from->lines, from->lines_count * sizeof *from->lines);
    return to;
}

static void state_free(void *state)
{
    struct order_state *order = state;

    if (order == NULL)
        return;
    mem_free(order->lines);
    mem_free(order);
}

static size_t state_bytes(const void *state)
{
    const struct order_state *order = state;

    return sizeof *order + order->lines_capacity * sizeof *order->lines;
}

/* Evolve. */

static void add_line(struct order_state *state, const struct order_line *line)
{
    struct order_state_line *new_line;

    state->lines = mem_grow(state->lines, &state->lines_capacity, state->lines_count + 1,
                            sizeof *state->lines);
    new_line = &state->lines[state->lines_count++];
    *new_line = (struct order_state_line){.line = line->line,
                                          .quantity = line->quantity,
                                          .unit_price_minor = line->unit_price_minor,
                                          .sku_len = line->sku.len};
    memcpy(new_line->sku, line->sku.data, line->sku.len);
    state->items += line->quantity;
    if (line->line > state->last_line)
        state->last_line = line->line;
}

static bool apply_created(struct order_state *state, const struct order_event *event)
{
    bool placing_a_draft = event->kind == ORDER_PLACED && state->status == ORDER_STATUS_DRAFT;

    if (state->status != ORDER_STATUS_NONE && !placing_a_draft)
        return false;
    state->status = event->kind == ORDER_PLACED ? ORDER_STATUS_PLACED : ORDER_STATUS_DRAFT;
    state->total_minor = event->total_minor;
    if (placing_a_draft) /* its lines are there already */
        return true;
    state->customer_id_len = event->customer_id.len;
    memcpy(state->customer_id, event->customer_id.data, event->customer_id.len);
    memcpy(state->currency, event->currency.data, sizeof state->currency);
    for (size_t i = 0; i < event->lines_count; i++)
        add_line(state, &event->lines[i]);
    return true;
}

static bool is_open(const struct order_state *state)
{
    return state->status == ORDER_STATUS_DRAFT || state->status == ORDER_STATUS_PLACED;
}

static bool apply_line(struct order_state *state, const struct order_event *event)
{
    struct order_state_line *line = find_line(state, event->lines[0].line);

    if (!is_open(state) || (line == NULL) != (event->kind == ORDER_LINE_ADDED))
        return false;
    state->total_minor = event->total_minor;
    if (event->kind == ORDER_LINE_ADDED) {
        if (state->lines_count >= ORDER_LINES_MAX)
            return false;
        add_line(state, &event->lines[0]);
        return true;
    }
    state->items -= line->quantity;
    if (event->kind == ORDER_LINE_CHANGED) {
        line->quantity = event->lines[0].quantity;
        state->items += line->quantity;
        return true;
    }
    size_t behind = state->lines_count - (size_t)(line - state->lines) - 1;
    memmove(line, line + 1, behind * sizeof *line);
    state->lines_count--;
    return true;
}

static bool apply_shipped(struct order_state *state, const struct order_event *event)
{
    if (state->status != ORDER_STATUS_PAID)
        return false;
    for (size_t i = 0; i < event->lines_count; i++) {
        struct order_state_line *line = find_line(state, event->lines[i].line);

        if (line == NULL || event->lines[i].quantity > line->quantity - line->shipped)
            return false;
        line->shipped += event->lines[i].quantity;
    }
    if (event->complete)
        state->status = ORDER_STATUS_SHIPPED;
    return true;
}

static bool move_status(struct order_state *state, enum order_status from, enum order_status to)
{
    if (state->status != from)
        return false;
    state->status = to;
    return true;
}

static bool apply_cancelled(struct order_state *state)
{
    if (!is_open(state) && state->status != ORDER_STATUS_PAID)
        return false;
    state->status = ORDER_STATUS_CANCELLED;
    return true;
}

static bool apply_paid(struct order_state *state, const struct order_event *event)
{
    state->paid_minor = event->total_minor;
    return move_status(state, ORDER_STATUS_PLACED, ORDER_STATUS_PAID);
}

/* Whatever the status, there was a payment if there is something to give back. */
static bool apply_refunded(struct order_state *state, const struct order_event *event)
{
    if (state->status == ORDER_STATUS_NONE || is_open(state) ||
        event->total_minor > state->paid_minor - state->refunded_minor)
        return false;
    state->refunded_minor += event->total_minor;
    return true;
}

static bool apply(struct order_state *state, const struct order_event *event)
{
    switch (event->kind) {
    case ORDER_DRAFTED:
    case ORDER_PLACED:
        return apply_created(state, event);
    case ORDER_LINE_ADDED:
    case ORDER_LINE_CHANGED:
    case ORDER_LINE_REMOVED:
        return apply_line(state, event);
    case ORDER_PAID:
        return apply_paid(state, event);
    case ORDER_SHIPPED:
        return apply_shipped(state, event);
    case ORDER_DELIVERED:
        return move_status(state, ORDER_STATUS_SHIPPED, ORDER_STATUS_DELIVERED);
    case ORDER_CANCELLED:
        return apply_cancelled(state);
    case ORDER_RETURNED:
        return move_status(state, ORDER_STATUS_DELIVERED, ORDER_STATUS_RETURNED);
    case ORDER_REFUNDED:
        return apply_refunded(state, event);
    case ORDER_EVENT_KINDS:
        break;
    }
    abort(); /* an event of no kind */
}

static bool evolve(void *state, const struct domain_event *event, struct error *err)
{
    struct order_state *order = state;
    enum order_status before = order->status;

    if (!apply(order, event->payload))
        return error_set(err, ERROR_POISON, "event-out-of-order",
                         "'%s' can not follow on an order that is %s", event->type,
                         order_status_name(before));
    return true;
}

const struct aggregate_type order_aggregate = {
    .category = "order",
    .state_new = state_new,
    .state_clone = state_clone,
    .state_free = state_free,
    .state_bytes = state_bytes,
    .event_parse = order_event_parse,
    .event_write = order_event_write,
    .evolve = evolve,
    .state_schema = 1,
    .state_write = order_state_write,
    .state_parse = order_state_parse,
};
