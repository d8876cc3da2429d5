/* SPDX-License-Identifier: Apache-2.0 */
/* POST /admin/v1/verify, and what it found. */
#include "api/api_internal.h"
#include "api/admin_json.h"
#include "base/arena.h"
#include "base/log.h"
#include "projection/job.h"
#include "verify/findings.h"
#include "verify/verify_job.h"

enum { LIMIT = 50, KEYS_MAX = 100000000, ARGUMENTS_BYTES_MAX = 256 };

struct verify_call { /* a call's `data` */
    unsigned parts;
    int64_t keys;
    int64_t job;
    int64_t after;
    int64_t limit;
};

static void write_arguments(const struct verify_call *asked, struct buf *out)
{
    static const enum verify_part all[] = {VERIFY_LOG, VERIFY_TOPICS, VERIFY_MODELS};
    const char *comma = "";

    buf_add_cstr(out, "{\"parts\":[");
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!(asked->parts & all[i]))
            continue;
        buf_add_cstr(out, comma);
        json_write_cstr(out, verify_part_name(all[i]));
        comma = ",";
    }
    buf_add_char(out, ']');
    json_add_i64(out, "keys", asked->keys);
    buf_add_char(out, '}');
}

static bool ask_verify(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf arguments = BUF_INIT(ARGUMENTS_BYTES_MAX);
    const struct verify_call *asked = call->data;
    struct str by = admin_requester(call);
    int64_t job;

    write_arguments(asked, &arguments);
    if (!job_add(reader->conn, STR("verify"), STR_NONE, buf_str(&arguments), by, &job, err))
        return false;
    log_info("a verification was asked for", LOG_I64("job", job), LOG_STR("by", by));
    return admin_answer_job(call, reader, job, 202, err);
}

/* "only": at least one of the parts; absent: all. */
static void read_only(struct call *call, struct fields *fields, unsigned *ret_parts)
{
    json_t *only, *name;
    size_t i;

    *ret_parts = VERIFY_ALL;
    if (!fields_array(fields, "only", FIELD_OPTIONAL, 1, 3, &only))
        return;
    *ret_parts = 0;
    json_array_foreach(only, i, name)
    {
        enum verify_part part;

        if (json_is_string(name) && verify_part_parse(str_of(json_string_value(name)), &part))
            *ret_parts |= part;
        else
            faults_add(call->faults, "must be \"log\", \"topics\" or \"models\"", "/only/%zu", i);
    }
}

static void serve_verify(struct call *call)
{
    SCOPED(json_decref) json_t *body = NULL;
    struct verify_call *asked = ARENA_NEW(call->arena, struct verify_call);
    struct fields fields;

    if (!call_accepts(call, "application/json") || !call_query_done(call) ||
        !call_body(call, true, &body))
        return;
    asked->keys = VERIFY_KEYS_DEFAULT;
    if (fields_open(&fields, body, "", call->arena, call->faults)) {
        read_only(call, &fields, &asked->parts);
        fields_i64(&fields, "keys", FIELD_OPTIONAL, 1, KEYS_MAX, &asked->keys);
        fields_done(&fields);
    }
    if (faults_count(call->faults) > 0) {
        call_faults(call);
        return;
    }
    call->data = asked;
    query_submit(call->api->queries, call, ask_verify);
}

static bool read_findings(struct call *call, struct reader *reader, struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf body = BUF_INIT(CALL_BODY_MAX);
    const struct verify_call *asked = call->data;
    struct stored_finding *found;
    size_t count;

    if (!findings_load(reader->conn, asked->job, asked->after, (size_t)asked->limit, call->arena,
                       &found, &count, err))
        return false;
    buf_add_cstr(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        finding_write_json(&found[i].finding, &body);
    }
    buf_add_cstr(&body, "],\"next_after\":");
    buf_add_i64(&body, count > 0 ? found[count - 1].number : asked->after);
    buf_add_char(&body, '}');
    call_json(call, 200, &body);
    return true;
}

static void serve_findings(struct call *call)
{
    struct verify_call *asked = ARENA_NEW(call->arena, struct verify_call);

    if (!call_accepts(call, "application/json") || !admin_take_job(call, &asked->job))
        return;
    asked->limit = LIMIT;
    call_query_number(call, "after", 0, FINDINGS_KEPT, &asked->after);
    call_query_number(call, "limit", 1, FINDINGS_KEPT, &asked->limit);
    call->data = asked;
    if (call_query_done(call))
        query_submit(call->api->queries, call, read_findings);
}

void verify_routes(struct api *api)
{
    api_route(api, HTTP_POST, "/admin/v1/verify", serve_verify, NULL);
    api_route(api, HTTP_GET, "/admin/v1/jobs/{id}/findings", serve_findings, NULL);
}
