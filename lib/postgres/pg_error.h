/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table that turns a SQLSTATE into an error's class.
 *
 * Threads: any; no state.
 */
#ifndef DAYBOOK_POSTGRES_PG_ERROR_H
#define DAYBOOK_POSTGRES_PG_ERROR_H
#include <stdbool.h>

#include "base/error.h"

struct pg_fault {
    const char *sqlstate;   /* five characters */
    const char *routine;    /* the server's source function, or NULL */
    const char *constraint; /* its name, or NULL */
};

struct pg_verdict {
    enum error_class class;
    const char *code;
    const char *hint; /* or NULL */
    bool closes;      /* the session is over, or of no use any more */
};

struct pg_verdict pg_classify(struct pg_fault fault);

/* The same for a session that did not come about: each cause may be mended without us. */
struct pg_verdict pg_classify_connect(const char *sqlstate);

/*
 * libpq keeps the SQLSTATE of a failed connection attempt to itself; its verbose message shows it
 * as "FATAL:  28P01: password ...". Writes the first one's, or "".
 */
void pg_sqlstate_of_message(const char *message, char ret_sqlstate[6]);

#endif
