/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cursor.h"

#include "base/arena.h"
#include "base/name.h"

#include <string.h>

enum { HEAD_BYTES = 8 + 1 + 8, CURSOR_BYTES_MAX = HEAD_BYTES + NAME_STREAM_MAX };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void put_be64(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> (56 - 8 * i));
}

static uint64_t get_be64(const unsigned char *in)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | in[i];
    return value;
}

static struct str encode_base64url(struct arena *arena, const unsigned char *in, size_t len)
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

static bool decode_base64url(struct str text, unsigned char *out, size_t max, size_t *ret_len)
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

struct str cursor_encode(struct arena *arena, uint64_t list, const struct row_key *key)
{
    unsigned char bytes[CURSOR_BYTES_MAX];

    put_be64(bytes, list);
    bytes[8] = key->value.null;
    put_be64(bytes + 9, key->value.null ? 0 : (uint64_t)key->value.i64);
    memcpy(bytes + HEAD_BYTES, key->stream.data, key->stream.len);
    return encode_base64url(arena, bytes, HEAD_BYTES + key->stream.len);
}

bool cursor_decode(struct arena *arena, struct str text, uint64_t list, struct row_key *ret_key)
{
    unsigned char bytes[CURSOR_BYTES_MAX + 1];
    size_t len;

    if (!decode_base64url(text, bytes, CURSOR_BYTES_MAX, &len) || len <= HEAD_BYTES ||
        get_be64(bytes) != list || bytes[8] > 1)
        return false;
    *ret_key = (struct row_key){
        .value = {.null = bytes[8] == 1, .i64 = (int64_t)get_be64(bytes + 9)},
        .stream = arena_dup(arena, str_from((const char *)bytes + HEAD_BYTES, len - HEAD_BYTES))};
    return name_is_stream(ret_key->stream);
}
