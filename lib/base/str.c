/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_equal(str_from(s.data, prefix.len), prefix);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_equal_ignore_case(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

size_t str_index(struct str s, char c)
{
    const char *found = s.len > 0 ? memchr(s.data, c, s.len) : NULL;

    return found ? (size_t)(found - s.data) : s.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

struct str str_split(struct str s, char sep, struct str *rest)
{
    size_t at = str_index(s, sep);
    size_t next = at < s.len ? at + 1 : s.len;

    *rest = s.data ? str_from(s.data + next, s.len - next) : STR_NONE;
    return str_from(s.data, at);
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0 || (s.len > 1 && s.data[0] == '0'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.data[i] - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (value > max)
        return false;
    *ret_value = value;
    return true;
}

bool str_to_i64(struct str s, int64_t *ret_value)
{
    bool negative = s.len > 0 && s.data[0] == '-';
    uint64_t magnitude;

    if (!negative) {
        if (!str_to_u64(s, INT64_MAX, &magnitude))
            return false;
        *ret_value = (int64_t)magnitude;
        return true;
    }
    if (!str_to_u64(str_from(s.data + 1, s.len - 1), (uint64_t)INT64_MAX + 1, &magnitude))
        return false;
    if (magnitude == 0) /* "-0" is no way to write a number of ours */
        return false;
    *ret_value = -(int64_t)(magnitude - 1) - 1;
    return true;
}

int str_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0U) == 0x80U;
}

/* Length by the lead byte and what is left of its bits; 0: never a lead byte (C0, C1, F5..FF too).
 */
static size_t utf8_lead(unsigned char lead, uint32_t *ret_bits)
{
    if (lead < 0x80) {
        *ret_bits = lead;
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        *ret_bits = lead & 0x1FU;
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *ret_bits = lead & 0x0FU;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *ret_bits = lead & 0x07U;
        return 4;
    }
    return 0;
}

size_t str_utf8_next(struct str s, uint32_t *ret_code_point)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t code_point = 0;
    size_t len = s.len > 0 ? utf8_lead((unsigned char)s.data[0], &code_point) : 0;

    if (len == 0 || len > s.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (!is_continuation((unsigned char)s.data[i]))
            return 0;
        code_point = code_point << 6 | ((unsigned char)s.data[i] & 0x3FU);
    }
    if (code_point < lowest[len] || code_point > 0x10FFFF ||
        (code_point >= 0xD800 && code_point <= 0xDFFF))
        return 0;
    *ret_code_point = code_point;
    return len;
}

bool str_is_utf8(struct str s, size_t *ret_bad)
{
    size_t at = 0;

    while (at < s.len) {
        uint32_t code_point;
        size_t len = str_utf8_next(str_from(s.data + at, s.len - at), &code_point);

        if (len == 0) {
            if (ret_bad)
                *ret_bad = at;
            return false;
        }
        at += len;
    }
    return true;
}

uint64_t str_hash(struct str s)
{
    uint64_t hash = 0xCBF29CE484222325U;

    for (size_t i = 0; i < s.len; i++) {
        hash ^= (unsigned char)s.data[i];
        hash *= 0x100000001B3U;
    }
    return hash;
}

bool str_equal_constant_time(struct str a, struct str b)
{
    size_t longest = a.len > b.len ? a.len : b.len;
    volatile unsigned char difference = a.len != b.len; /* volatile: no early way out */

    for (size_t i = 0; i < longest; i++) {
        unsigned char x = i < a.len ? (unsigned char)a.data[i] : 0;
        unsigned char y = i < b.len ? (unsigned char)b.data[i] : 0;

        difference = (unsigned char)(difference | (x ^ y));
    }
    return difference == 0;
}
