/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP proxy with faults: a server that is away, silent, or lost at a chosen moment. One thread;
 * the orders below take effect before they return.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_PROXY_H
#define DAYBOOK_TESTS_SUPPORT_PROXY_H
#include <stdbool.h>

#include "base/scope.h"

enum proxy_mode {
    PROXY_PASS,
    PROXY_SILENT,         /* passes nothing, either way; connections stay */
    PROXY_CUT_AT_REQUEST, /* the next bytes of a client end its connection; the server gets none */
    PROXY_CUT_AT_ANSWER, /* the next bytes of the server end the connection; the client gets none */
};

struct proxy;

/* To 127.0.0.1:PORT. */
struct proxy *proxy_new(int port);
void proxy_free(struct proxy *proxy);
SCOPED_DEFINE(struct proxy *, proxy_free);

int proxy_port(const struct proxy *proxy);
void proxy_set(struct proxy *proxy, enum proxy_mode mode);
void proxy_cut(struct proxy *proxy); /* all connections, now */

#endif
