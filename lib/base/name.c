/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name.h"

enum class {
    LOWER = 1,
    UPPER = 2,
    DIGIT = 4,
    DASH = 8,
    DOT = 16,        /* . and _ */
    PUNCTUATION = 32 /* ~ : @ */
};

static unsigned class_of(char c)
{
    if (c >= 'a' && c <= 'z')
        return LOWER;
    if (c >= 'A' && c <= 'Z')
        return UPPER;
    if (c >= '0' && c <= '9')
        return DIGIT;
    if (c == '-')
        return DASH;
    if (c == '.' || c == '_')
        return DOT;
    if (c == '~' || c == ':' || c == '@')
        return PUNCTUATION;
    return 0;
}

/* One character of the classes FIRST, then up to LEN_MAX - 1 of the classes REST. */
static bool matches(struct str s, unsigned first, unsigned rest, size_t len_max)
{
    if (s.len == 0 || s.len > len_max || !(class_of(s.data[0]) & first))
        return false;
    for (size_t i = 1; i < s.len; i++) {
        if (!(class_of(s.data[i]) & rest))
            return false;
    }
    return true;
}

bool name_is_category(struct str s)
{
    return matches(s, LOWER, LOWER | DIGIT, NAME_CATEGORY_MAX);
}

bool name_is_tenant(struct str s)
{
    return matches(s, LOWER | DIGIT, LOWER | DIGIT | DASH, NAME_TENANT_MAX);
}

bool name_is_id(struct str s)
{
    static const unsigned any = LOWER | UPPER | DIGIT | DASH | DOT | PUNCTUATION;

    return matches(s, any, any, NAME_ID_MAX);
}

bool name_is_event_type(struct str s)
{
    return matches(s, LOWER | UPPER, LOWER | UPPER | DIGIT | DASH | DOT, NAME_TYPE_MAX);
}

bool name_is_projection(struct str s)
{
    return matches(s, LOWER, LOWER | DIGIT, NAME_CATEGORY_MAX);
}

bool name_is_stream(struct str s)
{
    return name_is_category(name_category(s)) && name_is_id(name_stream_id(s));
}

bool name_is_reserved(struct str category)
{
    return str_equal(category, STR("dlq")) || str_equal(category, STR("cursor"));
}

struct str name_category(struct str stream)
{
    struct str rest;

    return str_split(stream, '-', &rest);
}

struct str name_stream_id(struct str stream)
{
    struct str rest;

    str_split(stream, '-', &rest);
    return rest;
}
