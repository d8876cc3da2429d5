/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUIDs (RFC 9562). Version 7 ones begin with the time, so that indexes append.
 *
 * Threads: any; uuid_v7 keeps its monotone counter per thread, random_u64 the kernel's bytes ahead.
 */
#ifndef DAYBOOK_BASE_UUID_H
#define DAYBOOK_BASE_UUID_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { UUID_TEXT_LEN = 36 };

struct uuid {
    uint8_t bytes[16];
};

/* Rising within a thread, also within one millisecond (RFC 9562 6.2 method 1); random else. */
struct uuid uuid_v7(void);
struct uuid uuid_v7_at(uint64_t wall_ms); /* the same, by a clock of the caller's */
void uuid_format(struct uuid uuid, char out[UUID_TEXT_LEN + 1]); /* lower case */
bool uuid_parse(struct str s, struct uuid *ret_uuid);

/* Random bytes of the kernel's; they abort if there are none. */
void random_bytes(void *out, size_t len);
uint64_t random_u64(void); /* without a system call but for each 32nd */

#endif
