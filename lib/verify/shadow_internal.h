/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shadow.c, which decides on the events that belong into the table, and shadow_fill.c, which
 * runs the statements over them, share.
 *
 * Threads: the verifier's.
 */
#ifndef DAYBOOK_VERIFY_SHADOW_INTERNAL_H
#define DAYBOOK_VERIFY_SHADOW_INTERNAL_H
#include "base/buf.h"
#include "eventlog/event.h"
#include "projection/table.h"
#include "verify/shadow.h"

enum { SHADOW_EVENTS = 5000 };

struct shadow {
    struct verifier *v;
    const struct table *table;
    struct applied_set done; /* what is in it */
    struct applied_set wanted;
    struct buf statements[TABLE_STATEMENTS_MAX]; /* NUL-terminated */
    bool reads_events[TABLE_STATEMENTS_MAX];
    struct event events[SHADOW_EVENTS]; /* not applied yet */
    size_t count;
    size_t bytes;
    struct arena *arena; /* of the events */
};

/* Keeps a copy of EVENT; applies those before it when they are a batch. */
MUST_CHECK bool shadow_add(struct shadow *shadow, const struct event *event, struct error *err);

/* Applies what is kept. An event that the statements refuse is told, and left out. */
MUST_CHECK bool shadow_flush(struct shadow *shadow, struct error *err);

#endif
