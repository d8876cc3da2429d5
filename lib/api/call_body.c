/* SPDX-License-Identifier: Apache-2.0 */
/* A request's body and what it may be: media types, JSON under limits. */
#include "api/call.h"

#include "base/arena.h"
#include "base/clock.h"

#include <string.h>

enum { BODY_DEPTH_MAX = 32, BODY_VALUES_MAX = 10000, BULK_VALUES_MAX = 50000, STRING_MAX = 65536 };

/* "application/json" with at most the parameter charset=utf-8 (RFC 9110 8.3). */
static bool is_json_type(struct str header)
{
    struct str parameters;
    struct str type = str_trim(str_split(header, ';', &parameters));

    if (!str_equal_ignore_case(type, STR("application/json")))
        return false;
    parameters = str_trim(parameters);
    return parameters.len == 0 || str_equal_ignore_case(parameters, STR("charset=utf-8")) ||
           str_equal_ignore_case(parameters, STR("charset=\"utf-8\""));
}

static bool check_media_type(struct call *call)
{
    struct str type = http_request_header(call->request, "Content-Type", NULL);
    struct str encoding = http_request_header(call->request, "Content-Encoding", NULL);

    if (encoding.data != NULL && !str_equal_ignore_case(encoding, STR("identity"))) {
        call_problem(call, "unsupported-media-type", STR_NONE,
                     "send the body uncompressed, without Content-Encoding");
        return false;
    }
    if (type.data == NULL || !is_json_type(type)) {
        call_problem(call, "unsupported-media-type", STR_NONE,
                     "send the header Content-Type: application/json");
        return false;
    }
    return true;
}

bool call_body(struct call *call, bool optional, json_t **ret_body)
{
    struct str body = http_request_body(call->request);
    struct json_limits limits = {.depth_max = BODY_DEPTH_MAX,
                                 .values_max =
                                     call->route->bulk ? BULK_VALUES_MAX : BODY_VALUES_MAX,
                                 .string_bytes_max = STRING_MAX};
    struct error err;

    if (body.len == 0 && optional) {
        *ret_body = json_object();
        return true;
    }
    if (!check_media_type(call))
        return false;
    if (json_parse(body, limits, ret_body, &err))
        return true;
    call_problem(call, err.code, STR_NONE, "%s", err.text);
    return false;
}

int64_t call_take_occurred_at(struct call *call, json_t *object, const char *prefix)
{
    json_t *value = json_object_get(object, "occurred_at");
    int64_t at = call->now_us;

    if (value == NULL)
        return at;
    if (!json_is_string(value) ||
        !clock_parse_rfc3339(str_from(json_string_value(value), json_string_length(value)), &at))
        faults_add(call->faults, "must be a time such as 2026-01-31T09:30:00Z", "%s/occurred_at",
                   prefix);
    else if (at > call->now_us)
        faults_add(call->faults, "must not be in the future", "%s/occurred_at", prefix);
    json_object_del(object, "occurred_at");
    return at;
}

static bool is_zero(struct str weight)
{
    for (size_t i = 0; i < weight.len; i++)
        if (weight.data[i] != '0' && weight.data[i] != '.')
            return false;
    return true;
}

/* "q=0", "q=0.000": the client refuses what this element names (RFC 9110 12.4.2). */
static bool is_refused(struct str parameters)
{
    while (parameters.len > 0) {
        struct str one = str_trim(str_split(parameters, ';', &parameters));

        if (one.len >= 3 && (one.data[0] == 'q' || one.data[0] == 'Q') && one.data[1] == '=')
            return is_zero(str_from(one.data + 2, one.len - 2));
    }
    return false;
}

enum match { MATCH_NONE, MATCH_ANY, MATCH_MAIN_TYPE, MATCH_OUTRIGHT };

static enum match match_range(struct str range, struct str type)
{
    size_t main_len = str_index(type, '/') + 1;

    if (str_equal_ignore_case(range, type))
        return MATCH_OUTRIGHT;
    if (str_equal(range, STR("*/*")))
        return MATCH_ANY;
    if (range.len == main_len + 1 && range.data[main_len] == '*' &&
        str_equal_ignore_case(str_from(range.data, main_len), str_from(type.data, main_len)))
        return MATCH_MAIN_TYPE;
    return MATCH_NONE;
}

/* The closest range decides (RFC 9110 12.5.1). MATCH_NONE: it is not named, or refused. */
static enum match match_accept(const struct call *call, struct str type)
{
    struct str header = http_request_header(call->request, "Accept", NULL);
    enum match best = MATCH_NONE;
    bool refused = false;

    while (header.len > 0) {
        struct str parameters;
        struct str range = str_trim(str_split(str_split(header, ',', &header), ';', &parameters));
        enum match match = match_range(range, type);

        if (match <= best)
            continue;
        best = match;
        refused = is_refused(parameters);
    }
    return refused ? MATCH_NONE : best;
}

bool call_prefers(const struct call *call, const char *type)
{
    return match_accept(call, str_of(type)) == MATCH_OUTRIGHT;
}

bool call_accepts(struct call *call, const char *type)
{
    struct str header = http_request_header(call->request, "Accept", NULL);

    if (header.len == 0 || match_accept(call, str_of(type)) != MATCH_NONE)
        return true;
    call_problem(call, "not-acceptable", STR_NONE, "this is answered as %s", type);
    return false;
}
