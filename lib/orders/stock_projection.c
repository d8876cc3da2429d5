/* SPDX-License-Identifier: Apache-2.0 */
/* The `stock` read model: a row per SKU. */
#include "orders/projections.h"

#include "eventlog/decider.h"
#include "orders/stock.h"

static const struct column columns[STOCK_COLUMNS] = {
    [STOCK_ON_HAND] = {"on_hand", COLUMN_BIGINT},
    [STOCK_RESERVED_COUNT] = {"reserved", COLUMN_BIGINT},
    [STOCK_AVAILABLE] = {"available", COLUMN_BIGINT},
};

static bool fold(struct row *row, const struct event *event, struct arena *arena, struct error *err)
{
    struct domain_event parsed;
    struct stock_state state = {0};

    if (!stock_event_parse(event->type, event->data, event->occurred_at_us, arena, &parsed, err))
        return false;
    if (row->exists)
        state = (struct stock_state){.on_hand = row->values[STOCK_ON_HAND].i64,
                                     .reserved = row->values[STOCK_RESERVED_COUNT].i64};
    if (!stock_apply(&state, parsed.payload))
        return error_set(err, ERROR_POISON, "event-out-of-order",
                         "'%s' can not follow on %lld on hand, %lld reserved", parsed.type,
                         (long long)state.on_hand, (long long)state.reserved);
    row->exists = true;
    row->values[STOCK_ON_HAND] = (struct value){.i64 = state.on_hand};
    row->values[STOCK_RESERVED_COUNT] = (struct value){.i64 = state.reserved};
    row->values[STOCK_AVAILABLE] = (struct value){.i64 = stock_available(&state)};
    return true;
}

const struct projection stock_projection = {
    .name = "stock",
    .kind = PROJECTION_BY_STREAM,
    .categories = (const char *const[]){"stock", NULL},
    .columns = columns,
    .columns_count = STOCK_COLUMNS,
    .indexes =
        (const char *const[]){NULL}, /* a hot row: an index on a count would end HOT updates */
    .fold = fold,
};
