/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views of bytes with a length. A view borrows: whoever hands one out says until when it lives.
 * Never NUL-terminated by promise; print with "%.*s" by STR_FMT and STR_ARG.
 *
 * Threads: any; values.
 */
#ifndef DAYBOOK_BASE_STR_H
#define DAYBOOK_BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *data;
    size_t len; /* bytes */
};

/* Of a string literal. */
#define STR(literal) \
    (struct str) \
    { \
        .data = ("" literal), .len = sizeof(literal) - 1 \
    }
#define STR_INIT(literal) \
    { \
        .data = ("" literal), .len = sizeof(literal) - 1 \
    }
#define STR_NONE ((struct str){0})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).data ? (s).data : ""

static inline struct str str_of(const char *cstr)
{
    return (struct str){.data = cstr, .len = cstr ? strlen(cstr) : 0};
}

static inline struct str str_from(const char *data, size_t len)
{
    return (struct str){.data = data, .len = len};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* memcmp order, shorter first when one begins the other; as PostgreSQL's COLLATE "C". */
int str_compare(struct str a, struct str b);

bool str_starts_with(struct str s, struct str prefix);
bool str_equal_ignore_case(struct str a, struct str b); /* ASCII only */

/* Offset of the first C in S, or S.len. */
size_t str_index(struct str s, char c);

/* Drops blanks and tabs at both ends. */
struct str str_trim(struct str s);

/* The part before the first SEP; *rest becomes what is behind it (empty when there was none). */
struct str str_split(struct str s, char sep, struct str *rest);

/* A whole decimal number without sign, blanks or leading zeros (0 itself is one), at most MAX. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *ret_value);

/* The same with an optional minus sign, but no "-0". */
bool str_to_i64(struct str s, int64_t *ret_value);

/* Of a hexadecimal digit in either case; -1: C is none. */
int str_hex_value(char c);

/* Well-formed UTF-8 without surrogates and overlong forms. *ret_bad (may be NULL): first bad byte.
 */
bool str_is_utf8(struct str s, size_t *ret_bad);

/* Bytes of the well-formed UTF-8 character S begins with, and its code point; 0: it begins with
 * none.
 */
size_t str_utf8_next(struct str s, uint32_t *ret_code_point);

/* FNV-1a, for hash tables of our own data; not for untrusted keys without a bound. */
uint64_t str_hash(struct str s);

/* Same time whatever differs (the longer one's length may show); for credentials. */
bool str_equal_constant_time(struct str a, struct str b);

#endif
