/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long things took, counted in steps that grow with the time: any number of them in a fixed
 * room, each percentile too high by at most 1/32.
 *
 * Threads: one at a time.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_BENCH_TIMES_H
#define DAYBOOK_CMD_DAYBOOKD_BENCH_TIMES_H
#include <stdint.h>

enum { TIMES_FINE = 32, TIMES_OCTAVES = 35, TIMES_STEPS = TIMES_FINE * (TIMES_OCTAVES + 1) };

struct times {
    uint64_t counts[TIMES_STEPS];
    uint64_t total;
};

void times_add(struct times *times, int64_t us);
/* The time that SHARE of them (0 to 1) did not exceed; 0 of none. */
int64_t times_at(const struct times *times, double share);

#endif
