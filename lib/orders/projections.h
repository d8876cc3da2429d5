/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The read models of orders and stock: `orders` and `stock` by stream, `customers` as a roll-up.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_PROJECTIONS_H
#define DAYBOOK_ORDERS_PROJECTIONS_H
#include "projection/fold.h"

enum orders_column {
    ORDERS_CUSTOMER_ID,
    ORDERS_STATUS,
    ORDERS_CURRENCY,
    ORDERS_LINES, /* JSON, as it is shown */
    ORDERS_TOTAL_MINOR,
    ORDERS_PAID_MINOR,
    ORDERS_REFUNDED_MINOR,
    ORDERS_PLACED_AT, /* times are the events' occurred_at; updated_at is recorded_at */
    ORDERS_PAID_AT,
    ORDERS_SHIPPED_AT,
    ORDERS_DELIVERED_AT,
    ORDERS_CANCELLED_AT,
    ORDERS_UPDATED_AT,
    ORDERS_COLUMNS,
};

enum stock_column { STOCK_ON_HAND, STOCK_RESERVED_COUNT, STOCK_AVAILABLE, STOCK_COLUMNS };

enum customers_column {
    CUSTOMERS_CUSTOMER_ID,
    CUSTOMERS_CURRENCY,
    CUSTOMERS_KEY_COLUMNS,
    CUSTOMERS_ORDERS = CUSTOMERS_KEY_COLUMNS,
    CUSTOMERS_ITEMS,
    CUSTOMERS_TOTAL_MINOR,
    CUSTOMERS_COLUMNS,
};

extern const struct projection orders_projection;
extern const struct projection stock_projection;
extern const struct projection customers_projection;

#endif
