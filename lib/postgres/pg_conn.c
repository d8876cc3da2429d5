/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "postgres/pg_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

struct pg_conn *pg_new(const struct pg_config *config, enum pg_profile profile)
{
    struct pg_conn *conn = mem_zalloc(sizeof(*conn));

    assert(config->url && config->application_name);
    assert(config->connect_timeout_ms > 0);
    assert(config->statement_timeout_ms >= 0);

    conn->config = *config;
    conn->config.url = mem_strdup(config->url);
    conn->config.application_name = mem_strdup(config->application_name);
    conn->profile = profile;
    return conn;
}

void pg_free(struct pg_conn *conn)
{
    if (!conn)
        return;
    pg_close(conn);
    mem_free((void *)(uintptr_t)conn->config.url);
    mem_free((void *)(uintptr_t)conn->config.application_name);
    mem_free(conn);
}

void pg_close(struct pg_conn *conn)
{
    PQfinish(conn->pg);
    conn->pg = NULL;
    conn->scripting = false;
    pg_statements_forget(conn);
}

bool pg_is_open(const struct pg_conn *conn)
{
    return conn->pg != NULL;
}

uint64_t pg_connects(const struct pg_conn *conn)
{
    return conn->connects;
}

static void log_notice(void *arg, const PGresult *result)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    (void)arg;
    log_debug("notice from postgresql", LOG_CSTR("text", text ? text : ""));
}

/* What the connection string says itself stays, but for the encoding, which is ours. */
static bool prepare_dsn(const struct pg_conn *conn, struct pg_dsn **ret_dsn, struct error *err)
{
    SCOPED(pg_dsn_free) struct pg_dsn *dsn = NULL;
    char user_timeout[24];

    if (!pg_dsn_parse(conn->config.url, &dsn, err))
        return false;
    snprintf(user_timeout, sizeof(user_timeout), "%" PRId64, conn->config.tcp_user_timeout_ms);
    pg_dsn_preset(dsn, "tcp_user_timeout", user_timeout);
    pg_dsn_preset(dsn, "keepalives", "1");
    pg_dsn_preset(dsn, "keepalives_idle", "10");
    pg_dsn_preset(dsn, "keepalives_interval", "5");
    pg_dsn_preset(dsn, "keepalives_count", "3");
    pg_dsn_preset(dsn, "application_name", conn->config.application_name);
    pg_dsn_set(dsn, "client_encoding", "UTF8");
    *ret_dsn = TAKE(dsn);
    return true;
}

static bool connect_timed_out(struct pg_conn *conn, unsigned hosts, struct error *err)
{
    /* libpq goes to the next host only when one refuses: the next attempt passes a silent one. */
    if (hosts > 1)
        conn->host_first = (conn->host_first + 1) % hosts;
    error_set(err, ERROR_TRANSIENT, "dependency-down",
              "no connection to postgresql at host '%s' within %" PRId64 " ms",
              PQhost(conn->pg) ? PQhost(conn->pg) : "", conn->config.connect_timeout_ms);
    return error_hint(err, "Does PostgreSQL run at the host and port of postgres.url?");
}

static bool connect_by(struct pg_conn *conn, int64_t deadline_ms, struct error *err)
{
    SCOPED(pg_dsn_free) struct pg_dsn *dsn = NULL;
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;
    unsigned hosts;

    if (!prepare_dsn(conn, &dsn, err))
        return false;
    hosts = pg_dsn_hosts(dsn);
    pg_dsn_rotate(dsn, conn->host_first);

    conn->pg = PQconnectStartParams(pg_dsn_keywords(dsn), pg_dsn_values(dsn), 0);
    assert(conn->pg);                                /* else out of memory */
    PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE); /* for pg_sqlstate_of_message() */
    PQsetNoticeReceiver(conn->pg, log_notice, NULL);

    while (step != PGRES_POLLING_OK) {
        if (step == PGRES_POLLING_FAILED || PQstatus(conn->pg) == CONNECTION_BAD)
            return pg_fail_connect(conn->pg, err);
        if (pg_wait(conn, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms) == 0)
            return connect_timed_out(conn, hosts, err);
        step = PQconnectPoll(conn->pg);
    }
    conn->host_first = 0;
    return true;
}

bool pg_open(struct pg_conn *conn, struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + conn->config.connect_timeout_ms;

    if (conn->pg)
        return true;
    assert(!conn->piping); /* close the broken pipe first */

    if (!connect_by(conn, deadline_ms, err)) {
        pg_close(conn);
        return false;
    }
    PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
    PQsetnonblocking(conn->pg, 1);
    if (!pg_session_set_up(conn, deadline_ms, err)) {
        err->outcome_unknown = false; /* a session's settings died with it */
        pg_close(conn);
        return error_wrap(err, "set up the session");
    }
    conn->connects++;
    return true;
}
