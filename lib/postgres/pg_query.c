/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One statement at a time. A prepared one is a pipe of one: the same way for its parameters, its
 * preparation and its errors, and as few round trips.
 */
#include "postgres/pg_internal.h"

#include <assert.h>
#include <stdlib.h>

typedef bool (*send_fn)(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                        struct error *err);

static bool query_by(struct pg_conn *conn, send_fn send, const char *sql,
                     const struct pg_params *params, struct pg_rows **ret_rows, struct error *err)
{
    bool ok;

    if (!pg_pipe_open(conn, err))
        return false;
    ok = send(conn, sql, params, err) && pg_pipe_sync(conn, err) &&
         pg_pipe_next(conn, ret_rows, err);
    pg_pipe_close(conn);
    return ok;
}

bool pg_query(struct pg_conn *conn, const char *sql, const struct pg_params *params,
              struct pg_rows **ret_rows, struct error *err)
{
    return query_by(conn, pg_pipe_send, sql, params, ret_rows, err);
}

bool pg_query_once(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                   struct pg_rows **ret_rows, struct error *err)
{
    return query_by(conn, pg_pipe_send_once, sql, params, ret_rows, err);
}

/* Reads the script's answers to their end; *ret_failed: the first failure. */
static bool read_script(struct pg_conn *conn, int64_t deadline_ms, PGresult **ret_failed,
                        struct error *err)
{
    for (;;) {
        SCOPED(pg_result_clear) PGresult *result = NULL;
        int64_t until_ms = deadline_ms ? deadline_ms : pg_answer_deadline(conn);

        if (!pg_read_result(conn, until_ms, &result, err))
            return false;
        if (!result)
            return true;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
            if (!*ret_failed)
                *ret_failed = TAKE(result);
        } else if (!pg_result_is_ok(result)) {
            return pg_fail_protocol(conn, result, err);
        }
    }
}

bool pg_script_by(struct pg_conn *conn, const char *sql, int64_t deadline_ms, size_t *ret_character,
                  struct error *err)
{
    SCOPED(pg_result_clear) PGresult *failed = NULL;
    const char *character;

    assert(!conn->piping);
    if (!conn->pg)
        return pg_fail_not_open(err);

    conn->scripting = true;
    if (!PQsendQuery(conn->pg, sql))
        return pg_fail_lost(conn, err);
    if (!pg_flush(conn, err) || !read_script(conn, deadline_ms, &failed, err))
        return false;
    if (failed)
        pg_fail_result(conn, failed, err);
    conn->scripting = false;
    if (!failed)
        return true;

    character = PQresultErrorField(failed, PG_DIAG_STATEMENT_POSITION);
    if (ret_character)
        *ret_character = character ? strtoul(character, NULL, 10) : 0;
    return false;
}

bool pg_script(struct pg_conn *conn, const char *sql, struct error *err)
{
    return pg_script_by(conn, sql, 0, NULL, err);
}

bool pg_begin(struct pg_conn *conn, struct error *err)
{
    assert(!pg_in_transaction(conn));
    return pg_query(conn, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL, NULL, err);
}

bool pg_commit(struct pg_conn *conn, struct error *err)
{
    assert(!conn->pg || pg_in_transaction(conn));
    return pg_query(conn, "COMMIT", NULL, NULL, err);
}

void pg_rollback(struct pg_conn *conn)
{
    struct error ignored; /* a connection that can not roll back is dropped, which does it too */

    pg_pipe_close(conn);
    if (pg_in_transaction(conn) && !pg_query(conn, "ROLLBACK", NULL, NULL, &ignored))
        pg_close(conn);
}

bool pg_in_transaction(const struct pg_conn *conn)
{
    PGTransactionStatusType status;

    if (!conn->pg)
        return false;
    status = PQtransactionStatus(conn->pg);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}
