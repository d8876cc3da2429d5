/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/partition.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/queue.h"
#include "kafka/message.h"
#include "projection/parked_set.h"

struct partition *partition_new(const char *topic, int32_t number, struct partition_limits limits,
                                int64_t now_ms)
{
    struct partition *p = mem_zalloc(sizeof(*p));

    assert(strlen(topic) <= PARTITION_TOPIC_MAX);
    assert(limits.batch_max >= 1 && limits.queue_max >= 2 && limits.queue_bytes_max >= 2);

    snprintf(p->topic, sizeof(p->topic), "%s", topic);
    p->number = number;
    p->limits = limits;
    p->arrived = queue_new(limits.queue_max);
    p->hand = mem_calloc(limits.batch_max, sizeof(struct kafka_message *));
    p->view.word = "starting";
    p->forged = (struct kafka_offset){-1};
    p->parked = parked_set_new();
    partition_core_init(&p->core, limits.batch_max, now_ms);
    atomic_init(&p->holders, 2);
    pthread_mutex_init(&p->view_mutex, NULL);
    return p;
}

void partition_hold(struct partition *partition)
{
    atomic_fetch_add(&partition->holders, 1);
}

void partition_drop(struct partition *partition)
{
    if (!partition || atomic_fetch_sub(&partition->holders, 1) != 1)
        return;
    partition_clear(partition);
    queue_free(partition->arrived);
    parked_set_free(partition->parked);
    mem_free(partition->hand);
    pthread_mutex_destroy(&partition->view_mutex);
    mem_free(partition);
}

bool partition_is(const struct partition *partition, const char *topic, int32_t number)
{
    return partition->number == number && strcmp(partition->topic, topic) == 0;
}

bool partition_push(struct partition *partition, struct kafka_message *message)
{
    size_t bytes = kafka_message_bytes(message);

    atomic_fetch_add(&partition->arrived_bytes, bytes);
    if (queue_push(partition->arrived, message) == QUEUE_PUSHED)
        return true;
    atomic_fetch_sub(&partition->arrived_bytes, bytes);
    return false;
}

static bool is_above(const struct partition *partition, size_t records, size_t bytes)
{
    return queue_count(partition->arrived) >= records ||
           atomic_load(&partition->arrived_bytes) >= bytes;
}

bool partition_is_full(const struct partition *partition)
{
    return is_above(partition, partition->limits.queue_max, partition->limits.queue_bytes_max);
}

bool partition_is_half_empty(const struct partition *partition)
{
    return !is_above(partition, partition->limits.queue_max / 2,
                     partition->limits.queue_bytes_max / 2);
}

size_t partition_take(struct partition *partition)
{
    size_t room = partition->core.batch_max - partition->hand_count;
    void **end = (void **)&partition->hand[partition->hand_count];
    size_t taken, bytes = 0;

    if (partition->hand_count >= partition->core.batch_max)
        return 0;
    taken = queue_pop_many(partition->arrived, end, room, 0);
    for (size_t i = 0; i < taken; i++)
        bytes += kafka_message_bytes(partition->hand[partition->hand_count + i]);
    atomic_fetch_sub(&partition->arrived_bytes, bytes);
    partition->hand_count += taken;
    return taken;
}

void partition_done(struct partition *partition, size_t count)
{
    assert(count <= partition->hand_count);

    for (size_t i = 0; i < count; i++)
        kafka_message_free(partition->hand[i]);
    partition->hand_count -= count;
    memmove(partition->hand, partition->hand + count,
            partition->hand_count * sizeof(*partition->hand));
}

void partition_clear(struct partition *partition)
{
    do
        partition_done(partition, partition->hand_count);
    while (partition_take(partition) > 0);
}

bool partition_show(struct partition *partition, const char *word, const char *reason,
                    int64_t wall_us)
{
    struct partition_view *view = &partition->view;
    bool changed;

    pthread_mutex_lock(&partition->view_mutex);
    changed = strcmp(view->word, word) != 0 || strcmp(view->reason, reason) != 0;
    if (changed || view->since_us == 0) {
        view->word = word;
        snprintf(view->reason, sizeof(view->reason), "%s", reason);
        view->since_us = wall_us;
    }
    view->at = partition->core.at;
    view->epoch = partition->core.epoch;
    pthread_mutex_unlock(&partition->view_mutex);
    return changed;
}

void partition_look(struct partition *partition, struct partition_view *ret)
{
    pthread_mutex_lock(&partition->view_mutex);
    *ret = partition->view;
    pthread_mutex_unlock(&partition->view_mutex);
}
