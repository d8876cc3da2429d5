/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an order's commands are decided on: the fold of its events.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_ORDER_STATE_H
#define DAYBOOK_ORDERS_ORDER_STATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/name.h"
#include "base/str.h"
#include "orders/order_event.h"

enum order_status {
    ORDER_STATUS_NONE, /* before the first event */
    ORDER_STATUS_DRAFT,
    ORDER_STATUS_PLACED,
    ORDER_STATUS_PAID,
    ORDER_STATUS_SHIPPED,
    ORDER_STATUS_DELIVERED,
    ORDER_STATUS_RETURNED,
    ORDER_STATUS_CANCELLED,
    ORDER_STATUSES,
};

const char *order_status_name(enum order_status status); /* "draft", ... */

struct order_state_line {
    int64_t line;
    int64_t quantity;
    int64_t unit_price_minor;
    int64_t shipped;
    size_t sku_len;
    char sku[NAME_ID_MAX];
};

struct order_state {
    enum order_status status;
    int64_t last_line; /* the highest number ever given */
    int64_t total_minor;
    int64_t paid_minor;
    int64_t refunded_minor; /* never more than was paid */
    int64_t items;
    size_t customer_id_len;
    char customer_id[NAME_ID_MAX];
    char currency[3];
    size_t lines_count;
    size_t lines_capacity;
    struct order_state_line *lines;
};

static inline struct str order_state_sku(const struct order_state_line *line)
{
    return str_from(line->sku, line->sku_len);
}

/* The line of that number, or NULL. */
const struct order_state_line *order_state_find_line(const struct order_state *state, int64_t line);
bool order_state_is_part_shipped(const struct order_state *state);

/* aggregate_type.state_write and .state_parse of `order`. A field more in the state is one more in
 * both, and another state_schema. */
void order_state_write(const void *state, struct buf *out);
MUST_CHECK bool order_state_parse(struct str bytes, void **ret_state, struct error *err);

extern const struct aggregate_type order_aggregate;

#endif
