/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/trace.h"

#include "base/arena.h"
#include "base/name.h"
#include "kafka/partition.h"
#include "postgres/pg.h"
#include "projection/sql.h"
#include "publisher/cursor.h"

#include <string.h>

static bool reads(const struct projection *projection, struct str category)
{
    for (const char *const *read = projection->categories; *read != NULL; read++)
        if (str_equal(category, str_of(*read)))
            return true;
    return false;
}

static void place_in_topic(const struct cursor_topic *topic, const struct event *event,
                           struct arena *arena, struct event_trace *ret)
{
    struct str key =
        arena_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(event->tenant), STR_ARG(event->stream));

    ret->topic = arena_dup(arena, str_of(topic->topic));
    ret->partition = kafka_partition_of(key, topic->partitions);
    if (ret->published == TRACE_PUBLISHED &&
        event->position.n <= topic->lanes[ret->partition].floor.n)
        ret->published = TRACE_LOG_ONLY;
}

static bool load_topic(struct pg_conn *conn, const struct event *event, struct arena *arena,
                       struct event_trace *ret, struct error *err)
{
    SCOPED_VALUE(cursor_release) struct cursor cursor = {0};
    char category[CURSOR_CATEGORY_MAX + 1];
    const struct cursor_topic *topic;
    bool found;

    if (!cursor_load(conn, &cursor, &found, err))
        return false;
    if (!found)
        return true;
    ret->cursor = cursor.position;
    if (event->position.n <= cursor.position.n)
        ret->published = TRACE_PUBLISHED;
    topic = cursor_find(&cursor, cursor_category(event->stream, category));
    if (topic != NULL)
        place_in_topic(topic, event, arena, ret);
    return true;
}

static enum trace_state state_of(const struct event *event, const struct traced_projection *of,
                                 bool skipped)
{
    if (skipped)
        return TRACE_DISCARDED;
    if (of->checkpoint.n < event->position.n)
        return TRACE_NOT_READ_YET;
    if (of->parked_version.n == 0 || event->version.n < of->parked_version.n)
        return TRACE_APPLIED;
    return event->version.n == of->parked_version.n ? TRACE_PARKED : TRACE_QUEUED_BEHIND;
}

static void read_row(const struct pg_rows *rows, size_t row, const struct event *event,
                     struct arena *arena, struct event_trace *trace)
{
    struct traced_projection of = {
        .name = arena_dup(arena, pg_get_str(rows, row, 0)),
        .generation = (int)pg_get_i64(rows, row, 1),
        .checkpoint = POSITION(pg_get_i64(rows, row, 2)),
        .parked_version = VERSION(pg_get_i64(rows, row, 3)),
        .parked_state = arena_dup(arena, pg_get_str(rows, row, 4)),
        .attempts = pg_get_i64(rows, row, 5),
        .message = arena_dup(arena, pg_get_str(rows, row, 6)),
        .letter = pg_get_i64(rows, row, 8),
    };
    int64_t offset = pg_get_i64(rows, row, 7);

    of.state = state_of(event, &of, pg_get_bool(rows, row, 9));
    if (of.state == TRACE_PARKED && offset >= 0)
        trace->offset = (struct kafka_offset){offset};
    if (of.state != TRACE_PARKED)
        of.letter = 0;
    for (size_t i = 0; i < trace->projections_count; i++)
        if (str_equal(trace->projections[i].name, of.name))
            trace->projections[i] = of;
}

/* The projections that read the event's category, at first without a table. */
static void begin_projections(const struct projection *const *projections,
                              const struct event *event, struct arena *arena,
                              struct event_trace *ret)
{
    size_t count = 0;

    while (projections[count] != NULL)
        count++;
    ret->projections = ARENA_ARRAY(arena, struct traced_projection, count);
    for (size_t i = 0; i < count; i++)
        if (reads(projections[i], name_category(event->stream)))
            ret->projections[ret->projections_count++] = (struct traced_projection){
                .name = str_of(projections[i]->name), .state = TRACE_NOT_READ_YET};
}

static bool load_projections(struct pg_conn *conn, const struct event *event, struct arena *arena,
                             struct event_trace *ret, struct error *err)
{
    SCOPED(pg_rows_free) struct pg_rows *rows = NULL;
    SCOPED_VALUE(pg_params_release) struct pg_params params;

    pg_params_init(&params);
    pg_add_str(&params, event->tenant);
    pg_add_str(&params, event->stream);
    pg_add_i64(&params, event->version.n);
    pg_array_open(&params, PG_TEXT);
    for (size_t i = 0; i < ret->projections_count; i++)
        pg_array_str(&params, ret->projections[i].name);
    pg_array_close(&params);
    pg_add_str(&params, ret->topic);
    pg_add_i32(&params, ret->partition);
    if (!pg_query(conn, sql_trace_keys, &params, &rows, err))
        return false;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        read_row(rows, i, event, arena, ret);
    return true;
}

/* By id: a search by stream would read all dead letters there ever were. */
static bool load_letters(struct pg_conn *conn, struct arena *arena, struct event_trace *ret,
                         struct error *err)
{
    ret->letters = ARENA_ARRAY(arena, struct letter, ret->projections_count);
    for (size_t i = 0; i < ret->projections_count; i++) {
        struct letter_filter filter = {
            .id = ret->projections[i].letter, .any_state = true, .any_generation = true};
        struct letter *found;
        size_t count;

        if (filter.id == 0)
            continue;
        if (!letters_list(conn, &filter, 0, 1, arena, &found, &count, err))
            return false;
        if (count == 1)
            ret->letters[ret->letters_count++] = *found;
    }
    return true;
}

bool event_trace_load(struct pg_conn *conn, const struct projection *const *projections,
                      const struct event *event, struct arena *arena, struct event_trace *ret,
                      struct error *err)
{
    *ret = (struct event_trace){.partition = -1, .offset = {-1}};
    begin_projections(projections, event, arena, ret);
    return (load_topic(conn, event, arena, ret, err) &&
            load_projections(conn, event, arena, ret, err) &&
            load_letters(conn, arena, ret, err)) ||
           error_wrap(err, "trace the event at position %lld", (long long)event->position.n);
}
