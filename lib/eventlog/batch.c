/* SPDX-License-Identifier: Apache-2.0 */
#include "eventlog/batch_internal.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/name.h"

#include <assert.h>
#include <string.h>

enum {
    DATA_BYTES_MAX = 128 << 20,
    MEMBERS_BYTES_MAX = 256 << 10, /* a shortage of each of the most lines, with the longest SKUs */
    /* Dependent writes (a place, then its cancellation) may each find new streams only after the
     * one before was decided. After so many passes the batch ends in front of such a write. */
    LACKING_PASSES_MAX = 3,
};

void batch_init(struct batch *batch, const struct domain *const *domains, struct cache *cache,
                struct category_set *categories, struct batch_limits limits)
{
    *batch = (struct batch){
        .limits = limits, .domains = domains, .cache = cache, .categories = categories};
    batch->arena = arena_new(64 * 1024);
    table_init(&batch->by_name);
    table_init(&batch->stored_ids);
    table_init(&batch->own_ids);
    buf_init(&batch->data, DATA_BYTES_MAX);
    buf_init(&batch->decision.members, MEMBERS_BYTES_MAX);
}

static void pass_begin(struct batch *batch)
{
    batch->decided = false;
    batch->events_count = 0;
    batch->bytes = 0;
    buf_clear(&batch->data);
    table_clear(&batch->own_ids);
    batch->new_categories.count = 0;
    batch->categories_wanted = false;
    assert(!batch->mark.set);
    for (size_t i = 0; i < batch->streams_count; i++) {
        batch->streams[i]->asked = batch->streams[i]->used = false;
        batch_stream_reset(batch->streams[i]);
    }
}

static void ask(struct batch *batch, struct plan *plan)
{
    switch (plan->write->kind) {
    case WRITE_COMMAND:
        ask_command(batch, plan);
        break;
    case WRITE_APPEND:
        ask_append(batch, plan);
        break;
    case WRITE_GROUP:
        ask_group(batch, plan);
        break;
    }
}

static void unverify(struct plan *plan)
{
    plan->key_verified = plan->ids_verified = false;
    for (size_t i = 0; i < plan->parts_count; i++)
        unverify(&plan->parts[i]);
}

static void unsettle(struct plan *plan)
{
    plan->settled = false;
    plan->replayed_bytes = 0;
    for (size_t i = 0; i < plan->parts_count; i++)
        unsettle(&plan->parts[i]);
}

void batch_form(struct batch *batch, struct plan **plans, size_t count)
{
    assert(batch->count == 0 && batch->streams_count == 0);
    assert(count > 0);

    batch->plans = plans;
    batch->count = count;
    batch->decided = false;
    batch->passes = 0;
    for (size_t i = 0; i < count; i++) {
        unsettle(plans[i]);
        unverify(plans[i]);
        ask(batch, plans[i]);
    }
}

static void empty(struct batch *batch)
{
    batch->plans = NULL;
    batch->count = 0;
    batch->streams_count = 0;
    table_clear(&batch->by_name);
    table_clear(&batch->stored_ids);
    batch->categories_listed = false;
    pass_begin(batch);
    arena_clear(batch->arena);
}

void batch_drop(struct batch *batch)
{
    for (size_t i = 0; i < batch->streams_count; i++) {
        batch_stream_reset(batch->streams[i]);
        stream_base_free(batch->streams[i]->base);
    }
    empty(batch);
}

/* The working copy becomes what is known to be stored. */
static struct stream_base *committed_base(struct batch_stream *s)
{
    struct stream_base *base = s->base;

    base->version = s->version;
    if (s->state != NULL) {
        if (base->state != NULL)
            base->type->state_free(base->state);
        base->state = TAKE(s->state);
        base->folded = s->version;
    }
    if (s->broken || s->unreadable)
        stream_base_forget(base);
    return base;
}

void batch_keep(struct batch *batch)
{
    for (size_t i = 0; i < batch->streams_count; i++) {
        struct batch_stream *s = batch->streams[i];

        /* What only writes of the next batch asked for is as it came from the cache or the log. */
        if (s->version.n > 0) {
            cache_put(batch->cache, committed_base(s));
        } else {
            batch_stream_reset(s);
            stream_base_free(s->base);
        }
    }
    empty(batch);
}

void batch_unverify(struct batch *batch)
{
    batch->categories_listed = false;
    for (size_t i = 0; i < batch->streams_count; i++)
        batch->streams[i]->verified = false;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->plans[i] != NULL)
            unverify(batch->plans[i]);
}

void batch_release(struct batch *batch)
{
    batch_drop(batch);
    mem_free(batch->streams);
    mem_free(batch->events);
    mem_free(batch->mark.before);
    table_release(&batch->by_name);
    table_release(&batch->stored_ids);
    table_release(&batch->own_ids);
    category_set_release(&batch->new_categories);
    buf_release(&batch->data);
    buf_release(&batch->decision.members);
    arena_free(batch->arena);
}

static enum verdict decide_write(struct batch *batch, struct plan *plan, bool first)
{
    switch (plan->write->kind) {
    case WRITE_COMMAND:
        return decide_command(batch, plan, first);
    case WRITE_APPEND:
        return decide_append(batch, plan, first);
    case WRITE_GROUP:
        break;
    }
    return decide_group(batch, plan, first);
}

/* What may have to be taken back whole: a dry run always, a group unless it is accepted. */
static enum verdict decide_tentatively(struct batch *batch, struct plan *plan, bool first)
{
    enum verdict verdict;
    bool accepted;

    batch_mark(batch);
    verdict = decide_write(batch, plan, first);
    accepted = verdict == VERDICT_DONE &&
               (plan->outcome == WRITE_APPENDED || plan->outcome == WRITE_REPEATED);
    if (accepted && !plan->write->dry_run) {
        batch_let_stand(batch);
        return verdict;
    }
    if (accepted)
        dry_run_note(batch, plan);
    batch_undo(batch);
    return verdict;
}

static enum verdict decide(struct batch *batch, size_t i)
{
    struct plan *plan = batch->plans[i];

    if (plan == NULL || plan->settled)
        return VERDICT_DONE;
    if (plan->write->dry_run || plan->write->kind == WRITE_GROUP)
        return decide_tentatively(batch, plan, i == 0);
    return decide_write(batch, plan, i == 0);
}

static void end_before(struct batch *batch, size_t i)
{
    assert(i > 0);
    batch->count = i;
    for (size_t j = 0; j < batch->streams_count; j++)
        batch->streams[j]->asked = false;
}

enum pass { PASS_DONE, PASS_LACKS, PASS_AGAIN };

/*
 * A write that lacks a stream is passed over, and the pass goes on only to hear what the others
 * will ask for, so that one fetch serves all; what it decides then counts for nothing.
 */
static enum pass decide_pass(struct batch *batch)
{
    bool lacking = false;

    pass_begin(batch);
    for (size_t i = 0; i < batch->count; i++) {
        switch (decide(batch, i)) {
        case VERDICT_DONE:
            break;
        case VERDICT_LACKS:
            if (!lacking && batch->passes >= LACKING_PASSES_MAX && i > 0)
                end_before(batch, i);
            else
                lacking = true;
            break;
        case VERDICT_FULL:
            if (lacking)
                return PASS_LACKS;
            end_before(batch, i);
            break;
        case VERDICT_SPOILT:
            if (lacking)
                return PASS_LACKS;
            batch->spoilt->spoilt = true;
            batch->spoilt->outcome = WRITE_FAILED;
            return PASS_AGAIN;
        }
    }
    batch->passes += lacking;
    return lacking ? PASS_LACKS : PASS_DONE;
}

/* What spoilt a write may have been a stream that another process has moved. */
static void give_another_chance(struct plan *plan)
{
    plan->spoilt = false;
    for (size_t i = 0; i < plan->parts_count; i++)
        plan->parts[i].spoilt = false;
}

bool batch_decide(struct batch *batch)
{
    enum pass pass;

    for (size_t i = 0; i < batch->count; i++)
        if (batch->plans[i] != NULL)
            give_another_chance(batch->plans[i]);
    do {
        pass = decide_pass(batch);
    } while (pass == PASS_AGAIN); /* each time one write fewer is open */
    batch->decided = pass == PASS_DONE;
    return batch->decided;
}

size_t batch_commands(const struct batch *batch)
{
    size_t commands = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct plan *plan = batch->plans[i];

        if (plan != NULL)
            commands += plan->write->kind == WRITE_GROUP ? plan->parts_count : 1;
    }
    return commands;
}

struct batch_event *batch_add_event(struct batch *batch, struct batch_stream *s,
                                    const struct write *write)
{
    struct batch_event *e;
    int64_t index = (int64_t)batch->events_count;

    batch_touch(batch, s);
    batch->events = mem_grow(batch->events, &batch->events_capacity, batch->events_count + 1,
                             sizeof(struct batch_event));
    e = &batch->events[batch->events_count++];
    s->version.n++;
    if (s->first_index == NO_INDEX)
        s->first_index = index;
    s->last_index = index;
    *e = (struct batch_event){.stream = s, .version = s->version, .write = write};
    return e;
}

void batch_name_events(struct batch *batch, new_id_fn new_id)
{
    for (size_t i = 0; i < batch->events_count; i++) {
        struct batch_event *e = &batch->events[i];
        char *text;

        if (e->id.data != NULL)
            continue;
        text = arena_alloc(e->write->arena, UUID_TEXT_LEN + 1);
        uuid_format(new_id(), text);
        e->id = str_from(text, UUID_TEXT_LEN);
    }
}
