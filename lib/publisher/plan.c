/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/plan.h"

#include "base/mem.h"
#include "kafka/partition.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void plan_release(struct plan *plan)
{
    mem_free(plan->records);
    *plan = (struct plan){0};
}

struct str plan_key(const struct event *event, char out[PLAN_KEY_MAX])
{
    struct str tenant = event->tenant;
    struct str stream = event->stream;

    assert(tenant.len <= NAME_TENANT_MAX && stream.len <= NAME_STREAM_MAX);
    memcpy(out, tenant.data, tenant.len);
    out[tenant.len] = '/';
    memcpy(out + tenant.len + 1, stream.data, stream.len);
    return str_from(out, tenant.len + 1 + stream.len);
}

int32_t plan_partition(const struct event *event, int32_t partitions_count)
{
    char key[PLAN_KEY_MAX];

    return kafka_partition_of(plan_key(event, key), partitions_count);
}

/* Whether the event goes into the transaction. */
static bool wanted(enum plan_mode mode, const struct cursor_lane *lane, struct position position)
{
    switch (mode) {
    case PLAN_FORWARD: /* a torn transaction may have put it there already */
        return position.n > lane->tail.n;
    case PLAN_COMPLETE:
        return position.n > lane->tail.n && position.n <= lane->last.n;
    case PLAN_COUNT:
        break;
    }
    return false;
}

static void add_record(struct plan *plan, const struct event *event,
                       const struct cursor_topic *topic, int32_t partition)
{
    struct cursor_lane *lane = &topic->lanes[partition];

    plan->records =
        mem_grow(plan->records, &plan->capacity, plan->count + 1, sizeof(struct plan_record));
    plan->records[plan->count++] = (struct plan_record){event, topic, partition, lane->tail};
    plan->bytes += event->data.len + PLAN_RECORD_OVERHEAD;
    lane->tail = event->position;
}

static void move_cursor(struct cursor *cursor, struct cursor_lane *lane, const struct event *event)
{
    assert(event->position.n == cursor->position.n + 1); /* gapless */
    assert(event->id.len <= NAME_ID_MAX);
    lane->last = event->position;
    if (lane->tail.n < lane->last.n) /* PLAN_COUNT: nothing is produced */
        lane->tail = lane->last;
    cursor->position = event->position;
    snprintf(cursor->event_id, sizeof(cursor->event_id), STR_FMT, STR_ARG(event->id));
}

static bool is_full(const struct plan *plan, const struct event *event, struct plan_limits limits)
{
    if (plan->count == 0)
        return false;
    return plan->count >= limits.records_max ||
           plan->bytes + event->data.len + PLAN_RECORD_OVERHEAD > limits.bytes_max;
}

void plan_make(struct plan *plan, enum plan_mode mode, struct cursor *cursor,
               const struct event *events, size_t count, struct plan_limits limits)
{
    plan->count = plan->bytes = plan->events_taken = 0;
    plan->missing_category = STR_NONE;
    for (size_t i = 0; i < count; i++) {
        const struct event *event = &events[i];
        struct str category = cursor_category(event->stream, plan->category);
        struct cursor_topic *topic = cursor_find(cursor, category);
        int32_t partition;

        if (topic == NULL && mode != PLAN_COMPLETE) {
            plan->missing_category = category;
            return;
        }
        if (is_full(plan, event, limits))
            return;
        plan->events_taken = i + 1;
        if (topic == NULL) /* a category the cursor does not know has nothing below it */
            continue;
        partition = plan_partition(event, topic->partitions);
        if (wanted(mode, &topic->lanes[partition], event->position))
            add_record(plan, event, topic, partition);
        if (mode != PLAN_COMPLETE)
            move_cursor(cursor, &topic->lanes[partition], event);
    }
}
