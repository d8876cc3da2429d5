/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A part of the log written to a topic once more, as a job: each event once and in order, whatever
 * happens to the process, marked by the headers ce_replay (the job) and ce_replaynumber (1, 2,
 * ...).
 *
 * The records are as the publisher writes them, but for ce_previousposition, which is that of the
 * replay's own record before it in its partition.
 *
 * Threads: the connection's owner only.
 */
#ifndef DAYBOOK_PROJECTION_REPLAY_H
#define DAYBOOK_PROJECTION_REPLAY_H
#include <stdint.h>

#include "base/error.h"
#include "eventlog/read.h"
#include "projection/job_runner.h"

enum { REPLAY_TOPIC_MAX = 150, REPLAY_RATE_MAX = 1000000 };

struct replay_request {
    struct str topic; /* made unless it is there; not one of the log's own */
    struct position after;
    struct position up_to;    /* 0: the head as it is now */
    struct log_filter filter; /* no correlation_id */
    int64_t rate;             /* events a second at most; 0: as fast as it goes */
    struct str by;
};

/* REFUSED "validation-failed" for a topic's name or a range that can not be. */
MUST_CHECK bool replay_ask(struct pg_conn *conn, const struct replay_request *request,
                           int64_t *ret_job, struct error *err);

extern const struct job_kind replay_kind;

#endif
