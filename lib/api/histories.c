/* SPDX-License-Identifier: Apache-2.0 */
/* GET of what happened to one aggregate: each event as a sentence, and as it is stored. */
#include "api/api_internal.h"
#include "api/events_json.h"
#include "api/read_headers.h"
#include "base/arena.h"
#include "base/name.h"
#include "eventlog/read.h"
#include "eventlog/upcast.h"

#include <string.h>

enum { HISTORY_LIMIT = 50, HISTORY_LIMIT_MAX = 500, SENTENCE_BYTES_MAX = 16 << 10 };

struct history_entry { /* a route's `spec` */
    const struct history_route *route;
    const struct upcaster *upcasters; /* of its events; NULL: each type has one version */
};

struct history_request { /* a call's `data` */
    struct str stream;
    struct version from;
    int64_t limit;
};

/* The event as the domain knows its type today; beside it stands what is stored. */
static void write_sentence(const struct history_entry *entry, struct event event,
                           struct arena *arena, struct buf *out)
{
    struct error err;

    if (upcast(entry->upcasters, name_category(event.stream), &event.type, &event.data, arena,
               &err))
        entry->route->tell(&event, arena, out);
    else
        buf_printf(out, "an event that can not be read: %s", err.text);
}

static void write_item(const struct history_entry *entry, const struct event *event,
                       struct arena *arena, struct buf *out)
{
    SCOPED_VALUE(buf_release) struct buf sentence = BUF_INIT(SENTENCE_BYTES_MAX);

    write_sentence(entry, *event, arena, &sentence);
    buf_add_cstr(out, "{\"sentence\":");
    json_write_str(out, buf_str(&sentence));
    json_write_key(out, "event");
    event_write_json(event, out);
    buf_add_char(out, '}');
}

static void answer_history(struct call *call, const struct history_request *request,
                           const struct stream_head *head, const struct event_page *page)
{
    const struct history_entry *entry = call->route->spec;
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    int64_t last = page->count > 0 ? page->events[page->count - 1].version.n : head->version.n;

    buf_add_char(&body, '{');
    json_write_key(&body, entry->route->id_name);
    json_write_str(&body, name_stream_id(request->stream));
    json_write_key(&body, "stream");
    json_write_str(&body, request->stream);
    json_write_key(&body, "version");
    buf_add_i64(&body, head->version.n);
    json_write_key(&body, "items");
    buf_add_char(&body, '[');
    for (size_t i = 0; i < page->count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        write_item(entry, &page->events[i], call->arena, &body);
    }
    buf_add_char(&body, ']');
    json_write_key(&body, "next_from");
    if (last < head->version.n)
        buf_add_i64(&body, last + 1);
    else
        buf_add_cstr(&body, "null");
    buf_add_char(&body, '}');
    call_json(call, 200, &body);
}

static bool read_history(struct call *call, struct reader *reader, struct error *err)
{
    const struct history_entry *entry = call->route->spec;
    const struct history_request *request = call->data;
    struct stream_head head;
    struct event_page page;

    if (!stream_read(reader->conn, call->tenant, request->stream, request->from, STREAM_FORWARD,
                     STR_NONE, (size_t)request->limit, call->arena, &head, &page, err))
        return false;
    read_headers_set(call, head.last_position, 0);
    if (head.version.n == 0)
        call_problem(call, "not-found", STR_NONE, "there is no %s of this id",
                     entry->route->category);
    else if (!call_not_modified(call, head.version))
        answer_history(call, request, &head, &page);
    return true;
}

static void serve_history(struct call *call)
{
    const struct history_entry *entry = call->route->spec;
    struct history_request *request = ARENA_NEW(call->arena, struct history_request);
    struct str id = call_path_parameter(call, "id");

    request->from = VERSION(1);
    request->limit = HISTORY_LIMIT;
    call_query_number(call, "from", 1, INT64_MAX, &request->from.n);
    call_query_number(call, "limit", 1, HISTORY_LIMIT_MAX, &request->limit);
    if (!call_accepts(call, "application/json") || !call_query_done(call))
        return;
    if (!name_is_id(id)) {
        call_problem(call, "not-found", STR_NONE, "there is nothing of this id");
        return;
    }
    request->stream = arena_printf(call->arena, "%s-" STR_FMT, entry->route->category, STR_ARG(id));
    call->data = request;
    query_submit(call->api->queries, call, read_history);
}

static const struct upcaster *upcasters_of(const struct domain *domain, const char *category)
{
    for (const struct aggregate_type *const *type = domain->aggregates; *type != NULL; type++)
        if (strcmp((*type)->category, category) == 0)
            return (*type)->upcasters;
    return NULL;
}

void history_routes_add(struct api *api, const struct domain *domain,
                        const struct history_route *routes)
{
    for (const struct history_route *route = routes; route->pattern != NULL; route++) {
        struct history_entry *entry = arena_zalloc(api->arena, sizeof *entry);

        *entry = (struct history_entry){.route = route,
                                        .upcasters = upcasters_of(domain, route->category)};
        api_route(api, HTTP_GET, route->pattern, serve_history, entry);
    }
}
