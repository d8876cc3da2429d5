/* SPDX-License-Identifier: Apache-2.0 */
/* stock.receive and stock.adjust. */
#include "orders/stock.h"

#include "base/arena.h"
#include "base/json.h"
#include "orders/order_event.h"
#include "orders/refusal.h"

void stock_emit(struct decision *d, size_t stream, enum stock_event_kind kind, int64_t quantity,
                struct str order_id)
{
    struct stock_event *event = ARENA_NEW(decision_arena(d), struct stock_event);

    event->kind = kind;
    event->quantity = quantity;
    event->order_id = order_id;
    decision_emit(d, stream, stock_event_type(kind), event);
}

static bool parse_receive(json_t *data, struct arena *arena, struct faults *faults,
                          void **ret_payload)
{
    struct stock_event *event = ARENA_NEW(arena, struct stock_event);
    struct fields fields;

    event->kind = STOCK_RECEIVED;
    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    fields_i64(&fields, "quantity", FIELD_REQUIRED, 1, ORDER_QUANTITY_MAX, &event->quantity);
    fields_done(&fields);
    *ret_payload = event;
    return faults_count(faults) == 0;
}

static bool parse_adjust(json_t *data, struct arena *arena, struct faults *faults,
                         void **ret_payload)
{
    struct stock_event *event = ARENA_NEW(arena, struct stock_event);
    struct fields fields;

    event->kind = STOCK_ADJUSTED;
    if (!fields_open(&fields, data, "", arena, faults))
        return false;
    if (fields_i64(&fields, "delta", FIELD_REQUIRED, -ORDER_QUANTITY_MAX, ORDER_QUANTITY_MAX,
                   &event->quantity) &&
        event->quantity == 0)
        faults_add(faults, "must not be 0", "/delta");
    fields_str(&fields, "reason", FIELD_REQUIRED, ORDER_TEXT_MAX, &event->reason);
    fields_done(&fields);
    *ret_payload = event;
    return faults_count(faults) == 0;
}

static void decide_event(struct decision *d)
{
    const struct stock_event *event = decision_payload(d);
    const struct stock_state *state = decision_state(d, DECISION_MAIN);
    struct stock_state after = state == NULL ? (struct stock_state){0} : *state;

    if (stock_apply(&after, event)) {
        decision_emit(d, DECISION_MAIN, stock_event_type(event->kind), event);
        return;
    }
    if (event->quantity > 0) {
        decision_refuse(d, "validation-failed", "more stock than can be counted");
        return;
    }
    struct shortage shortage = {
        .sku = decision_id(d), .requested = -event->quantity, .available = stock_available(state)};
    refuse_shortages(d, &shortage, 1);
}

const struct command_type stock_receive = {
    .name = "stock.receive",
    .category = "stock",
    .parse = parse_receive,
    .decide = decide_event,
};

const struct command_type stock_adjust = {
    .name = "stock.adjust",
    .category = "stock",
    .parse = parse_adjust,
    .decide = decide_event,
};
