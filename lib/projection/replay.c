/* SPDX-License-Identifier: Apache-2.0 */
#include "projection/replay.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "eventlog/audit.h"
#include "eventlog/identity.h"
#include "postgres/pg.h"
#include "projection/job.h"

enum { ARGUMENTS_BYTES_MAX = 8 << 10 };

static bool is_topic(struct str name)
{
    if (name.len == 0 || name.len > REPLAY_TOPIC_MAX || str_equal(name, STR(".")) ||
        str_equal(name, STR("..")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool refuse(struct error *err, const char *text)
{
    return error_set(err, ERROR_REFUSED, "validation-failed", "%s", text);
}

/* Topics of the log hold each event once: its readers count on it. */
static bool check(const struct replay_request *request, const struct log_identity *identity,
                  struct position head, struct error *err)
{
    struct str prefix = str_of(identity->prefix);

    if (!is_topic(request->topic))
        return refuse(err, "the topic's name must be of a-z, A-Z, 0-9, '.', '_' and '-', 1 to 150 "
                           "long");
    if (str_starts_with(request->topic, prefix) &&
        (request->topic.len == prefix.len || request->topic.data[prefix.len] == '.'))
        return refuse(err, "a topic that begins with the log's own prefix is not replayed to");
    if (request->up_to.n > head.n || request->after.n > head.n)
        return refuse(err, "the range passes the log's head");
    if (request->up_to.n > 0 && request->after.n >= request->up_to.n)
        return refuse(err, "the range is empty: after must be below up_to");
    if (request->filter.since_us != 0 && request->filter.until_us != 0 &&
        request->filter.since_us >= request->filter.until_us)
        return refuse(err, "the time is empty: since must be before until");
    return true;
}

static void add_text(struct buf *out, const char *key, struct str value)
{
    if (value.data)
        json_add_str(out, key, value);
}

static void write_arguments(const struct replay_request *request, struct position head,
                            struct buf *out)
{
    const struct log_filter *f = &request->filter;

    buf_add_char(out, '{');
    json_add_str(out, "topic", request->topic);
    json_add_i64(out, "after", request->after.n);
    json_add_i64(out, "up_to", request->up_to.n > 0 ? request->up_to.n : head.n);
    add_text(out, "tenant", f->tenant);
    add_text(out, "category", f->category);
    add_text(out, "type", f->type);
    if (f->since_us != 0)
        json_add_time(out, "since", f->since_us);
    if (f->until_us != 0)
        json_add_time(out, "until", f->until_us);
    json_add_i64(out, "rate", request->rate);
    buf_add_char(out, '}');
}

static bool add(struct pg_conn *conn, const struct replay_request *request, struct str arguments,
                int64_t *ret_job, struct error *err)
{
    const struct audit_entry entry = {.actor = request->by,
                                      .action = STR("replay.topic"),
                                      .subject = request->topic,
                                      .reason = STR(""),
                                      .detail = arguments};

    return job_add(conn, STR("replay"), STR_NONE, arguments, request->by, ret_job, err) &&
           audit_add(conn, &entry, err) && pg_commit(conn, err);
}

bool replay_ask(struct pg_conn *conn, const struct replay_request *request, int64_t *ret_job,
                struct error *err)
{
    SCOPED_VALUE(buf_release) struct buf arguments = BUF_INIT(ARGUMENTS_BYTES_MAX);
    struct log_identity identity;
    struct position head;

    if (!log_identity_load(conn, &identity, err) || !log_read_head(conn, &head, err) ||
        !check(request, &identity, head, err))
        return false;
    write_arguments(request, head, &arguments);
    if (!pg_begin(conn, err))
        return false;
    if (add(conn, request, buf_str(&arguments), ret_job, err))
        return true;
    pg_rollback(conn);
    return error_wrap(err, "ask for a replay");
}
