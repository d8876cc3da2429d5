/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event types through time: what was stored long ago, as a domain knows it today.
 *
 * The stored type says the version of an event's data: "MeterRead" is 1, "MeterRead.v2" is 2. A
 * domain lists a pure function from each version's data to the next one's; the engine writes the
 * newest version, and brings what it reads up to it before it gives it to event_parse, a fold or
 * deltas, with the type less its suffix. Nothing stored changes. See docs/writer.md.
 *
 * Threads: any; pure.
 */
#ifndef DAYBOOK_EVENTLOG_UPCAST_H
#define DAYBOOK_EVENTLOG_UPCAST_H
#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

struct arena;

/* A table has all versions of a type from 1 on, one step each, and ends with {0}. */
struct upcaster {
    const char *category;
    const char *type; /* without a suffix */
    unsigned from;
    /* Turns DATA of version FROM into that of the next, in place. Fails with ERROR_POISON. */
    bool (*upcast)(json_t *data, struct error *err);
};

/* Below: what the engine calls. TABLE may be NULL: all types have one version. */

/* The type under which the newest version is stored; in ARENA or TYPE itself. */
struct str upcast_stored_type(const struct upcaster *table, struct str category, struct str type,
                              struct arena *arena);

/*
 * Brings what is stored up to the newest version: *type loses its suffix, *data is in ARENA if it
 * had to change. A type without upcasters stays as it is. Fails with ERROR_POISON: an upcaster
 * failed, or the version is newer than all that the table knows; *type and *data are as before.
 */
MUST_CHECK bool upcast(const struct upcaster *table, struct str category, struct str *type,
                       struct str *data, struct arena *arena, struct error *err);

/* Whether each type's steps begin at 1 and leave none out; for an assert. */
bool upcasters_are_whole(const struct upcaster *table);

#endif
