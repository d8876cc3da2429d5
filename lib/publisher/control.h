/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What any process can see of the publisher, and ask of it, through the database: the leader may be
 * another process.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PUBLISHER_CONTROL_H
#define DAYBOOK_PUBLISHER_CONTROL_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/units.h"

struct arena;
struct pg_conn;

/*
 * Why it stopped, and what may be accepted:
 *
 *   log-behind           the log ends before the cursor (stale standby, restore)      new-log
 *   log-differs          the log has another event at the cursor's position           new-log
 *   cursor-lost          Kafka has no cursor, the database's copy says it had one     loss
 *   cursor-behind        Kafka's cursor is behind the database's copy                 loss
 *   topic-lost           a topic is missing, was made anew, or lost its end           loss
 *   topic-changed        a topic's number of partitions changed                       loss
 *   topic-settings       a topic's settings would lose or refuse events
 *   topic-foreign        a topic holds records of another log                         new-log
 *   hanging-transaction  somebody's transaction in our topics does not end
 *
 * "retry" is always accepted: look again, the cause was removed by hand.
 */
enum accept_kind {
    ACCEPT_RETRY,
    ACCEPT_NEW_LOG, /* the log went back: new UUID and prefix, published from 1, rebuilt by readers
                     */
    ACCEPT_LOSS,    /* Kafka lost something: go on behind a position; readers fill from the log */
};

struct publisher_view {
    struct str state; /* publisher_state_name() of the leader */
    struct str reason;
    struct str detail;
    struct str holder;
    bool leader_alive; /* the lease has not expired */
    int64_t epoch;
    int64_t since_us;
    int64_t updated_us;
    bool paused;
    struct position position; /* of the database's copy of the cursor */
    struct position head;
    int64_t lag_ms; /* age of the first event not in Kafka; 0: none */
};

/* Strings live in ARENA. */
MUST_CHECK bool publisher_view_load(struct pg_conn *conn, struct arena *arena,
                                    struct publisher_view *ret, struct error *err);

/* Asked for, carried out by the leader between two transactions. BY: who, for the record. */
MUST_CHECK bool publisher_pause(struct pg_conn *conn, struct str by, struct error *err);
MUST_CHECK bool publisher_resume(struct pg_conn *conn, struct str by, struct error *err);

struct accept_request {
    enum accept_kind kind;
    struct str prefix;        /* NEW_LOG: of the new topics */
    struct position position; /* LOSS: the last position that readers get from the log */
    struct str by;
};

bool accept_kind_parse(struct str name, enum accept_kind *ret); /* "retry", "new-log", "loss" */

/*
 * Validates against the present stop; the leader carries it out. ERROR_REFUSED with code
 * "publisher-state" (409) when it is not stopped or its reason allows no such thing;
 * "validation-failed" (422) for a bad prefix or a position beyond the log's head.
 */
MUST_CHECK bool publisher_accept(struct pg_conn *conn, const struct accept_request *request,
                                 struct error *err);

#endif
