/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>

enum { PATH_BYTES_MAX = 8 << 10, BODY_BYTES_MAX = 16 << 10, QUANTITY_MAX = 1000000 };

static const char *const done_members[] = {"sku", "version", "position", NULL};
static const char *const show_members[] = {"sku",       "on_hand", "reserved",
                                           "available", "version", NULL};

static void write_path(const struct invocation *invocation, const char *action, struct buf *out)
{
    buf_add_cstr(out, "/v1/stock/");
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, action);
}

/* NUMBER is the second argument. */
static int move(struct invocation *invocation, const char *action, const char *member, int64_t min)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);
    int64_t number;

    if (!ask_number(invocation, min < 0 ? "DELTA" : "QUANTITY", str_of(invocation->arguments[1]),
                    min, QUANTITY_MAX, &number))
        return EXIT_USAGE;
    write_path(invocation, action, &path);
    buf_printf(&body, "{\"%s\":%" PRId64, member, number);
    ask_member(invocation, "reason", "reason", &body);
    ask_member(invocation, "at", "occurred_at", &body);
    buf_add_char(&body, '}');
    return ask_command(invocation, buf_str(&path), buf_str(&body), done_members);
}

int stock_receive_run(struct invocation *invocation)
{
    return move(invocation, "/receive", "quantity", 1);
}

int stock_adjust_run(struct invocation *invocation)
{
    if (!invocation_has(invocation, "reason"))
        return ask_usage(invocation, "--reason is missing");
    return move(invocation, "/adjust", "delta", -QUANTITY_MAX);
}

int stock_show_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_path(invocation, "?", &path);
    ask_moment(invocation, &path);
    return ask_object(invocation, buf_str(&path), show_members);
}

int stock_ls_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    buf_add_cstr(&path, "/v1/stock?");
    ask_parameter(invocation, "below", "below", &path);
    return ask_list(invocation, buf_str(&path), show_members);
}
