/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

enum {
    POOL_BYTES = 256, /* what getrandom gives in one piece, whatever signals come */
    COUNTER_MAX = 0xFFF,
    COUNTER_FIRST_MAX = 0x7FF, /* room for 2,048 more in the same millisecond, at least */
};

/* Random bytes ahead: a system call for each number would cost more than all else about it. */
static _Thread_local struct {
    unsigned char bytes[POOL_BYTES];
    size_t left;
} pool;

static _Thread_local struct {
    uint64_t ms;
    unsigned counter;
} last;

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            perror("no random bytes");
            abort();
        }
        at += got;
        len -= (size_t)got;
    }
}

/* A child would hand out its parent's numbers. */
static void pool_forget(void)
{
    pool.left = 0;
}

static void pool_guard(void)
{
    if (pthread_atfork(NULL, NULL, pool_forget) != 0)
        abort();
}

uint64_t random_u64(void)
{
    static pthread_once_t guarded = PTHREAD_ONCE_INIT;
    uint64_t value;

    if (pool.left < sizeof(value)) {
        pthread_once(&guarded, pool_guard);
        random_bytes(pool.bytes, sizeof(pool.bytes));
        pool.left = sizeof(pool.bytes);
    }
    pool.left -= sizeof(value);
    memcpy(&value, pool.bytes + pool.left, sizeof(value));
    memset(pool.bytes + pool.left, 0, sizeof(value)); /* no number lies here once it is out */
    return value;
}

/*
 * The time and counter of the next id. Within one millisecond, and while the clock stands behind
 * the last id, the counter rises; when it is used up the time is taken one ahead.
 */
static void last_advance(uint64_t now_ms)
{
    if (now_ms > last.ms) {
        last.ms = now_ms;
        last.counter = (unsigned)(random_u64() & COUNTER_FIRST_MAX);
    } else if (last.counter < COUNTER_MAX) {
        last.counter++;
    } else {
        last.ms++;
        last.counter = (unsigned)(random_u64() & COUNTER_FIRST_MAX);
    }
}

static void put_be64(uint8_t *out, uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)value;
        value >>= 8;
    }
}

struct uuid uuid_v7(void)
{
    return uuid_v7_at((uint64_t)clock_wall_us() / 1000);
}

struct uuid uuid_v7_at(uint64_t wall_ms)
{
    struct uuid uuid;

    last_advance(wall_ms);
    put_be64(uuid.bytes, last.ms << 16 | 0x7000U | last.counter);
    put_be64(uuid.bytes + 8, (UINT64_C(2) << 62) | random_u64() >> 2);
    return uuid;
}

static bool dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_format(struct uuid uuid, char out[UUID_TEXT_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
        if (dash_before(i))
            *out++ = '-';
        *out++ = digits[uuid.bytes[i] >> 4];
        *out++ = digits[uuid.bytes[i] & 0xFU];
    }
    *out = '\0';
}

bool uuid_parse(struct str s, struct uuid *ret_uuid)
{
    struct uuid uuid;
    const char *at = s.data;

    if (s.len != UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
        int high;
        int low;

        if (dash_before(i) && *at++ != '-')
            return false;
        high = str_hex_value(at[0]);
        low = str_hex_value(at[1]);
        if (high < 0 || low < 0)
            return false;
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *ret_uuid = uuid;
    return true;
}
