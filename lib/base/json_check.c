/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner at the door: one pass over the raw bytes, no recursion, nothing allocated. */
#include "base/json.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum {
    DEPTH_CEILING = 64,     /* bits of struct scan's stack */
    NUMBER_BYTES_MAX = 400, /* every finite double fits in plain notation, 309 digits and a sign */
};

struct scan {
    const char *begin;
    const char *at;
    const char *end;
    struct json_limits limits;
    size_t values;
    unsigned depth;
    uint64_t objects; /* bit N: the container at depth N is an object */
    struct error *err;
};

static bool refuse(struct scan *scan, const char *at, const char *code, const char *what)
{
    return error_set(scan->err, ERROR_REFUSED, code, "%s at byte %zu", what,
                     (size_t)(at - scan->begin));
}

static bool malformed(struct scan *scan, const char *at, const char *what)
{
    return refuse(scan, at, "malformed-json", what);
}

static bool over_limit(struct scan *scan, const char *at, const char *what)
{
    return refuse(scan, at, "json-limits", what);
}

/* The next byte, or -1 at the end; a NUL byte in the text is a byte like any other. */
static int peek(const struct scan *scan)
{
    return scan->at < scan->end ? (unsigned char)*scan->at : -1;
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* Four hexadecimal digits at P, or -1. */
static int hex4(const struct scan *scan, const char *p)
{
    int value = 0;

    if (scan->end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = str_hex_value(p[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* At the u of an escape; both halves of a surrogate pair are taken. *ret_len: bytes in UTF-8. */
static bool scan_unicode_escape(struct scan *scan, size_t *ret_len)
{
    const char *backslash = scan->at - 1;
    int unit = hex4(scan, scan->at + 1);
    int low;

    if (unit < 0)
        return malformed(scan, backslash, "\\u without four hexadecimal digits");
    if (unit == 0)
        return refuse(scan, backslash, "not-storable", "\\u0000, which cannot be stored,");
    scan->at += 5;
    if (unit < 0xD800 || unit > 0xDFFF) {
        *ret_len = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
        return true;
    }
    low = scan->end - scan->at >= 6 && scan->at[0] == '\\' && scan->at[1] == 'u'
              ? hex4(scan, scan->at + 2)
              : -1;
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
        return malformed(scan, backslash, "a lone surrogate");
    scan->at += 6;
    *ret_len = 4;
    return true;
}

static bool scan_escape(struct scan *scan, size_t *ret_len)
{
    scan->at++;
    switch (peek(scan)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        scan->at++;
        *ret_len = 1;
        return true;
    case 'u':
        return scan_unicode_escape(scan, ret_len);
    default:
        return malformed(scan, scan->at - 1, "an unknown escape");
    }
}

static bool scan_utf8(struct scan *scan, size_t *ret_len)
{
    struct str rest = str_from(scan->at, (size_t)(scan->end - scan->at));
    uint32_t code_point;

    *ret_len = str_utf8_next(rest, &code_point);
    scan->at += *ret_len;
    return *ret_len > 0 || malformed(scan, scan->at, "bytes that are not UTF-8");
}

static bool scan_string(struct scan *scan)
{
    const char *quote = scan->at++;
    size_t len = 0;

    while (scan->at < scan->end && *scan->at != '"') {
        unsigned char c = (unsigned char)*scan->at;
        size_t char_len = 1;

        if (c < 0x20)
            return malformed(scan, scan->at, "a control character in a string");
        if (c == '\\') {
            if (!scan_escape(scan, &char_len))
                return false;
        } else if (c < 0x80) {
            scan->at++;
        } else if (!scan_utf8(scan, &char_len)) {
            return false;
        }
        len += char_len;
        if (len > scan->limits.string_bytes_max)
            return over_limit(scan, quote, "a string too long");
    }
    if (scan->at == scan->end)
        return malformed(scan, quote, "a string without end");
    scan->at++;
    return true;
}

static bool scan_digits(struct scan *scan)
{
    if (!is_digit(peek(scan)))
        return malformed(scan, scan->at, "a number without a digit");
    while (is_digit(peek(scan)))
        scan->at++;
    return true;
}

/* A double must hold it: not infinite, and zero only if it was written as one. */
static bool check_real(struct scan *scan, struct str number)
{
    char text[NUMBER_BYTES_MAX + 1];
    size_t mantissa_len = str_index(number, 'e');
    bool written_as_zero = true;
    double value;

    if (mantissa_len == number.len)
        mantissa_len = str_index(number, 'E');
    for (size_t i = 0; i < mantissa_len; i++)
        written_as_zero = written_as_zero && !(number.data[i] >= '1' && number.data[i] <= '9');

    memcpy(text, number.data, number.len);
    text[number.len] = '\0';
    value = strtod(text, NULL);
    if (isinf(value))
        return over_limit(scan, number.data, "a number too large");
    if (value == 0.0 && !written_as_zero)
        return over_limit(scan, number.data, "a number too small");
    return true;
}

static bool scan_number(struct scan *scan)
{
    const char *first = scan->at;
    bool real = false;
    struct str number;
    int64_t integer;

    if (*scan->at == '-')
        scan->at++;
    if (peek(scan) == '0')
        scan->at++;
    else if (!scan_digits(scan))
        return false;
    if (peek(scan) == '.') {
        real = true;
        scan->at++;
        if (!scan_digits(scan))
            return false;
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        real = true;
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (!scan_digits(scan))
            return false;
    }

    number = str_from(first, (size_t)(scan->at - first));
    if (number.len > NUMBER_BYTES_MAX)
        return over_limit(scan, first, "a number too long");
    if (real)
        return check_real(scan, number);
    if (!str_to_i64(number, &integer) && !str_equal(number, STR("-0")))
        return over_limit(scan, first, "an integer beyond 64 bits");
    return true;
}

static bool scan_word(struct scan *scan, struct str word)
{
    struct str rest = str_from(scan->at, (size_t)(scan->end - scan->at));

    if (!str_starts_with(rest, word))
        return malformed(scan, scan->at, "an unknown word");
    scan->at += word.len;
    return true;
}

static bool in_object(const struct scan *scan)
{
    return (scan->objects >> (scan->depth - 1) & 1U) != 0;
}

/* Takes the bracket and remembers which one must close it. */
static bool enter(struct scan *scan, bool object)
{
    uint64_t bit;

    if (scan->depth >= scan->limits.depth_max)
        return over_limit(scan, scan->at, "nesting too deep");
    bit = UINT64_C(1) << scan->depth;
    scan->objects = object ? scan->objects | bit : scan->objects & ~bit;
    scan->depth++;
    scan->at++;
    return true;
}

/* One value, or the opening bracket of one. */
static bool scan_value(struct scan *scan)
{
    if (++scan->values > scan->limits.values_max)
        return over_limit(scan, scan->at, "too many values");
    switch (peek(scan)) {
    case '{':
        return enter(scan, true);
    case '[':
        return enter(scan, false);
    case '"':
        return scan_string(scan);
    case 't':
        return scan_word(scan, STR("true"));
    case 'f':
        return scan_word(scan, STR("false"));
    case 'n':
        return scan_word(scan, STR("null"));
    case -1:
        return malformed(scan, scan->at, "the end of the text instead of a value");
    default:
        if (peek(scan) != '-' && !is_digit(peek(scan)))
            return malformed(scan, scan->at, "no value");
        return scan_number(scan);
    }
}

static bool scan_key(struct scan *scan)
{
    skip_blanks(scan);
    if (peek(scan) != '"')
        return malformed(scan, scan->at, "no key in quotes");
    if (!scan_string(scan))
        return false;
    skip_blanks(scan);
    if (peek(scan) != ':')
        return malformed(scan, scan->at, "no colon behind a key");
    scan->at++;
    return true;
}

/* True where a bracket just opened is closed at once. */
static bool close_empty(struct scan *scan)
{
    skip_blanks(scan);
    if (peek(scan) != (in_object(scan) ? '}' : ']'))
        return false;
    scan->at++;
    scan->depth--;
    return true;
}

/* Behind a value: closes what closes, up to a comma or the end of the outermost value. */
static bool scan_behind_value(struct scan *scan)
{
    while (scan->depth > 0) {
        skip_blanks(scan);
        if (peek(scan) == ',') {
            scan->at++;
            return true;
        }
        if (peek(scan) != (in_object(scan) ? '}' : ']'))
            return malformed(scan, scan->at, "neither comma nor closing bracket");
        scan->at++;
        scan->depth--;
    }
    return true;
}

/* Each round takes one value, or one opening bracket. */
static bool scan_text(struct scan *scan)
{
    do {
        unsigned depth = scan->depth;

        if (depth > 0 && in_object(scan) && !scan_key(scan))
            return false;
        skip_blanks(scan);
        if (!scan_value(scan))
            return false;
        if (scan->depth > depth && !close_empty(scan))
            continue;
        if (!scan_behind_value(scan))
            return false;
    } while (scan->depth > 0);
    return true;
}

bool json_check(struct str text, struct json_limits limits, struct error *err)
{
    struct scan scan = {.begin = text.data, .at = text.data, .limits = limits, .err = err};

    assert(limits.depth_max > 0 && limits.depth_max <= DEPTH_CEILING);
    assert(limits.values_max > 0);

    if (text.len == 0)
        return error_set(err, ERROR_REFUSED, "malformed-json",
                         "an empty text is not JSON: nothing at byte 0");
    scan.end = text.data + text.len;
    if (str_starts_with(text, STR("\xEF\xBB\xBF")))
        return malformed(&scan, scan.at, "a byte order mark");
    if (!scan_text(&scan))
        return false;
    skip_blanks(&scan);
    if (scan.at < scan.end)
        return malformed(&scan, scan.at, "more text behind the value");
    return true;
}
