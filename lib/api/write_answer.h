/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a write, as HTTP says it: the stored form of a success, the problem of a refusal.
 *
 * Threads: the writer's, before COMMIT; the http thread's; a query thread's.
 */
#ifndef DAYBOOK_API_WRITE_ANSWER_H
#define DAYBOOK_API_WRITE_ANSWER_H
#include "api/token.h"
#include "api/writes.h"

/* Of WRITE_APPENDED and WRITE_REPEATED, not dry: as it is stored, and as it is sent when it was not
 * stored. Depends on the results only. */
void write_answer_compose(struct call *call, const struct write *write,
                          const struct write_shape *shape, struct stored_answer *ret);
void write_answer_success(struct call *call, const struct write *write,
                          const struct write_shape *shape);

/* Of every other outcome but WRITE_REPLAYED; a conflict as one of a condition in the body. */
struct problem write_answer_problem(struct call *call, const struct write *write);

/* Where the Location header of a command leads; its shape has one. */
struct str write_answer_location(const struct write *write, const struct write_shape *shape);

/* The positions of its events; of its main stream's last one when it has none. */
struct consistency_token write_answer_token(struct call *call, const struct write *write);

/* A version in JSON as a body may state it: 7, "none", "exists", "any". */
void write_answer_expected(const struct expectation *expected, struct buf *out);

/* Answers with what was composed, now or once. */
void write_answer_send(struct call *call, const struct stored_answer *answer);

#endif
