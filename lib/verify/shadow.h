/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of a projection that was brought as a file, made once more from the log by the same
 * statements: a temporary one of the verifier's connection.
 *
 * Threads: the verifier's.
 */
#ifndef DAYBOOK_VERIFY_SHADOW_H
#define DAYBOOK_VERIFY_SHADOW_H
#include "base/scope.h"
#include "verify/applied.h"

struct shadow;

extern const char shadow_table[]; /* its name */

MUST_CHECK bool shadow_new(struct verifier *v, const struct table *table, struct shadow **ret,
                           struct error *err);
void shadow_free(struct shadow *shadow);
SCOPED_DEFINE(struct shadow *, shadow_free);

/* What is applied now; in a transaction with one snapshot. */
MUST_CHECK bool shadow_look(struct shadow *shadow, struct error *err);

/* Brings the table to what was seen last. An event that the statements refuse is told as lost. */
MUST_CHECK bool shadow_follow(struct shadow *shadow, struct error *err);

#endif
