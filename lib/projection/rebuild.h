/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking for what is done to generations, from any process. docs/rebuild.md has the states.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_REBUILD_H
#define DAYBOOK_PROJECTION_REBUILD_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "projection/fold.h"

struct pg_conn;

struct rebuild_request {
    const struct projection *projection;
    bool activate; /* as soon as it is ready */
    int64_t rate;  /* events a second at most; 0: as fast as it goes */
    struct str by; /* who asks */
};

struct rebuild_asked {
    int64_t job;
    int generation; /* that it works on */
};

/* A new generation and the job that fills it. REFUSED "projection-state" when one is built already,
 * or there is none to build beside. */
MUST_CHECK bool rebuild_request(struct pg_conn *conn, const struct rebuild_request *request,
                                struct rebuild_asked *ret, struct error *err);

/* A job that makes the ready generation (ROLLBACK: the old one) the live one. REFUSED
 * "projection-state" when there is none, or another such job is under way, or the old one is of
 * another definition than PROJECTION, so that this program could not feed it. */
MUST_CHECK bool activation_request(struct pg_conn *conn, const struct projection *projection,
                                   bool rollback, struct str by, struct rebuild_asked *ret,
                                   struct error *err);

/* Drops a ready, old or failed generation: its runners stop, its table goes. REFUSED
 * "projection-state" when it is another one's turn, "not-found" when there is no such. */
MUST_CHECK bool generation_drop(struct pg_conn *conn, const struct projection *projection,
                                int generation, struct str by, struct error *err);

/* Stops or starts the runners of all its generations, in every process. */
MUST_CHECK bool projection_set_paused(struct pg_conn *conn, const struct projection *projection,
                                      bool paused, struct str by, struct error *err);

#endif
