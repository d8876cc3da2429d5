/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of POST /v1/commands: a result for each command, or the problem of the one an atomic
 * request failed for.
 *
 * Threads: the writer's, before COMMIT; the http thread's.
 */
#ifndef DAYBOOK_API_BULK_ANSWER_H
#define DAYBOOK_API_BULK_ANSWER_H
#include "api/writes.h"

/* What composes a group's answer, and what gives it. */
void bulk_compose(struct write *group, struct stored_answer *ret_answer);
void bulk_answer(struct write *group);

#endif
