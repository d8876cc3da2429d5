/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that read the database for queries, each with a connection of its own.
 *
 * Threads: query_submit and query_try from any.
 */
#ifndef DAYBOOK_API_QUERY_H
#define DAYBOOK_API_QUERY_H
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/scope.h"
#include "postgres/pg.h"

struct call;
struct live_tables;
struct query_pool;

/* What a query runs with; all of the query thread's. */
struct reader {
    struct pg_conn *conn; /* open */
    struct live_tables *live;
};

/* Answers CALL. Returns false for a failed read, not yet answered: the pool tries once more on a
 * fresh connection if that was lost, then answers by the error. */
typedef bool (*query_fn)(struct call *call, struct reader *reader, struct error *err);

MUST_CHECK bool query_pool_start(const struct pg_config *postgres, unsigned threads,
                                 size_t queue_max, struct query_pool **ret_pool, struct error *err);
/* No more queries; what waits is still answered. Threads may submit until query_pool_stop(). */
void query_pool_close(struct query_pool *pool);
/* Takes no more, and answers 503 to what waits; what runs goes on. */
void query_pool_refuse(struct query_pool *pool);
/* What waits is answered first. */
void query_pool_stop(struct query_pool *pool);

/* Calls that no thread has taken yet: all have one. */
bool query_pool_has_waiting(struct query_pool *pool);
/* Takes the call, or answers 503 overloaded. */
void query_submit(struct query_pool *pool, struct call *call, query_fn fn);
/* Takes the call; false: too many wait already, and it is not answered. */
MUST_CHECK bool query_try(struct query_pool *pool, struct call *call, query_fn fn);

#endif
