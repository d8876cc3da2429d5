/* SPDX-License-Identifier: Apache-2.0 */
#include "api/prefer.h"

static struct str unquote(struct str value)
{
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
        return str_from(value.data + 1, value.len - 2);
    return value;
}

bool prefer_wait(struct str header, int64_t *ret_seconds)
{
    while (header.len > 0) {
        struct str preference = str_split(header, ',', &header);
        struct str parameters;
        struct str value;
        struct str name = str_split(str_split(preference, ';', &parameters), '=', &value);
        uint64_t seconds;

        if (!str_equal_ignore_case(str_trim(name), STR("wait")))
            continue;
        if (!str_to_u64(unquote(str_trim(value)), INT32_MAX, &seconds))
            return false;
        *ret_seconds = (int64_t)seconds;
        return true;
    }
    return false;
}
