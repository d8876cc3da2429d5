/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which log a database holds: a UUID made once by `daybookd migrate`, a name and a topic prefix.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_EVENTLOG_IDENTITY_H
#define DAYBOOK_EVENTLOG_IDENTITY_H
#include "base/error.h"
#include "base/str.h"
#include "base/uuid.h"

struct pg_conn;

enum { LOG_NAME_MAX = 63, LOG_PREFIX_MAX = 100 };

struct log_identity {
    char id[UUID_TEXT_LEN + 1];
    char name[LOG_NAME_MAX + 1];
    char prefix[LOG_PREFIX_MAX + 1];
    char source[16 + UUID_TEXT_LEN + 1]; /* "/daybook/<id>": ce_source */
};

/* Makes it unless it is there; an existing one is left as it is. */
MUST_CHECK bool log_identity_create(struct pg_conn *conn, const char *name, const char *prefix,
                                    struct error *err);
MUST_CHECK bool log_identity_load(struct pg_conn *conn, struct log_identity *ret,
                                  struct error *err);

#endif
