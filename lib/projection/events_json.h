/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as the one JSON parameter of a statement over a batch: an array of objects.
 *
 * Threads: owner only.
 */
#ifndef DAYBOOK_PROJECTION_EVENTS_JSON_H
#define DAYBOOK_PROJECTION_EVENTS_JSON_H
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "eventlog/event.h"

struct arena;
struct projection;

enum { EVENTS_JSON_BYTES_MAX = 4 << 20 };

struct events_json {
    struct buf text;
    size_t count;
};

void events_json_init(struct events_json *json);
void events_json_release(struct events_json *json);

enum events_add {
    EVENTS_ADDED,
    EVENTS_FULL,   /* the event is not in it; the first one always fits */
    EVENTS_POISON, /* *err: an upcaster failed, or its data is not JSON, as only a forged one's is
                    */
};
/* EVENT is as it was stored; the statements see it as PROJECTION's upcasters make it, in ARENA. */
enum events_add events_json_add(struct events_json *json, const struct projection *projection,
                                const struct event *event, struct arena *arena, struct error *err);

/* The whole array; nothing may be added afterwards. */
struct str events_json_end(struct events_json *json);

#endif
