/* SPDX-License-Identifier: Apache-2.0 */
#include "api/token.h"

#include "api/base64url.h"
#include "base/arena.h"

#include <assert.h>
#include <xxhash.h>

enum {
    VERSION_1 = '1',
    LOG_BYTES = 16,
    NUMBER_BYTES_MAX = 10,
    CHECK_BYTES = 2, /* a token cut or mistyped is told from one of a write that nobody made */
    TOKEN_BYTES_MAX = LOG_BYTES + 2 * NUMBER_BYTES_MAX + CHECK_BYTES,
};

static size_t put_number(unsigned char *out, uint64_t value)
{
    size_t len = 0;

    for (; value > 0x7f; value >>= 7)
        out[len++] = (unsigned char)(value | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

/* Seven bits a byte, the lowest first; only the shortest form. False: it is none. */
static bool get_number(const unsigned char **at, const unsigned char *end, int64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; *at < end && shift < 63; shift += 7) {
        unsigned char byte = *(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        *ret = (int64_t)value;
        return byte != 0 || shift == 0;
    }
    return false;
}

static void put_check(unsigned char *bytes, size_t len)
{
    XXH64_hash_t hash = XXH64(bytes, len, VERSION_1);

    bytes[len] = (unsigned char)(hash >> 8);
    bytes[len + 1] = (unsigned char)hash;
}

static bool check_fits(const unsigned char *bytes, size_t len)
{
    XXH64_hash_t hash = XXH64(bytes, len, VERSION_1);

    return bytes[len] == (unsigned char)(hash >> 8) && bytes[len + 1] == (unsigned char)hash;
}

struct str token_format(struct arena *arena, const struct consistency_token *token)
{
    unsigned char bytes[TOKEN_BYTES_MAX];
    char *text = arena_alloc(arena, 1 + BASE64URL_LEN(TOKEN_BYTES_MAX));
    size_t len = LOG_BYTES;

    assert(token->first.n >= 0 && token->first.n <= token->last.n);

    memcpy(bytes, token->log.bytes, LOG_BYTES);
    len += put_number(bytes + len, (uint64_t)token->first.n);
    len += put_number(bytes + len, (uint64_t)(token->last.n - token->first.n));
    put_check(bytes, len);
    text[0] = VERSION_1;
    return str_from(text, 1 + base64url_write(text + 1, bytes, len + CHECK_BYTES));
}

const char *token_parse(struct str text, struct consistency_token *ret)
{
    unsigned char bytes[TOKEN_BYTES_MAX];
    const unsigned char *at = bytes + LOG_BYTES;
    int64_t span;
    size_t len;

    if (text.len == 0)
        return "it is empty";
    if (text.data[0] != VERSION_1)
        return "it has a version that is not known here";
    if (!base64url_decode(str_from(text.data + 1, text.len - 1), bytes, sizeof bytes, &len) ||
        len < LOG_BYTES + 2 + CHECK_BYTES || !check_fits(bytes, len - CHECK_BYTES))
        return "it is not as it was handed out";
    if (!get_number(&at, bytes + len - CHECK_BYTES, &ret->first.n) ||
        !get_number(&at, bytes + len - CHECK_BYTES, &span) || at != bytes + len - CHECK_BYTES ||
        span > INT64_MAX - ret->first.n)
        return "its positions are none";
    memcpy(ret->log.bytes, bytes, LOG_BYTES);
    ret->last.n = ret->first.n + span;
    return NULL;
}
