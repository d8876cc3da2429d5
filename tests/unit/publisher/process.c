/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/publisher/process.h"

#include "base/mem.h"
#include "tests/unit/publisher/world_internal.h"

#include <stdio.h>

enum { SETTLE_STEPS_MAX = 4000 };

struct process *process_new(struct world *world, int64_t lease)
{
    static const struct pub_config config = {
        .limits = {.records_max = 10, .bytes_max = 1 << 20},
        .pause_ms = 2,
        .poll_interval_ms = 10,
        .hanging_ms = 40000,
    };
    struct process *process = mem_zalloc(sizeof(*process));

    process->world = world;
    process->core = pub_new(&config);
    process->lease = lease;
    return process;
}

void process_free(struct process *process)
{
    pub_free(process->core);
    mem_free(process);
}

/* As the shell does: a stop is in the database before anything else happens. */
static void report(struct process *process)
{
    struct pub_view view;

    pub_view(process->core, &view);
    if (!view.loaded || view.state != PUBLISHER_STOPPED)
        return;
    snprintf(process->world->stop_reason, WORLD_TEXT, "%s", view.reason);
    snprintf(process->world->stop_detail, PUBLISHER_DETAIL_MAX, "%s", view.detail);
}

void process_step(struct process *process)
{
    struct pub_step step;
    struct error err = {0};

    process->world->now_ms++;
    pub_lease(process->core, process->lease);
    pub_connects(process->core, process->world->connects);
    if (process->doubt)
        pub_doubt(process->core);
    step = pub_next(process->core, process->world->now_ms);
    process->last_step = step.kind;
    if (!process_perform(process, &step, &err))
        pub_failed(process->core, &err, process->world->now_ms, 0);
    report(process);
}

enum publisher_state process_state(const struct process *process)
{
    struct pub_view view;

    pub_view(process->core, &view);
    return view.state;
}

const char *process_reason(const struct process *process)
{
    struct pub_view view;

    pub_view(process->core, &view);
    return view.reason;
}

static bool is_settled(const struct process *process)
{
    struct pub_view view;

    if (process->last_step != PUB_WAIT)
        return false;
    pub_view(process->core, &view);
    switch (view.state) {
    case PUBLISHER_RUNNING:
        return view.position.n == process->world->head && pub_takes_requests(process->core);
    case PUBLISHER_PAUSED:
    case PUBLISHER_STOPPED:
    case PUBLISHER_STANDBY:
        return pub_takes_requests(process->core) || view.state == PUBLISHER_STANDBY;
    case PUBLISHER_STARTING:
    case PUBLISHER_RETRYING:
        break;
    }
    return false;
}

void process_settle(struct process *process)
{
    process->last_step = PUB_LOAD;
    for (int i = 0; i < SETTLE_STEPS_MAX; i++) {
        process_step(process);
        if (is_settled(process))
            return;
    }
    ck_abort_msg("never settles: state %s %s", publisher_state_name(process_state(process)),
                 process_reason(process));
}

void process_request(struct process *process, const struct pub_request *request)
{
    ck_assert(pub_takes_requests(process->core));
    pub_request(process->core, request);
    process_settle(process);
}
