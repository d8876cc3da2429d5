/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONS 1
#endif
#endif

#ifdef POISONS
#include <sanitizer/asan_interface.h>
/* Behind each allocation, so that running over its end is seen as it is on the heap. */
enum { RED_ZONE = 16 };
#define poison(p, bytes) ASAN_POISON_MEMORY_REGION((p), (bytes))
#define unpoison(p, bytes) ASAN_UNPOISON_MEMORY_REGION((p), (bytes))
#else
enum { RED_ZONE = 0 };
#define poison(p, bytes) ((void)0)
#define unpoison(p, bytes) ((void)0)
#endif

enum {
    ALIGNMENT = 16,
    CHUNK_DEFAULT = 4 * 1024,
    CHUNK_LARGEST = 256 * 1024, /* chunks double up to here; a bigger allocation has its own */
    KEEP_MAX = 256 * 1024,      /* arena_clear gives the rest back */
    MOST_TEXTS = 256,           /* bytes of those that arena_printf formats once */
};

struct chunk {
    struct chunk *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) char data[];
};

struct arena {
    struct chunk *chunks; /* the first one is being filled */
    struct chunk *spare;  /* kept by arena_clear */
    size_t next_bytes;
    size_t bytes; /* of all chunks, spare ones too */
};

struct arena *arena_new(size_t chunk_bytes)
{
    struct arena *arena = mem_zalloc(sizeof(*arena));

    arena->next_bytes = chunk_bytes > 0 ? chunk_bytes : CHUNK_DEFAULT;
    return arena;
}

static void chunk_free(struct arena *arena, struct chunk *chunk)
{
    arena->bytes -= chunk->capacity;
    unpoison(chunk->data, chunk->capacity);
    mem_free(chunk);
}

static void chunks_free(struct arena *arena, struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        chunk_free(arena, chunk);
        chunk = next;
    }
}

void arena_free(struct arena *arena)
{
    if (arena == NULL)
        return;
    chunks_free(arena, arena->chunks);
    chunks_free(arena, arena->spare);
    assert(arena->bytes == 0);
    mem_free(arena);
}

void arena_clear(struct arena *arena)
{
    struct chunk *chunk = arena->chunks;

    arena->chunks = NULL;
    while (chunk != NULL) {
        struct chunk *next = chunk->next;

        if (arena->bytes > KEEP_MAX) {
            chunk_free(arena, chunk);
        } else {
            chunk->used = 0;
            poison(chunk->data, chunk->capacity);
            chunk->next = arena->spare;
            arena->spare = chunk;
        }
        chunk = next;
    }
}

size_t arena_bytes(const struct arena *arena)
{
    return arena->bytes;
}

static struct chunk *chunk_new(struct arena *arena, size_t need)
{
    size_t capacity = arena->next_bytes > need ? arena->next_bytes : need;
    struct chunk *chunk;

    if (capacity > SIZE_MAX - sizeof(*chunk))
        capacity = SIZE_MAX - sizeof(*chunk); /* mem_alloc refuses it */
    chunk = mem_alloc(sizeof(*chunk) + capacity);
    *chunk = (struct chunk){.capacity = capacity};
    poison(chunk->data, capacity);
    arena->bytes += capacity;
    if (arena->next_bytes < CHUNK_LARGEST)
        arena->next_bytes *= 2;
    return chunk;
}

static struct chunk *spare_take(struct arena *arena, size_t need)
{
    for (struct chunk **link = &arena->spare; *link != NULL; link = &(*link)->next) {
        struct chunk *chunk = *link;

        if (chunk->capacity >= need) {
            *link = chunk->next;
            return chunk;
        }
    }
    return NULL;
}

static size_t room(const struct chunk *chunk)
{
    return chunk->capacity - chunk->used;
}

/* A chunk where the allocation fits. It comes first only if it will have more room left than the
 * one being filled: a big allocation does not end a chunk that is half empty. */
static struct chunk *chunk_add(struct arena *arena, size_t need)
{
    struct chunk *first = arena->chunks;
    struct chunk *chunk = spare_take(arena, need);

    if (chunk == NULL)
        chunk = chunk_new(arena, need);
    if (first != NULL && room(first) > room(chunk) - need) {
        chunk->next = first->next;
        first->next = chunk;
    } else {
        chunk->next = first;
        arena->chunks = chunk;
    }
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    struct chunk *chunk = arena->chunks;
    size_t need;
    char *p;

    if (bytes > SIZE_MAX - ALIGNMENT - RED_ZONE)
        bytes = SIZE_MAX - ALIGNMENT - RED_ZONE; /* no such memory: mem_alloc aborts */
    need = (bytes + RED_ZONE + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (chunk == NULL || need > room(chunk))
        chunk = chunk_add(arena, need);
    p = chunk->data + chunk->used;
    chunk->used += need;
    unpoison(p, bytes);
    return p;
}

void *arena_zalloc(struct arena *arena, size_t bytes)
{
    return memset(arena_alloc(arena, bytes), 0, bytes);
}

void *arena_calloc(struct arena *arena, size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total))
        total = SIZE_MAX; /* arena_alloc aborts */
    return arena_zalloc(arena, total);
}

struct str arena_dup(struct arena *arena, struct str s)
{
    return str_from(arena_cstr(arena, s), s.len);
}

char *arena_cstr(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.len + 1);

    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct str arena_printf(struct arena *arena, const char *fmt, ...)
{
    char most[MOST_TEXTS];
    va_list args;
    va_list again;
    int len;
    char *text;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(most, sizeof(most), fmt, args);
    va_end(args);
    assert(len >= 0); /* no wide characters in our formats */
    text = arena_alloc(arena, (size_t)len + 1);
    if ((size_t)len < sizeof(most))
        memcpy(text, most, (size_t)len + 1);
    else
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return str_from(text, (size_t)len);
}
