/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/eventlog/subscribed_log.h"

#include "base/buf.h"

#include <check.h>

static const struct str streams[SUBSCRIBED_STREAMS] = {STR_INIT("a-1"), STR_INIT("a-2"),
                                                       STR_INIT("b-1"), STR_INIT("b-2"),
                                                       STR_INIT("b-3"), STR_INIT("c-1")};
static const struct str types[] = {STR_INIT("Odd"), STR_INIT("Even"), STR_INIT("Third")};

struct str subscribed_stream(unsigned stream)
{
    return streams[stream];
}

void subscribed_append(struct subscribed_log *log, unsigned stream)
{
    struct event *event = &log->events[log->head];

    ck_assert_int_lt(log->head, SUBSCRIBED_EVENTS_MAX);
    *event = (struct event){
        .position = {++log->head},
        .version = {++log->versions[stream]},
        .id = STR("id"),
        .type = types[log->head % 3],
        .tenant = STR("main"),
        .stream = streams[stream],
        .data = STR("{}"),
        .origin = {.correlation_id = log->head % 2 == 0 ? STR("even") : STR_NONE},
    };
}

static void render(void *arg, const struct event *event, struct buf *out)
{
    (void)arg;
    buf_add_i64(out, event->position.n);
}

struct chunk *subscribed_chunk(const struct subscribed_log *log, int64_t after, int64_t to,
                               size_t events_max)
{
    struct chunk_source source = {
        .events = &log->events[after], .count = (size_t)(to - after), .after = {after}, .to = {to}};

    if (source.count > events_max) {
        source.count = events_max;
        source.to.n = after + (int64_t)events_max;
    }
    return chunk_new(&source, render, NULL);
}

bool subscribed_fits(const struct subscribed_log *log, const struct subscription_filter *filter,
                     int64_t position)
{
    const struct event *event = &log->events[position - 1];
    struct str category = str_from(event->stream.data, 1);

    return (filter->stream.data == NULL || str_equal(filter->stream, event->stream)) &&
           (filter->category.data == NULL || str_equal(filter->category, category)) &&
           (filter->type.data == NULL || str_equal(filter->type, event->type)) &&
           (filter->correlation_id.data == NULL ||
            str_equal(filter->correlation_id, event->origin.correlation_id));
}

struct chunk *subscribed_history(const struct subscribed_log *log, const struct subscription *s)
{
    enum { LOOKED_AT_MAX = 40 };
    struct event found[SUBSCRIBED_EVENTS_MAX];
    struct chunk_source source = {.events = found, .after = s->at};
    struct subscription_filter filter = s->filter;
    int64_t at = s->at.n;

    filter.type = filter.stream.data != NULL ? STR_NONE : filter.type;
    for (; at < log->head && at < s->at.n + LOOKED_AT_MAX && source.count < s->slice; at++)
        if (subscribed_fits(log, &filter, at + 1))
            found[source.count++] = log->events[at];
    source.to.n = at;
    return chunk_new(&source, render, NULL);
}
