/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/cache_internal.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

uint64_t stream_hash(struct str tenant, struct str name)
{
    return table_hash_more(table_hash(tenant), name);
}

struct stream_base *stream_base_new(uint64_t hash, struct str tenant, struct str name,
                                    const struct aggregate_type *type)
{
    struct stream_base *base = mem_alloc(sizeof(*base) + tenant.len + name.len);
    char *names = (char *)(base + 1);

    *base = (struct stream_base){.hash = hash, .type = type, .as_of = POSITION(-1)};
    memcpy(names, tenant.data, tenant.len);
    memcpy(names + tenant.len, name.data, name.len);
    base->tenant = str_from(names, tenant.len);
    base->name = str_from(names + tenant.len, name.len);
    return base;
}

void stream_base_forget(struct stream_base *base)
{
    if (base->state != NULL)
        base->type->state_free(base->state);
    base->state = NULL;
    base->folded = VERSION(0);
    base->snapshot = VERSION(0);
}

void stream_base_free(struct stream_base *base)
{
    if (base == NULL)
        return;
    stream_base_forget(base);
    mem_free(base);
}

void cache_init(struct cache *cache, size_t bytes_max)
{
    *cache = (struct cache){.bytes_max = bytes_max};
    table_init(&cache->by_name);
}

static void unlink_base(struct cache *cache, struct stream_base *base)
{
    table_remove(&cache->by_name, base->hash, base);
    *(base->newer != NULL ? &base->newer->older : &cache->newest) = base->older;
    *(base->older != NULL ? &base->older->newer : &cache->oldest) = base->newer;
    base->newer = base->older = NULL;
    assert(cache->bytes >= base->bytes);
    cache->bytes -= base->bytes;
}

void cache_clear(struct cache *cache)
{
    while (cache->oldest != NULL) {
        struct stream_base *base = cache->oldest;

        unlink_base(cache, base);
        stream_base_free(base);
    }
    assert(cache->bytes == 0);
}

void cache_release(struct cache *cache)
{
    cache_clear(cache);
    table_release(&cache->by_name);
}

struct name_key {
    struct str tenant;
    struct str name;
};

static bool name_equal(const void *item, const void *key)
{
    const struct stream_base *base = item;
    const struct name_key *k = key;

    return str_equal(base->name, k->name) && str_equal(base->tenant, k->tenant);
}

struct stream_base *cache_take(struct cache *cache, uint64_t hash, struct str tenant,
                               struct str name)
{
    struct name_key key = {tenant, name};
    struct stream_base *base = table_find(&cache->by_name, hash, name_equal, &key);

    if (base != NULL)
        unlink_base(cache, base);
    return base;
}

static size_t base_bytes(const struct stream_base *base)
{
    size_t bytes =
        sizeof(*base) + base->tenant.len + base->name.len + 2 * sizeof(struct table_slot);

    return base->state == NULL ? bytes : bytes + base->type->state_bytes(base->state);
}

void cache_put(struct cache *cache, struct stream_base *base)
{
    assert(base->version.n >= 1 && base->id > 0);
    assert(base->newer == NULL && base->older == NULL);

    base->bytes = base_bytes(base);
    base->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = base;
    cache->newest = base;
    cache->bytes += base->bytes;
    table_add(&cache->by_name, base->hash, base);

    while (cache->bytes > cache->bytes_max) {
        struct stream_base *out = cache->oldest;

        unlink_base(cache, out);
        stream_base_free(out);
    }
}
