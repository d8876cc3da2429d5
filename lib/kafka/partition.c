/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/partition.h"

#include <assert.h>

enum { MURMUR_SHIFT = 24 };
static const uint32_t murmur_seed = 0x9747b28c;
static const uint32_t murmur_m = 0x5bd1e995;

static uint32_t word_at(const char *data)
{
    const unsigned char *bytes = (const unsigned char *)data;

    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* The bytes behind the last whole word; none leave the hash as it is. */
static uint32_t mix_tail(uint32_t hash, const char *tail, size_t len)
{
    if (len == 0)
        return hash;
    for (size_t i = 0; i < len; i++)
        hash ^= (uint32_t)(unsigned char)tail[i] << (8 * i);
    return hash * murmur_m;
}

uint32_t kafka_murmur2(struct str key)
{
    uint32_t hash = murmur_seed ^ (uint32_t)key.len;
    size_t whole = key.len & ~(size_t)3;

    for (size_t i = 0; i < whole; i += 4) {
        uint32_t k = word_at(key.data + i) * murmur_m;

        k ^= k >> MURMUR_SHIFT;
        hash = hash * murmur_m ^ k * murmur_m;
    }
    if (key.len > whole)
        hash = mix_tail(hash, key.data + whole, key.len - whole);
    hash ^= hash >> 13;
    hash *= murmur_m;
    return hash ^ hash >> 15;
}

int32_t kafka_partition_of(struct str key, int32_t count)
{
    assert(count > 0);
    return (int32_t)((kafka_murmur2(key) & 0x7fffffff) % (uint32_t)count);
}
