/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a write's effects off a pass again, as if it had never been decided. */
#include "base/mem.h"
#include "eventlog/batch_internal.h"

#include <assert.h>

void batch_mark(struct batch *batch)
{
    struct batch_mark *mark = &batch->mark;

    assert(!mark->set && mark->before_count == 0);
    mark->set = true;
    mark->events_count = batch->events_count;
    mark->bytes = batch->bytes;
    mark->data_len = batch->data.len;
    mark->categories_count = batch->new_categories.count;
}

void batch_touch(struct batch *batch, struct batch_stream *s)
{
    struct batch_mark *mark = &batch->mark;
    struct stream_before *before;

    if (!mark->set || s->touched)
        return;
    mark->before = mem_grow(mark->before, &mark->before_capacity, mark->before_count + 1,
                            sizeof(*mark->before));
    before = &mark->before[mark->before_count++];
    *before = (struct stream_before){.stream = s,
                                     .version = s->version,
                                     .state = s->state,
                                     .broken = s->broken,
                                     .last_index = s->last_index,
                                     .first_index = s->first_index};
    s->touched = true;
    if (s->state != NULL)
        s->state = s->base->type->state_clone(s->state);
}

static void forget_ids(struct batch *batch, size_t from)
{
    for (size_t i = from; i < batch->events_count; i++) {
        if (batch->events[i].id.data != NULL)
            batch_forget_id(batch, batch->events[i].stream, batch->events[i].id);
    }
}

static void restore(const struct stream_before *before)
{
    struct batch_stream *s = before->stream;

    if (s->state != NULL)
        s->base->type->state_free(s->state);
    s->state = before->state;
    s->version = before->version;
    s->broken = before->broken;
    s->last_index = before->last_index;
    s->first_index = before->first_index;
    s->touched = false;
}

static void mark_end(struct batch_mark *mark)
{
    mark->set = false;
    mark->before_count = 0;
}

void batch_undo(struct batch *batch)
{
    struct batch_mark *mark = &batch->mark;

    assert(mark->set);
    forget_ids(batch, mark->events_count);
    for (size_t i = 0; i < mark->before_count; i++)
        restore(&mark->before[i]);
    batch->events_count = mark->events_count;
    batch->bytes = mark->bytes;
    batch->data.len = mark->data_len;
    batch->new_categories.count = mark->categories_count;
    mark_end(mark);
}

void batch_let_stand(struct batch *batch)
{
    struct batch_mark *mark = &batch->mark;

    assert(mark->set);
    for (size_t i = 0; i < mark->before_count; i++) {
        const struct stream_before *before = &mark->before[i];

        if (before->state != NULL)
            before->stream->base->type->state_free(before->state);
        before->stream->touched = false;
    }
    mark_end(mark);
}
