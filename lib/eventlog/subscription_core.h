/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What decides who gets which events when: the ring of the log's newest chunks, and subscribers,
 * each with the position up to which it has everything. No I/O, no clock, no threads of its own.
 *
 * A subscriber's position is all there is to know: the next event is the first one behind it. Where
 * the ring has it, it comes from the ring; else a slice of history is fetched for this subscriber;
 * at the ring's tail it waits. So the switch from history to live is no event of its own that
 * could lose or double anything.
 *
 * The ring's tail may be behind the log's: it is caught up when it is at the tail and has all that
 * the log had when it came. Until then it waits there for the ring to grow, not live yet.
 *
 *   READY     the turn is the client's side's: it takes events of `chunk`, then asks for more
 *   WAITING   at the tail
 *   FETCHING  a slice of history is asked for, in the order of asking; one slice, then the next
 *             subscriber's, so that one far behind does not hold up the others
 *   ENDED     was told the reason; takes nothing more
 *
 * A subscriber is slow if it is its side's turn and nothing was taken for lag_ms, or if it was live
 * once, fell out of the ring, and is not in it again after lag_ms of its own time; what a fetch
 * takes is not its own time.
 *
 * Threads: under one lock of the owner's, but for subscription_took() and, from STEP_EVENTS until
 * it gives NULL, subscription_event(): the chunk is in the hand of whoever asks for events, and
 * what it moves is not looked at by anybody else while READY.
 */
#ifndef DAYBOOK_EVENTLOG_SUBSCRIPTION_CORE_H
#define DAYBOOK_EVENTLOG_SUBSCRIPTION_CORE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/units.h"
#include "eventlog/chunk.h"
#include "eventlog/ring.h"

struct subscription_filter { /* data NULL: any */
    struct str tenant;
    struct str stream;
    struct str category;
    struct str type;
    struct str correlation_id;
};

enum subscription_state {
    SUBSCRIPTION_READY,
    SUBSCRIPTION_WAITING,
    SUBSCRIPTION_FETCHING,
    SUBSCRIPTION_ENDED,
};

enum subscription_end {
    SUBSCRIPTION_GOES_ON,
    SUBSCRIPTION_LAGGING,      /* the client is too slow */
    SUBSCRIPTION_STOPPING,     /* this process ends */
    SUBSCRIPTION_LOG_REPLACED, /* the log went back, or is another one */
    SUBSCRIPTION_UNREADABLE,   /* history can not be read: a damaged log */
    SUBSCRIPTION_ENDS,         /* their number */
};

struct subscription {
    /* The owner's; set before it is added. */
    struct subscription_filter filter;
    struct position at;   /* begins behind it */
    struct version seen;  /* of a stream: likewise */
    struct position head; /* of the log when it came: caught up not before it */
    void *owner;

    /* The core's. */
    enum subscription_state state;
    _Atomic(enum subscription_end) end;
    bool live;               /* at the tail, and told so */
    bool was_live;           /* once */
    bool heartbeat;          /* due */
    bool fetched_by_reader;  /* a reader has it in hand */
    bool removed;            /* while a reader has it in hand */
    int64_t id;              /* as of subscription_next(): position, of a stream the version, up to
                                which everything was sent or does not fit */
    int64_t sent_ms;         /* when it was last given something to send */
    int64_t ring_ms;         /* when it was last in the ring, moved on by the time of fetches */
    int64_t fetch_ms;        /* when it began to fetch */
    _Atomic int64_t took_ms; /* when its client last took bytes */
    struct chunk *chunk;
    size_t next;  /* index into it */
    size_t slice; /* how many events to fetch at once */
    struct subscription *all_prev;
    struct subscription *all_next;
    struct subscription *queue_prev; /* of those to be fetched for */
    struct subscription *queue_next;
};

struct subscription_limits {
    size_t subscribers_max;
    size_t ring_bytes_max;
    int64_t lag_ms;
    int64_t heartbeat_ms;
};

struct subscription_core {
    struct subscription_limits limits;
    struct ring ring;
    bool started; /* the ring's tail is known */
    bool closing; /* all are ended, and who comes is, too */
    struct subscription *all;
    size_t count;
    struct subscription *queue;
    uint64_t ends[SUBSCRIPTION_ENDS]; /* how many were ended, by reason */
    /* Whoever asks for SUBSCRIPTION's events should ask again. */
    void (*wake)(struct subscription *subscription);
};

void subscription_core_init(struct subscription_core *core,
                            const struct subscription_limits *limits,
                            void (*wake)(struct subscription *subscription));
void subscription_core_release(struct subscription_core *core); /* no subscribers are left */

/* The ring begins behind TAIL. */
void subscription_core_start(struct subscription_core *core, struct position tail);
/* Forgets the ring: nobody is there, or the log is another. */
void subscription_core_stop(struct subscription_core *core);
/* What comes behind the tail; takes the reference. */
void subscription_core_push(struct subscription_core *core, struct chunk *chunk, int64_t now_ms);
/* Heartbeats and slow clients; to be called some times a second. */
void subscription_core_tick(struct subscription_core *core, int64_t now_ms);
void subscription_core_end_all(struct subscription_core *core, enum subscription_end why);

/* False: there are too many. */
bool subscription_add(struct subscription_core *core, struct subscription *subscription,
                      int64_t now_ms);
/* True: it is the caller's again. False: a reader has it in hand and gives it back by
 * subscription_fetched(). */
bool subscription_remove(struct subscription_core *core, struct subscription *subscription);

/* Its next step is STEP_END, whatever it is at. */
void subscription_end(struct subscription_core *core, struct subscription *subscription,
                      enum subscription_end why);

enum subscription_step {
    STEP_EVENTS,    /* subscription_event() has some, maybe none that fit */
    STEP_CAUGHT_UP, /* at the tail, and live from here on */
    STEP_HEARTBEAT,
    STEP_WAIT, /* for a wake */
    STEP_END,  /* the reason is in `end`; nothing comes behind it */
};

/* When subscription_event() has none left. */
enum subscription_step subscription_next(struct subscription_core *core,
                                         struct subscription *subscription, int64_t now_ms);

/* After STEP_EVENTS: the next event that fits the filter; valid until subscription_next() is
 * called. NULL: there is none left, or the subscription ends: call that. */
const struct chunk_event *subscription_event(struct subscription *subscription);

/* Its client took bytes. */
void subscription_took(struct subscription *subscription, int64_t now_ms);

/* A reader takes the one that asked first; NULL: nobody asked. Until it is given back its `at`,
 * `seen`, `slice` and filter do not change. */
struct subscription *subscription_fetch(struct subscription_core *core);
/* Gives it back with what comes behind `at` (takes the reference), or NULL: it could not be read,
 * ask again. True: it was removed meanwhile and is the caller's. */
bool subscription_fetched(struct subscription_core *core, struct subscription *subscription,
                          struct chunk *chunk, int64_t now_ms);

#endif
