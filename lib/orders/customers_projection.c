/* SPDX-License-Identifier: Apache-2.0 */
/* The `customers` read model: what each customer has ordered, summed by currency. */
#include "orders/projections.h"

#include "base/arena.h"
#include "eventlog/decider.h"
#include "orders/order_event.h"

static const struct column columns[CUSTOMERS_COLUMNS] = {
    [CUSTOMERS_CUSTOMER_ID] = {"customer_id", COLUMN_TEXT},
    [CUSTOMERS_CURRENCY] = {"currency", COLUMN_TEXT},
    [CUSTOMERS_ORDERS] = {"orders", COLUMN_SUM},
    [CUSTOMERS_ITEMS] = {"items", COLUMN_SUM},
    [CUSTOMERS_TOTAL_MINOR] = {"total_minor", COLUMN_SUM},
};

static bool deltas(const struct event *event, struct arena *arena, struct delta **ret_deltas,
                   size_t *ret_count, struct error *err)
{
    struct domain_event parsed;

    if (!order_event_parse(event->type, event->data, event->occurred_at_us, arena, &parsed, err))
        return false;
    const struct order_event *order = parsed.payload;
    const struct order_change *change = &order->change;
    *ret_count = 0;
    if (change->orders == 0 && change->items == 0 && change->total_minor == 0)
        return true;
    *ret_deltas = ARENA_NEW(arena, struct delta);
    **ret_deltas = (struct delta){.keys = {order->customer_id, order->currency},
                                  .sums = {change->orders, change->items, change->total_minor}};
    *ret_count = 1;
    return true;
}

const struct projection customers_projection = {
    .name = "customers",
    .kind = PROJECTION_ROLL_UP,
    .categories = (const char *const[]){"order", NULL},
    .columns = columns,
    .columns_count = CUSTOMERS_COLUMNS,
    .key_columns = CUSTOMERS_KEY_COLUMNS,
    .indexes = (const char *const[]){NULL},
    .deltas = deltas,
};
