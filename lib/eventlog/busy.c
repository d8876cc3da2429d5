/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/busy_internal.h"

#include "eventlog/write.h"

#include <assert.h>

void busy_keys_init(struct busy_keys *busy)
{
    pthread_mutex_init(&busy->mutex, NULL);
    table_init(&busy->writes);
}

void busy_keys_release(struct busy_keys *busy)
{
    assert(busy->writes.count == 0);
    table_release(&busy->writes);
    pthread_mutex_destroy(&busy->mutex);
}

static bool same_key(const void *item, const void *key)
{
    const struct write *a = item;
    const struct write *b = key;

    return str_equal(a->idempotency_key, b->idempotency_key) &&
           str_equal(a->credential, b->credential) && str_equal(a->tenant, b->tenant);
}

static uint64_t key_hash(const struct write *write)
{
    uint64_t hash = table_hash_more(table_hash(write->tenant), write->credential);

    return table_hash_more(hash, write->idempotency_key);
}

bool busy_keys_enter(struct busy_keys *busy, struct write *write)
{
    uint64_t hash;
    bool entered;

    if (write->idempotency_key.data == NULL)
        return true;
    hash = key_hash(write);
    pthread_mutex_lock(&busy->mutex);
    entered = table_find(&busy->writes, hash, same_key, write) == NULL;
    if (entered)
        table_add(&busy->writes, hash, write);
    pthread_mutex_unlock(&busy->mutex);
    return entered;
}

void busy_keys_leave(struct busy_keys *busy, struct write *write)
{
    if (write->idempotency_key.data == NULL)
        return;
    pthread_mutex_lock(&busy->mutex);
    table_remove(&busy->writes, key_hash(write), write);
    pthread_mutex_unlock(&busy->mutex);
}
