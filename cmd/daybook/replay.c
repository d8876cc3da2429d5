/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/progress.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"
#include "base/json.h"

enum { BODY_BYTES_MAX = 16 << 10, RATE_MAX = 1000000 };

int replay_topic_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(BODY_BYTES_MAX);
    struct str job;

    buf_add_cstr(&body, "{\"topic\":");
    json_write_cstr(&body, invocation->arguments[0]);
    ask_member(invocation, "since", "since", &body);
    ask_member(invocation, "until", "until", &body);
    ask_member(invocation, "category", "category", &body);
    ask_member(invocation, "type", "type", &body);
    if (!ask_number_member(invocation, "after", "after", 0, INT64_MAX, &body) ||
        !ask_number_member(invocation, "up-to", "up_to", 1, INT64_MAX, &body) ||
        !ask_number_member(invocation, "rate", "rate", 1, RATE_MAX, &body))
        return EXIT_USAGE;
    buf_add_char(&body, '}');
    int status = ask_post(invocation, STR("/admin/v1/replays"), buf_str(&body), &job);
    return status == EXIT_OK ? progress_end(invocation, job) : status;
}
