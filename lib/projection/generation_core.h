/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States of a generation, and when one may take another's place: decided here, without I/O.
 * docs/rebuild.md has the interleavings; tests drive this through them.
 *
 * Threads: any; time comes in as an argument.
 */
#ifndef DAYBOOK_PROJECTION_GENERATION_CORE_H
#define DAYBOOK_PROJECTION_GENERATION_CORE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/units.h"

enum generation_state {
    GENERATION_FILLING,     /* from slices of the log, by the lanes of a job */
    GENERATION_CATCHING_UP, /* by its own runners */
    GENERATION_READY,       /* may be activated */
    GENERATION_LIVE,
    GENERATION_OLD, /* was live; runs on, for rollback */
    GENERATION_FAILED,
    GENERATION_DROPPED,
};

const char *generation_state_name(enum generation_state state);
/* Asserts that it is one: the database checks it. */
enum generation_state generation_state_parse(struct str name);

/* Whether one state may follow another. */
bool generation_may_become(enum generation_state from, enum generation_state to);
/* Whether runners apply what Kafka has. */
bool generation_runs(enum generation_state state);
/* Whether its table is complete as far as its checkpoints say, and queries may read it. */
bool generation_is_readable(enum generation_state state);

/*
 * Taking the live one's place. One try in one transaction: do what activation_next() says, and tell
 * what came of it. The old checkpoints are locked from ACTIVATION_LOOK on, so that theirs stand
 * still and the new ones move on; from ACTIVATION_CONFIRM on both stand still.
 */

enum {
    ACTIVATION_WAIT_MS = 1000, /* the old one's batches wait at most so long */
    ACTIVATION_LOOK_MS = 10,   /* from one look to the next */
};

enum activation_step {
    ACTIVATION_LOCK_OLD, /* then activation_done() */
    ACTIVATION_LOOK,     /* then activation_saw() */
    ACTIVATION_PAUSE,    /* wait ACTIVATION_LOOK_MS, then activation_done() */
    ACTIVATION_LOCK_NEW, /* then activation_done() */
    ACTIVATION_CONFIRM,  /* look once more, then activation_saw() */
    ACTIVATION_SWITCH,   /* and commit, then activation_done() */
    ACTIVATION_DONE,
    ACTIVATION_RELEASE, /* roll back, and try again later */
};

/* A partition: where both are. */
struct activation_lane {
    struct position old_at; /* what the new one must have reached */
    struct position new_at;
};

struct activation {
    enum activation_step step;
    int64_t until_ms; /* of the waiting */
};

void activation_init(struct activation *activation);
enum activation_step activation_next(const struct activation *activation);
void activation_done(struct activation *activation, int64_t now_ms);
void activation_saw(struct activation *activation, const struct activation_lane *lanes,
                    size_t count, int64_t now_ms);
/* The first lane whose new one is behind; COUNT: none is. */
size_t activation_behind(const struct activation_lane *lanes, size_t count);

#endif
