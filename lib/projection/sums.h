/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch adds to a roll-up's rows: summed in memory by key, written in key order, so that
 * two batches that touch the same rows take their locks in the same order.
 *
 * Threads: owner only. Everything lives in the arena given.
 */
#ifndef DAYBOOK_PROJECTION_SUMS_H
#define DAYBOOK_PROJECTION_SUMS_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "projection/fold.h"

struct arena;
struct pg_params;
struct sums;

struct sums *sums_new(const struct projection *projection, struct arena *arena);

enum sums_add {
    SUMS_ADDED,
    SUMS_FULL,   /* a sum would pass 64 bits: write what is there first; nothing was added */
    SUMS_POISON, /* *err */
};
enum sums_add sums_add(struct sums *sums, const struct event *event, struct error *err);

/* Keys touched, those included whose sums are zero: the table must not depend on what was batched
 * together. */
size_t sums_count(const struct sums *sums);
/* Parameters of table->upsert, in key order. */
void sums_upsert_params(struct sums *sums, struct pg_params *params);

#endif
