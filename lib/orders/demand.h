/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one command wants of the stock of each SKU, summed: a SKU may stand on several lines, and
 * gets one event.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_DEMAND_H
#define DAYBOOK_ORDERS_DEMAND_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "orders/stock.h"

struct decision;

struct demand {
    struct decision *d;
    size_t count;
    struct demand_of {
        size_t stream; /* in the decision */
        struct str sku;
        int64_t quantity;
    } * skus; /* in the order of their first line */
};

/* In `streams` this names the SKU's stream; in `decide` it counts. LINES_MAX bounds the calls of
 * demand_add. */
void demand_init(struct demand *demand, struct decision *d, size_t lines_max);
void demand_add(struct demand *demand, struct str sku, int64_t quantity);

/* Refuses with all shortages and returns false unless each SKU has as much available. */
bool demand_is_available(const struct demand *demand);

/* One event a SKU, for the main stream's order. */
void demand_emit(const struct demand *demand, enum stock_event_kind kind);

#endif
