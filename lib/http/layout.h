/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request's head was written plainly, told by how libmicrohttpd 0.9.75 left it in memory.
 *
 * That version takes a bare LF for a line's end, cuts texts at a NUL, joins folded lines (to the
 * field's name!) and skips blanks, and its parsed fields show none of it. But it parses in place,
 * overwriting separators with NUL, so a head that came as
 *
 *     METHOD SP TARGET SP VERSION CRLF *( NAME ":" OWS VALUE CRLF ) CRLF
 *
 * lies there without a gap, and any of the above leaves one. Other versions lay it out otherwise:
 * then the question is not asked.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_HTTP_LAYOUT_H
#define DAYBOOK_HTTP_LAYOUT_H
#include <stdbool.h>
#include <stddef.h>

#include "http/head.h"

struct http_layout {
    const char *method; /* where each text begins */
    const char *target;
    const char *version;
    size_t target_len; /* before it was decoded in place */
    const struct http_field *fields;
    size_t fields_count;
    size_t bytes; /* of the whole head */
};

bool http_layout_is_known(void);
bool http_layout_is_plain(const struct http_layout *layout);

#endif
