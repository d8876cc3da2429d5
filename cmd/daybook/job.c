/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybook/ask.h"
#include "cmd/daybook/client.h"
#include "cmd/daybook/progress.h"
#include "cmd/daybook/verbs.h"

#include "base/buf.h"

enum { PATH_BYTES_MAX = 8 << 10 };

int job_ls_run(struct invocation *invocation)
{
    return ask_list(invocation, STR("/admin/v1/jobs?"), job_members);
}

static void write_path(const struct invocation *invocation, const char *after, struct buf *out)
{
    buf_add_cstr(out, "/admin/v1/jobs/");
    client_escape(out, invocation->arguments[0]);
    buf_add_cstr(out, after);
}

int job_attach_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct str job;

    write_path(invocation, "", &path);
    int status = client_get(invocation, buf_str(&path), &job);
    return status == EXIT_OK ? progress_follow(invocation, job) : status;
}

int job_cancel_run(struct invocation *invocation)
{
    SCOPED_VALUE(buf_release) struct buf path = BUF_INIT(PATH_BYTES_MAX);
    struct str job;

    if (!ask_confirmed(invocation, "cancel job %s", invocation->arguments[0]))
        return EXIT_USAGE;
    write_path(invocation, "/cancel", &path);
    int status = ask_post(invocation, buf_str(&path), STR("{}"), &job);
    return status == EXIT_OK ? output_row(invocation, job_members, job) : status;
}
