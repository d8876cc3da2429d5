/* SPDX-License-Identifier: Apache-2.0 */
/* How often and when an event that could not be applied is tried again: for all projections, and
 * for single ones. */
#include "cmd/daybookd/settings.h"

#include "base/arena.h"
#include "projection/projector.h"

enum { ATTEMPTS_MAX = 1000 };

static const char shape[] =
    "must be like 'orders=5/2s/1m/1h': projection, attempts, first and longest delay, deadline";

struct parking_policy settings_parking(const struct config *config)
{
    return (struct parking_policy){
        .attempts_max = (int)config_number(config, "projection.retry_attempts"),
        .first_ms = config_number(config, "projection.retry_first"),
        .max_ms = config_number(config, "projection.retry_max"),
        .deadline_ms = config_number(config, "projection.retry_deadline"),
    };
}

static const char *projection_of(const struct projection *const *known, struct str name)
{
    for (; *known != NULL; known++)
        if (str_equal(name, str_of((*known)->name)))
            return (*known)->name;
    return NULL;
}

static bool take_duration(struct str *rest, int64_t *ret_ms)
{
    return config_parse_duration_ms(str_split(*rest, '/', rest), ret_ms) && *ret_ms >= 1;
}

static bool parse_one(struct str text, const struct projection *const *known,
                      struct parking_override *ret)
{
    struct str rest;
    struct parking_policy *policy = &ret->policy;
    uint64_t attempts;

    ret->projection = projection_of(known, str_trim(str_split(text, '=', &rest)));
    rest = str_trim(rest);
    if (!ret->projection || !str_to_u64(str_split(rest, '/', &rest), ATTEMPTS_MAX, &attempts) ||
        attempts == 0)
        return false;
    policy->attempts_max = (int)attempts;
    return take_duration(&rest, &policy->first_ms) && take_duration(&rest, &policy->max_ms) &&
           take_duration(&rest, &policy->deadline_ms) && rest.len == 0 &&
           policy->first_ms <= policy->max_ms;
}

const char *settings_parking_overrides(const struct config *config,
                                       const struct projection *const *known, struct arena *arena,
                                       const struct parking_override **ret)
{
    struct str text = str_of(config_text(config, "projection.retry_policies"));
    struct parking_override *overrides;
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == ',';
    overrides = ARENA_ARRAY(arena, struct parking_override, count + 2);
    *ret = overrides;
    while (text.len > 0)
        if (!parse_one(str_split(text, ',', &text), known, overrides++))
            return shape;
    return NULL;
}
