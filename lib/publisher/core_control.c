/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask of the core, and what it says of itself. */
#include "publisher/core.h"

#include "publisher/core_internal.h"

#include <assert.h>
#include <stdio.h>

bool pub_takes_requests(const struct pub_core *core)
{
    if (core->new_log_due || core->done_due || core->loss)
        return false;
    if (core->phase == PHASE_RUN)
        return !core->plan_ready && !core->save_due && core->taken == core->events_count;
    return core->phase == PHASE_PAUSED || core->phase == PHASE_STOPPED;
}

static const struct {
    const char *reason;
    bool new_log;
    bool loss;
} reasons[] = {
    {"log-behind", true, false},    {"log-differs", true, false}, {"cursor-lost", false, true},
    {"cursor-behind", false, true}, {"topic-lost", false, true},  {"topic-changed", false, true},
    {"topic-foreign", true, false},
};

bool pub_reason_allows(struct str reason, enum accept_kind kind)
{
    if (kind == ACCEPT_RETRY)
        return reason.len > 0;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (str_equal(str_of(reasons[i].reason), reason))
            return kind == ACCEPT_NEW_LOG ? reasons[i].new_log : reasons[i].loss;
    return false;
}

static void accept(struct pub_core *core, const struct pub_request *request)
{
    if (!request->current || core->phase != PHASE_STOPPED ||
        !pub_reason_allows(str_of(core->reason), request->accept)) {
        pub_finish_request(core, false, "refused: it does not answer the present state");
        return;
    }
    switch (request->accept) {
    case ACCEPT_RETRY:
        pub_finish_request(core, true, "looks again");
        return;
    case ACCEPT_NEW_LOG:
        snprintf(core->prefix, sizeof(core->prefix), STR_FMT, STR_ARG(request->prefix));
        core->new_log_due = true;
        return;
    case ACCEPT_LOSS:
        core->loss = true;
        core->loss_position = request->position;
        core->hanging_since_ms = 0;
        core->wait_until_ms = 0;
        core->phase = PHASE_OPEN;
        return;
    }
}

void pub_request(struct pub_core *core, const struct pub_request *request)
{
    assert(pub_takes_requests(core));
    switch (request->kind) {
    case PUB_PAUSE:
        core->paused = true;
        pub_finish_request(core, false, "paused");
        return;
    case PUB_RESUME:
        core->paused = false;
        pub_finish_request(core, false, "resumed");
        return;
    case PUB_ACCEPT:
        accept(core, request);
        return;
    }
}

static enum publisher_state state_of(const struct pub_core *core)
{
    if (core->phase == PHASE_STANDBY)
        return PUBLISHER_STANDBY;
    if (core->reason[0] != '\0')
        return PUBLISHER_STOPPED;
    if (core->attempts > 0)
        return PUBLISHER_RETRYING;
    if (core->phase == PHASE_PAUSED)
        return PUBLISHER_PAUSED;
    return core->started ? PUBLISHER_RUNNING : PUBLISHER_STARTING;
}

void pub_view(const struct pub_core *core, struct pub_view *ret)
{
    *ret = (struct pub_view){
        .state = state_of(core),
        .reason = "",
        .detail = "",
        .position = core->published,
        .head = core->head,
        .recycled = core->recycled,
        .loaded = core->loaded,
    };
    if (ret->state == PUBLISHER_STOPPED) {
        ret->reason = core->reason;
        ret->detail = core->detail;
    } else if (ret->state == PUBLISHER_RETRYING) {
        ret->error = &core->error;
    }
}
