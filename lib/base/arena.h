/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that dies in one call: one arena per request, batch or command line. Chunks are kept for
 * reuse by arena_clear up to a bound.
 *
 * Threads: one owner at a time; ownership may move with the request.
 */
#ifndef DAYBOOK_BASE_ARENA_H
#define DAYBOOK_BASE_ARENA_H
#include <stddef.h>

#include "base/error.h"
#include "base/scope.h"
#include "base/str.h"

struct arena;

struct arena *arena_new(size_t chunk_bytes); /* 0: a default of 4 KiB, growing */
void arena_free(struct arena *arena);
void arena_clear(struct arena *arena);         /* everything handed out is gone */
size_t arena_bytes(const struct arena *arena); /* heap held, chunks kept for reuse included */
SCOPED_DEFINE(struct arena *, arena_free);

void *arena_alloc(struct arena *arena, size_t bytes)
    __attribute__((returns_nonnull)); /* aligned 16 */
void *arena_zalloc(struct arena *arena, size_t bytes) __attribute__((returns_nonnull)); /* zeroed */
void *arena_calloc(struct arena *arena, size_t count, size_t bytes)
    __attribute__((returns_nonnull));
struct str arena_dup(struct arena *arena, struct str s); /* also NUL-terminated behind its end */
char *arena_cstr(struct arena *arena, struct str s);     /* NUL-terminated copy */
struct str arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_calloc((arena), (count), sizeof(type)))

#endif
