/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>

enum { PATH_BYTES_MAX = 8 << 10, BODY_BYTES_MAX = 2 << 20, EVENT_STRING_MAX = 64 << 10 };

static const char *const append_members[] = {"stream", "first_version", "version", "position",
                                             NULL};
static const char *const read_members[] = {"version",     "position", "type", "occurred_at",
                                           "recorded_at", "id",       "data", NULL};

static void write_path(const struct invocation *invocation, struct buf *out)
{
    buf_add_cstr(out, "/v1/streams/");
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, "/events");
}

/* A member that is JSON already: as it was typed, byte for byte. */
static bool write_json(const struct invocation *invocation, const char *option, const char *member,
                       struct buf *body)
{
    const struct json_limits limits = {
        .depth_max = 32, .values_max = 10000, .string_bytes_max = EVENT_STRING_MAX};
    const char *text = invocation_option(invocation, option);
    struct error err;

    if (text == NULL)
        return true;
    if (!json_check(str_of(text), limits, &err)) {
        ask_usage(invocation, "--%s: %s", option, err.text);
        return false;
    }
    json_write_key(body, member);
    buf_add_cstr(body, text);
    return true;
}

int stream_append_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);

    if (!invocation_has(invocation, "type") || !invocation_has(invocation, "data"))
        return ask_usage(invocation, "an event needs --type and --data");
    write_path(invocation, &path);
    buf_add_cstr(&body, "{\"events\":[{");
    ask_member(invocation, "type", "type", &body);
    ask_member(invocation, "id", "id", &body);
    ask_member(invocation, "at", "occurred_at", &body);
    if (!write_json(invocation, "data", "data", &body) ||
        !write_json(invocation, "metadata", "metadata", &body))
        return EXIT_USAGE;
    buf_add_cstr(&body, "}]}");
    return ask_command(invocation, buf_str(&path), buf_str(&body), append_members);
}

int stream_read_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    struct str answer;
    struct str items;

    write_path(invocation, &path);
    buf_add_char(&path, '?');
    ask_parameter(invocation, "from", "from", &path);
    ask_parameter(invocation, "limit", "limit", &path);
    ask_parameter(invocation, "type", "type", &path);
    if (invocation_has(invocation, "backward"))
        buf_add_cstr(&path, "direction=backward&");
    path.len--; /* the last '?' or '&' */
    int status = client_get(invocation, buf_str(&path), &answer);
    if (status != EXIT_OK)
        return status;
    if (output_is_json(invocation))
        return output_json(answer);
    if (json_member(answer, "items", &items))
        rows_add_array(&rows, items);
    return output_rows(invocation, read_members, &rows);
}
