/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of an order: what each takes (parsed on the http thread) and the tables that name
 * them.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_ORDERS_ORDER_COMMANDS_H
#define DAYBOOK_ORDERS_ORDER_COMMANDS_H
#include "eventlog/decider.h"
#include "orders/order_event.h"

struct order_place {
    struct str customer_id;
    struct str currency;
    struct order_line *lines; /* numbered 1.. */
    size_t lines_count;
    int64_t items;
    int64_t total_minor;
    bool place; /* false: a draft */
};

struct order_line_command {   /* add, change, remove */
    int64_t line;             /* change, remove */
    struct str sku;           /* add */
    int64_t quantity;         /* add, change */
    int64_t unit_price_minor; /* add */
};

struct order_pay {
    int64_t amount_minor;
    struct str reference;
};

struct order_ship {
    struct str carrier;
    struct str tracking;
    struct order_line *lines; /* line and quantity only */
    size_t lines_count;       /* 0: all that is left */
};

struct order_reason { /* cancel, return */
    struct str reason;
};

struct order_refund {
    int64_t amount_minor;
    struct str reason;
};

bool order_place_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_add_line_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_change_line_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_remove_line_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_pay_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_ship_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_reason_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_refund_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);
bool order_empty_parse(json_t *data, struct arena *arena, struct faults *faults, void **ret);

extern const struct command_type order_place_command;
extern const struct command_type order_place_draft_command;
extern const struct command_type order_add_line_command;
extern const struct command_type order_change_line_command;
extern const struct command_type order_remove_line_command;
extern const struct command_type order_pay_command;
extern const struct command_type order_ship_command;
extern const struct command_type order_deliver_command;
extern const struct command_type order_cancel_command;
extern const struct command_type order_return_command;
extern const struct command_type order_refund_command;

#endif
