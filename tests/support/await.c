/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/await.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/uuid.h"

enum { LOOK_NS = 5000000, NS_PER_MS = 1000000, MS_PER_S = 1000, TEXT_MAX = 1024 };

static void pass(uint64_t ns)
{
    const struct timespec time = {
        .tv_sec = (time_t)(ns / NS_PER_MS / MS_PER_S),
        .tv_nsec = (long)(ns % ((uint64_t)NS_PER_MS * MS_PER_S)),
    };

    nanosleep(&time, NULL);
}

struct await await_for(int64_t timeout_ms)
{
    return (struct await){.deadline_ms = clock_monotonic_ms() + timeout_ms};
}

void await_more(const struct await *await, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ck_assert_msg(clock_monotonic_ms() < await->deadline_ms, "not in time: %s", text);
    pass(LOOK_NS);
}

void await_any_moment(uint64_t max_ms)
{
    pass(random_u64() % (max_ms * NS_PER_MS));
}

void await_quiet(uint64_t ms)
{
    pass(ms * NS_PER_MS);
}
