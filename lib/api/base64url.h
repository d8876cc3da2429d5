/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as text that needs no escaping in a URL or header (RFC 4648 section 5, without padding).
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_BASE64URL_H
#define DAYBOOK_API_BASE64URL_H
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

struct str base64url_encode(struct arena *arena, const unsigned char *in, size_t len);

/* Room for LEN bytes as text. */
#define BASE64URL_LEN(len) (((len)*4 + 2) / 3)
size_t base64url_write(char *out, const unsigned char *in, size_t len); /* returns its length */

/* At most MAX bytes into OUT; false for other characters or more bytes. */
bool base64url_decode(struct str text, unsigned char *out, size_t max, size_t *ret_len);

#endif
