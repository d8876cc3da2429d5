/* SPDX-License-Identifier: Apache-2.0 */
#include "http/census.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define uthash_fatal(message) abort()
#include <uthash.h>

#include "base/mem.h"

struct entry {
    struct census_address address;
    unsigned count;
    UT_hash_handle hh;
};

struct http_census {
    unsigned connections_max;
    unsigned per_address_max;
    pthread_mutex_t lock; /* guards what follows */
    unsigned count;
    struct entry *entries; /* of addresses with connections: never more than those */
};

struct http_census *http_census_new(unsigned connections_max, unsigned per_address_max)
{
    struct http_census *census = mem_zalloc(sizeof(*census));

    census->connections_max = connections_max;
    census->per_address_max = per_address_max;
    pthread_mutex_init(&census->lock, NULL);
    return census;
}

void http_census_free(struct http_census *census)
{
    if (census == NULL)
        return;
    assert(census->count == 0);
    assert(census->entries == NULL);
    pthread_mutex_destroy(&census->lock);
    mem_free(census);
}

struct census_address http_census_address(const struct sockaddr *address)
{
    static const unsigned char v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct census_address result = {{0}};

    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        memcpy(result.bytes, v4_mapped, sizeof(v4_mapped));
        memcpy(result.bytes + sizeof(v4_mapped), &in.sin_addr, sizeof(in.sin_addr));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        memcpy(result.bytes, &in6.sin6_addr, sizeof(result.bytes));
    }
    return result;
}

static struct entry *entry_find(struct http_census *census, const struct census_address *address)
{
    struct entry *entry;

    HASH_FIND(hh, census->entries, address, sizeof(*address), entry);
    return entry;
}

static struct entry *entry_get(struct http_census *census, const struct census_address *address)
{
    struct entry *entry = entry_find(census, address);

    if (entry == NULL) {
        entry = mem_zalloc(sizeof(*entry));
        entry->address = *address;
        HASH_ADD(hh, census->entries, address, sizeof(entry->address), entry);
    }
    return entry;
}

bool http_census_enter(struct http_census *census, const struct census_address *address)
{
    bool entered = false;

    pthread_mutex_lock(&census->lock);
    if (census->count < census->connections_max) {
        struct entry *entry = entry_get(census, address);

        entered = entry->count < census->per_address_max;
        if (entered) {
            entry->count++;
            census->count++;
        }
    }
    pthread_mutex_unlock(&census->lock);
    return entered;
}

void http_census_leave(struct http_census *census, const struct census_address *address)
{
    struct entry *entry;

    pthread_mutex_lock(&census->lock);
    entry = entry_find(census, address);
    assert(entry != NULL && entry->count > 0 && census->count > 0);
    census->count--;
    if (--entry->count == 0) {
        HASH_DEL(census->entries, entry);
        mem_free(entry);
    }
    pthread_mutex_unlock(&census->lock);
}
