/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/buf.h"
#include "base/clock.h"

/* What follows the backslash; 'u' for those without a short form, 0 for what needs none. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static void write_escape(struct buf *out, unsigned char c, char escape)
{
    static const char digits[] = "0123456789abcdef";

    buf_add_char(out, '\\');
    buf_add_char(out, escape);
    if (escape == 'u') {
        buf_add_str(out, STR("00"));
        buf_add_char(out, digits[c >> 4]);
        buf_add_char(out, digits[c & 0xFU]);
    }
}

void json_write_str(struct buf *out, struct str s)
{
    size_t plain = 0; /* where the stretch without escapes began */

    buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char escape = escapes[(unsigned char)s.data[i]];

        if (escape == '\0')
            continue;
        buf_add(out, s.data + plain, i - plain);
        write_escape(out, (unsigned char)s.data[i], escape);
        plain = i + 1;
    }
    if (s.len > plain)
        buf_add(out, s.data + plain, s.len - plain);
    buf_add_char(out, '"');
}

void json_write_cstr(struct buf *out, const char *s)
{
    json_write_str(out, str_of(s));
}

void json_write_time(struct buf *out, int64_t wall_us)
{
    buf_add_char(out, '"');
    buf_add_rfc3339(out, wall_us);
    buf_add_char(out, '"');
}

void json_write_key(struct buf *out, const char *key)
{
    char before = out->len > 0 ? out->data[out->len - 1] : '{';

    if (before != '{' && before != '[')
        buf_add_char(out, ',');
    json_write_cstr(out, key);
    buf_add_char(out, ':');
}

void json_add_str(struct buf *out, const char *key, struct str value)
{
    json_write_key(out, key);
    if (value.data == NULL)
        buf_add_cstr(out, "null");
    else
        json_write_str(out, value);
}

void json_add_i64(struct buf *out, const char *key, int64_t value)
{
    json_write_key(out, key);
    buf_add_i64(out, value);
}

void json_add_bool(struct buf *out, const char *key, bool value)
{
    json_write_key(out, key);
    buf_add_cstr(out, value ? "true" : "false");
}

void json_add_time(struct buf *out, const char *key, int64_t wall_us)
{
    json_write_key(out, key);
    if (wall_us == 0)
        buf_add_cstr(out, "null");
    else
        json_write_time(out, wall_us);
}
