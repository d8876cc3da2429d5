/* SPDX-License-Identifier: Apache-2.0 */
/* The streams and categories of a batch. */
#include "base/arena.h"
#include "base/mem.h"
#include "eventlog/batch_internal.h"

#include <assert.h>
#include <string.h>

static const struct aggregate_type *aggregate_find(const struct domain *const *domains,
                                                   struct str category)
{
    for (size_t d = 0; domains != NULL && domains[d] != NULL; d++) {
        for (size_t a = 0; domains[d]->aggregates[a] != NULL; a++) {
            if (str_equal(str_of(domains[d]->aggregates[a]->category), category))
                return domains[d]->aggregates[a];
        }
    }
    return NULL;
}

struct stream_key {
    struct str tenant;
    struct str name;
};

static bool stream_equal(const void *item, const void *key)
{
    const struct batch_stream *s = item;
    const struct stream_key *k = key;

    return str_equal(s->base->name, k->name) && str_equal(s->base->tenant, k->tenant);
}

void batch_stream_reset(struct batch_stream *s)
{
    if (s->state != NULL)
        s->base->type->state_free(s->state);
    s->state = NULL;
    s->version = s->base->version;
    s->broken = false;
    s->first_index = s->last_index = NO_INDEX;
}

struct batch_stream *batch_stream(struct batch *batch, struct str tenant, struct str name)
{
    uint64_t hash = stream_hash(tenant, name);
    struct stream_key key = {tenant, name};
    struct batch_stream *s = table_find(&batch->by_name, hash, stream_equal, &key);

    if (s != NULL)
        return s;

    s = ARENA_NEW(batch->arena, struct batch_stream);
    s->base = cache_take(batch->cache, hash, tenant, name);
    s->knowledge = s->base != NULL ? STREAM_FOUND : STREAM_UNKNOWN;
    if (s->base == NULL)
        s->base = stream_base_new(hash, tenant, name,
                                  aggregate_find(batch->domains, name_category(name)));
    batch_stream_reset(s);

    batch->streams = mem_grow(batch->streams, &batch->streams_capacity, batch->streams_count + 1,
                              sizeof(struct batch_stream *));
    batch->streams[batch->streams_count++] = s;
    table_add(&batch->by_name, hash, s);
    return s;
}

bool batch_stream_ready(const struct batch_stream *s)
{
    if (s->knowledge == STREAM_UNKNOWN)
        return false;
    return !s->wants_state || s->unreadable || s->base->folded.n == s->base->version.n;
}

bool batch_stream_want_state(struct batch_stream *s)
{
    bool in_step = s->wants_state || s->version.n == s->base->version.n;

    s->wants_state = true;
    return batch_stream_ready(s) && in_step;
}

const void *batch_stream_state(const struct batch_stream *s)
{
    if (s->version.n == 0 || s->unreadable || s->broken)
        return NULL;
    if (s->state != NULL)
        return s->state;
    return s->base->folded.n == s->version.n ? s->base->state : NULL;
}

bool batch_stream_fold(struct batch_stream *s, const struct domain_event *event, struct error *err)
{
    const struct aggregate_type *type = s->base->type;

    if (s->state == NULL)
        s->state = s->base->state != NULL ? type->state_clone(s->base->state) : type->state_new();
    return type->evolve(s->state, event, err);
}

bool expectation_holds(struct expectation expected, struct version actual)
{
    switch (expected.kind) {
    case EXPECT_ANY:
        return true;
    case EXPECT_NONE:
        return actual.n == 0;
    case EXPECT_EXISTS:
        return actual.n > 0;
    case EXPECT_EXACT:
        return actual.n == expected.version.n;
    }
    return false;
}

bool category_set_has(const struct category_set *set, struct str name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (str_equal(str_of(set->names[i].text), name))
            return true;
    }
    return false;
}

void category_set_add(struct category_set *set, struct str name)
{
    struct category_name *entry;

    assert(name.len <= NAME_CATEGORY_MAX);
    set->names = mem_grow(set->names, &set->capacity, set->count + 1, sizeof(*set->names));
    entry = &set->names[set->count++];
    memcpy(entry->text, name.data, name.len);
    entry->text[name.len] = '\0';
}

void category_set_release(struct category_set *set)
{
    mem_free(set->names);
    *set = (struct category_set){0};
}

bool batch_category(struct batch *batch, struct str category)
{
    if (category_set_has(batch->categories, category) ||
        category_set_has(&batch->new_categories, category))
        return true;
    batch->categories_wanted = true;
    /* Until they are listed under the lock, nobody knows how many there are. */
    if (batch->categories_listed &&
        batch->categories->count + batch->new_categories.count >= batch->limits.categories_max)
        return false;
    category_set_add(&batch->new_categories, category);
    return true;
}
