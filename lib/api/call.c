/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"

#include "api/api_internal.h"
#include "api/conditions.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/name.h"
#include "base/uuid.h"

#include <assert.h>
#include <string.h>

/* Ids. */

static struct str new_id(struct arena *arena)
{
    char text[UUID_TEXT_LEN + 1];

    uuid_format(uuid_v7(), text);
    return arena_dup(arena, str_of(text));
}

static bool is_hex(struct str s)
{
    bool any_set = false;

    for (size_t i = 0; i < s.len; i++) {
        if (!((s.data[i] >= '0' && s.data[i] <= '9') || (s.data[i] >= 'a' && s.data[i] <= 'f')))
            return false;
        any_set |= s.data[i] != '0';
    }
    return any_set; /* all zero is invalid */
}

/* W3C Trace Context, version 00: 00-<32 hex>-<16 hex>-<2 hex>. */
static bool is_traceparent(struct str s)
{
    return s.len == 55 && memcmp(s.data, "00-", 3) == 0 && s.data[35] == '-' && s.data[52] == '-' &&
           is_hex(str_from(s.data + 3, 32)) && is_hex(str_from(s.data + 36, 16)) &&
           strspn(s.data + 53, "0123456789abcdef") >= 2;
}

static void put_hex(char *out, uint64_t value)
{
    for (int i = 15; i >= 0; i--, value >>= 4)
        out[i] = "0123456789abcdef"[value & 0xF];
}

/* Neither id may be all zero. */
static struct str new_traceparent(struct arena *arena)
{
    static const struct str form =
        STR_INIT("00-tttttttttttttttttttttttttttttttt-pppppppppppppppp-01");
    char *text = arena_cstr(arena, form);

    put_hex(text + 3, random_u64());
    put_hex(text + 19, random_u64() | 1);
    put_hex(text + 36, random_u64() | 1);
    return str_from(text, form.len);
}

/* The header where it is given once and well-formed. */
static struct str taken_id(struct call *call, const char *name, struct str otherwise)
{
    size_t lines;
    struct str value = http_request_header(call->request, name, &lines);

    if (lines != 1 || !name_is_id(value))
        return otherwise;
    return arena_dup(call->arena, value);
}

static void take_origin(struct call *call)
{
    struct origin *origin = &call->origin;
    size_t lines;
    struct str trace = http_request_header(call->request, "traceparent", &lines);

    origin->request_id = taken_id(call, "X-Request-Id", STR_NONE);
    if (origin->request_id.data == NULL)
        origin->request_id = new_id(call->arena);
    origin->correlation_id = taken_id(call, "X-Correlation-Id", origin->request_id);
    origin->causation_id = taken_id(call, "X-Causation-Id", origin->request_id);
    trace = lines == 1 ? arena_dup(call->arena, trace) : STR_NONE; /* NUL-terminated for strspn */
    origin->traceparent = is_traceparent(trace) ? trace : new_traceparent(call->arena);
    call_header(call, "X-Request-Id", origin->request_id);
    call_header(call, "X-Correlation-Id", origin->correlation_id);
    call_header(call, "X-Causation-Id", origin->causation_id);
    call_header(call, "traceparent", origin->traceparent);
    call_header(call, "X-Content-Type-Options", STR("nosniff"));
}

/* Query. */

static bool is_repeated(const struct call *call, struct str name)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (str_equal(call->query[i].name, name))
            return true;
    return false;
}

static bool take_query(struct call *call)
{
    struct str rest = http_request_query(call->request);

    while (rest.len > 0) {
        struct str value;
        struct str name = str_split(str_split(rest, '&', &rest), '=', &value);
        struct query_parameter *parameter = &call->query[call->query_count];

        if (call->query_count == QUERY_PARAMETERS_MAX ||
            !http_unescape(call->arena, name, true, &parameter->name) ||
            !http_unescape(call->arena, value, true, &parameter->value) ||
            is_repeated(call, parameter->name)) {
            call_problem(call, "bad-request", STR_NONE,
                         "the query is malformed, repeats a parameter, or has more than %d",
                         QUERY_PARAMETERS_MAX);
            return false;
        }
        call->query_count++;
    }
    return true;
}

struct str call_path_parameter(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->path.count; i++)
        if (str_equal(call->path.parameters[i].name, str_of(name)))
            return call->path.parameters[i].value;
    assert(false && "a parameter that is not in the pattern");
    return STR_NONE;
}

/* Routing. */

static void answer_method_not_allowed(struct call *call)
{
    struct buf allow = BUF_INIT(128);

    for (enum http_method method = HTTP_GET; method < HTTP_OTHER_KNOWN; method++)
        if (call->path.methods & (1u << method))
            buf_printf(&allow, "%s%s", allow.len > 0 ? ", " : "", http_method_name(method));
    if (call->path.methods & (1u << HTTP_GET))
        buf_add_cstr(&allow, ", HEAD");
    call_header(call, "Allow", arena_dup(call->arena, buf_str(&allow)));
    buf_release(&allow);
    call_problem(call, "method-not-allowed", STR_NONE, "see the header Allow");
}

static void serve(struct call *call)
{
    struct http_request *request = call->request;
    bool decodes = router_match(call->api->router, http_request_method(request),
                                http_request_path(request), call->arena, &call->path);

    if (!decodes) {
        call_problem(call, "bad-request", STR_NONE, "the path is not well-formed");
    } else if (call->path.methods == 0) {
        call_problem(call, "not-found", STR_NONE, "there is nothing at this path");
    } else if (call->path.route == NULL) {
        answer_method_not_allowed(call);
    } else {
        call->route = call->path.route;
        if (!call->route->plumbing && atomic_load(&call->api->writer) == NULL)
            call_problem(call, "dependency-down", STR_NONE,
                         "the database has not been reached yet");
        else if (conditions_fit(call))
            call->route->serve(call);
    }
}

void call_begin(void *api, struct http_request *request)
{
    struct arena *arena = http_request_arena(request);
    struct call *call = ARENA_NEW(arena, struct call);

    call->api = api;
    call->request = request;
    call->arena = arena;
    call->tenant = STR("main");
    call->credential = STR("");
    call->now_us = clock_wall_us();
    call->faults = faults_new(arena);
    http_request_set_data(request, call);
    take_origin(call);
    if (guard_check(call) && take_query(call))
        serve(call);
}
