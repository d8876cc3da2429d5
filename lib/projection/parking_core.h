/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to an event that can not be applied: the decisions, without I/O. docs/parking.md has
 * the states and the faults; tests drive this through every interleaving.
 *
 * A parked key is a stream whose event `version` is not applied; all of it from there on waits in
 * the log, as far as the checkpoint's position. The owner of the partition does one thing at a
 * time: a batch, or a task for one key. Each is a transaction; what it makes of a key is said here.
 *
 * Threads: any; pure. Time comes in as an argument.
 */
#ifndef DAYBOOK_PROJECTION_PARKING_CORE_H
#define DAYBOOK_PROJECTION_PARKING_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/units.h"

struct parking_policy {
    int attempts_max;    /* the first failure is one; at least 1 */
    int64_t first_ms;    /* from the first failure to the next attempt; doubled each time */
    int64_t max_ms;      /* at most */
    int64_t deadline_ms; /* since the first failure: no attempt begins after it */
};

enum parked_state {
    PARKED_RETRYING,  /* `version` failed and is tried again at due_ms */
    PARKED_DEAD,      /* it has a letter and waits for a person */
    PARKED_RELEASING, /* `version` was not tried yet: the queue is applied in slices */
};
const char *parked_state_name(enum parked_state state); /* as in the database */

struct parked_key {
    struct str tenant;
    struct str stream;
    enum parked_state state;
    struct version version;     /* the first that is not applied */
    struct version last;        /* the last that arrived; only for people */
    struct position position;   /* of `version`; 0: not known yet */
    struct kafka_offset offset; /* of `version`; -1: it came from the log */
    int attempts;
    int64_t failed_ms; /* monotonic: when `version` first failed */
    int64_t due_ms;    /* monotonic; INT64_MAX while dead */
    int64_t letter;    /* while dead */
};

/* What is to be done for a key between two batches. */
enum parking_task {
    PARKING_NOTHING,
    PARKING_TRY,     /* the waiting event again, then the queue */
    PARKING_GIVE_UP, /* without another attempt: its attempts or its time are used up */
    PARKING_RELEASE, /* a slice of the queue */
    PARKING_REDRIVE, /* as TRY, because somebody asked for it */
    PARKING_DISCARD, /* past the waiting event, then the queue */
    PARKING_GONE,    /* the request is about a letter that is closed */
};

enum parking_verb { PARKING_VERB_REDRIVE, PARKING_VERB_DISCARD };

enum parking_task parking_task_due(const struct parked_key *key,
                                   const struct parking_policy *policy, int64_t now_ms);
/* KEY may be NULL: its stream is not parked. */
enum parking_task parking_task_asked(const struct parked_key *key, int64_t letter,
                                     enum parking_verb verb);

/* What a transaction for a key came to; a discarded event counts as applied. */
struct parking_outcome {
    struct version applied; /* up to here; below key->version: not even the first */
    bool failed;            /* the event behind `applied` can not be applied */
    struct position failed_position;
    bool more; /* not failed, and there is more to do */
};

enum parking_letter {
    PARKING_LETTER_NONE,
    PARKING_LETTER_NEW,       /* the waiting event becomes one */
    PARKING_LETTER_RESOLVED,  /* applied */
    PARKING_LETTER_DISCARDED, /* skipped */
    PARKING_LETTER_FAILED,    /* open again */
};

struct parking_change {
    bool gone;             /* not parked any more */
    struct parked_key key; /* else: as it is afterwards; a new letter's id is not in it */
    enum parking_letter letter;
};

/* What KEY becomes when TASK (none of NOTHING and GONE) came to OUTCOME. */
struct parking_change parking_after(const struct parked_key *key, enum parking_task task,
                                    const struct parking_outcome *outcome,
                                    const struct parking_policy *policy, int64_t now_ms);

/* Parks a key whose event VERSION failed for the first time; LAST is the one in hand. */
struct parked_key parking_first(struct str tenant, struct str stream, struct version version,
                                struct version last, const struct parking_policy *policy,
                                int64_t now_ms);

/*
 * The last CAUSES_WINDOW events with the cause of those that failed. More than half with one cause,
 * and at least CAUSES_MIN, are a bug of ours: the projection is blocked, its keys are not parked.
 */
enum { CAUSES_WINDOW = 1000, CAUSES_MIN = 50 };

struct causes {
    uint64_t ring[CAUSES_WINDOW]; /* 0: applied */
    size_t next;
    size_t count; /* of the ring that is filled */
    size_t failed;
};

void causes_applied(struct causes *causes);
/* True: it is a bug of ours. CLASS and CODE make the cause. */
bool causes_failed(struct causes *causes, const char *class, const char *code);

#endif
