/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a projection's live table is (Daybook-Read-Position, Daybook-Read-Lag-Ms).
 *
 * Ask before the rows, and have them read from the same generation (live_table_note): they are then
 * at least as new as what was told.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_POSITION_H
#define DAYBOOK_PROJECTION_POSITION_H
#include <stdint.h>

#include "base/error.h"
#include "base/units.h"
#include "projection/fold.h"

struct pg_conn;

struct read_position {
    /* Every event of the projection's categories at or below it is in the table. The published
     * cursor's position where every partition has reached its entry, else the lowest position of
     * those that have not. */
    struct position position;
    struct position head; /* of the log, same snapshot */
    int generation;       /* whose position it is: the live one; 0: none fits this program */
    int64_t lag_ms;       /* age of the first event behind position; 0: none is */
};

MUST_CHECK bool read_position_load(struct pg_conn *conn, const struct projection *projection,
                                   struct read_position *ret, struct error *err);

#endif
