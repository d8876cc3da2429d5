/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job followed to its end on standard error: one line with done, total, rate, ETA, parked and
 * lag, redrawn only on a terminal. What the job says of itself stands on lines of its own, so that
 * no bar ever hides an error.
 *
 * Threads: main.
 */
#ifndef DAYBOOK_CMD_DAYBOOK_PROGRESS_H
#define DAYBOOK_CMD_DAYBOOK_PROGRESS_H
#include "base/program.h"
#include "base/str.h"

/* JOB: its JSON, as it was answered. Follows it until it ends, then prints it as a row. Exit 0 when
 * it is done, 1 when it failed or was cancelled. */
int progress_follow(struct invocation *invocation, struct str job);

/* Prints the job and leaves it to itself with --detach; else follows it. */
int progress_end(struct invocation *invocation, struct str job);

extern const char *const job_members[]; /* a job's columns */

#endif
