/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way to a projection's fold and deltas: an event of an older version of its type is
 * brought up to the newest first. Whoever calls the functions of struct projection by themselves
 * shows them data they do not know.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_PROJECTION_FOLD_EVENT_H
#define DAYBOOK_PROJECTION_FOLD_EVENT_H
#include "base/name.h"
#include "projection/fold.h"

MUST_CHECK static inline bool event_upcast(const struct projection *projection, struct event *event,
                                           struct arena *arena, struct error *err)
{
    return upcast(projection->upcasters, name_category(event->stream), &event->type, &event->data,
                  arena, err);
}

/* As projection->fold and ->deltas, of an event as it is stored. */
MUST_CHECK static inline bool projection_fold(const struct projection *projection, struct row *row,
                                              const struct event *stored, struct arena *arena,
                                              struct error *err)
{
    struct event event = *stored;

    return event_upcast(projection, &event, arena, err) &&
           projection->fold(row, &event, arena, err);
}

MUST_CHECK static inline bool projection_deltas(const struct projection *projection,
                                                const struct event *stored, struct arena *arena,
                                                struct delta **ret_deltas, size_t *ret_count,
                                                struct error *err)
{
    struct event event = *stored;

    return event_upcast(projection, &event, arena, err) &&
           projection->deltas(&event, arena, ret_deltas, ret_count, err);
}

#endif
