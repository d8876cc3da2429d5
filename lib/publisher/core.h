/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publisher's decisions, without I/O: what to do next, when to throw the producer away, when to
 * stop and why.
 *
 * The owner asks pub_next() for a step, carries it out, and answers with the one function that the
 * step names, or with pub_failed(); then asks again. Between steps it tells what happened beside:
 * the lease, doubts about the producer, new connections to the database, requests.
 *
 * Every start, and every restart after any fault, goes the same way, which trusts nothing from
 * before: load, open (fences), fetch, check, inspect, then on. See docs/publisher.md.
 *
 * Threads: owner only. Time and randomness come in as arguments.
 */
#ifndef DAYBOOK_PUBLISHER_CORE_H
#define DAYBOOK_PUBLISHER_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/scope.h"
#include "publisher/control.h"
#include "publisher/cursor.h"
#include "publisher/lane.h"
#include "publisher/plan.h"
#include "publisher/publisher.h"

struct pub_core;

struct pub_config {
    struct plan_limits limits;
    int64_t pause_ms;
    int64_t poll_interval_ms;
    int64_t hanging_ms;            /* how long an open transaction is waited for */
    const char *const *categories; /* whose topics are made at the start; ends with NULL */
};

enum pub_step_kind {
    PUB_WAIT, /* wait_ms at most; `wakeable`: less, when the log may have grown. No answer */
    PUB_CLOSE_PRODUCER, /* no answer */
    PUB_LOAD,           /* what the database says; pub_loaded() */
    PUB_OPEN_PRODUCER,  /* throw the old one away, make a new one, init; pub_opened() */
    PUB_FETCH_CURSOR,   /* make the cursor's topic if it is missing; pub_fetched() */
    PUB_CHECK_LOG,      /* head, and the event at `position`; pub_checked() */
    PUB_INSPECT,        /* every topic of `cursor`; pub_inspected() */
    PUB_END_HANGING,    /* what is open in `topic`, by a transaction of ours; pub_ended() */
    PUB_MAKE_TOPIC,     /* of `category`, unless it is there; look at it; pub_made() */
    PUB_READ,           /* the log behind `position`, up to `up_to` (0: the head); pub_read() */
    PUB_PUBLISH,        /* `plan` and `cursor` in one transaction; pub_published() */
    PUB_SAVE,           /* `cursor` as the database's copy; pub_saved() */
    PUB_NEW_LOG,        /* new UUID, `prefix`, no copy, request done; pub_done() */
    PUB_DONE,           /* the request is done, with `outcome`; pub_done() */
};

struct pub_step {
    enum pub_step_kind kind;
    int64_t wait_ms;
    bool wakeable;
    struct position position;
    struct position up_to;
    struct str category;
    struct str prefix;
    const char *topic;           /* END_HANGING; NULL: the cursor's */
    const struct cursor *cursor; /* END_HANGING: the database's copy; NULL: there is none */
    const struct plan *plan;
    bool with_settings;  /* FETCH_CURSOR, INSPECT: look at the topics' settings too */
    bool force;          /* SAVE: also when the copy goes back */
    bool keys_moved;     /* SAVE: a topic has other partitions than the copy says */
    const char *outcome; /* DONE */
    bool clears_stop;    /* DONE: the stop is over */
    bool paused;         /* DONE: from now on */
};

struct pub_core *pub_new(const struct pub_config *config);
void pub_free(struct pub_core *core);
SCOPED_DEFINE(struct pub_core *, pub_free);

/* The step lives until the next call. */
struct pub_step pub_next(struct pub_core *core, int64_t now_ms);

struct pub_facts { /* of the database; strings and cursor borrowed */
    const char *log_id;
    struct position head;
    const struct cursor *copy;    /* NULL: nothing was published */
    const struct str *categories; /* registered by the writer */
    size_t categories_count;
    bool paused;
    struct str stop_reason; /* len 0: was not stopped */
    struct str stop_detail;
};
void pub_loaded(struct pub_core *core, const struct pub_facts *facts);

void pub_opened(struct pub_core *core);

enum pub_fetch {
    PUB_CURSOR_FOUND,
    PUB_CURSOR_MISSING,
    PUB_CURSOR_MALFORMED, /* there is one, but not of our making */
    PUB_CURSOR_HANGING,   /* an open transaction hides the topic's end */
};
struct pub_cursor_seen {
    enum pub_fetch fetch;
    const struct cursor *cursor;             /* FOUND; copied */
    char bad_settings[PUBLISHER_DETAIL_MAX]; /* of the cursor's topic; "": they are right */
};
void pub_fetched(struct pub_core *core, const struct pub_cursor_seen *seen, int64_t now_ms);

/* EVENT_ID: of the event at the asked position; data NULL: there is none. */
void pub_checked(struct pub_core *core, struct position head, struct str event_id);

struct pub_topic_seen {
    int32_t partitions; /* 0: the topic does not exist */
    const struct lane_seen *lanes;
    char bad_settings[PUBLISHER_DETAIL_MAX]; /* "": they are right */
};
/* One for each topic of the cursor, in its order. */
void pub_inspected(struct pub_core *core, const struct pub_topic_seen *topics, int64_t now_ms);
void pub_made(struct pub_core *core, const char *topic, const struct pub_topic_seen *seen,
              int64_t now_ms);

void pub_ended(struct pub_core *core);

/* EVENTS must live until the next PUB_READ. READ_TO: everything up to here was looked at. */
void pub_read(struct pub_core *core, const struct event *events, size_t count, struct position head,
              struct position read_to);

/* OFFSETS: where each record of the plan is. */
void pub_published(struct pub_core *core, const struct kafka_offset *offsets, int64_t now_ms);
void pub_saved(struct pub_core *core);
void pub_done(struct pub_core *core);

/* The step failed. DRAW: 64 random bits, for the backoff. */
void pub_failed(struct pub_core *core, const struct error *err, int64_t now_ms, uint64_t draw);

/* What happens beside the steps, told between them. */

void pub_lease(struct pub_core *core, int64_t epoch); /* 0: we do not lead (any more) */
/* The producer lost a connection or saw an error since it was opened. */
void pub_doubt(struct pub_core *core);
/* How often the database was connected to so far. */
void pub_connects(struct pub_core *core, uint64_t connects);

enum pub_request_kind { PUB_PAUSE, PUB_RESUME, PUB_ACCEPT };
struct pub_request { /* strings are copied */
    enum pub_request_kind kind;
    enum accept_kind accept;
    bool current; /* ACCEPT: it answers the present stop, not an older one */
    struct position position;
    struct str prefix;
};
bool pub_takes_requests(const struct pub_core *core); /* in a state where one would be looked at */
void pub_request(struct pub_core *core, const struct pub_request *request);

struct pub_view {
    enum publisher_state state;
    const char *reason; /* STOPPED, else "" */
    const char *detail;
    struct position position;
    struct position head;
    const struct error *error; /* RETRYING, else NULL */
    unsigned recycled;         /* producers thrown away for a doubt */
    bool loaded; /* the database's own record of the state was read: it may be overwritten */
};
void pub_view(const struct pub_core *core, struct pub_view *ret);

/* Which accept fits a reason ("log-behind", ...). */
bool pub_reason_allows(struct str reason, enum accept_kind kind);

#endif
