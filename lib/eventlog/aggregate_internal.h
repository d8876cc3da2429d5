/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stored event in its domain's own form.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_EVENTLOG_AGGREGATE_INTERNAL_H
#define DAYBOOK_EVENTLOG_AGGREGATE_INTERNAL_H
#include "eventlog/decider.h"

/* TYPE and DATA as stored, of whatever version. Fails with ERROR_POISON. */
MUST_CHECK static inline bool aggregate_parse_event(const struct aggregate_type *aggregate,
                                                    struct str type, struct str data,
                                                    int64_t occurred_at_us, struct arena *arena,
                                                    struct domain_event *ret_event,
                                                    struct error *err)
{
    return upcast(aggregate->upcasters, str_of(aggregate->category), &type, &data, arena, err) &&
           aggregate->event_parse(type, data, occurred_at_us, arena, ret_event, err);
}

#endif
