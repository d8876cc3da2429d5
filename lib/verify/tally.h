/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a roll-up's rows must hold: the sums of what the events up to a cut carry, for a part of the
 * keys, so that memory stays bounded whatever their number.
 *
 * Threads: one owner.
 */
#ifndef DAYBOOK_VERIFY_TALLY_H
#define DAYBOOK_VERIFY_TALLY_H
#include "base/scope.h"
#include "projection/fold.h"
#include "verify/cut.h"

enum { TALLY_KEYS_MAX = 4, TALLY_SUMS_MAX = 8 };

struct tally_entry;
struct tally;

/* For the keys whose hash modulo PARTS is PART. */
struct tally *tally_new(struct verifier *v, const struct table *table, uint64_t part,
                        uint64_t parts);
void tally_free(struct tally *tally);
SCOPED_DEFINE(struct tally *, tally_free);

/* Events between the last target and this one count from now on: hand in, in order, those that
 * tally_range() tells. */
void tally_target(struct tally *tally, const struct cut *target);
void tally_range(const struct tally *tally, struct position *ret_after, struct position *ret_up_to);
MUST_CHECK bool tally_add(struct tally *tally, const struct event *event, struct error *err);
/* They are all in: the tally is at its target. */
void tally_reached(struct tally *tally);

/*
 * What is not applied on purpose, as of the target: parked events and those left out. First
 * tally_hold_none(), then each of them; those beyond the target do not count.
 */
void tally_hold_none(struct tally *tally);
void tally_hold(struct tally *tally, const struct event *event);

/* A row of the table: what it must hold. */
enum tally_verdict {
    TALLY_EQUAL,
    TALLY_DIFFERS,  /* in the sum of column *ret_column (of the declaration): must be *ret_sum */
    TALLY_UNKNOWN,  /* no event speaks of such a key */
    TALLY_OF_OTHERS /* the key belongs to another part */
};
enum tally_verdict tally_compare(struct tally *tally, const struct row *row, size_t *ret_column,
                                 char ret_sum[64]);

/* Keys that were there at the first target and that no row was compared with. */
typedef void (*tally_visit_fn)(void *arg, struct str tenant, struct str keys);
void tally_unseen(const struct tally *tally, tally_visit_fn visit, void *arg);

/* A row's keys as people see them; lives in ARENA. */
struct str tally_key_text(const struct projection *projection, const struct row *row,
                          struct arena *arena);

#endif
