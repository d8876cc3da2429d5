/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "eventlog/core_internal.h"

#include <assert.h>

/*
 * Nobody else has committed since the base was known to be true: the head says so, which moves with
 * every append. Where others write too, asking with the lock is cheaper than being wrong.
 */
static bool is_fresh(const struct writer_core *core, const struct batch_stream *s)
{
    return core->alone && s->knowledge != STREAM_UNKNOWN && s->base->as_of.n >= core->alone_since.n;
}

static void look_for_stream(struct writer_core *core, struct batch_stream *s, bool locked)
{
    struct core_lookups *l = &core->lookups;

    if (s->verified || (!locked && s->knowledge != STREAM_UNKNOWN))
        return;
    if (locked && is_fresh(core, s)) {
        s->verified = core->state == CORE_LOCKED; /* else by the head that comes with the lock */
        return;
    }
    if (s->knowledge == STREAM_FOUND) {
        core->known_streams[l->known_count] = s;
        l->known[l->known_count++] = (struct core_known){s->base->id, s->base->version};
    } else {
        core->named_streams[l->names_count] = s;
        l->names[l->names_count++] = (struct core_name){s->base->tenant, s->base->name};
    }
}

static void look_for_streams(struct writer_core *core, bool locked)
{
    struct batch *batch = &core->batch;
    struct core_lookups *l = &core->lookups;
    size_t max = batch->streams_count;

    l->known = ARENA_ARRAY(core->scratch, struct core_known, max);
    l->names = ARENA_ARRAY(core->scratch, struct core_name, max);
    core->known_streams = ARENA_ARRAY(core->scratch, struct batch_stream *, max);
    core->named_streams = ARENA_ARRAY(core->scratch, struct batch_stream *, max);
    for (size_t i = 0; i < max; i++) {
        if (batch_stream_is_needed(batch->streams[i]))
            look_for_stream(core, batch->streams[i], locked);
    }
}

static void look_for_key(struct writer_core *core, struct plan *plan)
{
    struct core_lookups *l = &core->lookups;
    const struct write *write = plan->write;

    if (write->idempotency_key.data == NULL || write->key_busy || plan->settled ||
        plan->key_verified)
        return;
    core->key_plans[l->keys_count] = plan;
    l->keys[l->keys_count++] =
        (struct core_key){write->tenant, write->credential, write->idempotency_key};
}

static void look_for_keys(struct writer_core *core)
{
    struct batch *batch = &core->batch;
    size_t max = batch->count + batch_commands(batch); /* a group may have one beside its parts' */

    core->lookups.keys = ARENA_ARRAY(core->scratch, struct core_key, max);
    core->key_plans = ARENA_ARRAY(core->scratch, struct plan *, max);
    for (size_t i = 0; i < batch->count; i++) {
        struct plan *plan = batch->plans[i];

        if (plan == NULL)
            continue;
        look_for_key(core, plan);
        for (size_t j = 0; j < plan->parts_count && !plan->settled; j++)
            look_for_key(core, &plan->parts[j]);
    }
}

static bool ids_unverified(const struct plan *plan)
{
    return plan != NULL && plan->has_ids && !plan->settled && !plan->ids_verified;
}

static size_t count_ids(const struct batch *batch)
{
    size_t count = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct write *write;

        if (!ids_unverified(batch->plans[i]))
            continue;
        write = batch->plans[i]->write;
        for (size_t j = 0; j < write->appends_count; j++)
            count += write->appends[j].events_count;
    }
    return count;
}

static void look_for_append_ids(struct writer_core *core, const struct write *write,
                                const struct stream_append *append)
{
    struct core_lookups *l = &core->lookups;
    struct batch_stream *s = batch_stream(&core->batch, write->tenant, append->stream);

    /* In a stream that turns out to exist they are looked for after that (core_found). */
    if (s->knowledge != STREAM_FOUND)
        return;
    for (size_t i = 0; i < append->events_count; i++) {
        if (append->events[i].id.data == NULL)
            continue;
        core->id_streams[l->event_ids_count] = s;
        /* A copy: the write may be answered, and gone, before the database is. */
        l->event_ids[l->event_ids_count++] =
            (struct core_event_id){s->base->id, arena_dup(core->scratch, append->events[i].id)};
    }
}

static void look_for_ids(struct writer_core *core)
{
    struct batch *batch = &core->batch;
    size_t max = count_ids(batch);

    core->lookups.event_ids = ARENA_ARRAY(core->scratch, struct core_event_id, max);
    core->id_streams = ARENA_ARRAY(core->scratch, struct batch_stream *, max);
    core->id_plans = ARENA_ARRAY(core->scratch, struct plan *, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        struct plan *plan = batch->plans[i];

        if (!ids_unverified(plan))
            continue;
        core->id_plans[core->id_plans_count++] = plan;
        for (size_t j = 0; j < plan->write->appends_count; j++)
            look_for_append_ids(core, plan->write, &plan->write->appends[j]);
    }
}

size_t core_ids_left(const struct stream_ids *ids)
{
    return ids->count * STREAM_IDS_BLOCK - ids->used;
}

static size_t id_blocks_lacking(const struct writer_core *core)
{
    size_t left = core_ids_left(&core->ids);
    size_t need = 0;

    for (size_t i = 0; i < core->batch.streams_count; i++) {
        const struct batch_stream *s = core->batch.streams[i];

        if (s->knowledge != STREAM_FOUND && s->version.n > 0)
            need++;
    }
    return need <= left ? 0 : (need - left + STREAM_IDS_BLOCK - 1) / STREAM_IDS_BLOCK;
}

bool core_prepare_lookups(struct writer_core *core, bool locked)
{
    struct core_lookups *l = &core->lookups;

    *l = (struct core_lookups){0};
    core->id_plans_count = 0;
    core->found_by_name = false;
    look_for_streams(core, locked);
    if (locked) {
        look_for_keys(core);
        look_for_ids(core);
        l->categories = core->batch.categories_wanted && !core->batch.categories_listed;
        l->id_blocks = id_blocks_lacking(core);
    }
    return l->known_count + l->names_count + l->keys_count + l->event_ids_count + l->id_blocks >
               0 ||
           l->categories;
}

/* New streams that get events: their names are unique in the database. */
static bool names_are_written(const struct writer_core *core)
{
    for (size_t i = 0; i < core->lookups.names_count; i++) {
        if (core->named_streams[i]->last_index == NO_INDEX)
            return false;
    }
    return true;
}

bool core_can_commit_at_once(struct writer_core *core)
{
    const struct core_lookups *l = &core->lookups;
    struct batch *batch = &core->batch;

    if (!core->alone || batch->events_count == 0 || l->known_count > 0 || l->keys_count > 0 ||
        l->event_ids_count > 0 || l->categories || l->id_blocks > 0 || !names_are_written(core))
        return false;
    for (size_t i = 0; i < batch->streams_count; i++) /* by the COMMIT, if it is made */
        batch->streams[i]->verified = batch_stream_is_needed(batch->streams[i]);
    return true;
}

const struct core_lookups *core_lookups(const struct writer_core *core)
{
    assert(core->step == CORE_LOOK);
    return &core->lookups;
}

void core_forget_head(struct writer_core *core)
{
    core->left_at = POSITION(-1);
    core->alone = false;
}

void core_head(struct writer_core *core, struct position position, int64_t recorded_at_us)
{
    assert(core->step == CORE_LOOK && core->lookups.lock);
    core->alone = position.n == core->left_at.n;
    if (!core->alone)
        core->alone_since = position;
    core->head = core->left_at = position;
    core->recorded_at_us = recorded_at_us;
}

static void take_row(struct batch_stream *s, const struct core_stream_row *row)
{
    s->base->id = row->id;
    s->base->version = row->version;
    s->base->first_position = row->first_position;
    s->base->last_position = row->last_position;
}

void core_moved(struct writer_core *core, size_t known, const struct core_stream_row *row)
{
    struct batch_stream *s;

    assert(core->step == CORE_LOOK && known < core->lookups.known_count);
    s = core->known_streams[known];
    core->batch.decided = false;
    if (row->id == 0 || row->version.n < s->base->version.n) {
        /* Streams only grow; somebody has edited the tables. Nothing known of it holds. */
        stream_base_forget(s->base);
        s->unreadable = false;
    }
    take_row(s, row);
    if (row->id == 0)
        s->knowledge = STREAM_UNKNOWN;
}

void core_found(struct writer_core *core, size_t name, const struct core_stream_row *row)
{
    struct batch_stream *s;

    assert(core->step == CORE_LOOK && name < core->lookups.names_count && row->id > 0);
    s = core->named_streams[name];
    core->batch.decided = false;
    s->knowledge = STREAM_FOUND;
    take_row(s, row);
    core->found_by_name = true;
}

static bool has_room_for(struct plan *group, const struct stored_answer *answer)
{
    group->replayed_bytes += answer->body.len;
    return group->replayed_bytes <= GROUP_REPLAYED_BYTES_MAX;
}

void core_key_found(struct writer_core *core, size_t key, struct str hash,
                    const struct stored_answer *answer)
{
    struct plan *plan;
    struct write *write;

    assert(core->step == CORE_LOOK && key < core->lookups.keys_count);
    plan = core->key_plans[key];
    if (plan == NULL)
        return; /* answered meanwhile */
    write = plan->write;
    core->batch.decided = false;
    plan->settled = true;
    plan->events_count = plan->streams_count = 0;
    /* A client that changes the body under an old key has a bug; replaying would hide it. */
    if (!str_equal(hash, write->request_hash)) {
        plan->outcome = WRITE_KEY_REUSED;
        return;
    }
    if (plan->group != NULL && !has_room_for(plan->group, answer)) {
        plan->outcome = WRITE_FAILED;
        error_set(&write->error, ERROR_REFUSED, "payload-too-large",
                  "the stored answers to the commands of this request have more than %d bytes",
                  GROUP_REPLAYED_BYTES_MAX);
        return;
    }
    plan->outcome = WRITE_REPLAYED;
    write->answer.status = answer->status;
    write->answer.headers = arena_dup(write->arena, answer->headers);
    write->answer.body = arena_dup(write->arena, answer->body);
}

void core_event_id_found(struct writer_core *core, size_t event_id, struct version version,
                         struct position position)
{
    assert(core->step == CORE_LOOK && event_id < core->lookups.event_ids_count);
    core->batch.decided = false;
    batch_store_id(&core->batch, (struct known_id){.stream = core->id_streams[event_id],
                                                   .id = core->lookups.event_ids[event_id].id,
                                                   .version = version,
                                                   .position = position,
                                                   .index = NO_INDEX});
}

void core_category(struct writer_core *core, struct str name)
{
    assert(core->step == CORE_LOOK && core->lookups.categories);
    if (name.len <= NAME_CATEGORY_MAX && !category_set_has(&core->categories, name))
        category_set_add(&core->categories, name);
}

void core_id_block(struct writer_core *core, int64_t first)
{
    assert(core->step == CORE_LOOK && core->ids.count < ID_BLOCKS_MAX);
    core->ids.firsts[core->ids.count++] = first;
}

static void streams_looked_up(struct writer_core *core, bool locked)
{
    for (size_t i = 0; i < core->lookups.known_count; i++)
        core->known_streams[i]->verified = core->known_streams[i]->knowledge == STREAM_FOUND;
    for (size_t i = 0; i < core->lookups.names_count; i++) {
        struct batch_stream *s = core->named_streams[i];

        s->verified = locked;
        if (!locked)
            s->base->as_of = core->left_at; /* if somebody was faster, the head will say so */
        if (s->knowledge == STREAM_UNKNOWN) {
            s->knowledge = STREAM_ABSENT;
            core->batch.decided = false;
        }
    }
}

void core_lookups_done(struct writer_core *core, bool locked)
{
    streams_looked_up(core, locked);
    for (size_t i = 0; i < core->lookups.keys_count; i++)
        if (core->key_plans[i] != NULL)
            core->key_plans[i]->key_verified = true;
    for (size_t i = 0; i < core->id_plans_count; i++)
        if (core->id_plans[i] != NULL)
            core->id_plans[i]->ids_verified = true;
    /* In the streams found just now no id was looked for. */
    for (size_t i = 0; core->found_by_name && i < core->batch.count; i++)
        if (core->batch.plans[i] != NULL)
            core->batch.plans[i]->ids_verified = false;
    if (core->lookups.categories) {
        core->batch.categories_listed = true;
        core->batch.decided = false;
    }
}
