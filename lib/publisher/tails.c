/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher/tails.h"

#include "base/arena.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum {
    WINDOW_FIRST = 64, /* offsets looked at first, from a partition's end */
    WINDOW_GROWTH = 8,
    WINDOW_MAX = 32768,
};

/* A record that says it is ours. */
struct candidate {
    int32_t partition;
    struct position position;
    struct position previous;
    struct kafka_offset offset;
    struct str id;
};

/* One look at a topic. */
struct look {
    const struct tails *tails;
    const struct cursor_topic *topic;
    struct lane_seen *seen;
    int64_t deadline_ms;
    struct kafka_range *windows; /* one a partition; empty: nothing more to read */
    int64_t span;
    struct arena *arena; /* of the candidates of one round */
    struct candidate *candidates;
    size_t candidates_count;
    size_t candidates_capacity;
};

static bool bounds(const struct tails *tails, const char *topic, int32_t partition,
                   int64_t deadline_ms, struct lane_seen *seen, struct error *err)
{
    struct kafka_range range = {.topic = topic, .partition = partition};

    /* In this order: what ends in between counts as open and is looked at again. */
    if (!kafka_reader_bounds(tails->committed, &range, deadline_ms, err))
        return false;
    seen->stable = range.to;
    if (!kafka_reader_bounds(tails->uncommitted, &range, deadline_ms, err))
        return false;
    seen->low = range.from;
    seen->high = range.to;
    return true;
}

bool tails_hanging(const struct tails *tails, const char *topic, int32_t partition,
                   int64_t deadline_ms, bool *ret_hanging, struct error *err)
{
    struct lane_seen seen;

    if (!bounds(tails, topic, partition, deadline_ms, &seen, err))
        return false;
    *ret_hanging = seen.stable < seen.high;
    return true;
}

static struct str header(const struct kafka_message *message, const char *name)
{
    struct str value;

    return kafka_message_header(message, name, &value) ? value : STR_NONE;
}

static bool collect(void *arg, struct kafka_message **message, struct error *err)
{
    struct look *look = arg;
    struct candidate found = {.partition = kafka_message_partition(*message),
                              .offset = kafka_message_offset(*message)};
    uint64_t previous = 0;

    (void)err;
    switch (lane_record_judge(header(*message, "ce_source"), header(*message, "ce_globalposition"),
                              look->tails->source, &found.position)) {
    case LANE_RECORD_OTHER_LOG:
        look->seen[found.partition].other_log = true;
        return true;
    case LANE_RECORD_FOREIGN:
        return true;
    case LANE_RECORD_OURS:
        break;
    }
    if (str_to_u64(header(*message, "ce_previousposition"), INT64_MAX, &previous))
        found.previous = POSITION((int64_t)previous);
    found.id = arena_dup(look->arena, header(*message, "ce_id"));
    look->candidates = mem_grow(look->candidates, &look->candidates_capacity,
                                look->candidates_count + 1, sizeof(struct candidate));
    look->candidates[look->candidates_count++] = found;
    return true;
}

static bool read_windows(struct look *look, struct kafka_reader *reader, struct error *err)
{
    look->candidates_count = 0;
    arena_clear(look->arena);
    return kafka_reader_read(reader, look->windows, (size_t)look->topic->partitions, collect, look,
                             look->deadline_ms, err);
}

/* Candidates are in order of offsets within a partition: the newest that the log knows. */
static bool choose_last(struct look *look, struct error *err)
{
    for (size_t i = look->candidates_count; i-- > 0;) {
        const struct candidate *candidate = &look->candidates[i];
        struct lane_seen *seen = &look->seen[candidate->partition];
        bool known;

        if (seen->last.n > 0)
            continue;
        if (!look->tails->known(look->tails->arg, candidate->position, candidate->id, &known, err))
            return false;
        if (known) {
            seen->last = candidate->position;
            seen->offset = candidate->offset;
        }
    }
    return true;
}

static void first_windows(struct look *look)
{
    look->span = WINDOW_FIRST;
    for (int32_t p = 0; p < look->topic->partitions; p++)
        look->windows[p] = (struct kafka_range){
            .topic = look->topic->topic,
            .partition = p,
            .from = look->seen[p].high,
            .to = look->seen[p].high,
        };
}

/* False: everything was read. */
static bool next_windows(struct look *look)
{
    bool more = false;

    for (int32_t p = 0; p < look->topic->partitions; p++) {
        struct kafka_range *window = &look->windows[p];

        window->to = window->from;
        if (look->seen[p].last.n > 0 || window->to <= look->seen[p].low)
            continue;
        window->from = window->to - look->span;
        if (window->from < look->seen[p].low)
            window->from = look->seen[p].low;
        more = true;
    }
    if (look->span < WINDOW_MAX)
        look->span *= WINDOW_GROWTH;
    return more;
}

/* Where nothing committed is ours although the cursor has an entry: everything, to see whether the
 * events were aborted. */
static bool doubtful_windows(struct look *look)
{
    bool more = false;

    for (int32_t p = 0; p < look->topic->partitions; p++) {
        const struct lane_seen *seen = &look->seen[p];
        const struct cursor_lane *lane = &look->topic->lanes[p];

        look->windows[p].from = look->windows[p].to = seen->high;
        if (seen->last.n > 0 || lane->last.n <= lane->floor.n || seen->low >= seen->high)
            continue;
        look->windows[p].from = seen->low;
        more = true;
    }
    return more;
}

static void note_aborted(struct look *look)
{
    for (size_t i = 0; i < look->candidates_count; i++) {
        const struct candidate *candidate = &look->candidates[i];
        struct lane_seen *seen = &look->seen[candidate->partition];

        if (candidate->position.n > look->topic->lanes[candidate->partition].last.n)
            continue;
        if (!seen->aborted || candidate->previous.n < seen->before_aborted.n)
            seen->before_aborted = candidate->previous;
        seen->aborted = true;
    }
}

static bool any_hanging(const struct look *look)
{
    for (int32_t p = 0; p < look->topic->partitions; p++)
        if (look->seen[p].stable < look->seen[p].high)
            return true;
    return false;
}

static bool look_at_ends(struct look *look, struct error *err)
{
    for (int32_t p = 0; p < look->topic->partitions; p++)
        if (!bounds(look->tails, look->topic->topic, p, look->deadline_ms, &look->seen[p], err))
            return false;
    if (any_hanging(look)) /* what is behind an open transaction cannot be read yet */
        return true;
    for (first_windows(look); next_windows(look);)
        if (!read_windows(look, look->tails->committed, err) || !choose_last(look, err))
            return false;
    if (doubtful_windows(look)) {
        if (!read_windows(look, look->tails->uncommitted, err))
            return false;
        note_aborted(look);
    }
    return true;
}

bool tails_look(const struct tails *tails, const struct cursor_topic *topic, int64_t deadline_ms,
                struct lane_seen *seen, struct error *err)
{
    struct look look = {
        .tails = tails,
        .topic = topic,
        .seen = seen,
        .deadline_ms = deadline_ms,
        .windows = mem_calloc((size_t)topic->partitions, sizeof(struct kafka_range)),
        .arena = arena_new(0),
    };
    bool ok;

    memset(seen, 0, (size_t)topic->partitions * sizeof(*seen));
    ok = look_at_ends(&look, err);
    arena_free(look.arena);
    mem_free(look.candidates);
    mem_free(look.windows);
    return ok || error_wrap(err, "look at topic '%s'", topic->topic);
}
