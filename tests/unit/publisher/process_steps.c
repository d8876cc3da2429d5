/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/publisher/process.h"

#include "base/mem.h"
#include "tests/unit/publisher/world_internal.h"

#include <stdio.h>
#include <string.h>

/* What a producer believes to have added to its transaction; the coordinator may have forgotten. */
struct belief {
    bool partitions[WORLD_TOPICS_MAX][WORLD_PARTITIONS];
    bool cursor;
};

static void late_end(struct process *process, size_t produced)
{
    struct world *world = process->world;

    if (!world->late_end || world->late_end_at > produced)
        return;
    world->late_end = false;
    if (world->late_end_epoch == world->epoch) /* else it is fenced */
        world_end_transaction(world, RECORD_COMMITTED);
}

static int64_t produce(struct world *world, const struct plan_record *planned,
                       struct belief *belief)
{
    struct world_topic *topic = world_find_topic(world, planned->topic->topic);
    struct world_partition *partition;
    struct world_record *record;

    ck_assert_ptr_nonnull(topic);
    ck_assert(topic->exists);
    ck_assert_int_lt(planned->partition, topic->partitions);
    partition = topic->of[planned->partition];
    record = world_add_record(partition);
    record->maker = MADE_BY_US;
    record->position = planned->event->position.n;
    record->previous = planned->previous.n;
    snprintf(record->id, sizeof(record->id), STR_FMT, STR_ARG(planned->event->id));
    if (!belief->partitions[topic - world->topics][planned->partition])
        partition->added = true;
    belief->partitions[topic - world->topics][planned->partition] = true;
    return partition->high - 1;
}

static void produce_cursor(struct world *world, const struct cursor *cursor)
{
    struct cursor_record *record = &world->cursors[world->cursors_count++];

    ck_assert_int_lt(world->cursors_count, WORLD_RECORDS_MAX);
    cursor_init(&record->cursor, "");
    cursor_copy(&record->cursor, cursor);
    record->state = RECORD_OPEN;
    world->cursor_added = true;
}

/* A process's steps return false where they failed; *err says how. */

static bool transient(struct error *err)
{
    return error_set(err, ERROR_TRANSIENT, "kafka-away", "a fault of the world");
}

static bool step_load(struct process *process)
{
    struct world *world = process->world;
    struct pub_facts facts = {
        .log_id = world->log_id,
        .head = POSITION(world->head),
        .copy = world->has_copy ? &world->copy : NULL,
        .categories = world->categories,
        .categories_count = world->categories_count,
        .paused = world->paused,
        .stop_reason = str_of(world->stop_reason),
        .stop_detail = str_of(world->stop_detail),
    };

    pub_loaded(process->core, &facts);
    return true;
}

static bool step_open(struct process *process)
{
    process->producer_epoch = world_open_producer(process->world);
    process->doubt = false;
    pub_opened(process->core);
    return true;
}

static bool step_fetch(struct process *process)
{
    struct world *world = process->world;
    struct pub_cursor_seen seen = {.fetch = PUB_CURSOR_MISSING};

    world->cursor_topic = true;
    for (int64_t i = world->cursors_count; i-- > 0 && seen.cursor == NULL;) {
        if (world->cursors[i].state == RECORD_OPEN)
            seen.fetch = PUB_CURSOR_HANGING;
        if (world->cursors[i].state == RECORD_COMMITTED &&
            strcmp(world->cursors[i].cursor.log_id, world->log_id) == 0)
            seen.cursor = &world->cursors[i].cursor;
    }
    if (world->cursor_hanging)
        seen.fetch = PUB_CURSOR_HANGING;
    else if (world->cursor_is_junk)
        seen.fetch = PUB_CURSOR_MALFORMED;
    else if (seen.cursor != NULL && seen.fetch != PUB_CURSOR_HANGING)
        seen.fetch = PUB_CURSOR_FOUND;
    pub_fetched(process->core, &seen, world->now_ms);
    return true;
}

static bool step_check(struct process *process, const struct pub_step *step)
{
    struct world *world = process->world;
    bool found = step->position.n > 0 && step->position.n <= world->head;

    pub_checked(process->core, POSITION(world->head),
                found ? world->events[step->position.n].id : STR_NONE);
    return true;
}

static void look_at_aborted(const struct world_partition *partition, const struct cursor_lane *lane,
                            struct lane_seen *seen)
{
    if (seen->last.n > 0 || lane->last.n <= lane->floor.n)
        return;
    for (int64_t i = partition->low; i < partition->high; i++) {
        const struct world_record *record = &partition->records[i];

        if (record->maker != MADE_BY_US || record->position > lane->last.n)
            continue;
        if (!seen->aborted || record->previous < seen->before_aborted.n)
            seen->before_aborted = POSITION(record->previous);
        seen->aborted = true;
    }
}

static void look_at_partition(const struct world *world, const struct world_partition *partition,
                              const struct cursor_lane *lane, struct lane_seen *seen)
{
    *seen = (struct lane_seen){
        .low = partition->low, .stable = partition->high, .high = partition->high};
    for (int64_t i = partition->high; i-- > partition->low;) {
        const struct world_record *record = &partition->records[i];

        if (record->state == RECORD_OPEN)
            seen->stable = i;
        if (record->state != RECORD_COMMITTED)
            continue;
        seen->other_log = seen->other_log || record->maker == MADE_BY_ANOTHER_LOG;
        if (record->maker == MADE_BY_US && seen->last.n == 0 && world_knows(world, record)) {
            seen->last = POSITION(record->position);
            seen->offset.n = i;
        }
    }
    look_at_aborted(partition, lane, seen);
}

static void look_at_topic(struct world *world, const char *name, const struct cursor_topic *known,
                          struct lane_seen *lanes, struct pub_topic_seen *seen)
{
    static const struct cursor_lane fresh;
    struct world_topic *topic = world_find_topic(world, name);

    *seen = (struct pub_topic_seen){.lanes = lanes};
    if (topic == NULL || !topic->exists)
        return;
    seen->partitions = topic->partitions;
    snprintf(seen->bad_settings, sizeof(seen->bad_settings), "%s", topic->bad_settings);
    for (int32_t p = 0; p < topic->partitions; p++)
        look_at_partition(world, topic->of[p],
                          known != NULL && p < known->partitions ? &known->lanes[p] : &fresh,
                          &lanes[p]);
}

static bool step_inspect(struct process *process, const struct pub_step *step)
{
    struct pub_topic_seen topics[WORLD_TOPICS_MAX];
    struct lane_seen lanes[WORLD_TOPICS_MAX][WORLD_PARTITIONS];

    for (size_t i = 0; i < step->cursor->topics_count; i++)
        look_at_topic(process->world, step->cursor->topics[i].topic, &step->cursor->topics[i],
                      lanes[i], &topics[i]);
    pub_inspected(process->core, topics, process->world->now_ms);
    return true;
}

static bool step_make_topic(struct process *process, const struct pub_step *step)
{
    struct lane_seen lanes[WORLD_PARTITIONS];
    struct pub_topic_seen seen;
    char category[WORLD_TEXT], name[CURSOR_TOPIC_MAX];

    snprintf(category, sizeof(category), STR_FMT, STR_ARG(step->category));
    world_topic_name(category, name);
    world_make_topic(process->world, name);
    look_at_topic(process->world, name, NULL, lanes, &seen);
    pub_made(process->core, name, &seen, process->world->now_ms);
    return true;
}

static bool step_read(struct process *process, const struct pub_step *step)
{
    struct world *world = process->world;
    int64_t to = step->up_to.n > 0 ? step->up_to.n : world->head;
    size_t count = 0;

    for (int64_t position = step->position.n + 1; position <= to && count < 25; position++)
        process->page[count++] = world->events[position];
    pub_read(process->core, process->page, count, POSITION(world->head),
             POSITION(step->position.n + (int64_t)count));
    return true;
}

static bool end_well(struct process *process, const struct pub_step *step)
{
    struct world *world = process->world;

    world_end_transaction(world, RECORD_COMMITTED);
    process->published++;
    (void)step;
    pub_published(process->core, process->offsets, world->now_ms);
    return true;
}

static bool fenced(struct error *err)
{
    return error_set(err, ERROR_FENCED, "kafka-fenced", "fenced");
}

static bool step_end_hanging(struct process *process, const struct pub_step *step,
                             struct error *err)
{
    struct world *world = process->world;

    if (process->producer_epoch != world->epoch)
        return fenced(err);
    world_end_hanging(world, step->topic);
    if (step->topic == NULL && step->cursor != NULL) {
        produce_cursor(world, step->cursor);
        world_end_transaction(world, RECORD_COMMITTED);
    }
    pub_ended(process->core);
    return true;
}

static bool step_publish(struct process *process, const struct pub_step *step, struct error *err)
{
    struct world *world = process->world;
    enum publish_fault fault = world->fault;
    struct belief belief = {0};

    world->fault = PUBLISH_WELL;
    if (process->producer_epoch != world->epoch || fault == PUBLISH_FENCED) {
        if (fault == PUBLISH_FENCED)
            world_open_producer(world);
        return fenced(err);
    }
    for (size_t i = 0; i < step->plan->count; i++) {
        late_end(process, i);
        if (fault == PUBLISH_DIES && i >= world->fault_at) {
            process->doubt = true;
            return transient(err);
        }
        process->offsets[i].n = produce(world, &step->plan->records[i], &belief);
    }
    late_end(process, SIZE_MAX);
    produce_cursor(world, step->cursor);
    if (fault == PUBLISH_NOT_ENDED || fault == PUBLISH_DIES)
        return transient(err);
    if (fault == PUBLISH_MARKERS_LOST) {
        process->doubt = true;
        world_lose_markers(world, world->lost_markers);
        if (world->fault_at % 2 > 0)
            return transient(err);
    }
    if (fault == PUBLISH_ENDED_TWICE) {
        process->doubt = true;
        world->late_end = true;
        world->late_end_epoch = world->epoch;
        world->late_end_at = world->fault_at;
    }
    if (fault != PUBLISH_ANSWER_LOST)
        return end_well(process, step);
    world_end_transaction(world, RECORD_COMMITTED);
    return transient(err);
}

static bool step_save(struct process *process, const struct pub_step *step, struct error *err)
{
    struct world *world = process->world;

    if (process->lease < world->copy_epoch ||
        (!step->force && world->has_copy && world->copy.position.n > step->cursor->position.n))
        return error_set(err, ERROR_FENCED, "", "a later leader was there");
    world->copy_epoch = process->lease;
    world->has_copy = true;
    cursor_copy(&world->copy, step->cursor);
    pub_saved(process->core);
    return true;
}

static bool step_new_log(struct process *process, const struct pub_step *step)
{
    struct world *world = process->world;

    ck_assert_uint_gt(step->prefix.len, 0);
    snprintf(world->log_id, sizeof(world->log_id), "%0*d", LOG_ID_LEN, 2);
    world->has_copy = false;
    world->stop_reason[0] = '\0';
    for (size_t i = 0; i < world->topics_count; i++) /* the old ones are not looked at any more */
        snprintf(world->topics[i].name, sizeof(world->topics[i].name), "old.%zu", i);
    pub_done(process->core);
    return true;
}

static bool step_done(struct process *process, const struct pub_step *step)
{
    struct world *world = process->world;

    snprintf(process->outcome, sizeof(process->outcome), "%s", step->outcome);
    world->paused = step->paused;
    if (step->clears_stop)
        world->stop_reason[0] = '\0';
    pub_done(process->core);
    return true;
}

bool process_perform(struct process *process, const struct pub_step *step, struct error *err)
{
    struct world *world = process->world;

    if (world->fail_next && step->kind != PUB_WAIT && step->kind != PUB_CLOSE_PRODUCER) {
        world->fail_next = false;
        return transient(err);
    }
    switch (step->kind) {
    case PUB_WAIT:
        world->now_ms += step->wait_ms;
        return true;
    case PUB_CLOSE_PRODUCER:
        process->producer_epoch = 0;
        process->doubt = false;
        return true;
    case PUB_LOAD:
        return step_load(process);
    case PUB_OPEN_PRODUCER:
        return step_open(process);
    case PUB_FETCH_CURSOR:
        return step_fetch(process);
    case PUB_CHECK_LOG:
        return step_check(process, step);
    case PUB_INSPECT:
        return step_inspect(process, step);
    case PUB_END_HANGING:
        return step_end_hanging(process, step, err);
    case PUB_MAKE_TOPIC:
        return step_make_topic(process, step);
    case PUB_READ:
        return step_read(process, step);
    case PUB_PUBLISH:
        return step_publish(process, step, err);
    case PUB_SAVE:
        return step_save(process, step, err);
    case PUB_NEW_LOG:
        return step_new_log(process, step);
    case PUB_DONE:
        return step_done(process, step);
    }
    ck_abort();
    return false;
}
