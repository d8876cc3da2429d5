/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query.h"

#include "api/call.h"
#include "base/arena.h"
#include "base/mem.h"
#include "base/queue.h"
#include "base/thread.h"
#include "projection/live.h"

enum { THREADS_MAX = 64 };

struct query_pool {
    struct pg_config postgres;
    struct queue *queue;
    struct thread *threads[THREADS_MAX];
    unsigned threads_count;
};

struct job {
    struct call *call;
    query_fn fn;
};

static bool run_once(const struct job *job, struct reader *reader, struct error *err)
{
    return pg_open(reader->conn, err) && job->fn(job->call, reader, err);
}

static void run(const struct job *job, struct reader *reader)
{
    struct error err = {0};

    if (run_once(job, reader, &err))
        return;
    pg_rollback(reader->conn);
    /* A read that lost its connection (a restart, a failover) is worth one more. */
    if (!pg_is_open(reader->conn) && run_once(job, reader, &err))
        return;
    pg_rollback(reader->conn);
    call_failed(job->call, &err);
}

static void query_thread(void *arg)
{
    struct query_pool *pool = arg;
    struct reader reader = {.conn = pg_new(&pool->postgres, PG_PROFILE_QUERY),
                            .live = live_tables_new()};
    struct job *job;

    while ((job = queue_pop(pool->queue, -1)) != NULL || !queue_is_closed(pool->queue))
        if (job != NULL)
            run(job, &reader); /* the job lies in the call's arena, which the answer ends */
    pg_free(reader.conn);
    live_tables_free(reader.live);
}

bool query_pool_start(const struct pg_config *postgres, unsigned threads, size_t queue_max,
                      struct query_pool **ret_pool, struct error *err)
{
    struct query_pool *pool = mem_zalloc(sizeof *pool);

    pool->postgres = *postgres;
    pool->queue = queue_new(queue_max);
    while (pool->threads_count < threads && pool->threads_count < THREADS_MAX) {
        if (!thread_start(THREAD_QUERY, "query", query_thread, pool,
                          &pool->threads[pool->threads_count], err)) {
            query_pool_stop(pool);
            return error_wrap(err, "start a query thread");
        }
        pool->threads_count++;
    }
    *ret_pool = pool;
    return true;
}

static void refuse(struct call *call)
{
    call_problem(call, "overloaded", STR_NONE, "too many reads wait already");
}

void query_pool_close(struct query_pool *pool)
{
    queue_close(pool->queue);
}

void query_pool_refuse(struct query_pool *pool)
{
    struct job *job;

    query_pool_close(pool);
    while ((job = queue_pop(pool->queue, 0)) != NULL)
        refuse(job->call);
}

void query_pool_stop(struct query_pool *pool)
{
    if (pool == NULL)
        return;
    query_pool_close(pool);
    for (unsigned i = 0; i < pool->threads_count; i++)
        thread_join(pool->threads[i]);
    queue_free(pool->queue);
    mem_free(pool);
}

bool query_pool_has_waiting(struct query_pool *pool)
{
    return queue_count(pool->queue) > 0;
}

bool query_try(struct query_pool *pool, struct call *call, query_fn fn)
{
    struct job *job = ARENA_NEW(call->arena, struct job);

    *job = (struct job){.call = call, .fn = fn};
    return queue_push(pool->queue, job) == QUEUE_PUSHED;
}

void query_submit(struct query_pool *pool, struct call *call, query_fn fn)
{
    if (!query_try(pool, call, fn))
        refuse(call);
}
