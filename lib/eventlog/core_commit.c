/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "eventlog/core_internal.h"

#include <assert.h>

static struct position position_of(const struct writer_core *core, int64_t index)
{
    return POSITION(core->head.n + 1 + index);
}

static void fill_streams(const struct writer_core *core, const struct plan *plan)
{
    struct write *write = plan->write;
    struct written_stream *streams =
        ARENA_ARRAY(write->arena, struct written_stream, plan->streams_count);

    for (size_t i = 0; i < plan->streams_count; i++) {
        const struct plan_stream *p = &plan->streams[i];

        /* The batch's name dies before the write does; an append has its own. */
        streams[i].stream = write->kind == WRITE_APPEND
                                ? write->appends[i].stream
                                : arena_dup(write->arena, p->stream->base->name);
        streams[i].first_version = VERSION(p->before.n + 1);
        streams[i].version = p->after;
        streams[i].last_position =
            p->last_index == NO_INDEX ? p->last_position : position_of(core, p->last_index);
    }
    write->streams = streams;
    write->streams_count = plan->streams_count;
}

static struct str stream_name(const struct plan *plan, const struct batch_stream *s)
{
    for (size_t i = 0; i < plan->streams_count; i++) {
        if (plan->streams[i].stream == s)
            return plan->write->streams[i].stream;
    }
    assert(!"an event's stream is one of its write's");
    return STR_NONE;
}

static void fill_appended(const struct writer_core *core, const struct plan *plan)
{
    struct write *write = plan->write;
    struct written_event *events =
        ARENA_ARRAY(write->arena, struct written_event, plan->events_count);

    for (size_t i = 0; i < plan->events_count; i++) {
        size_t index = plan->first_event + i;
        const struct batch_event *e = &core->batch.events[index];

        events[i] = (struct written_event){
            .position = position_of(core, (int64_t)index),
            .version = e->version,
            .id = e->id,
            .type = e->type,
            .stream = stream_name(plan, e->stream),
        };
    }
    write->events = events;
}

static void fill_repeated(const struct writer_core *core, const struct plan *plan)
{
    struct write *write = plan->write;
    struct written_event *events =
        ARENA_ARRAY(write->arena, struct written_event, plan->events_count);
    size_t n = 0;

    for (size_t i = 0; i < write->appends_count; i++) {
        for (size_t j = 0; j < write->appends[i].events_count; j++, n++) {
            const struct known_id *known = plan->repeated[n];

            events[n] = (struct written_event){
                .position =
                    known->index == NO_INDEX ? known->position : position_of(core, known->index),
                .version = known->version,
                .id = write->appends[i].events[j].id,
                .type = write->appends[i].events[j].type,
                .stream = write->appends[i].stream,
            };
        }
    }
    assert(n == plan->events_count);
    write->events = events;
}

/* Of an atomic group that failed, the culprit's only. */
static void fill_group(struct writer_core *core, struct plan *plan)
{
    plan->write->culprit = plan->culprit != NULL ? plan->culprit->write : NULL;
    if (plan->culprit != NULL)
        core_fill_results(core, plan->culprit);
    for (size_t i = 0; i < plan->parts_count && plan->culprit == NULL; i++)
        core_fill_results(core, &plan->parts[i]);
}

void core_fill_results(struct writer_core *core, struct plan *plan)
{
    struct write *write = plan->write;

    write->outcome = plan->outcome;
    if (write->kind == WRITE_GROUP) {
        if (!plan->settled)
            fill_group(core, plan);
        return;
    }
    if ((plan->outcome != WRITE_APPENDED && plan->outcome != WRITE_REPEATED) || write->dry_run)
        return; /* a dry run's results were noted when it was decided */
    fill_streams(core, plan);
    write->events_count = plan->events_count;
    if (plan->outcome == WRITE_APPENDED)
        fill_appended(core, plan);
    else
        fill_repeated(core, plan);
}

static int64_t take_stream_id(struct stream_ids *ids)
{
    int64_t id;

    assert(core_ids_left(ids) > 0);
    id = ids->firsts[0] + (int64_t)ids->used;
    if (++ids->used == STREAM_IDS_BLOCK) {
        ids->used = 0;
        ids->count--;
        for (size_t i = 0; i < ids->count; i++)
            ids->firsts[i] = ids->firsts[i + 1];
    }
    return id;
}

static void write_stream(struct writer_core *core, struct batch_stream *s)
{
    struct core_commit *c = &core->commit;

    assert(s->verified && s->used); /* nothing is written that was not checked under the lock */
    if (s->knowledge == STREAM_FOUND) {
        c->moved_streams[c->moved_streams_count++] =
            (struct core_moved_stream){s->base->id, s->version, position_of(core, s->last_index)};
        return;
    }
    if (s->base->id == 0)
        s->base->id = take_stream_id(&core->ids);
    c->new_streams[c->new_streams_count++] = (struct core_new_stream){
        .id = s->base->id,
        .tenant = s->base->tenant,
        .name = s->base->name,
        .category = name_category(s->base->name),
        .version = s->version,
        .first_position = position_of(core, s->first_index),
        .last_position = position_of(core, s->last_index),
    };
}

static void write_streams(struct writer_core *core)
{
    struct batch *batch = &core->batch;
    struct core_commit *c = &core->commit;

    c->new_streams = ARENA_ARRAY(core->scratch, struct core_new_stream, batch->streams_count);
    c->moved_streams = ARENA_ARRAY(core->scratch, struct core_moved_stream, batch->streams_count);
    for (size_t i = 0; i < batch->streams_count; i++) {
        if (batch->streams[i]->last_index != NO_INDEX)
            write_stream(core, batch->streams[i]);
    }
}

static void write_events(struct writer_core *core)
{
    struct batch *batch = &core->batch;
    struct core_commit *c = &core->commit;

    batch_name_events(batch, core->config.new_id);
    c->events = ARENA_ARRAY(core->scratch, struct core_new_event, batch->events_count);
    c->events_count = batch->events_count;
    for (size_t i = 0; i < batch->events_count; i++) {
        const struct batch_event *e = &batch->events[i];

        c->events[i] = (struct core_new_event){
            .stream_id = e->stream->base->id,
            .version = e->version,
            .occurred_at_us = e->occurred_at_us,
            .id = e->id,
            .type = e->type,
            .data = batch_event_data(batch, e),
            .metadata = e->metadata,
            .origin = &e->write->origin,
        };
    }
}

static bool stores_answer(const struct plan *plan)
{
    return plan->write->idempotency_key.data != NULL && !plan->settled &&
           (plan->outcome == WRITE_APPENDED || plan->outcome == WRITE_REPEATED);
}

static void write_answer(struct writer_core *core, struct plan *plan)
{
    struct core_commit *c = &core->commit;
    struct write *write = plan->write;

    assert(plan->key_verified);
    core_fill_results(core, plan);
    write->compose(write, &write->answer);
    c->answers[c->answers_count++] = (struct core_new_answer){
        .key = {write->tenant, write->credential, write->idempotency_key},
        .hash = write->request_hash,
        .answer = &write->answer,
    };
}

static void write_answers(struct writer_core *core)
{
    struct batch *batch = &core->batch;
    size_t max = batch->count + batch_commands(batch);

    core->commit.answers = ARENA_ARRAY(core->scratch, struct core_new_answer, max);
    for (size_t i = 0; i < batch->count; i++) {
        struct plan *plan = batch->plans[i];
        bool parts_stand = plan != NULL && !plan->settled && plan->outcome == WRITE_APPENDED;

        if (plan != NULL && stores_answer(plan))
            write_answer(core, plan);
        for (size_t j = 0; parts_stand && j < plan->parts_count; j++) {
            if (stores_answer(&plan->parts[j]))
                write_answer(core, &plan->parts[j]);
        }
    }
}

void core_prepare_commit(struct writer_core *core, bool at_once)
{
    struct batch *batch = &core->batch;
    struct core_commit *c = &core->commit;

    core->expected = NULL;
    core->overtaken = false;
    *c = (struct core_commit){
        .at_once = at_once,
        .base = core->head,
        .recorded_at_us = core->recorded_at_us,
        .commands_count = batch_commands(batch),
    };
    write_streams(core);
    write_events(core);
    write_answers(core);
    c->categories_count = batch->new_categories.count;
    c->categories = ARENA_ARRAY(core->scratch, struct str, c->categories_count);
    for (size_t i = 0; i < c->categories_count; i++)
        c->categories[i] = str_of(batch->new_categories.names[i].text);
}

const struct core_commit *core_commit(const struct writer_core *core)
{
    assert(core->step == CORE_COMMIT);
    return &core->commit;
}

void core_recorded(struct writer_core *core, int64_t recorded_at_us)
{
    assert(core->step == CORE_COMMIT && core->commit.at_once);
    core->recorded_at_us = recorded_at_us;
}

void core_overtaken(struct writer_core *core)
{
    assert(core->step == CORE_COMMIT && core->commit.at_once);
    core->overtaken = true;
}

bool core_is_overtaken(const struct writer_core *core)
{
    assert(core->step == CORE_COMMIT);
    return core->overtaken;
}

void core_committed_bases(struct writer_core *core)
{
    struct batch *batch = &core->batch;

    for (size_t i = 0; i < batch->streams_count; i++) {
        struct batch_stream *s = batch->streams[i];

        if (s->verified)
            s->base->as_of = position_of(core, (int64_t)batch->events_count - 1);
        if (s->last_index == NO_INDEX)
            continue;
        s->base->last_position = position_of(core, s->last_index);
        s->base->last_at_us = core->recorded_at_us;
        if (s->knowledge != STREAM_FOUND)
            s->base->first_position = position_of(core, s->first_index);
    }
    for (size_t i = 0; i < batch->new_categories.count; i++)
        category_set_add(&core->categories, str_of(batch->new_categories.names[i].text));
}

/* Copies: a write that is answered meanwhile takes its ids with it. */
void core_prepare_doubt(struct writer_core *core)
{
    struct batch *batch = &core->batch;

    if (core->expected != NULL)
        return; /* when the first write was given up in COMMIT: their ids may be gone by now */
    core->doubt = (struct core_doubt){core->head, batch->events_count};
    core->expected = ARENA_ARRAY(batch->arena, struct core_expected, batch->events_count);
    for (size_t i = 0; i < batch->events_count; i++) {
        const struct batch_event *e = &batch->events[i];

        core->expected[i] = (struct core_expected){
            .stream_id = e->stream->base->id,
            .version = e->version,
            .id = arena_dup(batch->arena, e->id),
        };
    }
}
