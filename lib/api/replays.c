/* SPDX-License-Identifier: Apache-2.0 */
/* POST /admin/v1/replays: a part of the log to a topic once more. */
#include "api/admin_json.h"
#include "api/api_internal.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/name.h"
#include "projection/job.h"
#include "projection/replay.h"

static bool ask(struct call *call, struct reader *reader, struct error *err)
{
    const struct replay_request *request = call->data;
    int64_t id;

    if (!replay_ask(reader->conn, request, &id, err))
        return false;
    log_info("a replay was asked for", LOG_STR("topic", request->topic),
             LOG_STR("by", request->by));
    return admin_answer_job(call, reader, id, 202, err);
}

static void take_name(struct call *call, struct fields *fields, const char *key,
                      bool (*is_one)(struct str), struct str *ret)
{
    if (fields_str(fields, key, FIELD_OPTIONAL, NAME_TYPE_MAX, ret) && !is_one(*ret))
        faults_add(call->faults, "is no such name", "/%s", key);
}

static void read_request(struct call *call, struct fields *fields, struct replay_request *request)
{
    fields_str(fields, "topic", FIELD_REQUIRED, REPLAY_TOPIC_MAX, &request->topic);
    fields_i64(fields, "after", FIELD_OPTIONAL, 0, INT64_MAX, &request->after.n);
    fields_i64(fields, "up_to", FIELD_OPTIONAL, 1, INT64_MAX, &request->up_to.n);
    fields_time(fields, "since", FIELD_OPTIONAL, &request->filter.since_us);
    fields_time(fields, "until", FIELD_OPTIONAL, &request->filter.until_us);
    take_name(call, fields, "tenant", name_is_tenant, &request->filter.tenant);
    take_name(call, fields, "category", name_is_category, &request->filter.category);
    take_name(call, fields, "type", name_is_event_type, &request->filter.type);
    fields_i64(fields, "rate", FIELD_OPTIONAL, 1, REPLAY_RATE_MAX, &request->rate);
}

static void serve_replay(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct replay_request *request = ARENA_NEW(call->arena, struct replay_request);
    struct fields fields;

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !call_body(call, false, &body))
        return;
    if (fields_open(&fields, body, "", call->arena, call->faults)) {
        read_request(call, &fields, request);
        fields_done(&fields);
    }
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    request->by = admin_requester(call);
    call->data = request;
    query_submit(call->api->queries, call, ask);
}

void replay_routes(struct api *api)
{
    api_route(api, HTTP_POST, "/admin/v1/replays", serve_replay, NULL);
}
