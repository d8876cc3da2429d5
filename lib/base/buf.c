/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { FIRST_BYTES = 256 };

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = (struct buf){.max = max_bytes};
}

void buf_release(struct buf *buf)
{
    mem_free(buf->data);
    buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

/* At least NEED bytes, by doubling, never above the maximum. */
static void grow(struct buf *buf, size_t need)
{
    size_t capacity = buf->capacity > 0 ? buf->capacity : FIRST_BYTES;

    assert(need <= buf->max);

    while (capacity < need)
        capacity = capacity > buf->max / 2 ? buf->max : capacity * 2;
    if (capacity > buf->max)
        capacity = buf->max;
    /* One byte beyond, for the NUL that vsnprintf writes behind the last character. */
    buf->data = mem_realloc(buf->data, capacity + 1);
    buf->capacity = capacity;
}

char *buf_reserve(struct buf *buf, size_t bytes)
{
    assert(buf->len <= buf->max);

    if (buf->failed)
        return NULL;
    if (bytes > buf->max - buf->len) {
        buf->failed = true;
        return NULL;
    }
    if (buf->data == NULL || buf->len + bytes > buf->capacity)
        grow(buf, buf->len + bytes);
    return buf->data + buf->len;
}

void buf_commit(struct buf *buf, size_t bytes)
{
    assert(bytes <= buf->capacity - buf->len);

    buf->len += bytes;
}

void buf_add_growing(struct buf *buf, const void *data, size_t len)
{
    char *room = len > 0 ? buf_reserve(buf, len) : NULL;

    if (room == NULL)
        return;
    memcpy(room, data, len);
    buf->len += len;
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_add_char(buf, '-');
    /* Negated as unsigned: INT64_MIN has no positive counterpart. */
    buf_add_u64(buf, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_add(buf, digits + at, sizeof(digits) - at);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_list again;
    char *room = buf_reserve(buf, 0);
    int len;

    if (room == NULL)
        return;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(room, buf->capacity - buf->len + 1, fmt, args);
    va_end(args);
    if (len < 0)
        buf->failed = true;
    else if ((size_t)len > buf->capacity - buf->len) {
        room = buf_reserve(buf, (size_t)len);
        if (room != NULL)
            vsnprintf(room, (size_t)len + 1, fmt, again);
    }
    va_end(again);

    if (!buf->failed)
        buf->len += (size_t)len;
}

static void add_be(struct buf *buf, uint64_t value, size_t bytes)
{
    unsigned char out[8];

    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
    buf_add(buf, out, bytes);
}

void buf_add_be16(struct buf *buf, uint16_t value)
{
    add_be(buf, value, 2);
}

void buf_add_be32(struct buf *buf, uint32_t value)
{
    add_be(buf, value, 4);
}

void buf_add_be64(struct buf *buf, uint64_t value)
{
    add_be(buf, value, 8);
}
