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

static bool enter(struct busy_keys *busy, struct write *write)
{
    uint64_t hash;
    bool entered;

    if (write->idempotency_key.data == NULL)
        return true;
    hash = key_hash(write);
    entered = table_find(&busy->writes, hash, same_key, write) == NULL;
    if (entered)
        table_add(&busy->writes, hash, write);
    return entered;
}

static void leave(struct busy_keys *busy, struct write *write)
{
    if (write->idempotency_key.data != NULL && !write->key_busy)
        table_remove(&busy->writes, key_hash(write), write);
}

static bool has_no_key(const struct write *write)
{
    return write->idempotency_key.data == NULL && write->parts_count == 0;
}

bool busy_keys_enter(struct busy_keys *busy, struct write *write)
{
    bool entered;

    if (has_no_key(write))
        return true;
    pthread_mutex_lock(&busy->mutex);
    entered = enter(busy, write);
    for (size_t i = 0; i < write->parts_count && entered; i++)
        write->parts[i].key_busy = !enter(busy, &write->parts[i]);
    pthread_mutex_unlock(&busy->mutex);
    return entered;
}

void busy_keys_leave(struct busy_keys *busy, struct write *write)
{
    if (has_no_key(write))
        return;
    pthread_mutex_lock(&busy->mutex);
    leave(busy, write);
    for (size_t i = 0; i < write->parts_count; i++)
        leave(busy, &write->parts[i]);
    pthread_mutex_unlock(&busy->mutex);
}
