/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/table_internal.h"

#include "base/mem.h"
#include "base/uuid.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <xxhash.h>

enum { CAPACITY_MIN = 64, CAPACITY_KEPT = 4096 };

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void seed_make(void)
{
    seed = random_u64();
}

void table_init(struct table *table)
{
    *table = (struct table){0};
}

void table_release(struct table *table)
{
    mem_free(table->slots);
    table_init(table);
}

void table_clear(struct table *table)
{
    /* One huge batch must not make each small one after it wipe megabytes. */
    if (table->capacity > CAPACITY_KEPT && table->count * 8 < table->capacity) {
        table_release(table);
        return;
    }
    if (table->count > 0)
        memset(table->slots, 0, table->capacity * sizeof(*table->slots));
    table->count = 0;
}

static void place(struct table *table, uint64_t hash, void *item)
{
    size_t mask = table->capacity - 1;
    size_t i = hash & mask;

    while (table->slots[i].item != NULL)
        i = (i + 1) & mask;
    table->slots[i] = (struct table_slot){.hash = hash, .item = item};
}

static void grow(struct table *table)
{
    struct table old = *table;

    table->capacity = old.capacity == 0 ? CAPACITY_MIN : old.capacity * 2;
    table->slots = mem_calloc(table->capacity, sizeof(*table->slots));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].item != NULL)
            place(table, old.slots[i].hash, old.slots[i].item);
    }
    mem_free(old.slots);
}

void *table_find(const struct table *table, uint64_t hash, table_equal_fn equal, const void *key)
{
    size_t mask = table->capacity - 1;

    if (table->count == 0)
        return NULL;
    for (size_t i = hash & mask; table->slots[i].item != NULL; i = (i + 1) & mask) {
        if (table->slots[i].hash == hash && equal(table->slots[i].item, key))
            return table->slots[i].item;
    }
    return NULL;
}

void table_add(struct table *table, uint64_t hash, void *item)
{
    assert(item != NULL);
    if (table->count * 4 >= table->capacity * 3)
        grow(table);
    place(table, hash, item);
    table->count++;
}

void table_remove(struct table *table, uint64_t hash, const void *item)
{
    size_t mask = table->capacity - 1;
    size_t hole = hash & mask;

    assert(table->count > 0);
    while (table->slots[hole].item != item) {
        assert(table->slots[hole].item != NULL); /* the item must be there */
        hole = (hole + 1) & mask;
    }
    /* Close the gap: whatever could be reached only across it moves into it. */
    for (size_t i = (hole + 1) & mask; table->slots[i].item != NULL; i = (i + 1) & mask) {
        size_t home = table->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct table_slot){0};
    table->count--;
}

void *table_next(const struct table *table, size_t *at)
{
    while (*at < table->capacity) {
        void *item = table->slots[(*at)++].item;

        if (item != NULL)
            return item;
    }
    return NULL;
}

uint64_t table_hash(struct str s)
{
    pthread_once(&seed_once, seed_make);
    return XXH3_64bits_withSeed(s.data, s.len, seed);
}

uint64_t table_hash_more(uint64_t hash, struct str s)
{
    return XXH3_64bits_withSeed(s.data, s.len, hash);
}
