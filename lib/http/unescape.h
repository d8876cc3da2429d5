/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percent-decoding (RFC 3986, 2.1).
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_HTTP_UNESCAPE_H
#define DAYBOOK_HTTP_UNESCAPE_H
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Decodes RAW into OUT, which has room for RAW.len bytes. False: a '%' without two hexadecimal
 * digits, or a NUL. */
bool http_unescape_into(struct str raw, bool plus_is_space, char *out, size_t *ret_len);

#endif
