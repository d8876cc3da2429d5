/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/leader.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "publisher/sql.h"
#include "resilience/lease.h"

#include <pthread.h>

enum {
    LOOK_MS = 500,
    RETRY_MS = 500,
    WAIT_MAX_MS = 500,
    LOG_PERIOD_MS = 60000,
};

struct leader {
    char *instance;
    struct pg_conn *conn; /* the thread's */
    struct thread *thread;
    struct stop *stop;
    struct log_gate gate;
    pthread_mutex_t mutex; /* guards lease */
    struct lease lease;
};

static bool look(struct leader *leader, struct lease_row *ret_row, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(leader->instance));
    if (!pg_query(leader->conn, sql_lease_look, &params, &rows, err))
        return error_wrap(err, "look at the publisher's lease");
    if (pg_rows_count(rows) != 1)
        return error_set(err, ERROR_FATAL, "internal-error", "publisher_lease has no row");
    *ret_row = (struct lease_row){
        .mine = pg_get_bool(rows, 0, 0),
        .epoch = pg_get_i64(rows, 0, 1),
        .left_ms = pg_get_i64(rows, 0, 2),
    };
    return true;
}

static bool acquire(struct leader *leader, bool *ret_updated, int64_t *ret_epoch, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(leader->instance));
    pg_add_i64(&params, leader->lease.policy.lease_ms);
    pg_add_i64(&params, lease_epoch_seen(&leader->lease));
    pg_add_bool(&params, lease_may_take_own(&leader->lease));
    if (!pg_query(leader->conn, sql_lease_acquire, &params, &rows, err))
        return error_wrap(err, "take the publisher's lease");
    *ret_updated = pg_rows_count(rows) == 1;
    if (*ret_updated)
        *ret_epoch = pg_get_i64(rows, 0, 0);
    return true;
}

static bool renew(struct leader *leader, int64_t lease_ms, bool *ret_updated, struct error *err)
{
    SCOPED_VALUE(pg_params_release) struct pg_params params;
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;

    pg_params_init(&params);
    pg_add_str(&params, str_of(leader->instance));
    pg_add_i64(&params, lease_ms);
    pg_add_i64(&params, lease_epoch(&leader->lease));
    if (!pg_query(leader->conn, sql_lease_renew, &params, &rows, err))
        return error_wrap(err, "renew the publisher's lease");
    *ret_updated = pg_rows_affected(rows) == 1;
    return true;
}

/* The leader's thread alone writes the lease, so it may read it without the mutex. */

struct answer {
    bool ok;
    bool updated;
    int64_t epoch;
    struct lease_row row;
};

static struct answer ask(struct leader *leader, enum lease_action action, struct error *err)
{
    struct answer answer = {0};

    if (!pg_open(leader->conn, err))
        return answer;
    switch (action) {
    case LEASE_LOOK:
        answer.ok = look(leader, &answer.row, err);
        break;
    case LEASE_ACQUIRE:
        answer.ok = acquire(leader, &answer.updated, &answer.epoch, err);
        break;
    case LEASE_RENEW:
        answer.ok = renew(leader, leader->lease.policy.lease_ms, &answer.updated, err);
        break;
    case LEASE_RELEASE:
        answer.ok = renew(leader, 0, &answer.updated, err);
        break;
    case LEASE_WAIT:
    case LEASE_STAND_DOWN:
        break;
    }
    return answer;
}

static void tell(struct leader *leader, enum lease_action action, const struct answer *answer)
{
    int64_t now_ms = clock_monotonic_ms();

    pthread_mutex_lock(&leader->mutex);
    if (!answer->ok)
        lease_failed(&leader->lease, now_ms);
    else if (action == LEASE_LOOK)
        lease_saw(&leader->lease, now_ms, answer->row);
    else
        lease_answered(&leader->lease, now_ms, answer->updated, answer->epoch);
    pthread_mutex_unlock(&leader->mutex);
}

static void complain(struct leader *leader, const struct error *err)
{
    unsigned held_back;

    if (log_gate_open(&leader->gate, str_of(err->text), clock_monotonic_ms(), LOG_PERIOD_MS,
                      &held_back))
        log_warn("publisher's lease", LOG_ERR(err), LOG_I64("held_back", held_back));
}

/* One step. False: nothing to do for *RET_WAIT_MS. */
static bool step(struct leader *leader, int64_t *ret_wait_ms)
{
    struct error err = {0};
    enum lease_action action;
    struct answer answer;

    pthread_mutex_lock(&leader->mutex);
    action = lease_next(&leader->lease, clock_monotonic_ms());
    *ret_wait_ms = lease_wait_ms(&leader->lease, clock_monotonic_ms());
    pthread_mutex_unlock(&leader->mutex);
    if (action == LEASE_WAIT)
        return false;
    if (action == LEASE_STAND_DOWN) /* seen by leader_epoch() */
        return true;
    answer = ask(leader, action, &err);
    if (!answer.ok)
        complain(leader, &err);
    tell(leader, action, &answer);
    return true;
}

static void run(void *arg)
{
    struct leader *leader = arg;
    int64_t wait_ms;

    while (!stop_requested(leader->stop))
        if (!step(leader, &wait_ms))
            stop_wait(leader->stop, wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS);

    pthread_mutex_lock(&leader->mutex);
    lease_leave(&leader->lease, clock_monotonic_ms());
    pthread_mutex_unlock(&leader->mutex);
    while (!lease_left(&leader->lease))
        if (!step(leader, &wait_ms))
            break;
}

bool leader_start(const struct pg_config *postgres, const char *instance, int64_t lease_ms,
                  struct leader **ret_leader, struct error *err)
{
    struct leader *leader = mem_zalloc(sizeof(*leader));
    struct lease_policy policy = {
        .lease_ms = lease_ms,
        .renew_ms = lease_ms / 4,
        .margin_ms = lease_ms / 10,
        .look_ms = LOOK_MS,
        .retry_ms = RETRY_MS,
    };

    leader->instance = mem_strdup(instance);
    leader->conn = pg_new(postgres, PG_PROFILE_QUERY);
    leader->stop = stop_new();
    pthread_mutex_init(&leader->mutex, NULL);
    lease_init(&leader->lease, policy);
    if (!thread_start(THREAD_PUBLISHER, "lease", run, leader, &leader->thread, err)) {
        leader_stop(leader);
        return false;
    }
    *ret_leader = leader;
    return true;
}

void leader_stop(struct leader *leader)
{
    if (leader == NULL)
        return;
    stop_request(leader->stop);
    thread_join(leader->thread);
    pthread_mutex_destroy(&leader->mutex);
    stop_free(leader->stop);
    pg_free(leader->conn);
    mem_free(leader->instance);
    mem_free(leader);
}

int64_t leader_epoch(struct leader *leader)
{
    int64_t epoch = 0;

    pthread_mutex_lock(&leader->mutex);
    if (lease_held(&leader->lease, clock_monotonic_ms()))
        epoch = lease_epoch(&leader->lease);
    pthread_mutex_unlock(&leader->mutex);
    return epoch;
}
