/* SPDX-License-Identifier: Apache-2.0 */
/* Query parameters, against what the route takes. */
#include "api/call.h"

#include "base/arena.h"
#include "base/clock.h"

static struct query_parameter *find(struct call *call, const char *name)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (str_equal(call->query[i].name, str_of(name)))
            return &call->query[i];
    return NULL;
}

bool call_query_str(struct call *call, const char *name, struct str *ret)
{
    struct query_parameter *parameter = find(call, name);

    if (parameter == NULL)
        return false;
    parameter->used = true;
    *ret = parameter->value;
    return true;
}

void call_query_number(struct call *call, const char *name, int64_t min, int64_t max,
                       int64_t *value)
{
    struct str text;
    uint64_t number;

    if (!call_query_str(call, name, &text))
        return;
    if (str_to_u64(text, (uint64_t)max, &number) && (int64_t)number >= min) {
        *value = (int64_t)number;
        return;
    }
    struct str message = arena_printf(call->arena, "must be a whole number from %lld to %lld",
                                      (long long)min, (long long)max);
    faults_add(call->faults, message.data, "?%s", name);
}

bool call_query_time(struct call *call, const char *name, int64_t *ret_wall_us)
{
    struct str text;

    if (!call_query_str(call, name, &text))
        return false;
    if (clock_parse_rfc3339(text, ret_wall_us))
        return true;
    faults_add(call->faults, "must be a time such as 2026-01-31T09:30:00Z", "?%s", name);
    return false;
}

void call_query_choice(struct call *call, const char *name, const char *const *choices,
                       size_t *index)
{
    struct str text;

    if (!call_query_str(call, name, &text))
        return;
    for (size_t i = 0; choices[i] != NULL; i++)
        if (str_equal(text, str_of(choices[i]))) {
            *index = i;
            return;
        }
    faults_add(call->faults, "is none of the values it may have", "?%s", name);
}

bool call_query_done(struct call *call)
{
    for (size_t i = 0; i < call->query_count; i++)
        if (!call->query[i].used)
            faults_add(call->faults, "unknown query parameter", "?" STR_FMT,
                       STR_ARG(call->query[i].name));
    if (faults_count(call->faults) == 0)
        return true;
    call_faults(call);
    return false;
}
