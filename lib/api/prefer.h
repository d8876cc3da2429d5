/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `Prefer: wait=N` (RFC 7240): how many seconds a client would wait.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_API_PREFER_H
#define DAYBOOK_API_PREFER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* The first `wait` of the header's value. What is no whole number of seconds is as if it were not
 * there, as are all other preferences: the RFC wants it so. */
bool prefer_wait(struct str header, int64_t *ret_seconds);

#endif
