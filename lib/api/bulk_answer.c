/* SPDX-License-Identifier: Apache-2.0 */
#include "api/bulk_answer.h"

#include "api/dry_run.h"
#include "api/problem.h"
#include "api/write_answer.h"
#include "base/arena.h"

#include <assert.h>
#include <string.h>

/* More than a group's events, refusals and stored answers can come to (eventlog's GROUP_*_MAX). */
enum { RESULTS_BYTES_MAX = 64 << 20 };

/* Results. */

static void write_success(const struct write *part, struct buf *out)
{
    const struct write_shape *shape = writes_shape(part);

    buf_printf(out, "{\"status\":%d,\"body\":", part->dry_run ? 200 : shape->status);
    if (part->dry_run)
        dry_run_body(part, shape, out);
    else
        shape->body(part, shape, out);
    buf_add_char(out, '}');
}

static void write_replayed(const struct write *part, struct buf *out)
{
    buf_printf(out, "{\"status\":%d,\"body\":", part->answer.status);
    buf_add_str(out, part->answer.body);
    buf_add_cstr(out, ",\"replayed\":true}");
}

static void write_refusal(const struct write *part, struct buf *out)
{
    struct call *call = writes_call(part);
    struct problem problem = write_answer_problem(call, part);
    const struct problem_type *type = problem_type_get(problem.slug);

    buf_printf(out, "{\"status\":%d,\"body\":", type->status);
    problem_write(out, type, problem.detail, http_request_target(call->request), problem.faults,
                  problem.members);
    buf_add_char(out, '}');
}

static void write_result(const struct write *part, struct buf *out)
{
    switch (part->outcome) {
    case WRITE_APPENDED:
    case WRITE_REPEATED:
        write_success(part, out);
        return;
    case WRITE_REPLAYED:
        write_replayed(part, out);
        return;
    case WRITE_KEY_REUSED:
    case WRITE_KEY_BUSY:
    case WRITE_REFUSED:
    case WRITE_CONFLICT:
    case WRITE_UNREADABLE:
    case WRITE_TOO_MANY_CATEGORIES:
    case WRITE_FAILED:
        write_refusal(part, out);
        return;
    }
}

static struct str results_of(const struct write *group)
{
    SCOPED_VALUE(buf_release) struct buf out = BUF_INIT(RESULTS_BYTES_MAX);

    buf_add_cstr(&out, group->dry_run ? "{\"dry_run\":true,\"results\":[" : "{\"results\":[");
    for (size_t i = 0; i < group->parts_count; i++) {
        if (i > 0)
            buf_add_char(&out, ',');
        write_result(&group->parts[i], &out);
    }
    buf_add_cstr(&out, "]}");
    assert(!out.failed);
    return arena_dup(group->arena, buf_str(&out));
}

/* The token: from the first to the last event of all commands, those answered before included. */

static bool token_of_replayed(const struct write *part, struct consistency_token *ret)
{
    struct str lines = part->answer.headers;

    while (lines.len > 0) {
        struct str value;
        struct str name = str_split(str_split(lines, '\n', &lines), ':', &value);

        if (str_equal(name, STR("Consistency-Token")))
            return token_parse(str_trim(value), ret) == NULL;
    }
    return false;
}

static bool token_of_part(const struct write *part, struct consistency_token *ret)
{
    if (part->outcome == WRITE_REPLAYED)
        return token_of_replayed(part, ret);
    if (part->outcome != WRITE_APPENDED)
        return false;
    *ret = write_answer_token(writes_call(part), part);
    return true;
}

/* Data NULL: nothing was written, now or before. */
static struct str token_of(const struct write *group)
{
    struct consistency_token all = {0};
    struct consistency_token one;
    bool any = false;

    for (size_t i = 0; i < group->parts_count; i++) {
        if (!token_of_part(&group->parts[i], &one))
            continue;
        if (!any || one.first.n < all.first.n)
            all.first = one.first;
        if (!any || one.last.n > all.last.n)
            all.last = one.last;
        all.log = one.log;
        any = true;
    }
    return any ? token_format(group->arena, &all) : STR_NONE;
}

void bulk_compose(struct write *group, struct stored_answer *ret_answer)
{
    struct str token = group->dry_run ? STR_NONE : token_of(group);

    *ret_answer =
        (struct stored_answer){.status = 200, .headers = STR(""), .body = results_of(group)};
    if (token.data != NULL)
        ret_answer->headers =
            arena_printf(group->arena, "Consistency-Token: " STR_FMT "\n", STR_ARG(token));
}

/* Refusals of the whole. */

static void answer_culprit(struct call *call, const struct write *group)
{
    const struct write *culprit = group->culprit;
    const struct write_shape *shape = writes_shape(culprit);
    struct problem problem = write_answer_problem(call, culprit);

    if (strcmp(problem.slug, "already-exists") == 0 && shape->location != NULL)
        call_header(call, "Location", write_answer_location(culprit, shape));
    problem.members =
        arena_printf(call->arena, STR_FMT "%s\"failed_index\":%zu", STR_ARG(problem.members),
                     problem.members.len > 0 ? "," : "", (size_t)(culprit - group->parts));
    call_refuse(call, &problem);
}

void bulk_answer(struct write *group)
{
    struct call *call = writes_call(group);
    struct stored_answer composed;
    struct problem problem;

    if (group->culprit != NULL) {
        answer_culprit(call, group);
    } else if (group->outcome == WRITE_APPENDED) {
        bulk_compose(group, &composed);
        write_answer_send(call, &composed);
    } else if (group->outcome == WRITE_REPLAYED) {
        call_header(call, "Idempotent-Replayed", STR("true"));
        write_answer_send(call, &group->answer);
    } else {
        problem = write_answer_problem(call, group);
        call_refuse(call, &problem);
    }
}
