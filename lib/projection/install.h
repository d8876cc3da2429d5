/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes what a projection needs before its first event: its row in `projections` and its table.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_INSTALL_H
#define DAYBOOK_PROJECTION_INSTALL_H
#include "base/error.h"
#include "eventlog/identity.h"
#include "projection/fold.h"

struct pg_conn;

/*
 * *ret_generation: the live one. A projection built from another log (an operator accepted that
 * the log went back) gets a new one. FATAL with code "declaration-changed" when the live table was
 * made from another declaration, FATAL as well when PostgreSQL refuses it. Any number of processes
 * may do it at once.
 */
MUST_CHECK bool projection_install(struct pg_conn *conn, const struct projection *projection,
                                   const struct log_identity *identity, int *ret_generation,
                                   struct error *err);

#endif
