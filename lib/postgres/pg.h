/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL by libpq: one connection, statements with binary parameters and results, pipelines.
 *
 * A pg_conn is a handle that outlives its connection: pg_open() connects when it is not, any fault
 * that loses the connection closes it, and pg_connects() counts, so that caches and leases notice a
 * reconnect. Statements are prepared at first use on each connection, keyed by the address of their
 * text, which must therefore live as long as the handle (generated sql_* texts, literals; see
 * pg_query_once). Every wait has a deadline (config: statement_timeout_ms plus 2 s), so a frozen
 * server is a transient error, not a hang.
 *
 * Errors: the class comes from the one SQLSTATE table in pg_error.c. A connection lost while an
 * answer was outstanding sets outcome_unknown. 23514 without a constraint name (no partition for
 * the row) is transient with code "no-partition".
 *
 * Threads: a handle belongs to one thread at a time.
 */
#ifndef DAYBOOK_POSTGRES_PG_H
#define DAYBOOK_POSTGRES_PG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/scope.h"
#include "base/str.h"
#include "base/uuid.h"

/* All: jit off, UTC, UTF8, synchronous_commit at least on. */
enum pg_profile {
    PG_PROFILE_QUERY, /* sequential and bitmap scans only where nothing else is possible */
    /* The writer's and projector's set-based statements: hash and merge joins, sequential and
     * bitmap scans and sorts off, generic plans. Without it a plan flips from 60k to 4k events/s
     * when statistics are missing. */
    PG_PROFILE_BATCH,
    PG_PROFILE_UPKEEP, /* DDL: lock_timeout 200 ms */
};

struct pg_config {
    const char *url; /* postgresql://... or key=value; the secret: never log it */
    const char *application_name;
    int64_t connect_timeout_ms;
    int64_t statement_timeout_ms; /* 0: none, also none for our own waits */
    int64_t tcp_user_timeout_ms;
    int64_t idle_in_transaction_timeout_ms; /* 5000 */
};

struct pg_conn;

/* Copies CONFIG; does not connect. */
struct pg_conn *pg_new(const struct pg_config *config, enum pg_profile profile);
void pg_free(struct pg_conn *conn);
SCOPED_DEFINE(struct pg_conn *, pg_free);

/* Connects and sets the session up, unless connected: one attempt of connect_timeout_ms at most. */
MUST_CHECK bool pg_open(struct pg_conn *conn, struct error *err);
void pg_close(struct pg_conn *conn); /* drops the connection; an open transaction is rolled back */
bool pg_is_open(const struct pg_conn *conn);
uint64_t pg_connects(const struct pg_conn *conn); /* how often it was connected so far */

/*
 * FN is called every PG_WAITING_MS or so for as long as a call on CONN waits for the server, on the
 * same thread: for whoever has more to do than to wait. It must not use CONN.
 */
enum { PG_WAITING_MS = 50 };
typedef void (*pg_waiting_fn)(void *arg);
void pg_on_wait(struct pg_conn *conn, pg_waiting_fn fn, void *arg);

/*
 * Parameters are built once, sent in binary. The statement says the types: write a cast
 * ($1::bigint) where the context gives none, or the server refuses the bytes (22P03).
 */

enum { PG_PARAMS_MAX = 32 };
enum pg_type {
    PG_BOOL,
    PG_INT4,
    PG_INT8,
    PG_TEXT,
    PG_JSON,
    PG_BYTEA,
    PG_TIMESTAMPTZ,
    PG_UUID,
    PG_DATE,
};

struct pg_params {
    struct buf bytes; /* bounded by PG_PARAMS_BYTES_MAX */
    struct pg_param {
        size_t offset;
        size_t len;
        bool null;
    } params[PG_PARAMS_MAX];
    size_t count;
    size_t array_header; /* offset of the open array's header, or SIZE_MAX */
    uint32_t array_count;
    enum pg_type array_type;
    bool array_has_null;
};

enum { PG_PARAMS_BYTES_MAX = 256 << 20 };

void pg_params_init(struct pg_params *p);
void pg_params_release(struct pg_params *p);
void pg_params_clear(struct pg_params *p); /* keeps the memory */

void pg_add_i64(struct pg_params *p, int64_t value); /* bigint */
void pg_add_i32(struct pg_params *p, int32_t value); /* integer */
void pg_add_bool(struct pg_params *p, bool value);
/* text, json (jsonb: $1::json::jsonb); data NULL: SQL NULL */
void pg_add_str(struct pg_params *p, struct str value);
void pg_add_bytes(struct pg_params *p, struct str value); /* bytea */
void pg_add_time(struct pg_params *p, int64_t wall_us);   /* timestamptz */
void pg_add_date(struct pg_params *p, int32_t days);      /* date; days since 1970 */
void pg_add_uuid(struct pg_params *p, struct uuid value); /* uuid */
void pg_add_null(struct pg_params *p);

/* One-dimensional arrays, for unnest: open, add elements of its type, close. */
void pg_array_open(struct pg_params *p, enum pg_type element);
/* PG_INT8, PG_INT4, PG_TIMESTAMPTZ (wall us), PG_DATE (days since 1970) */
void pg_array_i64(struct pg_params *p, int64_t value);
/* PG_TEXT, PG_JSON, PG_BYTEA; data NULL: NULL */
void pg_array_str(struct pg_params *p, struct str value);
void pg_array_uuid(struct pg_params *p, struct uuid value);
void pg_array_bool(struct pg_params *p, bool value);
void pg_array_null(struct pg_params *p);
void pg_array_close(struct pg_params *p);

/* One array of a member of each of COUNT items; ADDER is one of the above. */
#define PG_ADD_ARRAY(params, type, adder, items, count, member) \
    do { \
        pg_array_open((params), (type)); \
        for (size_t add_i = 0; add_i < (count); add_i++) \
            adder((params), (items)[add_i].member); \
        pg_array_close(params); \
    } while (0)

struct pg_rows;
void pg_rows_free(struct pg_rows *rows);
SCOPED_DEFINE(struct pg_rows *, pg_rows_free);

size_t pg_rows_count(const struct pg_rows *rows);
int64_t pg_rows_affected(const struct pg_rows *rows);
/*
 * Column by index, as selected. The type must fit (asserted): int8/int4/int2/date (days since
 * 1970), text/json/jsonb/bytea/name, bool, timestamptz, uuid as text. Only pg_get_str may be asked
 * for a NULL. Strings live as long as ROWS. A sanitized build aborts in pg_rows_free() when a
 * selected column of a non-empty result was never read; pg_rows_skip() says that it was left out
 * on purpose.
 */
bool pg_is_null(const struct pg_rows *rows, size_t row, int column);
int64_t pg_get_i64(const struct pg_rows *rows, size_t row, int column);
bool pg_get_bool(const struct pg_rows *rows, size_t row, int column);
struct str pg_get_str(const struct pg_rows *rows, size_t row, int column); /* NULL: data NULL */
int64_t pg_get_time(const struct pg_rows *rows, size_t row, int column);   /* wall us */
double pg_get_f64(const struct pg_rows *rows, size_t row, int column);
void pg_rows_skip(const struct pg_rows *rows); /* NULL is fine */

/*
 * Runs a prepared statement; PARAMS may be NULL. ret_rows may be NULL. None of these connects: on a
 * handle that is not open they fail at once, so that nothing runs outside its lost transaction.
 */
MUST_CHECK bool pg_query(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                         struct pg_rows **ret_rows, struct error *err);
/* The same for a text built at run time (a projection's table): not prepared by name. */
MUST_CHECK bool pg_query_once(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                              struct pg_rows **ret_rows, struct error *err);
/* Several statements without parameters, separated by ';' (migrations, DDL), by the simple
 * protocol. */
MUST_CHECK bool pg_script(struct pg_conn *conn, const char *sql, struct error *err);

/* BEGIN ISOLATION LEVEL READ COMMITTED .. COMMIT. pg_rollback() is harmless when none is open; a
 * failed pg_commit() with err->outcome_unknown may have committed. */
MUST_CHECK bool pg_begin(struct pg_conn *conn, struct error *err);
MUST_CHECK bool pg_commit(struct pg_conn *conn, struct error *err);
void pg_rollback(struct pg_conn *conn);
bool pg_in_transaction(const struct pg_conn *conn);

/*
 * A pipeline is several statements in one round trip: pg_pipe_open, then pg_pipe_send for each,
 * then pg_pipe_sync (flushes), then pg_pipe_next for each in order, then pg_pipe_close. After the
 * first failing statement the server skips the rest up to the sync: pg_pipe_next returns that first
 * error for it and for all behind it. Statements are prepared on the way. A statement may be BEGIN
 * or COMMIT; outside a transaction all up to the sync are one, and the last one's answer is the
 * verdict on it. pg_pipe_close reads what is left.
 */
enum { PG_PIPE_MAX = 128 }; /* statements in an open pipe */
MUST_CHECK bool pg_pipe_open(struct pg_conn *conn, struct error *err);
MUST_CHECK bool pg_pipe_send(struct pg_conn *conn, const char *sql, const struct pg_params *params,
                             struct error *err);
MUST_CHECK bool pg_pipe_sync(struct pg_conn *conn, struct error *err);
MUST_CHECK bool pg_pipe_next(struct pg_conn *conn, struct pg_rows **ret_rows, struct error *err);
void pg_pipe_close(struct pg_conn *conn);

/*
 * COPY t (columns) FROM STDIN (FORMAT binary). Rows are encoded first: begin; for each row
 * pg_copy_row() and a value for each column, of exactly the column's type (text, json: str); end.
 * Then pg_copy_in() sends them. A row the server refuses refuses all.
 */
void pg_copy_begin(struct buf *out);
void pg_copy_row(struct buf *out, int columns);
void pg_copy_str(struct buf *out, struct str value); /* data NULL: NULL */
void pg_copy_i64(struct buf *out, int64_t value);    /* bigint */
void pg_copy_time(struct buf *out, int64_t wall_us); /* timestamptz */
void pg_copy_null(struct buf *out);
void pg_copy_end(struct buf *out);
MUST_CHECK bool pg_copy_in(struct pg_conn *conn, const char *sql, const struct buf *data,
                           int64_t *ret_rows, struct error *err);

#endif
