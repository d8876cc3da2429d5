/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "cmd/daybook/client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 8 << 10, LIST_LIMIT = 50, LIST_LIMIT_MAX = 1000000, PAGE_MAX = 500 };

int ask_usage(const struct invocation *invocation, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    struct error err;
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    error_set(&err, ERROR_REFUSED, "", "%s", text);
    program_complain(invocation->program, &err);
    return EXIT_USAGE;
}

bool ask_number(const struct invocation *invocation, const char *what, struct str text, int64_t min,
                int64_t max, int64_t *ret)
{
    int64_t number;

    if (str_to_i64(text, &number) && number >= min && number <= max) {
        *ret = number;
        return true;
    }
    ask_usage(invocation, "%s is a whole number from %" PRId64 " to %" PRId64 ", not '" STR_FMT "'",
              what, min, max, STR_ARG(text));
    return false;
}

bool ask_confirmed(const struct invocation *invocation, const char *fmt, ...)
{
    char answer[16];
    va_list args;

    if (invocation_has(invocation, "yes"))
        return true;
    if (!isatty(STDIN_FILENO)) {
        ask_usage(invocation, "without a terminal, --yes says that it is meant");
        return false;
    }
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputs(". Go on? [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

void ask_member(const struct invocation *invocation, const char *option, const char *member,
                struct buf *body)
{
    const char *value = invocation_option(invocation, option);

    if (value == NULL)
        return;
    json_write_key(body, member);
    json_write_cstr(body, value);
}

void ask_flag(const struct invocation *invocation, const char *option, const char *member,
              struct buf *body)
{
    if (invocation_has(invocation, option))
        json_add_bool(body, member, true);
}

bool ask_number_member(const struct invocation *invocation, const char *option, const char *member,
                       int64_t min, int64_t max, struct buf *body)
{
    const char *value = invocation_option(invocation, option);
    int64_t number;

    if (value == NULL)
        return true;
    if (!ask_number(invocation, option, str_of(value), min, max, &number))
        return false;
    json_add_i64(body, member, number);
    return true;
}

void ask_parameter(const struct invocation *invocation, const char *option, const char *parameter,
                   struct buf *path)
{
    const char *value = invocation_option(invocation, option);

    if (value == NULL)
        return;
    buf_printf(path, "%s=", parameter);
    client_escape(path, value);
    buf_add_char(path, '&');
}

/* False: told. A line feed would make one header two. */
static bool add_header(struct invocation *invocation, const char *option, const char *header,
                       const char **headers)
{
    const char *value = invocation_option(invocation, option);
    const char *quote = value != NULL && strcmp(value, "*") != 0 ? "\"" : "";

    if (value == NULL)
        return true;
    for (const char *at = value; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\') {
            ask_usage(invocation, "--%s has a character it may not have", option);
            return false;
        }
    while (*headers != NULL)
        headers++;
    *headers = arena_printf(invocation->arena, "%s: %s%s%s", header, quote, value, quote).data;
    return true;
}

int ask_post(struct invocation *invocation, struct str path, struct str body,
             struct str *ret_answer)
{
    struct client_request request = {.method = "POST", .path = path, .body = body};

    if (!add_header(invocation, "if-match", "If-Match", request.headers) ||
        !add_header(invocation, "idempotency-key", "Idempotency-Key", request.headers))
        return EXIT_USAGE;
    return client_send(invocation, &request, ret_answer);
}

void ask_moment(const struct invocation *invocation, struct buf *path)
{
    ask_parameter(invocation, "at-version", "at_version", path);
    ask_parameter(invocation, "at", "at", path);
    path->len--;
}

static int ask_dry_run(struct invocation *invocation, struct str path, struct str body)
{
    static const char *const members[] = {"stream", "version", "type", "occurred_at", "data", NULL};
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    struct str answer;
    struct str events;
    int status = ask_post(invocation,
                          arena_printf(invocation->arena, STR_FMT "?dry_run=true", STR_ARG(path)),
                          body, &answer);

    if (status != EXIT_OK)
        return status;
    if (output_is_json(invocation))
        return output_json(answer);
    if (json_member(answer, "events", &events))
        rows_add_array(&rows, events);
    return output_rows(invocation, members, &rows);
}

int ask_command(struct invocation *invocation, struct str path, struct str body,
                const char *const *members)
{
    struct str answer;

    if (invocation_has(invocation, "dry-run"))
        return ask_dry_run(invocation, path, body);
    int status = ask_post(invocation, path, body, &answer);
    return status == EXIT_OK ? output_row(invocation, members, answer) : status;
}

int ask_object(struct invocation *invocation, struct str path, const char *const *members)
{
    struct str answer;
    int status = client_get(invocation, path, &answer);

    return status == EXIT_OK ? output_object(invocation, members, answer) : status;
}

/* The cursor of the next page; data NULL: there is none. */
static struct str next_cursor(const struct invocation *invocation, struct str answer)
{
    SCOPED(json_decref) json_t *parsed = json_loadb(answer.data, answer.len, 0, NULL);
    const char *cursor = json_string_value(json_object_get(parsed, "next_cursor"));

    return cursor != NULL ? arena_dup(invocation->arena, str_of(cursor)) : STR_NONE;
}

static int read_page(struct invocation *invocation, struct str path, int64_t limit,
                     struct str cursor, struct rows *rows, struct str *ret_cursor)
{
    SCOPED_VALUE(buf_release) struct buf target = BUF_INIT(PATH_BYTES_MAX);
    struct str answer;
    struct str items;

    buf_printf(&target, STR_FMT "limit=%" PRId64, STR_ARG(path),
               limit < PAGE_MAX ? limit : PAGE_MAX);
    if (cursor.data != NULL) {
        buf_add_cstr(&target, "&cursor=");
        client_escape(&target, cursor.data);
    }
    int status = client_get(invocation, buf_str(&target), &answer);
    if (status != EXIT_OK)
        return status;
    if (json_member(answer, "items", &items))
        rows_add_array(rows, items);
    *ret_cursor = next_cursor(invocation, answer);
    return EXIT_OK;
}

int ask_list(struct invocation *invocation, struct str path, const char *const *members)
{
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    const char *text = invocation_option(invocation, "limit");
    struct str cursor = STR_NONE;
    int64_t limit = LIST_LIMIT;

    if (text != NULL && !ask_number(invocation, "--limit", str_of(text), 1, LIST_LIMIT_MAX, &limit))
        return EXIT_USAGE;
    do {
        int status =
            read_page(invocation, path, limit - (int64_t)rows.count, cursor, &rows, &cursor);

        if (status != EXIT_OK)
            return status;
    } while (cursor.data != NULL && (int64_t)rows.count < limit);
    return output_rows(invocation, members, &rows);
}
