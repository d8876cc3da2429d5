/* SPDX-License-Identifier: Apache-2.0 */
#include "api/waits.h"

#include "api/model_read.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/monitor.h"
#include "base/thread.h"

#include <assert.h>

#define ENDED INT64_MIN /* nobody waits on: not even for the database */

enum { LOOK_INTERVAL_MS = 10, FAILED_INTERVAL_MS = 200, PROJECTIONS_MAX = 64 };

static struct metric waiting = {
    .kind = METRIC_GAUGE,
    .name = "daybook_read_waits",
    .help = "Reads put aside until their read model holds the write of their Consistency-Token.",
};

static struct metric waits_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_read_waits_total",
    .help = "Reads that were put aside, by what came of it.",
    .labels = {"result"},
};

static struct metric looks_total = {
    .kind = METRIC_COUNTER,
    .name = "daybook_read_wait_looks_total",
    .help = "How often the database was asked for all reads that wait.",
};

struct waits {
    struct pg_conn *conn; /* the thread's */
    size_t max;
    struct thread *thread;
    struct monitor monitor; /* guards what follows; told of the first call and of the end */
    struct call *first;     /* newest first; none while the thread looks after them */
    size_t count;           /* those that the thread looks after included */
    int64_t cut_ms;         /* no deadline is later */
    bool closed;
};

/* Waits for calls, then takes them; NULL: closed and empty. */
static struct call *await_calls(struct waits *waits, int64_t *ret_cut_ms)
{
    struct monitor_deadline never = monitor_deadline(-1);
    struct call *calls;

    monitor_lock(&waits->monitor);
    while (waits->first == NULL && !waits->closed)
        (void)monitor_wait(&waits->monitor, &never);
    calls = TAKE(waits->first);
    *ret_cut_ms = waits->closed ? ENDED : waits->cut_ms;
    monitor_unlock(&waits->monitor);
    return calls;
}

/* Those that go on waiting join what came meanwhile. */
static void put_back(struct waits *waits, struct call *calls, size_t left)
{
    struct call *next;

    monitor_lock(&waits->monitor);
    for (; calls != NULL; calls = next) {
        next = calls->model_read->next;
        calls->model_read->next = waits->first;
        waits->first = calls;
    }
    waits->count -= left;
    metric_set(METRIC_AT(&waiting), (double)waits->count);
    monitor_unlock(&waits->monitor);
}

static void rest(struct waits *waits, int64_t ms)
{
    struct monitor_deadline deadline = monitor_deadline(ms);

    monitor_lock(&waits->monitor);
    while (!waits->closed && monitor_wait(&waits->monitor, &deadline))
        ;
    monitor_unlock(&waits->monitor);
}

struct looking {
    const struct projection *projections[PROJECTIONS_MAX];
    size_t projections_count;
    struct reach reach;
    bool reached; /* the database answered */
    struct error err;
};

static void add_projection(struct looking *looking, const struct projection *projection)
{
    for (size_t i = 0; i < looking->projections_count; i++)
        if (looking->projections[i] == projection)
            return;
    assert(looking->projections_count < PROJECTIONS_MAX);
    looking->projections[looking->projections_count++] = projection;
}

static void look(struct waits *waits, const struct call *calls, struct arena *arena,
                 struct looking *looking)
{
    for (const struct call *call = calls; call != NULL; call = call->model_read->next)
        for (size_t i = 0; i < call->model_read->projections_count; i++)
            add_projection(looking, call->model_read->projections[i]);
    looking->reached = pg_open(waits->conn, &looking->err) &&
                       reach_load(waits->conn, looking->projections, looking->projections_count, 0,
                                  arena, &looking->reach, &looking->err);
    metric_add(METRIC_AT(&looks_total), 1);
}

static bool is_there(const struct looking *looking, const struct model_read *read)
{
    for (size_t i = 0; i < read->projections_count; i++)
        if (!reach_holds(&looking->reach, read->projections[i], &read->written))
            return false;
    return true;
}

static void expire(struct call *call, const struct looking *looking)
{
    METRIC_INC(&waits_total, "expired");
    if (looking->reached)
        model_read_expire(call);
    else
        call_failed(call, &looking->err);
}

/* Gives back whose time it is; the others stay in the list that is returned. */
static struct call *sort_out(struct call *calls, const struct looking *looking, int64_t cut_ms,
                             size_t *ret_left)
{
    int64_t now_ms = clock_monotonic_ms();
    struct call *staying = NULL;
    struct call *next;

    for (struct call *call = calls; call != NULL; call = next) {
        struct model_read *read = call->model_read;

        next = read->next;
        ++*ret_left;
        if (looking->reached && is_there(looking, read)) {
            METRIC_INC(&waits_total, "came");
            model_read_resume(call); /* another's from here on */
        } else if (now_ms >= read->deadline_ms || now_ms >= cut_ms) {
            expire(call, looking);
        } else {
            read->next = staying;
            staying = call;
            --*ret_left;
        }
    }
    return staying;
}

static void tell_failure(const struct looking *looking, bool *was_reached)
{
    if (!looking->reached && *was_reached)
        log_warn("reads that wait can not be looked after", LOG_ERR(&looking->err));
    *was_reached = looking->reached;
}

static void watch(void *arg)
{
    SCOPED(arena_free) struct arena *arena = arena_new(0);
    struct waits *waits = arg;
    struct looking looking;
    bool was_reached = true;
    struct call *calls;
    int64_t cut_ms;

    while ((calls = await_calls(waits, &cut_ms)) != NULL) {
        size_t left = 0;

        looking = (struct looking){.reached = true};
        if (cut_ms != ENDED)
            look(waits, calls, arena, &looking);
        tell_failure(&looking, &was_reached);
        calls = sort_out(calls, &looking, cut_ms, &left);
        put_back(waits, calls, left);
        arena_clear(arena);
        rest(waits, looking.reached ? LOOK_INTERVAL_MS : FAILED_INTERVAL_MS);
    }
}

bool waits_start(const struct pg_config *postgres, size_t max, struct waits **ret_waits,
                 struct error *err)
{
    struct waits *waits = mem_zalloc(sizeof *waits);

    waits->conn = pg_new(postgres, PG_PROFILE_QUERY);
    waits->max = max;
    waits->cut_ms = INT64_MAX;
    monitor_init(&waits->monitor);
    if (!thread_start(THREAD_QUERY, "waits", watch, waits, &waits->thread, err)) {
        waits_free(waits);
        return error_wrap(err, "start the thread that waits for read models");
    }
    *ret_waits = waits;
    return true;
}

void waits_add(struct waits *waits, struct call *call)
{
    bool closed;
    bool added;

    assert(call->model_read->awaits && call->model_read->loaded);

    monitor_lock(&waits->monitor);
    closed = waits->closed;
    added = !closed && waits->count < waits->max;
    if (added) {
        call->model_read->next = waits->first;
        waits->first = call;
        waits->count++;
        monitor_notify_all(&waits->monitor);
    }
    monitor_unlock(&waits->monitor);
    if (!added)
        call_problem(call, "overloaded", STR_NONE,
                     closed ? "this process is stopping"
                            : "too many reads wait for their write already");
}

void waits_hurry(struct waits *waits, int64_t wait_ms)
{
    monitor_lock(&waits->monitor);
    waits->cut_ms = clock_monotonic_ms() + wait_ms;
    monitor_unlock(&waits->monitor);
}

void waits_close(struct waits *waits)
{
    monitor_lock(&waits->monitor);
    waits->closed = true;
    monitor_notify_all(&waits->monitor);
    monitor_unlock(&waits->monitor);
    thread_join(TAKE(waits->thread));
}

void waits_free(struct waits *waits)
{
    if (waits == NULL)
        return;
    assert(waits->first == NULL);
    pg_free(waits->conn);
    monitor_release(&waits->monitor);
    mem_free(waits);
}
