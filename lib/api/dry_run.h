/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to ?dry_run=true: the events that would have been appended.
 *
 * Threads: the http thread's.
 */
#ifndef DAYBOOK_API_DRY_RUN_H
#define DAYBOOK_API_DRY_RUN_H
#include "api/writes.h"

/* {"dry_run": true, "<id_name>"?, "streams": [...], "events": [...]} of an accepted write. */
void dry_run_body(const struct write *write, const struct write_shape *shape, struct buf *out);

void dry_run_answer(struct call *call, const struct write *write, const struct write_shape *shape);

#endif
