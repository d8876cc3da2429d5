/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to answer a call. */
#include "api/call.h"

#include "api/problem.h"
#include "base/arena.h"
#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void call_header(struct call *call, const char *name, struct str value)
{
    assert(call->headers_count < CALL_HEADERS_MAX);
    call->headers[call->headers_count++] = (struct http_header){.name = name, .value = value};
}

struct str call_etag_of(struct arena *arena, struct version version)
{
    char digits[24];
    char *text = digits + sizeof digits;
    int64_t rest = version.n;

    assert(rest >= 0);
    *--text = '"';
    do {
        *--text = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    *--text = '"';
    return arena_dup(arena, str_from(text, (size_t)(digits + sizeof digits - text)));
}

void call_etag(struct call *call, struct version version)
{
    call_header(call, "ETag", call_etag_of(call->arena, version));
}

static void respond(struct call *call, int status, struct str body, bool in_arena)
{
    struct http_response response = {.status = status,
                                     .headers = call->headers,
                                     .headers_count = call->headers_count,
                                     .body = body,
                                     .body_in_arena = in_arena};

    http_respond(call->request, &response);
}

void call_answer(struct call *call, int status, const char *content_type, struct str body)
{
    call_header(call, "Content-Type", str_of(content_type));
    respond(call, status, body, false);
}

void call_answer_kept(struct call *call, int status, const char *content_type, struct str body)
{
    call_header(call, "Content-Type", str_of(content_type));
    respond(call, status, body, true);
}

void call_json(struct call *call, int status, const struct buf *body)
{
    if (body->failed) {
        call_problem(call, "internal-error", STR_NONE, "the answer is larger than can be built");
        return;
    }
    call_answer(call, status, "application/json; charset=utf-8", buf_str(body));
}

void call_no_body(struct call *call, int status)
{
    respond(call, status, STR(""), false);
}

void call_refuse(struct call *call, const struct problem *problem)
{
    const struct problem_type *type = problem_type_get(problem->slug);
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);

    problem_write(&body, type, problem->detail, http_request_target(call->request), problem->faults,
                  problem->members);
    if (type->status == 503 || type->status == 429 || type->retryable)
        call_header(call, "Retry-After", STR("1"));
    call_answer(call, type->status, "application/problem+json", buf_str(&body));
}

void call_problem(struct call *call, const char *slug, struct str members, const char *fmt, ...)
{
    char detail[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    call_refuse(call,
                &(struct problem){.slug = slug, .detail = str_of(detail), .members = members});
}

static struct problem problem_of_faults(struct call *call, const struct faults *faults)
{
    size_t count = faults_count(faults);

    return (struct problem){
        .slug = "validation-failed",
        .detail = arena_printf(call->arena, "%zu fault%s", count, count == 1 ? "" : "s"),
        .faults = faults};
}

void call_faults(struct call *call)
{
    struct problem problem = problem_of_faults(call, call->faults);

    assert(faults_count(call->faults) > 0);
    call_refuse(call, &problem);
}

/* Our own words go out; the database's, which tell of tables and values, go to the log. */
static struct problem problem_of_refusal(struct call *call, const struct error *err)
{
    if (err->sqlstate[0] != '\0') {
        log_warn("the database refuses a request's data",
                 LOG_STR("request_id", call->origin.request_id), LOG_ERR(err));
        return (struct problem){
            .slug = "not-storable",
            .detail = arena_printf(call->arena, "the database refuses to store it (SQLSTATE %s)",
                                   err->sqlstate)};
    }
    if (strcmp(err->code, "validation-failed") == 0) {
        struct faults *faults = faults_new(call->arena);

        faults_add(faults, err->text, "%s", "");
        return problem_of_faults(call, faults);
    }
    return (struct problem){
        .slug = err->code[0] != '\0' ? arena_cstr(call->arena, str_of(err->code)) : "not-storable",
        .detail = arena_dup(call->arena, str_of(err->text))};
}

struct problem call_problem_of(struct call *call, const struct error *err)
{
    if (err->outcome_unknown || strcmp(err->code, "outcome-unknown") == 0)
        return (struct problem){
            .slug = "outcome-unknown",
            .detail = STR("the connection to the database was lost while it committed: ask again "
                          "with the same Idempotency-Key")};
    switch (err->class) {
    case ERROR_TRANSIENT:
    case ERROR_FENCED:
        return (struct problem){.slug = strcmp(err->code, "overloaded") == 0 ? "overloaded"
                                                                             : "dependency-down",
                                .detail = STR("the database can not be asked at the moment")};
    case ERROR_REFUSED:
    case ERROR_POISON:
        return problem_of_refusal(call, err);
    case ERROR_NONE:
    case ERROR_FATAL:
        break;
    }
    log_error("request failed", LOG_STR("request_id", call->origin.request_id), LOG_ERR(err));
    return (struct problem){.slug = "internal-error",
                            .detail = arena_printf(call->arena, "see the log for request " STR_FMT,
                                                   STR_ARG(call->origin.request_id))};
}

void call_failed(struct call *call, const struct error *err)
{
    struct problem problem = call_problem_of(call, err);

    call_refuse(call, &problem);
}

bool call_not_modified(struct call *call, struct version version)
{
    struct str wanted = http_request_header(call->request, "If-None-Match", NULL);
    struct str etag = call_etag_of(call->arena, version);

    call_header(call, "ETag", etag);
    while (wanted.len > 0) {
        struct str one = str_trim(str_split(wanted, ',', &wanted));

        if (str_starts_with(one, STR("W/"))) /* a GET compares weakly (RFC 9110 13.1.2) */
            one = str_from(one.data + 2, one.len - 2);
        if (str_equal(one, etag) || str_equal(one, STR("*"))) {
            call_no_body(call, 304);
            return true;
        }
    }
    return false;
}
