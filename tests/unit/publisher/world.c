/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/publisher/world.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { SETTLE_STEPS_MAX = 4000, LOG_ID_LEN = 36 };

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

static bool log_knows(const struct world *world, const struct world_record *record)
{
    return record->position >= 1 && record->position <= world->head &&
           strcmp(world->ids[record->position], record->id) == 0;
}

static struct world_topic *find_topic(struct world *world, const char *name)
{
    for (size_t i = 0; i < world->topics_count; i++)
        if (strcmp(world->topics[i].name, name) == 0)
            return &world->topics[i];
    return NULL;
}

static void topic_name(const char *category, char out[CURSOR_TOPIC_MAX])
{
    snprintf(out, CURSOR_TOPIC_MAX, "daybook.%s", category);
}

static struct world_topic *make_topic(struct world *world, const char *name)
{
    struct world_topic *topic = find_topic(world, name);

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

    topic_name(category, name);
    return make_topic(world, name);
}

static struct world_record *add_record(struct world_partition *partition)
{
    ck_assert_int_lt(partition->high, WORLD_RECORDS_MAX);
    partition->records[partition->high] = (struct world_record){.state = RECORD_OPEN};
    return &partition->records[partition->high++];
}

void world_put(struct world *world, const char *category, int32_t partition,
               enum record_maker maker, int64_t position, enum record_state state)
{
    struct world_record *record = add_record(world_topic(world, category)->of[partition]);

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

/* The coordinator ends what it knows of; records of partitions it does not know of stay open. */
static void end_transaction(struct world *world, enum record_state state)
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

static int open_producer(struct world *world)
{
    end_transaction(world, RECORD_ABORTED);
    world->opened++;
    return ++world->epoch;
}

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
        end_transaction(world, RECORD_COMMITTED);
}

static int64_t produce(struct world *world, const struct plan_record *planned,
                       struct belief *belief)
{
    struct world_topic *topic = find_topic(world, planned->topic->topic);
    struct world_partition *partition;
    struct world_record *record;

    ck_assert_ptr_nonnull(topic);
    ck_assert(topic->exists);
    ck_assert_int_lt(planned->partition, topic->partitions);
    partition = topic->of[planned->partition];
    record = add_record(partition);
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
    process->producer_epoch = open_producer(process->world);
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
        if (record->maker == MADE_BY_US && seen->last.n == 0 && log_knows(world, record)) {
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
    struct world_topic *topic = find_topic(world, name);

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
    topic_name(category, name);
    make_topic(process->world, name);
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

    end_transaction(world, RECORD_COMMITTED);
    process->published++;
    (void)step;
    pub_published(process->core, process->offsets, world->now_ms);
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
            open_producer(world);
        return error_set(err, ERROR_FENCED, "kafka-fenced", "fenced");
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
    if (fault == PUBLISH_ENDED_TWICE) {
        process->doubt = true;
        world->late_end = true;
        world->late_end_epoch = world->epoch;
        world->late_end_at = world->fault_at;
    }
    if (fault != PUBLISH_ANSWER_LOST)
        return end_well(process, step);
    end_transaction(world, RECORD_COMMITTED);
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

static bool perform(struct process *process, const struct pub_step *step, struct error *err)
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

struct process *process_new(struct world *world, int64_t lease)
{
    static const struct pub_config config = {
        .limits = {.records_max = 10, .bytes_max = 1 << 20},
        .pause_ms = 2,
        .poll_interval_ms = 10,
        .hanging_ms = 40000,
    };
    struct process *process = mem_zalloc(sizeof(*process));

    process->world = world;
    process->core = pub_new(&config);
    process->lease = lease;
    return process;
}

void process_free(struct process *process)
{
    pub_free(process->core);
    mem_free(process);
}

/* As the shell does: a stop is in the database before anything else happens. */
static void report(struct process *process)
{
    struct pub_view view;

    pub_view(process->core, &view);
    if (!view.loaded || view.state != PUBLISHER_STOPPED)
        return;
    snprintf(process->world->stop_reason, WORLD_TEXT, "%s", view.reason);
    snprintf(process->world->stop_detail, PUBLISHER_DETAIL_MAX, "%s", view.detail);
}

void process_step(struct process *process)
{
    struct pub_step step;
    struct error err = {0};

    process->world->now_ms++;
    pub_lease(process->core, process->lease);
    pub_connects(process->core, process->world->connects);
    if (process->doubt)
        pub_doubt(process->core);
    step = pub_next(process->core, process->world->now_ms);
    process->last_step = step.kind;
    if (!perform(process, &step, &err))
        pub_failed(process->core, &err, process->world->now_ms, 0);
    report(process);
}

enum publisher_state process_state(const struct process *process)
{
    struct pub_view view;

    pub_view(process->core, &view);
    return view.state;
}

const char *process_reason(const struct process *process)
{
    struct pub_view view;

    pub_view(process->core, &view);
    return view.reason;
}

static bool is_settled(const struct process *process)
{
    struct pub_view view;

    if (process->last_step != PUB_WAIT)
        return false;
    pub_view(process->core, &view);
    switch (view.state) {
    case PUBLISHER_RUNNING:
        return view.position.n == process->world->head && pub_takes_requests(process->core);
    case PUBLISHER_PAUSED:
    case PUBLISHER_STOPPED:
    case PUBLISHER_STANDBY:
        return pub_takes_requests(process->core) || view.state == PUBLISHER_STANDBY;
    case PUBLISHER_STARTING:
    case PUBLISHER_RETRYING:
        break;
    }
    return false;
}

void process_settle(struct process *process)
{
    process->last_step = PUB_LOAD;
    for (int i = 0; i < SETTLE_STEPS_MAX; i++) {
        process_step(process);
        if (is_settled(process))
            return;
    }
    ck_abort_msg("never settles: state %s %s", publisher_state_name(process_state(process)),
                 process_reason(process));
}

void process_request(struct process *process, const struct pub_request *request)
{
    ck_assert(pub_takes_requests(process->core));
    pub_request(process->core, request);
    process_settle(process);
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
        ck_assert_msg(log_knows(world, record), "a record that the log does not know");
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
