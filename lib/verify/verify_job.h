/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A verification as a job: kind "verify", arguments {"parts": ["log", ...], "keys": n}. Its
 * findings are in findings.h, its message counts them. It begins anew when another process takes it
 * over.
 *
 * Threads: immutable.
 */
#ifndef DAYBOOK_VERIFY_VERIFY_JOB_H
#define DAYBOOK_VERIFY_VERIFY_JOB_H
#include "projection/job_runner.h"

enum { VERIFY_KEYS_DEFAULT = 250000, VERIFY_KAFKA_TIMEOUT_MS = 60000 };

extern const struct job_kind verify_kind;

#endif
