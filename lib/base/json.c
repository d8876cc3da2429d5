/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <assert.h>

/* What the log may hold: at least what any route of ours lets in, whatever its limits. */
static const struct json_limits stored_limits = {
    .depth_max = 64,
    .values_max = 200000,
    .string_bytes_max = 1024 * 1024,
};

void json_setup(void)
{
    json_object_seed(0);
}

static bool load(struct str text, json_t **ret_value, struct error *err)
{
    json_error_t fault;
    json_t *value =
        json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);

    if (value == NULL && json_error_code(&fault) == json_error_duplicate_key)
        return error_set(err, ERROR_REFUSED, "not-storable", "a key twice in one object at byte %d",
                         fault.position);
    if (value == NULL)
        return error_set(err, ERROR_REFUSED, "malformed-json", "%s at byte %d", fault.text,
                         fault.position);
    *ret_value = value;
    return true;
}

bool json_parse(struct str text, struct json_limits limits, json_t **ret_value, struct error *err)
{
    return json_check(text, limits, err) && load(text, ret_value, err);
}

bool json_parse_stored(struct str text, json_t **ret_value, struct error *err)
{
    if (json_parse(text, stored_limits, ret_value, err))
        return true;
    err->class = ERROR_POISON;
    return false;
}
