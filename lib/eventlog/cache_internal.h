/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer remembers of streams between batches, least recently used out.
 *
 * The cache hands a stream over (cache_take) and gets it back only after a COMMIT that is known to
 * have succeeded (cache_put). Whoever loses it on the way has thereby evicted it.
 *
 * Threads: the writer's only.
 */
#ifndef DAYBOOK_EVENTLOG_CACHE_INTERNAL_H
#define DAYBOOK_EVENTLOG_CACHE_INTERNAL_H
#include "base/scope.h"
#include "base/str.h"
#include "base/units.h"
#include "eventlog/decider.h"
#include "eventlog/table_internal.h"

/* What is believed to be stored of a stream. */
struct stream_base {
    uint64_t hash; /* stream_hash(tenant, name) */
    struct str tenant;
    struct str name;
    const struct aggregate_type *type; /* NULL: of no domain */

    int64_t id;
    struct version version; /* 0: absent, or not looked for */
    struct position first_position;
    struct position last_position;
    struct position as_of; /* where the head was when all this was last known to be so; -1: never */

    void *state;           /* of versions 1..folded; NULL: folded is 0 */
    struct version folded; /* behind version when nobody needed the state */
    int64_t last_at_us;    /* recorded_at of the event at last_position, while folded is version */
    struct version snapshot; /* the newest one that is stored or asked for; 0: none known of */

    struct stream_base *newer, *older; /* the cache's */
    size_t bytes;
};

uint64_t stream_hash(struct str tenant, struct str name);

/* Copies the names. */
struct stream_base *stream_base_new(uint64_t hash, struct str tenant, struct str name,
                                    const struct aggregate_type *type);
void stream_base_free(struct stream_base *base);
/* Drops the state (folded is 0) and what is known of a snapshot. */
void stream_base_forget(struct stream_base *base);

struct cache {
    struct table by_name;
    struct stream_base *newest, *oldest;
    size_t bytes;
    size_t bytes_max;
};

void cache_init(struct cache *cache, size_t bytes_max);
void cache_release(struct cache *cache);
void cache_clear(struct cache *cache);

struct stream_base *cache_take(struct cache *cache, uint64_t hash, struct str tenant,
                               struct str name);               /* NULL: not there */
void cache_put(struct cache *cache, struct stream_base *base); /* may free it, or older ones */

#endif
