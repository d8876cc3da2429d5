/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain brings to the write side: pure functions in tables, no I/O, no clock, no threads.
 *
 * A command names its main stream (category and id). The engine loads it, asks `streams` for more
 * (at most DECISION_ROUNDS_MAX times, until nothing new is named), then calls `decide`, which emits
 * events or refuses. What was emitted is folded onto the states with the same `evolve` that loads
 * use, so later commands of the batch see it. A decision may be taken again on newer states: it
 * must depend on its arguments only.
 *
 * Threads: the functions run on any thread, on data of the caller's.
 */
#ifndef DAYBOOK_EVENTLOG_DECIDER_H
#define DAYBOOK_EVENTLOG_DECIDER_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "base/units.h"
#include "eventlog/upcast.h"

struct arena;
struct buf;
struct faults;
struct decision;

enum { DECISION_ROUNDS_MAX = 2, DECISION_STREAMS_MAX = 512, DECISION_EVENTS_MAX = 1000 };

/* An event in the domain's own form: parsed once, evolved and written from that. */
struct domain_event {
    const char *type;    /* of the domain's own table, without a version; lives for ever */
    const void *payload; /* the domain's struct for this type, in the arena it was made in */
    int64_t occurred_at_us;
};

struct aggregate_type {
    const char *category; /* reserved for this domain: raw appends to it are refused */

    void *(*state_new)(void); /* before the first event; heap */
    void *(*state_clone)(const void *state);
    void (*state_free)(void *state);
    size_t (*state_bytes)(const void *state); /* for the cache's bound */

    const struct upcaster *upcasters; /* NULL: each type has had one version of data so far */
    /* TYPE and DATA as stored, of the newest version. Fails with ERROR_POISON: unknown type,
     * malformed data. */
    bool (*event_parse)(struct str type, struct str data, int64_t occurred_at_us,
                        struct arena *arena, struct domain_event *ret_event, struct error *err);
    /* Writes DATA, one JSON object; what event_parse reads back. */
    void (*event_write)(const struct domain_event *event, struct buf *out);
    /* Fails with ERROR_POISON when the event can not follow this state; STATE is then garbage. */
    bool (*evolve)(void *state, const struct domain_event *event, struct error *err);

    /* Snapshots: a state as bytes, so that a long stream is not read from its beginning. A stored
     * one counts only under the number it was written with: raise it with every change of the
     * state, of its bytes, or of what evolve makes of an event. 0: no snapshots; then the functions
     * may be NULL. */
    int32_t state_schema;
    void (*state_write)(const void *state, struct buf *out);
    /* What state_write wrote, to the heap. Fails with ERROR_POISON on anything else. */
    bool (*state_parse)(struct str bytes, void **ret_state, struct error *err);
};

struct command_type {
    const char *name;     /* "order.pay" */
    const char *category; /* of its main stream */
    /* The main stream is new in the normal case: it is not looked for before the transaction. */
    bool expects_new;

    /* On the http thread. DATA: the request's JSON object; adds every fault; the payload goes to
     * ARENA. */
    bool (*parse)(json_t *data, struct arena *arena, struct faults *faults, void **ret_payload);
    /* Names further streams by decision_stream(); may look at states already there. NULL: none. */
    void (*streams)(struct decision *d);
    void (*decide)(struct decision *d);
};

struct domain {
    const char *name;
    const struct aggregate_type *const *aggregates; /* ends with NULL */
    const struct command_type *const *commands;     /* ends with NULL */
};

const void *decision_payload(const struct decision *d); /* of command_type.parse */
struct str decision_id(const struct decision *d); /* of the main stream, behind the category */
int64_t decision_occurred_at_us(const struct decision *d);
struct arena *decision_arena(const struct decision *d); /* for payloads; dies with the batch */

enum { DECISION_MAIN = 0 }; /* index of the main stream */

/* Index of a stream in this decision, the same for the same stream; only from `streams` may it be
 * new. */
size_t decision_stream(struct decision *d, const char *category, struct str id);
/* The state, or NULL while the stream has no event (or, in `streams`, is not loaded yet). */
const void *decision_state(const struct decision *d, size_t stream);
struct version decision_version(const struct decision *d, size_t stream); /* 0: no event yet */

/* Appends to a stream of this decision. occurred_at is the command's. */
void decision_emit(struct decision *d, size_t stream, const char *type, const void *payload);

/* Refuses: SLUG of docs/errors ("order-state"), a sentence for `detail`. Nothing that was emitted
 * counts. */
void decision_refuse(struct decision *d, const char *slug, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Further members of the problem object, written with json_write_key():
 * "state":"paid","allowed":[...]. */
struct buf *decision_members(struct decision *d);

#endif
