/* SPDX-License-Identifier: Apache-2.0 */
#include "api/base64url.h"

#include "base/arena.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t base64url_write(char *out, const unsigned char *in, size_t len)
{
    char *at = out;

    for (; len >= 3; len -= 3, in += 3) {
        uint32_t bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];

        *at++ = alphabet[bits >> 18];
        *at++ = alphabet[bits >> 12 & 63];
        *at++ = alphabet[bits >> 6 & 63];
        *at++ = alphabet[bits & 63];
    }
    if (len > 0) {
        uint32_t bits = (uint32_t)in[0] << 8 | (len > 1 ? in[1] : 0);

        *at++ = alphabet[bits >> 10];
        *at++ = alphabet[bits >> 4 & 63];
        if (len > 1)
            *at++ = alphabet[bits << 2 & 63];
    }
    return (size_t)(at - out);
}

struct str base64url_encode(struct arena *arena, const unsigned char *in, size_t len)
{
    char *out = arena_alloc(arena, BASE64URL_LEN(len) + 1);

    return str_from(out, base64url_write(out, in, len));
}

bool base64url_decode(struct str text, unsigned char *out, size_t max, size_t *ret_len)
{
    uint32_t bits = 0;
    int held = 0;

    *ret_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.data[i] != '\0' ? strchr(alphabet, text.data[i]) : NULL;

        if (at == NULL || *ret_len == max)
            return false;
        bits = bits << 6 | (uint32_t)(at - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*ret_len)++] = (unsigned char)(bits >> held);
        }
    }
    return true;
}
