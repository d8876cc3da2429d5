/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipelines. libpq answers each statement sent with its result and a NULL, each sync with a
 * PGRES_PIPELINE_SYNC and no NULL. What was sent is remembered in conn->items, for the caller asks
 * for his own statements only, not for the preparations sent between them.
 */
#include "postgres/pg_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool remember(struct pg_conn *conn, const struct error *err)
{
    conn->pipe_error = *err;
    return false;
}

static bool recall(const struct pg_conn *conn, struct error *err)
{
    *err = conn->pipe_error;
    return false;
}

static void push(struct pg_conn *conn, enum pg_item_kind kind, struct pg_statement *statement,
                 const char *sql)
{
    assert(conn->items_sent < PG_ITEMS_MAX);
    conn->items[conn->items_sent++] = (struct pg_item){kind, statement, sql};
    conn->sync_due = kind != PG_ITEM_SYNC;
}

/* Room for a statement with all that may go with it. */
static void make_room(struct pg_conn *conn)
{
    if (conn->items_answered == conn->items_sent) {
        conn->items_answered = 0;
        conn->items_sent = 0;
    }
    assert(conn->items_sent + 4 <= PG_ITEMS_MAX);
}

bool pg_pipe_open(struct pg_conn *conn, struct error *err)
{
    assert(!conn->piping);

    if (!conn->pg)
        return pg_fail_not_open(err);
    if (!PQenterPipelineMode(conn->pg))
        return pg_fail_lost(conn, err);
    conn->piping = true;
    return true;
}

static bool send_deallocate(struct pg_conn *conn, struct pg_statement *statement)
{
    char sql[32];

    snprintf(sql, sizeof(sql), "DEALLOCATE %s", pg_statement_name(statement));
    push(conn, PG_ITEM_DEALLOCATE, statement, NULL);
    return PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 1);
}

static bool send_prepare(struct pg_conn *conn, struct pg_statement *statement, const char *sql)
{
    if (pg_statement_state(statement) == PG_STATEMENT_PREPARED)
        return true;
    if (pg_statement_state(statement) == PG_STATEMENT_STALE && !send_deallocate(conn, statement))
        return false;
    pg_statement_set(statement, PG_STATEMENT_PREPARED);
    push(conn, PG_ITEM_PREPARE, statement, NULL);
    return PQsendPrepare(conn->pg, pg_statement_name(statement), sql, 0, NULL);
}

static bool send_execute(struct pg_conn *conn, struct pg_statement *statement, const char *sql,
                         const struct pg_wire_params *wire)
{
    push(conn, PG_ITEM_EXECUTE, statement, sql);
    if (!statement)
        return PQsendQueryParams(conn->pg, sql, wire->count, NULL, wire->values, wire->lengths,
                                 wire->formats, 1);
    return PQsendQueryPrepared(conn->pg, pg_statement_name(statement), wire->count, wire->values,
                               wire->lengths, wire->formats, 1);
}

static bool send_statement(struct pg_conn *conn, const char *sql, bool named,
                           const struct pg_params *params, struct error *err)
{
    struct pg_statement *statement = NULL;
    struct pg_wire_params wire;

    assert(conn->piping);
    if (!conn->pg)
        return recall(conn, err);
    if (!pg_params_wire(params, &wire, err))
        return false;

    make_room(conn);
    if (named)
        statement = pg_statement_get(conn, sql);
    if ((named && !send_prepare(conn, statement, sql)) ||
        !send_execute(conn, statement, sql, &wire)) {
        pg_fail_lost(conn, err);
        return remember(conn, err);
    }
    return true;
}

bool pg_pipe_send(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                  struct error *err)
{
    return send_statement(conn, sql, true, params, err);
}

bool pg_pipe_send_once(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                       struct error *err)
{
    return send_statement(conn, sql, false, params, err);
}

bool pg_pipe_sync(struct pg_conn *conn, struct error *err)
{
    assert(conn->piping);
    if (!conn->pg)
        return recall(conn, err);

    push(conn, PG_ITEM_SYNC, NULL, NULL);
    if (!PQpipelineSync(conn->pg)) {
        pg_fail_lost(conn, err);
        return remember(conn, err);
    }
    return pg_flush(conn, err) || remember(conn, err);
}

/* What the statement's failure says about its name on the server. */
static void note_failure(const struct pg_item *item, const PGresult *result)
{
    switch (item->kind) {
    case PG_ITEM_DEALLOCATE:
        pg_statement_set(item->statement, PG_STATEMENT_STALE);
        return;
    case PG_ITEM_PREPARE:
        if (pg_statement_state(item->statement) == PG_STATEMENT_PREPARED)
            pg_statement_set(item->statement, PG_STATEMENT_UNKNOWN);
        return;
    case PG_ITEM_EXECUTE:
        if (item->statement && pg_result_is_stale_plan(result))
            pg_statement_set(item->statement, PG_STATEMENT_STALE);
        return;
    case PG_ITEM_SYNC:
        return;
    }
}

/* A COMMIT after a failure rolls back, and the server does not call that an error. */
static bool check_commit(const char *sql, PGresult *result, struct error *err)
{
    if (!sql || strncasecmp(sql, "commit", 6) != 0 || strcmp(PQcmdStatus(result), "ROLLBACK") != 0)
        return true;
    return error_set(err, ERROR_FATAL, "", "commit of a transaction that had failed");
}

static bool judge(struct pg_conn *conn, const struct pg_item *item, PGresult *result,
                  struct error *err)
{
    if (!result)
        return pg_fail_protocol(conn, NULL, err);
    if (pg_result_is_ok(result))
        return check_commit(item->sql, result, err);
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) {
        note_failure(item, result);
        return recall(conn, err);
    }
    if (PQresultStatus(result) != PGRES_FATAL_ERROR)
        return pg_fail_protocol(conn, result, err);
    note_failure(item, result);
    return pg_fail_result(conn, result, err);
}

/* Reads one statement's result and the NULL behind it. */
static bool read_statement(struct pg_conn *conn, const struct pg_item *item, PGresult **ret_result,
                           struct error *err)
{
    int64_t deadline_ms = pg_answer_deadline(conn);
    SCOPED(pg_result_clear) PGresult *result = NULL;
    SCOPED(pg_result_clear) PGresult *end = NULL;
    struct error lost;
    bool ok;

    if (!pg_read_result(conn, deadline_ms, &result, err))
        return false;
    ok = judge(conn, item, result, err);
    if (!conn->pg)
        return false;
    if (!pg_read_result(conn, deadline_ms, &end, &lost) ||
        (end && !pg_fail_protocol(conn, end, &lost))) {
        *err = ok ? lost : *err;
        return false;
    }
    if (ok && item->kind == PG_ITEM_EXECUTE)
        *ret_result = TAKE(result);
    return ok;
}

/* Outside a transaction the server commits at the sync, and a failure of that comes before it. */
static bool read_sync(struct pg_conn *conn, struct error *err)
{
    bool ok = true;

    for (int reads = 0; reads < 3; reads++) { /* failure, its NULL, sync */
        SCOPED(pg_result_clear) PGresult *result = NULL;

        if (!pg_read_result(conn, pg_answer_deadline(conn), &result, err))
            return false;
        if (!result)
            continue;
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
            return ok;
        if (PQresultStatus(result) != PGRES_FATAL_ERROR)
            return pg_fail_protocol(conn, result, err);
        ok = pg_fail_result(conn, result, err);
        if (!conn->pg)
            return false;
    }
    return pg_fail_protocol(conn, NULL, err);
}

/* A failure up to the sync is remembered: the server skips what is behind it. */
static bool answer_statement(struct pg_conn *conn, PGresult **ret_result, struct error *err)
{
    bool ok = read_statement(conn, &conn->items[conn->items_answered], ret_result, err);

    conn->items_answered++;
    return ok || remember(conn, err);
}

static bool answer_sync(struct pg_conn *conn, struct error *err)
{
    bool ok = read_sync(conn, err);

    conn->items_answered++;
    if (!conn->pg)
        return remember(conn, err);
    error_clear(&conn->pipe_error);
    return ok;
}

static bool sync_is_next(const struct pg_conn *conn)
{
    return conn->pg && conn->items_answered < conn->items_sent &&
           conn->items[conn->items_answered].kind == PG_ITEM_SYNC;
}

bool pg_pipe_next(struct pg_conn *conn, struct pg_rows **ret_rows, struct error *err)
{
    SCOPED(pg_result_clear) PGresult *result = NULL;
    enum pg_item_kind kind;
    struct error sync_error;
    bool ok;

    assert(conn->piping);
    do {
        if (!conn->pg)
            return recall(conn, err);
        assert(conn->items_answered < conn->items_sent);
        kind = conn->items[conn->items_answered].kind;
        assert(kind != PG_ITEM_SYNC); /* it went with the statement before it */
        ok = answer_statement(conn, &result, err);
    } while (kind != PG_ITEM_EXECUTE);

    /* The last one's answer is not final before the sync's, which comes in the same packet. */
    if (sync_is_next(conn) && !answer_sync(conn, &sync_error) && ok) {
        *err = sync_error;
        return false;
    }
    if (ok && ret_rows)
        *ret_rows = pg_rows_new(TAKE(result));
    return ok;
}

void pg_pipe_close(struct pg_conn *conn)
{
    struct error ignored; /* whoever closes early does not want the rest */

    if (!conn->piping)
        return;
    /* A sync now would commit what was left half-sent. */
    if (conn->sync_due)
        pg_close(conn);
    while (conn->pg && conn->items_answered < conn->items_sent) {
        SCOPED(pg_result_clear) PGresult *result = NULL;

        if (sync_is_next(conn))
            answer_sync(conn, &ignored);
        else
            answer_statement(conn, &result, &ignored);
    }
    if (conn->pg && !PQexitPipelineMode(conn->pg))
        pg_close(conn);
    conn->piping = false;
    conn->sync_due = false;
    conn->items_answered = 0;
    conn->items_sent = 0;
    error_clear(&conn->pipe_error);
}
