/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/order_event.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/name.h"

#include <assert.h>

/* Which parts of an event its kind carries; drives both directions. */
enum part {
    PART_LINES = 1 << 0,   /* "lines": all of them, with prices */
    PART_LINE = 1 << 1,    /* one line's members, in the event itself */
    PART_TOTAL = 1 << 2,   /* "total_minor" */
    PART_AMOUNT = 1 << 3,  /* "amount_minor" */
    PART_SHIPPED = 1 << 4, /* "lines" without prices, "complete", "carrier", "tracking" */
    PART_REASON = 1 << 5,  /* "reason" */
    PART_REFERENCE = 1 << 6,
};

static const struct {
    const char *type;
    unsigned parts;
} kinds[ORDER_EVENT_KINDS] = {
    [ORDER_DRAFTED] = {"OrderDrafted", PART_LINES | PART_TOTAL},
    [ORDER_PLACED] = {"OrderPlaced", PART_LINES | PART_TOTAL},
    [ORDER_LINE_ADDED] = {"LineAdded", PART_LINE | PART_TOTAL},
    [ORDER_LINE_CHANGED] = {"LineChanged", PART_LINE | PART_TOTAL},
    [ORDER_LINE_REMOVED] = {"LineRemoved", PART_LINE | PART_TOTAL},
    [ORDER_PAID] = {"OrderPaid", PART_AMOUNT | PART_REFERENCE},
    [ORDER_SHIPPED] = {"OrderShipped", PART_SHIPPED},
    [ORDER_DELIVERED] = {"OrderDelivered", 0},
    [ORDER_CANCELLED] = {"OrderCancelled", PART_REASON},
    [ORDER_RETURNED] = {"OrderReturned", PART_REASON},
    [ORDER_REFUNDED] = {"OrderRefunded", PART_AMOUNT | PART_REASON},
};

const char *order_event_type(enum order_event_kind kind)
{
    assert(kind < ORDER_EVENT_KINDS);
    return kinds[kind].type;
}

/* Writing. */

static void write_text(struct buf *out, const char *key, struct str value)
{
    if (value.data != NULL)
        json_add_str(out, key, value);
}

static void write_line(struct buf *out, const struct order_line *line, bool with_price)
{
    json_add_i64(out, "line", line->line);
    write_text(out, "sku", line->sku);
    json_add_i64(out, "quantity", line->quantity);
    if (with_price)
        json_add_i64(out, "unit_price_minor", line->unit_price_minor);
}

static void write_lines(struct buf *out, const struct order_event *event, bool with_price)
{
    json_write_key(out, "lines");
    buf_add_char(out, '[');
    for (size_t i = 0; i < event->lines_count; i++) {
        buf_add_cstr(out, i > 0 ? ",{" : "{");
        write_line(out, &event->lines[i], with_price);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_shipped(struct buf *out, const struct order_event *event)
{
    write_lines(out, event, false);
    json_add_bool(out, "complete", event->complete);
    write_text(out, "carrier", event->carrier);
    write_text(out, "tracking", event->tracking);
}

static void write_change(struct buf *out, const struct order_change *change)
{
    json_write_key(out, "change");
    buf_add_char(out, '{');
    json_add_i64(out, "orders", change->orders);
    json_add_i64(out, "items", change->items);
    json_add_i64(out, "total_minor", change->total_minor);
    buf_add_char(out, '}');
}

void order_event_write(const struct domain_event *domain_event, struct buf *out)
{
    const struct order_event *event = domain_event->payload;
    unsigned parts = kinds[event->kind].parts;

    buf_add_char(out, '{');
    write_text(out, "customer_id", event->customer_id);
    write_text(out, "currency", event->currency);
    if (parts & PART_LINES)
        write_lines(out, event, true);
    if (parts & PART_LINE)
        write_line(out, &event->lines[0], true);
    if (parts & PART_TOTAL)
        json_add_i64(out, "total_minor", event->total_minor);
    if (parts & PART_AMOUNT)
        json_add_i64(out, "amount_minor", event->total_minor);
    if (parts & PART_REFERENCE)
        write_text(out, "reference", event->reference);
    if (parts & PART_SHIPPED)
        write_shipped(out, event);
    if (parts & PART_REASON)
        write_text(out, "reason", event->reason);
    write_change(out, &event->change);
    buf_add_char(out, '}');
}

/* Reading what was written above, as nearly all of the log is: byte by byte, in the same order.
 * What is written otherwise, or does not fit, is left to the parser. */

static bool written_text(struct json_written *in, struct str key, struct arena *arena,
                         struct str *ret)
{
    if (!json_written_str(in, key, ret))
        return false;
    *ret = arena_dup(arena, *ret);
    return true;
}

/* An absent member leaves the cursor where it is. */
static void written_optional(struct json_written *in, struct str key, struct arena *arena,
                             struct str *ret)
{
    struct json_written before = *in;

    *ret = STR_NONE;
    if (written_text(in, key, arena, ret))
        return;
    *ret = STR_NONE;
    *in = before;
}

static bool written_number(struct json_written *in, struct str key, int64_t min, int64_t max,
                           int64_t *ret)
{
    return json_written_i64(in, key, ret) && *ret >= min && *ret <= max;
}

static bool written_line(struct json_written *in, struct arena *arena, bool with_price,
                         struct order_line *ret)
{
    *ret = (struct order_line){0};
    return written_number(in, STR("line"), 1, INT32_MAX, &ret->line) &&
           written_text(in, STR("sku"), arena, &ret->sku) && name_is_id(ret->sku) &&
           written_number(in, STR("quantity"), 1, ORDER_QUANTITY_MAX, &ret->quantity) &&
           (!with_price || written_number(in, STR("unit_price_minor"), 0, ORDER_MINOR_MAX,
                                          &ret->unit_price_minor));
}

/* Not fewer than there are. */
static size_t count_lines(const struct json_written *in)
{
    size_t count = 0;

    for (const char *at = in->at; at < in->end && *at != ']'; at++)
        count += *at == '{';
    return count;
}

static bool written_lines(struct json_written *in, struct arena *arena, bool with_price,
                          struct order_event *event)
{
    struct order_line *lines;
    size_t count;

    if (!json_written_key(in, STR("lines")) || !json_written_take(in, STR("[")))
        return false;
    count = count_lines(in);
    if (count > ORDER_LINES_MAX)
        return false;
    lines = ARENA_ARRAY(arena, struct order_line, count);
    for (size_t i = 0; i < count; i++)
        if (!json_written_take(in, i > 0 ? STR(",{") : STR("{")) ||
            !written_line(in, arena, with_price, &lines[i]) || !json_written_take(in, STR("}")))
            return false;
    event->lines = lines;
    event->lines_count = count;
    return json_written_take(in, STR("]"));
}

static bool written_one_line(struct json_written *in, struct arena *arena,
                             struct order_event *event)
{
    struct order_line *line = ARENA_NEW(arena, struct order_line);

    event->lines = line;
    event->lines_count = 1;
    return written_line(in, arena, true, line);
}

static bool written_shipped(struct json_written *in, struct arena *arena, struct order_event *event)
{
    if (!written_lines(in, arena, false, event) || !json_written_key(in, STR("complete")))
        return false;
    event->complete = json_written_take(in, STR("true"));
    if (!event->complete && !json_written_take(in, STR("false")))
        return false;
    written_optional(in, STR("carrier"), arena, &event->carrier);
    written_optional(in, STR("tracking"), arena, &event->tracking);
    return true;
}

static bool written_change(struct json_written *in, struct order_change *change)
{
    int64_t items_max = ORDER_LINES_MAX * ORDER_QUANTITY_MAX;

    return json_written_key(in, STR("change")) && json_written_take(in, STR("{")) &&
           written_number(in, STR("orders"), -1, 1, &change->orders) &&
           written_number(in, STR("items"), -items_max, items_max, &change->items) &&
           written_number(in, STR("total_minor"), -ORDER_MINOR_MAX, ORDER_MINOR_MAX,
                          &change->total_minor) &&
           json_written_take(in, STR("}"));
}

static bool written_parts(struct json_written *in, unsigned parts, struct arena *arena,
                          struct order_event *event)
{
    if ((parts & PART_LINES) && !written_lines(in, arena, true, event))
        return false;
    if ((parts & PART_LINE) && !written_one_line(in, arena, event))
        return false;
    if ((parts & PART_TOTAL) &&
        !written_number(in, STR("total_minor"), 0, ORDER_MINOR_MAX, &event->total_minor))
        return false;
    if ((parts & PART_AMOUNT) &&
        !written_number(in, STR("amount_minor"), 0, ORDER_MINOR_MAX, &event->total_minor))
        return false;
    if (parts & PART_REFERENCE)
        written_optional(in, STR("reference"), arena, &event->reference);
    if ((parts & PART_SHIPPED) && !written_shipped(in, arena, event))
        return false;
    if (parts & PART_REASON)
        written_optional(in, STR("reason"), arena, &event->reason);
    return true;
}

static bool read_written(struct str data, struct arena *arena, struct order_event *event)
{
    struct json_written in;

    json_written_open(&in, data);
    return json_written_take(&in, STR("{")) &&
           written_text(&in, STR("customer_id"), arena, &event->customer_id) &&
           name_is_id(event->customer_id) &&
           written_text(&in, STR("currency"), arena, &event->currency) &&
           event->currency.len == 3 && written_parts(&in, kinds[event->kind].parts, arena, event) &&
           written_change(&in, &event->change) && json_written_take(&in, STR("}")) &&
           json_written_ends(&in);
}

/* Reading whatever is JSON. */

static bool read_text(json_t *object, const char *key, struct arena *arena, struct str *ret)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_string(value))
        return false;
    *ret = arena_dup(arena, str_from(json_string_value(value), json_string_length(value)));
    return true;
}

static void read_optional(json_t *object, const char *key, struct arena *arena, struct str *ret)
{
    *ret = STR_NONE;
    (void)read_text(object, key, arena, ret);
}

static bool read_number(json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret)
{
    json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return false;
    *ret = json_integer_value(value);
    return true;
}

static bool read_line(json_t *object, struct arena *arena, bool with_price, struct order_line *ret)
{
    *ret = (struct order_line){0};
    return read_number(object, "line", 1, INT32_MAX, &ret->line) &&
           read_text(object, "sku", arena, &ret->sku) && name_is_id(ret->sku) &&
           read_number(object, "quantity", 1, ORDER_QUANTITY_MAX, &ret->quantity) &&
           (!with_price ||
            read_number(object, "unit_price_minor", 0, ORDER_MINOR_MAX, &ret->unit_price_minor));
}

static bool read_lines(json_t *object, struct arena *arena, bool with_price,
                       struct order_event *event)
{
    json_t *array = json_object_get(object, "lines");
    size_t count = json_array_size(array);

    if (!json_is_array(array) || count > ORDER_LINES_MAX)
        return false;
    struct order_line *lines = ARENA_ARRAY(arena, struct order_line, count);
    for (size_t i = 0; i < count; i++)
        if (!read_line(json_array_get(array, i), arena, with_price, &lines[i]))
            return false;
    event->lines = lines;
    event->lines_count = count;
    return true;
}

static bool read_one_line(json_t *object, struct arena *arena, struct order_event *event)
{
    struct order_line *line = ARENA_NEW(arena, struct order_line);

    event->lines = line;
    event->lines_count = 1;
    return read_line(object, arena, true, line);
}

static bool read_change(json_t *object, struct order_change *change)
{
    json_t *value = json_object_get(object, "change");
    int64_t items_max = ORDER_LINES_MAX * ORDER_QUANTITY_MAX;

    return read_number(value, "orders", -1, 1, &change->orders) &&
           read_number(value, "items", -items_max, items_max, &change->items) &&
           read_number(value, "total_minor", -ORDER_MINOR_MAX, ORDER_MINOR_MAX,
                       &change->total_minor);
}

static bool read_shipped(json_t *object, struct arena *arena, struct order_event *event)
{
    json_t *complete = json_object_get(object, "complete");

    event->complete = json_is_true(complete);
    read_optional(object, "carrier", arena, &event->carrier);
    read_optional(object, "tracking", arena, &event->tracking);
    return json_is_boolean(complete) && read_lines(object, arena, false, event);
}

static bool read_parts(json_t *object, struct arena *arena, struct order_event *event)
{
    unsigned parts = kinds[event->kind].parts;

    read_optional(object, "reference", arena, &event->reference);
    read_optional(object, "reason", arena, &event->reason);
    return read_text(object, "customer_id", arena, &event->customer_id) &&
           name_is_id(event->customer_id) &&
           read_text(object, "currency", arena, &event->currency) && event->currency.len == 3 &&
           read_change(object, &event->change) &&
           (!(parts & PART_LINES) || read_lines(object, arena, true, event)) &&
           (!(parts & PART_LINE) || read_one_line(object, arena, event)) &&
           (!(parts & PART_TOTAL) ||
            read_number(object, "total_minor", 0, ORDER_MINOR_MAX, &event->total_minor)) &&
           (!(parts & PART_AMOUNT) ||
            read_number(object, "amount_minor", 0, ORDER_MINOR_MAX, &event->total_minor)) &&
           (!(parts & PART_SHIPPED) || read_shipped(object, arena, event));
}

static bool find_kind(struct str type, enum order_event_kind *ret_kind)
{
    for (size_t i = 0; i < ORDER_EVENT_KINDS; i++)
        if (str_equal(type, str_of(kinds[i].type))) {
            *ret_kind = (enum order_event_kind)i;
            return true;
        }
    return false;
}

static bool read_any(struct str data, struct arena *arena, struct order_event *event,
                     struct error *err)
{
    SCOPED(json_decref) json_t *object = NULL;

    if (!json_parse_stored(data, &object, err))
        return error_wrap(err, "data of '%s'", kinds[event->kind].type);
    return read_parts(object, arena, event) ||
           error_set(err, ERROR_POISON, "malformed-event", "malformed data of '%s'",
                     kinds[event->kind].type);
}

bool order_event_parse(struct str type, struct str data, int64_t occurred_at_us,
                       struct arena *arena, struct domain_event *ret_event, struct error *err)
{
    struct order_event *event = ARENA_NEW(arena, struct order_event);
    enum order_event_kind kind;

    if (!find_kind(type, &kind))
        return error_set(err, ERROR_POISON, "unknown-event-type",
                         "unknown event type '" STR_FMT "' of an order", STR_ARG(type));
    event->kind = kind;
    if (!read_written(data, arena, event)) {
        *event = (struct order_event){.kind = kind};
        if (!read_any(data, arena, event, err))
            return false;
    }
    *ret_event = (struct domain_event){
        .type = kinds[event->kind].type, .payload = event, .occurred_at_us = occurred_at_us};
    return true;
}
