/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address a server listens on: "127.0.0.1:8080", "[::1]:0", "localhost:80".
 *
 * Threads: any.
 */
#ifndef DAYBOOK_HTTP_ADDRESS_H
#define DAYBOOK_HTTP_ADDRESS_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Written as HOST:PORT; whether the host is there shows when it is listened on. */
bool http_address_is_valid(const char *listen);

/* Nobody but this machine reaches it: localhost, 127.0.0.0/8, [::1]. Any other name may be public.
 */
bool http_address_is_loopback(const char *listen);

/* Opens a listening, non-blocking socket. */
MUST_CHECK bool http_address_listen(const char *listen, int *ret_fd, struct error *err);

/* Writes "http://127.0.0.1:8080", with the port the socket really has. */
void http_address_print(int fd, char *out, size_t out_bytes);

#endif
