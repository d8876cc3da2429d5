/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/pg_error.h"

#include "base/buf.h"
#include "postgres/pg_internal.h"

#include <assert.h>
#include <string.h>

#define DOWN "dependency-down"

enum { MESSAGE_BYTES_MAX = 8192 }; /* libpq's, of all hosts tried */

/* The first row that fits counts, so particular ones come before their class. */
static const struct {
    const char *prefix;  /* of the SQLSTATE */
    const char *routine; /* NULL: any */
    bool unnamed;        /* only when no constraint is named */
    struct pg_verdict verdict;
} rules[] = {
    /* "cached plan must not change result type": the next use prepares it again */
    {"0A000", "RevalidateCachedQuery", false, {ERROR_TRANSIENT, "", NULL, false}},
    {"08", NULL, false, {ERROR_TRANSIENT, DOWN, NULL, true}},
    /* one row hit twice by one statement over a batch: its events stand better alone */
    {"21", NULL, false, {ERROR_POISON, "", NULL, false}},
    /* bytes that do not fit a parameter's type: this program's fault, not the data's */
    {"22P03", NULL, false, {ERROR_FATAL, "", NULL, false}},
    {"22", NULL, false, {ERROR_POISON, "", NULL, false}},
    {"23514",
     NULL,
     true,
     {ERROR_TRANSIENT, "no-partition", "A partition for the row is missing.", false}},
    {"23", NULL, false, {ERROR_POISON, "", NULL, false}},
    {"25006",
     NULL,
     false,
     {ERROR_TRANSIENT, DOWN,
      "The server only reads: name the primary, or all hosts and "
      "target_session_attrs=read-write, in postgres.url.",
      true}},
    {"25P03", NULL, false, {ERROR_TRANSIENT, DOWN, NULL, true}}, /* idle in transaction */
    {"25P04", NULL, false, {ERROR_TRANSIENT, DOWN, NULL, true}}, /* transaction timeout */
    /* the statement's name is unknown, or taken: a pooler gave us another session */
    {"26000",
     NULL,
     false,
     {ERROR_TRANSIENT, DOWN, "A pooler must pool sessions, not transactions.", true}},
    {"42P05",
     NULL,
     false,
     {ERROR_TRANSIENT, DOWN, "A pooler must pool sessions, not transactions.", true}},
    {"40", NULL, false, {ERROR_TRANSIENT, "", NULL, false}},
    {"42501",
     NULL,
     false,
     {ERROR_FATAL, "", "Grant it to the role that postgres.url names.", false}},
    {"42P01",
     NULL,
     false,
     {ERROR_FATAL, "", "Is the schema complete? Try daybookd migrate status.", false}},
    {"42", NULL, false, {ERROR_FATAL, "", NULL, false}},
    {"44", NULL, false, {ERROR_POISON, "", NULL, false}},
    {"53100", NULL, false, {ERROR_TRANSIENT, "", "The disk of the database is full.", false}},
    {"53", NULL, false, {ERROR_TRANSIENT, "", NULL, false}},
    /* no transaction ids left: a matter of vacuum, although it has the data's SQLSTATE */
    {"54000", "GetNewTransactionId", false, {ERROR_TRANSIENT, "", NULL, false}},
    {"54000", "GetNewMultiXactId", false, {ERROR_TRANSIENT, "", NULL, false}},
    {"54", NULL, false, {ERROR_POISON, "", NULL, false}},
    {"55", NULL, false, {ERROR_TRANSIENT, "", NULL, false}},
    {"57P", NULL, false, {ERROR_TRANSIENT, DOWN, NULL, true}},
    {"57", NULL, false, {ERROR_TRANSIENT, "", NULL, false}}, /* cancelled, statement_timeout */
    {"58", NULL, false, {ERROR_TRANSIENT, "", NULL, false}},
    {"72", NULL, false, {ERROR_TRANSIENT, "", NULL, false}},
    {"P0", NULL, false, {ERROR_POISON, "", NULL, false}}, /* RAISE in a function */
    {"XX001", NULL, false, {ERROR_FATAL, "", "The database's files are damaged.", false}},
    {"XX002", NULL, false, {ERROR_FATAL, "", "The database's files are damaged.", false}},
    /* "tuple concurrently updated", "could not open relation": races with DDL */
    {"XX", NULL, false, {ERROR_TRANSIENT, "", NULL, false}},
    {"", NULL, false, {ERROR_FATAL, "", NULL, false}},
};

static const struct {
    const char *prefix;
    const char *hint;
} connect_hints[] = {
    {"28", "Check user and password in postgres.url, and pg_hba.conf on the server."},
    {"3D000", "Create the database (createdb), or correct its name in postgres.url."},
    {"42501", "Grant CONNECT on the database to the role that postgres.url names."},
    {"53300", "Raise max_connections, or run fewer processes."},
    {"57P03", "The server is starting or stopping."},
    {"", "Does PostgreSQL run at the host and port of postgres.url?"},
};

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

struct pg_verdict pg_classify(struct pg_fault fault)
{
    size_t i = 0;

    assert(fault.sqlstate && strlen(fault.sqlstate) == 5);

    while (!starts_with(fault.sqlstate, rules[i].prefix) ||
           (rules[i].routine && (!fault.routine || strcmp(rules[i].routine, fault.routine) != 0)) ||
           (rules[i].unnamed && fault.constraint && *fault.constraint))
        i++; /* the last row fits all */
    return rules[i].verdict;
}

struct pg_verdict pg_classify_connect(const char *sqlstate)
{
    size_t i = 0;

    while (!starts_with(sqlstate, connect_hints[i].prefix))
        i++; /* the last row fits all */
    return (struct pg_verdict){ERROR_TRANSIENT, DOWN, connect_hints[i].hint, true};
}

void pg_sqlstate_of_message(const char *message, char ret_sqlstate[6])
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    ret_sqlstate[0] = '\0';
    for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at++) {
        if (strspn(at + 3, alphabet) == 5 && at[8] == ':') {
            memcpy(ret_sqlstate, at + 3, 5);
            ret_sqlstate[5] = '\0';
            return;
        }
    }
}

/* One line of libpq's message; its indented lines are advice, LOCATION is the server's source. */
static bool is_noise(struct str line)
{
    return line.len == 0 || line.data[0] == '\t' || str_starts_with(line, STR("LOCATION:"));
}

static void add_message(struct buf *out, const char *message)
{
    struct str rest = str_of(message);

    while (rest.len > 0) {
        struct str line = str_split(rest, '\n', &rest);

        if (is_noise(line))
            continue;
        if (out->len > 0)
            buf_add_cstr(out, "; ");
        buf_add_str(out, line);
    }
}

static bool answer_outstanding(const struct pg_conn *conn)
{
    return conn->scripting || conn->items_sent > conn->items_answered;
}

static const char *field_or_empty(const PGresult *result, int field)
{
    const char *value = PQresultErrorField(result, field);

    return value ? value : "";
}

bool pg_result_is_stale_plan(const PGresult *result)
{
    return strcmp(field_or_empty(result, PG_DIAG_SQLSTATE), "0A000") == 0 &&
           strcmp(field_or_empty(result, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery") == 0;
}

/* DETAIL is left out: it shows the row. */
bool pg_fail_result(struct pg_conn *conn, const PGresult *result, struct error *err)
{
    const char *sqlstate = field_or_empty(result, PG_DIAG_SQLSTATE);
    const char *constraint = field_or_empty(result, PG_DIAG_CONSTRAINT_NAME);
    const char *hint = field_or_empty(result, PG_DIAG_MESSAGE_HINT);
    bool outstanding = answer_outstanding(conn);
    struct pg_verdict verdict;

    if (strlen(sqlstate) != 5)
        return pg_fail_lost(conn, err);

    verdict = pg_classify((struct pg_fault){
        .sqlstate = sqlstate,
        .routine = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION),
        .constraint = constraint,
    });
    error_set(err, verdict.class, verdict.code, "%s%s%s%s",
              field_or_empty(result, PG_DIAG_MESSAGE_PRIMARY), *constraint ? ", constraint '" : "",
              constraint, *constraint ? "'" : "");
    memcpy(err->sqlstate, sqlstate, sizeof(err->sqlstate));
    if (verdict.hint || *hint)
        error_hint(err, "%s", verdict.hint ? verdict.hint : hint);
    if (verdict.closes) {
        err->outcome_unknown = outstanding;
        pg_close(conn);
    }
    return false;
}

bool pg_fail_lost(struct pg_conn *conn, struct error *err)
{
    bool outstanding = answer_outstanding(conn);
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(MESSAGE_BYTES_MAX);

    if (conn->pg)
        add_message(&text, PQerrorMessage(conn->pg));
    error_set(err, ERROR_TRANSIENT, DOWN, "connection to postgresql lost: " STR_FMT,
              STR_ARG(buf_str(&text)));
    err->outcome_unknown = outstanding;
    pg_close(conn);
    return false;
}

bool pg_fail_frozen(struct pg_conn *conn, struct error *err)
{
    bool outstanding = answer_outstanding(conn);

    error_set(err, ERROR_TRANSIENT, DOWN, "no answer from postgresql in time");
    err->outcome_unknown = outstanding;
    pg_close(conn);
    return false;
}

bool pg_fail_protocol(struct pg_conn *conn, const PGresult *result, struct error *err)
{
    bool outstanding = answer_outstanding(conn);

    error_set(err, ERROR_FATAL, "", "postgresql answered %s to a statement",
              result ? PQresStatus(PQresultStatus(result)) : "nothing");
    err->outcome_unknown = outstanding;
    pg_close(conn);
    return false;
}

bool pg_fail_not_open(struct error *err)
{
    return error_set(err, ERROR_TRANSIENT, DOWN, "not connected to postgresql");
}

bool pg_fail_connect(const PGconn *pg, struct error *err)
{
    const char *message = PQerrorMessage(pg);
    char sqlstate[6];
    struct pg_verdict verdict;
    SCOPED_VALUE(buf_release) struct buf text = BUF_INIT(MESSAGE_BYTES_MAX);

    pg_sqlstate_of_message(message, sqlstate);
    verdict = pg_classify_connect(sqlstate);
    add_message(&text, message);
    error_set(err, verdict.class, verdict.code, STR_FMT, STR_ARG(buf_str(&text)));
    memcpy(err->sqlstate, sqlstate, sizeof(sqlstate));
    return error_hint(err, "%s", verdict.hint);
}
