/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

enum { BODY_BYTES_MAX = 16 << 10 };

static const char *const members[] = {"state",        "reason", "detail", "paused",   "leader",
                                      "leader_alive", "epoch",  "since",  "position", "head",
                                      "lag_events",   "lag_ms", NULL};

int publisher_status_run(struct invocation *invocation)
{
    return ask_object(invocation, STR("/admin/v1/publisher"), members);
}

static int request(struct invocation *invocation, struct str path, struct str body)
{
    struct str answer;
    int status = ask_post(invocation, path, body, &answer);

    return status == EXIT_OK ? output_object(invocation, members, answer) : status;
}

int publisher_pause_run(struct invocation *invocation)
{
    return request(invocation, STR("/admin/v1/publisher/pause"), STR("{}"));
}

int publisher_resume_run(struct invocation *invocation)
{
    return request(invocation, STR("/admin/v1/publisher/resume"), STR("{}"));
}

static const char *consequence(const char *kind)
{
    if (strcmp(kind, "new-log") == 0)
        return "the log gets a new UUID and topics, is published from 1, and read models are "
               "rebuilt";
    if (strcmp(kind, "loss") == 0)
        return "publishing goes on behind the position; what Kafka lost stays lost there, and "
               "read models take it from the log";
    return "it looks again and goes on if the cause is gone";
}

int publisher_accept_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);
    const char *kind = invocation->arguments[0];
    const char *position = invocation_option(invocation, "position");
    int64_t number;

    if (position != NULL &&
        !ask_number(invocation, "--position", str_of(position), 0, INT64_MAX, &number))
        return EXIT_USAGE;
    if (!ask_confirmed(invocation, "accept '%s': %s", kind, consequence(kind)))
        return EXIT_USAGE;
    buf_add_cstr(&body, "{\"kind\":");
    json_write_cstr(&body, kind);
    ask_member(invocation, "prefix", "prefix", &body);
    if (position != NULL)
        buf_printf(&body, ",\"position\":%" PRId64, number);
    buf_add_char(&body, '}');
    return request(invocation, STR("/admin/v1/publisher/accept"), buf_str(&body));
}
