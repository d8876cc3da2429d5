/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a generation of a projection is in every partition, at one moment.
 *
 * Threads: one owner.
 */
#ifndef DAYBOOK_VERIFY_CUT_H
#define DAYBOOK_VERIFY_CUT_H
#include "base/error.h"
#include "base/scope.h"
#include "eventlog/event.h"
#include "verify/verify_internal.h"

struct table;

struct cut {
    const struct cursor *cursor;
    struct position **at; /* by topic, as in the cursor, and partition; 0 without a checkpoint */
};

/* All at 0. CURSOR must live as long. */
void cut_init(struct cut *cut, const struct cursor *cursor);
void cut_release(struct cut *cut);

/* As the checkpoints are now; CUT is initialised. */
MUST_CHECK bool cut_load(struct verifier *v, const struct table *table, struct cut *cut,
                         struct error *err);

/* The place of an event's partition; NULL: its category has no topic yet. */
struct position *cut_of(const struct cut *cut, const struct verifier *v, struct str tenant,
                        struct str stream);

/* The range (AFTER, UP_TO] of positions in which the partitions that are further in TO than in FROM
 * differ; empty when none is. */
void cut_difference(const struct cut *from, const struct cut *to, struct position *ret_after,
                    struct position *ret_up_to);
void cut_copy(struct cut *to, const struct cut *from);

#endif
