/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 of RFC 4648, with padding.
 *
 * Threads: any; no state.
 */
#ifndef DAYBOOK_BASE_BASE64_H
#define DAYBOOK_BASE_BASE64_H
#include "base/str.h"

struct buf;

void base64_write(struct buf *out, struct str bytes);

#endif
