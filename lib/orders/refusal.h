/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the domain refuses: order-state with `state` and `allowed`, insufficient-stock with
 * `shortages`.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_REFUSAL_H
#define DAYBOOK_ORDERS_REFUSAL_H
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "orders/order_state.h"

struct decision;

struct shortage {
    struct str sku;
    int64_t requested;
    int64_t available;
};

void refuse_shortages(struct decision *d, const struct shortage *shortages, size_t count);

/* The commands of an order that its status can refuse; `allowed` is told from the same table. */
enum order_action {
    ORDER_ACTION_ADD_LINE,
    ORDER_ACTION_CHANGE_LINE,
    ORDER_ACTION_REMOVE_LINE,
    ORDER_ACTION_PLACE,
    ORDER_ACTION_PAY,
    ORDER_ACTION_SHIP,
    ORDER_ACTION_DELIVER,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_RETURN,
    ORDER_ACTION_REFUND,
    ORDER_ACTIONS,
};

/*
 * The order, if there is one and its status admits ACTION; else refuses (not-found, order-state)
 * and returns NULL.
 */
const struct order_state *order_for_action(struct decision *d, enum order_action action);

/* order-state for another reason than the status alone. */
void refuse_order_state(struct decision *d, const struct order_state *state, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
