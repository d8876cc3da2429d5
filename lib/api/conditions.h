/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a write's headers demand: If-Match, If-None-Match, Idempotency-Key.
 *
 * Threads: the call's owner.
 */
#ifndef DAYBOOK_API_CONDITIONS_H
#define DAYBOOK_API_CONDITIONS_H
#include "api/call.h"
#include "eventlog/write.h"

/*
 * A condition that a write does not take must not be passed over: the client believes that what it
 * writes is guarded. Answers 400 with what the call's route has instead, and returns false.
 */
bool conditions_fit(struct call *call);
/* Each answers 400 and returns false when its header is malformed. */
bool conditions_expectation(struct call *call, struct expectation *ret);
bool conditions_idempotency(struct call *call, struct write *write);

/* What may be an Idempotency-Key, without quotes. */
bool conditions_is_key(struct str text);
/* The texts alone: an ETag of ours ("7"), a key bare or quoted. KEY borrows. */
bool conditions_parse_etag(struct str text, struct version *ret);
bool conditions_parse_key(struct str header, struct str *ret_key);
/* What a request is known by: not a secret, so a fast hash; 128 bits do not collide by accident. */
struct str conditions_hash(struct arena *arena, const struct str *parts, size_t count);

#endif
