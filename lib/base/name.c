/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name.h"

#include <limits.h>

enum class {
    LOWER = 1,
    UPPER = 2,
    DIGIT = 4,
    DASH = 8,
    DOT = 16,        /* . and _ */
    PUNCTUATION = 32 /* ~ : @ */
};

static const unsigned char classes[UCHAR_MAX + 1] = {
    ['a'] = LOWER,       ['b'] = LOWER,       ['c'] = LOWER,       ['d'] = LOWER, ['e'] = LOWER,
    ['f'] = LOWER,       ['g'] = LOWER,       ['h'] = LOWER,       ['i'] = LOWER, ['j'] = LOWER,
    ['k'] = LOWER,       ['l'] = LOWER,       ['m'] = LOWER,       ['n'] = LOWER, ['o'] = LOWER,
    ['p'] = LOWER,       ['q'] = LOWER,       ['r'] = LOWER,       ['s'] = LOWER, ['t'] = LOWER,
    ['u'] = LOWER,       ['v'] = LOWER,       ['w'] = LOWER,       ['x'] = LOWER, ['y'] = LOWER,
    ['z'] = LOWER,       ['A'] = UPPER,       ['B'] = UPPER,       ['C'] = UPPER, ['D'] = UPPER,
    ['E'] = UPPER,       ['F'] = UPPER,       ['G'] = UPPER,       ['H'] = UPPER, ['I'] = UPPER,
    ['J'] = UPPER,       ['K'] = UPPER,       ['L'] = UPPER,       ['M'] = UPPER, ['N'] = UPPER,
    ['O'] = UPPER,       ['P'] = UPPER,       ['Q'] = UPPER,       ['R'] = UPPER, ['S'] = UPPER,
    ['T'] = UPPER,       ['U'] = UPPER,       ['V'] = UPPER,       ['W'] = UPPER, ['X'] = UPPER,
    ['Y'] = UPPER,       ['Z'] = UPPER,       ['0'] = DIGIT,       ['1'] = DIGIT, ['2'] = DIGIT,
    ['3'] = DIGIT,       ['4'] = DIGIT,       ['5'] = DIGIT,       ['6'] = DIGIT, ['7'] = DIGIT,
    ['8'] = DIGIT,       ['9'] = DIGIT,       ['-'] = DASH,        ['.'] = DOT,   ['_'] = DOT,
    ['~'] = PUNCTUATION, [':'] = PUNCTUATION, ['@'] = PUNCTUATION,
};

static unsigned class_of(char c)
{
    return classes[(unsigned char)c];
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
