/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waits for what another thread or process brings about. A test looks again and again, with a short
 * pause between two looks, until it is true or the deadline is over, which fails the test:
 *
 *     for (struct await await = await_for(TIMEOUT_MS); !is_ready();)
 *         await_more(&await, "not ready: %s", state);
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_SUPPORT_AWAIT_H
#define DAYBOOK_TESTS_SUPPORT_AWAIT_H
#include <stdint.h>

#include "base/error.h"

struct await {
    int64_t deadline_ms;
};

struct await await_for(int64_t timeout_ms);
/* The text says what was seen, for the test that fails. */
void await_more(const struct await *await, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Lets a time of at most MAX_MS pass, another one at each call: what follows then hits its target
 * at any point of its work. For kills and cuts, never for a condition. */
void await_any_moment(uint64_t max_ms);
/* Lets a time pass in which nothing may happen. */
void await_quiet(uint64_t ms);

#endif
