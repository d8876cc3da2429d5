/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/parked_set.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

enum { PLACES_FIRST = 16 };

struct parked_set {
    struct parked_key *keys;
    size_t count;
    size_t capacity;
    uint32_t *index; /* hash of the stream -> number in keys + 1; 0: free */
    size_t places;   /* a power of 2, more than twice count; 0: no index yet */
    bool due_known;
    int64_t due_ms;
};

struct parked_set *parked_set_new(void)
{
    return mem_zalloc(sizeof(struct parked_set));
}

static void drop_names(struct parked_key *key)
{
    union {
        const char *borrowed;
        char *owned;
    } names = {.borrowed = key->tenant.data};

    mem_free(names.owned); /* the stream's name lies behind the tenant's */
}

void parked_set_clear(struct parked_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        drop_names(&set->keys[i]);
    mem_free(set->keys);
    mem_free(set->index);
    *set = (struct parked_set){0};
}

void parked_set_free(struct parked_set *set)
{
    if (!set)
        return;
    parked_set_clear(set);
    mem_free(set);
}

size_t parked_set_count(const struct parked_set *set)
{
    return set->count;
}

static uint64_t hash_of(struct str tenant, struct str stream)
{
    return str_hash(stream) * 31 + str_hash(tenant);
}

/* Where the key is in the index, or the free place where it belongs. */
static uint32_t *place_of(const struct parked_set *set, struct str tenant, struct str stream)
{
    size_t place = hash_of(tenant, stream) & (set->places - 1);

    for (; set->index[place]; place = (place + 1) & (set->places - 1)) {
        const struct parked_key *key = &set->keys[set->index[place] - 1];

        if (str_equal(key->stream, stream) && str_equal(key->tenant, tenant))
            break;
    }
    return &set->index[place];
}

static void rebuild_index(struct parked_set *set, size_t places)
{
    mem_free(set->index);
    set->index = mem_calloc(places, sizeof(*set->index));
    set->places = places;
    for (size_t i = 0; i < set->count; i++)
        *place_of(set, set->keys[i].tenant, set->keys[i].stream) = (uint32_t)i + 1;
}

struct parked_key *parked_set_find(const struct parked_set *set, struct str tenant,
                                   struct str stream)
{
    uint32_t number = set->count > 0 ? *place_of(set, tenant, stream) : 0;

    return number > 0 ? &set->keys[number - 1] : NULL;
}

static void copy_names(struct parked_key *key)
{
    char *names = mem_alloc(key->tenant.len + key->stream.len + 1);

    memcpy(names, key->tenant.data, key->tenant.len);
    memcpy(names + key->tenant.len, key->stream.data, key->stream.len);
    key->tenant = str_from(names, key->tenant.len);
    key->stream = str_from(names + key->tenant.len, key->stream.len);
}

struct parked_key *parked_set_put(struct parked_set *set, const struct parked_key *key)
{
    struct parked_key *known = parked_set_find(set, key->tenant, key->stream);

    set->due_known = false;
    if (known) {
        struct parked_key names = *known;

        *known = *key;
        known->tenant = names.tenant;
        known->stream = names.stream;
        return known;
    }
    set->keys = mem_grow(set->keys, &set->capacity, set->count + 1, sizeof(*set->keys));
    known = &set->keys[set->count++];
    *known = *key;
    copy_names(known);
    if (set->count * 2 >= set->places)
        rebuild_index(set, set->places ? set->places * 2 : PLACES_FIRST);
    else
        *place_of(set, known->tenant, known->stream) = (uint32_t)set->count;
    return known;
}

/* Closes the gap at PLACE, so that everything behind it is still found. */
static void free_place(struct parked_set *set, size_t place)
{
    size_t mask = set->places - 1;
    size_t next = place;

    for (;;) {
        const struct parked_key *key;

        set->index[place] = 0;
        do {
            next = (next + 1) & mask;
            if (set->index[next] == 0)
                return;
            key = &set->keys[set->index[next] - 1];
            /* One that belongs behind the gap stays. */
        } while (((next - (hash_of(key->tenant, key->stream) & mask)) & mask) <
                 ((next - place) & mask));
        set->index[place] = set->index[next];
        place = next;
    }
}

void parked_set_remove(struct parked_set *set, struct str tenant, struct str stream)
{
    uint32_t *place;
    size_t number;

    assert(parked_set_find(set, tenant, stream));
    place = place_of(set, tenant, stream);
    number = *place - 1;
    free_place(set, (size_t)(place - set->index));
    drop_names(&set->keys[number]);
    if (number != --set->count) {
        struct parked_key *last = &set->keys[set->count];

        *place_of(set, last->tenant, last->stream) = (uint32_t)number + 1;
        set->keys[number] = *last;
    }
    set->due_known = false;
}

struct parked_key *parked_set_at(const struct parked_set *set, size_t index)
{
    assert(index < set->count);
    return &set->keys[index];
}

int64_t parked_set_due_ms(struct parked_set *set)
{
    if (set->due_known)
        return set->due_ms;
    set->due_ms = INT64_MAX;
    for (size_t i = 0; i < set->count; i++)
        if (set->keys[i].due_ms < set->due_ms)
            set->due_ms = set->keys[i].due_ms;
    set->due_known = true;
    return set->due_ms;
}
