/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The findings of a verification that runs as a job, in the database.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_VERIFY_FINDINGS_H
#define DAYBOOK_VERIFY_FINDINGS_H
#include <stddef.h>

#include "base/error.h"
#include "verify/finding.h"

struct arena;
struct pg_conn;

enum { FINDINGS_KEPT = 1000 };

MUST_CHECK bool findings_clear(struct pg_conn *conn, int64_t job, struct error *err);
/* NUMBER: from 1. */
MUST_CHECK bool findings_add(struct pg_conn *conn, int64_t job, int64_t number,
                             const struct finding *finding, struct error *err);

struct stored_finding {
    int64_t number;
    struct finding finding;
};
/* Those after number AFTER. Strings live in ARENA. */
MUST_CHECK bool findings_load(struct pg_conn *conn, int64_t job, int64_t after, size_t limit,
                              struct arena *arena, struct stored_finding **ret, size_t *ret_count,
                              struct error *err);

#endif
