/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two small projections for tests, over streams item-<id>:
 *
 *   items   by stream: owner, n (sum), last_at, note (json)
 *   totals  roll-up by owner: events, n
 *
 * Added {"owner", "n"}, Removed {"owner"} (n and last_at become null), Noted {"note"} where the
 * fold takes any text for a note, Spoiled (refused by both folds unless items_tolerant is set).
 *
 * Threads: any; pure but for items_tolerant.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PROJECTION_ITEMS_H
#define DAYBOOK_TESTS_INTEGRATION_PROJECTION_ITEMS_H
#include <stdatomic.h>

#include "projection/fold.h"

extern const struct projection items_projection;
extern const struct projection totals_projection;
extern const struct projection *const items_projections[]; /* both, ends with NULL */

extern atomic_bool items_tolerant; /* a fixed program: Spoiled changes nothing */

#endif
