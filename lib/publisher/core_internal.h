/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core's state, shared by core.c (what to do next) and core_start.c (where to go on).
 */
#ifndef DAYBOOK_PUBLISHER_CORE_INTERNAL_H
#define DAYBOOK_PUBLISHER_CORE_INTERNAL_H
#include "eventlog/identity.h"
#include "publisher/core.h"

enum pub_phase {
    PHASE_STANDBY,
    PHASE_LOAD,
    PHASE_OPEN,
    PHASE_FETCH,
    PHASE_CHECK,
    PHASE_INSPECT,
    PHASE_TOPICS,   /* make what is missing */
    PHASE_COMPLETE, /* what a torn transaction left out */
    PHASE_RUN,
    PHASE_COUNT, /* an accepted loss: entries from the log, up to the named position */
    PHASE_PAUSED,
    PHASE_STOPPED,
    PHASE_BACKOFF,
};

struct pub_core {
    struct pub_config config;
    enum pub_phase phase;
    int64_t epoch;
    uint64_t connects;

    bool producer_open;
    bool doubt;
    unsigned recycled;
    bool settings_checked; /* since we lead */

    struct cursor cursor; /* as Kafka has it, moved along by plans */
    struct cursor copy;   /* as the database has it */
    bool has_copy;
    struct position head;
    struct position published; /* the cursor's as last committed */
    bool loaded;               /* what the database says is known */
    bool started;              /* reached RUN since the last load; a recycling does not count */

    const struct event *events; /* the page; the first `taken` are done with */
    size_t events_count;
    size_t taken;
    struct position page_to;  /* what the page covers */
    struct position complete; /* COMPLETE: everything up to here is put right */
    bool caught_up;           /* the last page was empty */

    struct plan plan;
    bool plan_ready;
    bool save_due;
    int64_t ended_ms; /* of the last transaction */

    struct str *categories; /* whose topics are wanted; owned */
    size_t categories_count;

    bool loss; /* an accepted loss is carried out, up to: */
    struct position loss_position;
    char prefix[LOG_PREFIX_MAX + 1];
    bool new_log_due;
    bool done_due;
    bool done_clears_stop;
    char outcome[PUBLISHER_DETAIL_MAX];

    bool paused;
    char reason[PUBLISHER_REASON_MAX]; /* "": not stopped */
    char detail[PUBLISHER_DETAIL_MAX];

    int64_t wait_until_ms;
    int64_t hanging_since_ms;       /* 0: nothing hangs */
    char hanging[CURSOR_TOPIC_MAX]; /* which topic; "": the cursor's */
    char ended[CURSOR_TOPIC_MAX];   /* which one was tried last since the load */
    bool end_due;
    bool end_tried;
    unsigned attempts; /* failed ones since something went well */
    struct error error;
};

/* Stops until an operator's word. Always leaves the phase STOPPED. */
void pub_stop(struct pub_core *core, const char *reason, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Forgets the page and the plan. */
void pub_drop_work(struct pub_core *core);
void pub_finish_request(struct pub_core *core, bool clears_stop, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

#endif
