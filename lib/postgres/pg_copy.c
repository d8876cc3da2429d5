/* SPDX-License-Identifier: Apache-2.0 */
/* COPY t FROM STDIN (FORMAT binary): the rows are encoded by the caller's thread into one buffer.
 */
#include "postgres/pg_internal.h"
#include "postgres/pg_wire_types.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

enum { PIECE_BYTES = 64 << 10 };

static const char signature[] = "PGCOPY\n\377\r\n"; /* with its NUL: 11 bytes */

void pg_copy_begin(struct buf *out)
{
    buf_add(out, signature, sizeof(signature));
    buf_add_be32(out, 0); /* flags */
    buf_add_be32(out, 0); /* bytes of the header's extension */
}

void pg_copy_row(struct buf *out, int columns)
{
    assert(columns > 0 && columns <= INT16_MAX);
    buf_add_be16(out, (uint16_t)columns);
}

void pg_copy_null(struct buf *out)
{
    buf_add_be32(out, UINT32_MAX);
}

void pg_copy_str(struct buf *out, struct str value)
{
    if (!value.data) {
        pg_copy_null(out);
        return;
    }
    buf_add_be32(out, (uint32_t)value.len);
    buf_add_str(out, value);
}

void pg_copy_i64(struct buf *out, int64_t value)
{
    buf_add_be32(out, sizeof(value));
    buf_add_be64(out, (uint64_t)value);
}

void pg_copy_time(struct buf *out, int64_t wall_us)
{
    assert(wall_us > INT64_MIN + PG_EPOCH_US);
    pg_copy_i64(out, wall_us - PG_EPOCH_US);
}

void pg_copy_end(struct buf *out)
{
    buf_add_be16(out, UINT16_MAX);
}

/* Reads what the server says next; *ret_result as pg_read_result(). */
static bool read_next(struct pg_conn *conn, PGresult **ret_result, struct error *err)
{
    return pg_read_result(conn, pg_answer_deadline(conn), ret_result, err);
}

/* The answers behind the last one that counts. */
static bool read_rest(struct pg_conn *conn, struct error *err)
{
    for (;;) {
        SCOPED(pg_result_clear) PGresult *result = NULL;

        if (!read_next(conn, &result, err))
            return false;
        if (!result)
            return true;
    }
}

static bool put(struct pg_conn *conn, struct str data, struct error *err)
{
    for (size_t at = 0; at < data.len;) {
        size_t len = data.len - at < PIECE_BYTES ? data.len - at : PIECE_BYTES;
        int put = PQputCopyData(conn->pg, data.data + at, (int)len);

        if (put < 0)
            return pg_fail_lost(conn, err);
        if (put > 0)
            at += len;
        if (!pg_flush(conn, err))
            return false;
    }
    return PQputCopyEnd(conn->pg, NULL) == 1 || pg_fail_lost(conn, err);
}

/* RESULT: what came of the statement, or of the copying. */
static bool take(struct pg_conn *conn, const PGresult *result, ExecStatusType expected,
                 struct error *err)
{
    if (!result)
        return pg_fail_lost(conn, err);
    if (PQresultStatus(result) == expected)
        return true;
    if (PQresultStatus(result) != PGRES_FATAL_ERROR)
        return pg_fail_protocol(conn, result, err);
    pg_fail_result(conn, result, err);
    if (conn->pg) {
        struct error ignored;

        if (!read_rest(conn, &ignored))
            *err = ignored;
    }
    return false;
}

static bool copy(struct pg_conn *conn, struct str data, PGresult **ret_done, struct error *err)
{
    SCOPED(pg_result_clear) PGresult *begun = NULL;

    if (!pg_flush(conn, err) || !read_next(conn, &begun, err) ||
        !take(conn, begun, PGRES_COPY_IN, err))
        return false;
    return put(conn, data, err) && pg_flush(conn, err) && read_next(conn, ret_done, err) &&
           take(conn, *ret_done, PGRES_COMMAND_OK, err) && read_rest(conn, err);
}

bool pg_copy_in(struct pg_conn *conn, const char *sql, const struct buf *data, int64_t *ret_rows,
                struct error *err)
{
    SCOPED(pg_result_clear) PGresult *done = NULL;
    bool ok;

    assert(!conn->piping);
    if (data->failed)
        return error_set(err, ERROR_FATAL, "internal-error",
                         "rows to copy do not fit their buffer");
    if (!conn->pg)
        return pg_fail_not_open(err);

    conn->scripting = true; /* until all is answered: else the connection is no good */
    if (!PQsendQuery(conn->pg, sql))
        return pg_fail_lost(conn, err);
    ok = copy(conn, buf_str(data), &done, err);
    conn->scripting = false;
    if (ok)
        *ret_rows = strtoll(PQcmdTuples(done), NULL, 10);
    return ok;
}
