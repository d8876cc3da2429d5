/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cursor.h"

#include "api/base64url.h"
#include "base/arena.h"
#include "base/name.h"

#include <string.h>

enum { HEAD_BYTES = 8 + 1 + 8, CURSOR_BYTES_MAX = HEAD_BYTES + NAME_STREAM_MAX };

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

struct str cursor_encode(struct arena *arena, uint64_t list, const struct row_key *key)
{
    unsigned char bytes[CURSOR_BYTES_MAX];

    put_be64(bytes, list);
    bytes[8] = key->value.null;
    put_be64(bytes + 9, key->value.null ? 0 : (uint64_t)key->value.i64);
    memcpy(bytes + HEAD_BYTES, key->stream.data, key->stream.len);
    return base64url_encode(arena, bytes, HEAD_BYTES + key->stream.len);
}

bool cursor_decode(struct arena *arena, struct str text, uint64_t list, struct row_key *ret_key)
{
    unsigned char bytes[CURSOR_BYTES_MAX + 1];
    size_t len;

    if (!base64url_decode(text, bytes, CURSOR_BYTES_MAX, &len) || len <= HEAD_BYTES ||
        get_be64(bytes) != list || bytes[8] > 1)
        return false;
    *ret_key = (struct row_key){
        .value = {.null = bytes[8] == 1, .i64 = (int64_t)get_be64(bytes + 9)},
        .stream = arena_dup(arena, str_from((const char *)bytes + HEAD_BYTES, len - HEAD_BYTES))};
    return name_is_stream(ret_key->stream);
}
