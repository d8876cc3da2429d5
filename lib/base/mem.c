/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(stderr, "out of memory: %zu bytes refused\n", bytes);
    abort();
}

static size_t product(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total))
        out_of_memory(SIZE_MAX);
    return total;
}

void *mem_alloc(size_t bytes)
{
    void *p = malloc(bytes > 0 ? bytes : 1);

    if (p == NULL)
        out_of_memory(bytes);
    return p;
}

void *mem_zalloc(size_t bytes)
{
    return mem_calloc(1, bytes);
}

void *mem_calloc(size_t count, size_t bytes)
{
    size_t total = product(count, bytes);
    void *p = calloc(1, total > 0 ? total : 1);

    if (p == NULL)
        out_of_memory(total);
    return p;
}

void *mem_realloc(void *old, size_t bytes)
{
    void *p = realloc(old, bytes > 0 ? bytes : 1);

    if (p == NULL)
        out_of_memory(bytes);
    return p;
}

void *mem_dup(const void *data, size_t bytes)
{
    void *copy = mem_alloc(bytes);

    if (bytes > 0)
        memcpy(copy, data, bytes);
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

char *mem_strdup_str(struct str s)
{
    char *copy = mem_alloc(s.len + 1);

    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void *mem_grow(void *old, size_t *capacity, size_t need, size_t element_bytes)
{
    size_t wanted = *capacity;

    assert(element_bytes > 0);

    if (need <= *capacity && old != NULL)
        return old;
    if (wanted < 8)
        wanted = 8;
    while (wanted < need)
        wanted = product(wanted, 2);
    old = mem_realloc(old, product(wanted, element_bytes));
    *capacity = wanted;
    return old;
}
