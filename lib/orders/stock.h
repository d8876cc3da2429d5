/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stock of one SKU: what is there (on hand), what orders hold of it (reserved), the rest
 * (available).
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_STOCK_H
#define DAYBOOK_ORDERS_STOCK_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "eventlog/decider.h"

#define STOCK_MAX ((INT64_C(1) << 53) - 1)

enum stock_event_kind {
    STOCK_RECEIVED, /* on_hand + n */
    STOCK_ADJUSTED, /* on_hand + n, n may be negative */
    STOCK_RESERVED, /* reserved + n, for an order */
    STOCK_RELEASED, /* reserved - n */
    STOCK_TAKEN,    /* on_hand - n, reserved - n */
    STOCK_EVENT_KINDS,
};

struct stock_event {
    enum stock_event_kind kind;
    int64_t quantity;    /* > 0; ADJUSTED: the delta, not 0 */
    struct str order_id; /* RESERVED, RELEASED, TAKEN */
    struct str reason;   /* ADJUSTED */
};

struct stock_state {
    int64_t on_hand;
    int64_t reserved; /* 0 <= reserved <= on_hand, always */
};

static inline int64_t stock_available(const struct stock_state *state)
{
    return state == NULL ? 0 : state->on_hand - state->reserved;
}

const char *stock_event_type(enum stock_event_kind kind);
MUST_CHECK bool stock_event_parse(struct str type, struct str data, int64_t occurred_at_us,
                                  struct arena *arena, struct domain_event *ret_event,
                                  struct error *err);

/* Applies it unless stock would pass its bounds: false, and STATE is as before. */
bool stock_apply(struct stock_state *state, const struct stock_event *event);

/* Emits an event of an order on a stock stream of its decision. */
void stock_emit(struct decision *d, size_t stream, enum stock_event_kind kind, int64_t quantity,
                struct str order_id);

extern const struct aggregate_type stock_aggregate;
extern const struct command_type stock_receive;
extern const struct command_type stock_adjust;

#endif
