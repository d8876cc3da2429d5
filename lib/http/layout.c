/* SPDX-License-Identifier: Apache-2.0 */
#include "http/layout.h"

#include <microhttpd.h>

enum { CRLF_LEN = 2 };

bool http_layout_is_known(void)
{
    return strcmp(MHD_get_version(), "0.9.75") == 0;
}

/* A CRLF that was overwritten. */
static bool is_line_end(const char *at)
{
    return at[0] == '\0' && at[1] == '\0';
}

static bool is_blank(const char *from, const char *to)
{
    for (; from < to; from++) {
        if (*from != ' ' && *from != '\t')
            return false;
    }
    return from == to;
}

/* NULL: not plain; else where the next line begins. */
static const char *field_end(const struct http_field *field, const char *line)
{
    const char *end = field->value.data + field->value.len;

    if (field->name.data != line || !is_blank(line + field->name.len + 1, field->value.data))
        return NULL;
    return is_line_end(end) ? end + CRLF_LEN : NULL;
}

bool http_layout_is_plain(const struct http_layout *layout)
{
    const char *line = layout->version + strlen(layout->version);

    if (layout->target != layout->method + strlen(layout->method) + 1 ||
        layout->version != layout->target + layout->target_len + 1 || !is_line_end(line))
        return false;
    line += CRLF_LEN;

    for (size_t i = 0; i < layout->fields_count; i++) {
        line = field_end(&layout->fields[i], line);
        if (line == NULL)
            return false;
    }
    return line + CRLF_LEN == layout->method + layout->bytes;
}
