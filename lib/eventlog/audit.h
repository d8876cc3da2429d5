/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asked for what: a row for every change an operator makes, in the transaction that makes it.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_EVENTLOG_AUDIT_H
#define DAYBOOK_EVENTLOG_AUDIT_H
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct arena;
struct pg_conn;

struct audit_entry {
    int64_t id;
    int64_t at_us;      /* wall */
    struct str actor;   /* a credential's name, or "local" */
    struct str action;  /* "dlq.redrive", ... */
    struct str subject; /* what it was done to */
    struct str reason;  /* "" : none */
    struct str detail;  /* JSON; data NULL: none */
};

/* `id` and `at_us` are the database's. All text must be UTF-8 without NUL. */
MUST_CHECK bool audit_add(struct pg_conn *conn, const struct audit_entry *entry, struct error *err);

/* Newest first, those with an id below BEFORE (0: from the newest); ACTION data NULL: any. */
MUST_CHECK bool audit_list(struct pg_conn *conn, struct str action, int64_t before, size_t limit,
                           struct arena *arena, struct audit_entry **ret, size_t *ret_count,
                           struct error *err);

#endif
