/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of an order, in C and as JSON.
 *
 * Every event carries the order's customer and currency and, as `change`, what it adds to the
 * customer's sums: orders, items and total (all zero while the order is a draft; a cancellation
 * takes all of it back). So a roll-up needs nothing but the event. A return and a refund change
 * none of them: the sums count what was placed and not cancelled.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_ORDER_EVENT_H
#define DAYBOOK_ORDERS_ORDER_EVENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "eventlog/decider.h"

enum { ORDER_LINES_MAX = 500, ORDER_TEXT_MAX = 1024 };

#define ORDER_QUANTITY_MAX INT64_C(1000000)
#define ORDER_MINOR_MAX ((INT64_C(1) << 53) - 1) /* what a JSON number holds exactly */

enum order_event_kind {
    ORDER_DRAFTED,
    ORDER_PLACED,
    ORDER_LINE_ADDED,
    ORDER_LINE_CHANGED,
    ORDER_LINE_REMOVED,
    ORDER_PAID,
    ORDER_SHIPPED,
    ORDER_DELIVERED,
    ORDER_CANCELLED,
    ORDER_RETURNED,
    ORDER_REFUNDED,
    ORDER_EVENT_KINDS,
};

struct order_line {
    int64_t line; /* 1, 2, ...; a removed number does not come again */
    struct str sku;
    int64_t quantity;
    int64_t unit_price_minor;
};

struct order_change { /* to the customer's sums */
    int64_t orders;
    int64_t items;
    int64_t total_minor;
};

struct order_event {
    enum order_event_kind kind;
    struct str customer_id;
    struct str currency;
    struct order_change change;
    /* DRAFTED, PLACED: all lines. LINE_*: the line as it is then (as it was: REMOVED). SHIPPED:
     * what is shipped now, as quantities. */
    const struct order_line *lines;
    size_t lines_count;
    /* DRAFTED, PLACED, LINE_*: the order's total after it. PAID, REFUNDED: the amount */
    int64_t total_minor;
    bool complete;        /* SHIPPED: nothing is left to ship */
    struct str reference; /* PAID; data NULL: none */
    struct str carrier;   /* SHIPPED; data NULL: none */
    struct str tracking;  /* SHIPPED; data NULL: none */
    struct str reason;    /* CANCELLED, RETURNED, REFUNDED; data NULL: none */
};

const char *order_event_type(enum order_event_kind kind);

/* aggregate_type.event_parse and .event_write of `order`; the payload is a struct order_event. */
MUST_CHECK bool order_event_parse(struct str type, struct str data, int64_t occurred_at_us,
                                  struct arena *arena, struct domain_event *ret_event,
                                  struct error *err);
void order_event_write(const struct domain_event *event, struct buf *out);

#endif
