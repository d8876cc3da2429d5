/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/v1/dlq and /admin/v1/audit: dead letters, and who did what about them. */
#include "api/api_internal.h"
#include "api/cursor.h"
#include "api/dlq_json.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/name.h"
#include "eventlog/audit.h"
#include "projection/dead_letter.h"

#include <assert.h>

enum { LIMIT = 50, REQUEST_LIMIT = 100, RATE_MAX = 10000, TEXT_BYTES_MAX = 128 };

static const char *const state_choices[] = {"open",      "redriving", "resolved",
                                            "discarded", "any",       NULL};

struct dlq_call { /* a call's `data` */
    struct letter_filter filter;
    struct letter_request request;
    int64_t limit;
    int64_t before;
    uint64_t list; /* hash of list and filters, for cursors */
};

/* Reading what is asked. */

static void take_text(struct call *call, struct dlq_call *dlq, const char *name, struct str *ret)
{
    if (!call_query_str(call, name, ret))
        return;
    if (ret->len == 0 || ret->len > TEXT_BYTES_MAX)
        faults_add(call->faults, "must be a name", "?%s", name);
    dlq->list = dlq->list * 31 + str_hash(*ret) + str_hash(str_of(name));
}

static void set_state(struct letter_filter *filter, size_t index)
{
    filter->any_state = state_choices[index + 1] == NULL;
    if (!filter->any_state)
        filter->state = str_of(state_choices[index]);
}

static void take_filter(struct call *call, struct dlq_call *dlq)
{
    struct letter_filter *filter = &dlq->filter;
    size_t state = SIZE_MAX;

    take_text(call, dlq, "projection", &filter->projection);
    take_text(call, dlq, "tenant", &filter->tenant);
    take_text(call, dlq, "stream", &filter->stream);
    take_text(call, dlq, "type", &filter->event_type);
    take_text(call, dlq, "class", &filter->class);
    take_text(call, dlq, "code", &filter->code);
    call_query_choice(call, "state", state_choices, &state);
    if (state != SIZE_MAX) {
        set_state(filter, state);
        dlq->list = dlq->list * 31 + state + 1;
    }
}

static void take_page(struct call *call, struct dlq_call *dlq)
{
    struct row_key key;
    struct str cursor;

    dlq->limit = LIMIT;
    call_query_number(call, "limit", 1, LETTERS_LIMIT_MAX, &dlq->limit);
    if (!call_query_str(call, "cursor", &cursor))
        return;
    if (cursor_decode(call->arena, cursor, dlq->list, &key))
        dlq->before = key.value.i64;
    else
        faults_add(call->faults, "is no cursor of this list with these filters", "?cursor");
}

static struct dlq_call *dlq_call_new(struct call *call, const char *list)
{
    struct dlq_call *dlq = ARENA_NEW(call->arena, struct dlq_call);

    dlq->list = str_hash(str_of(list));
    call->data = dlq;
    return dlq;
}

/* The id in the path; false, and 404 answered, when it can be none. */
static bool take_id(struct call *call, int64_t *ret_id)
{
    uint64_t id;

    if (str_to_u64(call_path_parameter(call, "id"), INT64_MAX, &id) && id > 0) {
        *ret_id = (int64_t)id;
        return true;
    }
    call_problem(call, "not-found", STR_NONE, "there is nothing of this id");
    return false;
}

/* Lists. */

static void write_next(struct call *call, struct buf *body, bool more, int64_t last_id)
{
    const struct dlq_call *dlq = call->data;
    /* A cursor names a stream, too; letters have their id alone. */
    struct row_key key = {.value = {.i64 = last_id}, .stream = STR("dlq-id")};

    buf_add_cstr(body, "],\"next_cursor\":");
    if (more)
        json_write_str(body, cursor_encode(call->arena, dlq->list, &key));
    else
        buf_add_cstr(body, "null");
    buf_add_char(body, '}');
    call_json(call, 200, body);
}

static bool read_list(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct dlq_call *dlq = call->data;
    struct letter *letters;
    size_t count;

    if (!letters_list(reader->conn, &dlq->filter, dlq->before, (size_t)dlq->limit, call->arena,
                      &letters, &count, err))
        return false;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        dlq_write_letter(&letters[i], &body);
    }
    write_next(call, &body, count == (size_t)dlq->limit, count > 0 ? letters[count - 1].id : 0);
    return true;
}

static bool read_groups(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct dlq_call *dlq = call->data;
    struct letter_group *groups;
    size_t count;

    if (!letters_group(reader->conn, &dlq->filter, call->arena, &groups, &count, err))
        return false;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        dlq_write_group(&groups[i], &body);
    }
    buf_add_cstr(&body, "]}");
    call_json(call, 200, &body);
    return true;
}

static void serve_list(struct call *call)
{
    static const char *const groupings[] = {"cause", NULL};
    struct dlq_call *dlq = dlq_call_new(call, "dlq");
    size_t grouping = SIZE_MAX;

    if (!call_accepts(call, "application/json"))
        return;
    call_query_choice(call, "group_by", groupings, &grouping);
    take_filter(call, dlq);
    if (grouping == SIZE_MAX)
        take_page(call, dlq);
    if (call_query_done(call))
        query_submit(call->api->queries, call, grouping == SIZE_MAX ? read_list : read_groups);
}

static bool read_audit(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct dlq_call *dlq = call->data;
    struct audit_entry *entries;
    size_t count;

    if (!audit_list(reader->conn, dlq->filter.code, dlq->before, (size_t)dlq->limit, call->arena,
                    &entries, &count, err))
        return false;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        audit_write_entry(&entries[i], &body);
    }
    write_next(call, &body, count == (size_t)dlq->limit, count > 0 ? entries[count - 1].id : 0);
    return true;
}

static void serve_audit(struct call *call)
{
    struct dlq_call *dlq = dlq_call_new(call, "audit");

    if (!call_accepts(call, "application/json"))
        return;
    take_text(call, dlq, "action", &dlq->filter.code);
    take_page(call, dlq);
    if (call_query_done(call))
        query_submit(call->api->queries, call, read_audit);
}

/* One letter. */

static void no_such_letter(struct call *call)
{
    call_problem(call, "not-found", STR_NONE, "there is no dead letter of this id");
}

static bool read_letter(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct dlq_call *dlq = call->data;
    struct letter_shown shown;
    bool found;

    if (!letter_show(reader->conn, dlq->filter.id, call->arena, &shown, &found, err))
        return false;
    if (!found) {
        no_such_letter(call);
        return true;
    }
    dlq_write_shown(&shown, &body);
    call_json(call, 200, &body);
    return true;
}

static void serve_letter(struct call *call)
{
    struct dlq_call *dlq = dlq_call_new(call, "letter");

    if (call_accepts(call, "application/json") && take_id(call, &dlq->filter.id) &&
        call_query_done(call))
        query_submit(call->api->queries, call, read_letter);
}

/* Redrive and discard. */

static void answer_requested(struct call *call, const struct letter_requested *requested)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);

    dlq_write_requested(requested, &body);
    call_json(call, requested->batch > 0 ? 202 : 200, &body);
}

static bool request_many(struct call *call, struct reader *reader, struct error *err)
{
    const struct dlq_call *dlq = call->data;
    struct letter_requested requested;

    if (!letters_request(reader->conn, &dlq->filter, &dlq->request, call->arena, &requested, err))
        return false;
    if (!dlq->request.dry_run)
        log_info("dead letters: a change was asked for", LOG_STR("by", dlq->request.by),
                 LOG_CSTR("verb", dlq->request.verb == LETTER_REDRIVE ? "redrive" : "discard"),
                 LOG_I64("letters", (int64_t)requested.requested));
    answer_requested(call, &requested);
    return true;
}

/* Why nothing was asked for of the one letter. */
static bool explain_one(struct call *call, struct reader *reader,
                        const struct letter_requested *requested, struct error *err)
{
    const struct dlq_call *dlq = call->data;
    struct letter_shown shown;
    bool found;

    if (!letter_show(reader->conn, dlq->filter.id, call->arena, &shown, &found, err))
        return false;
    if (!found)
        no_such_letter(call);
    else if (requested->busy > 0)
        call_problem(call, "letter-state", STR_NONE, "something was asked for it already");
    else if (requested->guarded > 0)
        call_problem(call, "letter-state", STR_NONE,
                     "%d redrives in a row failed with the same cause; \"force\": true tries again",
                     shown.letter.redrives);
    else if (requested->records > 0)
        call_problem(call, "letter-state", STR_NONE,
                     "a record that is not this log's can only be discarded");
    else
        call_problem(call, "letter-state", STR_NONE, "the letter is " STR_FMT,
                     STR_ARG(shown.letter.state));
    return true;
}

static bool request_one(struct call *call, struct reader *reader, struct error *err)
{
    const struct dlq_call *dlq = call->data;
    struct letter_requested requested;

    if (!letters_request(reader->conn, &dlq->filter, &dlq->request, call->arena, &requested, err))
        return false;
    if (requested.requested == 0)
        return explain_one(call, reader, &requested, err);
    answer_requested(call, &requested);
    return true;
}

static void read_verb(struct call *call, struct fields *fields, struct letter_request *request)
{
    if (request->verb == LETTER_DISCARD)
        fields_str(fields, "reason", FIELD_REQUIRED, LETTER_REASON_MAX, &request->reason);
    else
        fields_bool(fields, "force", FIELD_OPTIONAL, &request->force);
    if (request->verb == LETTER_DISCARD && request->reason.data != NULL && request->reason.len == 0)
        faults_add(call->faults, "must say why", "/reason");
}

/* True: the body fits, or the call was answered. */
static bool take_body(struct call *call, bool optional, json_t **ret_body, struct fields *ret)
{
    if (!call_body(call, optional, ret_body))
        return false;
    if (fields_open(ret, *ret_body, "", call->arena, call->faults))
        return true;
    call_faults(call);
    return false;
}

static bool is_faultless(struct call *call)
{
    if (faults_count(call->faults) == 0)
        return true;
    call_faults(call);
    return false;
}

static void serve_one(struct call *call, enum letter_verb verb)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct dlq_call *dlq = dlq_call_new(call, "letter");
    struct fields fields;

    if (!call_accepts(call, "application/json") || !take_id(call, &dlq->filter.id) ||
        !call_query_done(call) || !take_body(call, verb == LETTER_REDRIVE, &body, &fields))
        return;
    dlq->filter.any_generation = true;
    dlq->request = (struct letter_request){.verb = verb, .limit = 1};
    read_verb(call, &fields, &dlq->request);
    fields_done(&fields);
    if (!is_faultless(call))
        return;
    dlq->request.by = admin_requester(call);
    query_submit(call->api->queries, call, request_one);
}

static void serve_redrive(struct call *call)
{
    serve_one(call, LETTER_REDRIVE);
}

static void serve_discard(struct call *call)
{
    serve_one(call, LETTER_DISCARD);
}

static void read_body_filter(struct call *call, json_t *value, struct letter_filter *filter)
{
    struct fields fields;

    if (!fields_open(&fields, value, "/filter", call->arena, call->faults))
        return;
    fields_str(&fields, "projection", FIELD_OPTIONAL, TEXT_BYTES_MAX, &filter->projection);
    fields_str(&fields, "tenant", FIELD_OPTIONAL, TEXT_BYTES_MAX, &filter->tenant);
    fields_str(&fields, "stream", FIELD_OPTIONAL, NAME_STREAM_MAX, &filter->stream);
    fields_str(&fields, "type", FIELD_OPTIONAL, TEXT_BYTES_MAX, &filter->event_type);
    fields_str(&fields, "class", FIELD_OPTIONAL, TEXT_BYTES_MAX, &filter->class);
    fields_str(&fields, "code", FIELD_OPTIONAL, TEXT_BYTES_MAX, &filter->code);
    fields_i64(&fields, "id", FIELD_OPTIONAL, 1, INT64_MAX, &filter->id);
    fields_done(&fields);
}

static void read_many(struct call *call, struct fields *fields, struct dlq_call *dlq)
{
    int64_t limit = REQUEST_LIMIT;
    int64_t rate = 0;
    int64_t burst = 1;
    json_t *filter;

    /* Required, so that a forgotten filter is no order to redrive everything. */
    if (fields_any(fields, "filter", FIELD_REQUIRED, &filter))
        read_body_filter(call, filter, &dlq->filter);
    fields_i64(fields, "limit", FIELD_OPTIONAL, 1, LETTER_REQUEST_MAX, &limit);
    fields_i64(fields, "rate", FIELD_OPTIONAL, 1, RATE_MAX, &rate);
    fields_i64(fields, "burst", FIELD_OPTIONAL, 1, LETTER_REQUEST_MAX, &burst);
    fields_bool(fields, "dry_run", FIELD_OPTIONAL, &dlq->request.dry_run);
    dlq->request.limit = (size_t)limit;
    dlq->request.rate = (struct rate_policy){.per_second = (double)rate, .capacity = (double)burst};
}

static void serve_many(struct call *call, enum letter_verb verb)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct dlq_call *dlq = dlq_call_new(call, "letters");
    struct fields fields;

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !take_body(call, false, &body, &fields))
        return;
    dlq->request.verb = verb;
    read_many(call, &fields, dlq);
    read_verb(call, &fields, &dlq->request);
    fields_done(&fields);
    if (!is_faultless(call))
        return;
    dlq->request.by = admin_requester(call);
    query_submit(call->api->queries, call, request_many);
}

static void serve_redrive_many(struct call *call)
{
    serve_many(call, LETTER_REDRIVE);
}

static void serve_discard_many(struct call *call)
{
    serve_many(call, LETTER_DISCARD);
}

/* What was asked for together. */

static bool answer_batch(struct call *call, struct reader *reader, int64_t id, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    struct letter_batch batch;

    if (!letter_batch_find(reader->conn, id, &batch, err))
        return false;
    if (batch.total == 0) {
        call_problem(call, "not-found", STR_NONE, "nothing was asked for under this number");
        return true;
    }
    dlq_write_batch(&batch, &body);
    call_json(call, 200, &body);
    return true;
}

static bool read_batch(struct call *call, struct reader *reader, struct error *err)
{
    const struct dlq_call *dlq = call->data;

    return answer_batch(call, reader, dlq->filter.id, err);
}

static bool cancel_batch(struct call *call, struct reader *reader, struct error *err)
{
    const struct dlq_call *dlq = call->data;
    size_t cancelled;

    return letter_batch_cancel(reader->conn, dlq->filter.id, admin_requester(call), &cancelled,
                               err) &&
           answer_batch(call, reader, dlq->filter.id, err);
}

static void serve_batch(struct call *call)
{
    struct dlq_call *dlq = dlq_call_new(call, "batch");

    if (call_accepts(call, "application/json") && take_id(call, &dlq->filter.id) &&
        call_query_done(call))
        query_submit(call->api->queries, call, read_batch);
}

static void serve_batch_cancel(struct call *call)
{
    struct dlq_call *dlq = dlq_call_new(call, "batch");

    if (call_accepts(call, "application/json") && take_id(call, &dlq->filter.id) &&
        call_query_done(call) && admin_take_empty_body(call))
        query_submit(call->api->queries, call, cancel_batch);
}

void dlq_routes(struct api *api)
{
    api_route(api, HTTP_GET, "/admin/v1/dlq", serve_list, NULL);
    api_route(api, HTTP_POST, "/admin/v1/dlq/redrive", serve_redrive_many, NULL);
    api_route(api, HTTP_POST, "/admin/v1/dlq/discard", serve_discard_many, NULL);
    api_route(api, HTTP_GET, "/admin/v1/dlq/batches/{id}", serve_batch, NULL);
    api_route(api, HTTP_POST, "/admin/v1/dlq/batches/{id}/cancel", serve_batch_cancel, NULL);
    api_route(api, HTTP_GET, "/admin/v1/dlq/{id}", serve_letter, NULL);
    api_route(api, HTTP_POST, "/admin/v1/dlq/{id}/redrive", serve_redrive, NULL);
    api_route(api, HTTP_POST, "/admin/v1/dlq/{id}/discard", serve_discard, NULL);
    api_route(api, HTTP_GET, "/admin/v1/audit", serve_audit, NULL);
}
