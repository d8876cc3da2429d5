/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap memory. Out of memory aborts: every table, queue and body has a configured maximum, so it
 * means a broken machine or a bug, and no path of ours could do better.
 *
 * Threads: any.
 */
#ifndef DAYBOOK_BASE_MEM_H
#define DAYBOOK_BASE_MEM_H
#include <stddef.h>

#include "base/str.h"

void *mem_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));  /* not zeroed */
void *mem_zalloc(size_t bytes) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *mem_calloc(size_t count, size_t bytes) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *mem_realloc(void *old, size_t bytes) __attribute__((returns_nonnull));
void *mem_dup(const void *data, size_t bytes) __attribute__((malloc, returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strdup_str(struct str s) __attribute__((malloc, returns_nonnull)); /* NUL-terminated */
void mem_free(void *p);                                                      /* NULL is fine */

/* Grows an array so that NEED elements fit, by doubling; for arrays with a stated maximum. */
void *mem_grow(void *old, size_t *capacity, size_t need, size_t element_bytes);

#endif
