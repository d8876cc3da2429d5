/* SPDX-License-Identifier: Apache-2.0 */
/* Between a batch's trips: folds its events, fills gaps from the log, parks what can not be
 * applied, and counts what queues behind. */
#include "projection/apply_internal.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "eventlog/read.h"
#include "postgres/pg.h"
#include "projection/events_json.h"
#include "projection/parked_set.h"
#include "projection/parking_store.h"
#include "projection/rows.h"
#include "projection/sums.h"
#include "projection/table.h"

enum { GAP_EVENTS = 500 };

static struct checkpoint_set set_of(const struct batch *b)
{
    return (struct checkpoint_set){b->table->projection->name, b->table->generation};
}

/* Causes. Most batches have none, and pay only a counter. */

static void take_causes(struct batch *b)
{
    if (!b->causes) {
        b->causes = ARENA_NEW(b->arena, struct causes);
        *b->causes = *b->rules->causes;
    }
    for (; b->good > 0; b->good--)
        causes_applied(b->causes);
}

/* Keys. */

static struct parked_set *changed_keys(struct batch *b, size_t part)
{
    if (!b->keys)
        b->keys = ARENA_ARRAY(b->arena, struct parked_set *, b->parts_count);
    if (!b->keys[part])
        b->keys[part] = parked_set_new();
    return b->keys[part];
}

/* The parked key of that stream, ours to change; NULL: it is not parked. */
static struct parked_key *find_key(struct batch *b, size_t part, const struct event *event)
{
    const struct parked_set *known = b->parts[part].parked;
    struct parked_key *key = NULL;

    if (b->keys && b->keys[part])
        key = parked_set_find(b->keys[part], event->tenant, event->stream);
    if (!key && known && parked_set_count(known) > 0)
        key = parked_set_find(known, event->tenant, event->stream);
    if (!key)
        return NULL;
    return parked_set_put(changed_keys(b, part), key);
}

static void queue_behind(struct batch *b, struct parked_key *key, const struct event *event)
{
    if (event->version.n > key->last.n)
        key->last = event->version;
    b->ret->queued++;
}

/* CULPRIT may be another event than the one in hand: one before it that the row lacked. */
static void park(struct batch *b, size_t part, size_t index, const struct event *culprit,
                 struct version version, const struct error *why)
{
    const struct apply_part *p = &b->parts[part];
    const struct event *event = p->events[index];
    struct parked_key key = parking_first(event->tenant, event->stream, version, event->version,
                                          &b->rules->policy, b->rules->now_ms);
    struct parked_event *parked;

    if (culprit == event && p->offsets)
        key.offset = p->offsets[index];
    if (culprit)
        key.position = culprit->position;
    parked_set_put(changed_keys(b, part), &key);
    if (b->ret->parked == b->parked_max) {
        size_t max = b->parked_max ? b->parked_max * 2 : 16;
        struct parked_event *more = ARENA_ARRAY(b->arena, struct parked_event, max);

        if (b->parked_max)
            memcpy(more, b->parked, b->parked_max * sizeof(*more));
        b->parked = more;
        b->parked_max = max;
    }
    parked = &b->parked[b->ret->parked++];
    *parked = (struct parked_event){.topic = p->checkpoint.topic,
                                    .partition = p->checkpoint.partition,
                                    .key = key,
                                    .event_id = culprit ? culprit->id : STR(""),
                                    .event_type = culprit ? culprit->type : STR(""),
                                    .why = *why};
}

/* What is wrong with an event, and with which. */
struct fault {
    const struct event *culprit; /* NULL: the log does not have it */
    struct version version;
    struct error why;
};

/* True: parked, or skipped as before. False: the batch ends. */
static bool fail(struct batch *b, size_t part, size_t index, const struct fault *fault)
{
    bool skipped = false;

    if (b->table->generation > 1 && fault->culprit &&
        !skipped_inherit(b->conn, set_of(b), fault->culprit, &skipped, &b->ret->err))
        return batch_failed(b);
    if (skipped) {
        if (b->rows)
            rows_skip(b->rows, fault->culprit->tenant, fault->culprit->stream,
                      fault->culprit->version);
        b->ret->skipped++;
        return true;
    }
    take_causes(b);
    if (causes_failed(b->causes, poison_class(&fault->why), poison_code(&fault->why).data)) {
        b->ret->err = fault->why;
        return batch_cut(b, APPLY_BLOCKED, part, index);
    }
    park(b, part, index, fault->culprit, fault->version, &fault->why);
    return true;
}

/* Gaps. */

struct gap {
    const struct event *event; /* the one in hand */
    struct version *skipped;
    size_t skipped_count;
    struct fault *fault;
};

/* Brings the row up to before the event's version as far as PAGE goes. */
static enum rows_fold fold_gap_page(struct batch *b, const struct gap *gap,
                                    const struct event_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct event *event = &page->events[i];
        enum rows_fold fold;

        if (event->version.n >= gap->event->version.n)
            break;
        if (versions_have(gap->skipped, gap->skipped_count, event->version)) {
            rows_skip(b->rows, event->tenant, event->stream, event->version);
            continue;
        }
        fold = rows_fold(b->rows, event, &gap->fault->why);
        if (fold != ROWS_POISON)
            continue;
        gap->fault->culprit = event;
        gap->fault->version = event->version;
        return ROWS_POISON;
    }
    return ROWS_FOLDED;
}

static enum rows_fold gap_in_log(const struct gap *gap, struct version from)
{
    gap->fault->culprit = NULL;
    gap->fault->version = from;
    if (gap->fault->why.class != ERROR_POISON)
        error_set(&gap->fault->why, ERROR_POISON, "version-gap",
                  "the log has no version %lld of '" STR_FMT "'", (long long)from.n,
                  STR_ARG(gap->event->stream));
    return ROWS_POISON;
}

/* The row is more than one version behind: the log has what is between, or nobody has. */
static bool fill_gap(struct batch *b, struct gap *gap, enum rows_fold *ret_fold)
{
    const struct event *event = gap->event;
    struct row *row = rows_touch(b->rows, event->tenant, event->stream);
    struct error *why = &gap->fault->why;

    *ret_fold = ROWS_FOLDED;
    if (!skipped_load(b->conn, set_of(b), event->tenant, event->stream, VERSION(row->version.n + 1),
                      b->arena, &gap->skipped, &gap->skipped_count, &b->ret->err))
        return batch_failed(b);
    while (*ret_fold == ROWS_FOLDED && row->version.n + 1 < event->version.n) {
        struct version from = VERSION(row->version.n + 1);
        struct stream_head head;
        struct event_page page;

        error_clear(why);
        if (!stream_read(b->conn, event->tenant, event->stream, from, STREAM_FORWARD, STR_NONE,
                         GAP_EVENTS, b->arena, &head, &page, why)) {
            if (why->class != ERROR_POISON || why->sqlstate[0]) {
                b->ret->err = *why;
                return batch_failed(b);
            }
            *ret_fold = gap_in_log(gap, from); /* it lacks a version */
        } else if (page.count == 0) {
            *ret_fold = gap_in_log(gap, from);
        } else {
            *ret_fold = fold_gap_page(b, gap, &page);
        }
    }
    if (*ret_fold == ROWS_FOLDED)
        *ret_fold = rows_fold(b->rows, event, why);
    return true;
}

/* Events. */

/* What came from Kafka and fails is believed only if the log has it: *ret_event is the log's. */
static bool confirm(struct batch *b, size_t part, size_t index, const struct event **ret_event)
{
    const struct event *event = *ret_event;
    struct event *stored;
    bool found;

    if (!b->parts[part].offsets)
        return true;
    stored = ARENA_NEW(b->arena, struct event);
    if (!log_find_event(b->conn, event->position, b->arena, stored, &found, &b->ret->err))
        return batch_failed(b);
    if (found && str_equal(stored->id, event->id) && str_equal(stored->stream, event->stream) &&
        str_equal(stored->tenant, event->tenant) && stored->version.n == event->version.n) {
        *ret_event = stored;
        return true;
    }
    error_set(&b->ret->err, ERROR_POISON, "forged-record",
              "the log has another event at position %lld", (long long)event->position.n);
    return batch_cut(b, APPLY_CUT, part, index);
}

static bool fold_row(struct batch *b, size_t part, size_t index)
{
    const struct event *event = b->parts[part].events[index];
    struct fault fault = {.culprit = event, .version = event->version};
    struct gap gap = {.fault = &fault};
    enum rows_fold fold = rows_fold(b->rows, event, &fault.why);

    if (fold == ROWS_GAP || fold == ROWS_POISON) {
        if (!confirm(b, part, index, &event))
            return false;
        gap.event = fault.culprit = event;
        fold = rows_fold(b->rows, event, &fault.why);
    }
    if (fold == ROWS_GAP && !fill_gap(b, &gap, &fold))
        return false;
    switch (fold) {
    case ROWS_FOLDED:
        b->ret->folded++;
        b->good++;
        return true;
    case ROWS_HAS_IT:
        b->ret->skipped++;
        return true;
    case ROWS_GAP: /* was filled */
        break;
    case ROWS_POISON:
        if (fault.culprit == event)
            fault.culprit = b->parts[part].events[index];
        return fail(b, part, index, &fault);
    }
    assert(!"a result of a fold");
    return false;
}

static bool add_sums(struct batch *b, size_t part, size_t index)
{
    const struct event *event = b->parts[part].events[index];
    struct fault fault = {.culprit = event, .version = event->version};
    enum sums_add added = sums_add(b->sums, event, &fault.why);

    if (added == SUMS_POISON) {
        if (!confirm(b, part, index, &event))
            return false;
        added = sums_add(b->sums, event, &fault.why);
    }
    switch (added) {
    case SUMS_ADDED:
        b->ret->folded++;
        b->good++;
        return true;
    case SUMS_FULL:
        error_clear(&b->ret->err);
        return batch_cut(b, APPLY_CUT, part, index);
    case SUMS_POISON:
        return fail(b, part, index, &fault);
    }
    assert(!"a result of an addition");
    return false;
}

/* Versions are the statements' matter: the checkpoint alone keeps each event to one application. */
static bool take_event(struct batch *b, size_t part, size_t index)
{
    const struct event *event = b->parts[part].events[index];
    struct fault fault = {.culprit = event, .version = event->version};

    switch (events_json_add(b->json, b->table->projection, event, b->arena, &fault.why)) {
    case EVENTS_ADDED:
        b->ret->folded++;
        b->good++;
        return true;
    case EVENTS_FULL:
        error_clear(&b->ret->err);
        return batch_cut(b, APPLY_CUT, part, index);
    case EVENTS_POISON:
        return confirm(b, part, index, &event) && fail(b, part, index, &fault);
    }
    assert(!"a result of an addition");
    return false;
}

/* What the database refused, when it stood alone. */
static bool park_refused(struct batch *b, size_t part, size_t index)
{
    const struct event *event = b->parts[part].events[index];
    struct fault fault = {
        .culprit = event, .version = event->version, .why = *b->parts[part].refused_why};

    return confirm(b, part, index, &event) && fail(b, part, index, &fault);
}

static bool fold_event(struct batch *b, size_t part, size_t index)
{
    const struct apply_part *p = &b->parts[part];
    const struct event *event = p->events[index];
    struct parked_key *key;

    if (event->position.n > b->head.n) {
        error_set(&b->ret->err, ERROR_TRANSIENT, "log-behind",
                  "position %lld came from Kafka, but the log ends at %lld",
                  (long long)event->position.n, (long long)b->head.n);
        return batch_cut(b, APPLY_CUT, part, index);
    }
    key = find_key(b, part, event);
    if (key) {
        queue_behind(b, key, event);
        return true;
    }
    if (p->refused_at.n == event->position.n)
        return park_refused(b, part, index);
    if (b->json)
        return take_event(b, part, index);
    return b->rows ? fold_row(b, part, index) : add_sums(b, part, index);
}

bool batch_fold(struct batch *b)
{
    for (size_t i = 0; i < b->parts_count; i++)
        for (size_t k = 0; k < b->parts[i].count; k++)
            if (!fold_event(b, i, k))
                return false;
    if (b->causes)
        take_causes(b);
    return true;
}
