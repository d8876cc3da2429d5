/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opaque keyset cursors of lists: where the last page ended, bound to the list they came from.
 *
 * The text is base64url of: a hash of route, filters and order (8 bytes), a byte that says whether
 * the ordering value is null, that value (8 bytes, big endian), the stream. It is no secret, and
 * what a client makes up is checked like any input.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_CURSOR_H
#define DAYBOOK_API_CURSOR_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "projection/select.h"

struct arena;

struct str cursor_encode(struct arena *arena, uint64_t list, const struct row_key *key);

/* False for what cursor_encode did not make for this list. */
bool cursor_decode(struct arena *arena, struct str text, uint64_t list, struct row_key *ret_key);

#endif
