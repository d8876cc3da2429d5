/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"
#include "base/json.h"

#include <stdio.h>

enum { PATH_BYTES_MAX = 8 << 10, BODY_BYTES_MAX = 16 << 10, LETTERS_MAX = 10000, RATE_MAX = 10000 };

static const char *const list_members[] = {"id",       "projection",    "state",     "class",
                                           "code",     "stream",        "version",   "event_type",
                                           "attempts", "queued_behind", "failed_at", NULL};
static const char *const group_members[] = {
    "projection",    "class",  "code",           "event_type", "letters",
    "queued_behind", "sample", "last_failed_at", "message",    NULL};
static const char *const show_members[] = {
    "id",        "kind",      "projection",    "state",    "class",      "code",      "message",
    "stream",    "version",   "position",      "event_id", "event_type", "attempts",  "redrives",
    "parked_at", "failed_at", "queued_behind", "event",    "queue",      "last_good", NULL};
static const char *const requested_members[] = {"batch",   "matched", "requested", "busy",
                                                "guarded", "records", NULL};
static const char *const batch_members[] = {"total",  "done", "resolved",  "discarded",
                                            "failed", "gone", "cancelled", NULL};
static const char *const audit_members[] = {"id",      "at",     "actor", "action",
                                            "subject", "reason", NULL};

/* The filter's options, as query parameters and as members of the body. */
static const char *const filters[] = {"projection", "stream", "type", "class", "code", NULL};

static void write_filter_query(const struct invocation *invocation, struct buf *path)
{
    for (size_t i = 0; filters[i] != NULL; i++)
        ask_parameter(invocation, filters[i], filters[i], path);
}

static void write_id_path(const struct invocation *invocation, const char *before,
                          const char *after, struct buf *out)
{
    buf_add_cstr(out, before);
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, after);
}

int dlq_ls_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    buf_add_cstr(&path, "/admin/v1/dlq?");
    write_filter_query(invocation, &path);
    ask_parameter(invocation, "state", "state", &path);
    return ask_list(invocation, buf_str(&path), list_members);
}

int dlq_groups_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(rows_release) struct rows rows = {0};
    struct str answer, items;
    int status;

    buf_add_cstr(&path, "/admin/v1/dlq?group_by=cause&");
    write_filter_query(invocation, &path);
    status = client_get(invocation, buf_str(&path), &answer);
    if (status != EXIT_OK)
        return status;
    if (output_is_json(invocation))
        return output_json(answer);
    if (json_member(answer, "items", &items))
        rows_add_array(&rows, items);
    return output_rows(invocation, group_members, &rows);
}

int dlq_show_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_id_path(invocation, "/admin/v1/dlq/", "", &path);
    return ask_object(invocation, buf_str(&path), show_members);
}

/* False: told. */
static bool write_request(const struct invocation *invocation, struct buf *body)
{
    buf_add_cstr(body, "{\"filter\":{");
    for (size_t i = 0; filters[i] != NULL; i++)
        ask_member(invocation, filters[i], filters[i], body);
    buf_add_char(body, '}');
    ask_flag(invocation, "dry-run", "dry_run", body);
    return ask_number_member(invocation, "limit", "limit", 1, LETTERS_MAX, body) &&
           ask_number_member(invocation, "rate", "rate", 1, RATE_MAX, body) &&
           ask_number_member(invocation, "burst", "burst", 1, LETTERS_MAX, body);
}

/* VERB: "redrive", "discard". */
static int request(struct invocation *invocation, const char *verb)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);
    bool one = invocation->arguments_count > 0;
    struct str answer;
    int status;

    if (one) {
        char action[16];

        snprintf(action, sizeof action, "/%s", verb);
        write_id_path(invocation, "/admin/v1/dlq/", action, &path);
        buf_add_char(&body, '{');
    } else {
        buf_printf(&path, "/admin/v1/dlq/%s", verb);
        if (!write_request(invocation, &body))
            return EXIT_USAGE;
    }
    ask_member(invocation, "reason", "reason", &body);
    ask_flag(invocation, "force", "force", &body);
    buf_add_char(&body, '}');
    if (!one && !invocation_has(invocation, "dry-run") &&
        !ask_confirmed(invocation, "%s all dead letters that fit", verb))
        return EXIT_USAGE;
    status = ask_post(invocation, buf_str(&path), buf_str(&body), &answer);
    return status == EXIT_OK ? output_row(invocation, requested_members, answer) : status;
}

int dlq_redrive_run(struct invocation *invocation)
{
    return request(invocation, "redrive");
}

int dlq_discard_run(struct invocation *invocation)
{
    if (!invocation_has(invocation, "reason"))
        return ask_usage(invocation, "--reason is missing");
    if (invocation->arguments_count > 0 &&
        !ask_confirmed(invocation, "discard dead letter %s: its event is left out for good",
                       invocation->arguments[0]))
        return EXIT_USAGE;
    return request(invocation, "discard");
}

int dlq_batch_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    write_id_path(invocation, "/admin/v1/dlq/batches/", "", &path);
    return ask_object(invocation, buf_str(&path), batch_members);
}

int audit_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);

    buf_add_cstr(&path, "/admin/v1/audit?");
    ask_parameter(invocation, "action", "action", &path);
    return ask_list(invocation, buf_str(&path), audit_members);
}
