/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/publisher/world_internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

struct world *world_new(void)
{
    struct world *world = mem_zalloc(sizeof(*world));

    snprintf(world->log_id, sizeof(world->log_id), "%0*d", LOG_ID_LEN, 1);
    world->now_ms = 1000;
    world->connects = 1;
    cursor_init(&world->copy, "");
    return world;
}

void world_free(struct world *world)
{
    for (size_t i = 0; i < world->topics_count; i++)
        for (int32_t p = 0; p < WORLD_PARTITIONS; p++)
            mem_free(world->topics[i].of[p]);
    for (int64_t i = 0; i < world->cursors_count; i++)
        cursor_release(&world->cursors[i].cursor);
    cursor_release(&world->copy);
    mem_free(world);
}

static void register_category(struct world *world, struct str category)
{
    for (size_t i = 0; i < world->categories_count; i++)
        if (str_equal(world->categories[i], category))
            return;
    ck_assert_uint_lt(world->categories_count, WORLD_TOPICS_MAX);
    world->categories[world->categories_count++] = category;
}

void world_append(struct world *world, const char *category, int streams, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t position = ++world->head;
        struct event *event = &world->events[position];

        ck_assert_int_lt(position, WORLD_EVENTS_MAX);
        snprintf(world->ids[position], WORLD_TEXT, "%lld-%d", (long long)position,
                 world->generation);
        snprintf(world->streams[position], WORLD_TEXT, "%s-%lld", category,
                 (long long)position % streams);
        *event = (struct event){
            .position = POSITION(position),
            .id = str_of(world->ids[position]),
            .type = STR("Happened"),
            .tenant = STR("main"),
            .stream = str_of(world->streams[position]),
            .data = STR("{}"),
        };
        register_category(world, name_category(event->stream));
    }
}

void world_log_back(struct world *world, int64_t position)
{
    world->head = position;
    world->generation++;
    world->connects++;
}

bool world_knows(const struct world *world, const struct world_record *record)
{
    return record->position >= 1 && record->position <= world->head &&
           strcmp(world->ids[record->position], record->id) == 0;
}

struct world_topic *world_find_topic(struct world *world, const char *name)
{
    for (size_t i = 0; i < world->topics_count; i++)
        if (strcmp(world->topics[i].name, name) == 0)
            return &world->topics[i];
    return NULL;
}

void world_topic_name(const char *category, char out[CURSOR_TOPIC_MAX])
{
    snprintf(out, CURSOR_TOPIC_MAX, "daybook.%s", category);
}

struct world_topic *world_make_topic(struct world *world, const char *name)
{
    struct world_topic *topic = world_find_topic(world, name);

    if (topic == NULL) {
        ck_assert_uint_lt(world->topics_count, WORLD_TOPICS_MAX);
        topic = &world->topics[world->topics_count++];
        snprintf(topic->name, sizeof(topic->name), "%s", name);
        for (int32_t p = 0; p < WORLD_PARTITIONS; p++)
            topic->of[p] = mem_zalloc(sizeof(struct world_partition));
    }
    if (!topic->exists)
        topic->partitions = WORLD_PARTITIONS;
    topic->exists = true;
    return topic;
}

struct world_topic *world_topic(struct world *world, const char *category)
{
    char name[CURSOR_TOPIC_MAX];

    world_topic_name(category, name);
    return world_make_topic(world, name);
}

struct world_record *world_add_record(struct world_partition *partition)
{
    ck_assert_int_lt(partition->high, WORLD_RECORDS_MAX);
    partition->records[partition->high] = (struct world_record){.state = RECORD_OPEN};
    return &partition->records[partition->high++];
}

void world_put(struct world *world, const char *category, int32_t partition,
               enum record_maker maker, int64_t position, enum record_state state)
{
    struct world_record *record = world_add_record(world_topic(world, category)->of[partition]);

    record->maker = maker;
    record->position = position;
    record->state = state;
    snprintf(record->id, sizeof(record->id), "strange");
}

void world_retention(struct world *world, const char *category)
{
    struct world_topic *topic = world_topic(world, category);

    for (int32_t p = 0; p < topic->partitions; p++)
        topic->of[p]->low = topic->of[p]->high;
}

void world_delete_topic(struct world *world, const char *category, bool make_anew)
{
    struct world_topic *topic = world_topic(world, category);

    for (int32_t p = 0; p < WORLD_PARTITIONS; p++)
        topic->of[p]->low = topic->of[p]->high = 0;
    topic->exists = make_anew;
}

void world_tear_records(struct world *world, const char *category)
{
    struct world_topic *topic = world_topic(world, category);
    int64_t before =
        world->cursors_count > 1 ? world->cursors[world->cursors_count - 2].cursor.position.n : 0;

    for (int64_t i = 0; i < topic->of[0]->high; i++)
        if (topic->of[0]->records[i].position > before)
            topic->of[0]->records[i].state = RECORD_ABORTED;
}

void world_tear_cursor(struct world *world)
{
    ck_assert_int_gt(world->cursors_count, 0);
    world->cursors[world->cursors_count - 1].state = RECORD_ABORTED;
}

static void end_partition(struct world_partition *partition, enum record_state state)
{
    for (int64_t i = partition->low; i < partition->high; i++)
        if (partition->records[i].state == RECORD_OPEN && partition->records[i].maker == MADE_BY_US)
            partition->records[i].state = state;
    partition->added = false;
}

void world_end_transaction(struct world *world, enum record_state state)
{
    for (size_t t = 0; t < world->topics_count; t++)
        for (int32_t p = 0; p < WORLD_PARTITIONS; p++)
            if (world->topics[t].of[p]->added)
                end_partition(world->topics[t].of[p], state);
    for (int64_t i = 0; world->cursor_added && i < world->cursors_count; i++)
        if (world->cursors[i].state == RECORD_OPEN)
            world->cursors[i].state = state;
    world->cursor_added = false;
}

void world_lose_markers(struct world *world, size_t lost)
{
    for (size_t t = 0; t < world->topics_count; t++)
        for (int32_t p = 0; p < WORLD_PARTITIONS; p++, lost >>= 1)
            if (lost & 1)
                world->topics[t].of[p]->added = false;
    if (lost & 1)
        world->cursor_added = false;
    world_end_transaction(world, RECORD_COMMITTED);
}

void world_end_hanging(struct world *world, const char *topic)
{
    struct world_topic *found = topic != NULL ? world_find_topic(world, topic) : NULL;

    if (topic == NULL)
        world->cursor_added = true;
    for (int32_t p = 0; found != NULL && p < found->partitions; p++)
        found->of[p]->added = true;
}

int world_open_producer(struct world *world)
{
    world_end_transaction(world, RECORD_ABORTED);
    world->opened++;
    return ++world->epoch;
}

static int64_t verify_partition(const struct world *world, const struct world_topic *topic,
                                int32_t p, uint8_t *seen, int64_t from)
{
    const struct world_partition *partition = topic->of[p];
    int64_t last = 0, count = 0;

    for (int64_t i = partition->low; i < partition->high; i++) {
        const struct world_record *record = &partition->records[i];

        ck_assert_msg(record->state != RECORD_OPEN, "%s [%d] offset %lld is open", topic->name, p,
                      (long long)i);
        if (record->state != RECORD_COMMITTED || record->maker != MADE_BY_US)
            continue;
        ck_assert_msg(world_knows(world, record), "a record that the log does not know");
        ck_assert_msg(!seen[record->position], "position %lld twice", (long long)record->position);
        ck_assert_msg(record->position > last, "position %lld behind %lld",
                      (long long)record->position, (long long)last);
        ck_assert_msg(record->previous == last || record->position < from || last < from,
                      "position %lld names %lld, behind %lld", (long long)record->position,
                      (long long)record->previous, (long long)last);
        seen[record->position] = 1;
        last = record->position;
        count += record->position >= from;
    }
    return count;
}

void world_verify(const struct world *world, int64_t from)
{
    uint8_t *seen = mem_zalloc(WORLD_EVENTS_MAX);
    int64_t count = 0;

    for (size_t t = 0; t < world->topics_count; t++)
        for (int32_t p = 0; world->topics[t].exists && p < world->topics[t].partitions; p++)
            if (strncmp(world->topics[t].name, "old.", 4) != 0)
                count += verify_partition(world, &world->topics[t], p, seen, from);
    ck_assert_int_eq(count, world->head - from + 1);
    mem_free(seen);
}
