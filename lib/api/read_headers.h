/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far what was read is: Daybook-Read-Position and Daybook-Read-Lag-Ms. Read models:
 * model_read.h.
 *
 * Threads: the call's query thread.
 */
#ifndef DAYBOOK_API_READ_HEADERS_H
#define DAYBOOK_API_READ_HEADERS_H
#include "api/call.h"
#include "api/query.h"

void read_headers_set(struct call *call, struct position position, int64_t lag_ms);

/* A read that is never behind the log: the head. */
MUST_CHECK bool read_headers_log(struct call *call, struct reader *reader, struct error *err);

#endif
