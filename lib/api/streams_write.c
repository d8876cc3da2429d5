/* SPDX-License-Identifier: Apache-2.0 */
/* Generic appends: POST /v1/streams/{stream}/events and POST /v1/append. */
#include "api/api_internal.h"
#include "api/conditions.h"
#include "api/events_json.h"
#include "api/writes.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/name.h"

#include <assert.h>
#include <string.h>

enum { APPEND_STREAMS_MAX = 500 };

static void write_stream_members(const struct written_stream *stream, struct buf *out)
{
    json_add_str(out, "stream", stream->stream);
    json_add_i64(out, "first_version", stream->first_version.n);
    json_add_i64(out, "version", stream->version.n);
}

static void stream_body(const struct write *write, const struct write_shape *shape, struct buf *out)
{
    (void)shape;
    buf_add_char(out, '{');
    write_stream_members(&write->streams[0], out);
    json_add_i64(out, "position", write->streams[0].last_position.n);
    buf_add_char(out, '}');
}

/* Streams that were only checked are not told. */
static void append_body(const struct write *write, const struct write_shape *shape, struct buf *out)
{
    struct position last = {0};
    bool first = true;

    (void)shape;
    buf_add_cstr(out, "{\"streams\":[");
    for (size_t i = 0; i < write->streams_count; i++) {
        if (write->appends[i].events_count == 0)
            continue;
        buf_add_cstr(out, first ? "{" : ",{");
        first = false;
        write_stream_members(&write->streams[i], out);
        buf_add_char(out, '}');
        if (write->streams[i].last_position.n > last.n)
            last = write->streams[i].last_position;
    }
    buf_add_cstr(out, "],\"position\":");
    buf_add_i64(out, last.n);
    buf_add_char(out, '}');
}

static const struct write_shape stream_shape = {.status = 201, .body = stream_body};
static const struct write_shape append_shape = {
    .status = 201, .conditions_in_body = true, .body = append_body};

/* Reserved categories. */

static bool is_of_a_domain(const struct api *api, struct str category)
{
    for (const struct route_table *const *table = api->config.routes; *table != NULL; table++)
        for (const struct aggregate_type *const *type = (*table)->domain->aggregates; *type != NULL;
             type++)
            if (str_equal(category, str_of((*type)->category)))
                return true;
    return false;
}

struct append_query {
    bool overrides; /* ?override=reserved-category */
    bool dry_run;
};

/*
 * Raw events may not go to a domain's stream, but for an explicit override (a repair), which is
 * told in the log. What the engine reserves for itself nobody overrides.
 */
static bool check_category(struct call *call, struct str stream, struct append_query query)
{
    struct str category = name_category(stream);
    bool is_engines = name_is_reserved(category);

    if (!is_engines && !is_of_a_domain(call->api, category))
        return true;
    if (!is_engines && query.overrides) {
        if (!query.dry_run)
            log_warn("raw append to a domain's stream", LOG_STR("stream", stream),
                     LOG_STR("request_id", call->origin.request_id),
                     LOG_STR("address", http_request_remote(call->request)));
        return true;
    }
    call_problem(call, "reserved-category", STR_NONE,
                 "events of '" STR_FMT "' come from their domain's commands only",
                 STR_ARG(category));
    return false;
}

static struct append_query take_query(struct call *call)
{
    static const char *const choices[] = {"reserved-category", NULL};
    size_t index = 1;

    call_query_choice(call, "override", choices, &index);
    return (struct append_query){.overrides = index == 0, .dry_run = writes_take_dry_run(call)};
}

/* One stream. */

static void submit_append(struct call *call, const struct write_shape *shape,
                          const struct stream_append *appends, size_t count,
                          struct append_query query)
{
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (appends[i].events_count > 0 && !check_category(call, appends[i].stream, query))
            return;
    struct write *write = writes_new(call, WRITE_APPEND, shape, query.dry_run);
    if (write == NULL)
        return;
    write->appends = appends;
    write->appends_count = count;
    writes_submit(call, write);
}

static void read_stream_events(struct call *call, json_t *body, struct stream_append *append)
{
    struct fields fields;
    json_t *events;

    if (!fields_open(&fields, body, "", call->arena, call->faults))
        return;
    if (fields_array(&fields, "events", FIELD_REQUIRED, 1, APPEND_EVENTS_MAX, &events))
        events_read_json(call, events, events_raw(http_request_body(call->request), "events"),
                         "/events", &append->events, &append->events_count);
    fields_done(&fields);
}

static void serve_stream_append(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct stream_append *append = ARENA_NEW(call->arena, struct stream_append);
    struct append_query query = take_query(call);

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !conditions_expectation(call, &append->expected) || !call_body(call, false, &body))
        return;
    append->stream = call_path_parameter(call, "stream");
    if (!name_is_stream(append->stream))
        faults_add(call->faults, "a stream is <category>-<id>", "/stream");
    read_stream_events(call, body, append);
    submit_append(call, &stream_shape, append, 1, query);
}

/* Several streams. */

static void read_expected(struct fields *fields, enum field_need need, struct expectation *ret)
{
    static const struct {
        const char *text;
        enum expect kind;
    } words[] = {{"any", EXPECT_ANY}, {"none", EXPECT_NONE}, {"exists", EXPECT_EXISTS}};
    json_t *value;

    *ret = (struct expectation){.kind = EXPECT_ANY};
    if (!fields_any(fields, "expected", need, &value))
        return;
    if (json_is_integer(value) && json_integer_value(value) > 0) {
        *ret = (struct expectation){.kind = EXPECT_EXACT,
                                    .version = VERSION(json_integer_value(value))};
        return;
    }
    for (size_t i = 0; json_is_string(value) && i < sizeof words / sizeof *words; i++)
        if (strcmp(json_string_value(value), words[i].text) == 0) {
            ret->kind = words[i].kind;
            return;
        }
    faults_add(fields->faults, "must be a version from 1 on, or \"none\", \"exists\", \"any\"",
               "%s/expected", fields->prefix);
}

static bool is_repeated(const struct stream_append *appends, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_equal(appends[i].stream, appends[index].stream))
            return true;
    return false;
}

static void read_stream_name(struct fields *fields, struct stream_append *appends, size_t index)
{
    struct str *stream = &appends[index].stream;

    if (!fields_str(fields, "stream", FIELD_REQUIRED, NAME_STREAM_MAX, stream))
        return;
    if (!name_is_stream(*stream))
        faults_add(fields->faults, "a stream is <category>-<id>", "%s/stream", fields->prefix);
    else if (is_repeated(appends, index))
        faults_add(fields->faults, "a stream may stand once", "%s/stream", fields->prefix);
}

static void read_append(struct call *call, json_t *parsed, struct str raw, const char *prefix,
                        struct stream_append *appends, size_t index)
{
    struct fields fields;
    json_t *events;

    if (!fields_open(&fields, parsed, prefix, call->arena, call->faults))
        return;
    read_stream_name(&fields, appends, index);
    read_expected(&fields, FIELD_OPTIONAL, &appends[index].expected);
    if (fields_array(&fields, "events", FIELD_REQUIRED, 1, APPEND_EVENTS_MAX, &events))
        events_read_json(call, events, events_raw(raw, "events"),
                         arena_printf(call->arena, "%s/events", prefix).data,
                         &appends[index].events, &appends[index].events_count);
    fields_done(&fields);
}

static void read_check(struct call *call, json_t *parsed, const char *prefix,
                       struct stream_append *appends, size_t index)
{
    struct fields fields;

    if (!fields_open(&fields, parsed, prefix, call->arena, call->faults))
        return;
    read_stream_name(&fields, appends, index);
    read_expected(&fields, FIELD_REQUIRED, &appends[index].expected);
    fields_done(&fields);
}

static size_t count_events(const struct stream_append *appends, size_t count)
{
    size_t events = 0;

    for (size_t i = 0; i < count; i++)
        events += appends[i].events_count;
    return events;
}

static struct stream_append *read_all(struct call *call, json_t *items, json_t *checks,
                                      size_t *ret_count)
{
    size_t items_count = json_array_size(items);
    size_t checks_count = json_array_size(checks);
    struct stream_append *appends =
        ARENA_ARRAY(call->arena, struct stream_append, items_count + checks_count);
    struct json_cursor cursor;
    struct str key;
    struct str item;

    if (!json_open(events_raw(http_request_body(call->request), "appends"), &cursor))
        assert(false && "jansson saw an array");
    for (size_t i = 0; i < items_count && json_next(&cursor, &key, &item); i++)
        read_append(call, json_array_get(items, i), item,
                    arena_printf(call->arena, "/appends/%zu", i).data, appends, i);
    for (size_t i = 0; i < checks_count; i++)
        read_check(call, json_array_get(checks, i),
                   arena_printf(call->arena, "/checks/%zu", i).data, appends, items_count + i);
    *ret_count = items_count + checks_count;
    if (count_events(appends, items_count) > APPEND_EVENTS_MAX)
        faults_add(call->faults, "more than 1000 events in one append", "/appends");
    return appends;
}

static void serve_append(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct stream_append *appends = NULL;
    struct fields fields;
    json_t *items = NULL;
    json_t *checks = NULL;
    size_t count = 0;
    struct append_query query = take_query(call);

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !call_body(call, false, &body))
        return;
    if (fields_open(&fields, body, "", call->arena, call->faults)) {
        bool has_items =
            fields_array(&fields, "appends", FIELD_REQUIRED, 1, APPEND_STREAMS_MAX, &items);

        fields_array(&fields, "checks", FIELD_OPTIONAL, 0, APPEND_STREAMS_MAX, &checks);
        if (has_items)
            appends = read_all(call, items, checks, &count);
        fields_done(&fields);
    }
    submit_append(call, &append_shape, appends, count, query);
}

void stream_write_routes(struct api *api)
{
    router_add(api->router, &(struct route){.method = HTTP_POST,
                                            .pattern = "/v1/streams/{stream}/events",
                                            .serve = serve_stream_append,
                                            .bulk = true,
                                            .takes_conditions = true});
    router_add(api->router,
               &(struct route){.method = HTTP_POST,
                               .pattern = "/v1/append",
                               .serve = serve_append,
                               .bulk = true,
                               .instead_of_conditions =
                                   "put each stream's condition into the body, as 'expected' of "
                                   "its item in 'appends', or in 'checks'"});
}
