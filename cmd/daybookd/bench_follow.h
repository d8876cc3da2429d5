/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following somebody else's work to its end: how much was left when it first moved, and how long
 * that took.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_BENCH_FOLLOW_H
#define DAYBOOK_CMD_DAYBOOKD_BENCH_FOLLOW_H
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct follow {
    /* What is left to do; never rises. */
    MUST_CHECK bool (*look)(void *arg, int64_t *ret_left, struct error *err);
    void *arg;
    const char *what; /* "the publisher": the subject of a complaint */
    int64_t patience_ms;
};

struct followed {
    int64_t begun_us; /* the last look before it moved */
    int64_t ended_us; /* the look that found nothing left; the same: nothing was left at once */
};

/* TRANSIENT when nothing moves for PATIENCE_MS. */
MUST_CHECK bool follow(const struct follow *follow, struct followed *ret, struct error *err);

#endif
