/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

enum {
    PATH_BYTES_MAX = 8 << 10,
    BODY_BYTES_MAX = 256 << 10,
    ROW_BYTES_MAX = 2 << 20,
    HISTORY_PAGE = 500
};

#define QUANTITY_MAX INT64_C(1000000)
#define MINOR_MAX ((INT64_C(1) << 53) - 1)

static const char *const done_members[] = {"order_id", "version", "position", NULL};

static const char *const list_members[] = {"order_id",    "status",    "customer_id", "currency",
                                           "total_minor", "placed_at", "version",     NULL};

static const char *const history_members[] = {"version", "occurred_at", "type", "sentence", NULL};

static const char *const show_members[] = {
    "order_id",     "status",         "customer_id", "currency", "total_minor",
    "paid_minor",   "refunded_minor", "placed_at",   "paid_at",  "shipped_at",
    "delivered_at", "cancelled_at",   "updated_at",  "version",  NULL};

/* "/v1/orders/<ID><ACTION>" */
static void write_path(const struct invocation *invocation, const char *action, struct buf *out)
{
    buf_add_cstr(out, "/v1/orders/");
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, action);
}

static int act(struct invocation *invocation, const char *action, const struct buf *body)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_path(invocation, action, &path);
    return ask_command(invocation, buf_str(&path), buf_str(body), done_members);
}

/* Cuts the part behind the last ':' off; an SKU may have colons of its own. */
static bool cut_last(struct str *text, struct str *ret_part)
{
    const char *colon = memrchr(text->data, ':', text->len);

    if (colon == NULL)
        return false;
    *ret_part = str_from(colon + 1, text->len - (size_t)(colon + 1 - text->data));
    text->len = (size_t)(colon - text->data);
    return true;
}

/* "SKU:QUANTITY:PRICE" */
static bool write_item(const struct invocation *invocation, const char *item, struct buf *body)
{
    struct str sku = str_of(item);
    struct str price_text;
    struct str quantity_text;
    int64_t quantity;
    int64_t price;

    if (!cut_last(&sku, &price_text) || !cut_last(&sku, &quantity_text) || sku.len == 0) {
        ask_usage(invocation, "--item is SKU:QUANTITY:PRICE, not '%s'", item);
        return false;
    }
    if (!ask_number(invocation, "the quantity of --item", quantity_text, 1, QUANTITY_MAX,
                    &quantity) ||
        !ask_number(invocation, "the price of --item", price_text, 0, MINOR_MAX, &price))
        return false;
    buf_add_cstr(body, "{\"sku\":");
    json_write_str(body, sku);
    buf_printf(body, ",\"quantity\":%" PRId64 ",\"unit_price_minor\":%" PRId64 "}", quantity,
               price);
    return true;
}

static bool write_items(const struct invocation *invocation, struct buf *body)
{
    const char *comma = "";

    json_write_key(body, "items");
    buf_add_char(body, '[');
    for (size_t i = 0; i < invocation->options_count; i++) {
        if (strcmp(invocation->options[i].option->name, "item") != 0)
            continue;
        buf_add_cstr(body, comma);
        comma = ",";
        if (!write_item(invocation, invocation->options[i].value, body))
            return false;
    }
    buf_add_char(body, ']');
    return true;
}

int order_place_run(struct invocation *invocation)
{
    static const char *const needed[] = {"customer", "currency", "item"};
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!invocation_has(invocation, needed[i]))
            return ask_usage(invocation, "--%s is missing", needed[i]);
    buf_add_char(&body, '{');
    ask_member(invocation, "id", "order_id", &body);
    ask_member(invocation, "customer", "customer_id", &body);
    ask_member(invocation, "currency", "currency", &body);
    ask_member(invocation, "at", "occurred_at", &body);
    if (!write_items(invocation, &body))
        return EXIT_USAGE;
    if (invocation_has(invocation, "draft")) {
        json_write_key(&body, "place");
        buf_add_cstr(&body, "false");
    }
    buf_add_char(&body, '}');
    return ask_command(invocation, STR("/v1/orders"), buf_str(&body), done_members);
}

static int move_money(struct invocation *invocation, const char *action, const char *member)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);
    int64_t amount;

    if (!ask_number(invocation, "AMOUNT", str_of(invocation->arguments[1]), 0, MINOR_MAX, &amount))
        return EXIT_USAGE;
    buf_printf(&body, "{\"amount_minor\":%" PRId64, amount);
    ask_member(invocation, member, member, &body);
    ask_member(invocation, "at", "occurred_at", &body);
    buf_add_char(&body, '}');
    return act(invocation, action, &body);
}

int order_pay_run(struct invocation *invocation)
{
    return move_money(invocation, "/pay", "reference");
}

int order_refund_run(struct invocation *invocation)
{
    return move_money(invocation, "/refund", "reason");
}

/* "LINE:QUANTITY" */
static bool write_line(const struct invocation *invocation, const char *text, struct buf *body)
{
    struct str quantity_text;
    struct str line_text = str_split(str_of(text), ':', &quantity_text);
    int64_t line;
    int64_t quantity;

    if (!ask_number(invocation, "the line of --line", line_text, 1, INT32_MAX, &line) ||
        !ask_number(invocation, "the quantity of --line", quantity_text, 1, QUANTITY_MAX,
                    &quantity))
        return false;
    buf_printf(body, "{\"line\":%" PRId64 ",\"quantity\":%" PRId64 "}", line, quantity);
    return true;
}

static bool write_lines(const struct invocation *invocation, struct buf *body)
{
    const char *comma = "";

    if (!invocation_has(invocation, "line"))
        return true;
    json_write_key(body, "lines");
    buf_add_char(body, '[');
    for (size_t i = 0; i < invocation->options_count; i++) {
        if (strcmp(invocation->options[i].option->name, "line") != 0)
            continue;
        buf_add_cstr(body, comma);
        comma = ",";
        if (!write_line(invocation, invocation->options[i].value, body))
            return false;
    }
    buf_add_char(body, ']');
    return true;
}

int order_ship_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);

    buf_add_char(&body, '{');
    ask_member(invocation, "carrier", "carrier", &body);
    ask_member(invocation, "tracking", "tracking", &body);
    ask_member(invocation, "at", "occurred_at", &body);
    if (!write_lines(invocation, &body))
        return EXIT_USAGE;
    buf_add_char(&body, '}');
    return act(invocation, "/ship", &body);
}

static int act_with_reason(struct invocation *invocation, const char *action)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);

    buf_add_char(&body, '{');
    ask_member(invocation, "reason", "reason", &body);
    ask_member(invocation, "at", "occurred_at", &body);
    buf_add_char(&body, '}');
    return act(invocation, action, &body);
}

int order_deliver_run(struct invocation *invocation)
{
    return act_with_reason(invocation, "/deliver");
}

int order_cancel_run(struct invocation *invocation)
{
    return act_with_reason(invocation, "/cancel");
}

int order_return_run(struct invocation *invocation)
{
    return act_with_reason(invocation, "/return");
}

int order_show_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_path(invocation, "?", &path);
    ask_moment(invocation, &path);
    return ask_object(invocation, buf_str(&path), show_members);
}

static void add_history_row(struct rows *rows, struct arena *arena, struct str item)
{
    SCOPED_VALUE(buf_release) struct buf row = BUF_INIT(ROW_BYTES_MAX);
    struct str event;
    struct str sentence;

    if (!json_member(item, "event", &event) || !json_member(item, "sentence", &sentence))
        return;
    buf_add_str(&row, str_from(event.data, event.len - 1)); /* its members, and one more */
    json_write_key(&row, "sentence");
    buf_add_str(&row, sentence);
    buf_add_char(&row, '}');
    rows_add(rows, arena_dup(arena, buf_str(&row)));
}

/* The version the next page begins with; 0: there is none. */
static int64_t add_history(struct rows *rows, struct arena *arena, struct str answer)
{
    struct json_cursor cursor;
    struct str key;
    struct str item;
    struct str items;
    struct str next;
    int64_t from = 0;

    if (json_member(answer, "items", &items) && json_open(items, &cursor))
        while (json_next(&cursor, &key, &item))
            add_history_row(rows, arena, item);
    return json_member(answer, "next_from", &next) && str_to_i64(next, &from) ? from : 0;
}

/* All of it, page by page. */
int order_history_run(struct invocation *invocation)
{
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    int64_t from = 1;

    while (from > 0) {
        SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
        struct str answer;

        write_path(invocation, "/history", &path);
        buf_printf(&path, "?from=%" PRId64 "&limit=%d", from, HISTORY_PAGE);
        int status = client_get(invocation, buf_str(&path), &answer);
        if (status != EXIT_OK)
            return status;
        from = add_history(&rows, invocation->arena, answer);
    }
    return output_rows(invocation, history_members, &rows);
}

int order_ls_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    buf_add_cstr(&path, "/v1/orders?");
    ask_parameter(invocation, "customer", "customer_id", &path);
    ask_parameter(invocation, "status", "status", &path);
    ask_parameter(invocation, "after", "placed_after", &path);
    ask_parameter(invocation, "before", "placed_before", &path);
    ask_parameter(invocation, "sort", "sort", &path);
    return ask_list(invocation, buf_str(&path), list_members);
}
