/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consistency-Token: which write a client wants to see. Opaque to clients, so that it may change:
 * the first character is its version.
 *
 * It names the log and the positions of the write's first and last event. A write without events
 * names its stream's last position twice; 0 is a stream that does not exist.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_TOKEN_H
#define DAYBOOK_API_TOKEN_H
#include "base/str.h"
#include "base/units.h"
#include "base/uuid.h"

struct arena;

struct consistency_token {
    struct uuid log;
    struct position first;
    struct position last;
};

/* 0 <= first <= last. */
struct str token_format(struct arena *arena, const struct consistency_token *token);

/* NULL: *ret is what token_format() was given. Else why TEXT is no token, for its sender to read.
 */
const char *token_parse(struct str text, struct consistency_token *ret);

#endif
