/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a stated maximum. Passing the maximum makes it fail: `failed` stays
 * set, further appends do nothing, and the one who consumes the buffer checks once at the end.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_BASE_BUF_H
#define DAYBOOK_BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max;  /* bytes, never exceeded */
    bool failed; /* something did not fit */
};

#define BUF_INIT(max_bytes) \
    { \
        .max = (max_bytes) \
    }

void buf_init(struct buf *buf, size_t max_bytes);
void buf_release(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */

/* Room for BYTES more at the end, or NULL when it does not fit; buf_commit() takes what was used.
 */
char *buf_reserve(struct buf *buf, size_t bytes);
void buf_commit(struct buf *buf, size_t bytes);

void buf_add_growing(struct buf *buf, const void *data, size_t len);

/* In the header, as the writers of JSON add a few bytes at a time. */
static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
    if (len == 0 || buf->failed || len > buf->capacity - buf->len) {
        buf_add_growing(buf, data, len);
        return;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

static inline void buf_add_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.data, s.len);
}

static inline void buf_add_cstr(struct buf *buf, const char *s)
{
    buf_add(buf, s, strlen(s));
}

static inline void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_add_i64(struct buf *buf, int64_t value);
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Big endian, as PostgreSQL's binary format wants it. */
void buf_add_be16(struct buf *buf, uint16_t value);
void buf_add_be32(struct buf *buf, uint32_t value);
void buf_add_be64(struct buf *buf, uint64_t value);

static inline struct str buf_str(const struct buf *buf)
{
    return str_from(buf->data, buf->len);
}

#endif
