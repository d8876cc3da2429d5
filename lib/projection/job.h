/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs in the database: asked for by anyone, carried out by the process that holds the lease. See
 * job_core.h for their states, job_runner.h for who carries them out.
 *
 * Threads: the connection's owner only. Strings live in the ARENA given.
 */
#ifndef DAYBOOK_PROJECTION_JOB_H
#define DAYBOOK_PROJECTION_JOB_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "projection/job_core.h"

struct arena;
struct pg_conn;

enum { JOB_MESSAGE_MAX = ERROR_TEXT_MAX, JOBS_KEPT = 500 };

struct job {
    int64_t id;
    struct str kind;
    struct str projection; /* data NULL: none */
    struct str arguments;  /* JSON */
    enum job_state state;
    int64_t done;
    int64_t total; /* 0: not known */
    int64_t rate;
    int64_t parked;
    int64_t lag;
    struct str message;
    struct str holder;
    int64_t epoch;
    bool held; /* the lease has not expired */
    struct str requested_by;
    int64_t requested_us; /* wall; 0: not yet */
    int64_t started_us;
    int64_t heartbeat_us;
    int64_t finished_us;
    struct str cancel_requested_by; /* data NULL: nobody */
};

/* What people see of a running one. */
struct job_progress {
    int64_t done;
    int64_t total;
    int64_t rate;
    int64_t parked;
    int64_t lag;
    char message[JOB_MESSAGE_MAX];
};

/* Inside the caller's transaction, or not. PROJECTION data NULL: none. ARGUMENTS: JSON. */
MUST_CHECK bool job_add(struct pg_conn *conn, struct str kind, struct str projection,
                        struct str arguments, struct str by, int64_t *ret_id, struct error *err);

/* *ret_found. */
MUST_CHECK bool job_load(struct pg_conn *conn, int64_t id, struct arena *arena, struct job *ret,
                         bool *ret_found, struct error *err);
/* The newest LIMIT before BEFORE (0: the last), newest first. */
MUST_CHECK bool jobs_load(struct pg_conn *conn, int64_t before, size_t limit, struct arena *arena,
                          struct job **ret, size_t *ret_count, struct error *err);
/* Asks whoever holds it, or takes it next, to end it. *ret_asked: it had not ended. */
MUST_CHECK bool job_cancel(struct pg_conn *conn, int64_t id, struct str by, bool *ret_asked,
                           struct error *err);

/* Jobs nobody has, the oldest first. */
MUST_CHECK bool jobs_free(struct pg_conn *conn, size_t limit, struct arena *arena, struct job **ret,
                          size_t *ret_count, struct error *err);
/* Takes JOB as it was seen: *ret_taken, and job->epoch is ours. */
MUST_CHECK bool job_take(struct pg_conn *conn, const char *holder, struct job *job, bool *ret_taken,
                         struct error *err);
/* *ret_renewed: it is still ours. *ret_cancel: somebody asked to end it. */
MUST_CHECK bool job_renew(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
                          const struct job_progress *progress, bool *ret_renewed, bool *ret_cancel,
                          struct error *err);
/* It ended; old ones are forgotten. */
MUST_CHECK bool job_end(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
                        enum job_state state, const struct job_progress *progress,
                        struct error *err);
/* Anybody may have it at once. */
MUST_CHECK bool job_give_back(struct pg_conn *conn, const char *holder, int64_t id, int64_t epoch,
                              const struct job_progress *progress, struct error *err);

#endif
