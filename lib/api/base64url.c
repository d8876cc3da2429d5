/* SPDX-License-Identifier: Apache-2.0 */
#include "api/base64url.h"

#include "base/arena.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct str base64url_encode(struct arena *arena, const unsigned char *in, size_t len)
{
    char *out = arena_alloc(arena, len * 4 / 3 + 4);
    size_t out_len = 0;
    uint32_t bits = 0;
    int held = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | in[i];
        for (held += 8; held >= 6; held -= 6)
            out[out_len++] = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        out[out_len++] = alphabet[bits << (6 - held) & 63];
    return str_from(out, out_len);
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
