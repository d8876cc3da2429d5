/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs, decided here without I/O: their states, how long a lease lets its holder work, and what
 * progress looks like. docs/rebuild.md has the faults.
 *
 * Threads: any; time comes in as an argument (monotonic).
 */
#ifndef DAYBOOK_PROJECTION_JOB_CORE_H
#define DAYBOOK_PROJECTION_JOB_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

const char *job_state_name(enum job_state state);
/* Asserts that it is one: the database checks it. */
enum job_state job_state_parse(struct str name);
bool job_has_ended(enum job_state state);

/*
 * The lease is taken and renewed by the database's clock. Its holder counts from before it asked,
 * so that its own end comes first, however long the answer took.
 */

enum {
    JOB_LEASE_MS = 10000,
    JOB_RENEW_MS = 1000,  /* what people see is so old at most */
    JOB_MARGIN_MS = 2000, /* the holder stops so long before the lease ends: a slice is shorter */
};

struct job_lease {
    int64_t asked_ms;
    int64_t held_from_ms; /* of the last answer that gave it */
    bool lost;
};

void job_lease_init(struct job_lease *lease, int64_t asked_ms);
bool job_lease_is_due(const struct job_lease *lease, int64_t now_ms); /* ask for more */
void job_lease_asked(struct job_lease *lease, int64_t now_ms);
/* RENEWED: the row was still ours. No answer changes nothing. */
void job_lease_answered(struct job_lease *lease, bool renewed);
bool job_lease_holds(const struct job_lease *lease, int64_t now_ms); /* may work */

/*
 * Whether jobs are looked after: a look that takes longer than a lease lasts has lost what it
 * looked after, so its thread hangs, and nobody takes a job here.
 */

enum job_watch_state { JOB_WATCH_WELL, JOB_WATCH_TROUBLED, JOB_WATCH_STUCK };

struct job_watch {
    int64_t looked_ms; /* the last look ended */
    bool troubled;     /* and failed */
};

void job_watch_init(struct job_watch *watch, int64_t now_ms);
void job_watch_looked(struct job_watch *watch, bool troubled, int64_t now_ms);
enum job_watch_state job_watch_state(const struct job_watch *watch, int64_t now_ms);

/* Progress, and what is left by its rate. */
enum { PROGRESS_SAMPLES = 16, PROGRESS_WINDOW_MS = 10000 };

struct progress {
    struct progress_sample {
        int64_t at_ms;
        int64_t done;
    } samples[PROGRESS_SAMPLES]; /* a ring; about PROGRESS_WINDOW_MS of them */
    size_t count;
    size_t next;
};

void progress_init(struct progress *progress);
/* DONE so far; one that is smaller than before begins anew. */
void progress_note(struct progress *progress, int64_t now_ms, int64_t done);
/* A second, over the window; 0: none yet. */
int64_t progress_rate(const struct progress *progress, int64_t now_ms);
/* Until TOTAL by that rate; -1: not known. */
int64_t progress_left_ms(const struct progress *progress, int64_t now_ms, int64_t total);

/* Whether a lag gets smaller. */
enum { CATCHING_PATIENCE_MS = 30000 };

enum catching {
    CATCHING_ON,    /* the lag shrinks, or it is too early to tell */
    CATCHING_STUCK, /* it has no new low for CATCHING_PATIENCE_MS */
};

struct catching_up {
    int64_t lowest; /* lag */
    int64_t lowest_at_ms;
    bool begun;
};

void catching_up_init(struct catching_up *c);
enum catching catching_up_saw(struct catching_up *c, int64_t lag, int64_t now_ms);

#endif
