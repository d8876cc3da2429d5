/* SPDX-License-Identifier: Apache-2.0 */
/* An order's state as JSON and back, for snapshots. */
#include "orders/order_state.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"

#include <string.h>

static void write_line(struct buf *out, const struct order_state_line *line)
{
    buf_add_char(out, '{');
    json_add_i64(out, "line", line->line);
    json_add_str(out, "sku", order_state_sku(line));
    json_add_i64(out, "quantity", line->quantity);
    json_add_i64(out, "unit_price_minor", line->unit_price_minor);
    json_add_i64(out, "shipped", line->shipped);
    buf_add_char(out, '}');
}

void order_state_write(const void *state, struct buf *out)
{
    const struct order_state *order = state;

    buf_add_char(out, '{');
    json_add_str(out, "status", str_of(order_status_name(order->status)));
    json_add_i64(out, "last_line", order->last_line);
    json_add_i64(out, "total_minor", order->total_minor);
    json_add_i64(out, "paid_minor", order->paid_minor);
    json_add_i64(out, "refunded_minor", order->refunded_minor);
    json_add_i64(out, "items", order->items);
    json_add_str(out, "customer_id", str_from(order->customer_id, order->customer_id_len));
    json_add_str(out, "currency", str_from(order->currency, sizeof order->currency));
    json_write_key(out, "lines");
    buf_add_char(out, '[');
    for (size_t i = 0; i < order->lines_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_line(out, &order->lines[i]);
    }
    buf_add_cstr(out, "]}");
}

static bool find_status(struct str name, enum order_status *ret_status)
{
    for (int i = ORDER_STATUS_DRAFT; i < ORDER_STATUSES; i++)
        if (str_equal(name, str_of(order_status_name((enum order_status)i)))) {
            *ret_status = (enum order_status)i;
            return true;
        }
    return false;
}

static bool read_line(json_t *value, struct arena *arena, struct faults *faults,
                      struct order_state_line *ret)
{
    struct fields f;
    struct str sku = STR_NONE;

    if (!fields_open(&f, value, "/lines", arena, faults))
        return false;
    fields_i64(&f, "line", FIELD_REQUIRED, 1, INT32_MAX, &ret->line);
    fields_str(&f, "sku", FIELD_REQUIRED, sizeof ret->sku, &sku);
    fields_i64(&f, "quantity", FIELD_REQUIRED, 1, ORDER_QUANTITY_MAX, &ret->quantity);
    fields_i64(&f, "unit_price_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX, &ret->unit_price_minor);
    fields_i64(&f, "shipped", FIELD_REQUIRED, 0, ret->quantity, &ret->shipped);
    fields_done(&f);
    if (faults_count(faults) > 0 || !name_is_id(sku))
        return false;
    ret->sku_len = sku.len;
    memcpy(ret->sku, sku.data, sku.len);
    return true;
}

static bool read_lines(json_t *lines, struct arena *arena, struct faults *faults,
                       struct order_state *order)
{
    size_t count = json_array_size(lines);

    if (count == 0)
        return true;
    order->lines = mem_calloc(count, sizeof *order->lines);
    order->lines_count = order->lines_capacity = count;
    for (size_t i = 0; i < count; i++)
        if (!read_line(json_array_get(lines, i), arena, faults, &order->lines[i]))
            return false;
    return true;
}

/* What evolve could not have made is not looked for: the engine's checksum vouches for that. */
static bool read_order(json_t *object, struct arena *arena, struct order_state *order)
{
    struct faults *faults = faults_new(arena);
    struct str status = STR_NONE, customer_id = STR_NONE, currency = STR_NONE;
    json_t *lines = NULL;
    struct fields f;

    if (!fields_open(&f, object, "", arena, faults))
        return false;
    fields_str(&f, "status", FIELD_REQUIRED, NAME_ID_MAX, &status);
    fields_i64(&f, "last_line", FIELD_REQUIRED, 0, INT32_MAX, &order->last_line);
    fields_i64(&f, "total_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX, &order->total_minor);
    fields_i64(&f, "paid_minor", FIELD_REQUIRED, 0, ORDER_MINOR_MAX, &order->paid_minor);
    fields_i64(&f, "refunded_minor", FIELD_REQUIRED, 0, order->paid_minor, &order->refunded_minor);
    fields_i64(&f, "items", FIELD_REQUIRED, 0, ORDER_LINES_MAX * ORDER_QUANTITY_MAX, &order->items);
    fields_str(&f, "customer_id", FIELD_REQUIRED, sizeof order->customer_id, &customer_id);
    fields_str(&f, "currency", FIELD_REQUIRED, sizeof order->currency, &currency);
    fields_array(&f, "lines", FIELD_REQUIRED, 0, ORDER_LINES_MAX, &lines);
    fields_done(&f);
    if (faults_count(faults) > 0 || !find_status(status, &order->status) ||
        !name_is_id(customer_id) || currency.len != sizeof order->currency)
        return false;
    order->customer_id_len = customer_id.len;
    memcpy(order->customer_id, customer_id.data, customer_id.len);
    memcpy(order->currency, currency.data, currency.len);
    return read_lines(lines, arena, faults, order);
}

bool order_state_parse(struct str bytes, void **ret_state, struct error *err)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    SCOPED(json_decref) json_t *object = NULL;
    void *state;

    if (!json_parse_stored(bytes, &object, err))
        return false;
    state = order_aggregate.state_new();
    if (!read_order(object, arena, state)) {
        order_aggregate.state_free(state);
        return error_set(err, ERROR_POISON, "malformed-state", "malformed state of an order");
    }
    *ret_state = state;
    return true;
}
