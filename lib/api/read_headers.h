/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far what was read is: Daybook-Read-Position and Daybook-Read-Lag-Ms.
 *
 * Threads: the call's query thread.
 */
#ifndef DAYBOOK_API_READ_HEADERS_H
#define DAYBOOK_API_READ_HEADERS_H
#include "api/call.h"
#include "api/query.h"
#include "projection/fold.h"

void read_headers_set(struct call *call, struct position position, int64_t lag_ms);

/* A read model's; ask before its rows. */
MUST_CHECK bool read_headers_projection(struct call *call, struct reader *reader,
                                        const struct projection *projection, struct error *err);

/* A read that is never behind the log: the head. */
MUST_CHECK bool read_headers_log(struct call *call, struct reader *reader, struct error *err);

#endif
