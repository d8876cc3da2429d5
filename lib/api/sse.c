/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sse.h"

#include "base/buf.h"

#include <inttypes.h>

/* The line's length; *ret_skip: with what ends it, "\n", "\r" or "\r\n", any of which a client
 * takes for the end of a line. */
static size_t line_len(struct str text, size_t *ret_skip)
{
    size_t len = 0;

    while (len < text.len && text.data[len] != '\n' && text.data[len] != '\r')
        len++;
    *ret_skip = len;
    if (len < text.len)
        *ret_skip +=
            text.data[len] == '\r' && len + 1 < text.len && text.data[len + 1] == '\n' ? 2 : 1;
    return len;
}

void sse_write_event(struct buf *out, struct str type, struct str data)
{
    buf_add_cstr(out, "event: ");
    buf_add_str(out, type);
    do {
        size_t skip;
        size_t len = line_len(data, &skip);

        buf_add_cstr(out, "\ndata: ");
        buf_add(out, data.data, len);
        data = str_from(data.data + skip, data.len - skip);
    } while (data.len > 0);
    buf_add_cstr(out, "\n\n");
}

void sse_write_id(struct buf *out, int64_t id)
{
    buf_printf(out, "id: %" PRId64 "\n", id);
}

void sse_write_comment(struct buf *out, const char *text)
{
    buf_printf(out, ": %s\n\n", text);
}

void sse_write_retry(struct buf *out, int64_t reconnect_ms)
{
    buf_printf(out, "retry: %" PRId64 "\n\n", reconnect_ms);
}
