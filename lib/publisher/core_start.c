/* SPDX-License-Identifier: Apache-2.0 */
/* Where to go on: what database, log and Kafka say, held against each other. */
#include "publisher/core.h"

#include "base/mem.h"
#include "publisher/core_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    HANGING_LOOK_MS = 200,
    END_AFTER_MS = 2000, /* markers are on their way for some milliseconds after each end */
};

static void forget_categories(struct pub_core *core)
{
    for (size_t i = 0; i < core->categories_count; i++)
        mem_free((char *)(uintptr_t)core->categories[i].data);
    mem_free(core->categories);
    core->categories = NULL;
    core->categories_count = 0;
}

static void want_category(struct pub_core *core, struct str category)
{
    /* Dead letters have a topic a projection, made with its first one. */
    if (str_equal(category, STR("dlq")))
        return;
    for (size_t i = 0; i < core->categories_count; i++)
        if (str_equal(core->categories[i], category))
            return;
    core->categories =
        mem_realloc(core->categories, (core->categories_count + 1) * sizeof(struct str));
    core->categories[core->categories_count++] = str_from(mem_strdup_str(category), category.len);
}

static void want_categories(struct pub_core *core, const struct pub_facts *facts)
{
    forget_categories(core);
    for (size_t i = 0; core->config.categories != NULL && core->config.categories[i] != NULL; i++)
        want_category(core, str_of(core->config.categories[i]));
    for (size_t i = 0; i < facts->categories_count; i++)
        want_category(core, facts->categories[i]);
}

void pub_loaded(struct pub_core *core, const struct pub_facts *facts)
{
    assert(core->phase == PHASE_LOAD);
    pub_drop_work(core);
    cursor_release(&core->cursor);
    cursor_init(&core->cursor, facts->log_id);
    core->has_copy = facts->copy != NULL && facts->copy->position.n > 0;
    cursor_release(&core->copy);
    if (core->has_copy)
        cursor_copy(&core->copy, facts->copy);
    core->head = facts->head;
    want_categories(core, facts);
    core->paused = facts->paused;
    snprintf(core->reason, sizeof(core->reason), STR_FMT, STR_ARG(facts->stop_reason));
    snprintf(core->detail, sizeof(core->detail), STR_FMT, STR_ARG(facts->stop_detail));
    core->hanging_since_ms = 0;
    core->end_due = core->end_tried = false;
    core->wait_until_ms = 0;
    core->started = false;
    core->loaded = true;
    if (core->reason[0] != '\0')
        core->phase = PHASE_STOPPED;
    else
        core->phase = core->paused ? PHASE_PAUSED : PHASE_OPEN;
}

/* What hangs may be ours although the producer's open ended all that the coordinator knew of: one
 * that comes back forgets the markers for partitions that it does not know yet. A marker of another
 * transaction of ours ends it as well. Tried once for each topic. */
static bool may_be_ours(const struct pub_core *core, const char *topic)
{
    return !core->end_tried || strcmp(core->ended, topic) != 0;
}

/* An open transaction may end: looked at again for a while, then it is an operator's matter. TOPIC:
 * "": the cursor's. */
static void hangs(struct pub_core *core, const char *topic, int64_t now_ms)
{
    int64_t since_ms;

    if (core->hanging_since_ms == 0)
        core->hanging_since_ms = now_ms;
    since_ms = now_ms - core->hanging_since_ms;
    if (since_ms < core->config.hanging_ms) {
        core->wait_until_ms = now_ms + HANGING_LOOK_MS;
        if (since_ms >= END_AFTER_MS && may_be_ours(core, topic)) {
            snprintf(core->hanging, sizeof(core->hanging), "%s", topic);
            core->end_due = true;
        }
        return;
    }
    pub_stop(core, "hanging-transaction",
             "a transaction in topic '%s' has been open for %lld s: end it with "
             "kafka-transactions.sh, then accept \"retry\"",
             topic[0] != '\0' ? topic : "cursor", (long long)(since_ms / 1000));
}

/* The next open aborts what was left open for that, and the start goes its whole way again. */
void pub_ended(struct pub_core *core)
{
    assert(core->end_due);
    core->end_due = false;
    core->end_tried = true;
    snprintf(core->ended, sizeof(core->ended), "%s", core->hanging);
    core->wait_until_ms = 0;
    core->phase = PHASE_OPEN;
}

/* The copy knows offsets that the cursor's own transaction could not contain. */
static void take_offsets(struct pub_core *core)
{
    for (size_t i = 0; i < core->cursor.topics_count; i++) {
        struct cursor_topic *topic = &core->cursor.topics[i];
        const struct cursor_topic *copy =
            core->has_copy ? cursor_find(&core->copy, str_of(topic->category)) : NULL;

        for (int32_t p = 0; copy != NULL && p < topic->partitions; p++)
            if (copy->partitions == topic->partitions &&
                copy->lanes[p].offset.n > topic->lanes[p].offset.n)
                topic->lanes[p].offset = copy->lanes[p].offset;
    }
}

static void cursor_missing(struct pub_core *core)
{
    if (core->has_copy)
        pub_stop(core, "cursor-lost",
                 "Kafka has no cursor for log %s; the database's copy is at position %lld",
                 core->cursor.log_id, (long long)core->copy.position.n);
    else
        core->phase = PHASE_CHECK;
}

static void cursor_found(struct pub_core *core, const struct cursor *cursor)
{
    if (strcmp(cursor->log_id, core->cursor.log_id) != 0) {
        pub_stop(core, "cursor-lost", "the cursor under the key of log %s speaks of log '%s'",
                 core->cursor.log_id, cursor->log_id);
        return;
    }
    cursor_copy(&core->cursor, cursor);
    if (core->has_copy && core->cursor.position.n < core->copy.position.n) {
        pub_stop(core, "cursor-behind",
                 "Kafka's cursor is at position %lld, the database's copy at %lld",
                 (long long)core->cursor.position.n, (long long)core->copy.position.n);
        return;
    }
    take_offsets(core);
    core->phase = PHASE_CHECK;
}

static void start_loss(struct pub_core *core)
{
    char log_id[UUID_TEXT_LEN + 1];

    snprintf(log_id, sizeof(log_id), "%s", core->cursor.log_id);
    cursor_release(&core->cursor);
    cursor_init(&core->cursor, log_id);
    core->phase = PHASE_CHECK;
}

void pub_fetched(struct pub_core *core, const struct pub_cursor_seen *seen, int64_t now_ms)
{
    assert(core->phase == PHASE_FETCH);
    if (seen->bad_settings[0] != '\0') {
        pub_stop(core, "topic-settings", "the cursor's topic: %s", seen->bad_settings);
        return;
    }
    if (seen->fetch == PUB_CURSOR_HANGING) {
        hangs(core, "", now_ms);
        return;
    }
    core->hanging_since_ms = 0;
    if (core->loss) /* it is made anew, whatever there is */
        start_loss(core);
    else if (seen->fetch == PUB_CURSOR_FOUND)
        cursor_found(core, seen->cursor);
    else if (seen->fetch == PUB_CURSOR_MALFORMED)
        pub_stop(core, "cursor-lost", "the record under the key of log %s is not a cursor",
                 core->cursor.log_id);
    else
        cursor_missing(core);
}

void pub_checked(struct pub_core *core, struct position head, struct str event_id)
{
    long long position = core->cursor.position.n;

    assert(core->phase == PHASE_CHECK);
    core->head = head;
    core->published = core->cursor.position;
    if (core->loss && core->loss_position.n > head.n) {
        core->loss = false;
        core->phase = PHASE_STOPPED;
        pub_finish_request(core, false, "refused: position %lld is beyond the log's head %lld",
                           (long long)core->loss_position.n, (long long)head.n);
    } else if (core->loss) {
        core->phase = PHASE_TOPICS;
    } else if (position > head.n) {
        pub_stop(core, "log-behind",
                 "the log ends at position %lld, Kafka has it up to %lld (event %s)",
                 (long long)head.n, position, core->cursor.event_id);
    } else if (position > 0 && !str_equal(event_id, str_of(core->cursor.event_id))) {
        pub_stop(core, "log-differs",
                 "position %lld is event " STR_FMT " in the log, event %s in Kafka", position,
                 STR_ARG(event_id), core->cursor.event_id);
    } else {
        core->phase = PHASE_INSPECT;
    }
}

/* False: stopped. *HANGING is set when one of the lanes has an open transaction. */
static bool judge_lanes(struct pub_core *core, struct cursor_topic *topic,
                        const struct lane_seen *lanes, bool *hanging)
{
    for (int32_t p = 0; p < topic->partitions; p++) {
        struct cursor_lane *lane = &topic->lanes[p];

        switch (lane_judge(lane, &lanes[p])) {
        case LANE_FITS:
            break;
        case LANE_HANGING:
            *hanging = true;
            break;
        case LANE_OTHER_LOG:
            pub_stop(core, "topic-foreign", "topic '%s' [%d] holds records of another log",
                     topic->topic, (int)p);
            return false;
        case LANE_LOST:
            pub_stop(core, "topic-lost",
                     "topic '%s' [%d] holds offsets %lld to %lld and no event; it should hold "
                     "position %lld, and a record at offset %lld",
                     topic->topic, (int)p, (long long)lanes[p].low, (long long)lanes[p].high,
                     (long long)lane->last.n, (long long)lane->offset.n);
            return false;
        }
    }
    return true;
}

static bool judge_topic(struct pub_core *core, struct cursor_topic *topic,
                        const struct pub_topic_seen *seen, bool *hanging)
{
    if (seen->partitions == 0)
        pub_stop(core, "topic-lost", "topic '%s' does not exist", topic->topic);
    else if (seen->partitions != topic->partitions)
        pub_stop(core, "topic-changed", "topic '%s' has %d partitions, the cursor says %d",
                 topic->topic, (int)seen->partitions, (int)topic->partitions);
    else if (seen->bad_settings[0] != '\0')
        pub_stop(core, "topic-settings", "topic '%s': %s", topic->topic, seen->bad_settings);
    else
        return judge_lanes(core, topic, seen->lanes, hanging);
    return false;
}

void pub_inspected(struct pub_core *core, const struct pub_topic_seen *topics, int64_t now_ms)
{
    const char *hanging_topic = NULL;

    assert(core->phase == PHASE_INSPECT);
    for (size_t i = 0; i < core->cursor.topics_count; i++) {
        bool hanging = false;

        if (!judge_topic(core, &core->cursor.topics[i], &topics[i], &hanging))
            return;
        if (hanging)
            hanging_topic = core->cursor.topics[i].topic;
    }
    if (hanging_topic != NULL) {
        hangs(core, hanging_topic, now_ms);
        return;
    }
    core->hanging_since_ms = 0;
    core->settings_checked = true;
    core->phase = PHASE_TOPICS;
}

void pub_made(struct pub_core *core, const char *topic, const struct pub_topic_seen *seen,
              int64_t now_ms)
{
    struct cursor_topic made = {.partitions = seen->partitions};
    struct str category = core->plan.missing_category;
    bool hanging = false;

    assert(seen->partitions > 0);
    snprintf(made.topic, sizeof(made.topic), "%s", topic);
    made.lanes = mem_calloc((size_t)made.partitions, sizeof(struct cursor_lane));
    for (int32_t p = 0; p < made.partitions; p++)
        made.lanes[p].offset.n = -1;
    if (judge_topic(core, &made, seen, &hanging)) {
        if (hanging) {
            hangs(core, topic, now_ms);
        } else {
            struct cursor_topic *added =
                cursor_add(&core->cursor, category, topic, made.partitions);

            core->hanging_since_ms = 0;
            memcpy(added->lanes, made.lanes, (size_t)made.partitions * sizeof(struct cursor_lane));
            core->plan.missing_category = STR_NONE;
        }
    }
    mem_free(made.lanes);
}
