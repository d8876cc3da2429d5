/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/stock.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/name.h"

#include <assert.h>

static const struct {
    const char *type;
    const char *amount; /* the member that holds it */
    int on_hand;        /* what a quantity does */
    int reserved;
} kinds[STOCK_EVENT_KINDS] = {
    [STOCK_RECEIVED] = {"StockReceived", "quantity", 1, 0},
    [STOCK_ADJUSTED] = {"StockAdjusted", "delta", 1, 0},
    [STOCK_RESERVED] = {"StockReserved", "quantity", 0, 1},
    [STOCK_RELEASED] = {"StockReleased", "quantity", 0, -1},
    [STOCK_TAKEN] = {"StockTaken", "quantity", -1, -1},
};

const char *stock_event_type(enum stock_event_kind kind)
{
    assert(kind < STOCK_EVENT_KINDS);
    return kinds[kind].type;
}

/* Events as JSON. */

static void write_text(struct buf *out, const char *key, struct str value)
{
    if (value.data != NULL)
        json_add_str(out, key, value);
}

static void event_write(const struct domain_event *domain_event, struct buf *out)
{
    const struct stock_event *event = domain_event->payload;

    buf_add_char(out, '{');
    json_add_i64(out, kinds[event->kind].amount, event->quantity);
    write_text(out, "order_id", event->order_id);
    write_text(out, "reason", event->reason);
    buf_add_char(out, '}');
}

static struct str read_text(json_t *object, const char *key, struct arena *arena)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return STR_NONE;
    return arena_dup(arena, str_from(json_string_value(value), json_string_length(value)));
}

/* As event_write() wrote it, byte by byte. False: written otherwise, for the parser. */
static bool read_written(struct str data, struct arena *arena, struct stock_event *event)
{
    struct json_written in, at;

    json_written_open(&in, data);
    event->order_id = event->reason = STR_NONE;
    if (!json_written_take(&in, STR("{")) ||
        !json_written_i64(&in, str_of(kinds[event->kind].amount), &event->quantity))
        return false;
    at = in;
    if (json_written_str(&at, STR("order_id"), &event->order_id))
        in = at;
    at = in;
    if (json_written_str(&at, STR("reason"), &event->reason))
        in = at;
    if (!json_written_take(&in, STR("}")) || !json_written_ends(&in))
        return false;
    if (event->order_id.data)
        event->order_id = arena_dup(arena, event->order_id);
    if (event->reason.data)
        event->reason = arena_dup(arena, event->reason);
    return true;
}

static bool read_any(struct str data, struct arena *arena, struct stock_event *event,
                     struct error *err)
{
    SCOPED(json_decref) json_t *object = NULL;
    json_t *amount;

    if (!json_parse_stored(data, &object, err))
        return error_wrap(err, "data of '%s'", kinds[event->kind].type);
    amount = json_object_get(object, kinds[event->kind].amount);
    event->quantity = json_is_integer(amount) ? json_integer_value(amount) : 0;
    event->order_id = read_text(object, "order_id", arena);
    event->reason = read_text(object, "reason", arena);
    return true;
}

static bool find_kind(struct str type, enum stock_event_kind *ret_kind)
{
    for (size_t i = 0; i < STOCK_EVENT_KINDS; i++)
        if (str_equal(type, str_of(kinds[i].type))) {
            *ret_kind = (enum stock_event_kind)i;
            return true;
        }
    return false;
}

bool stock_event_parse(struct str type, struct str data, int64_t occurred_at_us,
                       struct arena *arena, struct domain_event *ret_event, struct error *err)
{
    struct stock_event *event = ARENA_NEW(arena, struct stock_event);

    if (!find_kind(type, &event->kind))
        return error_set(err, ERROR_POISON, "unknown-event-type",
                         "unknown event type '" STR_FMT "' of stock", STR_ARG(type));
    if (!read_written(data, arena, event) && !read_any(data, arena, event, err))
        return false;
    if (event->quantity == 0 || event->quantity > STOCK_MAX || event->quantity < -STOCK_MAX ||
        (event->quantity < 0 && event->kind != STOCK_ADJUSTED))
        return error_set(err, ERROR_POISON, "malformed-event", "malformed data of '%s'",
                         kinds[event->kind].type);
    *ret_event = (struct domain_event){
        .type = kinds[event->kind].type, .payload = event, .occurred_at_us = occurred_at_us};
    return true;
}

/* State. */

bool stock_apply(struct stock_state *state, const struct stock_event *event)
{
    int64_t on_hand = state->on_hand + kinds[event->kind].on_hand * event->quantity;
    int64_t reserved = state->reserved + kinds[event->kind].reserved * event->quantity;

    if (reserved < 0 || reserved > on_hand || on_hand > STOCK_MAX)
        return false;
    state->on_hand = on_hand;
    state->reserved = reserved;
    return true;
}

static void *state_new(void)
{
    return mem_zalloc(sizeof(struct stock_state));
}

static void *state_clone(const void *state)
{
    return mem_dup(state, sizeof(struct stock_state));
}

static size_t state_bytes(const void *state)
{
    (void)state;
    return sizeof(struct stock_state);
}

static bool evolve(void *state, const struct domain_event *event, struct error *err)
{
    const struct stock_state before = *(struct stock_state *)state;

    if (!stock_apply(state, event->payload))
        return error_set(err, ERROR_POISON, "event-out-of-order",
                         "'%s' can not follow on %lld on hand, %lld reserved", event->type,
                         (long long)before.on_hand, (long long)before.reserved);
    return true;
}

static void state_write(const void *state, struct buf *out)
{
    const struct stock_state *stock = state;

    buf_add_char(out, '{');
    json_write_key(out, "on_hand");
    buf_add_i64(out, stock->on_hand);
    json_write_key(out, "reserved");
    buf_add_i64(out, stock->reserved);
    buf_add_char(out, '}');
}

static bool state_parse(struct str bytes, void **ret_state, struct error *err)
{
    SCOPED(json_decref) json_t *object = NULL;
    json_t *on_hand;
    json_t *reserved;
    struct stock_state stock;

    if (!json_parse_stored(bytes, &object, err))
        return false;
    on_hand = json_object_get(object, "on_hand");
    reserved = json_object_get(object, "reserved");
    stock = (struct stock_state){json_integer_value(on_hand), json_integer_value(reserved)};
    if (!json_is_integer(on_hand) || !json_is_integer(reserved) || stock.reserved < 0 ||
        stock.on_hand < stock.reserved || stock.on_hand > STOCK_MAX)
        return error_set(err, ERROR_POISON, "malformed-state", "malformed state of stock");
    *ret_state = mem_dup(&stock, sizeof stock);
    return true;
}

const struct aggregate_type stock_aggregate = {
    .category = "stock",
    .state_new = state_new,
    .state_clone = state_clone,
    .state_free = mem_free,
    .state_bytes = state_bytes,
    .event_parse = stock_event_parse,
    .event_write = event_write,
    .evolve = evolve,
    .state_schema = 1,
    .state_write = state_write,
    .state_parse = state_parse,
};
