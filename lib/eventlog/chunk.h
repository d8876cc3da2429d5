/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of the log as subscribers get it: read once, rendered once, never changed, shared by all
 * who send it, gone with the last of them.
 *
 * Threads: any; references are counted atomically.
 */
#ifndef DAYBOOK_EVENTLOG_CHUNK_H
#define DAYBOOK_EVENTLOG_CHUNK_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/scope.h"
#include "eventlog/event.h"

struct arena;
struct buf;

struct chunk_event {
    struct position position;
    struct version version;
    struct str tenant;
    struct str stream;
    struct str category;
    struct str type;
    struct str correlation_id; /* data NULL: none */
    struct str text;           /* as rendered */
};

struct chunk {
    atomic_uint refs;
    struct arena *arena;   /* holds all of it */
    struct position after; /* everything in (after, to] was looked at */
    struct position to;
    const struct chunk_event *events; /* those found there, in order */
    size_t count;
    size_t bytes; /* of memory */
};

/* Writes what subscribers get of an event. */
typedef void (*chunk_render_fn)(void *arg, const struct event *event, struct buf *out);

struct chunk_source {
    const struct event *events; /* found in (after, to] */
    size_t count;
    struct position after;
    struct position to;
};

enum {
    CHUNK_BYTES = 32 * 1024,
    CHUNK_EVENT_BYTES_MAX = 8 << 20, /* data of 512 KiB that is all line feeds is 3.5 MiB as SSE */
};

/*
 * Takes from SOURCE until CHUNK_BYTES are passed, at least one event where there is one, and moves
 * SOURCE on: its count and after say what is left. One reference is the caller's.
 */
struct chunk *chunk_new(struct chunk_source *source, chunk_render_fn render, void *arg);

struct chunk *chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk); /* NULL is fine */
SCOPED_DEFINE(struct chunk *, chunk_unref);

#endif
