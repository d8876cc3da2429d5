/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of pointers: open addressing, linear probing, no allocation per item. The items and
 * their keys are the caller's; what is equal is, too.
 *
 * Keys come from clients, so hashes are seeded per process: nobody can aim at one slot.
 *
 * Threads: owner only; table_hash from any.
 */
#ifndef DAYBOOK_EVENTLOG_TABLE_INTERNAL_H
#define DAYBOOK_EVENTLOG_TABLE_INTERNAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct table_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct table {
    struct table_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

typedef bool (*table_equal_fn)(const void *item, const void *key);

void table_init(struct table *table);
void table_release(struct table *table);
void table_clear(struct table *table); /* keeps memory in proportion to what was in it */

void *table_find(const struct table *table, uint64_t hash, table_equal_fn equal, const void *key);
void table_add(struct table *table, uint64_t hash, void *item);          /* must not be there */
void table_remove(struct table *table, uint64_t hash, const void *item); /* must be there */

/* Each item once, in no order: start with *at = 0; NULL at the end. No changes meanwhile. */
void *table_next(const struct table *table, size_t *at);

uint64_t table_hash(struct str s);
uint64_t table_hash_more(uint64_t hash, struct str s); /* of a key with several parts */

#endif
