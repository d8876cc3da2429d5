/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Wall time is microseconds since 1970 UTC (PostgreSQL's resolution); time-outs use the
 * monotonic clock. Cores never call these: time comes in as an argument.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_BASE_CLOCK_H
#define DAYBOOK_BASE_CLOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

int64_t clock_wall_us(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

enum { CLOCK_RFC3339_MAX = 40 };

/* "2026-11-24T05:22:08.123456Z"; the fraction only as long as needed (none when it is zero).
 * What lies outside the years 0001 to 9999 is shown as their first or last moment. */
size_t clock_format_rfc3339(int64_t wall_us, char out[CLOCK_RFC3339_MAX]);
void buf_add_rfc3339(struct buf *buf, int64_t wall_us);

/*
 * RFC 3339 date-time with any offset, `T` or `t`, `Z` or `z`, up to 9 fraction digits (cut to
 * microseconds), years 0001 to 9999. A leap second (:60 at the end of a day of UTC) is
 * taken as the next second. False otherwise.
 */
bool clock_parse_rfc3339(struct str s, int64_t *ret_wall_us);

#endif
