/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/sums.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "postgres/pg.h"
#include "projection/fold_event.h"

struct entry {
    struct str tenant;
    struct delta total;
};

struct sums {
    const struct projection *projection;
    struct arena *arena;
    struct entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *index; /* hash of the key -> number in entries + 1; 0: free; twice the capacity */
};

enum { ENTRIES_FIRST = 256 };

static size_t sums_columns(const struct sums *sums)
{
    return sums->projection->columns_count - sums->projection->key_columns;
}

static uint64_t key_hash(const struct sums *sums, struct str tenant, const struct delta *delta)
{
    uint64_t hash = str_hash(tenant);

    for (size_t i = 0; i < sums->projection->key_columns; i++)
        hash = hash * 31 + str_hash(delta->keys[i]);
    return hash;
}

static int key_compare(const struct entry *a, struct str tenant, const struct delta *delta,
                       size_t key_columns)
{
    int order = str_compare(a->tenant, tenant);

    for (size_t i = 0; order == 0 && i < key_columns; i++)
        order = str_compare(a->total.keys[i], delta->keys[i]);
    return order;
}

/* Where the key is in the index, or the free place where it belongs. */
static uint32_t *place_of(const struct sums *sums, struct str tenant, const struct delta *delta)
{
    size_t mask = sums->capacity * 2 - 1;
    size_t place = key_hash(sums, tenant, delta) & mask;

    while (sums->index[place] && key_compare(&sums->entries[sums->index[place] - 1], tenant, delta,
                                             sums->projection->key_columns) != 0)
        place = (place + 1) & mask;
    return &sums->index[place];
}

static void grow(struct sums *sums)
{
    struct entry *old = sums->entries;

    sums->capacity = sums->capacity ? sums->capacity * 2 : ENTRIES_FIRST;
    sums->entries = ARENA_ARRAY(sums->arena, struct entry, sums->capacity);
    sums->index = ARENA_ARRAY(sums->arena, uint32_t, sums->capacity * 2);
    for (size_t i = 0; i < sums->count; i++) {
        sums->entries[i] = old[i];
        *place_of(sums, old[i].tenant, &old[i].total) = (uint32_t)i + 1;
    }
}

struct sums *sums_new(const struct projection *projection, struct arena *arena)
{
    struct sums *sums = ARENA_NEW(arena, struct sums);

    assert(projection->kind == PROJECTION_ROLL_UP);
    sums->projection = projection;
    sums->arena = arena;
    grow(sums);
    return sums;
}

static struct entry *entry_of(struct sums *sums, struct str tenant, const struct delta *delta)
{
    uint32_t *place = place_of(sums, tenant, delta);
    struct entry *entry;

    if (*place)
        return &sums->entries[*place - 1];
    if (sums->count == sums->capacity) {
        grow(sums);
        place = place_of(sums, tenant, delta);
    }
    entry = &sums->entries[sums->count++];
    *place = (uint32_t)sums->count;
    *entry = (struct entry){.tenant = tenant};
    memcpy(entry->total.keys, delta->keys, sizeof(entry->total.keys));
    return entry;
}

/* False: would pass 64 bits; nothing was added. */
static bool add_delta(struct sums *sums, struct str tenant, const struct delta *delta)
{
    struct entry *entry = entry_of(sums, tenant, delta);
    struct delta total = entry->total;

    for (size_t i = 0; i < sums_columns(sums); i++)
        if (__builtin_add_overflow(total.sums[i], delta->sums[i], &total.sums[i]))
            return false;
    entry->total = total;
    return true;
}

static void undo(struct sums *sums, struct str tenant, const struct delta *deltas, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entry_of(sums, tenant, &deltas[i]);

        for (size_t column = 0; column < sums_columns(sums); column++)
            entry->total.sums[column] -= deltas[i].sums[column];
    }
}

enum sums_add sums_add(struct sums *sums, const struct event *event, struct error *err)
{
    bool first = sums->count == 0;
    struct delta *deltas;
    size_t count;

    if (!projection_deltas(sums->projection, event, sums->arena, &deltas, &count, err))
        return SUMS_POISON;
    for (size_t i = 0; i < count; i++) {
        if (add_delta(sums, event->tenant, &deltas[i]))
            continue;
        undo(sums, event->tenant, deltas, i);
        if (!first)
            return SUMS_FULL;
        error_set(err, ERROR_POISON, "sum-overflow", "the event's numbers pass 64 bits");
        return SUMS_POISON;
    }
    return SUMS_ADDED;
}

size_t sums_count(const struct sums *sums)
{
    return sums->count;
}

static int entry_order(const void *a, const void *b, void *arg)
{
    const struct entry *left = a;
    const struct entry *right = b;

    return key_compare(left, right->tenant, &right->total, *(const size_t *)arg);
}

void sums_upsert_params(struct sums *sums, struct pg_params *params)
{
    size_t key_columns = sums->projection->key_columns;

    /* The index is not looked at any more. */
    qsort_r(sums->entries, sums->count, sizeof(*sums->entries), entry_order, &key_columns);

    pg_array_open(params, PG_TEXT);
    for (size_t i = 0; i < sums->count; i++)
        pg_array_str(params, sums->entries[i].tenant);
    pg_array_close(params);
    for (size_t column = 0; column < key_columns; column++) {
        pg_array_open(params, PG_TEXT);
        for (size_t i = 0; i < sums->count; i++)
            pg_array_str(params, sums->entries[i].total.keys[column]);
        pg_array_close(params);
    }
    for (size_t column = 0; column < sums_columns(sums); column++) {
        pg_array_open(params, PG_INT8);
        for (size_t i = 0; i < sums->count; i++)
            pg_array_i64(params, sums->entries[i].total.sums[column]);
        pg_array_close(params);
    }
}
