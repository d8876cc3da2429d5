/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls put aside until their read model holds a write (model_read.h).
 *
 * One thread looks after all of them: while there are any, it asks the database every 10 ms how far
 * the projections are, one statement for all, and gives back those whose write seems to be there.
 * It costs a waiting request its memory and nothing else. Their number is bounded.
 *
 * Threads: waits_add from any; the rest from main.
 */
#ifndef DAYBOOK_API_WAITS_H
#define DAYBOOK_API_WAITS_H
#include <stddef.h>

#include "base/error.h"
#include "postgres/pg.h"

struct call;
struct waits;

MUST_CHECK bool waits_start(const struct pg_config *postgres, size_t max, struct waits **ret_waits,
                            struct error *err);

/* Owns CALL, which has a model_read that awaits and whose deadline has not passed; answers 503 at
 * once when too many wait. */
void waits_add(struct waits *waits, struct call *call);

/* Whoever waits longer than WAIT_MS from now on is answered 503. */
void waits_hurry(struct waits *waits, int64_t wait_ms);

/* Answers 503 to all that wait or still come, and ends the thread. */
void waits_close(struct waits *waits);
void waits_free(struct waits *waits); /* closed; NULL is fine */

#endif
