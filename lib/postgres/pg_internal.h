/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of lib/postgres share: the connection's struct, and the way from libpq's
 * non-blocking calls to answers with a deadline.
 *
 * A PGconn never blocks here: whoever waits does so in pg_wait(), for a socket, until a deadline.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_POSTGRES_PG_INTERNAL_H
#define DAYBOOK_POSTGRES_PG_INTERNAL_H
#include <libpq-fe.h>

#include "postgres/pg.h"

struct pg_statement;

enum pg_item_kind {
    PG_ITEM_DEALLOCATE, /* of a statement whose plan went stale */
    PG_ITEM_PREPARE,
    PG_ITEM_EXECUTE,
    PG_ITEM_SYNC,
};

/* Sent in a pipe and not answered yet. */
struct pg_item {
    enum pg_item_kind kind;
    struct pg_statement *statement; /* NULL: not a named one */
    const char *sql;
};

enum { PG_ITEMS_MAX = 4 * PG_PIPE_MAX };

struct pg_conn {
    struct pg_config config; /* strings are copies of our own */
    enum pg_profile profile;
    PGconn *pg; /* NULL: not connected */
    uint64_t connects;
    unsigned host_first;             /* index of the host that the next attempt begins with */
    struct pg_statement *statements; /* uthash by address of the text */
    unsigned statements_named;

    pg_waiting_fn waiting; /* NULL: none */
    void *waiting_arg;
    int64_t waiting_at_ms; /* when it is called next; stays from one wait to the next */

    bool scripting; /* a script is sent and not fully answered */
    bool piping;
    bool sync_due; /* sent something since the last sync */
    struct pg_item items[PG_ITEMS_MAX];
    size_t items_answered;
    size_t items_sent;
    struct error pipe_error; /* why the server skips up to the next sync; class NONE: it does not */
};

/* In pg_wire.c: waiting. */

/* When an answer that is asked for now must be here, by the monotonic clock. */
int64_t pg_answer_deadline(const struct pg_conn *conn);

/* Waits until the socket is ready for EVENTS (poll's); 0 when the deadline passed. Calls what
 * pg_on_wait() set meanwhile. */
short pg_wait(struct pg_conn *conn, short events, int64_t deadline_ms);

/* Writes all that libpq has buffered, and reads meanwhile: neither side waits for the other to
 * empty a full socket. A connection lost on the way is left for the reader to tell. */
MUST_CHECK bool pg_flush(struct pg_conn *conn, struct error *err);

/* The next result; NULL at the end of a statement's. Fails, and closes, when there is no answer. */
MUST_CHECK bool pg_read_result(struct pg_conn *conn, int64_t deadline_ms, PGresult **ret_result,
                               struct error *err);

/* In pg_dsn.c: the connection string. */

struct pg_dsn;

/* Fails with a text that repeats nothing of URL, for a password may be anywhere in a bad one. */
MUST_CHECK bool pg_dsn_parse(const char *url, struct pg_dsn **ret_dsn, struct error *err);
void pg_dsn_free(struct pg_dsn *dsn);
SCOPED_DEFINE(struct pg_dsn *, pg_dsn_free);
/* Sets KEYWORD unless the string sets it itself. */
void pg_dsn_preset(struct pg_dsn *dsn, const char *keyword, const char *value);
void pg_dsn_set(struct pg_dsn *dsn, const char *keyword, const char *value);
unsigned pg_dsn_hosts(const struct pg_dsn *dsn);
void pg_dsn_rotate(struct pg_dsn *dsn, unsigned first); /* the host of this index comes first */
const char *const *pg_dsn_keywords(const struct pg_dsn *dsn);
const char *const *pg_dsn_values(const struct pg_dsn *dsn);

/* In pg_session.c. */

/* Sets the profile's settings, by the deadline. */
MUST_CHECK bool pg_session_set_up(struct pg_conn *conn, int64_t deadline_ms, struct error *err);

/* In pg_statement.c: names of prepared statements. */

enum pg_statement_state {
    PG_STATEMENT_UNKNOWN,  /* to the server */
    PG_STATEMENT_PREPARED, /* or on its way to be */
    PG_STATEMENT_STALE,    /* known, but its result's columns changed: deallocate, then prepare */
};

struct pg_statement *pg_statement_get(struct pg_conn *conn, const char *sql);
const char *pg_statement_name(const struct pg_statement *statement);
enum pg_statement_state pg_statement_state(const struct pg_statement *statement);
void pg_statement_set(struct pg_statement *statement, enum pg_statement_state state);
void pg_statements_forget(struct pg_conn *conn); /* the connection is gone */

/* In pg_query.c, pg_pipe.c. */

/*
 * pg_script() by a deadline (0: the usual one for each answer). *ret_character (may be NULL): where
 * in SQL a failure is, from 1; 0 when the server does not say.
 */
MUST_CHECK bool pg_script_by(struct pg_conn *conn, const char *sql, int64_t deadline_ms,
                             size_t *ret_character, struct error *err);

/* pg_pipe_send() of a statement that is not prepared by name. */
MUST_CHECK bool pg_pipe_send_once(struct pg_conn *conn, const char *sql,
                                  const struct pg_params *params, struct error *err);

/* In pg_params.c, pg_rows.c: to and from libpq. */

struct pg_wire_params {
    int count;
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
};

/* WIRE borrows from PARAMS (may be NULL: none). Fails when they did not fit. */
MUST_CHECK bool pg_params_wire(const struct pg_params *params, struct pg_wire_params *ret_wire,
                               struct error *err);

struct pg_rows *pg_rows_new(PGresult *result); /* takes RESULT */

static inline void pg_result_clear(PGresult *result)
{
    PQclear(result);
}
SCOPED_DEFINE(PGresult *, pg_result_clear);

static inline bool pg_result_is_ok(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* In pg_error.c: all return false. */

/* What the server answered; closes the connection where the SQLSTATE says so. */
bool pg_fail_result(struct pg_conn *conn, const PGresult *result, struct error *err);
/* The connection broke; closes it. */
bool pg_fail_lost(struct pg_conn *conn, struct error *err);
/* The server did not answer in time; closes the connection. */
bool pg_fail_frozen(struct pg_conn *conn, struct error *err);
/* The server answered what no statement of ours asks for, as COPY; closes the connection. */
bool pg_fail_protocol(struct pg_conn *conn, const PGresult *result, struct error *err);
bool pg_fail_not_open(struct error *err);
/* PQconnectPoll failed. */
bool pg_fail_connect(const PGconn *pg, struct error *err);

bool pg_result_is_stale_plan(const PGresult *result);

#endif
