/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/refusal.h"

#include "base/buf.h"
#include "base/json.h"
#include "eventlog/decider.h"

#include <stdarg.h>
#include <stdio.h>

#define IN(status) (1u << ORDER_STATUS_##status)

static const struct {
    const char *command;
    const char *done; /* "can not be <done>" */
    unsigned admitted;
} actions[ORDER_ACTIONS] = {
    [ORDER_ACTION_ADD_LINE] = {"order.add-line", "changed", IN(DRAFT) | IN(PLACED)},
    [ORDER_ACTION_CHANGE_LINE] = {"order.change-line", "changed", IN(DRAFT) | IN(PLACED)},
    [ORDER_ACTION_REMOVE_LINE] = {"order.remove-line", "changed", IN(DRAFT) | IN(PLACED)},
    [ORDER_ACTION_PLACE] = {"order.place-draft", "placed", IN(DRAFT)},
    [ORDER_ACTION_PAY] = {"order.pay", "paid", IN(PLACED)},
    [ORDER_ACTION_SHIP] = {"order.ship", "shipped", IN(PAID)},
    [ORDER_ACTION_DELIVER] = {"order.deliver", "delivered", IN(SHIPPED)},
    [ORDER_ACTION_CANCEL] = {"order.cancel", "cancelled", IN(DRAFT) | IN(PLACED) | IN(PAID)},
    [ORDER_ACTION_RETURN] = {"order.return", "returned", IN(DELIVERED)},
    [ORDER_ACTION_REFUND] = {"order.refund", "refunded",
                             IN(PAID) | IN(SHIPPED) | IN(DELIVERED) | IN(RETURNED) | IN(CANCELLED)},
};

void refuse_shortages(struct decision *d, const struct shortage *shortages, size_t count)
{
    decision_refuse(d, "insufficient-stock", "%zu SKU%s %s not available in the quantity asked for",
                    count, count == 1 ? "" : "s", count == 1 ? "is" : "are");

    struct buf *out = decision_members(d);
    json_write_key(out, "shortages");
    buf_add_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        buf_add_cstr(out, i > 0 ? ",{" : "{");
        json_write_key(out, "sku");
        json_write_str(out, shortages[i].sku);
        json_write_key(out, "requested");
        buf_add_i64(out, shortages[i].requested);
        json_write_key(out, "available");
        buf_add_i64(out, shortages[i].available);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* A cancelled order has something to refund only if it was paid before. */
static bool is_admitted(const struct order_state *state, enum order_action action)
{
    if (!(actions[action].admitted & (1u << state->status)))
        return false;
    return action != ORDER_ACTION_REFUND || state->status != ORDER_STATUS_CANCELLED ||
           state->paid_minor > 0;
}

static void write_state_and_allowed(struct decision *d, const struct order_state *state)
{
    struct buf *out = decision_members(d);
    bool first = true;

    json_write_key(out, "state");
    json_write_cstr(out, order_status_name(state->status));
    json_write_key(out, "allowed");
    buf_add_char(out, '[');
    for (size_t i = 0; i < ORDER_ACTIONS; i++) {
        if (!is_admitted(state, (enum order_action)i))
            continue;
        if (!first)
            buf_add_char(out, ',');
        first = false;
        json_write_cstr(out, actions[i].command);
    }
    buf_add_char(out, ']');
}

void refuse_order_state(struct decision *d, const struct order_state *state, const char *fmt, ...)
{
    char detail[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    decision_refuse(d, "order-state", "%s", detail);
    write_state_and_allowed(d, state);
}

const struct order_state *order_for_action(struct decision *d, enum order_action action)
{
    const struct order_state *state = decision_state(d, DECISION_MAIN);

    if (state == NULL) {
        decision_refuse(d, "not-found", "there is no order '" STR_FMT "'", STR_ARG(decision_id(d)));
        return NULL;
    }
    if (!is_admitted(state, action)) {
        refuse_order_state(d, state, "the order is %s and can not be %s",
                           order_status_name(state->status), actions[action].done);
        return NULL;
    }
    return state;
}
