/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "postgres/pg_internal.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>

/* The server's own statement_timeout comes first, and its error says more than our silence. */
enum { GRACE_MS = 2000 };

int64_t pg_answer_deadline(const struct pg_conn *conn)
{
    if (conn->config.statement_timeout_ms == 0)
        return INT64_MAX;
    return clock_monotonic_ms() + conn->config.statement_timeout_ms + GRACE_MS;
}

static int poll_timeout(int64_t deadline_ms)
{
    int64_t left_ms;

    if (deadline_ms == INT64_MAX)
        return -1;
    left_ms = deadline_ms - clock_monotonic_ms();
    if (left_ms <= 0)
        return 0;
    return left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

void pg_on_wait(struct pg_conn *conn, pg_waiting_fn fn, void *arg)
{
    conn->waiting = fn;
    conn->waiting_arg = arg;
    conn->waiting_at_ms = 0;
}

static int64_t wake_up_at(const struct pg_conn *conn, int64_t deadline_ms)
{
    return conn->waiting != NULL && conn->waiting_at_ms < deadline_ms ? conn->waiting_at_ms
                                                                      : deadline_ms;
}

static void call_waiting(struct pg_conn *conn)
{
    if (conn->waiting == NULL || poll_timeout(conn->waiting_at_ms) > 0)
        return;
    conn->waiting(conn->waiting_arg);
    conn->waiting_at_ms = clock_monotonic_ms() + PG_WAITING_MS;
}

short pg_wait(struct pg_conn *conn, short events, int64_t deadline_ms)
{
    struct pollfd poller = {.fd = PQsocket(conn->pg), .events = events};

    assert(poller.fd >= 0);

    for (;;) {
        int ready = poll(&poller, 1, poll_timeout(wake_up_at(conn, deadline_ms)));

        if (ready > 0)
            return poller.revents;
        assert(ready == 0 || errno == EINTR || errno == EAGAIN || errno == ENOMEM);
        if (poll_timeout(deadline_ms) == 0)
            return 0;
        call_waiting(conn);
    }
}

bool pg_flush(struct pg_conn *conn, struct error *err)
{
    for (;;) {
        int pending = PQflush(conn->pg);
        short ready;

        if (pending <= 0)
            return pending == 0 || pg_fail_lost(conn, err);

        /* A deadline for each piece: how long all of it takes is a matter of its size. */
        ready = pg_wait(conn, POLLIN | POLLOUT, pg_answer_deadline(conn));
        if (ready == 0)
            return pg_fail_frozen(conn, err);
        if (ready & ~POLLOUT && !PQconsumeInput(conn->pg))
            return true;
    }
}

bool pg_read_result(struct pg_conn *conn, int64_t deadline_ms, PGresult **ret_result,
                    struct error *err)
{
    while (PQisBusy(conn->pg)) {
        short wanted = PQflush(conn->pg) > 0 ? POLLIN | POLLOUT : POLLIN;
        short ready = pg_wait(conn, wanted, deadline_ms);

        if (ready == 0)
            return pg_fail_frozen(conn, err);
        if (!(ready & ~POLLOUT) || PQconsumeInput(conn->pg))
            continue;
        if (PQstatus(conn->pg) != CONNECTION_BAD)
            return pg_fail_lost(conn, err);
        break; /* PQgetResult does not wait then, and knows what the server said before it went */
    }
    *ret_result = PQgetResult(conn->pg);
    return true;
}
