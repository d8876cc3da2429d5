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

/* One element of Accept matches TYPE and is not refused by q=0. */
static bool accepts(struct str element, struct str type, bool outright)
{
    struct str parameters;
    struct str range = str_trim(str_split(element, ';', &parameters));
    struct str main_type = str_from(type.data, str_index(type, '/') + 1);

    while (parameters.len > 0) {
        struct str one = str_trim(str_split(parameters, ';', &parameters));

        if (str_equal(one, STR("q=0")) || str_equal(one, STR("q=0.0")))
            return false;
    }
    if (str_equal_ignore_case(range, type))
        return true;
    if (outright)
        return false;
    return str_equal(range, STR("*/*")) ||
           (range.len == main_type.len + 1 && range.data[range.len - 1] == '*' &&
            str_equal_ignore_case(str_from(range.data, main_type.len), main_type));
}

static bool accept_has(const struct call *call, const char *type, bool outright)
{
    struct str header = http_request_header(call->request, "Accept", NULL);

    while (header.len > 0)
        if (accepts(str_split(header, ',', &header), str_of(type), outright))
            return true;
    return false;
}

bool call_prefers(const struct call *call, const char *type)
{
    return accept_has(call, type, true);
}

bool call_accepts(struct call *call, const char *type)
{
    struct str header = http_request_header(call->request, "Accept", NULL);

    if (header.len == 0 || accept_has(call, type, false))
        return true;
    call_problem(call, "not-acceptable", STR_NONE, "this is answered as %s", type);
    return false;
}
