/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs `bench ...` share: options that are numbers, figures as a line for people or as
 * JSON, the exit status of an error.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOKD_BENCH_H
#define DAYBOOK_CMD_DAYBOOKD_BENCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct arena;
struct config;
struct invocation;
struct projection;

struct figure {
    const char *key;    /* in JSON */
    const char *before; /* for people: "mean batch " */
    const char *after;  /* " ms" */
    double value;
    int decimals;
};

/* One line: "53112 writes/s, mean batch 114.2", or a JSON object with -o json. Gives the exit
 * status. */
int bench_print(const struct invocation *invocation, const struct figure *figures, size_t count);

/* A number of 1 to MAX; *RET stays as it is without the option. */
MUST_CHECK bool bench_number(const struct invocation *invocation, const char *name, uint64_t max,
                             uint64_t *ret, struct error *err);

/* The projection that the verb's argument names. REFUSED "not-found" when there is none; whatever
 * is wrong with the configuration has been told when *RET_STATUS is EXIT_CONFIGURATION. */
MUST_CHECK bool bench_projection(const struct invocation *invocation, const struct config *config,
                                 const struct projection **ret, int *ret_status);

/* Tells the error; 2 for usage, 3 not found, 4 conflict, 6 what may pass, 1 all else. */
int bench_complain(const struct invocation *invocation, const struct error *err);

/* Until the next look at what is followed. */
void bench_pause(void);

/* COUNT events in FROM_US to TO_US. */
double bench_rate(double count, int64_t from_us, int64_t to_us);

#endif
