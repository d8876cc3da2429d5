/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/order_tell.h"

#include "base/buf.h"
#include "orders/currency.h"
#include "orders/order_event.h"
#include "projection/fold.h"

#include <inttypes.h>

static void add_money(struct buf *out, int64_t minor, struct str currency)
{
    int digits = currency_minor_digits(currency);
    int64_t unit = 1;

    for (int i = 0; i < digits; i++)
        unit *= 10;
    buf_add_i64(out, minor / unit);
    if (digits > 0)
        buf_printf(out, ".%0*" PRId64, digits, minor % unit);
    buf_printf(out, " " STR_FMT, STR_ARG(currency));
}

static void add_count(struct buf *out, int64_t count, const char *one, const char *many)
{
    buf_printf(out, "%" PRId64 " %s", count, count == 1 ? one : many);
}

static void add_text(struct buf *out, const char *before, struct str text)
{
    if (text.data != NULL)
        buf_printf(out, "%s" STR_FMT, before, STR_ARG(text));
}

static int64_t pieces(const struct order_event *event)
{
    int64_t sum = 0;

    for (size_t i = 0; i < event->lines_count; i++)
        sum += event->lines[i].quantity;
    return sum;
}

static void tell_created(const struct order_event *event, struct buf *out)
{
    buf_printf(out, "customer " STR_FMT " %s ", STR_ARG(event->customer_id),
               event->kind == ORDER_PLACED ? "placed the order" : "drafted an order");
    buf_add_cstr(out, "of ");
    add_count(out, pieces(event), "piece", "pieces");
    buf_add_cstr(out, " on ");
    add_count(out, (int64_t)event->lines_count, "line", "lines");
    buf_add_cstr(out, " for ");
    add_money(out, event->total_minor, event->currency);
}

static void tell_line(const struct order_event *event, const char *what, struct buf *out)
{
    const struct order_line *line = &event->lines[0];

    buf_printf(out, "line %" PRId64 " %s: %" PRId64 " of " STR_FMT " at ", line->line, what,
               line->quantity, STR_ARG(line->sku));
    add_money(out, line->unit_price_minor, event->currency);
    buf_add_cstr(out, "; the total is ");
    add_money(out, event->total_minor, event->currency);
}

static void tell_shipped(const struct order_event *event, struct buf *out)
{
    add_count(out, pieces(event), "piece was shipped", "pieces were shipped");
    add_text(out, " by ", event->carrier);
    add_text(out, ", tracking ", event->tracking);
    buf_add_cstr(out, event->complete ? "; nothing is left to ship" : "; the rest follows");
}

static void tell_money(const struct order_event *event, const char *what, struct buf *out)
{
    add_money(out, event->total_minor, event->currency);
    buf_printf(out, " %s", what);
    add_text(out, ", reference ", event->reference);
    add_text(out, ": ", event->reason);
}

static void tell_status(const struct order_event *event, const char *what, struct buf *out)
{
    buf_add_cstr(out, what);
    add_text(out, ": ", event->reason);
}

static void tell(const struct order_event *event, struct buf *out)
{
    switch (event->kind) {
    case ORDER_DRAFTED:
    case ORDER_PLACED:
        tell_created(event, out);
        break;
    case ORDER_LINE_ADDED:
        tell_line(event, "was added", out);
        break;
    case ORDER_LINE_CHANGED:
        tell_line(event, "was changed", out);
        break;
    case ORDER_LINE_REMOVED:
        tell_line(event, "was removed", out);
        break;
    case ORDER_PAID:
        tell_money(event, "were paid", out);
        break;
    case ORDER_REFUNDED:
        tell_money(event, "were paid back", out);
        break;
    case ORDER_SHIPPED:
        tell_shipped(event, out);
        break;
    case ORDER_DELIVERED:
        tell_status(event, "the order was delivered", out);
        break;
    case ORDER_CANCELLED:
        tell_status(event, "the order was cancelled", out);
        break;
    case ORDER_RETURNED:
        tell_status(event, "the order came back", out);
        break;
    case ORDER_EVENT_KINDS:
        break;
    }
}

void order_tell(const struct event *event, struct arena *arena, struct buf *out)
{
    struct domain_event parsed;
    struct error err;

    if (order_event_parse(event->type, event->data, event->occurred_at_us, arena, &parsed, &err))
        tell(parsed.payload, out);
    else
        buf_printf(out, "an event that can not be read: %s", err.text);
}
