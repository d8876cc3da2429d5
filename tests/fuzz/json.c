/* SPDX-License-Identifier: Apache-2.0 */
/* What json_check lets through is JSON to jansson too, and comes apart into JSON. */
#include <assert.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits limits = {
    .depth_max = 32, .values_max = 1000, .string_bytes_max = 4096};

static void take_apart(struct str value)
{
    struct json_cursor cursor;
    struct str key;
    struct str raw;
    struct error err;

    if (!json_open(value, &cursor))
        return;
    while (json_next(&cursor, &key, &raw)) {
        assert(raw.data >= value.data && raw.data + raw.len <= value.data + value.len);
        assert(json_check(raw, limits, &err));
        take_apart(raw);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_from((const char *)data, size);
    json_t *value;
    struct error err;

    if (!json_check(text, limits, &err)) {
        assert(err.class == ERROR_REFUSED && err.code[0] != '\0');
        return 0;
    }
    take_apart(text);
    if (json_parse(text, limits, &value, &err))
        json_decref(value);
    else /* a key twice */
        assert(strcmp(err.code, "not-storable") == 0);
    return 0;
}
