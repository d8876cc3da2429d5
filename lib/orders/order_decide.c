/* SPDX-License-Identifier: Apache-2.0 */
/* What each command of an order comes to, given the order and the stock it touches. */
#include "orders/order_commands.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/buf.h"
#include "orders/demand.h"
#include "orders/order_state.h"
#include "orders/refusal.h"

#include <assert.h>

static struct order_event *new_event(struct decision *d, enum order_event_kind kind,
                                     const struct order_state *state)
{
    struct order_event *event = ARENA_NEW(decision_arena(d), struct order_event);

    event->kind = kind;
    if (state != NULL) {
        event->customer_id =
            arena_dup(decision_arena(d), str_from(state->customer_id, state->customer_id_len));
        event->currency =
            arena_dup(decision_arena(d), str_from(state->currency, sizeof state->currency));
    }
    return event;
}

static void emit(struct decision *d, const struct order_event *event)
{
    decision_emit(d, DECISION_MAIN, order_event_type(event->kind), event);
}

/* A line of the state as one of an event; the state is not the event's to keep. */
static struct order_line copy_line(struct decision *d, const struct order_state_line *line)
{
    return (struct order_line){.line = line->line,
                               .sku = arena_dup(decision_arena(d), order_state_sku(line)),
                               .quantity = line->quantity,
                               .unit_price_minor = line->unit_price_minor};
}

static struct order_line *copy_lines(struct decision *d, const struct order_state *state)
{
    struct order_line *lines =
        ARENA_ARRAY(decision_arena(d), struct order_line, state->lines_count);

    for (size_t i = 0; i < state->lines_count; i++)
        lines[i] = copy_line(d, &state->lines[i]);
    return lines;
}

/* Order.place. */

static void demand_of_place(struct decision *d, struct demand *demand)
{
    const struct order_place *place = decision_payload(d);

    demand_init(demand, d, place->lines_count);
    if (place->place)
        for (size_t i = 0; i < place->lines_count; i++)
            demand_add(demand, place->lines[i].sku, place->lines[i].quantity);
}

static void place_streams(struct decision *d)
{
    struct demand demand;

    demand_of_place(d, &demand);
}

static void place_decide(struct decision *d)
{
    const struct order_place *place = decision_payload(d);
    struct demand demand;

    if (decision_state(d, DECISION_MAIN) != NULL) {
        decision_refuse(d, "already-exists", "there is an order '" STR_FMT "' already",
                        STR_ARG(decision_id(d)));
        return;
    }
    demand_of_place(d, &demand);
    if (!demand_is_available(&demand))
        return;

    struct order_event *event = new_event(d, place->place ? ORDER_PLACED : ORDER_DRAFTED, NULL);
    event->customer_id = place->customer_id;
    event->currency = place->currency;
    event->lines = place->lines;
    event->lines_count = place->lines_count;
    event->total_minor = place->total_minor;
    if (place->place)
        event->change = (struct order_change){
            .orders = 1, .items = place->items, .total_minor = place->total_minor};
    emit(d, event);
    demand_emit(&demand, STOCK_RESERVED);
}

/* Order.place-draft, order.cancel. */

static void demand_of_state(struct decision *d, const struct order_state *state,
                            struct demand *demand)
{
    demand_init(demand, d, state->lines_count);
    for (size_t i = 0; i < state->lines_count; i++)
        demand_add(demand, order_state_sku(&state->lines[i]), state->lines[i].quantity);
}

static void all_lines_streams(struct decision *d)
{
    const struct order_state *state = decision_state(d, DECISION_MAIN);
    struct demand demand;

    if (state != NULL)
        demand_of_state(d, state, &demand);
}

static void place_draft_decide(struct decision *d)
{
    const struct order_state *state = order_for_action(d, ORDER_ACTION_PLACE);
    struct demand demand;

    if (state == NULL)
        return;
    if (state->lines_count == 0) {
        refuse_order_state(d, state, "an order without lines can not be placed");
        return;
    }
    demand_of_state(d, state, &demand);
    if (!demand_is_available(&demand))
        return;

    struct order_event *event = new_event(d, ORDER_PLACED, state);
    event->lines = copy_lines(d, state);
    event->lines_count = state->lines_count;
    event->total_minor = state->total_minor;
    event->change = (struct order_change){
        .orders = 1, .items = state->items, .total_minor = state->total_minor};
    emit(d, event);
    demand_emit(&demand, STOCK_RESERVED);
}

static void cancel_decide(struct decision *d)
{
    const struct order_reason *cancel = decision_payload(d);
    const struct order_state *state = order_for_action(d, ORDER_ACTION_CANCEL);
    struct demand demand;

    if (state == NULL)
        return;
    if (order_state_is_part_shipped(state)) {
        refuse_order_state(d, state, "a part of the order is shipped");
        return;
    }
    struct order_event *event = new_event(d, ORDER_CANCELLED, state);
    event->reason = cancel->reason;
    if (state->status == ORDER_STATUS_DRAFT) {
        emit(d, event);
        return;
    }
    demand_of_state(d, state, &demand);
    event->change = (struct order_change){
        .orders = -1, .items = -state->items, .total_minor = -state->total_minor};
    emit(d, event);
    demand_emit(&demand, STOCK_RELEASED);
}

/* Lines. */

static void add_line_streams(struct decision *d)
{
    const struct order_line_command *command = decision_payload(d);

    (void)decision_stream(d, "stock", command->sku);
}

static void line_streams(struct decision *d)
{
    const struct order_line_command *command = decision_payload(d);
    const struct order_state *state = decision_state(d, DECISION_MAIN);
    const struct order_state_line *line;

    if (state != NULL && (line = order_state_find_line(state, command->line)) != NULL)
        (void)decision_stream(d, "stock", order_state_sku(line));
}

/* False, and refused, when the total leaves its range. */
static bool total_after(struct decision *d, const struct order_state *state, int64_t quantity_delta,
                        int64_t unit_price_minor, int64_t *ret_total)
{
    int64_t delta;

    if (!__builtin_mul_overflow(quantity_delta, unit_price_minor, &delta) &&
        !__builtin_add_overflow(state->total_minor, delta, ret_total) && *ret_total >= 0 &&
        *ret_total <= ORDER_MINOR_MAX)
        return true;
    decision_refuse(d, "validation-failed",
                    "the order's total would be more than 9007199254740991");
    return false;
}

/* Emits a line's event, and the stock's for QUANTITY_DELTA pieces more or less while placed. */
static void decide_line(struct decision *d, const struct order_state *state,
                        enum order_event_kind kind, const struct order_line *line,
                        int64_t quantity_delta)
{
    bool placed = state->status == ORDER_STATUS_PLACED;
    struct demand demand;
    int64_t total;

    if (!total_after(d, state, quantity_delta, line->unit_price_minor, &total))
        return;
    demand_init(&demand, d, 1);
    if (placed && quantity_delta != 0)
        demand_add(&demand, line->sku, quantity_delta > 0 ? quantity_delta : -quantity_delta);
    if (quantity_delta > 0 && !demand_is_available(&demand))
        return;

    struct order_event *event = new_event(d, kind, state);
    event->lines = line;
    event->lines_count = 1;
    event->total_minor = total;
    if (placed)
        event->change = (struct order_change){.items = quantity_delta,
                                              .total_minor = total - state->total_minor};
    emit(d, event);
    demand_emit(&demand, quantity_delta > 0 ? STOCK_RESERVED : STOCK_RELEASED);
}

static void add_line_decide(struct decision *d)
{
    const struct order_line_command *command = decision_payload(d);
    const struct order_state *state = order_for_action(d, ORDER_ACTION_ADD_LINE);

    if (state == NULL)
        return;
    if (state->lines_count >= ORDER_LINES_MAX || state->last_line >= INT32_MAX) {
        decision_refuse(d, "validation-failed", "an order has at most %d lines", ORDER_LINES_MAX);
        return;
    }
    struct order_line *line = ARENA_NEW(decision_arena(d), struct order_line);
    *line = (struct order_line){.line = state->last_line + 1,
                                .sku = command->sku,
                                .quantity = command->quantity,
                                .unit_price_minor = command->unit_price_minor};
    decide_line(d, state, ORDER_LINE_ADDED, line, line->quantity);
}

static const struct order_state_line *line_for_action(struct decision *d, enum order_action action,
                                                      const struct order_state **ret_state)
{
    const struct order_line_command *command = decision_payload(d);
    const struct order_state_line *line;

    *ret_state = order_for_action(d, action);
    if (*ret_state == NULL)
        return NULL;
    line = order_state_find_line(*ret_state, command->line);
    if (line == NULL)
        decision_refuse(d, "not-found", "the order has no line %lld", (long long)command->line);
    return line;
}

static void change_line_decide(struct decision *d)
{
    const struct order_line_command *command = decision_payload(d);
    const struct order_state *state;
    const struct order_state_line *old = line_for_action(d, ORDER_ACTION_CHANGE_LINE, &state);

    if (old == NULL)
        return;
    struct order_line *line = ARENA_NEW(decision_arena(d), struct order_line);
    *line = copy_line(d, old);
    line->quantity = command->quantity;
    decide_line(d, state, ORDER_LINE_CHANGED, line, command->quantity - old->quantity);
}

static void remove_line_decide(struct decision *d)
{
    const struct order_state *state;
    const struct order_state_line *old = line_for_action(d, ORDER_ACTION_REMOVE_LINE, &state);

    if (old == NULL)
        return;
    if (state->status == ORDER_STATUS_PLACED && state->lines_count == 1) {
        refuse_order_state(d, state,
                           "the last line of a placed order can not be removed: cancel it");
        return;
    }
    struct order_line *line = ARENA_NEW(decision_arena(d), struct order_line);
    *line = copy_line(d, old);
    decide_line(d, state, ORDER_LINE_REMOVED, line, -old->quantity);
}

/* Pay, ship, deliver, return, refund. */

static void pay_decide(struct decision *d)
{
    const struct order_pay *pay = decision_payload(d);
    const struct order_state *state = order_for_action(d, ORDER_ACTION_PAY);

    if (state == NULL)
        return;
    if (pay->amount_minor != state->total_minor) {
        decision_refuse(d, "payment-mismatch", "the order's total is %lld, not %lld",
                        (long long)state->total_minor, (long long)pay->amount_minor);
        json_write_key(decision_members(d), "total_minor");
        buf_add_i64(decision_members(d), state->total_minor);
        return;
    }
    struct order_event *event = new_event(d, ORDER_PAID, state);
    event->total_minor = pay->amount_minor;
    event->reference = pay->reference;
    emit(d, event);
}

/* The lines to ship, with their SKUs; NULL, and refused, when one is not there or has less left. */
static struct order_line *lines_to_ship(struct decision *d, const struct order_state *state,
                                        size_t *ret_count)
{
    const struct order_ship *ship = decision_payload(d);
    size_t count = ship->lines_count > 0 ? ship->lines_count : state->lines_count;
    struct order_line *lines = ARENA_ARRAY(decision_arena(d), struct order_line, count);

    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct order_state_line *line =
            ship->lines_count > 0 ? order_state_find_line(state, ship->lines[i].line)
                                  : &state->lines[i];
        if (line == NULL) {
            refuse_order_state(d, state, "the order has no line %lld",
                               (long long)ship->lines[i].line);
            return NULL;
        }
        int64_t left = line->quantity - line->shipped;
        int64_t quantity = ship->lines_count > 0 ? ship->lines[i].quantity : left;
        if (quantity > left) {
            refuse_order_state(d, state, "line %lld has %lld left to ship", (long long)line->line,
                               (long long)left);
            return NULL;
        }
        if (quantity == 0)
            continue;
        lines[*ret_count] = copy_line(d, line);
        lines[(*ret_count)++].quantity = quantity;
    }
    return lines;
}

static int64_t left_to_ship(const struct order_state *state)
{
    int64_t left = 0;

    for (size_t i = 0; i < state->lines_count; i++)
        left += state->lines[i].quantity - state->lines[i].shipped;
    return left;
}

static void ship_decide(struct decision *d)
{
    const struct order_ship *ship = decision_payload(d);
    const struct order_state *state = order_for_action(d, ORDER_ACTION_SHIP);
    struct order_line *lines;
    size_t count;
    struct demand demand;
    int64_t shipped = 0;

    if (state == NULL || (lines = lines_to_ship(d, state, &count)) == NULL)
        return;
    demand_init(&demand, d, count);
    for (size_t i = 0; i < count; i++) {
        demand_add(&demand, lines[i].sku, lines[i].quantity);
        shipped += lines[i].quantity;
    }
    struct order_event *event = new_event(d, ORDER_SHIPPED, state);
    event->lines = lines;
    event->lines_count = count;
    event->complete = shipped == left_to_ship(state);
    event->carrier = ship->carrier;
    event->tracking = ship->tracking;
    emit(d, event);
    demand_emit(&demand, STOCK_TAKEN);
}

static void deliver_decide(struct decision *d)
{
    const struct order_state *state = order_for_action(d, ORDER_ACTION_DELIVER);

    if (state != NULL)
        emit(d, new_event(d, ORDER_DELIVERED, state));
}

/* The goods come back in whatever condition: what of them is stock again, stock.receive says. */
static void return_decide(struct decision *d)
{
    const struct order_reason *command = decision_payload(d);
    const struct order_state *state = order_for_action(d, ORDER_ACTION_RETURN);

    if (state == NULL)
        return;
    struct order_event *event = new_event(d, ORDER_RETURNED, state);
    event->reason = command->reason;
    emit(d, event);
}

static void refuse_refund(struct decision *d, const struct order_state *state, int64_t amount_minor)
{
    int64_t left_minor = state->paid_minor - state->refunded_minor;
    struct buf *members = decision_members(d);

    decision_refuse(d, "payment-mismatch", "%lld of what was paid is left to refund, not %lld",
                    (long long)left_minor, (long long)amount_minor);
    json_write_key(members, "paid_minor");
    buf_add_i64(members, state->paid_minor);
    json_write_key(members, "refunded_minor");
    buf_add_i64(members, state->refunded_minor);
}

static void refund_decide(struct decision *d)
{
    const struct order_refund *refund = decision_payload(d);
    const struct order_state *state = order_for_action(d, ORDER_ACTION_REFUND);

    if (state == NULL)
        return;
    if (refund->amount_minor > state->paid_minor - state->refunded_minor) {
        refuse_refund(d, state, refund->amount_minor);
        return;
    }
    struct order_event *event = new_event(d, ORDER_REFUNDED, state);
    event->total_minor = refund->amount_minor;
    event->reason = refund->reason;
    emit(d, event);
}

#define ORDER_COMMAND(verb) .name = "order." verb, .category = "order"

const struct command_type order_place_command = {ORDER_COMMAND("place"), .expects_new = true,
                                                 .parse = order_place_parse,
                                                 .streams = place_streams, .decide = place_decide};
const struct command_type order_place_draft_command = {
    ORDER_COMMAND("place-draft"), .parse = order_empty_parse, .streams = all_lines_streams,
    .decide = place_draft_decide};
const struct command_type order_add_line_command = {
    ORDER_COMMAND("add-line"), .parse = order_add_line_parse, .streams = add_line_streams,
    .decide = add_line_decide};
const struct command_type order_change_line_command = {
    ORDER_COMMAND("change-line"), .parse = order_change_line_parse, .streams = line_streams,
    .decide = change_line_decide};
const struct command_type order_remove_line_command = {
    ORDER_COMMAND("remove-line"), .parse = order_remove_line_parse, .streams = line_streams,
    .decide = remove_line_decide};
const struct command_type order_pay_command = {ORDER_COMMAND("pay"), .parse = order_pay_parse,
                                               .decide = pay_decide};
const struct command_type order_ship_command = {ORDER_COMMAND("ship"), .parse = order_ship_parse,
                                                .streams = all_lines_streams,
                                                .decide = ship_decide};
const struct command_type order_deliver_command = {
    ORDER_COMMAND("deliver"), .parse = order_empty_parse, .decide = deliver_decide};
const struct command_type order_cancel_command = {
    ORDER_COMMAND("cancel"), .parse = order_reason_parse, .streams = all_lines_streams,
    .decide = cancel_decide};
const struct command_type order_return_command = {
    ORDER_COMMAND("return"), .parse = order_reason_parse, .decide = return_decide};
const struct command_type order_refund_command = {
    ORDER_COMMAND("refund"), .parse = order_refund_parse, .decide = refund_decide};
