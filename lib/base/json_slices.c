/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw bytes of members and items. What json_check let through is read right; anything else is read
 * wrong, perhaps, but never beyond its end.
 */
#include "base/json.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct json_cursor *cursor)
{
    while (cursor->at < cursor->end && is_blank(*cursor->at))
        cursor->at++;
}

/* Takes C, if it comes next. */
static bool take(struct json_cursor *cursor, char c)
{
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* Behind the string whose opening quote is at AT. */
static const char *behind_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\' && end - at > 1)
            at++;
    }
    return at < end ? at + 1 : end;
}

static const char *behind_container(const char *at, const char *end)
{
    size_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = behind_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return end;
}

static const char *behind_word(const char *at, const char *end)
{
    while (at < end && !is_blank(*at) && *at != ',' && *at != ']' && *at != '}')
        at++;
    return at;
}

static bool take_value(struct json_cursor *cursor, struct str *ret_raw)
{
    const char *first;

    skip_blanks(cursor);
    first = cursor->at;
    if (first == cursor->end)
        return false;
    if (*first == '"')
        cursor->at = behind_string(first, cursor->end);
    else if (*first == '{' || *first == '[')
        cursor->at = behind_container(first, cursor->end);
    else
        cursor->at = behind_word(first, cursor->end);
    *ret_raw = str_from(first, (size_t)(cursor->at - first));
    return ret_raw->len > 0;
}

/* The raw content of a key's quotes. */
static bool take_key(struct json_cursor *cursor, struct str *ret_key)
{
    struct str quoted;

    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != '"' || !take_value(cursor, &quoted) ||
        quoted.len < 2)
        return false;
    *ret_key = str_from(quoted.data + 1, quoted.len - 2);
    return take(cursor, ':');
}

bool json_open(struct str value, struct json_cursor *ret_cursor)
{
    struct json_cursor cursor = {.at = value.data};

    if (value.len == 0)
        return false;
    cursor.end = value.data + value.len;
    cursor.in_object = take(&cursor, '{');
    if (!cursor.in_object && !take(&cursor, '['))
        return false;
    *ret_cursor = cursor;
    return true;
}

bool json_next(struct json_cursor *cursor, struct str *ret_key, struct str *ret_raw)
{
    struct str key = STR_NONE;

    skip_blanks(cursor);
    if (cursor->at < cursor->end && (*cursor->at == '}' || *cursor->at == ']'))
        return false;
    if (cursor->started && !take(cursor, ','))
        return false;
    cursor->started = true;
    if (cursor->in_object && !take_key(cursor, &key))
        return false;
    if (!take_value(cursor, ret_raw))
        return false;
    if (ret_key)
        *ret_key = key;
    return true;
}

/* Of four hexadecimal digits that were checked; anything else gives a value that is no ASCII. */
static unsigned hex4(const char *at)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++) {
        int digit = str_hex_value(at[i]);

        if (digit < 0)
            return UINT32_MAX;
        value = value * 16 + (unsigned)digit;
    }
    return value;
}

/* Takes one character off *RAW, escapes undone where the result is ASCII and may be in a key. */
static unsigned take_key_char(struct str *raw)
{
    unsigned c = (unsigned char)raw->data[0];
    size_t len = 1;

    if (c == '\\' && raw->len >= 6 && raw->data[1] == 'u') {
        c = hex4(raw->data + 2);
        len = 6;
    } else if (c == '\\' && raw->len >= 2) {
        c = (unsigned char)raw->data[1];
        len = 2;
        if (c != '"' && c != '\\' && c != '/')
            c = UINT32_MAX; /* a control character */
    }
    *raw = str_from(raw->data + len, raw->len - len);
    return c;
}

/* "d\u0061ta" is the key "data" too: the parser sees it so, and both must agree. */
static bool key_equals(struct str raw, struct str key)
{
    size_t i = 0;

    if (raw.len < key.len)
        return false;
    while (raw.len > 0) {
        if (i == key.len || take_key_char(&raw) != (unsigned char)key.data[i])
            return false;
        i++;
    }
    return i == key.len;
}

bool json_member(struct str object, const char *key, struct str *ret_raw)
{
    struct json_cursor cursor;
    struct str found;
    struct str raw;

    if (!json_open(object, &cursor) || !cursor.in_object)
        return false;
    while (json_next(&cursor, &found, &raw)) {
        if (key_equals(found, str_of(key))) {
            *ret_raw = raw;
            return true;
        }
    }
    return false;
}
