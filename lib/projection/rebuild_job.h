/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs on generations: "rebuild", "activate", "rollback". rebuild.h asks for them.
 *
 * Threads: immutable.
 */
#ifndef DAYBOOK_PROJECTION_REBUILD_JOB_H
#define DAYBOOK_PROJECTION_REBUILD_JOB_H
#include "projection/job_runner.h"

extern const struct job_kind rebuild_kind;
extern const struct job_kind activate_kind;
extern const struct job_kind rollback_kind;

#endif
