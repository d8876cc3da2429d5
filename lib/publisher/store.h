/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the leading publisher reads and writes in the database. Writes name the leader's epoch; one
 * that another leader has overtaken fails with ERROR_FENCED.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PUBLISHER_STORE_H
#define DAYBOOK_PUBLISHER_STORE_H
#include "base/error.h"
#include "eventlog/identity.h"
#include "publisher/core.h"

struct arena;
struct pg_conn;

/* FACTS borrows from RET_COPY and ARENA. RET_COPY: initialised or released. */
MUST_CHECK bool store_load(struct pg_conn *conn, struct arena *arena,
                           struct log_identity *ret_identity, struct cursor *ret_copy,
                           struct pub_facts *ret_facts, struct error *err);

/* The head, and the id of the event at POSITION (data NULL: there is none). */
MUST_CHECK bool store_check(struct pg_conn *conn, struct position position, struct arena *arena,
                            struct position *ret_head, struct str *ret_event_id, struct error *err);

struct store_copy {
    const struct cursor *cursor;
    bool force; /* also when it goes back */
    /* Read models were built by other partitions. What they hold of a key that moved would be
     * applied again by its new partition, so they are built anew: in the same transaction. */
    bool keys_moved;
};
MUST_CHECK bool store_save(struct pg_conn *conn, int64_t epoch, const struct store_copy *copy,
                           struct error *err);

MUST_CHECK bool store_report(struct pg_conn *conn, int64_t epoch, const char *holder,
                             const struct pub_view *view, struct error *err);

/* *ret_id 0: nothing was asked. Strings live in ARENA. */
MUST_CHECK bool store_next_request(struct pg_conn *conn, struct arena *arena, int64_t *ret_id,
                                   struct pub_request *ret_request, struct error *err);

struct store_done {
    int64_t request;
    const char *outcome;
    bool paused;
    bool clears_stop;
};
MUST_CHECK bool store_done(struct pg_conn *conn, int64_t epoch, const struct store_done *done,
                           struct error *err);

/* In one transaction: another identity, no copy of the cursor, DONE. */
MUST_CHECK bool store_new_log(struct pg_conn *conn, int64_t epoch, struct str prefix,
                              const struct store_done *done, struct error *err);

#endif
