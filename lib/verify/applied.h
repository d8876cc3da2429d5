/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events a generation has applied at one moment: those its checkpoints have passed, less what
 * is parked and what was discarded.
 *
 * Threads: one owner.
 */
#ifndef DAYBOOK_VERIFY_APPLIED_H
#define DAYBOOK_VERIFY_APPLIED_H
#include "verify/cut.h"

struct arena;
struct mark;

struct applied_set {
    struct verifier *v;
    const struct table *table;
    struct cut cut;
    struct mark *parked;  /* by stream: from that version on */
    struct mark *skipped; /* by stream and version */
    struct arena *arena;  /* of the marks */
};

/* Nothing is applied. */
void applied_init(struct applied_set *set, struct verifier *v, const struct table *table);
void applied_release(struct applied_set *set);

/* As it is now; inside a transaction with one snapshot. */
MUST_CHECK bool applied_load(struct applied_set *set, struct error *err);

bool applied_has(const struct applied_set *set, const struct event *event);
/* The first version of a stream that waits; 0: none does. */
struct version applied_parked(const struct applied_set *set, struct str tenant, struct str stream);

/* Each stream that waits, and its version. False ends the walk. */
typedef bool (*applied_visit_fn)(void *arg, struct str tenant, struct str stream,
                                 struct version version, struct error *err);
MUST_CHECK bool applied_each_parked(const struct applied_set *set, applied_visit_fn visit,
                                    void *arg, struct error *err);

#endif
