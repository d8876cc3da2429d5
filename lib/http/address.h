/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address a server listens on: "127.0.0.1:8080", "[::1]:0", "localhost:80".
 *
 * Threads: any.
 */
#ifndef DAYBOOK_HTTP_ADDRESS_H
#define DAYBOOK_HTTP_ADDRESS_H
#include <stddef.h>

#include "base/error.h"

/* Opens a listening, non-blocking socket. */
MUST_CHECK bool http_address_listen(const char *listen, int *ret_fd, struct error *err);

/* Writes "http://127.0.0.1:8080", with the port the socket really has. */
void http_address_print(int fd, char *out, size_t out_bytes);

#endif
