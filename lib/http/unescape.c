/* SPDX-License-Identifier: Apache-2.0 */
#include "http/unescape.h"

#include "base/arena.h"
#include "http/server.h"

/* The byte behind "%", or -1. */
static int escaped(struct str raw, size_t at)
{
    int high;
    int low;

    if (raw.len - at < 3)
        return -1;
    high = str_hex_value(raw.data[at + 1]);
    low = str_hex_value(raw.data[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool http_unescape_into(struct str raw, bool plus_is_space, char *out, size_t *ret_len)
{
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        int c = (unsigned char)raw.data[i];

        if (c == '%') {
            c = escaped(raw, i);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c <= 0)
            return false;
        out[len++] = (char)c;
    }
    *ret_len = len;
    return true;
}

bool http_unescape(struct arena *arena, struct str raw, bool plus_is_space, struct str *ret)
{
    char *out = arena_alloc(arena, raw.len + 1);
    size_t len;

    if (!http_unescape_into(raw, plus_is_space, out, &len))
        return false;
    if (!str_is_utf8(str_from(out, len), NULL))
        return false;
    out[len] = '\0';
    *ret = str_from(out, len);
    return true;
}
