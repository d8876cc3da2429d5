/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A projector in a process of its own: this program again, which child.c turns into one before its
 * main begins.
 *
 * Threads: the test's.
 */
#ifndef DAYBOOK_TESTS_INTEGRATION_PROJECTION_CHILD_H
#define DAYBOOK_TESTS_INTEGRATION_PROJECTION_CHILD_H
#include <stdint.h>
#include <sys/types.h>

struct world;

struct child {
    pid_t pid;
    int leash; /* closed: it stops and ends */
    char instance[32];
};

void child_start(struct child *child, const struct world *world, const char *instance);
void child_signal(const struct child *child, int signal);
/* SIGKILL, and waits for its end. */
void child_kill(struct child *child);
/* Asks it to stop; its exit status must be 0. Returns the milliseconds of CPU that it took. */
int64_t child_stop(struct child *child);

#endif
