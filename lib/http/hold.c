/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a connection waits while its request is held: libmicrohttpd calls for it in every round, or
 * it is suspended.
 *
 * A suspended connection costs nothing as it waits, but it leaves libmicrohttpd's epoll set and
 * comes back into it, with a read that finds nothing and an event that tells nothing: five
 * microseconds, a fifth of a short command's time in here. A call in vain costs a hundredth of
 * that. So a request is called for CALLS_MAX times before it is suspended, which costs at most
 * twice what the better of the two would have, however long it waits.
 *
 * While one is called for, libmicrohttpd always says that there is work, so the worker has to tell
 * by what its callbacks saw whether it may sleep (http_hold_leaves_work). They do not see a head
 * that comes in pieces larger than libmicrohttpd's buffer, nor a refusal of its own. So that sleep
 * is short, and at its end everything held is suspended: from then on libmicrohttpd's word is good.
 */
#include <assert.h>

#include "http/http_internal.h"

enum {
    CALLS_MAX = 100,
    /* Rounds after the last bytes that a head may still be read from the kernel in. */
    READ_ROUNDS = 8,
};

static void suspend(struct http_request *r)
{
    assert(!r->suspended);
    r->suspended = true;
    r->connection->worker->called--;
    MHD_suspend_connection(r->connection->mhd);
}

void http_hold(struct http_request *r)
{
    r->connection->worker->called++;
}

void http_hold_on(struct http_request *r)
{
    if (r->connection->worker->suspends || ++r->calls == CALLS_MAX)
        suspend(r);
}

void http_hold_lost(struct http_request *r)
{
    assert(!r->suspended); /* libmicrohttpd ends none of those */
    r->connection->worker->called--;
}

void http_hold_end(struct http_request *r)
{
    if (r->suspended)
        MHD_resume_connection(r->connection->mhd);
    else
        r->connection->worker->called--;
    r->suspended = false;
}

bool http_hold_leaves_work(const struct http_worker *worker)
{
    return worker->called == 0 || worker->goes_on ||
           (worker->receiving > 0 && worker->quiet_rounds < READ_ROUNDS);
}
