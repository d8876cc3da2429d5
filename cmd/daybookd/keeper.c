/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/daybookd/keeper.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/uuid.h"
#include "migrations/embedded.h"
#include "resilience/backoff.h"

#include <assert.h>
#include <pthread.h>

enum {
    BEAT_MS = 1000,
    UPKEEP_MS = 10000,
    LOG_PERIOD_MS = 10000,
    DETAIL_BYTES_MAX = 64 << 10,
};

static const struct backoff_policy retry_policy = {.base_ms = 50, .max_ms = 1000};

struct keeper {
    struct keeper_config config;
    struct thread *thread;
    struct stop *stop;

    pthread_mutex_t mutex; /* guards status */
    struct keeper_status status;

    /* The thread's own. */
    struct pg_conn *conn;
    struct log_gate gate;
    unsigned attempts;
    bool has_beaten;
    int64_t upkeep_at_ms;
};

void keeper_status(struct keeper *keeper, struct keeper_status *ret)
{
    pthread_mutex_lock(&keeper->mutex);
    *ret = keeper->status;
    pthread_mutex_unlock(&keeper->mutex);
}

static void note_success(struct keeper *keeper)
{
    keeper->attempts = 0;
    pthread_mutex_lock(&keeper->mutex);
    keeper->status.connected = true;
    pthread_mutex_unlock(&keeper->mutex);
}

static void note_fault(struct keeper *keeper, const struct error *err)
{
    unsigned held_back;

    pthread_mutex_lock(&keeper->mutex);
    keeper->status.connected = pg_is_open(keeper->conn);
    keeper->status.error = *err;
    pthread_mutex_unlock(&keeper->mutex);
    if (log_gate_open(&keeper->gate, str_of(err->text), clock_monotonic_ms(), LOG_PERIOD_MS,
                      &held_back))
        log_warn("the database can not be kept up", LOG_ERR(err), LOG_I64("held_back", held_back));
}

static void decide(struct keeper *keeper, enum keeper_state state, const struct error *err,
                   const struct log_identity *identity)
{
    pthread_mutex_lock(&keeper->mutex);
    keeper->status.state = state;
    if (err != NULL)
        keeper->status.error = *err;
    if (identity != NULL)
        keeper->status.identity = *identity;
    pthread_mutex_unlock(&keeper->mutex);
    keeper->config.decided(keeper->config.arg);
}

/* False: not now, or never (then it was decided). */
static bool get_acquainted(struct keeper *keeper)
{
    struct log_identity identity;
    struct error err;

    if (!pg_open(keeper->conn, &err)) {
        note_fault(keeper, &err);
        return false;
    }
    if (!migrate_check(keeper->conn, embedded_migrations, embedded_migrations_count, &err) ||
        !log_identity_load(keeper->conn, &identity, &err)) {
        if (err.class == ERROR_TRANSIENT)
            note_fault(keeper, &err);
        else
            decide(keeper, KEEPER_REFUSED, &err, NULL);
        return false;
    }
    note_success(keeper);
    decide(keeper, KEEPER_ACQUAINTED, NULL, &identity);
    return true;
}

static bool beat(struct keeper *keeper, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf detail = BUF_INIT(DETAIL_BYTES_MAX);

    keeper->config.write_detail(keeper->config.arg, &detail);
    assert(!detail.failed);
    if (!process_beat(keeper->conn, &keeper->config.process, buf_str(&detail), !keeper->has_beaten,
                      err))
        return false;
    keeper->has_beaten = true;
    return true;
}

static bool keep_up(struct keeper *keeper, struct error *err)
{
    int64_t now_ms = clock_monotonic_ms();

    if (now_ms < keeper->upkeep_at_ms)
        return true;
    keeper->upkeep_at_ms = now_ms + UPKEEP_MS;
    return upkeep_run(keeper->conn, &keeper->config.upkeep, err);
}

static bool keep(struct keeper *keeper)
{
    struct error err;

    if (pg_open(keeper->conn, &err) && beat(keeper, &err) && keep_up(keeper, &err)) {
        note_success(keeper);
        return true;
    }
    pg_rollback(keeper->conn);
    note_fault(keeper, &err);
    return false;
}

static void run(void *arg)
{
    struct keeper *keeper = arg;
    enum keeper_state state = KEEPER_TRYING;
    struct keeper_status status;
    int64_t wait_ms = 0;

    while (state != KEEPER_REFUSED && !stop_wait(keeper->stop, wait_ms)) {
        bool ok = state == KEEPER_ACQUAINTED ? keep(keeper) : get_acquainted(keeper);

        keeper_status(keeper, &status);
        if (!ok)
            wait_ms = backoff_delay_ms(retry_policy, keeper->attempts++, random_u64());
        else
            wait_ms = state == KEEPER_ACQUAINTED ? BEAT_MS : 0;
        state = status.state;
    }
}

static void keeper_free(struct keeper *keeper)
{
    pg_free(keeper->conn);
    stop_free(keeper->stop);
    pthread_mutex_destroy(&keeper->mutex);
    mem_free(keeper);
}

bool keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct error *err)
{
    struct keeper *keeper = mem_zalloc(sizeof *keeper);

    keeper->config = *config;
    keeper->stop = stop_new();
    keeper->conn = pg_new(&config->postgres, PG_PROFILE_UPKEEP);
    pthread_mutex_init(&keeper->mutex, NULL);
    if (!thread_start(THREAD_UPKEEP, "keeper", run, keeper, &keeper->thread, err)) {
        keeper_free(keeper);
        return false;
    }
    *ret_keeper = keeper;
    return true;
}

void keeper_stop(struct keeper *keeper)
{
    struct error err;

    if (keeper == NULL)
        return;
    stop_request(keeper->stop);
    thread_join(keeper->thread);
    /* Best effort: a row that stays is seen to be dead by its age. */
    if (keeper->has_beaten && pg_is_open(keeper->conn) &&
        !process_leave(keeper->conn, keeper->config.process.id, &err))
        log_debug("the process stays on the list", LOG_ERR(&err));
    keeper_free(keeper);
}
